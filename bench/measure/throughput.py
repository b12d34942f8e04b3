"""Lifecycle event to approval request readable on its topic: the service with consume and relay in one process."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import Progress

from bench.measure import bus
from bench.measure.bus import Positions, Reader, TakenRecord
from bench.measure.children import SERVICE, Child, running_service, service_environment
from bench.measure.figures import NotMeasurable, rate_of_the_middle
from bench.measure.load import Load
from bench.measure.machine import CpuMeter, peak_rss_mb
from bench.measure.reading import until_read
from sandbox.stack import LocalStack
from schemas.topics import APPROVAL_REQUEST, ENROLLMENT, RENEWAL_WINDOW, dead_letter_topic

__all__ = ["ServiceRate", "measure_service", "produced_like"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRate:
    """What the service did with a load. `input_positions` is where the load begins in its topic."""

    events_per_second: float
    peak_rss_mb: float
    cpu_microseconds_per_event: dict[str, float]
    event_bytes: float
    input_positions: Positions
    requests: Sequence[TakenRecord]
    changes: Sequence[TakenRecord]

    def conditions(self) -> dict[str, Any]:
        """What a reader of the figure should know of it."""
        return {
            "event_value_bytes": round(self.event_bytes),
            "request_record_bytes": _mean_size(self.requests),
            "enrollment_changed_record_bytes": _mean_size(self.changes),
            "cpu_microseconds_per_event": self.cpu_microseconds_per_event,
        }


def _mean_size(records: Sequence[TakenRecord]) -> int:
    return round(sum(record.size for record in records) / len(records)) if records else 0


async def measure_service(
    stack: LocalStack, dsn: str, load: Load, *, logs: Path, progress: Progress, command: Sequence[str] = SERVICE
) -> ServiceRate:
    """Publish a load, start the service on a prepared database, and read until every event has its request.

    Raises NotMeasurable where a request is missing, doubled or too late, or where anything became a dead letter.
    """
    servers = stack.kafka.bootstrap_servers
    watched = (RENEWAL_WINDOW.name, APPROVAL_REQUEST.name, ENROLLMENT.name, dead_letter_topic(RENEWAL_WINDOW.name))
    before = {topic: await asyncio.to_thread(bus.end_positions, servers, topic) for topic in watched}
    sent = await asyncio.to_thread(bus.publish, servers, RENEWAL_WINDOW.name, load.records())
    environment = service_environment(stack.kafka, dsn)
    with bus.reading(servers, APPROVAL_REQUEST.name, before[APPROVAL_REQUEST.name]) as requests:
        async with running_service(
            environment, "consume", "relay", log=logs / "service.log", command=command
        ) as service:
            meter = CpuMeter.of(stack, service=service.pid)
            with meter.running():
                await until_read(requests, load.events, service, progress, "service: approval requests")
            memory = peak_rss_mb(service.pid)
            changes = await _changes(servers, before[ENROLLMENT.name], load.events, service, progress)
    _check(requests, load)
    dead = dead_letter_topic(RENEWAL_WINDOW.name)
    if await asyncio.to_thread(bus.end_positions, servers, dead) != before[dead]:
        raise NotMeasurable("events of the load became dead letters")
    return ServiceRate(
        events_per_second=rate_of_the_middle(requests.samples),
        peak_rss_mb=memory,
        cpu_microseconds_per_event=meter.per_event(load.events),
        event_bytes=sent / load.events,
        input_positions=before[RENEWAL_WINDOW.name],
        requests=requests.kept,
        changes=changes,
    )


async def _changes(
    servers: str, start: Positions, events: int, service: Child, progress: Progress
) -> Sequence[TakenRecord]:
    """The first of the enrollments' changes, once as many have left as there were events."""
    with bus.reading(servers, ENROLLMENT.name, start) as changes:
        await until_read(changes, events, service, progress, "service: enrollment changes")
    return changes.kept


def _check(requests: Reader, load: Load) -> None:
    requests.check()
    if requests.records != load.events or len(requests.keys) != load.events:
        raise NotMeasurable(f"{load.events} events have {requests.records} requests for {len(requests.keys)} customers")


def produced_like(topic: str, taken: Sequence[TakenRecord]) -> dict[str, Any]:
    """For the programs that are compared with: a topic, and the record of middle size among those of the service."""
    record = sorted(taken, key=lambda one: one.size)[len(taken) // 2]
    return {
        "topic": topic,
        "value": base64.b64encode(record.value).decode(),
        "headers": [[name, base64.b64encode(text).decode()] for name, text in record.headers],
    }
