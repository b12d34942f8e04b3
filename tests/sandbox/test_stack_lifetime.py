"""Nothing outlives whoever started it, however that one ends."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import psutil
import pytest

from sandbox.stack import ServerFailedError
from sandbox.stack.processes import GuardedProcess, guarded_process

COMMAND = [sys.executable, "-c", "from sandbox.cli import main; main()", "stack"]
START_SECONDS = 60.0
END_SECONDS = 60.0
SERVERS = 2
TEMPORARY = "cscx-salesloft-"
NAMES_SERVERS = {
    "CSCX_SALESLOFT_KAFKA_BOOTSTRAP_SERVERS",
    "CSCX_SALESLOFT_DATABASE_URL",
    "CSCX_SALESLOFT_STACK",
}


async def ended(processes: Iterable[psutil.Process]) -> bool:
    """Whether all of them end within the deadline."""
    _, alive = await asyncio.to_thread(psutil.wait_procs, list(processes), END_SECONDS)
    return not alive


@contextlib.asynccontextmanager
async def starter(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command line in a process of its own, which names no server and gets none from this run."""
    environment = {name: value for name, value in os.environ.items() if name not in NAMES_SERVERS}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def folders_of(processes: Iterable[psutil.Process]) -> set[Path]:
    """The stack's temporary folders that they work in."""
    working = [Path(process.cwd()) for process in processes if process.name() in {"java", "postgres"}]
    return {parent for path in working for parent in (path, *path.parents) if parent.name.startswith(TEMPORARY)}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_no_process_and_no_folder_outlives_the_one_who_started_them(number: signal.Signals) -> None:
    async with starter() as process:
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            exports = [await process.stdout.readline() for _ in range(SERVERS)]
        assert exports[0].startswith(b"export CSCX_SALESLOFT_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:")
        assert exports[1].startswith(b"export CSCX_SALESLOFT_DATABASE_URL=postgresql://cscx_owner:")
        offspring = psutil.Process(process.pid).children(recursive=True)
        assert {child.name() for child in offspring} >= {"java", "postgres"}
        folders = folders_of(offspring)
        assert len(folders) == SERVERS

        process.send_signal(number)

        async with asyncio.timeout(END_SECONDS):
            code = await process.wait()
    assert code == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    assert await ended(offspring)
    assert not [folder for folder in folders if folder.exists()]


async def test_nothing_is_left_of_a_start_that_was_cut_short() -> None:
    async with starter() as process:
        alive = psutil.Process(process.pid)
        offspring: list[psutil.Process] = []
        folders: set[Path] = set()
        async with asyncio.timeout(START_SECONDS):
            # Kafka has its folder, and Postgres does not serve yet.
            while not folders:
                await asyncio.sleep(0.01)
                offspring = alive.children(recursive=True)
                with contextlib.suppress(psutil.NoSuchProcess):
                    folders = folders_of(child for child in offspring if child.name() == "java")
        process.kill()
    assert await ended(offspring)
    assert not [folder for folder in folders if folder.exists()]


async def spawn_shell(process: GuardedProcess, script: str) -> Path:
    folder = await process.folder()
    await process.spawn(["/bin/sh", "-c", script], log=folder / "log", environment=dict(os.environ))
    return folder


async def test_a_server_that_ignores_the_stop_signal_is_killed_after_its_grace() -> None:
    async with guarded_process(name="deaf", folder=None, stop_signal=signal.SIGTERM, grace=0.2) as process:
        folder = await spawn_shell(process, "trap '' TERM; mkfifo held; echo deaf; read line < held")
        assert process.pid is not None
        server = psutil.Process(process.pid)
        while not (folder / "held").exists():  # noqa: ASYNC110 - a shell offers no other signal
            await asyncio.sleep(0.01)
    assert not server.is_running()
    assert not folder.exists()


async def test_a_server_has_ended_when_its_last_descendant_has(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    kept = tmp_path / "kept"
    kept.touch()
    async with guarded_process(name="forking", folder=tmp_path, stop_signal=signal.SIGTERM, grace=5) as process:
        await spawn_shell(process, "(read line < held) & exit 3")
        end = asyncio.create_task(process.wait())
        done, _ = await asyncio.wait([end], timeout=0.3)
        assert not done
        await asyncio.to_thread((tmp_path / "held").write_text, "go\n")
        assert await end == 3
    assert os.access(kept, os.F_OK)


async def test_a_program_that_cannot_be_run_is_told() -> None:
    async with guarded_process(name="Kafka", folder=None, stop_signal=signal.SIGTERM, grace=1) as process:
        folder = await process.folder()
        with pytest.raises(ServerFailedError, match=r"Kafka cannot be run: .*No such file"):
            await process.spawn(["/nonexistent/java"], log=folder / "log", environment={})
        await spawn_shell(process, "exit 0")
        assert await process.wait() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
async def test_a_server_dies_with_its_guardian(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    async with guarded_process(name="orphan", folder=tmp_path, stop_signal=signal.SIGTERM, grace=5) as process:
        await spawn_shell(process, "read line < held")
        assert process.pid is not None
        server = psutil.Process(process.pid)
        guardian = server.parent()
        assert guardian is not None
        guardian.kill()
        assert await process.wait() is None
        assert await ended([server])
        with pytest.raises(ServerFailedError, match="guardian of orphan"):
            await spawn_shell(process, "exit 0")
