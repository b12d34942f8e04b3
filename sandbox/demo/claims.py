"""What must be so after a run, and what the sender, the service's books, the bus and Salesloft tell of it. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.demo.agreement import Claim, seen
from sandbox.generator import Stream
from schemas.topics import ENROLLMENT_DECISION

__all__ = ["BusEvidence", "Evidence", "UnitRow", "claims", "salesloft_units"]

_BOOKS: Final = "Postgres"
_BUS: Final = "Kafka"
_SALESLOFT: Final = "Salesloft"
_SENT: Final = "sent"

# What the simulator calls a change, and the unit that it is: source, metric, where its id stands.
_UNITS: Final = {
    "email.sent": ("email", "email-sent", "email_id"),
    "email.views": ("email", "email-opened", "email_id"),
    "email.clicks": ("email", "email-clicked", "email_id"),
    "email.replies": ("email", "email-replied", "email_id"),
    "email.bounced": ("email", "email-bounced", "email_id"),
    "call.logged": ("call", "call-logged", "call_id"),
    "step.completed": ("history", "step-completed", "history_id"),
    "person.do_not_contact": ("history", "unsubscribed", "history_id"),
}
_METRICS: Final = frozenset(metric for _, metric, _ in _UNITS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """A unit of activity in the books, told to one stakeholder."""

    event_id: str
    source: str
    source_id: str
    metric: str
    ordinal: int
    person_id: int

    @property
    def name(self) -> str:
        """What it is, whomever it was told to."""
        return f"{self.source}:{self.source_id}:{self.metric}:{self.ordinal}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BusEvidence:
    """What an independent reader found on the topics.

    `published` are topics by event id, `requests` enrollment and digest by event id, `changes` the new state by
    enrollment and sequence, `memberships` Salesloft's membership by the same, `activity` kinds by event id,
    `dead_letters` codes by the record's mark.
    """

    published: Mapping[str, str]
    requests: Mapping[str, tuple[str, str]]
    changes: Mapping[tuple[str, int], str]
    memberships: Mapping[tuple[str, int], int]
    decisions: Collection[str]
    activity: Mapping[str, str]
    dead_letters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What every witness told.

    `decided` are the event ids of the desk's decisions. Of the books: `taken` is topic, source and event id; `history`
    enrollment, sequence and new state; `digests` by enrollment; `memberships` Salesloft's ids of those that enrollments
    made; `outbox` event id and topic; `erased_people` Salesloft's ids. `writes` and `life` are its journals.
    """

    stream: Stream
    decided: Sequence[str]
    bus: BusEvidence
    taken: Sequence[tuple[str, str, str]]
    history: Sequence[tuple[str, int, str]]
    digests: Mapping[str, str]
    decisions: Sequence[str]
    memberships: Sequence[int]
    units: Sequence[UnitRow]
    outbox: Sequence[tuple[str, str]]
    erased_people: frozenset[int]
    writes: Sequence[Mapping[str, Any]]
    life: Sequence[Mapping[str, Any]]


def claims(evidence: Evidence) -> list[Claim]:
    """Everything that must be so, in the order of the journey."""
    return [
        *_intake(evidence),
        *_questions(evidence),
        *_enrollments(evidence),
        *_activity(evidence),
        Claim(
            "what was to be told was told",
            {
                _BOOKS: seen(f"{topic}/{event_id}" for event_id, topic in evidence.outbox),
                _BUS: seen(f"{topic}/{event_id}" for event_id, topic in evidence.bus.published.items()),
            },
        ),
    ]


def salesloft_units(life: Iterable[Mapping[str, Any]], *, without: Collection[int] = ()) -> list[str]:
    """The units that the simulator's life made, but for those of some people."""
    found = []
    for change in life:
        unit = _UNITS.get(change["kind"])
        if unit is not None and change["person_id"] not in without:
            source, metric, place = unit
            found.append(f"{source}:{change[place]}:{metric}:{change.get('value', 1)}")
    return found


