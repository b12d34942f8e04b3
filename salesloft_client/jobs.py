"""Bulk jobs: thousands of upserts that Salesloft carries out by itself (Salesloft docs: bulk jobs).

A job is made, filled by as many calls as it takes, and set going; then it no longer takes data. Its rows do not count
against the team's minute, and are done in their order, one job of a tenant at a time. Results are kept for 30 days.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal

import orjson
from pydantic import Field

from salesloft_client.decoding import Page
from salesloft_client.models import Answered, Object, Record, Timestamp
from salesloft_client.requests import Filters, Requests
from salesloft_client.writes import PersonUpsert

__all__ = ["MOST_ROWS", "AddedRows", "BulkJob", "BulkJobRequests", "BulkJobRow"]

MOST_ROWS = 5000
"""Rows in one call of :meth:`BulkJobRequests.fill_bulk_job`."""


class BulkJob(Record):
    """``state`` is open, executing or done. ``total``, ``processed`` and ``errors`` count rows."""

    updated_at: Timestamp | None = None
    type: str | None = None
    name: str | None = None
    state: str | None = None
    ready_to_execute: bool | None = None
    total: int | None = None
    processed: int | None = None
    errors: int | None = None
    marked_ready_at: Timestamp | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None


class BulkJobRow(Record):
    """One row and what became of it: ``status`` is pending, retrying, success, error or cancelled.

    ``record`` is what was sent, ``resource`` what came of it. Both are about a person, and stay out of ``repr``.
    """

    status: str | None = None
    error: str | None = None
    record: Object = Field(default_factory=dict)
    resource: Object = Field(default_factory=dict)


class AddedRows(Answered):
    """How many rows a call has added."""

    records: int | None = None


class BulkJobRequests(Requests):
    """The calls for bulk jobs. Their lists have no pages: they go on behind an id."""

    async def create_bulk_job(
        self, kind: Literal["person/upsert"] = "person/upsert", *, name: str | None = None
    ) -> BulkJob:
        """A new job, open for data. Salesloft's docs name this kind, and one for calendars."""
        return await self._write(BulkJob, "/bulk_jobs", orjson.dumps({"type": kind, "name": name}))

    async def fill_bulk_job(self, job_id: int, rows: Sequence[PersonUpsert]) -> AddedRows:
        """Add up to ``MOST_ROWS`` upserts to an open job. After ``OutcomeUnknown`` the job's ``total`` tells."""
        if not 0 < len(rows) <= MOST_ROWS:
            raise ValueError(f"a call takes 1 to {MOST_ROWS} rows")
        body = orjson.dumps({"data": [row.values() for row in rows]})
        return await self._write(AddedRows, f"/bulk_jobs/{job_id}/job_data", body)

    async def execute_bulk_job(self, job_id: int) -> BulkJob:
        """Set an open job going. ``Unprocessable`` if it is not open any more."""
        return await self._update(BulkJob, f"/bulk_jobs/{job_id}", orjson.dumps({"ready_to_execute": True}))

    async def bulk_job(self, job_id: int) -> BulkJob:
        """How far a job is."""
        return await self._show(BulkJob, f"/bulk_jobs/{job_id}")

    async def bulk_jobs(
        self, *, states: Iterable[str] = (), after_id: int | None = None, per_page: int = 100
    ) -> Page[BulkJob]:
        """Jobs with ids above ``after_id``."""
        filters: Filters = {"state[]": states, "id[gt]": after_id}
        return await self._list(BulkJob, "/bulk_jobs", filters, per_page=per_page)

    async def cancel_bulk_job(self, job_id: int) -> None:
        """Rows that are still pending will not be done."""
        await self._remove(f"/bulk_jobs/{job_id}")

    async def bulk_job_data(
        self, job_id: int, *, statuses: Iterable[str] = (), after_id: int | None = None, per_page: int = 100
    ) -> Page[BulkJobRow]:
        """The rows of a job, at any time."""
        filters: Filters = {"status[]": statuses, "id[gt]": after_id}
        return await self._list(BulkJobRow, f"/bulk_jobs/{job_id}/job_data", filters, per_page=per_page)

    async def bulk_job_results(
        self, job_id: int, *, statuses: Iterable[str] = (), after_id: int | None = None, per_page: int = 100
    ) -> Page[BulkJobRow]:
        """What became of the rows; empty until the job is done."""
        filters: Filters = {"status[]": statuses, "id[gt]": after_id}
        return await self._list(BulkJobRow, f"/bulk_jobs/{job_id}/results", filters, per_page=per_page)

    async def every_bulk_job_result(
        self, job_id: int, *, statuses: Sequence[str] = (), per_page: int = 100
    ) -> AsyncIterator[BulkJobRow]:
        """All results of a job that is done, by their ids."""
        after_id: int | None = None
        while True:
            page = await self.bulk_job_results(job_id, statuses=statuses, after_id=after_id, per_page=per_page)
            for row in page.rows:
                yield row
            # Salesloft may clamp a page's size, so that only an empty one is surely the last.
            if not page.rows:
                return
            after_id = max(row.id for row in page.rows)
