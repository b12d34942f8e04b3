"""What a mapping allows besides who fits it: how often, how many at a time, and a share that is left out to compare.

At decision all of it is asked of what is known then: the runs that are stored, and who is on which cadence. What is
limited in number is counted again when the work is claimed, under a lock, and that count alone is the limit's.
"""

import hashlib
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Lookup
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from enrollment.states import ACTIVE
from enrollment.working_time import WorkingTime
from schemas.vocabulary import EnrollmentState, Reason, TriggerType

__all__ = [
    "CLAIMED",
    "AtMost",
    "Cap",
    "Counted",
    "ExclusiveBy",
    "IfNotActive",
    "Limits",
    "Once",
    "PastRun",
    "PolicyFacts",
    "Reentry",
    "Refused",
    "held_out",
    "refusal",
]


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Once(_Value):
    """A stakeholder runs once, whatever the business key."""

    kind: Literal["once"] = "once"


class IfNotActive(_Value):
    """Again when no other run is open: asked for, waiting, or on the cadence."""

    kind: Literal["if_not_active"] = "if_not_active"


class AtMost(_Value):
    """So many runs begun within so many days, the new one included."""

    kind: Literal["at_most"] = "at_most"
    times: int = Field(ge=1, le=1000)
    within_days: int = Field(ge=1, le=3660)


Reentry = Annotated[Once | IfNotActive | AtMost, Field(discriminator="kind")]


class Counted(StrEnum):
    """Of whom enrollments are counted: of those who are contacted, or of what is spent on them."""

    STAKEHOLDER = "stakeholder"
    ACCOUNT = "account"
    SENDER = "sender"
    MAPPING = "mapping"

    @property
    def reason(self) -> Reason:
        """Why one waits for such a cap."""
        return Reason.FREQUENCY_CAPPED if self in _CONTACTED else Reason.QUOTA_REACHED


_CONTACTED = frozenset({Counted.STAKEHOLDER, Counted.ACCOUNT})


class Cap(_Value):
    """At most so many enrollments are begun within so many hours, counted back from each.

    Of a stakeholder, an account (the customer) and a sender all of the organization's enrollments count, whichever
    mapping made them.
    """

    per: Counted
    at_most: int = Field(ge=1, le=100_000)
    within_hours: int = Field(ge=1, le=24 * 366)

    @property
    def within(self) -> timedelta:
        """How far back is counted."""
        return timedelta(hours=self.within_hours)


ExclusiveBy = Literal["stakeholder", "email"]


class Limits(_Value):
    """What a mapping's policy limits, and how.

    Where `exclusive_by` is set, nobody begins while the stakeholder, or anybody with the same address, is on another
    cadence of the mapping's exclusivity group. `hold_out_percent` of those who would be asked for are not.
    """

    working_time: WorkingTime | None = None
    reentry: Reentry | None = None
    caps: tuple[Cap, ...] = Field((), max_length=20)
    exclusive_by: ExclusiveBy | None = None
    hold_out_percent: float = Field(0, ge=0, le=100)

    @property
    def ask_history(self) -> bool:
        """Whether deciding needs a stakeholder's past runs."""
        return self.reentry is not None or bool(self.caps) or self.exclusive_by is not None


CLAIMED = ACTIVE | {EnrollmentState.COMPLETED, EnrollmentState.REMOVED, EnrollmentState.EXITED}
"""Counts against caps: the work was claimed, and it did not end without a membership."""
_WAITING = frozenset(
    {EnrollmentState.REQUESTED, EnrollmentState.APPROVED, EnrollmentState.SCHEDULED, EnrollmentState.STALE}
)


# One is made for each request, and a frozen one takes three times as long to make.
@dataclass(slots=True, kw_only=True)
class PastRun:
    """An enrollment of a stakeholder that did not expire and was not withdrawn; `trigger_type` is None if manual."""

    trigger_type: TriggerType | None
    exclusivity_group: str
    business_key: str | None
    state: EnrollmentState
    begun_at: datetime
    claimed_at: datetime | None


