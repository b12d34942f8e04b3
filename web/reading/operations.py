"""How an organization is connected, how far its records were read, and what is left of its team's minute."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from salesloft_client.budget import MINUTE
from schemas.fields import Instant
from storage import budget, looking_operations
from storage.looking_operations import ConnectionLook, LedgerLook, StreamLook
from storage.sync import SyncStream
from web.paging import Paging, paging
from web.reading.asking import Looked, Looking, Page, anybody
from web.security import Caller
from workflows.scopes import SCOPES, Need, missing

__all__ = ["operation_routes"]


class LackingScope(Looked):
    """A scope, and what it is for; without an `essential` one a team cannot be connected at all."""

    scope: str
    feature: str
    essential: bool


class ConnectionTold(Looked):
    """How an organization is connected. What is told of a connection is null where there never was one.

    `lacking` is null where Salesloft did not tell which scopes the credential has.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "connected",
                    "reason": None,
                    "since": "2026-11-20T08:00:00.000000Z",
                    "team_id": 71,
                    "team_name": "Acme's team",
                    "credential_kind": "oauth",
                    "token_expires_at": "2026-11-25T12:00:00.000000Z",
                    "connected_at": "2026-11-20T08:00:00.000000Z",
                    "connected_by": "usr-1",
                    "lacking": [],
                    "needs": [{"scope": "team:read", "feature": "knowing the team", "essential": True}],
                    "connect_in_browser": True,
                    "webhooks_as_of": "2026-11-25T08:00:00.000000Z",
                    "cadences_as_of": "2026-11-25T08:00:00.000000Z",
                    "read_at": "2026-11-25T10:31:00.000000Z",
                }
            ]
        }
    )

    status: str = Field(description="`connected`, `needs_reauthorization`, `disconnected` or `never_connected`.")
    reason: str | None
    since: Instant | None
    team_id: int | None
    team_name: str | None
    credential_kind: str | None
    token_expires_at: Instant | None
    connected_at: Instant | None
    connected_by: str | None
    lacking: list[LackingScope] | None
    needs: list[LackingScope] = Field(description="Every scope that a credential needs for all that is done.")
    connect_in_browser: bool = Field(
        description="Whether a user of Salesloft can allow it in the browser; else a key or a team's own application is"
        " given, for the service has no OAuth application."
    )
    webhooks_as_of: Instant | None
    cadences_as_of: Instant | None
    read_at: Instant


class CycleCounts(Looked):
    """What was looked at, and what became of it; `owed` is what could not be taken in."""

    scanned: int
    emitted: int
    deduplicated: int
    out_of_scope: int
    fallen: int
    owed: int


class StreamTold(Looked):
    """Where the reading of a stream stands. Everything that Salesloft showed until `as_of` was read.

    `failures` is how many attempts in a row failed; `counts` is of the present cycle so far, null before the first.
    """

    stream: SyncStream
    as_of: Instant | None
    reading: bool
    cycle: int
    cycle_started_at: Instant | None
    next_cycle_at: Instant
    read_through: Instant | None = Field(description="Of Salesloft's own times: up to which change it was read.")
    failures: int
    wanted_again_since: Instant | None
    counts: CycleCounts | None


class SyncTold(Looked):
    """How far everything was read; empty where nothing was ever connected."""

    streams: list[StreamTold]
    as_of: Instant | None = Field(description="The oldest of them; null where one was never read to its end.")
    read_at: Instant


class CycleTold(Looked):
    """What a cycle came to; `ended_at` is null of one that goes on."""

    stream: str
    cycle: int
    started_at: Instant
    ended_at: Instant | None
    watermark: Instant | None
    counts: CycleCounts


