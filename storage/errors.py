"""Storage's failures, told apart by what the caller should do.

StorageError
├── StorageUnavailable   the database is away, restarting, overloaded or too slow: the same work will do later
├── ConcurrentChange     another transaction was faster (deadlock, serialization, a lost race): begin the transaction
again └── RecordRefused        the database refuses this very data: repeating it changes nothing
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

__all__ = ["ConcurrentChange", "RecordRefused", "StorageError", "StorageUnavailable", "translated"]


class StorageError(Exception):
    """Whatever the database said no with."""


class StorageUnavailable(StorageError):
    """Nothing is known of the data; the database cannot do the work at this moment."""


class ConcurrentChange(StorageError):
    """The transaction lost against another one and was rolled back; begun again it may win."""


class RecordRefused(StorageError):
    """A value or a constraint stands against this data."""


_LOST_RACES = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,
)
_REFUSALS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.UntranslatableCharacterError,
)
_ABSENCES = (
    OSError,
    TimeoutError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalClientError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # A missing table, column or grant: the schema is behind the code, or the code is wrong; never a record.
    asyncpg.SyntaxOrAccessError,
)


@contextmanager
def translated() -> Iterator[None]:
    """Turn asyncpg's and the socket's errors into storage's own, at the one boundary that knows asyncpg.

    A unique violation counts as a lost race: each of our inserts says what a known conflict means (ON CONFLICT), so one
    that still surfaces comes from a row that another transaction committed after we looked. Begun again, we see it.
    """
    try:
        yield
    except asyncpg.InterfaceError as error:
        # asyncpg's refusal to encode a value is both an InterfaceError and a ValueError; a closed pool is only the
        # first.
        raised = RecordRefused if isinstance(error, ValueError) else StorageUnavailable
        raise raised(_told(error)) from error
    except _LOST_RACES as error:
        raise ConcurrentChange(_told(error)) from error
    except _REFUSALS as error:
        raise RecordRefused(_told(error)) from error
    except _ABSENCES as error:
        raise StorageUnavailable(_told(error)) from error


def _told(error: BaseException) -> str:
    """The kind and the constraint; never the values, which may be personal."""
    constraint = getattr(error, "constraint_name", None)
    name = type(error).__name__
    return f"{name} on {constraint}" if constraint else name
