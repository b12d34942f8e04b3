"""What an approval is bound to, and whether a decision counts.

The digest covers what would be done and why, and of each predicate the verdict, not the value: a health score that
moves from 36 to 35 is shown to the approver and leaves an approval good.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from schemas.vocabulary import EnrollmentState

__all__ = ["Bound", "Ignored", "Question", "differences", "digest", "judge"]


@dataclass(slots=True, kw_only=True)
class Bound:
    """Everything that an approval is bound to. `verdicts` are (predicate, holds)."""

    stakeholder_id: str
    email: str
    cadence_id: int
    start_step_id: int
    start_date: date
    sender_user_id: int
    custom_fields: dict[str, str]
    mapping_id: UUID | None
    mapping_version: int | None
    exclusivity_group: str
    business_key: str | None
    verdicts: Sequence[tuple[str, bool]]


def digest(bound: Bound) -> str:
    """`sha256:` and the hex digest of the bound facts in one canonical spelling."""
    return "sha256:" + hashlib.sha256(_canonical(bound)).hexdigest()


def _canonical(bound: Bound) -> bytes:
    return orjson.dumps(
        (
            bound.stakeholder_id,
            bound.email,
            bound.cadence_id,
            bound.start_step_id,
            bound.start_date,
            bound.sender_user_id,
            bound.custom_fields,
            bound.mapping_id,
            bound.mapping_version,
            bound.exclusivity_group,
            bound.business_key,
            bound.verdicts,
        ),
        option=orjson.OPT_SORT_KEYS,
    )


# How a bound fact is called where people read of it.
_NAMES = {
    "email": "stakeholder.email",
    "cadence_id": "action.cadence.id",
    "start_step_id": "action.start_step.id",
    "start_date": "action.start_date",
    "sender_user_id": "action.sender.user_id",
    "custom_fields": "action.custom_fields",
    "mapping_version": "why.mapping.version",
    "mapping_id": "why.mapping.id",
    "exclusivity_group": "why.exclusivity_group",
}


def differences(was: Bound, is_: Bound) -> list[dict[str, Any]]:
    """What changed, as the `changed_since` of an approval request: field, was, is."""
    changes: list[dict[str, Any]] = [
        {"field": name, "was": getattr(was, attribute), "is": getattr(is_, attribute)}
        for attribute, name in _NAMES.items()
        if getattr(was, attribute) != getattr(is_, attribute)
    ]
    verdicts_before, verdicts_now = dict(was.verdicts), dict(is_.verdicts)
    changes.extend(
        {"field": predicate, "was": verdicts_before.get(predicate), "is": verdicts_now.get(predicate)}
        for predicate in dict.fromkeys([*verdicts_before, *verdicts_now])
        if verdicts_before.get(predicate) != verdicts_now.get(predicate)
    )
    return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a decision must fit: the enrollment as it stands.

    `asked_again_at` is set once the first request was stale.
    """

    state: EnrollmentState
    request_digest: str
    asked_again_at: datetime | None
    expires_at: datetime
    requested_by_user: str | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """The decision does not count, and why: a stable code."""

    because: str


def judge(
    question: Question | None,
    *,
    request_digest: str,
    decided_at: datetime,
    decided_by: str,
    self_approval_allowed: bool,
) -> Ignored | None:
    """Whether a decision counts: None if it does.

    `question` is None where the decision's own organization and customer have no such enrollment. In time is judged
    by the decision's own instant, however late it was delivered.
    """
    if question is None:
        return Ignored("unknown_enrollment")
    if request_digest != question.request_digest:
        return Ignored("digest_mismatch")
    if question.state is not EnrollmentState.REQUESTED:
        return Ignored(f"already_{question.state.value}")
    own = question.requested_by_user == decided_by and not self_approval_allowed
    return _untimely(question, decided_at) or (Ignored("own_request") if own else None)


def _untimely(question: Question, decided_at: datetime) -> Ignored | None:
    if question.asked_again_at is not None and decided_at < question.asked_again_at:
        # The terms may be the very same as the first time, and an answer to that question still under way.
        return Ignored("decided_before_request")
    return Ignored("decided_after_expiry") if decided_at > question.expires_at else None
