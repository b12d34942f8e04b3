"""How bulk jobs run: a team's one after the other, row after row in the order of their ids, outside the rate budget.

A row is written as its single call would write it, so the same address twice creates and then updates, and a row that
is refused says why and holds up nobody.
"""

from functools import partial

import orjson

from sandbox.salesloft.answers import Answer, Refusal
from sandbox.salesloft.api.context import Context
from sandbox.salesloft.api.upserts import upsert_person
from sandbox.salesloft.auth import Grant
from sandbox.salesloft.instants import SECOND, render_utc
from sandbox.salesloft.parameters import Parameters
from sandbox.salesloft.records import BulkJob, JobData
from sandbox.salesloft.simulator import Simulator
from sandbox.salesloft.world import Team

__all__ = ["line_up"]


def line_up(context: Context, job: BulkJob) -> None:
    """Have the job run once those before it are done."""
    job.state, job.marked_ready_at = "executing", context.now
    queue = context.team.bulk_queue
    queue.append(partial(_run_row, context.simulator, context.team, job, context.grant))
    if len(queue) == 1:
        _wait(context.simulator, context.team, context.now)


def _wait(simulator: Simulator, team: Team, now: int) -> None:
    pause = int(SECOND / team.switches.bulk_rows_per_second)
    simulator.world.schedule(now + pause, partial(_take_turn, simulator, team))


def _take_turn(simulator: Simulator, team: Team, now: int) -> None:
    """Run one row of the first job in the queue; a job that has none left makes place for the next."""
    if team.bulk_queue[0](now):
        team.bulk_queue.popleft()
    if team.bulk_queue:
        _wait(simulator, team, now)


def _run_row(simulator: Simulator, team: Team, job: BulkJob, grant: Grant, now: int) -> bool:
    """Run the job's next row; True when it was the last one."""
    if job.state == "done":
        return True
    if job.started_at is None:
        job.started_at = now
    rows = team.job_data[job.id]
    if job.processed < len(rows):
        row = rows[job.processed]
        job.processed += 1
        _execute(simulator, team, row, grant, now)
        team.bulk_jobs.touch(job.id, now)
    if job.processed < len(rows):
        return False
    job.state, job.finished_at = "done", now
    team.bulk_jobs.touch(job.id, now)
    team.note("bulk_job", job, "completed")
    return True


def _execute(simulator: Simulator, team: Team, row: JobData, grant: Grant, now: int) -> None:
    row.started_at = row.finished_at = row.updated_at = now
    context = Context(
        simulator=simulator,
        team=team,
        user=team.users[grant.user_id],
        grant=grant,
        now=now,
        key="",
        parameters=Parameters({}),
        body=row.record,
    )
    try:
        answer = upsert_person(context)
    except Refusal as refusal:
        row.status, row.error = "error", _said(refusal.answer)
        return
    row.status, row.resource = "success", orjson.loads(answer.body)["data"]
    if answer.effect is not None:
        simulator.journal.append(
            {
                "at": render_utc(now),
                "team_id": team.id,
                "user_id": grant.user_id,
                "method": "BULK",
                "path": f"/v2/bulk_jobs/{row.bulk_job_id}/job_data",
                "token": grant.kind,
                "resource": answer.effect.resource,
                "ids": list(answer.effect.ids),
                "body": row.record,
                "status": answer.status,
                "correlation": None,
                "answered": True,
            }
        )


def _said(answer: Answer) -> str:
    """A refusal as the one text that a row has for it."""
    told = orjson.loads(answer.body)
    if "errors" not in told:
        return str(told["error"])
    return ", ".join(f"{name} {message}" for name, messages in told["errors"].items() for message in messages)
