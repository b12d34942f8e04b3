"""Disconnect: end a team's connection once nothing is to be done at Salesloft any more."""

from fulfillment.carrying import Outcome, Workbench
from storage import commands
from storage.commands import Claimed
from workflows.session import NotConnected

__all__ = ["Disconnect"]


class Disconnect:
    """Carries out `disconnect` commands; `by` is in the payload."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    async def carry_out(self, command: Claimed) -> Outcome:
        """See `fulfillment.carrying.Handler`."""
        bench = self._bench
        try:
            await bench.sessions.disconnect(command.organization_id, by=command.payload["by"])
        except NotConnected:
            outcome = "not_connected"
        else:
            outcome = "disconnected"
        async with bench.database.transaction() as connection:
            await commands.finish(connection, command, outcome=outcome, now=bench.clock.now())
        return Outcome.DONE
