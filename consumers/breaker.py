"""Tells a broken topic from a broken organization, by the row of failures that it sees."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

__all__ = ["Alarm", "Breaker", "BreakerOptions", "Judgement", "Verdict"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakerOptions:
    """A topic is stopped once `row` of its records failed one after the other, of at least `organizations` of them."""

    row: int = 100
    organizations: int = 3

    def __post_init__(self) -> None:
        if self.row < 1 or self.organizations < 1:
            raise ValueError("a row and its organizations are at least 1")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one record. `organization` is the one that its key names, None where the key names none."""

    topic: str
    failed: bool
    organization: str | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """A long row that is one organization's, or of too few to blame the topic: it went on into the dead letters."""

    topic: str
    organizations: tuple[str, ...]
    failures: int


@dataclass(frozen=True, slots=True)
class _Row:
    failures: int = 0
    organizations: frozenset[str] = frozenset()
    # Nobody can say that two records without an organization are one organization's, so each counts for itself.
    nameless: int = 0

    def longer(self, organization: str | None) -> "_Row":
        if organization is None:
            return replace(self, failures=self.failures + 1, nameless=self.nameless + 1)
        return _Row(self.failures + 1, self.organizations | {organization}, self.nameless)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a piece of work would do to the rows: nothing is changed until `Breaker.accept`."""

    stopped: frozenset[str]
    alarms: tuple[Alarm, ...]
    rows: dict[str, _Row] = field(repr=False)


class Breaker:
    """The rows of one consumer's topics. Synchronous; judged before a commit, accepted after it."""

    def __init__(self, options: BreakerOptions) -> None:
        self._options = options
        self._rows: dict[str, _Row] = {}
        self._stopped: set[str] = set()

    @property
    def stopped(self) -> frozenset[str]:
        """The topics that wait for a person."""
        return frozenset(self._stopped)

    def judge(self, verdicts: Iterable[Verdict]) -> Judgement:
        """What these records, in their order, would mean."""
        rows: dict[str, _Row] = {}
        stopped: set[str] = set()
        alarms: list[Alarm] = []
        for verdict in verdicts:
            topic = verdict.topic
            if not verdict.failed:
                rows[topic] = _Row()
                continue
            row = rows[topic] = rows.get(topic, self._rows.get(topic, _Row())).longer(verdict.organization)
            if row.failures < self._options.row:
                continue
            if len(row.organizations) + row.nameless >= self._options.organizations:
                stopped.add(topic)
            elif row.failures % self._options.row == 0:
                alarms.append(Alarm(topic, tuple(sorted(row.organizations)), row.failures))
        return Judgement(frozenset(stopped), tuple(alarms), rows)

    def sound(self, topics: Iterable[str]) -> None:
        """These topics had records and none of them failed."""
        for topic in topics:
            self._rows.pop(topic, None)

    def accept(self, judgement: Judgement) -> None:
        """The work is committed: its rows count."""
        self._rows.update(judgement.rows)

    def stop(self, topics: Iterable[str]) -> None:
        """These topics wait for a person from now on."""
        self._stopped.update(topics)

    def reset(self, topics: Sequence[str] = ()) -> None:
        """A person looked: begin the rows of these topics, or of all, anew."""
        for topic in topics or tuple(self._stopped | self._rows.keys()):
            self._rows.pop(topic, None)
            self._stopped.discard(topic)
