"""Which handler carries out which kind of command."""

import random
from collections.abc import Callable

from fulfillment.cadences import RefreshCadences
from fulfillment.carrying import Handler, Workbench
from fulfillment.enroll import Enroll
from fulfillment.people_sync import SyncPeople
from fulfillment.steer import Remove
from workflows.commands import CommandKind

__all__ = ["all_handlers"]


def all_handlers(bench: Workbench, *, chance: Callable[[], float] = random.random) -> dict[str, Handler]:
    """A handler for each kind; `chance` draws from [0, 1)."""
    return {
        CommandKind.ENROLL: Enroll(bench, chance),
        CommandKind.REMOVE: Remove(bench, chance),
        CommandKind.REFRESH_CADENCES: RefreshCadences(bench),
        CommandKind.SYNC_PEOPLE: SyncPeople(bench),
    }
