"""The line of time of a stakeholder or a customer, a page at a time."""

from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from schemas.fields import KeptInstant
from storage import timeline
from storage.timeline import Happened, HappenedKind, Place
from web.paging import Paging
from web.reading.asking import Looked

__all__ = ["HistoryEntry", "HistoryPage"]

_INSTANTS = frozenset({"until", "due_at", "occurred_from", "noticed_at"})


class HappenedIn(Looked):
    """A cadence."""

    id: int
    name: str | None


class HappenedAt(Looked):
    """A step, `number` of those of its cadence."""

    number: int
    name: str | None
    type: str | None


class HappenedAs(Looked):
    """A user of Salesloft's in whose name a cadence runs."""

    user_id: int
    name: str | None


class HistoryEntry(Looked):
    """One thing that has happened. `what` is in the field's own word, `why` a reason code or a person's words."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "at": "2026-11-24T09:00:02.000000Z",
                    "kind": "state",
                    "stakeholder_id": "sth-9",
                    "enrollment_id": "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
                    "what": "enrolled",
                    "who": None,
                    "why": None,
                    "detail": {"from": "enrolling", "actor": "service"},
                    "stakeholder_name": "Ann Lee",
                    "cadence": {"id": 456, "name": "Renewal 90"},
                    "step": None,
                    "sender": None,
                }
            ]
        }
    )

    at: KeptInstant
    kind: HappenedKind
    stakeholder_id: str
    enrollment_id: UUID | None
    what: str
    who: str | None = Field(description="A user of the platform.")
    why: str | None
    detail: dict[str, Any]
    stakeholder_name: str | None = Field(description="As it is now; null of somebody erased.")
    cadence: HappenedIn | None
    step: HappenedAt | None = Field(description="Null where none is named, or the cadence has it no more.")
    sender: HappenedAs | None = Field(description="The sender that was asked for, where another one was.")


class HistoryPage:
    """A page of what has happened: the question that it rests on, and what it tells once that is answered."""

    def __init__(
        self, organization_id: str, page: Paging, *, stakeholder_id: str | None = None, customer_id: str | None = None
    ) -> None:
        self._page = page
        self._asked = (organization_id, stakeholder_id, customer_id)
        place = page.after(self._asked, datetime, int, int, str)
        self.question = timeline.before(
            organization_id,
            Place(*place) if place[0] is not None else None,
            stakeholder_id=stakeholder_id,
            customer_id=customer_id,
            limit=page.limit + 1,
        )

    def told(self) -> tuple[list[HistoryEntry], str | None]:
        """The entries, the latest first, and the cursor of the next page."""
        items, following = self._page.cut(self._asked, self.question.rows, lambda one: one.stands_at)
        return [_entry(one) for one in items], following


def _entry(one: Happened) -> HistoryEntry:
    return HistoryEntry(
        at=one.at,
        kind=HappenedKind(one.kind),
        stakeholder_id=one.stakeholder_id,
        enrollment_id=one.enrollment_id,
        what=one.what,
        who=one.who,
        why=one.why,
        detail=_spelt(one.detail),
        stakeholder_name=one.stakeholder_name,
        cadence=_cadence(one.cadence_id, one.cadence_name) if one.cadence_id is not None else None,
        step=_step(one.step, one.step_name, one.step_type) if one.step is not None else None,
        sender=(
            HappenedAs(user_id=one.sender_user_id, name=one.sender_name) if one.sender_user_id is not None else None
        ),
    )


# A page names the same few of them over and over.
@lru_cache(maxsize=1024)
def _cadence(id_: int, name: str | None) -> HappenedIn:
    return HappenedIn(id=id_, name=name)


@lru_cache(maxsize=1024)
def _step(number: int, name: str | None, type_: str | None) -> HappenedAt:
    return HappenedAt(number=number, name=name, type=type_)


def _spelt(detail: dict[str, Any]) -> dict[str, Any]:
    """With its instants as we spell them: Postgres leaves out zeros at the end, and its zone is always ours."""
    for name in _INSTANTS & detail.keys():
        if detail[name] is not None:
            seconds, _, fraction = detail[name].removesuffix("+00:00").partition(".")
            detail[name] = f"{seconds}.{fraction:0<6}Z"
    return detail
