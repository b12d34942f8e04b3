"""What asyncpg hands out, as the kinds that everything else knows."""

from uuid import UUID

__all__ = ["plain_uuid"]


def plain_uuid(value: UUID) -> UUID:
    """A plain UUID: asyncpg's own is a subclass, which orjson does not take."""
    return UUID(int=value.int)
