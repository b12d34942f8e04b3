"""Everything that a part of the proof needs, started: bus, database, Salesloft, connected organizations, approvers."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from aiokafka.errors import KafkaError
from cryptography.fernet import Fernet

from bench.proof.books import Books
from bench.proof.bus import Bus
from bench.proof.journal import Journal
from bench.proof.load import BEGINNING, SPAN
from bench.proof.preparing import prepare
from bench.proof.service_process import ServiceProcess, running_service
from sandbox.approval_desk import DeskPolicy, DeskUnavailable, run_desk
from sandbox.population import Organization
from sandbox.publishing import NotPublished
from sandbox.salesloft.server import SimulatorClient, running_simulator
from sandbox.stack import KafkaServer, PostgresServer, StackOptions, free_port, local_stack
from service.clock import FollowedClock
from service.settings import PREFIX, Settings

__all__ = ["APPLICATION", "World", "WorldPlan", "running_world"]

# A part kills its servers, so it has its own even where settings name some.
_NAMED_SERVERS = (f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS", f"{PREFIX}DATABASE_URL")
_USERS = 4
APPLICATION = "cscx-salesloft"
"""The simulator's own OAuth application, by which teams may be connected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPlan:
    """`batch` is how many records the service takes in one transaction, `speed` business seconds in a real one.

    `log` is where the service writes. Without `fsync` Postgres is quicker and outlives everything but a power cut.
    With `deliveries` Salesloft is told where to deliver its webhooks to.
    """

    organizations: int
    seed: int
    log: Path
    desk: DeskPolicy
    batch: int = 1000
    lease_seconds: float = 30.0
    speed: float = 20.0
    fsync: bool = True
    deliveries: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What runs; `dsn` is the database owner's.

    `teams` are the simulator's, by organization; the service is started by whoever judges it, with `settings`.
    """

    dsn: str
    settings: Settings
    kafka: KafkaServer
    postgres: PostgresServer
    simulator: SimulatorClient
    service: ServiceProcess
    clock: FollowedClock
    organizations: tuple[Organization, ...]
    teams: Mapping[str, Mapping[str, Any]]
    bus: Bus
    books: Books
    journal: Journal


@asynccontextmanager
async def running_world(plan: WorldPlan) -> AsyncIterator[World]:
    """All of it for the length of a block, the service not yet started. Whatever fails at its start is raised."""
    environment = {name: value for name, value in os.environ.items() if name not in _NAMED_SERVERS}
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(
            local_stack(StackOptions.from_environment(environment, fsync=plan.fsync))
        )
        simulator = await exits.enter_async_context(
            running_simulator(seed=plan.seed, speed=plan.speed, now=BEGINNING + SPAN)
        )
        teams = {
            f"org-{number}": await simulator.team(f"Team {number}", users=_USERS)
            for number in range(1, plan.organizations + 1)
        }
        dsn = await stack.postgres.create_database("proof")
        port = free_port()
        settings = {
            "KAFKA_BOOTSTRAP_SERVERS": stack.kafka.bootstrap_servers,
            "DATABASE_URL": dsn,
            "SALESLOFT_URL": f"{simulator.base_url}/v2",
            "SALESLOFT_AUTH_URL": simulator.base_url,
            "SALESLOFT_CLIENT_ID": APPLICATION,
            "SALESLOFT_CLIENT_SECRET": f"{APPLICATION}-secret",
            "CLOCK_URL": f"{simulator.base_url}/sandbox/clock",
            "ENCRYPTION_KEYS": f"proof:{Fernet.generate_key().decode()}",
            "ADDRESS_KEY": Fernet.generate_key().decode(),
            "CONSUME_MAX_BATCH": str(plan.batch),
            "LEASE_SECONDS": str(plan.lease_seconds),
            "HTTP_PORT": str(port),
            "INSTANCE": "proof-1",
            "LOG_LEVEL": "warning",
        }
        if plan.deliveries:
            settings["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
        read = Settings.model_validate({name.lower(): value for name, value in settings.items()})
        await prepare(
            read,
            {organization: team["api_key"] for organization, team in teams.items()},
        )
        child = environment | {f"{PREFIX}{name}": value for name, value in settings.items()}
        service = await exits.enter_async_context(
            running_service(child, log=plan.log, health=f"http://127.0.0.1:{port}/health/ready")
        )
        clock = await exits.enter_async_context(_followed(f"{simulator.base_url}/sandbox/clock"))
        await exits.enter_async_context(_approvers(stack.kafka.bootstrap_servers, plan.desk, clock))
        yield World(
            dsn=dsn,
            settings=read,
            kafka=stack.kafka,
            postgres=stack.postgres,
            simulator=simulator,
            service=service,
            clock=clock,
            organizations=tuple(
                Organization(id=name, owners=tuple(user["email"] for user in team["users"]))
                for name, team in teams.items()
            ),
            teams=teams,
            bus=Bus(stack.kafka.bootstrap_servers),
            books=Books(dsn),
            journal=Journal(simulator, {name: team["team_id"] for name, team in teams.items()}),
        )


@asynccontextmanager
async def _followed(url: str) -> AsyncIterator[FollowedClock]:
    clock = FollowedClock(url)
    async with httpx.AsyncClient(timeout=10.0) as http:
        await clock.ask(http)
    async with _beside(clock.run(), "clock"):
        yield clock


@asynccontextmanager
async def _approvers(bootstrap_servers: str, policy: DeskPolicy, clock: FollowedClock) -> AsyncIterator[None]:
    async def work() -> None:
        while True:
            # A desk that lost Kafka begins again, and sends the same decisions under the same ids.
            with contextlib.suppress(DeskUnavailable, NotPublished, KafkaError, TimeoutError):
                await run_desk(bootstrap_servers, policy, clock)
            await asyncio.sleep(1.0)

    async with _beside(work(), "approval desk"):
        yield


@asynccontextmanager
async def _beside(work: Any, name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
