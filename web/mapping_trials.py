"""A mapping tried before it counts, over HTTP: on one stakeholder at once, on everybody and on what happened as a job.

Nothing is written. The mapping is one that the organization has, its draft before what is published, or one that is
sent along.
"""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from enrollment.explain import told
from enrollment.mappings import Mapping
from schemas.fields import Id, Instant
from storage import directory, mappings, stored_evaluations
from storage.pool import Connection
from web.described import problems
from web.idempotency import operation_id, repeatable
from web.jobs import Job, JobRefused, Jobs, JobState, Owner, TooManyJobs, Work
from web.problems import Problem, absent
from web.reading.asking import Looked, Looking
from web.reading.decisions import plain
from web.security import Caller, CallerRole, having_role
from web.told_trials import BackTestTold, PreviewTold, told_back_test, told_preview
from workflows.trying import CannotTry, back_test, mapping_to_try, preview, preview_one

__all__ = ["mapping_trial_routes"]

_PATH: Final = "/api/salesloft/mapping-trials"
_SENT: Final[dict[str, Any]] = {"trigger_type": "at-risk", "cadence_id": 456}
_ID: Final = "6f1c2a52-8a54-4d55-9a0e-0c1f7f0f5a10"
_AGAIN_S: Final = 5


class Which(BaseModel):
    """Which mapping: `mapping_id` of one that there is, or `mapping`, as a file of one says it.

    A `mapping` with the id of a published one says only what differs.
    """

    model_config = ConfigDict(extra="forbid")

    mapping_id: UUID | None = None
    mapping: dict[str, Any] | None = None

    def named(self) -> int:
        """How many are named."""
        return sum(one is not None for one in (self.mapping_id, self.mapping))


class _OneOfThem(Which):
    @model_validator(mode="after")
    def _one_is_named(self) -> Self:
        if self.named() != 1:
            raise ValueError("name one of mapping_id and mapping")
        return self


class PreviewWanted(_OneOfThem):
    """`trigger` is what the event would carry; a mapping that asks about its trigger needs it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mapping_id": _ID}, {"mapping": _SENT}]})

    trigger: dict[str, Any] | None = None


class PreviewOneWanted(PreviewWanted):
    """Whom to decide about."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"mapping_id": _ID, "stakeholder_id": "sth-9", "trigger": {"severity": "high"}}]
        }
    )

    stakeholder_id: Id


class BackTestWanted(Which):
    """The recorded events of the last `days`; with no mapping named everything counts as it did."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mapping": _SENT, "days": 30}, {"days": 7}]})

    days: Annotated[int, Field(ge=1, le=365)] = 30

    @model_validator(mode="after")
    def _one_at_most(self) -> Self:
        if self.named() > 1:
            raise ValueError("name one of mapping_id and mapping, or none")
        return self


class ExplainedTold(Looked):
    """The stakeholder's decisions with what each mapping said, why, and the smallest change that would turn them."""

    decisions: list[dict[str, Any]]
    read_at: Instant


class Progress(Looked):
    """How far it is, in customers or in evaluations; `total` is null until it is counted."""

    done: int
    total: int | None


class Refusal(Looked):
    """Why nothing came of it."""

    reason_code: str
    detail: str


class TrialTold(Looked):
    """A trial, and what came of it once its state is `done`. Only who began it hears of it.

    It is kept by the process that answers here, at most so many seconds after its end; a restart forgets it, and it is
    begun anew.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0d0f2b6e-6a0f-4f0c-8f57-2d2b6f3c9a11",
                    "kind": "preview",
                    "state": "running",
                    "progress": {"done": 200, "total": 1400},
                    "kept_seconds": 900,
                    "survives_restart": False,
                    "preview": None,
                    "back_test": None,
                    "refusal": None,
                }
            ]
        }
    )

    id: UUID
    kind: Literal["preview", "back_test"]
    state: JobState
    progress: Progress
    kept_seconds: int
    survives_restart: Literal[False] = False
    preview: PreviewTold | None
    back_test: BackTestTold | None
    refusal: Refusal | None


class _Desk:
    """Takes what is to be tried."""

    def __init__(self, looking: Looking, jobs: Jobs) -> None:
        self._looking = looking
        self._jobs = jobs

    async def explained(self, caller: Caller, wanted: PreviewOneWanted) -> ExplainedTold:
        """Why one stakeholder would be asked for or not. Raises Problem."""
        now, key = self._looking.clock.now(), (caller.organization_id, wanted.stakeholder_id)
        async with self._looking.of(caller) as connection:
            tried = await _to_try(connection, caller.organization_id, wanted)
            if key not in await directory.read_stakeholders(connection, [key]):
                raise absent("stakeholder", wanted.stakeholder_id)
            try:
                found = await preview_one(
                    connection, caller.organization_id, tried, wanted.stakeholder_id, now, imagined=wanted.trigger
                )
            except CannotTry as error:
                raise _cannot(error) from None
        return ExplainedTold(decisions=[plain(told(one)) for one in found.decisions], read_at=now)

    async def preview(self, caller: Caller, id_: UUID, wanted: PreviewWanted) -> Job:
        """Begin to preview. Raises Problem."""
        tried, now = await self._mapping(caller, wanted), self._looking.clock.now()

        async def work(job: Job) -> PreviewTold:
            async with self._looking.of(caller) as connection:
                job.expect(await directory.count_customers(connection, caller.organization_id))
                try:
                    found = await preview(
                        connection, caller.organization_id, tried, now, imagined=wanted.trigger, progress=job.advance
                    )
                except CannotTry as error:
                    raise JobRefused("cannot_try", f"{error}.") from None
            return told_preview(found)

        return self._begun(caller, id_, "preview", work)

    async def back_test(self, caller: Caller, id_: UUID, wanted: BackTestWanted) -> Job:
        """Begin to back-test. Raises Problem."""
        tried = await self._mapping(caller, wanted) if wanted.named() else None
        until = self._looking.clock.now()
        since = until - timedelta(days=wanted.days)

        async def work(job: Job) -> BackTestTold:
            async with self._looking.of(caller) as connection:
                job.expect(await stored_evaluations.count_between(connection, caller.organization_id, since, until))
                found = await back_test(
                    connection, caller.organization_id, since, until, tried=tried, progress=job.advance
                )
            return told_back_test(found, since, until)

        return self._begun(caller, id_, "back_test", work)

    def of(self, caller: Caller, id_: UUID) -> Job:
        """The caller's own. Raises Problem, 404."""
        job = self._jobs.of(_owner(caller), id_)
        if job is None:
            raise absent("trial", id_)
        return job

    async def _mapping(self, caller: Caller, wanted: Which) -> Mapping:
        async with self._looking.of(caller) as connection:
            return await _to_try(connection, caller.organization_id, wanted)

    def _begun(self, caller: Caller, id_: UUID, kind: str, work: Work) -> Job:
        try:
            return self._jobs.begin(id_, _owner(caller), kind, work)
        except TooManyJobs as error:
            raise Problem(429, "too_many_trials", f"{error}.", headers={"retry-after": str(_AGAIN_S)}) from None


