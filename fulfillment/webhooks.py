"""Ensure webhooks: have Salesloft deliver to us what changes."""

from fulfillment.carrying import Outcome, Workbench
from salesloft_client import Lane
from storage import commands, webhooks
from storage.commands import Claimed
from storage.webhooks import Receiver
from workflows.webhooks import CallbackAddress, ensure_deliveries, new_receiver

__all__ = ["EnsureWebhooks"]


class EnsureWebhooks:
    """Carries out `ensure_webhooks` commands."""

    def __init__(self, bench: Workbench, address: CallbackAddress) -> None:
        self._bench = bench
        self._address = address

    async def carry_out(self, command: Claimed) -> Outcome:
        """See `fulfillment.carrying.Handler`."""
        bench = self._bench
        session = await bench.session(command)
        receiver = await self._receiver(command)
        client = bench.client(session, command).using(lane=Lane.POLL)
        refused = await ensure_deliveries(client, receiver, bench.sessions.keyring, self._address)
        now = bench.clock.now()
        async with bench.database.transaction() as connection:
            await commands.hold(connection, command)
            url = self._address.of(receiver.receiver_id)
            await webhooks.ensured(connection, command.organization_id, callback_url=url, now=now)
            left = f"refused: {', '.join(refused)}" if refused else None
            await commands.finish(connection, command, outcome="ensured", error=left, now=now)
        return Outcome.DONE

    async def _receiver(self, command: Claimed) -> Receiver:
        """The organization's receiver, which is stored before Salesloft hears of it: a delivery may come at once."""
        made = new_receiver(command.organization_id, self._bench.sessions.keyring)
        async with self._bench.database.transaction() as connection:
            await commands.hold(connection, command)
            return await webhooks.make_receiver(connection, made)
