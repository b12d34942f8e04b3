"""The completeness ledger: what Salesloft's records showed, and what became of each unit.

A ledger belongs to one organization, one stream of records and one cycle of its poll. It counts a unit once, however
many stakeholders hear of it, and it balances: every unit that was shown was emitted now, was emitted before, belongs to
nobody we know, or is owed. It is published, so that "nothing is lost" can be checked by those who rely on it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

from activity.units import Metric

__all__ = ["Completeness", "Debt", "Ledger", "audit", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """A record that could not be taken in, and how many units it shows at least.

    ``changed_at`` is its ``updated_at``, or an instant before that where it cannot be read. ``reason`` names no values.
    """

    record_id: str
    changed_at: datetime
    reason: str
    units: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """``scanned`` is in records, all else in units.

    ``deduplicated`` units were emitted by an earlier reading. ``fallen`` is by how much counters lie below the highest
    ever seen: units that were emitted and that Salesloft no longer shows, so they are part of no sum. ``owed`` units
    were shown and not emitted: of a cycle that has ended all that its stream still owes, whenever it was read.
    ``debts`` are the records that they belong to, of those that were counted here.
    """

    scanned: int = 0
    emitted: int = 0
    deduplicated: int = 0
    out_of_scope: int = 0
    fallen: int = 0
    owed: int = 0
    debts: tuple[Debt, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        counts = (self.scanned, self.emitted, self.deduplicated, self.out_of_scope, self.fallen, self.owed)
        if min(counts) < 0:
            raise ValueError(f"a ledger counts up from zero, not {counts}")

    def __add__(self, other: "Ledger") -> "Ledger":
        return Ledger(
            scanned=self.scanned + other.scanned,
            emitted=self.emitted + other.emitted,
            deduplicated=self.deduplicated + other.deduplicated,
            out_of_scope=self.out_of_scope + other.out_of_scope,
            fallen=self.fallen + other.fallen,
            owed=self.owed + other.owed,
            debts=self.debts + other.debts,
        )

    @property
    def shown(self) -> int:
        """How many units the scanned records showed."""
        return self.emitted + self.deduplicated + self.out_of_scope + self.owed

    @classmethod
    def of_reading(cls, *, emitted: int, known: int, fallen: int = 0) -> "Ledger":
        """One record of a person we know, whose new units were emitted."""
        return cls(scanned=1, emitted=emitted, deduplicated=known, fallen=fallen)

    @classmethod
    def of_stranger(cls, *, shown: int) -> "Ledger":
        """One record of a person no stakeholder is linked to."""
        return cls(scanned=1, out_of_scope=shown)

    @classmethod
    def of_failure(cls, *, shown: int, debts: tuple[Debt, ...] = ()) -> "Ledger":
        """One record that could not be taken in: owed until it is read again.

        A record that cannot even be counted shows at least the one unit for which it changed.
        """
        return cls(scanned=1, owed=max(1, shown), debts=debts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Of the units that records show, how many were emitted, record by record.

    ``surplus`` units were emitted and are no longer shown: Salesloft took them back. They make up for nothing that is
    owed.
    """

    shown: int = 0
    emitted: int = 0
    surplus: int = 0

    def __add__(self, other: "Completeness") -> "Completeness":
        return Completeness(
            shown=self.shown + other.shown,
            emitted=self.emitted + other.emitted,
            surplus=self.surplus + other.surplus,
        )

    @property
    def owed(self) -> int:
        return self.shown - self.emitted

    @property
    def ratio(self) -> float | None:
        """Emitted by shown, 1.0 being complete; None where nothing was shown."""
        return self.emitted / self.shown if self.shown else None


def audit(shown: Mapping[Metric, int], emitted: Mapping[Metric, int]) -> Completeness:
    """Compares one record's counters with the units that were emitted for it, metric by metric.

    A surplus in one metric does not hide a debt in another.
    """
    return Completeness(
        shown=sum(shown.values()),
        emitted=sum(min(count, emitted.get(metric, 0)) for metric, count in shown.items()),
        surplus=sum(max(0, count - shown.get(metric, 0)) for metric, count in emitted.items()),
    )


def total(ledgers: Iterable[Ledger]) -> Ledger:
    """The sum of ledgers: of a cycle's records, or of several cycles."""
    return reduce(Ledger.__add__, ledgers, Ledger())
