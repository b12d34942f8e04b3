"""Writes of the API that came with a key: who is at them, and what was answered. All instants are real time."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from storage.pool import Connection
from storage.queries import queries

__all__ = ["Answered", "KeyOf", "Known", "answer", "begin", "forget", "give_back", "prune", "read", "take_over"]


@dataclass(frozen=True, slots=True)
class KeyOf:
    """A key, which is one of a caller's in an organization."""

    organization_id: str
    user_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered; `sealed` holds headers and body, encrypted under the key of that id."""

    status: int
    sealed: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class Known:
    """A request that was taken on under a key; `is_running` while somebody may be at it."""

    fingerprint: bytes
    answered: Answered | None
    is_running: bool


async def begin(connection: Connection, of: KeyOf, *, fingerprint: bytes, token: UUID, lease_s: float) -> bool:
    """Take a request on for some seconds; False where there is one under that key."""
    begun: str | None = await queries.begin_request(
        connection, **_key(of), fingerprint=fingerprint, token=token, lease_s=lease_s
    )
    return begun is not None


async def read(connection: Connection, of: KeyOf) -> Known | None:
    """The request under a key, locked until the commit."""
    rows = await queries.read_request(connection, **_key(of))
    if not rows:
        return None
    row = rows[0]
    answered = Answered(row["status"], row["sealed"], row["key_id"]) if row["status"] is not None else None
    return Known(row["fingerprint"], answered, row["is_running"])


async def take_over(connection: Connection, of: KeyOf, *, token: UUID, lease_s: float) -> None:
    """Be at a request that nobody is at any more; who was can answer it no more."""
    await queries.take_request_over(connection, **_key(of), token=token, lease_s=lease_s)


async def answer(connection: Connection, of: KeyOf, token: UUID, answered: Answered) -> None:
    """Keep what was answered, unless another one has taken the request over."""
    await queries.answer_request(
        connection, **_key(of), token=token, status=answered.status, sealed=answered.sealed, key_id=answered.key_id
    )


async def give_back(connection: Connection, of: KeyOf, token: UUID) -> None:
    """Nobody is at it any more, and what came of it is not known."""
    await queries.give_request_back(connection, **_key(of), token=token)


async def forget(connection: Connection, of: KeyOf, token: UUID) -> None:
    """Nothing came of it."""
    await queries.forget_request(connection, **_key(of), token=token)


async def prune(connection: Connection, *, began_before: datetime, limit: int) -> int:
    """Delete up to `limit` requests that began before an instant; returns how many."""
    deleted: int = await queries.prune_requests(connection, began_before=began_before, at_most=limit)
    return deleted


def _key(of: KeyOf) -> dict[str, str]:
    return {"organization_id": of.organization_id, "user_id": of.user_id, "key": of.key}
