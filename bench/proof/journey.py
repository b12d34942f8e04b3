"""Part `journey`: nobody is hurt. What is expected of a day on which everything works."""

import asyncio
from time import monotonic

from bench.proof.findings import Findings
from bench.proof.remade import judge_remade
from bench.proof.staging import Stage, Task, judge, staged
from schemas.topics import ACTIVITY, ENGAGEMENT

__all__ = ["journey"]

_LOOK_SECONDS = 0.2
_ACTIVITY_SECONDS = 120.0
_HOURS_OF_LIFE = 3


async def journey(task: Task) -> Findings:
    """The whole load as fast as Kafka takes it, decided, and some of it enrolled until its activity comes back."""
    async with staged(task) as stage:
        await stage.world.service.start()
        await stage.world.service.until_ready()
        task.say(f"publishing {stage.load.left} records")
        began = monotonic()
        publishing = asyncio.create_task(stage.publish_share(1), name="publish")
        await _until_consumed(stage, publishing)
        took = monotonic() - began
        stage.findings.figures |= {
            "seconds until all was taken in": round(took, 1),
            "records a second": round(len(stage.load.stream.records) / took),
        }
        await _until_activity(stage)
        findings = await judge(stage)
        stage.task.say("deciding again what was decided")
        world = stage.world
        organizations = [organization.id for organization in world.organizations]
        await judge_remade(world.dsn, organizations, await world.simulator.now(), findings)
        return findings


async def _until_consumed(stage: Stage, publishing: "asyncio.Task[int]") -> None:
    async with asyncio.timeout(stage.size.settle_seconds):
        await publishing
        while stage.world.service.is_running and (lag := (await stage.bus.lag()).records):
            stage.task.say(f"{lag} records wait")
            await asyncio.sleep(_LOOK_SECONDS)


async def _until_activity(stage: Stage) -> None:
    """Let some business hours pass, and wait until what people did in them is on the bus."""
    stage.task.say("letting some hours pass")
    missing = {ACTIVITY.name, ENGAGEMENT.name}
    try:
        async with asyncio.timeout(_ACTIVITY_SECONDS):
            await stage.world.simulator.advance(_HOURS_OF_LIFE * 3600)
            while missing:
                await asyncio.sleep(_LOOK_SECONDS)
                missing -= {record.topic for record in await stage.bus.read(missing)}
    except TimeoutError:
        told = f"nothing on {', '.join(sorted(missing))}"
        stage.findings.holds("What the enrolled do comes back as activity and engagement.", condition=False, told=told)
    else:
        told = f"within {_HOURS_OF_LIFE} business hours"
        stage.findings.holds("What the enrolled do comes back as activity and engagement.", condition=True, told=told)
