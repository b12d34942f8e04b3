"""The same work under FastStream, one message at a time."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson
from rich.progress import Progress

from bench.measure import bus
from bench.measure.children import running_child
from bench.measure.figures import rate_of_the_middle
from bench.measure.load import Load
from bench.measure.machine import CpuMeter
from bench.measure.reading import for_a_while
from bench.measure.throughput import ServiceRate, produced_like
from sandbox.stack import LocalStack

__all__ = ["Acknowledge", "FaststreamRate", "measure_faststream"]

Acknowledge = Literal["after", "before"]
"""When a message is acknowledged: after its handler, or before it, which loses it where the process dies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaststreamRate:
    """What a FastStream application did in its time."""

    events_per_second: float
    cpu_microseconds_per_event: dict[str, float]


async def measure_faststream(
    stack: LocalStack,
    dsn: str,
    load: Load,
    service: ServiceRate,
    *,
    acknowledge: Acknowledge,
    seconds: float,
    logs: Path,
    progress: Progress,
) -> FaststreamRate:
    """Its rate over at most so many seconds from the first; on a prepared database, with topics of its own.

    With the acknowledgement before, sixteen workers handle messages at the same time.
    """
    servers = stack.kafka.bootstrap_servers
    topic, answers = f"bench.faststream.{acknowledge}.events", f"bench.faststream.{acknowledge}.requests"
    await asyncio.to_thread(bus.create_topics, servers, topic, answers)
    start = await asyncio.to_thread(bus.end_positions, servers, answers)
    await asyncio.to_thread(bus.publish, servers, topic, load.records())
    plan = {
        "bootstrap_servers": servers,
        "dsn": dsn,
        "topic": topic,
        "acknowledge": acknowledge,
        "output": produced_like(answers, service.requests),
    }
    command = (sys.executable, "-m", "bench.measure.one_by_one", orjson.dumps(plan).decode())
    with bus.reading(servers, answers, start) as requests:
        async with running_child(command, log=logs / f"faststream-{acknowledge}.log") as child:
            meter = CpuMeter.of(stack, faststream=child.pid)
            with meter.running():
                await for_a_while(
                    requests, load.events, child, progress, f"FastStream, acknowledged {acknowledge}", seconds=seconds
                )
            handled = requests.records
    return FaststreamRate(
        events_per_second=rate_of_the_middle(requests.samples),
        cpu_microseconds_per_event=meter.per_event(handled),
    )
