"""Part `kill`: the service dies by kill -9 amid its work, again and again."""

from collections import Counter
from dataclasses import dataclass
from time import monotonic

from bench.proof.findings import Findings
from bench.proof.moments import Moment, Sample, catch, sample
from bench.proof.staging import Scale, Stage, Task, judge, staged

__all__ = ["kill"]

_MOMENT_SECONDS = 240.0
# A relay that died leaves its lanes leased, so to publish again takes longest: that moment comes least often.
_MOMENTS = {
    Scale.SMALL: (Moment.CALLING, Moment.CONSUMING),
    Scale.FULL: (Moment.CALLING, Moment.CONSUMING, Moment.CALLING, Moment.CONSUMING, Moment.PUBLISHING) * 4,
}


@dataclass(frozen=True, slots=True)
class _Death:
    """One kill: when it was meant to be, and what lay there when the process was gone."""

    moment: Moment
    before: Sample
    after: Sample


async def kill(task: Task) -> Findings:
    """Kill it at every moment in turn, then judge as if nothing had happened; and judge the kills themselves."""
    async with staged(task) as stage:
        moments = _MOMENTS[task.scale]
        await _slow_down_salesloft(stage)
        deaths: list[_Death] = []
        # The last piece is for the life that nobody takes.
        records = await stage.publish_share(len(moments) + 1)
        started = monotonic()
        await stage.world.service.start()
        for number, moment in enumerate(moments, 1):
            task.say(f"kill {number} of {len(moments)}, {moment}; {stage.load.left} records to come")
            before = await sample(stage.world)
            try:
                await catch(stage.world, moment, stage.chance, start=before, records=records, seconds=_MOMENT_SECONDS)
            except TimeoutError:
                stage.findings.holds(f"Kill {number} falls {moment}.", condition=False, told="the moment never came")
                break
            await stage.world.service.kill()
            deaths.append(_Death(moment, before, await sample(stage.world)))
            records = await stage.publish_share(len(moments) + 1)
            await stage.world.service.start()
        await stage.load.publish(stage.load.left)
        stage.findings.figures["seconds with kills"] = round(monotonic() - started)
        await stage.world.simulator.clear_faults()
        _judge_deaths(deaths, len(moments), stage)
        return await judge(stage)


async def _slow_down_salesloft(stage: Stage) -> None:
    """Calls take a while, and of some memberships the answer never comes, so that there is an in-between to die in."""
    simulator = stage.world.simulator
    await simulator.add_fault(kind="latency", milliseconds=150.0, path="/v2/")
    await simulator.add_fault(
        kind="hang_after_write", method="POST", path="/v2/cadence_memberships", probability=0.25, seconds=2.5
    )


def _judge_deaths(deaths: list[_Death], asked: int, stage: Stage) -> None:
    findings = stage.findings
    findings.holds(f"It was killed {asked} times.", len(deaths) == asked, f"{len(deaths)} kills")
    findings.nothing(
        "At each kill work was in flight.", [death for death in deaths if death.after.in_flight == 0], len(deaths)
    )
    findings.nothing(
        "Between two kills work got on.",
        [death for death in deaths if death.after.progress <= death.before.progress],
        len(deaths),
    )
    consuming = [death for death in deaths if death.moment is Moment.CONSUMING]
    findings.nothing(
        "Some left records behind that were not committed.",
        [death for death in consuming if death.after.lag.records == 0],
        len(consuming),
    )
    unrecorded = [death.after.unrecorded for death in deaths if death.after.unrecorded]
    calling = sum(1 for death in deaths if death.moment is Moment.CALLING)
    findings.holds(
        "Some fell between a Salesloft call and its record.",
        len(unrecorded) >= max(1, calling // 2),
        f"{len(unrecorded)} kills left {sum(unrecorded)} memberships that nobody had recorded",
    )
    # Rows are sent within milliseconds: only a kill that was meant to fall there can be held to have left some.
    publishing = [death for death in deaths if death.moment is Moment.PUBLISHING]
    if publishing:
        unsent = sum(1 for death in publishing if death.after.standing.unsent)
        findings.holds("Some left rows behind that were not sent.", unsent > 0, f"{unsent} kills")
    findings.figures |= {
        "kills": dict(Counter(death.moment.value for death in deaths)),
        "memberships in doubt at kills": sum(unrecorded),
        "records not committed at kills": [death.after.lag.records for death in deaths],
        "rows not sent at kills": [death.after.standing.unsent for death in deaths],
        "commands held at kills": [death.after.standing.held for death in deaths],
    }
