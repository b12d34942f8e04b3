"""`python -m bench.run`: measures the service on real neighbours, in one run, and tells figures and ratios."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.measure.deciding import CANDIDATES, MAPPINGS, MAPPINGS_ALIKE, measure_back_test, measure_deciding
from bench.measure.faststream import Acknowledge, measure_faststream
from bench.measure.figures import Figures, NotMeasurable, percentile, ratio
from bench.measure.floor import measure_floor
from bench.measure.latency import SALESLOFT_MS, ApprovalPlan, measure_approvals
from bench.measure.load import ORGANIZATIONS, Load
from bench.measure.machine import machine, versions
from bench.measure.organizations import MAPPINGS_EACH
from bench.measure.pages import PagesPlan, measure_pages
from bench.measure.reads import CONNECTIONS, ReadsPlan, measure_reads
from bench.measure.report import table
from bench.measure.setting import Setting, running_setting
from bench.measure.starting import measure_start
from bench.measure.streams import StreamsPlan, measure_streams
from bench.measure.throughput import ServiceRate, measure_service
from telemetry import logs

__all__ = ["Measurement", "Sizes", "app", "main"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_FASTSTREAM_SECONDS = 10.0
# More than either way can handle in the time it has.
_FASTSTREAM_EVENTS: dict[Acknowledge, int] = {"after": 10_000, "before": 40_000}


class Measurement(StrEnum):
    """What can be measured alone. What is compared with the service's rate measures that rate too."""

    THROUGHPUT = "throughput"
    FLOOR = "floor"
    FASTSTREAM = "faststream"
    LATENCY = "latency"
    START = "start"
    DECIDING = "deciding"
    READS = "reads"
    STREAMS = "streams"
    PAGES = "pages"


