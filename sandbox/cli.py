"""The command `cscx-salesloft-sandbox`: what a laptop needs and production does not."""

import asyncio
import shlex
import signal
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sandbox.approval_cli import approval_desk
from sandbox.demo.cli import demo
from sandbox.generator_cli import generate
from sandbox.salesloft.cli import salesloft
from sandbox.stack import (
    KafkaServer,
    PostgresServer,
    Server,
    StackError,
    StackOptions,
    local_kafka,
    local_postgres,
    local_stack,
    until_one_ends,
)

__all__ = ["app", "main"]

app = typer.Typer(help="A whole CSCX.AI and Salesloft on one machine.", no_args_is_help=True)

# What a shell may evaluate goes to standard output, what a person reads to standard error.
console = Console(stderr=True, highlight=False)


class Part(StrEnum):
    """What of the stack to start."""

    BOTH = "both"
    KAFKA = "kafka"
    POSTGRES = "postgres"


@app.callback()
def sandbox() -> None:
    """Keeps `stack` a command of its own even while it is the only one."""


app.command()(salesloft)
app.command()(demo)
app.command("approval-desk")(approval_desk)
app.command()(generate)


@app.command()
def stack(
    data: Annotated[
        Path | None, typer.Option(help="Keep topics and tables in this folder; without it they end with the stack.")
    ] = None,
    only: Annotated[Part, typer.Option(help="Start one server alone.")] = Part.BOTH,
) -> None:
    """Start Kafka and Postgres, print how to reach them, and run until Ctrl-C."""
    try:
        asyncio.run(_run_stack(data, only))
    except StackError as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from error
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("stopped")


async def _run_stack(data: Path | None, only: Part) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - asyncio.run runs it as one
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    options = StackOptions.from_environment(data=data)
    console.print("starting")
    async with AsyncExitStack() as exits:
        servers: dict[str, Server] = {}
        exports: dict[str, str] = {}
        match only:
            case Part.BOTH:
                both = await exits.enter_async_context(local_stack(options, console))
                servers = {"Kafka": both.kafka, "Postgres": both.postgres}
                exports = _kafka_exports(both.kafka) | _postgres_exports(both.postgres)
            case Part.KAFKA:
                kafka = await exits.enter_async_context(local_kafka(options, console))
                servers, exports = {"Kafka": kafka}, _kafka_exports(kafka)
            case Part.POSTGRES:
                postgres = await exits.enter_async_context(local_postgres(options))
                servers, exports = {"Postgres": postgres}, _postgres_exports(postgres)
        for name, value in exports.items():
            typer.echo(f"export {name}={shlex.quote(value)}")
        console.print("running until Ctrl-C")
        await until_one_ends(servers)


def _kafka_exports(kafka: KafkaServer) -> dict[str, str]:
    return {"CSCX_SALESLOFT_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}


def _postgres_exports(postgres: PostgresServer) -> dict[str, str]:
    return {"CSCX_SALESLOFT_DATABASE_URL": postgres.owner_dsn}


def main() -> None:
    """Run the command that was typed."""
    app()