class BudgetTold(Looked):
    """The team's clock minute, shared with all of its other integrations; costs are Salesloft's.

    `left` is what the most urgent work finds now. `remaining` is Salesloft's last word, heard at `as_of`; both are null
    where it was not heard in this minute. `others` is what other integrations have surely spent. While `closed_until`
    is ahead, Salesloft was asked too much and nobody may call.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "team_id": 71,
                    "minute": "2026-11-25T10:31:00.000000Z",
                    "turns_at": "2026-11-25T10:32:00.000000Z",
                    "limit": 600,
                    "left": 512,
                    "spent": {"interactive": 3, "enrollment": 40, "poll": 30, "backfill": 0},
                    "held": 10,
                    "others": 5,
                    "remaining": 522,
                    "as_of": "2026-11-25T10:31:12.000000Z",
                    "closed_until": None,
                    "processes": 2,
                    "read_at": "2026-11-25T10:31:13.000000Z",
                }
            ]
        }
    )

    team_id: int | None = Field(description="Null where no team is connected.")
    minute: Instant | None
    turns_at: Instant | None
    limit: int
    left: int
    spent: dict[str, int]
    held: int
    others: int
    remaining: int | None
    as_of: Instant | None
    closed_until: Instant | None
    processes: int
    read_at: Instant


def operation_routes(looking: Looking, *, connect_in_browser: bool) -> APIRouter:
    """`GET /api/salesloft/connection`, `.../sync`, `.../sync/ledger` and `.../rate-budget`."""
    routes = APIRouter(prefix="/api/salesloft", tags=["operations"])
    who = anybody(looking)

    @routes.get("/connection")
    async def connection_status(caller: Annotated[Caller, Depends(who)]) -> ConnectionTold:
        """How the organization is connected to Salesloft, and what its credential lacks."""
        async with looking.of(caller) as connection:
            found = await looking_operations.connection_of(connection, caller.organization_id)
        return _connection(found, looking.clock.now(), connect_in_browser=connect_in_browser)

    @routes.get("/sync")
    async def sync_status(caller: Annotated[Caller, Depends(who)]) -> SyncTold:
        """Where the reading of the team's records stands, stream by stream."""
        async with looking.of(caller) as connection:
            found = await looking_operations.streams(connection, caller.organization_id)
        ends = [one.cycle_ended_at for one in found]
        known = [at for at in ends if at is not None]
        return SyncTold(
            streams=[_stream(one) for one in found],
            as_of=min(known) if known and len(known) == len(ends) else None,
            read_at=looking.clock.now(),
        )

    @routes.get("/sync/ledger")
    async def sync_ledger(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        stream: Annotated[str | None, Query(max_length=50, description="Only of this stream.")] = None,
    ) -> Page[CycleTold]:
        """What each cycle looked at and what became of it, the latest first."""
        question = (caller.organization_id, stream)
        before = page.after(question, datetime, str, int)
        async with looking.of(caller) as connection:
            found = await looking_operations.ledger(
                connection,
                caller.organization_id,
                stream=stream,
                before=(before[0], before[1], before[2]),
                limit=page.limit + 1,
            )
        items, following = page.cut(question, found, lambda row: (row.started_at, row.stream, row.cycle))
        return Page[CycleTold](
            items=[
                CycleTold(
                    stream=one.stream,
                    cycle=one.cycle,
                    started_at=one.started_at,
                    ended_at=one.ended_at,
                    watermark=one.watermark,
                    counts=_counts(one),
                )
                for one in items
            ],
            next_cursor=following,
            read_at=looking.clock.now(),
        )

    @routes.get("/rate-budget")
    async def rate_budget(caller: Annotated[Caller, Depends(who)]) -> BudgetTold:
        """What is left of the team's minute, and who has spent it."""
        async with looking.of(caller) as connection:
            found = await budget.read(connection, caller.organization_id)
        now = looking.clock.now()
        team_id, kept = found if found is not None else (None, None)
        minute = kept.at(now, looking.budget) if kept is not None else None
        if minute is None:
            return BudgetTold(
                team_id=team_id,
                minute=None,
                turns_at=None,
                limit=looking.budget.limit,
                left=looking.budget.limit if team_id is not None else 0,
                spent={},
                held=0,
                others=0,
                remaining=None,
                as_of=None,
                closed_until=None,
                processes=0,
                read_at=now,
            )
        return BudgetTold(
            team_id=team_id,
            minute=minute.window,
            turns_at=minute.window + MINUTE,
            limit=minute.limit,
            left=minute.left(now),
            spent={lane.value: cost for lane, cost in minute.spent.items()},
            held=minute.held,
            others=minute.others,
            remaining=minute.remaining,
            as_of=minute.remaining_at,
            closed_until=minute.closed_until if minute.closed_until and minute.closed_until > now else None,
            processes=minute.processes,
            read_at=now,
        )

    return routes


def _scopes(needs: Sequence[Need]) -> list[LackingScope]:
    return [LackingScope(scope=need.scope, feature=need.feature, essential=need.essential) for need in needs]


def _connection(found: ConnectionLook | None, now: datetime, *, connect_in_browser: bool) -> ConnectionTold:
    lacking = None
    if found is not None and found.scopes is not None:
        lacking = _scopes(missing(frozenset(found.scopes)))
    is_held = found is not None and found.status != "disconnected"
    return ConnectionTold(
        status=found.status if found is not None else "never_connected",
        reason=found.status_reason if found is not None else None,
        since=found.status_since if found is not None else None,
        team_id=found.team_id if found is not None else None,
        team_name=found.team_name if found is not None else None,
        credential_kind=found.credential_kind if found is not None and is_held else None,
        token_expires_at=found.expires_at if found is not None else None,
        connected_at=found.connected_at if found is not None else None,
        connected_by=found.connected_by if found is not None else None,
        lacking=lacking,
        needs=_scopes(SCOPES),
        connect_in_browser=connect_in_browser,
        webhooks_as_of=found.webhooks_ensured_at if found is not None else None,
        cadences_as_of=found.cadences_read_at if found is not None else None,
        read_at=now,
    )


def _stream(one: StreamLook) -> StreamTold:
    counts = None
    if one.scanned is not None:
        counts = _counts(one)
    return StreamTold(
        stream=SyncStream(one.stream),
        as_of=one.cycle_ended_at,
        reading=bool(one.is_held),
        cycle=one.cycle,
        cycle_started_at=one.cycle_started_at,
        next_cycle_at=one.next_cycle_at,
        read_through=one.position_at,
        failures=one.failures,
        wanted_again_since=one.read_again_since,
        counts=counts,
    )


def _counts(one: StreamLook | LedgerLook) -> CycleCounts:
    return CycleCounts(
        scanned=one.scanned or 0,
        emitted=one.emitted or 0,
        deduplicated=one.deduplicated or 0,
        out_of_scope=one.out_of_scope or 0,
        fallen=one.fallen or 0,
        owed=one.owed or 0,
    )
