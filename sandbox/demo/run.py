"""A demo from its set-up to its reckoning."""

import asyncio
import shlex
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, TypeVar

import asyncpg
import httpx
from aiokafka.errors import KafkaError
from rich.console import Console

from sandbox.approval_desk import DeskPolicy, DeskUnavailable, Outgoing, run_desk
from sandbox.demo.afterwards import another_day
from sandbox.demo.agreement import Finding, compare
from sandbox.demo.books import Books
from sandbox.demo.bystander import Bystander
from sandbox.demo.claims import Evidence, claims
from sandbox.demo.input_file import InputEvents, read_events
from sandbox.demo.journey import Journey, display_for
from sandbox.demo.options import STANDARD_START, DemoError, DemoOptions
from sandbox.demo.scene import Scene, raised_scene
from sandbox.demo.settle import Lag, Rest, come_to_rest
from sandbox.generator import Stream, StreamPlan, generate
from sandbox.publishing import NotPublished, publish_on_time
from sandbox.stack import StackError, until_one_ends
from service.clock import ClockUnavailable, FollowedClock

__all__ = ["AGREES", "DIFFERS", "NOT_ALL_SENT", "run_demo"]

AGREES = 0
DIFFERS = 1
NOT_ALL_SENT = 3

_SHOW_SECONDS = 0.5
_CLOCK_SECONDS = 10.0

T = TypeVar("T")


@dataclass(slots=True)
class _Progress:
    """What the demo itself has done so far."""

    phase: str = "the stream begins"
    sent: int = 0
    decided: list[str] = field(default_factory=list)
    approvers_work: bool = True

    def go_home(self) -> None:
        self.approvers_work = False

    def published(self, records: int) -> None:
        self.sent += records

    def rests(self, moving: str) -> None:
        self.phase = f"coming to rest ({moving})"

    def answered(self, decisions: Sequence[Outgoing]) -> None:
        self.decided.extend(decision.event_id for decision in decisions)


async def run_demo(options: DemoOptions, console: Console) -> int:
    """Run it and answer the exit code. DemoError is the one thing raised for what a person can do something about."""
    given = _given_events(options, console)
    start = STANDARD_START if given is None or given.start is None else given.start
    owners: Mapping[str, frozenset[str]] = (
        given.owners if given is not None else dict.fromkeys(options.organizations, frozenset())
    )
    try:
        async with raised_scene(options, owners, start, console) as scene:
            stream = given.stream if given is not None else _generated(options, scene, start)
            findings = await _play(options, scene, stream, console)
    except (StackError, NotPublished, DeskUnavailable, ClockUnavailable) as error:
        raise DemoError(str(error)) from error
    except (httpx.HTTPError, KafkaError, asyncpg.PostgresError, OSError, TimeoutError, RuntimeError) as error:
        raise DemoError(f"a part of the demo stopped answering: {type(error).__name__}: {error}") from error
    if not all(finding.agrees for finding in findings):
        return DIFFERS
    return AGREES if given is None or not given.unsent else NOT_ALL_SENT


def _given_events(options: DemoOptions, console: Console) -> InputEvents | None:
    if options.source is None:
        return None
    if str(options.source) == "-":
        lines = sys.stdin.buffer.read().splitlines()
    else:
        try:
            lines = options.source.read_bytes().splitlines()
        except OSError as error:
            raise DemoError(f"{options.source} cannot be read: {error.strerror}") from error
    given = read_events(lines)
    for complaint in given.complaints:
        console.print(complaint, markup=False, soft_wrap=True, style="yellow")
    if not given.stream.records:
        raise DemoError(f"{options.source} holds no event: write one CloudEvent in JSON a line")
    return given


def _generated(options: DemoOptions, scene: Scene, start: datetime) -> Stream:
    return generate(
        StreamPlan(
            organizations=scene.organizations,
            events=options.events,
            start=start,
            seed=options.seed,
            span=options.span,
        )
    )


