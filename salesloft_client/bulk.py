"""Bulk jobs: many rows of one kind, handed over in parts and carried out by Salesloft in its own time.

A job is ``open`` while rows are added, ``executing`` once it was started, and ``done``. One that was never started does
nothing. Rows that are being executed cost nothing of the team's minute (Salesloft docs: bulk-jobs; the last: seen by
others, not documented).
"""

from typing import Any

from pydantic import Field

from salesloft_client.models import Id, Object, Record, Timestamp

__all__ = ["MOST_BULK_ROWS", "BulkJob", "BulkResult"]

MOST_BULK_ROWS = 5000
"""How many rows may be added by one call."""


class BulkJob(Record):
    """A job. ``total`` counts the rows that were added, ``processed`` those carried out, ``errors`` those refused."""

    updated_at: Timestamp | None = None
    name: str | None = None
    type: str | None = None
    state: str | None = None
    ready_to_execute: bool | None = None
    total: int | None = None
    processed: int | None = None
    errors: int | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None


class BulkResult(Record):
    """What came of one row: ``record`` is the row as it was added, ``resource`` what Salesloft made of it.

    ``status`` is pending, success, error, retrying or cancelled. What an ``error`` looks like is not documented.
    """

    id: Id
    status: str | None = None
    error: Any = None
    record: Object = Field(default_factory=dict)
    resource: Object = Field(default_factory=dict)
