"""Bulk jobs and their rows as Salesloft's JSON; their timestamps end in ``Z``."""

from typing import Any

import orjson

from sandbox.salesloft.instants import render_utc
from sandbox.salesloft.records import BulkJob, JobData
from sandbox.salesloft.rendering import embed
from sandbox.salesloft.world import Team

__all__ = ["job", "job_data", "result"]


def job(team: Team, row: BulkJob) -> bytes:
    """Counts move without the row, so it is made anew each time. `started_at` is told once the job is done."""
    rows = team.job_data[row.id]
    return orjson.dumps(
        {
            "id": row.id,
            "type": row.type,
            "name": row.name,
            "state": row.state,
            "ready_to_execute": row.marked_ready_at is not None,
            "total": len(rows),
            "processed": row.processed,
            "errors": sum(one.status == "error" for one in rows),
            "scopes": [],
            "marked_ready_at": render_utc(row.marked_ready_at),
            "started_at": render_utc(row.started_at) if row.state == "done" else None,
            "finished_at": render_utc(row.finished_at),
            "created_at": render_utc(row.created_at),
            "updated_at": render_utc(row.updated_at),
        }
    )


def job_data(row: JobData) -> bytes:
    return orjson.dumps(
        {
            **_outcome(row),
            "bulk_job": embed("bulk_jobs", row.bulk_job_id),
            "created_at": render_utc(row.created_at),
            "started_at": render_utc(row.started_at),
            "finished_at": render_utc(row.finished_at),
        }
    )


def result(row: JobData) -> bytes:
    return orjson.dumps(_outcome(row))


def _outcome(row: JobData) -> dict[str, Any]:
    return {
        "id": row.id,
        "status": row.status,
        "error": row.error,
        "record": row.record,
        "resource": row.resource,
    }
