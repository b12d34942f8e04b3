"""Moving what is kept secret to the current key, so that an older one can be taken away."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog

from storage import connections, webhooks
from storage.pool import Connection, Database
from workflows.audit import Action, Done, note
from workflows.clock import Clock
from workflows.credentials import CredentialUnreadable, Keyring, Sealed

__all__ = ["Rotated", "rotate_keys"]

_log = structlog.get_logger(__name__)
_LOCK_WAIT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """How far it is: `done` of `total` organizations were looked at; `unreadable` names the last where no key fits."""

    done: int
    total: int
    organization_id: str
    unreadable: str | None


async def rotate_keys(database: Database, keyring: Keyring, *, by: str, clock: Clock) -> AsyncIterator[Rotated]:
    """Move each organization's secrets to the current key, one organization a transaction, and say how far it is.

    May be broken off anywhere and begun again, beside processes that run: who refreshes a token waits for the lock, or
    is waited for. The processes have to know the current key before. Raises storage's errors.
    """
    async with database.connection() as connection:
        waiting = await connections.sealed_under_other_keys(connection, keyring.current)
    for number, organization_id in enumerate(waiting, start=1):
        unreadable = None
        try:
            async with database.transaction() as connection:
                await _rotate(connection, organization_id, keyring)
                done = Done(organization_id, Action.KEY_ROTATED, f"key/{keyring.current}", by=by)
                await note(connection, done, now=clock.now())
        except CredentialUnreadable as error:
            unreadable = str(error)
            _log.warning("secret_not_rotated", organization_id=organization_id, error=str(error))
        yield Rotated(done=number, total=len(waiting), organization_id=organization_id, unreadable=unreadable)


async def _rotate(connection: Connection, organization_id: str, keyring: Keyring) -> None:
    stored = await connections.lock(connection, organization_id, wait_s=_LOCK_WAIT_S)
    if stored is not None and stored.credential is not None:
        sealed = Sealed(stored.credential.secret, stored.credential.key_id)
        if sealed.key_id != keyring.current:
            sealed = keyring.resealed(organization_id, sealed)
            await connections.reseal(connection, organization_id, secret=sealed.secret, key_id=sealed.key_id)
    receiver = await webhooks.receiver_of(connection, organization_id)
    if receiver is not None and receiver.key_id != keyring.current:
        sealed = keyring.resealed(organization_id, Sealed(receiver.secret, receiver.key_id))
        await webhooks.reseal_receiver(connection, organization_id, secret=sealed.secret, key_id=sealed.key_id)
