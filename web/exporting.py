"""An organization's export over HTTP: a line of JSON for each row that is kept of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from schemas.fields import format_instant
from storage.export import exported_rows, exported_tables
from storage.pool import Database
from web.described import problems
from web.problems import Problem
from web.reading.asking import Looking
from web.security import Caller, CallerRole, having_role
from workflows.audit import Action, Done, note

__all__ = ["exporting_routes"]

# A transaction sees one state, and must not see it for ever: of what is deleted meanwhile nothing can be cleared away.
_LONGEST_S: Final = 900.0
_TO_SEND: Final = 64 * 1024
_EXPORT: Final = (
    '{"export":"cscx-salesloft","organization_id":"org-1","read_at":"2026-11-25T10:30:04.000000Z"}\n'
    '{"table":"stops","row":{"scope":"cadence","subject":"456","organization_id":"org-1"}}\n'
    '{"end":true,"rows":{"stops":1}}\n'
)


def exporting_routes(database: Database, looking: Looking) -> APIRouter:
    """`GET /api/salesloft/organization/export`."""
    routes = APIRouter(prefix="/api/salesloft/organization", tags=["organization"])
    admin = having_role(looking.callers, CallerRole.ADMIN)
    exporting: set[str] = set()

    @routes.get(
        "/export",
        response_class=StreamingResponse,
        responses={
            **problems({409: "Another export of the organization is being read from this process."}),
            200: {
                "description": "A line of JSON a row, between a first and a last line that say so.",
                "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": _EXPORT}},
            },
        },
    )
    async def export(caller: Annotated[Caller, Depends(admin)]) -> StreamingResponse:
        """All that is kept of the organization, in one state, but for secrets and what nobody could read as its own.

        What has no last line was cut off. Binary values are in hexadecimal.
        """
        organization_id = caller.organization_id
        if organization_id in exporting:
            raise Problem(409, "export_under_way", "Another export is being read: wait for its end.")
        async with database.transaction() as connection:
            done = Done(organization_id, Action.EXPORTED, f"organization/{organization_id}", by=caller.user_id)
            await note(connection, done, now=looking.clock.now())

        async def lines() -> AsyncGenerator[bytes, None]:
            exporting.add(organization_id)
            try:
                async with asyncio.timeout(_LONGEST_S), aclosing(_exported(looking, caller)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                exporting.discard(organization_id)

        return StreamingResponse(
            lines(),
            media_type="application/x-ndjson",
            headers={"content-disposition": 'attachment; filename="salesloft-export.jsonl"'},
        )

    return routes


async def _exported(looking: Looking, caller: Caller) -> AsyncGenerator[bytes, None]:
    """The lines, some at a time."""
    organization_id = caller.organization_id
    rows: dict[str, int] = {}
    held = bytearray(_line(_head(organization_id, looking.clock.now())))
    async with looking.of(caller) as connection:
        for table in await exported_tables(connection):
            begins = f'{{"table":"{table}","row":'
            async for row in exported_rows(connection, table, organization_id):
                held += f"{begins}{row}}}\n".encode()
                rows[table] = rows.get(table, 0) + 1
                if len(held) >= _TO_SEND:
                    yield bytes(held)
                    held.clear()
    held += _line({"end": True, "rows": rows})
    yield bytes(held)


def _head(organization_id: str, now: datetime) -> dict[str, Any]:
    return {"export": "cscx-salesloft", "organization_id": organization_id, "read_at": format_instant(now)}


def _line(told: dict[str, Any]) -> bytes:
    return orjson.dumps(told) + b"\n"
