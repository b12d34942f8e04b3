"""Dead letters over HTTP: an organization's own records that could not be processed, and sending them back.

Only a record that all its parts say to be this organization's is here: any other is told to nobody, and not counted.
Where it lies in its topic is not told either, for places in a topic count everybody's records.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.fields import Instant
from schemas.topics import TOPICS, Direction
from storage import dead_letters
from storage.dead_letters import LetterLook, LetterStage, LetterState, RedriveLook
from storage.pool import Connection, Database
from web.described import problems
from web.idempotency import operation_id, repeatable
from web.paging import Paging, paging
from web.problems import Problem, absent
from web.reading.asking import Looked, Looking, Page, anybody
from web.security import Caller, CallerRole, having_role
from workflows.dead_letters import (
    MOST_AT_ONCE,
    LettersMoved,
    LettersPlan,
    LettersWanted,
    NothingWaits,
    plan_letters,
    send_back,
)

__all__ = ["dead_letter_routes"]

_TOPICS: Final = frozenset(topic.name for topic in TOPICS if topic.direction is not Direction.OUT)
_ID: Final = "0190b3a0-55d1-5f0e-9d0a-3f5f6a7b8c9d"
_TOPIC: Final = "cscx.lifecycle.at-risk.v1"
_HASH: Final = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_LETTER: Final[dict[str, Any]] = {
    "id": _ID,
    "topic": _TOPIC,
    "subject_id": "cus-7",
    "event_id": "evt-1",
    "event_type": "ai.cscx.lifecycle.at-risk.v1",
    "correlation_id": "evt-1",
    "stage": "validate",
    "reason_code": "bad_data",
    "reason": "customer.health_score: Input should be less than or equal to 100",
    "attempts": 1,
    "replays": 0,
    "failed_at": "2026-11-25T10:30:04.000000Z",
    "state": "waiting",
    "came_back_from": None,
    "redrive_id": None,
}
_WANTED: Final[dict[str, Any]] = {"topic": _TOPIC, "reason_codes": ["bad_data"]}
_Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
_TopicFilter = Annotated[
    str | None, Query(max_length=200, pattern=r"^[a-z0-9.\-]+$", description="Only what failed in this topic.")
]
_CodeFilter = Annotated[_Code | None, Query(description="Only what failed for this reason.")]
_StateFilter = Annotated[
    LetterState | None,
    Query(description="Only what waits to be sent back, is too large for that, was sent back, parked or erased."),
]


class LetterTold(Looked):
    """A record that could not be processed, and why.

    `subject_id` is of the customer, or in the directory's topic of stakeholders of the stakeholder, as the record's key
    names it. `replays` counts how often it had been sent back before it failed this time, `came_back_from` by which
    redrive the last time; `redrive_id` has sent it back since. What is `too_large` only an operator can send back.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_LETTER]})

    id: UUID
    topic: str
    subject_id: str | None
    event_id: str | None
    event_type: str | None
    correlation_id: str | None
    stage: LetterStage
    reason_code: str
    reason: str = Field(description="For people; addresses and secrets are taken out of it.")
    attempts: int
    replays: int
    failed_at: Instant
    state: LetterState
    came_back_from: UUID | None
    redrive_id: UUID | None


class LetterDetail(Looked):
    """A dead letter and the shape of what it says: ids as they are, of anything else the kind of value alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "letter": _LETTER,
                    "record": {
                        "organization_id": "org-1",
                        "customer": {"id": "cus-7", "name": "text of 4 characters", "health_score": "a number"},
                    },
                    "read_at": "2026-11-25T10:31:00.000000Z",
                }
            ]
        }
    )

    letter: LetterTold
    record: Any = Field(description="Null where the record is no JSON.")
    read_at: Instant


class Wanted(BaseModel):
    """Which dead letters: of a topic, for these reasons, or those of these ids; all that wait where nothing is said."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_WANTED]})

    topic: Annotated[str, Field(max_length=200)] | None = None
    reason_codes: Annotated[list[_Code], Field(min_length=1, max_length=50)] | None = None
    ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_AT_ONCE)] | None = None

    @model_validator(mode="after")
    def _consumed(self) -> "Wanted":
        if self.topic is not None and self.topic not in _TOPICS:
            raise ValueError(f"the topic is none of those that are consumed: {', '.join(sorted(_TOPICS))}")
        return self

    def meant(self) -> LettersWanted:
        """As the workflow takes it."""
        return LettersWanted(
            topic=self.topic,
            codes=None if self.reason_codes is None else tuple(self.reason_codes),
            ids=None if self.ids is None else tuple(self.ids),
        )


