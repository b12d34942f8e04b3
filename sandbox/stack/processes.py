"""Our end of a guardian: one server process that cannot outlive us, and the folder it lives in."""

import asyncio
import contextlib
import json
import os
import pwd
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from sandbox.stack import guardian
from sandbox.stack.errors import ServerFailedError, StackError

__all__ = ["Account", "GuardedProcess", "guarded_process", "unprivileged_account"]

ANSWER_SECONDS = 10.0
_LOOK_SECONDS = 0.005

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The system account that a server runs under where it is not our own."""

    uid: int
    gid: int

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)


def unprivileged_account() -> Account | None:
    """The account to run under a server that refuses root: None where we are not root and it may have our own.

    It is `nobody`, which every Unix has: `initdb` wants an account with a name, and none is added to this machine.
    """
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise StackError("PostgreSQL refuses root, and there is no account 'nobody' here: start as a user") from error
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


class GuardedProcess:
    """A server process under a guardian. At most one at a time; a new one may be spawned after the old has ended."""

    def __init__(self, process: asyncio.subprocess.Process, *, name: str) -> None:
        self._process = process
        self._name = name
        self._folder: asyncio.Future[Path] = asyncio.get_running_loop().create_future()
        self._spawned: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._exited = asyncio.Event()
        self._exited.set()
        self._events = asyncio.create_task(self._listen(), name=f"events of the guardian of {name}")
        self.exit_code: int | None = None
        self.pid: int | None = None

    @classmethod
    async def open(
        cls, *, name: str, folder: Path | None, temporary: Path | None, stop_signal: signal.Signals, grace: float
    ) -> Self:
        """Start a guardian; `folder` None is one in `temporary`, removed at the end. `grace` is in seconds."""
        settings = {
            "folder": folder and str(folder),
            "temporary": temporary and str(temporary),
            "stop_signal": stop_signal,
            "grace": grace,
            "parent": os.getpid(),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-IS",
            guardian.__file__,
            json.dumps(settings),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process, name=name)

    async def folder(self) -> Path:
        """Where the server's data and log are."""
        return await self._answer(self._folder)

    async def spawn(
        self, command: Sequence[str], *, log: Path, environment: Mapping[str, str], account: Account | None = None
    ) -> None:
        """Start `command`; returns when it runs, which is before it answers anybody."""
        self._spawned = asyncio.get_running_loop().create_future()
        self._exited.clear()
        self.exit_code = None
        self._tell(
            spawn=list(command),
            log=str(log),
            environment=dict(environment),
            uid=account and account.uid,
            gid=account and account.gid,
        )
        try:
            self.pid = await self._answer(self._spawned)
        except ServerFailedError:
            self._exited.set()
            raise

    def send(self, number: signal.Signals) -> None:
        self._tell(signal=number)

    async def freeze(self) -> None:
        """Send SIGSTOP, and return once every thread stands still: until then the server may still answer."""
        self.send(signal.SIGSTOP)
        await self._until_it(stands_still=True)

    async def thaw(self) -> None:
        """Send SIGCONT, and return once it runs: a freeze that came sooner would seem to be carried out already."""
        self.send(signal.SIGCONT)
        await self._until_it(stands_still=False)

    async def _until_it(self, *, stands_still: bool) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                # Its parent alone would hear of it.
                while self._stands_still() is not stands_still:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as error:
            told = "runs on though it was told to stand still" if stands_still else "stands still though it was let go"
            raise ServerFailedError(f"{self._name} {told}") from error

    def _stands_still(self) -> bool:
        import psutil  # noqa: PLC0415 - of the laptop's extra

        try:
            threads = psutil.Process(self.pid).threads()
            return all(psutil.Process(thread.id).status() == psutil.STATUS_STOPPED for thread in threads)
        except psutil.NoSuchProcess:
            return False  # A thread has just ended: so not all of them stand still.

    async def wait(self) -> int | None:
        """Return the exit code once every process of the server is gone; None where the guardian ended first."""
        await self._exited.wait()
        return self.exit_code

    @property
    def is_running(self) -> bool:
        return not self._exited.is_set()

    async def end(self, number: signal.Signals, *, seconds: float) -> None:
        """Send `number` and wait until every process of the server is gone."""
        self.send(number)
        try:
            async with asyncio.timeout(seconds):
                await self.wait()
        except TimeoutError as error:
            raise ServerFailedError(f"{self._name} did not end within {seconds:g} s of {number.name}") from error

    async def close(self) -> None:
        """Let the guardian stop the server and clean up; returns when it has."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        await self._events

    def _tell(self, **command: Any) -> None:
        if self._process.stdin is None or self._process.stdin.is_closing():
            raise ServerFailedError(f"the guardian of {self._name} is gone")
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def _answer(self, future: asyncio.Future[Answer]) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await future
        except TimeoutError as error:
            raise ServerFailedError(f"the guardian of {self._name} did not answer") from error

    async def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - asked for as a pipe
        async for line in self._process.stdout:
            match json.loads(line):
                case {"folder": str(folder)}:
                    self._folder.set_result(Path(folder))
                case {"spawned": int(pid)}:
                    self._settle(self._spawned, pid)
                case {"refused": str(reason)}:
                    self._settle(self._spawned, ServerFailedError(f"{self._name} cannot be run: {reason}"))
                case {"exited": int(code)}:
                    self.exit_code = code
                    self._exited.set()
        self._exited.set()

    @staticmethod
    def _settle(future: asyncio.Future[int], outcome: int | ServerFailedError) -> None:
        if future.done():  # its deadline was earlier
            return
        if isinstance(outcome, int):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)


@contextlib.asynccontextmanager
async def guarded_process(
    *, name: str, folder: Path | None, stop_signal: signal.Signals, grace: float, temporary: Path | None = None
) -> AsyncIterator[GuardedProcess]:
    """A guardian for as long as the block lasts; at its end the server is stopped and a temporary folder removed.

    Such a folder is made in `temporary`, or where the system has its own.
    """
    process = await GuardedProcess.open(
        name=name, folder=folder, temporary=temporary, stop_signal=stop_signal, grace=grace
    )
    try:
        yield process
    finally:
        await asyncio.shield(process.close())
