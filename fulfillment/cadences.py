"""Refresh cadences: read the team's cadences, steps and users again."""

from fulfillment.carrying import Outcome, Parked, Workbench
from salesloft_client import Lane
from storage import commands
from storage.commands import Claimed
from workflows.catalogue import keep_catalogue, read_catalogue
from workflows.session import NotConnected

__all__ = ["RefreshCadences"]


class RefreshCadences:
    """Carries out `refresh_cadences` commands."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    async def carry_out(self, command: Claimed) -> Outcome:
        """See `fulfillment.carrying.Handler`."""
        bench = self._bench
        try:
            session = await bench.sessions.of(command.organization_id)
        except NotConnected as error:
            async with bench.database.connection() as connection:
                await commands.release(connection, command, error=str(error))
            raise Parked from error
        catalogue = await read_catalogue(bench.client(session, command).using(lane=Lane.POLL))
        now = bench.clock.now()
        async with bench.database.transaction() as connection:
            await commands.hold(connection, command)
            await keep_catalogue(connection, command.organization_id, catalogue, now)
            await commands.finish(connection, command, outcome="refreshed", now=now)
        return Outcome.DONE
