"""The minute of each team's rate budget, kept for all processes; its arithmetic is `salesloft_client.TeamMinute`'s."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from salesloft_client import BudgetSettings, Lane, TeamMinute
from storage.pool import Connection
from storage.queries import queries

__all__ = ["STOP_CHANNEL", "lock", "put", "read", "read_stop", "tell_stop"]

STOP_CHANNEL = "cscx_budget_stop"
"""Where a commit that stops a team's callers is heard; the payload is for `read_stop`."""


async def lock(
    connection: Connection, organization_id: str, team_id: int, *, settings: BudgetSettings, now: datetime
) -> TeamMinute:
    """A team's minute, locked until the commit; one that begins where there was none."""
    rows = await queries.lock_budget(connection, organization_id=organization_id, team_id=team_id)
    if not rows:
        beginning = TeamMinute.beginning(now, settings)
        await queries.begin_budget(
            connection,
            organization_id=organization_id,
            team_id=team_id,
            minute=beginning.window,
            cost_limit=beginning.limit,
        )
        rows = await queries.lock_budget(connection, organization_id=organization_id, team_id=team_id)
    return _minute(rows[0])


async def put(connection: Connection, organization_id: str, team_id: int, minute: TeamMinute) -> None:
    """Keep a minute that was locked."""
    await queries.put_budget(
        connection,
        organization_id=organization_id,
        team_id=team_id,
        minute=minute.window,
        cost_limit=minute.limit,
        **{f"spent_{lane.value}": minute.spent.get(lane, 0) for lane in Lane},
        held=minute.held,
        remaining=minute.remaining,
        remaining_at=minute.remaining_at,
        others=minute.others,
        others_before=minute.others_before,
        carried=minute.carried,
        closed_until=minute.closed_until,
        holders=sorted(minute.holders),
        holders_before=sorted(minute.holders_before),
    )


async def read(connection: Connection, organization_id: str) -> tuple[int, TeamMinute | None] | None:
    """The team that an organization has, and the minute that was last kept for it; None where it has no team."""
    rows = await queries.read_budget(connection, organization_id=organization_id)
    if not rows:
        return None
    row = rows[0]
    return row["team_id"], None if row["minute"] is None else _minute(row)


async def tell_stop(connection: Connection, team_id: int, until: datetime) -> None:
    """Tell every process, at the commit, that nobody may call for the team before `until`."""
    await queries.tell_stop(connection, channel=STOP_CHANNEL, told=f"{team_id} {until.isoformat()}")


def read_stop(told: str) -> tuple[int, datetime]:
    """What `tell_stop` told: the team, and until when."""
    team_id, until = told.split(" ")
    return int(team_id), datetime.fromisoformat(until)


def _minute(row: Mapping[str, Any]) -> TeamMinute:
    return TeamMinute(
        window=row["minute"],
        limit=row["cost_limit"],
        spent={lane: row[f"spent_{lane.value}"] for lane in Lane},
        held=row["held"],
        remaining=row["remaining"],
        remaining_at=row["remaining_at"],
        others=row["others"],
        others_before=row["others_before"],
        carried=row["carried"],
        closed_until=row["closed_until"],
        holders=frozenset(row["holders"]),
        holders_before=frozenset(row["holders_before"]),
    )
