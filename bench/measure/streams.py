"""The event stream: many of them open before the `api` role as a process, from a change's commit to each reader.

The readers and who commits share this process and the machine with the API, so what is told is what a reader waits at
most. Halfway the service is stopped and started again, while changes go on: whoever comes back is to be told what came
between, once.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import httpx
import orjson
from httpx_sse import EventSource

from bench.measure.callers import AUDIENCE, ISSUER, Callers
from bench.measure.children import running_service, seconds_to_ready, service_environment
from bench.measure.figures import NotMeasurable, percentile
from bench.measure.load import Load
from bench.measure.machine import CpuMeter, peak_rss_mb
from bench.measure.setting import Setting
from schemas.registry import ENROLLMENT_CHANGED
from schemas.topics import customer_key
from storage import outbox
from storage.pool import Database, DatabaseOptions
from workflows.events import Origin, outgoing

__all__ = ["Streamed", "StreamsPlan", "measure_streams"]

_SEED = 20261127
_AGAIN_SECONDS = 0.25
_WHOLE_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_EXAMPLE: Final[dict[str, Any]] = ENROLLMENT_CHANGED.examples[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsPlan:
    """So many streams, of so many organizations; the changes before and after the service is started again."""

    streams: int = 200
    organizations: int = 20
    changes: int = 3000
    changes_while_away: int = 600
    per_second: float = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """Seconds from a change's commit to each reader, and from the service's return until each reader had everything."""

    seconds: Sequence[float]
    whole_again_s: float
    caught_up: int
    cpu_microseconds: dict[str, float]
    peak_rss_mb: float

    def told(self) -> dict[str, Any]:
        return {
            "told": len(self.seconds),
            "p50_s": round(percentile(self.seconds, 50), 4),
            "slowest_s": round(max(self.seconds), 4),
            "cpu_microseconds_of_each_told": self.cpu_microseconds,
            "whole_again_after_a_restart_s": round(self.whole_again_s, 2),
            "told_of_what_came_between": self.caught_up,
            "peak_rss_mb": round(self.peak_rss_mb, 1),
        }


@dataclass(slots=True)
class _Reader:
    """A stream that comes back whenever it ends, from where it was."""

    organization_id: str
    token: str
    last: str = ""
    told: list[tuple[str, float]] = field(default_factory=list)
    is_open: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self, client: httpx.AsyncClient) -> None:
        while True:
            headers = {"authorization": f"Bearer {self.token}"} | ({"last-event-id": self.last} if self.last else {})
            try:
                async with client.stream("GET", "/api/salesloft/events", headers=headers) as answer:
                    if answer.status_code == httpx.codes.OK:
                        await self._read(answer)
            except httpx.TransportError:
                pass  # The service is away, or went.
            self.is_open.clear()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _read(self, answer: httpx.Response) -> None:
        async for event in EventSource(answer).aiter_sse():
            at = monotonic()
            self.last = event.id or self.last
            match event.event:
                case "ready":
                    self.is_open.set()
                case "enrollment":
                    self.told.append((orjson.loads(event.data)["id"], at))


@dataclass(slots=True)
class _Changes:
    """Changes of enrollments, each committed by itself; when each was about to be."""

    database: Database
    organization_ids: Sequence[str]
    began: dict[str, float] = field(default_factory=dict)
    of: dict[str, set[str]] = field(default_factory=dict)

    async def go_on(self, many: int, per_second: float, chance: random.Random) -> None:
        start = monotonic()
        for number in range(many):
            await asyncio.sleep(max(0.0, start + number / per_second - monotonic()))
            await self._one(chance.choice(self.organization_ids))

    async def _one(self, organization_id: str) -> None:
        event_id = uuid4()
        message = outgoing(
            ENROLLMENT_CHANGED,
            id=event_id,
            organization_id=organization_id,
            key=customer_key(organization_id, "cus-1"),
            subject="x",
            data=orjson.dumps(_EXAMPLE | {"organization_id": organization_id}),
            time=datetime.now(UTC),
            origin=Origin("bench"),
        )
        self.began[str(event_id)] = monotonic()
        async with self.database.transaction() as connection:
            await outbox.add(connection, [message])
        self.of.setdefault(organization_id, set()).add(str(event_id))


async def measure_streams(setting: Setting, plan: StreamsPlan) -> Streamed:
    """Open the streams, change, restart the service amid more changes. Raises NotMeasurable where one is not whole."""
    dsn = await setting.prepared_database()
    organization_ids = list(Load(name="", events=0, organizations=plan.organizations).organization_ids())
    callers = Callers(organization_ids)
    chance = random.Random(_SEED)
    readers = [
        _Reader(organization_id, chance.choice(callers.tokens[organization_id]))
        for organization_id in (organization_ids[number % plan.organizations] for number in range(plan.streams))
    ]
    async with (
        callers.published() as keys_url,
        Database.connected(DatabaseOptions(dsn=dsn)) as database,
        AsyncExitStack() as stack,
    ):
        changes = _Changes(database, organization_ids)
        environment = service_environment(
            setting.stack.kafka, dsn, jwt_issuer=ISSUER, jwt_audience=AUDIENCE, jwt_keys_url=keys_url
        )
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{environment['CSCX_SALESLOFT_HTTP_PORT']}",
                timeout=httpx.Timeout(30.0, pool=None),
                limits=httpx.Limits(max_connections=None),
            )
        )
        async with running_service(environment, "api", log=setting.logs / "api.log") as api:
            await seconds_to_ready(api, environment)
            for reader in readers:
                stack.push_async_callback(_ended, asyncio.create_task(reader.follow(client)))
            await _all_open(readers)
            meter = CpuMeter.of(setting.stack, api=api.pid)
            with meter.running():
                await changes.go_on(plan.changes, plan.per_second, chance)
                await _all_whole(readers, changes)
            memory = peak_rss_mb(api.pid)
        seconds = [at - changes.began[event_id] for reader in readers for event_id, at in reader.told]
        meanwhile = asyncio.create_task(changes.go_on(plan.changes_while_away, plan.per_second, chance))
        stack.push_async_callback(_ended, meanwhile)
        async with running_service(environment, "api", log=setting.logs / "api-again.log") as api:
            await seconds_to_ready(api, environment)
            back = monotonic()
            await _all_open(readers)
            whole_again = monotonic() - back
            await meanwhile
            await _all_whole(readers, changes)
    return Streamed(
        seconds=seconds,
        whole_again_s=whole_again,
        caught_up=sum(1 for reader in readers for event_id, _ in reader.told if changes.began[event_id] < back)
        - len(seconds),
        cpu_microseconds={name: one for name, one in meter.per_event(len(seconds)).items() if name != "kafka"},
        peak_rss_mb=memory,
    )


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _all_open(readers: Sequence[_Reader]) -> None:
    """Each has been told that what came before is told."""
    try:
        async with asyncio.timeout(_WHOLE_SECONDS):
            await asyncio.gather(*(reader.is_open.wait() for reader in readers))
    except TimeoutError:
        away = sum(not reader.is_open.is_set() for reader in readers)
        raise NotMeasurable(f"{away} of {len(readers)} streams are not open after {_WHOLE_SECONDS:.0f} s") from None


async def _all_whole(readers: Sequence[_Reader], changes: _Changes) -> None:
    """Each has been told everything of its organization's, once, and nothing else."""
    end = monotonic() + _WHOLE_SECONDS
    while any(len(reader.told) < len(changes.of.get(reader.organization_id, ())) for reader in readers):
        if monotonic() > end:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    for reader in readers:
        told = [event_id for event_id, _ in reader.told]
        wanted = changes.of.get(reader.organization_id, set())
        if len(told) != len(set(told)) or set(told) != wanted:
            raise NotMeasurable(
                f"a stream was told {len(told)} changes, {len(set(told) & wanted)} different ones of the"
                f" {len(wanted)} of {reader.organization_id}"
            )
