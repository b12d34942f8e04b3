"""``/v2/bulk_jobs``: many people written in one job, its rows first, then the word to go (Salesloft docs: bulk-jobs).

Lists have no pages: they are read on with ``id[gt]``.
"""

from functools import partial
from typing import Any

import orjson

from sandbox.salesloft import rendering_bulk
from sandbox.salesloft.answers import Answer, Effect, Refusal, data
from sandbox.salesloft.api.bulk_execution import line_up
from sandbox.salesloft.api.context import Context, optional_flag, optional_text
from sandbox.salesloft.filters import Predicate, texts, whole_of
from sandbox.salesloft.listing import Listing
from sandbox.salesloft.records import BulkJob, JobData

__all__ = ["add_rows", "cancel", "create", "index", "index_results", "index_rows", "show", "update"]

_TYPES = {"person/upsert": "people:write"}
_MOST_ROWS = 5000


def _after(name: str, operator: str, values: list[str], /) -> Predicate[Any] | None:
    """``id[gt]`` is the only comparison."""
    if operator != "gt":
        return None
    last = whole_of(name, values[-1])
    return lambda row: row.id > last


def _one_of(known: tuple[str, ...], attribute: str) -> Any:
    by_text = texts(lambda row: getattr(row, attribute))

    def make(name: str, operator: str, values: list[str], /) -> Predicate[Any] | None:
        if any(part not in known for value in values for part in value.split(",")):
            raise Refusal.invalid(name, f"must be one of: {', '.join(known)}")
        return by_text(name, operator, values)

    return make


def _read_on_by_id(attribute: str, known: tuple[str, ...]) -> Listing[Any]:
    """A list without pages, oldest first, filtered by one closed list of texts."""
    return Listing(
        identity=lambda row: row.id,
        filters={"id": _after, attribute: _one_of(known, attribute)},
        sorts={"id": lambda row: row.id},
        default_sort="id",
        default_direction="ASC",
        paged="never",
    )


_JOBS: Listing[BulkJob] = _read_on_by_id("state", ("open", "executing", "done"))
_ROWS: Listing[JobData] = _read_on_by_id("status", ("pending", "success", "error", "retrying", "cancelled"))


def index(context: Context) -> Answer:
    team = context.team
    return _JOBS.answer(
        team.bulk_jobs,
        context.parameters,
        partial(rendering_bulk.job, team),
        switches=team.switches,
        candidates=team.bulk_jobs,
    )


def _found(context: Context) -> BulkJob:
    row = context.team.bulk_jobs.get(context.number)
    if row is None:
        raise Refusal.not_found()
    return row


def _open(context: Context) -> BulkJob:
    job = _found(context)
    if job.state != "open":
        raise Refusal.invalid("state", "must be open")
    return job


def show(context: Context) -> Answer:
    return data(rendering_bulk.job(context.team, _found(context)))


def create(context: Context) -> Answer:
    """An open job without rows, by someone who may write what it will write."""
    kind = optional_text(context.body, "type")
    if kind is None:
        raise Refusal.invalid("type", "is required")
    if kind not in _TYPES:
        raise Refusal.invalid("type", "is not included in the list")
    if _TYPES[kind] not in context.grant.scopes:
        raise Refusal.forbidden(f"The token does not have the required scopes: {_TYPES[kind]}")
    job = BulkJob(
        id=next(context.simulator.world.ids.bulk_job),
        created_at=context.now,
        updated_at=context.now,
        type=kind,
        name=optional_text(context.body, "name"),
    )
    context.team.bulk_jobs.add(job.id, job)
    return data(
        rendering_bulk.job(context.team, job),
        status=context.team.switches.created_status,
        effect=Effect(resource="bulk_jobs", ids=(job.id,)),
    )


def update(context: Context) -> Answer:
    """A name, or the word to go; only while the job is open."""
    job, team = _open(context), context.team
    if "name" in context.body:
        job.name = optional_text(context.body, "name")
    team.bulk_jobs.touch(job.id, context.now)
    if optional_flag(context.body, "ready_to_execute"):
        line_up(context, job)
    return data(rendering_bulk.job(team, job), effect=Effect(resource="bulk_jobs", ids=(job.id,)))


def cancel(context: Context) -> Answer:
    """What has not run yet will not; repeatable."""
    job = _found(context)
    if job.state == "done":
        return Answer(status=204, body=b"")
    for row in context.team.job_data[job.id]:
        if row.status == "pending":
            row.status = "cancelled"
    job.state, job.finished_at = "done", context.now
    context.team.bulk_jobs.touch(job.id, context.now)
    return Answer(status=204, body=b"", effect=Effect(resource="bulk_jobs", ids=(job.id,)))


def add_rows(context: Context) -> Answer:
    """At most 5,000 objects a call, as often as wanted."""
    job = _open(context)
    sent = context.body.get("data")
    if not isinstance(sent, list) or not all(isinstance(one, dict) for one in sent):
        raise Refusal.invalid("data", "must be an array of objects")
    if len(sent) > _MOST_ROWS:
        raise Refusal.invalid("data", f"must have at most {_MOST_ROWS} records")
    rows = [
        JobData(
            id=next(context.simulator.world.ids.job_data),
            created_at=context.now,
            updated_at=context.now,
            bulk_job_id=job.id,
            record=record,
        )
        for record in sent
    ]
    context.team.job_data[job.id] += rows
    context.team.bulk_jobs.touch(job.id, context.now)
    return Answer(
        status=context.team.switches.created_status,
        body=orjson.dumps({"data": {"records": len(rows)}}),
        effect=Effect(resource="job_data", ids=(job.id,)),
    )


def index_rows(context: Context) -> Answer:
    job = _found(context)
    return _ROWS.answer(
        None,
        context.parameters,
        rendering_bulk.job_data,
        switches=context.team.switches,
        candidates=context.team.job_data[job.id],
    )


def index_results(context: Context) -> Answer:
    """Nothing until the job is done."""
    job = _found(context)
    return _ROWS.answer(
        None,
        context.parameters,
        rendering_bulk.result,
        switches=context.team.switches,
        candidates=context.team.job_data[job.id] if job.state == "done" else [],
    )
