"""Part `activity`: a hostile day, after which exactly that was told which happened."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from uuid import UUID

from bench.proof.activity_day import Day, DaySize
from bench.proof.activity_oracle import UnitName
from bench.proof.activity_team import LISTS, ActivityTeam
from bench.proof.activity_told import Told
from bench.proof.findings import Findings
from bench.proof.load import BEGINNING
from bench.proof.staging import Scale, Task
from bench.proof.world import APPLICATION, World, WorldPlan, running_world
from sandbox.approval_desk import DeskPolicy
from service.roles import opened_sessions, running_clock
from workflows.credentials import OAuthTokens

__all__ = ["SIZES", "activity", "hostile_day"]

_ALONE, _HINTED = "org-polled", "org-hinted"
# Somewhat before people in New York begin to work.
_DAY_BEGINS = timedelta(hours=4, minutes=30)
_TOKEN_SECONDS = 7200
_COST_OF_A_CYCLE = 18_000 * 30 // 100
_MEMORY_MB = 220
_IDLE = {"bounce": 0, "view": 0, "click": 0, "reply": 0, "opt_out": 0, "reps_work": False, "by_address": []}
_PAGE = 100
_PAGES_MORE = 1.05
# Whether they are gone, and of each of them memberships, e-mails, calls and histories.
_STREAMS_OF_THE_DELETED = 5
# Of people and memberships three each, of e-mails and calls, which share the acts of an instant, two each.
_PAGES_OF_ONE_INSTANT = 10

SIZES = {
    Scale.SMALL: DaySize(
        people=60,
        hinted_people=20,
        late_people=2,
        joining=1,
        half_hours=2,
        changes=1200,
        kills=1,
        speed=60.0,
        fsync=False,
        read_seconds=600.0,
    ),
    Scale.FULL: DaySize(
        people=10_000,
        hinted_people=400,
        late_people=100,
        joining=3,
        half_hours=10,
        changes=225_000,
        kills=6,
        speed=10.0,
        fsync=True,
        read_seconds=900.0,
    ),
}


async def activity(task: Task) -> Findings:
    """Two organizations' day: what was told is what an oracle makes of the simulator's journal, to the last event."""
    return await hostile_day(task, SIZES[task.scale])


async def hostile_day(task: Task, size: DaySize) -> Findings:
    """The same at a size of one's own."""
    findings = Findings()
    async with _beginning(task, size) as day:
        await day.live()
        _judge_day(day, findings)
        _judge_told(day, findings, "After the day")
        _judge_reading(day, findings)
        task.say("reading everything again")
        await day.world.service.command("sync", "--organization", _ALONE, "--since", f"{BEGINNING:%Y-%m-%dT%H:%M:%S}")
        await day.world.service.command("sync", "--organization", _ALONE, "--reconcile")
        await day.at_rest()
        _judge_told(day, findings, "After everything was read again")
        running = day.world.service.is_running
        told = f"{day.world.service.lives} lives" if running else day.world.service.last_words()
        findings.holds("The service never ended by itself.", running, told)
        findings.holds(
            f"No life of the service took more than {_MEMORY_MB} MB.", day.peak_mb < _MEMORY_MB, f"{day.peak_mb:.0f} MB"
        )
    return findings


@asynccontextmanager
async def _beginning(task: Task, size: DaySize) -> AsyncIterator[Day]:
    """The day's two teams with their people, known to the service and connected to it."""
    task.say("starting Kafka, Postgres and Salesloft")
    plan = WorldPlan(
        organizations=0,
        seed=task.seed,
        log=task.log,
        desk=DeskPolicy(seed=task.seed),
        lease_seconds=5.0,
        speed=size.speed,
        fsync=size.fsync,
        deliveries=True,
    )
    async with running_world(plan) as world:
        await world.simulator.advance(_DAY_BEGINS.total_seconds())
        alone = await _team(world, _ALONE, size.people, webhook_drop=1.0)
        hinted = await _team(world, _HINTED, size.hinted_people, webhook_drop=0.1, webhook_duplicate=0.1)
        told = Told(world.kafka.bootstrap_servers)
        day = Day(
            size=size,
            seed=task.seed,
            say=task.say,
            world=world,
            told=told,
            alone=alone,
            hinted=hinted,
            chance=Random(f"{task.seed}/hostile day"),
        )
        try:
            await world.service.start()
            await world.service.until_ready()
            now = await world.simulator.now()
            await day.know([record for team in day.teams for record in team.directory(now)])
            await _connect(world, day)
            yield day
        finally:
            told.close()


async def _team(world: World, organization_id: str, people: int, **switches: float) -> ActivityTeam:
    """People who do nothing by themselves but send what is automated."""
    told = await world.simulator.team(
        organization_id,
        users=4,
        switches=switches,
        temperament=_IDLE,
    )
    team = ActivityTeam(simulator=world.simulator, organization_id=organization_id, team=told)
    await team.add_people(people)
    return team


async def _connect(world: World, day: Day) -> None:
    async with running_clock(world.settings) as (clock, _), opened_sessions(world.settings, clock) as sessions:
        for team in day.teams:
            pair = await world.simulator.call("POST", f"teams/{team.team_id}/tokens", {"client_id": APPLICATION})
            tokens = OAuthTokens(
                access_token=pair["access_token"],
                refresh_token=pair["refresh_token"],
                expires_at=clock.now() + timedelta(seconds=_TOKEN_SECONDS),
            )
            await sessions.connect(team.organization_id, tokens, by="proof")


