"""Bring the schema up to date with dbmate, safely when several replicas start at once."""

import asyncio
import shutil
import sys
from importlib.resources import files
from pathlib import Path

import asyncpg

from storage.errors import StorageError, translated

__all__ = ["MigrationFailed", "migrate"]

# One number for "migrating this service's schema"; any constant would do, it only has to stay the same.
_LOCK = 0x63736378
_RETRY_SECONDS = 0.1


class MigrationFailed(StorageError):
    """dbmate refused a migration; the message is its own last line."""


async def migrate(dsn: str, *, deadline_seconds: float = 120.0) -> list[str]:
    """Apply what is missing as the schema's owner and return the names of the migrations applied.

    dbmate alone lets several starters apply the same file, so each waits for an advisory lock. The lock is tried and
    not awaited in the server: a session that waits inside a statement holds a snapshot, on which a migration that
    builds an index concurrently would wait in turn.
    """
    async with asyncio.timeout(deadline_seconds):
        with translated():
            connection = await asyncpg.connect(dsn, timeout=10)
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110  # another process signals nothing
                await asyncio.sleep(_RETRY_SECONDS)
            return await _dbmate_up(dsn)
        finally:
            await connection.close(timeout=5)


async def _dbmate_up(dsn: str) -> list[str]:
    executable = shutil.which("dbmate", path=str(Path(sys.executable).parent)) or shutil.which("dbmate")
    if executable is None:
        raise MigrationFailed("the dbmate program is missing: install the project's requirements (scripts/install)")
    url = dsn if "sslmode=" in dsn else f"{dsn}{'&' if '?' in dsn else '?'}sslmode=disable"
    process = await asyncio.create_subprocess_exec(
        executable, "--url", url, "--migrations-dir", str(Path(str(files("sql"))) / "migrations"), "--no-dump-schema",
        "migrate", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        output, errors = await process.communicate()
    except BaseException:
        process.kill()
        raise
    if process.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines() or ["no message"]
        raise MigrationFailed(f"dbmate: {lines[-1]}")
    return [
        line.removeprefix("Applied: ").split(" in ")[0]
        for line in output.decode().splitlines()
        if line.startswith("Applied: ")
    ]