class PlannedRedrive(Wanted):
    """What was planned, and the `hash` that the plan had."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WANTED | {"plan": _HASH}]})

    plan: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class ReasonCount(Looked):
    """How many of a topic failed for a reason."""

    topic: str
    reason_code: str
    letters: int


class RedrivePlanTold(Looked):
    """What would be sent back: the earliest. `parked` of them had their last replay: they are put aside instead.

    `hash` stands for exactly these letters; `has_more` says that others wait behind them.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "letters": 2,
                    "parked": 0,
                    "unmended": 0,
                    "by_reason": [{"topic": _TOPIC, "reason_code": "bad_data", "letters": 2}],
                    "has_more": False,
                    "hash": _HASH,
                }
            ]
        }
    )

    letters: int
    parked: int
    unmended: int = Field(
        description="How many would go back and very likely fail again, for nothing about the record has changed."
    )
    by_reason: list[ReasonCount]
    has_more: bool
    hash: str


class RedriveTold(Looked):
    """What was sent back, and how far it is.

    `leaving` have not reached their topic yet; `failed_again` are dead letters once more. What is neither, and was not
    parked, has been taken or waits in its topic.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID,
                    "state": "sent",
                    "letters": 2,
                    "parked": 0,
                    "leaving": 0,
                    "failed_again": 1,
                    "requested_by": "usr-4",
                    "requested_at": "2026-11-25T10:31:00.000000Z",
                }
            ]
        }
    )

    id: UUID
    state: Literal["leaving", "sent"]
    letters: int
    parked: int
    leaving: int
    failed_again: int
    requested_by: str
    requested_at: Instant


_WHEN_MOVED: Final = problems(
    {
        409: "Nothing of it waits to be sent back, or the key's request is under way.",
        412: "What would be sent back is not what the plan said.",
    }
)


def dead_letter_routes(database: Database, looking: Looking) -> APIRouter:
    """`/api/salesloft/dead-letters`: the list, one of them, `.../plan`, and `.../redrives`."""
    routes = APIRouter(prefix="/api/salesloft/dead-letters", tags=["dead letters"])
    who = anybody(looking)
    admin = having_role(looking.callers, CallerRole.ADMIN)

    @routes.get("")
    async def listed(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        topic: _TopicFilter = None,
        reason_code: _CodeFilter = None,
        state: _StateFilter = None,
    ) -> Page[LetterTold]:
        """The organization's records that could not be processed, the latest first."""
        question = (caller.organization_id, "dead-letters", topic, reason_code, state)
        async with looking.of(caller) as connection:
            found = await dead_letters.look_at_letters(
                connection,
                caller.organization_id,
                topic=topic,
                code=reason_code,
                state=state,
                before=_place(page, question),
                limit=page.limit + 1,
            )
        items, following = page.cut(question, found, lambda one: (one.failed_at, one.id))
        return Page[LetterTold](
            items=[_letter(one) for one in items], next_cursor=following, read_at=looking.clock.now()
        )

    @routes.post("/plan")
    @repeatable
    async def plan(wanted: Wanted, caller: Annotated[Caller, Depends(admin)]) -> RedrivePlanTold:
        """What would be sent back; nothing is."""
        async with database.transaction() as connection:
            return _planned(await plan_letters(connection, caller.organization_id, wanted.meant()))

    @routes.get("/redrives")
    async def redrives(
        caller: Annotated[Caller, Depends(who)], page: Annotated[Paging, Depends(paging)]
    ) -> Page[RedriveTold]:
        """What the organization has sent back, the latest first."""
        question = (caller.organization_id, "dead-letter-redrives")
        async with database.connection() as connection:
            found = await dead_letters.look_at_redrives(
                connection, caller.organization_id, before=_place(page, question), limit=page.limit + 1
            )
        items, following = page.cut(question, found, lambda one: (one.requested_at, one.id))
        return Page[RedriveTold](
            items=[_redrive(one) for one in items], next_cursor=following, read_at=looking.clock.now()
        )

    @routes.post("/redrives", status_code=202, responses=_WHEN_MOVED)
    @repeatable
    async def redrive(
        wanted: PlannedRedrive,
        response: Response,
        caller: Annotated[Caller, Depends(admin)],
        redrive_id: Annotated[UUID, Depends(operation_id)],
    ) -> RedriveTold:
        """Send back exactly what a plan said. Once what was wrong is mended: a record that fails again is back here."""
        try:
            async with database.transaction() as connection:
                await send_back(
                    connection,
                    caller.organization_id,
                    redrive_id,
                    wanted.meant(),
                    plan_hash=wanted.plan,
                    by=caller.user_id,
                    now=looking.clock.now(),
                )
                told = await _one(connection, caller, redrive_id)
        except LettersMoved as error:
            raise Problem(412, "changed_meanwhile", f"{error}.") from None
        except NothingWaits as error:
            raise Problem(409, "nothing_waits", f"{error}.") from None
        response.headers["location"] = f"/api/salesloft/dead-letters/redrives/{redrive_id}"
        return told

    @routes.get("/redrives/{redrive_id}")
    async def progress(redrive_id: UUID, caller: Annotated[Caller, Depends(who)]) -> RedriveTold:
        """How far a redrive is, and what of it failed again."""
        async with database.connection() as connection:
            return await _one(connection, caller, redrive_id)

    @routes.get("/{letter_id}")
    async def letter(letter_id: UUID, caller: Annotated[Caller, Depends(who)]) -> LetterDetail:
        """One record that could not be processed: why, and what it says, without what is personal."""
        async with looking.of(caller) as connection:
            found = await dead_letters.look_at_letters(connection, caller.organization_id, letter_id=letter_id, limit=1)
        if not found:
            raise absent("dead_letter", letter_id)
        shown = found[0].shown
        return LetterDetail(
            letter=_letter(found[0]),
            record=orjson.loads(shown) if shown is not None else None,
            read_at=looking.clock.now(),
        )

    return routes


