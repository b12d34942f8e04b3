"""Which of Salesloft's events are delivered to us, and what a delivery is taken for: a hint, never the truth.

A delivery has no id, no time and no order, comes more than once or never, and is tried for a minute at most (Salesloft
docs: webhooks). It names a record; whoever reads the team's records reads that one, and what they make of it is the
same however often and in whatever order they are told. What never comes is found by cursor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import orjson
import structlog

from salesloft_client import NewSubscription, RetryClass, SalesloftClient, SalesloftError, WebhookSubscription
from storage import webhooks
from storage.pool import Connection
from storage.sync import SyncStream
from storage.webhooks import Receiver
from workflows.credentials import Keyring, Sealed

__all__ = [
    "EVENT_TYPES",
    "CallbackAddress",
    "callback_token",
    "end_deliveries",
    "ensure_deliveries",
    "new_receiver",
    "take_in",
]

_log = structlog.get_logger(__name__)

_STREAMS: dict[str, SyncStream] = {
    "cadence_membership_created": SyncStream.MEMBERSHIPS,
    "cadence_membership_updated": SyncStream.MEMBERSHIPS,
    "email_updated": SyncStream.EMAILS,
    "call_created": SyncStream.CALLS,
    "call_updated": SyncStream.CALLS,
    "person_created": SyncStream.PEOPLE,
    "person_updated": SyncStream.PEOPLE,
    "person_deleted": SyncStream.PEOPLE,
    "account_created": SyncStream.ACCOUNTS,
    "account_updated": SyncStream.ACCOUNTS,
    "account_deleted": SyncStream.ACCOUNTS,
}
_CATALOGUE = frozenset(
    f"{record}_{change}" for record in ("cadence", "step", "user") for change in ("created", "updated", "deleted")
) - {"user_deleted"}

EVENT_TYPES = frozenset(_STREAMS) | _CATALOGUE
"""The types that are subscribed to, of those that Salesloft documents."""


@dataclass(frozen=True, slots=True)
class CallbackAddress:
    """Where receivers are reached: `base` is the address of our HTTP API as Salesloft sees it."""

    base: str

    @property
    def prefix(self) -> str:
        """What every receiver's address begins with."""
        return f"{self.base.rstrip('/')}/api/webhooks/salesloft/"

    def of(self, receiver_id: UUID) -> str:
        """One receiver's address."""
        return f"{self.prefix}{receiver_id}"


def new_receiver(organization_id: str, keyring: Keyring) -> Receiver:
    """A receiver for an organization, with a callback token that nobody knows."""
    sealed = keyring.seal_parts(organization_id, uuid4().hex + uuid4().hex)
    return Receiver(organization_id=organization_id, receiver_id=uuid4(), secret=sealed.secret, key_id=sealed.key_id)


def callback_token(receiver: Receiver, keyring: Keyring) -> str:
    """What a receiver's deliveries are signed with. Raises CredentialUnreadable."""
    return keyring.open_parts(receiver.organization_id, Sealed(receiver.secret, receiver.key_id))[0]


async def ensure_deliveries(
    client: SalesloftClient, receiver: Receiver, keyring: Keyring, address: CallbackAddress
) -> list[str]:
    """Have Salesloft deliver each type of event once, and answer the types that it refuses.

    May run again after any failure: what is there already is seen and left. Raises the client's errors but for the
    refusal of a type, and CredentialUnreadable.
    """
    url, token = address.of(receiver.receiver_id), callback_token(receiver, keyring)
    wanted = set(EVENT_TYPES)
    for one in await _ours(client, receiver):
        as_wanted = one.callback_url == url and one.enabled is not False and one.callback_token in (None, token)
        if as_wanted and one.event_type in wanted:
            wanted.discard(one.event_type)
        else:
            await client.delete_webhook_subscription(one.id)
    refused: list[str] = []
    for event_type in sorted(wanted):
        subscription = NewSubscription(callback_url=url, callback_token=token, event_type=event_type)
        try:
            await client.create_webhook_subscription(subscription)
        except SalesloftError as error:
            if error.retry_class is not RetryClass.PERMANENT:
                raise
            refused.append(event_type)
            _log.warning("salesloft_webhook_refused", event_type=event_type, error=str(error))
    return refused


async def end_deliveries(client: SalesloftClient, receiver: Receiver) -> None:
    """Have Salesloft deliver nothing more. Raises the client's errors."""
    for one in await _ours(client, receiver):
        await client.delete_webhook_subscription(one.id)


async def _ours(client: SalesloftClient, receiver: Receiver) -> Sequence[WebhookSubscription]:
    """The receiver's subscriptions, also those to an address that we once had."""
    end = f"/{receiver.receiver_id}"
    return [one for one in (await client.webhook_subscriptions()).rows if (one.callback_url or "").endswith(end)]


async def take_in(connection: Connection, organization_id: str, event_type: str | None, body: bytes) -> bool:
    """Keep what a delivery hints at; false where it hints at nothing that is read."""
    if event_type in _CATALOGUE:
        await webhooks.hint_catalogue(connection, organization_id)
        return True
    stream = _STREAMS.get(event_type or "")
    record_id = _record_id(body)
    if event_type is None or stream is None or record_id is None:
        return False
    await webhooks.hint(connection, organization_id, stream, record_id, deleted=event_type.endswith("_deleted"))
    return True


def _record_id(body: bytes) -> int | None:
    try:
        record = orjson.loads(body)
        # A number, or digits in a string; anything else names no record.
        record_id = int(record["id"]) if not isinstance(record["id"], bool | float) else 0
    except (ValueError, TypeError, KeyError):
        return None
    return record_id if 0 < record_id < 2**63 else None
