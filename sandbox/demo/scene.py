"""What a demo needs, running: bus, database, Salesloft with a team for each organization, and the service."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from rich.console import Console

from sandbox.demo.options import DemoError, DemoOptions
from sandbox.identity import AUDIENCE, CLIENT_ID, Identity, running_identity
from sandbox.population import Organization
from sandbox.salesloft.server import SimulatorClient, running_simulator
from sandbox.stack import LocalStack, StackOptions, free_port, local_stack
from sandbox.stack.processes import GuardedProcess, guarded_process
from sandbox.stack.readiness import last_words, until_ready
from service.topics import TopicsUnavailable, create_topics
from storage.errors import StorageError
from storage.migrate import migrate

__all__ = ["Scene", "Service", "raised_scene"]

_READY_SECONDS = 60.0
_COMMAND_SECONDS = 60.0
_GRACE_SECONDS = 25.0
_PROGRAM = Path(sys.executable).parent / "cscx-salesloft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service's process, with all roles."""

    process: GuardedProcess
    url: str
    log: Path
    environment: Mapping[str, str]

    async def wait(self) -> None:
        """Return never, or raise DemoError when the service ends by itself."""
        code = await self.process.wait()
        raise DemoError(f"the service ended by itself with code {code}: {last_words(self.log)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What runs. `organizations` have as owners the addresses of their Salesloft team's users."""

    stack: LocalStack
    simulator: SimulatorClient
    teams: Mapping[str, dict[str, Any]]
    organizations: tuple[Organization, ...]
    service: Service

    @property
    def team_ids(self) -> list[int]:
        return [team["team_id"] for team in self.teams.values()]

    @property
    def clock_url(self) -> str:
        return f"{self.simulator.base_url}/sandbox/clock"

    def steps(self) -> dict[int, list[int]]:
        """The steps of every cadence, in their order."""
        return {
            cadence["id"]: [step["id"] for step in cadence["steps"]]
            for team in self.teams.values()
            for cadence in team["cadences"]
        }


@asynccontextmanager
async def raised_scene(
    options: DemoOptions, owners: Mapping[str, frozenset[str]], start: datetime, console: Console
) -> AsyncIterator[Scene]:
    """Set everything up, hand it over, and take it down; the clock stands still at `start`.

    `owners` names the organizations and the addresses of users that their teams must have besides their own. Raises
    StackError or DemoError, and leaves nothing running then.
    """
    # A bus or a database that settings name holds other people's records, which would be counted as the demo's.
    stack_options = replace(StackOptions.from_environment(fsync=True), kafka_bootstrap_servers=None, database_url=None)
    console.print("starting Kafka, Postgres and Salesloft's simulator")
    async with (
        local_stack(stack_options, console) as stack,
        running_simulator(seed=options.seed, speed=0.0, now=start) as simulator,
    ):
        console.print("creating topics and tables")
        await _prepare(stack)
        async with running_identity(sorted(owners)) as identity:
            environment = _environment(stack, simulator, options, identity)
            console.print(f"connecting {len(owners)} organizations to their Salesloft teams")
            teams = await _connect_all(simulator, environment, owners)
            organizations = tuple(
                Organization(id=name, owners=tuple(user["email"] for user in team["users"]))
                for name, team in teams.items()
            )
            console.print("starting the service with all its roles")
            async with _running_service(environment, options) as service:
                yield Scene(stack=stack, simulator=simulator, teams=teams, organizations=organizations, service=service)


async def _prepare(stack: LocalStack) -> None:
    try:
        await asyncio.gather(
            create_topics(stack.kafka.bootstrap_servers, replication_factor=1), migrate(stack.postgres.owner_dsn)
        )
    except (TopicsUnavailable, StorageError, TimeoutError) as error:
        raise DemoError(f"topics and tables could not be made: {error or 'the deadline passed'}") from error


def _environment(
    stack: LocalStack, simulator: SimulatorClient, options: DemoOptions, identity: Identity
) -> dict[str, str]:
    prefix = "CSCX_SALESLOFT_"
    others = {name: value for name, value in os.environ.items() if not name.startswith(prefix)}
    return others | {
        f"{prefix}KAFKA_BOOTSTRAP_SERVERS": stack.kafka.bootstrap_servers,
        f"{prefix}DATABASE_URL": stack.postgres.owner_dsn,
        f"{prefix}SALESLOFT_URL": f"{simulator.base_url}/v2",
        f"{prefix}SALESLOFT_AUTH_URL": simulator.base_url,
        f"{prefix}CLOCK_URL": f"{simulator.base_url}/sandbox/clock",
        f"{prefix}ENCRYPTION_KEYS": f"demo:{Fernet.generate_key().decode()}",
        f"{prefix}ADDRESS_KEY": Fernet.generate_key().decode(),
        f"{prefix}HTTP_PORT": str(free_port()),
        f"{prefix}POLL_INTERVAL_SECONDS": str(int(options.poll_interval.total_seconds())),
        f"{prefix}INSTANCE": "demo",
        f"{prefix}JWT_ISSUER": identity.url,
        f"{prefix}JWT_AUDIENCE": AUDIENCE,
        f"{prefix}JWT_KEYS_URL": f"{identity.url}/keys",
        f"{prefix}OIDC_URL": identity.url,
        f"{prefix}OIDC_CLIENT_ID": CLIENT_ID,
        f"{prefix}OIDC_CLIENT_SECRET": identity.client_secret,
    }


async def _connect_all(
    simulator: SimulatorClient, environment: Mapping[str, str], owners: Mapping[str, frozenset[str]]
) -> dict[str, dict[str, Any]]:
    try:
        async with asyncio.TaskGroup() as group:
            connecting = {
                name: group.create_task(_connected(simulator, environment, name, users), name=f"connect {name}")
                for name, users in owners.items()
            }
    except* DemoError as failures:
        first: BaseException = failures
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    return {name: task.result() for name, task in connecting.items()}


async def _connected(
    simulator: SimulatorClient, environment: Mapping[str, str], organization: str, users: frozenset[str]
) -> dict[str, Any]:
    """A team of its own, connected and with the four default mappings published, by the service's own commands."""
    team = await simulator.team(organization, time_zone="Europe/London", user_emails=sorted(users))
    await _command(environment, team["api_key"], "connections", "connect", organization)
    await _command(environment, "", "mappings", "defaults", organization, "--publish")
    return team


async def _command(environment: Mapping[str, str], told: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        _PROGRAM,
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_COMMAND_SECONDS):
            said, _ = await process.communicate(f"{told}\n".encode())
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        words = said.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise DemoError(f"`cscx-salesloft {' '.join(arguments)}` failed: {words[-1]}")


@asynccontextmanager
async def _running_service(environment: Mapping[str, str], options: DemoOptions) -> AsyncIterator[Service]:
    url = f"http://127.0.0.1:{environment['CSCX_SALESLOFT_HTTP_PORT']}"
    async with guarded_process(
        name="the service", folder=None, stop_signal=signal.SIGTERM, grace=_GRACE_SECONDS
    ) as process:
        log = options.log.absolute() if options.log is not None else await process.folder() / "service.log"
        await process.spawn([str(_PROGRAM), "run"], log=log, environment=environment)
        async with httpx.AsyncClient(timeout=5.0) as client:

            async def is_ready() -> bool:
                try:
                    return (await client.get(f"{url}/health/ready")).is_success
                except httpx.HTTPError:
                    return False

            await until_ready(
                is_ready,
                name="the service",
                seconds=_READY_SECONDS,
                is_running=lambda: process.is_running,
                last_words=lambda: last_words(log),
            )
        yield Service(process=process, url=url, log=log, environment=environment)
