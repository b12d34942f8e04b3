"""An organization's list of addresses and domains that are never contacted."""

from collections.abc import Iterable
from datetime import datetime

from enrollment.suppression import Suppressible, suppressible
from storage import organizations, policies
from storage.pool import Connection
from workflows import audit
from workflows.audit import Action, Done

__all__ = ["suppress", "unsuppress"]


async def suppress(
    connection: Connection, organization_id: str, typed: Iterable[str], *, note: str | None, by: str, now: datetime
) -> set[Suppressible]:
    """Put addresses and domains on the list and answer those that were not on it.

    Whoever is not yet enrolled is not enrolled from now on, approved or not. Raises NotSuppressible.
    """
    entries = {suppressible(one) for one in typed}
    await organizations.ensure(connection, [organization_id], now)
    added = await policies.add_suppressions(connection, organization_id, entries, note=note, by=by, now=now)
    if added:
        await audit.note(connection, *_done(organization_id, Action.SUPPRESSED, added, by), now=now)
        await organizations.advance_decision_version(connection, organization_id, now)
    return added


async def unsuppress(
    connection: Connection, organization_id: str, typed: Iterable[str], *, by: str, now: datetime
) -> set[Suppressible]:
    """Take addresses and domains off the list and answer those that were on it. Raises NotSuppressible."""
    entries = {suppressible(one) for one in typed}
    removed = await policies.remove_suppressions(connection, organization_id, entries, by=by, now=now)
    if removed:
        await audit.note(connection, *_done(organization_id, Action.UNSUPPRESSED, removed, by), now=now)
        await organizations.advance_decision_version(connection, organization_id, now)
    return removed


def _done(organization_id: str, action: Action, entries: Iterable[Suppressible], by: str) -> list[Done]:
    """An address is personal and a domain may tell of one person, so both are noted as digests."""
    return [
        Done(organization_id, action, f"suppression/{one.kind}", by=by, digested=one.value)
        for one in sorted(entries, key=lambda entry: (entry.kind, entry.value))
    ]