async def _play(options: DemoOptions, scene: Scene, stream: Stream, console: Console) -> list[Finding]:
    clock = FollowedClock(scene.clock_url)
    async with AsyncExitStack() as exits:
        client = await exits.enter_async_context(httpx.AsyncClient(timeout=_CLOCK_SECONDS))
        await clock.ask(client)
        books = await Books.open(scene.stack.postgres.owner_dsn)
        exits.push_async_callback(books.close)
        kafka = scene.stack.kafka.bootstrap_servers
        lag = await exits.enter_async_context(Lag(kafka))
        progress, bystander = _Progress(), Bystander(kafka)
        rest = Rest(books=books, bystander=bystander, lag=lag, clock=clock, tell=progress.rests)
        policy = DeskPolicy(seed=options.seed, steps=scene.steps())
        parts: dict[str, Coroutine[Any, Any, None]] = {
            "the clock": clock.run(),
            "the approval desk": run_desk(
                kafka, policy, clock, progress.answered, on_duty=lambda: progress.approvers_work
            ),
            "the bystander": bystander.watch(),
            "the service": scene.service.wait(),
            "the stack": until_one_ends({"Kafka": scene.stack.kafka, "Postgres": scene.stack.postgres}),
        }
        return await _beside(_tell(options, scene, stream, rest, progress, console), parts)


async def _beside(work: Coroutine[Any, Any, T], parts: Mapping[str, Coroutine[Any, Any, None]]) -> T:
    """Do the work while the parts run; the first part that ends, ends it all. What it raised is raised."""
    doing = asyncio.create_task(work, name="the demo")
    running = {asyncio.create_task(part, name=name) for name, part in parts.items()}
    try:
        await asyncio.wait({doing, *running}, return_when=asyncio.FIRST_COMPLETED)
        for part in running:
            if part.done() and not doing.done():
                part.result()
                raise DemoError(f"{part.get_name()} ended")
        return await doing
    finally:
        for task in (doing, *running):
            task.cancel()
        await asyncio.gather(doing, *running, return_exceptions=True)


async def _tell(
    options: DemoOptions, scene: Scene, stream: Stream, rest: Rest, progress: _Progress, console: Console
) -> list[Finding]:
    began = monotonic()
    late: Finding | None = None
    console.print(
        f"{len(stream.records)} records for {_organizations(len(scene.organizations))}: {len(stream.good)} events,"
        f" {stream.duplicates} sent twice, {len(stream.malformed)} broken"
    )
    with display_for(console) as display:

        async def watch() -> None:
            while True:
                display.show(await _look(scene, stream, rest, progress))
                await asyncio.sleep(_SHOW_SECONDS)

        watching = asyncio.create_task(watch(), name="display")
        try:
            await _run_the_stream(options, scene, stream, rest, progress)
            await come_to_rest(
                rest,
                scene.simulator,
                scene.team_ids,
                deadline=monotonic() + options.settle_seconds,
            )
        except DemoError as error:
            # What came to rest is compared all the same: what differs tells more than that time ran out.
            console.print(f"error: {error}", markup=False, soft_wrap=True, style="bold red")
            waiting = await rest.books.unfinished(rest.clock.now())
            late = Finding("everything came to rest in time", ("the demo",), 1 + len(waiting), (str(error), *waiting))
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        if late is None:
            progress.phase = "at rest"
        display.show(await _look(scene, stream, rest, progress))
    evidence = await _evidence(scene, stream, rest, progress)
    findings = [compare(claim) for claim in claims(evidence)]
    if late is not None:
        findings.append(late)
    journey = await _look(scene, stream, rest, progress)
    _summarize(console, journey, findings, monotonic() - began)
    if options.keep_running:
        if options.source is None:
            console.print("\nanother day begins, for whoever opens the pages")
            await another_day(
                scene,
                stream,
                rest,
                seed=options.seed,
                speed=options.speed,
                go_home=progress.go_home,
                settle_seconds=options.settle_seconds,
            )
        await _keep(scene, console)
    return findings


def _organizations(many: int) -> str:
    return "1 organization" if many == 1 else f"{many} organizations"


