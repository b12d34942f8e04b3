"""What every part of the proof has in common: its task, its world and the judgement at its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from random import Random
from time import monotonic

from bench.measure.machine import peak_rss_mb
from bench.proof.bus import Bus
from bench.proof.evidence import collect
from bench.proof.findings import Findings
from bench.proof.judge_events import judge_events
from bench.proof.judge_intake import judge_intake
from bench.proof.judge_salesloft import judge_salesloft
from bench.proof.load import Load, stream_with
from bench.proof.moments import settle
from bench.proof.world import World, WorldPlan, running_world
from sandbox.approval_desk import DeskPolicy

__all__ = ["Scale", "Stage", "Task", "judge", "staged"]


class Scale(StrEnum):
    """How much of it."""

    SMALL = "small"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a part is asked to do. `log` takes what the service writes, `say` hears where the part stands."""

    scale: Scale
    seed: int
    log: Path
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a part is. Seconds are real time: `settle_seconds` bounds the wait for the last of the work."""

    events: int
    organizations: int
    approve: float
    memberships: int
    batch: int
    validated_each: int
    settle_seconds: float
    lease_seconds: float
    fsync: bool


_PIECES = 40
_BETWEEN_PIECES_SECONDS = 0.25

SIZES = {
    Scale.SMALL: Size(
        events=300,
        organizations=2,
        approve=0.6,
        memberships=10,
        batch=50,
        validated_each=10_000,
        settle_seconds=180.0,
        lease_seconds=5.0,
        fsync=False,
    ),
    Scale.FULL: Size(
        events=100_000,
        organizations=8,
        approve=0.06,
        memberships=1000,
        batch=500,
        validated_each=1000,
        settle_seconds=1200.0,
        lease_seconds=10.0,
        fsync=True,
    ),
}


@dataclass(slots=True, kw_only=True)
class Stage:
    """A part under way."""

    task: Task
    size: Size
    world: World
    load: Load
    findings: Findings
    chance: Random
    started_at: float

    @property
    def bus(self) -> Bus:
        return self.world.bus

    async def publish_share(self, parts: int) -> int:
        """Publish one of so many equal parts of the whole stream; returns how many records that were."""
        before = self.load.sent
        await self.load.publish(-(-len(self.load.stream.records) // parts))
        return self.load.sent - before

    async def publish_steadily(self, records: int) -> None:
        """Publish so many records in pieces over some seconds, so that work keeps coming while others look."""
        for _ in range(_PIECES):
            await self.load.publish(-(-records // _PIECES))
            await asyncio.sleep(_BETWEEN_PIECES_SECONDS)


@asynccontextmanager
async def staged(task: Task) -> AsyncIterator[Stage]:
    """A world and a load for a part, nothing published and the service not started."""
    size = SIZES[task.scale]
    task.say("starting Kafka, Postgres, Salesloft and the organizations")
    plan = WorldPlan(
        organizations=size.organizations,
        seed=task.seed,
        log=task.log,
        batch=size.batch,
        lease_seconds=size.lease_seconds,
        fsync=size.fsync,
        desk=DeskPolicy(
            seed=task.seed,
            approve=size.approve,
            reject=0.02,
            quickest=timedelta(0),
            slowest=timedelta(minutes=1),
        ),
    )
    async with running_world(plan) as world:
        task.say(f"making a stream with {size.events} lifecycle events")
        stream = await asyncio.to_thread(stream_with, size.events, world.organizations, seed=task.seed)
        yield Stage(
            task=task,
            size=size,
            world=world,
            load=Load(world.kafka.bootstrap_servers, stream),
            findings=Findings(),
            chance=Random(f"{task.seed}/moments"),
            started_at=monotonic(),
        )


async def judge(stage: Stage) -> Findings:
    """Wait until nothing waits, stop the service in order, and hold what the witnesses say against the promises."""
    findings, world = stage.findings, stage.world
    stage.task.say("waiting for the last of the work")
    try:
        await settle(world, seconds=stage.size.settle_seconds)
    except TimeoutError as error:
        findings.holds("All work comes to its end.", condition=False, told=str(error))
    else:
        took = f"{monotonic() - stage.started_at:.0f} s"
        findings.holds("All work comes to its end.", world.service.is_running, took)
    running = world.service.is_running
    told = f"{world.service.lives} lives" if running else world.service.last_words()
    findings.holds("The service never ended by itself.", running, told)
    if running:
        findings.figures["peak memory of its last life, MB"] = round(peak_rss_mb(world.service.pid))
        code = await world.service.stop()
        findings.holds("It stops in order when it is asked to.", code == 0, f"exit code {code}")
    stage.task.say("judging")
    evidence = await collect(world, stage.load)
    judge_intake(evidence, findings)
    judge_events(evidence, findings, validated_each=stage.size.validated_each)
    judge_salesloft(evidence, findings, memberships_at_least=stage.size.memberships)
    return findings
