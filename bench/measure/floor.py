"""The floor: what consuming, inserting and producing the same bytes costs where nothing is decided."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import orjson
from rich.progress import Progress

from bench.measure import bus
from bench.measure.children import running_child
from bench.measure.figures import rate_of_the_middle
from bench.measure.load import Load
from bench.measure.machine import CpuMeter, peak_rss_mb
from bench.measure.reading import until_read
from bench.measure.throughput import ServiceRate, produced_like
from sandbox.stack import LocalStack
from schemas.topics import RENEWAL_WINDOW

__all__ = ["FloorRate", "measure_floor"]

_REQUESTS = "bench.floor.approval-request"
_CHANGES = "bench.floor.enrollment"


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorRate:
    """What the bare loop did with the same events."""

    events_per_second: float
    peak_rss_mb: float
    cpu_microseconds_per_event: dict[str, float]


async def measure_floor(
    stack: LocalStack, dsn: str, load: Load, service: ServiceRate, *, logs: Path, progress: Progress
) -> FloorRate:
    """The same events of the same topic once more, into one table, and for each the bytes that the service sent."""
    servers = stack.kafka.bootstrap_servers
    await asyncio.to_thread(bus.create_topics, servers, _REQUESTS, _CHANGES)
    start = await asyncio.to_thread(bus.end_positions, servers, _REQUESTS)
    plan = {
        "bootstrap_servers": servers,
        "dsn": dsn,
        "topic": RENEWAL_WINDOW.name,
        "positions": {str(partition): offset for partition, offset in service.input_positions.items()},
        "events": load.events,
        "outputs": [produced_like(_REQUESTS, service.requests), produced_like(_CHANGES, service.changes)],
    }
    with bus.reading(servers, _REQUESTS, start) as requests:
        command = (sys.executable, "-m", "bench.measure.bare_loop", orjson.dumps(plan).decode())
        async with running_child(command, log=logs / "floor.log") as floor:
            meter = CpuMeter.of(stack, floor=floor.pid)
            with meter.running():
                await until_read(requests, load.events, floor, progress, "floor: records")
            memory = peak_rss_mb(floor.pid)
    return FloorRate(
        events_per_second=rate_of_the_middle(requests.samples),
        peak_rss_mb=memory,
        cpu_microseconds_per_event=meter.per_event(load.events),
    )