async def _run_the_stream(options: DemoOptions, scene: Scene, stream: Stream, rest: Rest, progress: _Progress) -> None:
    clock = rest.clock
    await scene.simulator.run_at(options.speed)
    await publish_on_time(scene.stack.kafka.bootstrap_servers, stream.records, clock, progress.published)
    progress.phase = "the stream has ended"
    # What people do in the time that follows is part of the demo, so on a slow machine it begins later.
    await rest.until_caught_up(monotonic() + options.settle_seconds)
    until = clock.now() + (options.afterwards if options.source is None else options.span)
    while clock.now() < until:  # noqa: ASYNC110 - business time gives no signal
        await asyncio.sleep(_SHOW_SECONDS / 5)


async def _evidence(scene: Scene, stream: Stream, rest: Rest, progress: _Progress) -> Evidence:
    books = rest.books
    return Evidence(
        stream=stream,
        decided=progress.decided,
        bus=rest.bystander.evidence(),
        taken=await books.taken_events(),
        history=await books.history(),
        digests=await books.request_digests(),
        decisions=await books.decisions(),
        memberships=await books.own_memberships(),
        units=await books.units(),
        outbox=await books.sent_messages(),
        erased_people=await books.erased_people(),
        writes=[write for team_id in scene.team_ids for write in await scene.simulator.writes(team_id)],
        life=[change for team_id in scene.team_ids for change in await scene.simulator.life(team_id)],
    )


async def _look(scene: Scene, stream: Stream, rest: Rest, progress: _Progress) -> Journey:
    now = rest.clock.now()
    standing = await rest.books.standing(now)
    salesloft: dict[str, int] = {}
    for team_id in scene.team_ids:
        for name, value in (await scene.simulator.usage(team_id)).items():
            if isinstance(value, int):
                salesloft[name] = salesloft.get(name, 0) + value
    return Journey(
        now=now,
        phase=progress.phase,
        sent=progress.sent,
        to_send=len(stream.records),
        lag=await rest.lag.read(),
        taken=standing.taken,
        decisions=await rest.books.decisions_by_reason(),
        deferred=standing.deferred,
        requests=len(rest.bystander.requests),
        answers=len(rest.bystander.decisions),
        states=await rest.books.states(),
        activity=dict(rest.bystander.activity_by_kind().most_common()),
        dead_letters=dict(rest.bystander.dead_letters_by_code().most_common()),
        salesloft=salesloft,
    )


def _summarize(console: Console, journey: Journey, findings: Sequence[Finding], seconds: float) -> None:
    console.print(journey.line(), markup=False, soft_wrap=True)
    for title, counts in (
        ("decisions", {f"{outcome} {reason}": count for outcome, reason, count in journey.decisions}),
        ("activity", journey.activity),
        ("dead letters", journey.dead_letters),
    ):
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        console.print(f"{title}: {told or 'none'}", markup=False, soft_wrap=True)
    for finding in findings:
        for line in finding.lines():
            console.print(line, markup=False, soft_wrap=True, style=None if finding.agrees else "bold red")
    differing = sum(not finding.agrees for finding in findings)
    verdict = "all agree" if not differing else f"{differing} of {len(findings)} DIFFER"
    console.print(f"{len(findings)} claims, {verdict}, after {seconds:.0f} s", markup=False)


async def _keep(scene: Scene, console: Console) -> None:
    await scene.simulator.run_at(1.0)
    console.print("\nKept running, now in real time, until Ctrl-C.")
    console.print(f"[bold]Open {scene.service.url}/app/[/] and choose who you are.", soft_wrap=True)
    console.print("To look around in another shell:")
    for name, value in scene.service.environment.items():
        if name.startswith("CSCX_SALESLOFT_") and not name.endswith("HTTP_PORT"):
            console.print(f"export {name}={shlex.quote(value)}", markup=False, soft_wrap=True)
    console.print("cscx-salesloft dlq list", markup=False)
    console.print(f"curl {scene.service.url}/metrics", markup=False)
    faster = shlex.quote('{"speed": 7200}')
    console.print(f"curl -X PUT {scene.clock_url} -d {faster}", markup=False, soft_wrap=True)
    console.print(f"the service's log: {scene.service.log}", markup=False, soft_wrap=True)
    await asyncio.Event().wait()