_NEED_THE_RATE = frozenset({Measurement.THROUGHPUT, Measurement.FLOOR, Measurement.FASTSTREAM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    events: int
    rounds: int
    approvals: ApprovalPlan
    starts: int = 3
    # What a candidate costs shows with fewer events of many.
    events_of_20: int = 6_000
    decided_again: int = 20_000
    reads: ReadsPlan = field(default_factory=ReadsPlan)
    streams: StreamsPlan = field(default_factory=StreamsPlan)
    pages: PagesPlan = field(default_factory=PagesPlan)


async def measure(chosen: frozenset[Measurement], sizes: Sizes, progress: Progress) -> Figures:
    """Measure what was chosen, one after the other, on one Kafka and one Postgres."""
    figures = Figures()
    async with running_setting(progress) as setting:
        figures.measured_with["run"] = {
            "machine": machine(),
            "versions": versions(setting.stack),
            "postgres_fsync": True,
            "kafka_acks": "all",
        }
        if chosen & _NEED_THE_RATE:
            service = await _rates(setting, sizes, figures, with_floor=Measurement.FLOOR in chosen)
            if Measurement.FASTSTREAM in chosen:
                await _faststream(setting, service, figures)
        if Measurement.LATENCY in chosen:
            await _latency(setting, sizes, figures)
        if Measurement.START in chosen:
            await _start(setting, sizes, figures)
        if Measurement.DECIDING in chosen:
            await _deciding(setting, sizes, figures)
        if Measurement.READS in chosen:
            await _reads(setting, sizes, figures)
        if Measurement.STREAMS in chosen:
            await _streams(setting, sizes, figures)
        if Measurement.PAGES in chosen:
            await _pages(setting, sizes, figures)
    return figures


async def _rates(setting: Setting, sizes: Sizes, figures: Figures, *, with_floor: bool) -> ServiceRate:
    """The service and the bare loop in turn, so that a busy moment of the machine meets both."""
    services, floors = [], []
    for number in range(1, sizes.rounds + 1):
        load = Load(name=f"r{number}", events=sizes.events)
        services.append(
            await measure_service(
                setting.stack, await setting.prepared_database(), load, logs=setting.logs, progress=setting.progress
            )
        )
        setting.say(
            f"round {number}: service {services[-1].events_per_second:,.0f} events/s,"
            f" {services[-1].peak_rss_mb:.0f} MB, CPU µs an event {services[-1].cpu_microseconds_per_event},"
            f" load {machine()['load_average'][0]}"
        )
        if with_floor:
            floors.append(
                await measure_floor(
                    setting.stack,
                    await setting.empty_database(),
                    load,
                    services[-1],
                    logs=setting.logs,
                    progress=setting.progress,
                )
            )
            setting.say(
                f"round {number}: floor {floors[-1].events_per_second:,.0f} events/s, {floors[-1].peak_rss_mb:.0f} MB,"
                f" CPU µs an event {floors[-1].cpu_microseconds_per_event}, load {machine()['load_average'][0]}"
            )
    middle = sorted(services, key=lambda one: one.events_per_second)[len(services) // 2]
    figures.events_per_second = middle.events_per_second
    figures.peak_rss_mb = max(one.peak_rss_mb for one in services)
    reference = {
        "events": sizes.events,
        "rounds": sizes.rounds,
        "organizations": ORGANIZATIONS,
        "mappings_each": MAPPINGS_EACH,
        "stakeholders": 3,
        "requested": 1,
        "partitions": 12,
        "roles": ["consume", "relay"],
        "processes": 1,
    }
    figures.measured_with["events_per_second"] = {
        **reference,
        **middle.conditions(),
        "of_each_round": [round(one.events_per_second) for one in services],
        "load_average": machine()["load_average"],
    }
    figures.measured_with["peak_rss_mb"] = {**reference, "of": "VmHWM after the load, the largest of the rounds"}
    if floors:
        ratios = [
            ours.events_per_second / theirs.events_per_second for ours, theirs in zip(services, floors, strict=True)
        ]
        figures.floor_ratio = median(ratios)
        figures.measured_with["floor_ratio"] = {
            **reference,
            "of_each_round": [round(one, 3) for one in ratios],
            "floor_events_per_second": [round(one.events_per_second) for one in floors],
            "floor_cpu_microseconds_per_event": floors[-1].cpu_microseconds_per_event,
            "floor": "consume, COPY into one table, produce two records of the service's bytes, commit",
        }
    return middle


async def _faststream(setting: Setting, service: ServiceRate, figures: Figures) -> None:
    rates = {}
    for acknowledge, events in _FASTSTREAM_EVENTS.items():
        rates[acknowledge] = await measure_faststream(
            setting.stack,
            await setting.prepared_database(),
            Load(name=f"f-{acknowledge}", events=events),
            service,
            acknowledge=acknowledge,
            seconds=_FASTSTREAM_SECONDS,
            logs=setting.logs,
            progress=setting.progress,
        )
        setting.say(
            f"FastStream, acknowledged {acknowledge}: {rates[acknowledge].events_per_second:,.0f} events/s,"
            f" CPU µs an event {rates[acknowledge].cpu_microseconds_per_event}, load {machine()['load_average'][0]}"
        )
    figures.faststream_ratio = ratio(service.events_per_second, rates["after"].events_per_second)
    figures.faststream_workers_ratio = ratio(service.events_per_second, rates["before"].events_per_second)
    told = {
        "seconds": _FASTSTREAM_SECONDS,
        "work": "one handler call, one transaction and one produce a message, with the service's own functions",
        "load_average": machine()["load_average"],
    }
    figures.measured_with["faststream_ratio"] = {
        **told,
        "acknowledged": "after the handler",
        "workers": 1,
        "faststream_events_per_second": round(rates["after"].events_per_second, 1),
        "faststream_cpu_microseconds_per_event": rates["after"].cpu_microseconds_per_event,
    }
    figures.measured_with["faststream_workers_ratio"] = {
        **told,
        "acknowledged": "before the handler",
        "workers": 16,
        "faststream_events_per_second": round(rates["before"].events_per_second, 1),
        "faststream_cpu_microseconds_per_event": rates["before"].cpu_microseconds_per_event,
    }


async def _latency(setting: Setting, sizes: Sizes, figures: Figures) -> None:
    delays = await measure_approvals(
        setting.stack,
        await setting.empty_database(),
        sizes.approvals,
        logs=setting.logs,
        progress=setting.progress,
    )
    figures.approval_to_membership_p50_s = percentile(delays.seconds, 50)
    figures.approval_to_membership_p99_s = percentile(delays.seconds, 99)
    beyond = delays.beyond_salesloft()
    told = {
        **asdict(sizes.approvals),
        "salesloft_answers_after_ms": SALESLOFT_MS,
        "beyond_salesloft_p50_s": round(percentile(beyond, 50), 3),
        "beyond_salesloft_p99_s": round(percentile(beyond, 99), 3),
        "slowest_s": round(max(delays.seconds), 3),
        "peak_rss_mb_all_roles": round(delays.peak_rss_mb, 1),
        "salesloft_calls": delays.salesloft_calls,
        "load_average": machine()["load_average"],
    }
    figures.measured_with["approval_to_membership_p50_s"] = told
    figures.measured_with["approval_to_membership_p99_s"] = told
    setting.say(
        f"approval to membership: p50 {figures.approval_to_membership_p50_s:.3f} s,"
        f" p99 {figures.approval_to_membership_p99_s:.3f} s, slowest {told['slowest_s']} s;"
        f" beyond Salesloft's own {2 * SALESLOFT_MS} ms: p50 {told['beyond_salesloft_p50_s']} s,"
        f" p99 {told['beyond_salesloft_p99_s']} s; all roles took {delays.peak_rss_mb:.0f} MB"
    )
    setting.say(f"calls at Salesloft: {delays.salesloft_calls}")


async def _start(setting: Setting, sizes: Sizes, figures: Figures) -> None:
    found = await measure_start(setting.stack, await setting.empty_database(), times=sizes.starts, logs=setting.logs)
    figures.start_to_ready_s = median(found)
    figures.measured_with["start_to_ready_s"] = {
        "roles": "all",
        "after": "a clean stop",
        "of_each_start": [round(one, 3) for one in found],
        "load_average": machine()["load_average"],
    }
    setting.say(f"start to ready: {', '.join(f'{one:.2f} s' for one in found)}")


async def _deciding(setting: Setting, sizes: Sizes, figures: Figures) -> None:
    figures.decisions_per_second = measure_deciding()
    figures.measured_with["decisions_per_second"] = {
        "mappings": MAPPINGS,
        "of_a_trigger_and_segment": MAPPINGS_ALIKE,
        "candidates": CANDIDATES,
        "requested": 1,
        "cores": 1,
        "load_average": machine()["load_average"],
    }
    setting.say(f"deciding alone: {figures.decisions_per_second:,.0f} candidates a second")
    dsn = await setting.prepared_database()
    load = Load(name="again", events=sizes.decided_again)
    await measure_service(setting.stack, dsn, load, logs=setting.logs, progress=setting.progress)
    again = await measure_back_test(dsn, load, setting.progress)
    figures.backtest_events_per_second = again.events_per_second
    figures.measured_with["backtest_events_per_second"] = {
        "events": load.events,
        "organizations": load.organizations,
        "stakeholders": load.stakeholders,
        "processes": 1,
        "read_from": "the database that the service has just written",
        "of_reading_and_parsing_alone": round(again.of_reading, 3),
        "load_average": machine()["load_average"],
    }
    setting.say(
        f"back-test: {again.events_per_second:,.0f} events a second,"
        f" {again.of_reading:.2f} of what reading and parsing them alone does"
    )
    load = Load(name="of-20", events=sizes.events_of_20, stakeholders=CANDIDATES)
    rate = await measure_service(
        setting.stack, await setting.prepared_database(), load, logs=setting.logs, progress=setting.progress
    )
    figures.events_of_20_per_second = rate.events_per_second
    figures.measured_with["events_of_20_per_second"] = {
        "events": load.events,
        "stakeholders": load.stakeholders,
        "requested": 1,
        **rate.conditions(),
        "load_average": machine()["load_average"],
    }
    setting.say(
        f"events of {CANDIDATES} candidates: {rate.events_per_second:,.0f} a second,"
        f" CPU µs an event {rate.cpu_microseconds_per_event}"
    )


async def _reads(setting: Setting, sizes: Sizes, figures: Figures) -> None:
    found = await measure_reads(setting, sizes.reads)
    figures.reads_per_second_of_a_core = found.mix.per_second_of_a_core
    figures.read_p99_s = found.mix.answered.p99_s
    told = {
        "connections": CONNECTIONS,
        "rows": dict(found.rows),
        "organizations": sizes.reads.organizations,
        "the_first_organizations_part": 0.1,
        "of_all_together": found.mix.told(),
        "of_each": {kind: cost.told() for kind, cost in found.each.items()},
        "peak_rss_mb": round(found.peak_rss_mb, 1),
        "load_average": machine()["load_average"],
    }
    figures.measured_with["reads_per_second_of_a_core"] = {
        **told,
        "core": "of the api process: what it took of one for a request; wrk and Postgres are beside it",
    }
    figures.measured_with["read_p99_s"] = told
    for kind, cost in {"all together": found.mix, **found.each}.items():
        setting.say(
            f"reads, {kind}: {cost.answered.per_second:,.0f} a second, {cost.per_second_of_a_core:,.0f} a second of the"
            f" API's core, p50 {cost.answered.p50_s * 1e3:.1f} ms, p99 {cost.answered.p99_s * 1e3:.1f} ms,"
            f" {cost.answered.bytes_each:,.0f} bytes, CPU µs a request {dict(cost.cpu_microseconds)}"
        )
    setting.say(f"reads: the API took {found.peak_rss_mb:.0f} MB, load {machine()['load_average'][0]}")


async def _streams(setting: Setting, sizes: Sizes, figures: Figures) -> None:
    found = await measure_streams(setting, sizes.streams)
    figures.change_to_stream_p99_s = percentile(found.seconds, 99)
    told = found.told()
    load_average = machine()["load_average"]
    figures.measured_with["change_to_stream_p99_s"] = {**asdict(sizes.streams), **told, "load_average": load_average}
    setting.say(
        f"{sizes.streams.streams} streams: {len(found.seconds):,} told, each once; p50 {told['p50_s'] * 1e3:.0f} ms,"
        f" p99 {figures.change_to_stream_p99_s * 1e3:.0f} ms, slowest {told['slowest_s'] * 1e3:.0f} ms;"
        f" CPU µs each {found.cpu_microseconds}; {found.peak_rss_mb:.0f} MB"
    )
    setting.say(
        f"after a restart all were open again {found.whole_again_s:.1f} s after it was ready, and had been told"
        f" {found.caught_up:,} times of what came between, each once"
    )


async def _pages(setting: Setting, sizes: Sizes, figures: Figures) -> None:
    found = await measure_pages(setting, sizes.pages)
    told = {name: page.told() for name, page in found.items()}
    figures.page_first_byte_p95_s = max(page["first_byte_p95_ms"] for page in told.values()) / 1e3
    figures.page_transferred_kb = max(page.transferred_kb for page in found.values())
    figures.page_moved = max(page.moved for page in found.values())
    conditions = {**asdict(sizes.pages), "of_each": told, "load_average": machine()["load_average"]}
    for name in ("page_first_byte_p95_s", "page_transferred_kb", "page_moved"):
        figures.measured_with[name] = conditions
    for name, page in told.items():
        setting.say(
            f"page {name}: first byte p50 {page['first_byte_p50_ms']} ms, p95 {page['first_byte_p95_ms']} ms,"
            f" {page['transferred_kb']} kB on first view, moved {page['moved']}"
        )


async def _until_done_or_asked_to_stop(work: Coroutine[Any, Any, Figures]) -> Figures:
    """SIGTERM ends a run as Ctrl-C does: what it started is stopped."""
    task = asyncio.ensure_future(work)
    cancel: Callable[[], object] = task.cancel
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, cancel)
    return await task


@app.command()
def main(
    names: Annotated[
        list[Measurement] | None, typer.Argument(help="What to measure; everything where nothing is named.")
    ] = None,
    *,
    events: Annotated[int, typer.Option(min=100, help="Lifecycle events a round.")] = 60_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of service and floor; the middle one counts.")] = 3,
    approvals: Annotated[int, typer.Option(min=1, help="Approvals, one a second and team.")] = 240,
    teams: Annotated[int, typer.Option(min=1, help="Salesloft teams of the approvals.")] = 4,
    memberships: Annotated[
        int, typer.Option(min=1000, help="Stays on cadences to read of; activity ten times as much.")
    ] = 1_000_000,
    json: Annotated[Path | None, typer.Option(help="File to write the figures to.")] = None,
) -> None:
    """Measure the service on a real Kafka and Postgres, beside what it is compared with."""
    console = Console(highlight=False)
    logs.configure_for(sys.stderr, level="warning")
    sizes = Sizes(
        events=events,
        rounds=rounds,
        approvals=ApprovalPlan(approvals=approvals, teams=teams),
        reads=ReadsPlan(memberships=memberships),
    )
    chosen = frozenset(names or Measurement)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            figures = uvloop.run(_until_done_or_asked_to_stop(measure(chosen, sizes, progress)))
    except NotMeasurable as error:
        console.print(f"[red]not measured[/]: {error}")
        raise typer.Exit(1) from None
    except asyncio.CancelledError:
        console.print("stopped")
        raise typer.Exit(1) from None
    console.print(table(figures))
    if json is not None:
        json.write_bytes(figures.as_json())


if __name__ == "__main__":
    app()