def _place(page: Paging, question: Sequence[object]) -> tuple[datetime | None, UUID | None]:
    at, id_ = page.after(question, datetime, UUID)
    return at, id_


async def _one(connection: Connection, caller: Caller, redrive_id: UUID) -> RedriveTold:
    found = await dead_letters.look_at_redrives(connection, caller.organization_id, redrive_id=redrive_id, limit=1)
    if not found:
        raise absent("redrive", redrive_id)
    return _redrive(found[0])


def _letter(one: LetterLook) -> LetterTold:
    return LetterTold(
        id=one.id,
        topic=one.topic,
        subject_id=one.subject_id,
        event_id=one.event_id,
        event_type=one.event_type,
        correlation_id=one.correlation_id,
        stage=one.stage,
        reason_code=one.code,
        reason=one.message,
        attempts=one.attempts,
        replays=one.replays,
        failed_at=one.failed_at,
        state=one.state,
        came_back_from=one.came_back_from,
        redrive_id=one.redrive_id,
    )


def _planned(plan: LettersPlan) -> RedrivePlanTold:
    return RedrivePlanTold(
        letters=len(plan.letters),
        parked=plan.parked,
        unmended=plan.unmended,
        by_reason=[
            ReasonCount(topic=topic, reason_code=code, letters=letters)
            for (topic, code), letters in sorted(plan.by_reason.items())
        ],
        has_more=plan.has_more,
        hash=plan.hash,
    )


def _redrive(one: RedriveLook) -> RedriveTold:
    return RedriveTold(
        id=one.id,
        state="leaving" if one.leaving else "sent",
        letters=one.letters,
        parked=one.parked,
        leaving=one.leaving,
        failed_again=one.failed_again,
        requested_by=one.requested_by,
        requested_at=one.requested_at,
    )