@dataclass(slots=True)
class PolicyFacts:
    """What limits ask besides the situation; nothing of it is read where no policy of the organization asks.

    `runs` are the customer's, by stakeholder. `active` says, by stakeholder, who of those with the same address is on a
    cadence of which group. `suppressed` are the stakeholders whom the organization has put on its list.
    """

    runs: dict[str, list[PastRun]] = field(default_factory=dict)
    active: Lookup[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    suppressed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A policy's no. `again_at` is when it may be worth asking again, None where it will stay a no."""

    reason: Reason
    again_at: datetime | None = None


# How soon to look again where nothing tells when it will end.
_LATER = timedelta(days=1)


def refusal(
    limits: Limits,
    facts: PolicyFacts,
    *,
    stakeholder_id: str,
    trigger_type: TriggerType,
    exclusivity_group: str,
    business_key: str,
    now: datetime,
) -> Refused | None:
    """Why limits let nobody be asked for now, or None. A run of the same key is not its concern."""
    if not limits.ask_history:
        return None
    own = facts.runs.get(stakeholder_id, ())
    others = [
        run
        for run in own
        if (run.trigger_type, run.exclusivity_group) == (trigger_type, exclusivity_group)
        and run.business_key != business_key
    ]
    if limits.reentry is not None and _reentry_capped(limits.reentry, others, now):
        return Refused(Reason.REENTRY_CAPPED)
    if limits.exclusive_by is not None:
        busy = any(run.exclusivity_group == exclusivity_group and run.state in ACTIVE for run in own)
        if limits.exclusive_by == "email":
            busy = busy or any(group == exclusivity_group for _, group in facts.active.get(stakeholder_id, ()))
        if busy:
            return Refused(Reason.EXCLUSIVE_CADENCE_ACTIVE, now + _LATER)
    capped = [one for one in (_capped(cap, own, facts, now) for cap in limits.caps) if one is not None]
    return max(capped, key=lambda one: one.again_at or now, default=None)


def _reentry_capped(rule: Once | IfNotActive | AtMost, others: Sequence[PastRun], now: datetime) -> bool:
    match rule:
        case Once():
            return bool(others)
        case IfNotActive():
            return any(run.state in ACTIVE or run.state in _WAITING for run in others)
        case AtMost(times=times, within_days=days):
            since = now - timedelta(days=days)
            return sum(run.begun_at > since for run in others) >= times


def _capped(cap: Cap, own: Iterable[PastRun], facts: PolicyFacts, now: datetime) -> Refused | None:
    """A forecast: who waits already goes first. Senders and mappings are asked at the claim alone."""
    if cap.per not in _CONTACTED:
        return None
    of_account = cap.per is Counted.ACCOUNT
    runs = [run for of_one in facts.runs.values() for run in of_one] if of_account else list(own)
    waiting = sum(run.state in _WAITING for run in runs)
    claims = sorted(
        (
            run.claimed_at
            for run in runs
            if run.state in CLAIMED and run.claimed_at is not None and run.claimed_at > now - cap.within
        ),
        reverse=True,
    )
    left = cap.at_most - waiting
    if left <= 0:
        return Refused(cap.per.reason, now + _LATER)
    return Refused(cap.per.reason, claims[left - 1] + cap.within) if len(claims) >= left else None


def held_out(mapping_id: UUID, stakeholder_id: str, percent: float) -> bool:
    """Whether a stakeholder belongs to the share that a mapping leaves out.

    Rests on the two ids alone: the same in any order, on any replica and under every version of the mapping; a share
    that grows keeps whom it had.
    """
    if percent <= 0:
        return False
    drawn = hashlib.sha256(f"hold-out/{mapping_id}/{stakeholder_id}".encode()).digest()[:8]
    return int.from_bytes(drawn, "big") < percent / 100 * 2**64
