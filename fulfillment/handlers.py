"""Which handler carries out which kind of command."""

import random
from collections.abc import Callable

from fulfillment.cadences import RefreshCadences
from fulfillment.carrying import Handler, Workbench
from fulfillment.disconnect import Disconnect
from fulfillment.enroll import Enroll
from fulfillment.pausing import Pause
from fulfillment.people_sync import SyncPeople
from fulfillment.resuming import Resume
from fulfillment.steer import Remove
from fulfillment.webhooks import EnsureWebhooks
from workflows.commands import CommandKind
from workflows.webhooks import CallbackAddress

__all__ = ["all_handlers"]


def all_handlers(
    bench: Workbench, *, callback: CallbackAddress | None = None, chance: Callable[[], float] = random.random
) -> dict[str, Handler]:
    """A handler for each kind; `chance` draws from [0, 1). Without a `callback` there is nothing to be delivered to."""
    handlers: dict[str, Handler] = {
        CommandKind.ENROLL: Enroll(bench, chance),
        CommandKind.REMOVE: Remove(bench, chance),
        CommandKind.PAUSE: Pause(bench, chance),
        CommandKind.RESUME: Resume(bench, chance),
        CommandKind.REFRESH_CADENCES: RefreshCadences(bench),
        CommandKind.SYNC_PEOPLE: SyncPeople(bench),
        CommandKind.DISCONNECT: Disconnect(bench),
    }
    if callback is not None:
        handlers[CommandKind.ENSURE_WEBHOOKS] = EnsureWebhooks(bench, callback)
    return handlers