def _intake(evidence: Evidence) -> Iterable[Claim]:
    stream, taken = evidence.stream, evidence.taken
    events = [
        event_id for topic, source, event_id in taken if source != "tombstone" and topic != ENROLLMENT_DECISION.name
    ]
    yield Claim(
        "every good event was taken in, each once", {_SENT: seen(stream.good - stream.erased), _BOOKS: seen(events)}
    )
    yield Claim(
        "every erasure was taken in",
        {
            _SENT: Counter(record.topic for record in stream.records if record.id in stream.erased),
            _BOOKS: Counter(topic for topic, source, _ in taken if source == "tombstone"),
        },
    )
    yield Claim(
        "every broken record is a dead letter with its reason",
        {
            _SENT: seen(f"{mark} {code}" for mark, code in stream.malformed.items()),
            _BUS: seen(f"{mark} {code}" for mark, code in evidence.bus.dead_letters.items()),
        },
    )


def _questions(evidence: Evidence) -> Iterable[Claim]:
    asked = evidence.bus.requests.values()
    yield Claim(
        "every enrollment was asked for, once for each time it was requested",
        {
            _BOOKS: seen(enrollment for enrollment, _, to in evidence.history if to == "requested"),
            _BUS: seen(enrollment for enrollment, _ in asked),
        },
    )
    kept = evidence.digests
    yield Claim(
        "what was asked last is what is kept",
        {
            _BOOKS: seen(f"{enrollment} {digest}" for enrollment, digest in kept.items()),
            # What was asked before and is stale differs from what is kept, and is no part of the claim.
            _BUS: seen({f"{one} {digest}" for one, digest in asked if kept.get(one) in {None, digest}}),
        },
    )
    yield Claim(
        "every decision of an approver arrived",
        {
            "approval desk": seen(evidence.decided),
            _BUS: seen(evidence.bus.decisions),
            _BOOKS: seen(evidence.decisions),
        },
    )


def _enrollments(evidence: Evidence) -> Iterable[Claim]:
    history, changes = evidence.history, evidence.bus.changes
    yield Claim(
        "every change of an enrollment was told",
        {
            _BOOKS: seen(f"{enrollment}#{number} {to}" for enrollment, number, to in history),
            _BUS: seen(f"{enrollment}#{number} {to}" for (enrollment, number), to in changes.items()),
        },
    )
    yield Claim(
        "who was enrolled was told so",
        {
            _BOOKS: seen({enrollment for enrollment, _, to in history if to == "enrolled"}),
            _BUS: seen({enrollment for (enrollment, _), to in changes.items() if to == "enrolled"}),
        },
    )
    yield Claim(
        "every enrollment is a membership in Salesloft, and no other was made",
        {
            _BOOKS: seen(map(str, evidence.memberships)),
            _BUS: seen(map(str, evidence.bus.memberships.values())),
            _SALESLOFT: seen(
                str(key)
                for write in evidence.writes
                if write["resource"] == "cadence_memberships" and write["method"] == "POST"
                for key in write["ids"]
            ),
        },
    )


def _activity(evidence: Evidence) -> Iterable[Claim]:
    told = [unit for unit in evidence.units if unit.metric in _METRICS]
    erased = evidence.erased_people
    yield Claim(
        "every unit of activity was seen, and none made up",
        {
            _SALESLOFT: seen(salesloft_units(evidence.life, without=erased)),
            # A unit of a person whom several stakeholders share is told to each, and counted once.
            _BOOKS: seen({unit.name for unit in told if unit.person_id not in erased}),
        },
    )
    yield Claim(
        "every unit of activity was told to its stakeholder",
        {
            _BOOKS: seen(f"{unit.event_id} {unit.metric}" for unit in told),
            _BUS: seen(f"{event_id} {kind}" for event_id, kind in evidence.bus.activity.items()),
        },
    )
