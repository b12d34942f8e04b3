"""A hostile day: counters move in every half hour, and whoever reads them is disturbed in every way there is.

A half hour is made of acts that happen within its first 25 minutes, a jump of the clock to its end, and a cycle of
reading, while people go on acting, Salesloft refuses, tokens end and the service is killed. Only when the cycle is
through the next half hour begins, so that what was there to be seen of one was seen before anything is taken away.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from time import monotonic

from bench.measure.machine import peak_rss_mb
from bench.proof.activity_team import LISTS, ActivityTeam, Usage
from bench.proof.activity_told import Told
from bench.proof.load import Load
from bench.proof.world import World
from sandbox.generator import GeneratedRecord, Stream

__all__ = ["Day", "DaySize", "HalfHour"]

_ACTING = timedelta(minutes=25)
_HALF_HOUR = timedelta(minutes=31)
_SETTLE = timedelta(minutes=2)
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
_LATE_SECONDS = 80.0
_TIES = (1, 1, 1, 2, 3, 5)
# More than two pages of one instant.
_ONE_INSTANT = 230
_LOOK_SECONDS = 0.05
_READ_ON_EVERY_SECONDS = 0.5
_TIMES_WHILE_READ = 4
_OF_EACH = 2
# Of a thousand acts of a half hour.
_SHARES = {
    "view": 650,
    "click": 110,
    "reply": 15,
    "bounce": 8,
    "take_back": 12,
    "call": 60,
    "complete_step": 115,
    "opt_out": 3,
    "remove": 8,
    "add_again": 10,
    "remove_and_add_again": 6,
    "delete_person": 3,
}
_WHILE_READ = ("view", "click", "reply", "call", "complete_step")
_TAKEN_AWAY = ("take_back", "add_again", "remove_and_add_again", "delete_person")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySize:
    """How large a day is, for the organization that is polled alone and the one that webhooks tell of as well.

    `changes` are the acts of both in all of the `half_hours`, some of which change several counters;
    `late_people` of each become stakeholders amid the day. `joining` is in how many half hours before them the
    memberships begin. `speed` is business seconds in a real one, `read_seconds` the longest that a cycle may take in
    real ones.
    """

    people: int
    hinted_people: int
    late_people: int
    joining: int
    half_hours: int
    changes: int
    kills: int
    speed: float
    fsync: bool
    read_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfHour:
    """What reading one took, of the organization that is polled alone. `changed` are its rows by stream.

    `of_the_deleted` counts how often it was read what people who were missed had done last.
    """

    changed: Mapping[str, int]
    used: Usage
    seconds: float
    kills: int
    cycles: int
    of_the_deleted: int


@dataclass(frozen=True, slots=True)
class _Death:
    """Where amid a cycle to kill: at a page, or while a call hangs because of this fault."""

    at_page: int
    hang: int | None


@dataclass(slots=True, kw_only=True)
class Day:
    """The day under way. `half_hours` are those in which nobody was linked, and whose pages are counted.

    `expired` counts how often tokens were ended, `one_instants` the instants at which more rows than two pages hold
    changed, `peak_mb` is the most memory that any life of the service had.
    """

    size: DaySize
    seed: int
    say: Callable[[str], None]
    world: World
    told: Told
    alone: ActivityTeam
    hinted: ActivityTeam
    chance: Random
    half_hours: list[HalfHour] = field(default_factory=list)
    kills_amid: int = 0
    kills: int = 0
    expired: int = 0
    one_instants: int = 0
    peak_mb: float = 0.0
    _read_to: datetime | None = None
    _awake: tuple[int, int] = (1, 0)
    _asleep: tuple[int, int] = (1, 0)

    @property
    def teams(self) -> tuple[ActivityTeam, ActivityTeam]:
        return self.alone, self.hinted

    async def know(self, records: Sequence[GeneratedRecord]) -> None:
        """Have the service's directory hold these snapshots."""
        stream = Stream(records=list(records), good=frozenset(), erased=frozenset(), malformed={}, duplicates=0)
        await Load(self.world.kafka.bootstrap_servers, stream).publish(len(stream.records))
        async with asyncio.timeout(self.size.read_seconds):
            while (await self.world.bus.lag()).records:  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(_LOOK_SECONDS)

    async def live(self) -> None:
        """The whole day, and one half hour after it in which nobody acts.

        Raises TimeoutError where a cycle takes too long, and RuntimeError where the service ends by itself.
        """
        self.say("reading people")
        await self._read(await self.world.simulator.now() - _HALF_HOUR)
        for _ in range(self.size.joining):
            await self._half_hour([{"add": -(-len(team.people) * 5 // self.size.joining)} for team in self.teams])
        now = await self.world.simulator.now()
        await self.know([one for team in self.teams for one in team.late_directory(now, self.size.late_people)])
        await self._half_hour([{}, {}])
        killed = self.chance.sample(range(self.size.half_hours), self.size.kills)
        for number in range(self.size.half_hours):
            self._awake, self._asleep = (2, number % 2), (2, 1 - number % 2)
            self.say(f"half hour {number + 1} of {self.size.half_hours}, {self.kills} kills")
            await self._disturb(number)
            took = await self._half_hour([self._acts(team) for team in self.teams], kills=killed.count(number))
            self.half_hours.append(took)
        await self.world.simulator.clear_faults()
        for team in self.teams:
            await self.world.simulator.switch(team.team_id, commit_lag_seconds=0.0)
            # What is automated is not sent any more: nothing happens but what the clock's last jump brings.
            for user in team.team["users"]:
                body = {"email_client_configured": False}
                await self.world.simulator.call("PUT", f"teams/{team.team_id}/users/{user['id']}", body)
        self.half_hours.append(await self._half_hour([{}, {}]))
        await self.at_rest()

    async def at_rest(self) -> None:
        """Return when all that the service had to say is on Kafka, and read it."""
        async with asyncio.timeout(self.size.read_seconds):
            while self.world.service.is_running:
                standing = await self.world.books.standing(await self.world.simulator.now())
                if not standing.unsent:
                    break
                await asyncio.sleep(_READ_ON_EVERY_SECONDS)
        await self.told.read_on()
        for team in self.teams:
            await team.read_life()
        self._note_memory()

    async def _disturb(self, number: int) -> None:
        """Every second half hour rows are committed late and tokens end; in the others many change at one instant."""
        if number % 2 == 0:
            await self._end_tokens()
        else:
            self.one_instants += 2
        for team in self.teams:
            late = _LATE_SECONDS if number % 2 == 0 else 0.0
            await self.world.simulator.switch(team.team_id, commit_lag_seconds=late)
            if number % 2:
                acts = {"view": _ONE_INSTANT, "call": _ONE_INSTANT}
                await team.bustle(acts, seed=self.seed, within=_ACTING, ties=(_ONE_INSTANT,), among=self._awake)
                await self.world.simulator.add_fault(
                    kind="status",
                    status=429,
                    team_id=team.team_id,
                    method="GET",
                    path="/v2/",
                    skip=self.chance.randrange(8),
                    count=self.chance.randrange(2, 5),
                )

    def _acts(self, team: ActivityTeam) -> dict[str, int]:
        acts = self._share_of(team) / self.size.half_hours
        return {act: max(_OF_EACH, round(acts * share / 1000)) for act, share in _SHARES.items()}

    def _share_of(self, team: ActivityTeam) -> float:
        return self.size.changes * len(team.people) / (self.size.people + self.size.hinted_people)

    async def _half_hour(self, acts: Sequence[Mapping[str, int]], *, kills: int = 0) -> HalfHour:
        began, simulator = monotonic(), self.world.simulator
        for team, of_team in zip(self.teams, acts, strict=True):
            # One half of the people acts: of the other half nothing is new, and that can be taken away.
            taken = {act: number for act, number in of_team.items() if act in _TAKEN_AWAY}
            done = {act: number for act, number in of_team.items() if act not in _TAKEN_AWAY}
            await team.bustle(taken, seed=self.seed, within=_ACTING, ties=_TIES, among=self._asleep)
            await team.bustle(done, seed=self.seed, within=_ACTING, ties=_TIES, among=self._awake)
        used = await self.alone.usage()
        cycles, of_the_deleted = self._cycles(*LISTS), self._cycles("webhooks")
        jumped = await simulator.advance(_HALF_HOUR.total_seconds())
        until = jumped - _SETTLE
        changed = await self.alone.changed(self._read_to or _BEFORE_ALL, until)
        self._read_to = until
        await self._read(jumped, acting=any(acts), pages=sum(changed.values()) // 100 + len(LISTS), kills=kills)
        for team in self.teams:
            team.settled_before = until
        return HalfHour(
            changed=changed,
            used=await self.alone.usage() - used,
            seconds=monotonic() - began,
            kills=kills,
            cycles=self._cycles(*LISTS) - cycles,
            of_the_deleted=self._cycles("webhooks") - of_the_deleted,
        )

    def _cycles(self, *streams: str) -> int:
        """How many cycles of these streams together the organization that is polled alone has been through."""
        return sum(1 for one in self.told.checkpoints.get(self.alone.organization_id, ()) if one.stream in streams)

    async def _read(self, jumped: datetime, *, acting: bool = False, pages: int = 0, kills: int = 0) -> None:
        """Wait until a cycle that began then or later is through, and disturb it while it reads about so many pages."""
        before = await self.alone.usage()
        moments = sorted(self.chance.uniform(0, pages) for _ in range(_TIMES_WHILE_READ if acting else 0))
        deaths = [await self._death(pages) for _ in range(kills)]
        read_on_at = 0.0
        async with asyncio.timeout(self.size.read_seconds):
            while True:
                asked = (await self.alone.usage() - before).pages
                if deaths and await self._has_come(deaths[0], asked):
                    await self._kill(deaths.pop(0), jumped)
                if moments and asked >= moments[0]:
                    moments.pop(0)
                    await self._act_while_it_reads()
                if monotonic() - read_on_at >= _READ_ON_EVERY_SECONDS:
                    await self.told.read_on()
                    read_on_at = monotonic()
                    if not deaths and all(self._is_read(team, jumped) for team in self.teams):
                        return
                if not self.world.service.is_running:
                    raise RuntimeError(f"the service ended by itself: {self.world.service.last_words()}")
                await asyncio.sleep(_LOOK_SECONDS)

    def _is_read(self, team: ActivityTeam, jumped: datetime) -> bool:
        return self.told.is_read(team.organization_id, LISTS, jumped)

    async def _death(self, pages: int) -> _Death:
        """When to kill next: every second time while a call that is never answered is under way."""
        at_page = self.chance.randrange(1, max(4, pages // 2))
        hang = None
        if (self.kills + 1) % 2:
            hang = await self.world.simulator.add_fault(
                kind="hang", team_id=self.alone.team_id, method="GET", path="/v2/", skip=at_page
            )
        return _Death(at_page, hang)

    async def _has_come(self, death: _Death, asked: int) -> bool:
        if death.hang is None:
            return asked >= death.at_page
        return await self.world.simulator.hits(death.hang) > 0

    async def _act_while_it_reads(self) -> None:
        """Rows that are about to be read change, and so move to the end; and a token ends now and then."""
        for team in self.teams:
            acts = self._share_of(team) / self.size.half_hours / 100
            number_of = {act: max(1, round(acts * _SHARES[act] / 1000)) for act in _WHILE_READ}
            await team.bustle(number_of, seed=self.seed, among=self._awake)
        if self.chance.random() < 0.2:
            await self._end_tokens()

    async def _end_tokens(self) -> None:
        for team in self.teams:
            await self.world.simulator.expire_tokens(team.team_id)
        self.expired += 1

    async def _kill(self, death: _Death, jumped: datetime) -> None:
        self._note_memory()
        await self.world.service.kill()
        self.kills += 1
        if death.hang is not None:
            await self.world.simulator.call("DELETE", f"faults/{death.hang}")
        await self.told.read_on()
        self.kills_amid += not self._is_read(self.alone, jumped)
        await self.world.service.start()

    def _note_memory(self) -> None:
        self.peak_mb = max(self.peak_mb, peak_rss_mb(self.world.service.pid))
