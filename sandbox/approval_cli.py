"""The command `approval-desk`."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import httpx
import typer
from rich.console import Console

from sandbox.approval_desk import DeskPolicy, DeskUnavailable, Outgoing, run_desk
from service.clock import ClockUnavailable, FollowedClock
from workflows.clock import SystemClock

__all__ = ["approval_desk"]

_CLOCK_SECONDS = 10.0


def approval_desk(
    *,
    bootstrap_servers: Annotated[
        str, typer.Option(envvar="CSCX_SALESLOFT_KAFKA_BOOTSTRAP_SERVERS", help="The Kafka to work on.")
    ],
    clock_url: Annotated[
        str | None,
        typer.Option(envvar="CSCX_SALESLOFT_CLOCK_URL", help="Where business time is read; else it is the machine's."),
    ] = None,
    approve: Annotated[float, typer.Option(help="Share of the requests that are approved.")] = 0.82,
    reject: Annotated[float, typer.Option(help="Share that is rejected; the rest is left unanswered.")] = 0.1,
    changes: Annotated[float, typer.Option(help="Share of the approvals that change start date or step.")] = 0.15,
    quickest: Annotated[float, typer.Option(help="Minutes that an answer takes at least, in business time.")] = 10.0,
    slowest: Annotated[float, typer.Option(help="Minutes that it takes at most.")] = 240.0,
    seed: Annotated[int, typer.Option(help="The same seed decides the same request the same way.")] = 7,
) -> None:
    """Answer approval requests as an approval service would, until Ctrl-C.

    Started again it sends the same decisions again, under the same ids.
    """
    console = Console(stderr=True, highlight=False)
    try:
        policy = DeskPolicy(
            seed=seed,
            approve=approve,
            reject=reject,
            changes=changes,
            quickest=timedelta(minutes=quickest),
            slowest=timedelta(minutes=slowest),
        )
        asyncio.run(_answer(bootstrap_servers, policy, clock_url, console))
    except (ValueError, DeskUnavailable, ClockUnavailable) as error:
        console.print(f"error: {error}", markup=False, soft_wrap=True, style="bold red")
        raise typer.Exit(1) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("stopped")


async def _answer(bootstrap_servers: str, policy: DeskPolicy, clock_url: str | None, console: Console) -> None:
    def sent(decisions: Sequence[Outgoing]) -> None:
        console.print(f"{len(decisions)} answered")

    if clock_url is None:
        await run_desk(bootstrap_servers, policy, SystemClock(), sent)
        return
    clock = FollowedClock(clock_url)
    async with httpx.AsyncClient(timeout=_CLOCK_SECONDS) as client:
        await clock.ask(client)
    following = asyncio.create_task(clock.run(), name="clock")
    try:
        await run_desk(bootstrap_servers, policy, clock, sent)
    finally:
        clock.stop()
        await following
