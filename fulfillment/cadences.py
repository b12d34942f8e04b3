"""Refresh cadences: read the team's cadences, steps and users again, and the counts of those that are in use."""

from datetime import timedelta

import structlog

from fulfillment.carrying import Outcome, Workbench
from salesloft_client import Lane, Refused, SalesloftClient, SalesloftError, Throttled, Unauthorized
from storage import cadences, commands
from storage.commands import Claimed
from workflows.catalogue import read_catalogue, refresh_catalogue
from workflows.session import Session

__all__ = ["RefreshCadences"]

_log = structlog.get_logger(__name__)

# A cadence's counts are a call each: some of them at a reading, whichever were not read for longest.
_STATS_AT_ONCE = 50
_STATS_EVERY = timedelta(hours=6)


class RefreshCadences:
    """Carries out `refresh_cadences` commands."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    async def carry_out(self, command: Claimed) -> Outcome:
        """See `fulfillment.carrying.Handler`. Until it has succeeded, what was read before is what there is."""
        bench = self._bench
        session = await bench.session(command)
        client = bench.client(session, command)
        try:
            catalogue = await read_catalogue(client.using(lane=Lane.POLL))
        except (Throttled, Unauthorized) as error:
            return await self._put_off(command, session, error)
        now = bench.clock.now()
        async with bench.database.transaction() as connection:
            await commands.hold(connection, command)
            await bench.hold_team(connection, session)
            changed = await refresh_catalogue(connection, command.organization_id, catalogue, now)
        await self._read_stats(command, client.using(lane=Lane.BACKFILL))
        async with bench.database.transaction() as connection:
            outcome = "changed" if changed else "unchanged"
            await commands.finish(connection, command, outcome=outcome, now=bench.clock.now())
        return Outcome.DONE

    async def _read_stats(self, command: Claimed, client: SalesloftClient) -> None:
        """Nothing waits for counts: what cannot be read now is read another time."""
        organization_id, now = command.organization_id, self._bench.clock.now()
        async with self._bench.database.connection() as connection:
            due = await cadences.without_stats(
                connection, organization_id, before=now - _STATS_EVERY, limit=_STATS_AT_ONCE
            )
        for cadence_id in due:
            try:
                stats = await client.cadence_stats(cadence_id)
            except Refused as error:
                # This page of Salesloft's is not sure to be there for everybody.
                _log.info("cadence_stats_refused", cadence_id=cadence_id, status=error.status)
                return
            except SalesloftError as error:
                _log.info("cadence_stats_not_read", cadence_id=cadence_id, error=str(error))
                return
            counts = stats.model_dump(exclude_none=True)
            async with self._bench.database.transaction() as connection:
                await commands.hold(connection, command)
                await cadences.put_stats(connection, organization_id, cadence_id, counts, self._bench.clock.now())

    async def _put_off(self, command: Claimed, session: Session, error: Throttled | Unauthorized) -> Outcome:
        if isinstance(error, Unauthorized):
            await self._bench.sessions.rejected(session, "unauthorized")
        due_at = error.retry_at if isinstance(error, Throttled) else None
        async with self._bench.database.connection() as connection:
            await commands.release(connection, command, error=str(error), due_at=due_at)
        return Outcome.PARKED
