"""The command that serves the simulator."""

import asyncio
import logging
import socket
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer
import uvicorn
import uvloop

from sandbox.salesloft.app import make_app
from sandbox.salesloft.auth import Application
from sandbox.salesloft.control_teams import team_with_credentials
from sandbox.salesloft.instants import from_datetime, parse
from sandbox.salesloft.seed import TeamPlan
from sandbox.salesloft.simulator import Simulator
from sandbox.salesloft.wire import SimulatorProtocol

__all__ = ["salesloft"]


def salesloft(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8100,
    seed: Annotated[int, typer.Option(help="The same seed makes the same teams and people act the same.")] = 7,
    speed: Annotated[float, typer.Option(help="Simulated seconds a real second; 0 stands still.")] = 1.0,
    now: Annotated[
        str | None, typer.Option(help="Simulated time to start at (ISO 8601); default is the real time.")
    ] = None,
    team: Annotated[list[str] | None, typer.Option(help="Name of a team to start with; may be repeated.")] = None,
    people: Annotated[int, typer.Option(help="People in each of these teams.")] = 40,
    accounts: Annotated[int, typer.Option(help="Accounts in each of these teams.")] = 12,
    history_weeks: Annotated[int, typer.Option(help="Weeks that these teams have worked with their people.")] = 0,
    client_id: Annotated[
        str, typer.Option(help="OAuth client id of the application that connects teams.")
    ] = "cscx-salesloft",
    client_secret: Annotated[str, typer.Option(help="Its secret.")] = "cscx-salesloft-secret",  # noqa: S107 -- of the simulator, which guards nothing
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", help="End when the starting process is gone.")
    ] = False,
) -> None:
    """Serve a Salesloft to develop and test against.

    The first line on standard output is JSON with `base_url` and the teams' credentials, written once it listens.
    """
    simulator = Simulator(
        seed=seed,
        start=from_datetime(datetime.now(UTC)) if now is None else parse(now),
        speed=speed,
        monotonic=time.monotonic,
        application=Application(client_id=client_id, client_secret=client_secret),
    )
    teams = [
        team_with_credentials(
            simulator, TeamPlan(name=name, people=people, accounts=accounts, history_weeks=history_weeks)
        )
        for name in team or ()
    ]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(simulator, teams, host, port, until_stdin_closes=until_stdin_closes))


async def _serve(
    simulator: Simulator, teams: list[dict[str, object]], host: str, port: int, *, until_stdin_closes: bool
) -> None:
    try:
        listener = socket.create_server((host, port), backlog=1024)
    except OSError as error:
        typer.echo(f"cannot listen on {host}:{port}: {error.strerror}", err=True)
        raise typer.Exit(1) from error
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(simulator),
            http=SimulatorProtocol,
            ws="none",
            log_level=logging.WARNING,
            access_log=False,
            date_header=False,
            server_header=False,
            # Longer than clients keep an idle connection: who closes it first must not be the one who is asked next.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
    )
    if until_stdin_closes:
        threading.Thread(target=_watch_stdin, args=(server,), name="watch-stdin", daemon=True).start()
    started = {"base_url": f"http://{host}:{listener.getsockname()[1]}", "teams": teams}
    # The socket already listens: what connects from now on waits in its backlog until the server accepts.
    sys.stdout.write(orjson.dumps(started).decode() + "\n")
    sys.stdout.flush()
    await server.serve(sockets=[listener])


def _watch_stdin(server: uvicorn.Server) -> None:
    """A parent that dies, however, closes this pipe."""
    while sys.stdin.buffer.read(4096):
        pass
    server.should_exit = True
