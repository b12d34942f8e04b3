"""The command `generate`."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import httpx
import orjson
import typer
from rich.console import Console

from sandbox.generator import Stream, StreamPlan, as_line
from sandbox.generator import generate as make_stream
from sandbox.population import Organization
from sandbox.publishing import NotPublished, publish

__all__ = ["generate"]

_SIMULATOR_SECONDS = 10.0


def generate(
    *,
    events: Annotated[int, typer.Option(help="Good events to make.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same stream.")] = 7,
    organizations: Annotated[int, typer.Option(help="Organizations to make, with invented owners.")] = 3,
    simulator: Annotated[
        str | None,
        typer.Option(help="A running simulator's URL: its teams are the organizations, its users the owners."),
    ] = None,
    duplicates: Annotated[float, typer.Option(help="Share of events that are sent twice.")] = 0.03,
    malformed: Annotated[float, typer.Option(help="Share of broken records, on top.")] = 0.02,
    days: Annotated[float, typer.Option(help="Days that the stream tells of, until now.")] = 3.0,
    bootstrap_servers: Annotated[
        str | None, typer.Option(help="Publish to this Kafka, which has the topics; else print a line for each event.")
    ] = None,
    manifest: Annotated[Path | None, typer.Option(help="Write the ids of good and of broken records here.")] = None,
) -> None:
    """Make a stream of lifecycle events, and publish it or print it for `demo --input -`.

    Printed are the good events and the duplicates, one CloudEvent in JSON a line; erasures and broken records have no
    such form.
    """
    console = Console(stderr=True, highlight=False)
    try:
        plan = StreamPlan(
            organizations=_organizations(organizations, simulator),
            events=events,
            start=datetime.now(UTC) - timedelta(days=days),
            seed=seed,
            span=timedelta(days=days),
            duplicates=duplicates,
            malformed=malformed,
        )
        stream = make_stream(plan)
        if bootstrap_servers is None:
            for record in stream.records:
                if record.kind != "malformed" and record.value is not None:
                    typer.echo(as_line(record))
        else:
            asyncio.run(publish(bootstrap_servers, stream.records))
        if manifest is not None:
            manifest.write_bytes(_manifest(stream))
    except (ValueError, NotPublished, OSError, httpx.HTTPError) as error:
        console.print(f"error: {error}", markup=False, soft_wrap=True, style="bold red")
        raise typer.Exit(1) from None
    console.print(
        f"{len(stream.records)} records: {len(stream.good)} events of which {len(stream.erased)} erase,"
        f" {stream.duplicates} duplicates, {len(stream.malformed)} broken"
    )


def _organizations(count: int, simulator: str | None) -> tuple[Organization, ...]:
    if simulator is None:
        return tuple(
            Organization(id=f"org-{number}", owners=tuple(f"csm-{one}@org-{number}.example" for one in range(1, 4)))
            for number in range(1, count + 1)
        )
    answer = httpx.get(f"{simulator.rstrip('/')}/sandbox/teams", timeout=_SIMULATOR_SECONDS).raise_for_status()
    return tuple(
        Organization(id=team["name"], owners=tuple(user["email"] for user in team["users"]))
        for team in answer.json()["teams"]
    )


def _manifest(stream: Stream) -> bytes:
    return orjson.dumps(
        {"good": sorted(stream.good), "erased": sorted(stream.erased), "malformed": dict(stream.malformed)},
        option=orjson.OPT_INDENT_2,
    )