def mapping_trial_routes(looking: Looking, jobs: Jobs) -> APIRouter:
    """What tries mappings under `/api/salesloft/mapping-trials`."""
    routes = APIRouter(prefix=_PATH, tags=["mapping trials"])
    may_try = having_role(looking.callers, CallerRole.MANAGER, CallerRole.ADMIN)
    desk = _Desk(looking, jobs)
    when_many = problems({429: "The caller asks too often, or so many trials are under way: `Retry-After` says when."})

    def begun(job: Job, response: Response) -> TrialTold:
        response.headers["location"] = f"{_PATH}/{job.id}"
        return _told(job, jobs)

    @routes.post("/stakeholder")
    @repeatable
    async def one(wanted: PreviewOneWanted, caller: Annotated[Caller, Depends(may_try)]) -> ExplainedTold:
        """Why one stakeholder would or would not be asked for if their customer had the mapping's event now."""
        return await desk.explained(caller, wanted)

    @routes.post("/preview", status_code=202, responses=when_many)
    @repeatable
    async def of_everybody(
        wanted: PreviewWanted,
        response: Response,
        caller: Annotated[Caller, Depends(may_try)],
        id_: Annotated[UUID, Depends(operation_id)],
    ) -> TrialTold:
        """Who would be asked for if every customer had the mapping's event now, and which predicate keeps out whom."""
        return begun(await desk.preview(caller, id_, wanted), response)

    @routes.post("/back-test", status_code=202, responses=when_many)
    @repeatable
    async def of_what_happened(
        wanted: BackTestWanted,
        response: Response,
        caller: Annotated[Caller, Depends(may_try)],
        id_: Annotated[UUID, Depends(operation_id)],
    ) -> TrialTold:
        """Decide the recorded events of the last days again and compare: who would have been asked for, and who not."""
        return begun(await desk.back_test(caller, id_, wanted), response)

    @routes.get("/{trial_id}")
    async def trial(trial_id: UUID, caller: Annotated[Caller, Depends(may_try)]) -> TrialTold:
        """How far a trial of the caller's own is, and what came of it."""
        return _told(desk.of(caller, trial_id), jobs)

    @routes.delete("/{trial_id}", status_code=204)
    async def cancel(trial_id: UUID, caller: Annotated[Caller, Depends(may_try)]) -> None:
        """Give a trial up, or forget what came of it."""
        await jobs.cancel(desk.of(caller, trial_id))

    return routes


async def _to_try(connection: Connection, organization_id: str, wanted: Which) -> Mapping:
    """The mapping that is named. Raises Problem: 404, or 422 where it is none."""
    document = wanted.mapping
    if wanted.mapping_id is not None:
        versions = await mappings.versions_of(connection, organization_id, wanted.mapping_id)
        usable = [one for one in versions if one.is_draft] or [one for one in versions if one.status == "published"]
        if not usable:
            raise absent("mapping", wanted.mapping_id)
        document = usable[-1].document.plain() | {"id": str(wanted.mapping_id)}
    try:
        return await mapping_to_try(connection, organization_id, orjson.dumps(document).decode())
    except CannotTry as error:
        raise _cannot(error) from None


def _cannot(error: CannotTry) -> Problem:
    return Problem(422, "cannot_try", f"{error}.")


def _owner(caller: Caller) -> Owner:
    return Owner(caller.organization_id, caller.user_id)


def _told(job: Job, jobs: Jobs) -> TrialTold:
    return TrialTold(
        id=job.id,
        kind="preview" if job.kind == "preview" else "back_test",
        state=job.state,
        progress=Progress(done=job.done, total=job.total),
        kept_seconds=int(jobs.bounds.kept_s),
        preview=job.result if isinstance(job.result, PreviewTold) else None,
        back_test=job.result if isinstance(job.result, BackTestTold) else None,
        refusal=Refusal(reason_code=job.refusal[0], detail=job.refusal[1]) if job.refusal is not None else None,
    )
