"""Arbitration on the account: what a customer's risk or a stop holds is held back, and goes on once nothing holds it.

Holding back looks at how things stand and not at what happened: it may be done again at any time, and finds whatever an
earlier look could not see, as somebody whose add was under way.
"""

from collections.abc import Collection
from datetime import datetime

from enrollment.states import Happening
from schemas.vocabulary import EnrollmentState, Reason
from storage import directory, enrollments, holds
from storage.directory import CustomerKey
from storage.evaluations import Deferral
from storage.pool import Connection
from workflows.commands import add_pause, add_resume
from workflows.transitions import Change, transition

__all__ = ["hold_back", "resume"]


async def hold_back(connection: Connection, customers: Collection[CustomerKey], now: datetime) -> list[Deferral]:
    """Withdraw the pending upsell of customers at risk, and have paused who is on a cadence that is held.

    The caller has the customers' locks. Answers the events of what was withdrawn, to be decided again: while the hold
    lasts that defers them.
    """
    found = dict(await holds.to_hold_back(connection, customers, now))
    if not found:
        return []
    locked = await enrollments.lock(connection, found.keys())
    active = [one for one in locked.values() if one.state is EnrollmentState.ENROLLED]
    pending = [one for one in locked.values() if one.state is not EnrollmentState.ENROLLED]
    if active:
        await holds.ask_pauses(connection, [(one, found[one.id]) for one in active], now)
        await add_pause(connection, active, now)
    changes = [Change(enrollment=one, happening=Happening.END, reason=Reason.PREEMPTED.value) for one in pending]
    await transition(connection, changes, now)
    return await holds.events_of(connection, pending, now)


async def resume(connection: Connection, *, limit: int, now: datetime) -> int:
    """Have added back whom nothing holds any more; each passes the gate again before it. Answers how many."""
    found = await holds.to_resume(connection, now=now, limit=limit)
    if not found:
        return 0
    await directory.lock_customers(connection, {customer for customer, _ in found})
    still = {one for _, one in await holds.to_resume(connection, now=now, limit=limit)}
    locked = await enrollments.lock(connection, [one for _, one in found if one in still])
    await add_resume(connection, list(locked.values()), now)
    return len(found)
