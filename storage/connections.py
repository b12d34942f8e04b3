"""Organizations' connections to their Salesloft teams: the encrypted credential, its generation, the status."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "CredentialKind",
    "EncryptedCredential",
    "SalesloftConnection",
    "connected_organizations",
    "disconnect",
    "ensure_streams",
    "forget_team",
    "give_up",
    "lock",
    "organization_of_team",
    "put",
    "put_credential",
    "read",
    "reseal",
    "sealed_under_other_keys",
    "stale_catalogues",
]

CredentialKind = Literal["oauth", "api_key", "client_credentials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedCredential:
    """A credential under the key of that id; `expires_at` is its access token's end, None where it has none."""

    kind: CredentialKind
    secret: bytes = field(repr=False)
    key_id: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesloftConnection:
    """A connection as it stands. `generation` moves with every change of the credential.

    `scopes` are those that Salesloft told, None where it told none.
    """

    organization_id: str
    team_id: int
    team_name: str | None
    status: Literal["connected", "needs_reauthorization", "disconnected"]
    status_reason: str | None
    status_since: datetime
    generation: int
    scopes: frozenset[str] | None
    connected_at: datetime
    connected_by: str | None
    credential: EncryptedCredential | None


async def read(connection: Connection, organization_id: str) -> SalesloftConnection | None:
    """An organization's connection, None where it never had one."""
    return _connection(await queries.read_connection(connection, organization_id=organization_id))


async def lock(connection: Connection, organization_id: str, *, wait_s: float) -> SalesloftConnection | None:
    """The same, locked until the commit. Raises ConcurrentChange where the lock is not free within `wait_s`."""
    await queries.bound_lock_wait(connection, milliseconds=str(max(1, int(wait_s * 1000))))
    return _connection(await queries.lock_connection(connection, organization_id=organization_id))


async def organization_of_team(connection: Connection, team_id: int) -> str | None:
    """The organization that has this team."""
    found: str | None = await queries.organization_of_team(connection, team_id=team_id)
    return found


async def put(
    connection: Connection,
    organization_id: str,
    *,
    team_id: int,
    team_name: str | None,
    credential: EncryptedCredential,
    scopes: Collection[str] | None,
    by: str | None,
    now: datetime,
) -> int:
    """Connect, or connect again; answers the credential's generation."""
    generation: int = await queries.put_connection(
        connection,
        organization_id=organization_id,
        team_id=team_id,
        team_name=team_name,
        credential_kind=credential.kind,
        secret=credential.secret,
        key_id=credential.key_id,
        expires_at=credential.expires_at,
        scopes=None if scopes is None else sorted(scopes),
        connected_by=by,
        now=now,
    )
    return generation


async def put_credential(
    connection: Connection, organization_id: str, credential: EncryptedCredential, *, generation: int, now: datetime
) -> int | None:
    """Replace the credential of that generation; answers the new one, None where somebody else has replaced it."""
    replaced: int | None = await queries.put_credential(
        connection,
        organization_id=organization_id,
        secret=credential.secret,
        key_id=credential.key_id,
        expires_at=credential.expires_at,
        generation=generation,
        now=now,
    )
    return replaced


async def give_up(
    connection: Connection, organization_id: str, *, generation: int, reason: str, now: datetime
) -> int | None:
    """Note that the credential of that generation is refused; answers the team, None where there is nothing to note."""
    team_id: int | None = await queries.give_up_connection(
        connection, organization_id=organization_id, generation=generation, reason=reason, now=now
    )
    return team_id


async def connected_organizations(connection: Connection) -> list[str]:
    """Organizations whose connection lives."""
    return [row["organization_id"] for row in await queries.connected_organizations(connection)]


async def stale_catalogues(
    connection: Connection, *, before: datetime, hinted_before: datetime, limit: int
) -> list[str]:
    """Connected organizations whose cadences were read before an instant; locked, others' locks passed over.

    Where a delivery has told of a change it is the later instant that counts.
    """
    rows = await queries.stale_catalogues(connection, before=before, hinted_before=hinted_before, limit=limit)
    return [row["organization_id"] for row in rows]


async def ensure_streams(connection: Connection, organization_id: str, streams: Sequence[str], now: datetime) -> None:
    """Have streams of the team's records read from now on; those that are read already stay where they are."""
    await queries.ensure_streams(connection, organization_id=organization_id, streams=list(streams), now=now)


async def disconnect(connection: Connection, organization_id: str, *, now: datetime) -> int | None:
    """Drop the credential; answers the team that is free now, None where there was no connection.

    Mappings, history and cursors stay. What has to do with deliveries goes with the credential.
    """
    team_id: int | None = await queries.disconnect(connection, organization_id=organization_id, now=now)
    if team_id is not None:
        await queries.drop_webhooks(connection, organization_id=organization_id)
        await queries.drop_hints(connection, organization_id=organization_id)
    return team_id


async def sealed_under_other_keys(connection: Connection, key_id: str) -> list[str]:
    """Organizations that have a secret under another key than this one."""
    rows = await queries.sealed_under_other_keys(connection, key_id=key_id)
    return [row["organization_id"] for row in rows]


async def reseal(connection: Connection, organization_id: str, *, secret: bytes, key_id: str) -> None:
    """Store the same credential under another key. The caller holds the connection's lock."""
    await queries.reseal_connection(connection, organization_id=organization_id, secret=secret, key_id=key_id)


async def forget_team(connection: Connection, organization_id: str, *, team_id: int) -> None:
    """Forget cursors, users and links to people: the organization is connected to another team than this one.

    What was published without a connection is parked with the rest from now on.
    """
    await queries.bind_mappings(connection, organization_id=organization_id, team_id=team_id)
    await queries.drop_webhooks(connection, organization_id=organization_id)
    await queries.drop_hints(connection, organization_id=organization_id)
    await queries.drop_reconciliation(connection, organization_id=organization_id)
    await queries.drop_owed(connection, organization_id=organization_id)
    await queries.forget_streams(connection, organization_id=organization_id)
    await queries.forget_people(connection, organization_id=organization_id)


def _connection(rows: Sequence[Any]) -> SalesloftConnection | None:
    if not rows:
        return None
    row = rows[0]
    credential = None
    if row["secret"] is not None:
        credential = EncryptedCredential(
            kind=row["credential_kind"], secret=row["secret"], key_id=row["key_id"], expires_at=row["expires_at"]
        )
    return SalesloftConnection(
        organization_id=row["organization_id"],
        team_id=row["team_id"],
        team_name=row["team_name"],
        status=row["status"],
        status_reason=row["status_reason"],
        status_since=row["status_since"],
        generation=row["token_generation"],
        scopes=None if row["scopes"] is None else frozenset(row["scopes"]),
        connected_at=row["connected_at"],
        connected_by=row["connected_by"],
        credential=credential,
    )
