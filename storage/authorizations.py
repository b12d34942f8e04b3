"""Authorizations that users have begun: one at a time for a user of an organization, each good once."""

from datetime import datetime

from storage.pool import Connection
from storage.queries import queries

__all__ = ["begin", "redeem"]


async def begin(
    connection: Connection, organization_id: str, user_id: str, *, nonce: str, expires_at: datetime
) -> None:
    """Note an authorization, good until `expires_at` (business time); the user's one before is good no more."""
    await queries.begin_authorization(
        connection, organization_id=organization_id, user_id=user_id, nonce=nonce, expires_at=expires_at
    )


async def redeem(connection: Connection, organization_id: str, user_id: str, *, nonce: str, now: datetime) -> bool:
    """Use it up; false where it is not to be had: used, overtaken by another one, or over."""
    redeemed: str | None = await queries.redeem_authorization(
        connection, organization_id=organization_id, user_id=user_id, nonce=nonce, now=now
    )
    return redeemed is not None