def _judge_day(day: Day, findings: Findings) -> None:
    """Whether it was as hostile as it was meant to be."""
    size, alone = day.size, day.alone
    refused = sum(one.used.refused for one in day.half_hours)
    fallen, again, deleted = _taken_away(alone)
    findings.holds("Salesloft refused calls.", refused > 0, f"{refused} of {alone.organization_id}'s")
    findings.holds("Tokens ended.", day.expired > 0, f"{day.expired} times")
    findings.holds(
        "Counters fell, people were deleted and added again.",
        min(fallen, again, deleted) > 0,
        f"{fallen} falls, {again} further stays, {deleted} deletions",
    )
    findings.holds(
        "The service was killed amid its reading.",
        day.kills == size.kills and day.kills_amid > 0,
        f"{day.kills_amid} of {day.kills} kills",
    )
    hints = [one for one in day.told.checkpoints.get(_HINTED, ()) if one.stream == "webhooks"]
    by_hint = sum(one.emitted for one in hints)
    findings.holds("Webhooks told of some of it before the poll did.", by_hint > 0, f"{by_hint} units")
    findings.figures |= {
        "memberships": sum(team.memberships for team in day.teams),
        "counter changes": sum(team.counter_changes for team in day.teams),
        "half hours": len(day.half_hours),
        "counters that fell": fallen,
        "further stays": again,
        "people deleted": deleted,
        "calls refused": refused,
        "units told by webhooks first": by_hint,
        "peak memory, MB": round(day.peak_mb),
    }


def _taken_away(team: ActivityTeam) -> tuple[int, int, int]:
    counts: dict[tuple[int, str], int] = {}
    stays: dict[int, set[str]] = {}
    fallen = 0
    for entry in team.life:
        if entry["kind"] in {"email.views", "email.clicks", "email.replies"}:
            counter = (entry["email_id"], entry["kind"])
            fallen += entry["value"] < counts.get(counter, 0)
            counts[counter] = entry["value"]
        elif entry["kind"] == "membership.state":
            stays.setdefault(entry["membership_id"], set()).add(entry["added_at"])
    deleted = sum(1 for entry in team.life if entry["kind"] == "person.deleted")
    return fallen, sum(len(one) - 1 for one in stays.values()), deleted


def _judge_told(day: Day, findings: Findings, when: str) -> None:
    for team in day.teams:
        expected = team.expected()
        told = set(day.told.ids.get(team.organization_id, ()))
        missing, beyond = expected.keys() - told, told - expected.keys()
        against = [f"missing {_named(expected, one)}" for one in sorted(missing)]
        against += [f"unexpected {one}" for one in sorted(beyond)]
        by_metric = Counter(expected[one][1][2] for one in missing)
        findings.nothing(
            f"{when} what was told of {team.organization_id} is what happened, event by event.", against, len(expected)
        )
        if missing:
            findings.figures[f"missing of {team.organization_id}"] = dict(by_metric)
    findings.nothing(f"{when} no event has said two things.", day.told.different, sum(map(len, day.told.ids.values())))
    owing = []
    for team in day.teams:
        last = {one.stream: one for one in day.told.checkpoints.get(team.organization_id, ())}
        owing += [f"{team.organization_id} {one.stream}: {one.owed}" for one in last.values() if one.owed]
        owing += [f"{team.organization_id} {stream} told no ledger" for stream in LISTS if stream not in last]
    findings.nothing(f"{when} no stream's ledger owes anything.", owing, len(LISTS) * len(day.teams))
    findings.figures |= {"events": sum(map(len, day.told.ids.values())), "events sent again": day.told.again}
    findings.figures |= {"events by type": dict(sorted(day.told.by_type.items()))}


def _named(expected: Mapping[UUID, tuple[str, UnitName]], event_id: UUID) -> str:
    stakeholder_id, unit = expected[event_id]
    return f"{stakeholder_id} {unit}"


def _judge_reading(day: Day, findings: Findings) -> None:
    """What it cost to read, of the organization of which nothing but the poll told."""
    rows = sum(sum(one.changed.values()) for one in day.half_hours)
    cycles = sum(one.cycles for one in day.half_hours)
    pages = sum(one.used.pages for one in day.half_hours)
    kills = sum(one.kills for one in day.half_hours)
    # What the deleted did last is read for all whom a cycle misses together, at worst in two parts.
    readings = min(sum(one.of_the_deleted for one in day.half_hours), 2 * len(day.half_hours) + kills)
    cycles += readings * _STREAMS_OF_THE_DELETED
    # What a killed process had read and not yet written down is read again, and so is an instant that fills pages.
    again = kills + day.one_instants * _PAGES_OF_ONE_INSTANT
    most = _PAGES_MORE * rows / _PAGE + cycles + again
    findings.holds(
        "It read no more than 1.05 times the pages that the changed rows fill, one a stream and cycle, and what has to"
        " be read twice.",
        pages <= most,
        f"{pages} pages for {rows} rows in {cycles} cycles, {readings * _STREAMS_OF_THE_DELETED} of them of what the"
        f" deleted did last; {again} for {kills} kills and {day.one_instants} instants"
        f" that fill pages; at most {most:.0f}",
    )
    costs = [one.used.cost for one in day.half_hours]
    findings.holds(
        f"No cycle cost more than {_COST_OF_A_CYCLE}, 30 % of what the team has in its time.",
        max(costs) <= _COST_OF_A_CYCLE,
        f"{max(costs)} at most",
    )
    findings.figures |= {
        "rows changed": rows,
        "pages read": pages,
        "cycles of a stream": cycles,
        "cost of a half hour, at most": max(costs),
        "seconds a half hour": [round(one.seconds, 1) for one in day.half_hours],
    }
