"""What the local stack is asked to be."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

from platformdirs import user_cache_path

from sandbox.stack.errors import StackError

__all__ = ["StackOptions", "StackSource"]

PREFIX = "CSCX_SALESLOFT_"
ROOM_IN_MEMORY = 4 * 2**30


class StackSource(StrEnum):
    """Where a server comes from that settings do not name."""

    PROCESS = "process"
    DOCKER = "docker"


def memory_folder(shared_memory: Path = Path("/dev/shm")) -> Path | None:  # noqa: S108 - the folders in it are private
    """Linux's folder in memory, if there is enough of it and programs may be run from it."""
    try:
        room = os.statvfs(shared_memory)
    except OSError:
        return None
    has_room = room.f_bavail * room.f_frsize >= ROOM_IN_MEMORY
    usable = has_room and not room.f_flag & os.ST_NOEXEC and os.access(shared_memory, os.W_OK)
    return shared_memory if usable else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """Where bus and database come from, and where what they need is kept.

    `kafka_bootstrap_servers` and `database_url` (the owner's DSN) name servers that run already. `data` keeps topics
    and tables from one start to the next, one folder a server; without it they end with the stack. `cache` holds what
    was fetched. `fsync` off is for tests that never cut the power: Postgres may then lose data in a crash of the
    machine, not in one of its own. `temporary` is where folders are made that end with the stack.
    """

    kafka_bootstrap_servers: str | None = None
    database_url: str | None = None
    source: StackSource = StackSource.PROCESS
    data: Path | None = None
    cache: Path = field(default_factory=lambda: user_cache_path("cscx-salesloft"))
    fsync: bool = True
    temporary: Path | None = None

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, *, data: Path | None = None, fsync: bool = True
    ) -> Self:
        """Read `CSCX_SALESLOFT_KAFKA_BOOTSTRAP_SERVERS`, `..._DATABASE_URL`, `..._STACK` and `..._CACHE`.

        Raises `StackError` for a source that does not exist.
        """
        asked = environment.get(f"{PREFIX}STACK") or StackSource.PROCESS
        try:
            source = StackSource(asked)
        except ValueError as error:
            known = " or ".join(StackSource)
            raise StackError(f"{PREFIX}STACK is {asked!r}; it can be {known}") from error
        cache = environment.get(f"{PREFIX}CACHE")
        return cls(
            kafka_bootstrap_servers=environment.get(f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS") or None,
            database_url=environment.get(f"{PREFIX}DATABASE_URL") or None,
            source=source,
            data=data,
            cache=Path(cache).expanduser() if cache else user_cache_path("cscx-salesloft"),
            fsync=fsync,
            # What need not outlive the machine is not put on its disk: in memory a database is copied in a tenth.
            temporary=None if fsync else memory_folder(),
        )
