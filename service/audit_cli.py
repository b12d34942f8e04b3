"""`audit`: who did what, and whether the log of it is as it was sealed."""

import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from service.settings import Settings
from service.showing import minute, progress
from storage import audit
from storage.audit import Sealed
from storage.pool import Connection, Database
from workflows.audit_chain import ChainBroken, Checkpoint, Verified, plain, verify

__all__ = ["audit_app"]

Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
Opened = Callable[[Settings], AbstractAsyncContextManager[Database]]
_Organization = Annotated[str, typer.Argument(help="The organization's id.")]
_First = Annotated[int, typer.Option("--from", min=1, help="The first entry's sequence.")]
_Last = Annotated[
    int | None, typer.Option("--to", min=1, help="The last entry's sequence; the chain's end if left out.")
]


def audit_app(run: Run, opened: Opened, out: Console) -> typer.Typer:
    """The commands. `run` runs one with the settings, `opened` connects what it needs for its length."""
    app = typer.Typer(name="audit", help="Who did what, hash-chained for each organization.", no_args_is_help=True)
    _add_verify(app, run, opened, out)
    _add_list(app, run, opened, out)
    _add_export(app, run, opened)
    return app


def _add_verify(app: typer.Typer, run: Run, opened: Opened, out: Console) -> None:
    @app.command("verify")
    def verify_(
        *,
        organization: Annotated[str | None, typer.Option(help="Of this organization alone; else of all.")] = None,
        first: _First = 1,
        last: _Last = None,
        checkpoint: Annotated[
            list[str] | None, typer.Option(help="What `audit verify` has told before, <sequence>:sha256:<hash>.")
        ] = None,
    ) -> None:
        """Walk the chains, and name the first entry of each that was changed, removed, put in or moved.

        Tells each chain's last entry as a checkpoint. Kept elsewhere and given again, it shows that nothing up to there
        was written anew.
        """
        if organization is None and (checkpoint or first > 1 or last is not None):
            raise typer.BadParameter("--from, --to and --checkpoint are one --organization's: name it")

        async def work(settings: Settings) -> list[Verified | ChainBroken]:
            known = {one.sequence: one.hash for one in map(Checkpoint.parsed, checkpoint or ())}
            async with opened(settings) as database, database.reading() as connection:
                named = await audit.organizations_with_chains(connection) if organization is None else [organization]
                with progress("verifying", None, out) as done:
                    return [await _verified(connection, one, first, last, known, done) for one in named]

        found: list[Verified | ChainBroken] = run(work)
        for one in found:
            if isinstance(one, ChainBroken):
                out.print(f"[red]{one}[/]", soft_wrap=True)
            else:
                out.print(f"{one.organization_id}: {one.entries} entries fit, {one.last}", soft_wrap=True)
        if any(isinstance(one, ChainBroken) for one in found):
            raise typer.Exit(1)
        if not found:
            out.print("nothing was sealed yet")


async def _verified(
    connection: Connection,
    organization: str,
    first: int,
    last: int | None,
    known: dict[int, bytes],
    done: Callable[[int], None],
) -> Verified | ChainBroken:
    """One broken chain does not keep the others from being walked."""
    try:
        return await verify(connection, organization, first=first, last=last, checkpoints=known, progress=done)
    except ChainBroken as error:
        return error


def _add_list(app: typer.Typer, run: Run, opened: Opened, out: Console) -> None:
    @app.command("list")
    def list_(
        organization: _Organization,
        *,
        by: Annotated[str | None, typer.Option(help="What this user did.")] = None,
        action: Annotated[str | None, typer.Option(help="This alone was done, as in enrollment.steered.")] = None,
        subject: Annotated[str | None, typer.Option(help="To this it was done, as in enrollment/<id>.")] = None,
        last: Annotated[int, typer.Option(min=1, max=10_000, help="So many of the last entries.")] = 50,
    ) -> None:
        """The last things that were done, the newest first."""

        async def work(settings: Settings) -> list[Sealed]:
            async with opened(settings) as database, database.connection() as connection:
                return await audit.latest(
                    connection, organization, actor=by, action=action, subject=subject, limit=last
                )

        found: list[Sealed] = run(work)
        table = Table("", "when", "who", "by", "what", "to what", "")
        for one in found:
            entry = one.entry
            table.add_row(
                str(one.sequence) if one.sequence is not None else "not sealed yet",
                minute(entry.done_at),
                entry.actor or "",
                entry.way,
                entry.action,
                entry.subject,
                ", ".join(f"{name} {value}" for name, value in sorted(entry.detail.items()) if value is not None),
            )
        out.print(table if found else "nothing was done")


def _add_export(app: typer.Typer, run: Run, opened: Opened) -> None:
    @app.command()
    def export(organization: _Organization, *, first: _First = 1, last: _Last = None) -> None:
        """Write sealed entries to standard output as JSON Lines, each with its hash.

        The hash is the SHA-256 of the hash before it (32 bytes; before the first that of the text
        "cscx-salesloft audit <organization>") and of the line's `entry` as canonical JSON (RFC 8785).
        """

        async def work(settings: Settings) -> None:
            async with opened(settings) as database, database.reading() as connection:
                async for page in audit.sealed_after(connection, organization, first - 1):
                    for one in page:
                        if last is not None and one.sequence is not None and one.sequence > last:
                            return
                        sys.stdout.write(_line(one))

        run(work)


def _line(one: Sealed) -> str:
    line = {
        "entry": plain(one.sequence, one.entry),
        "hash": f"sha256:{one.hash.hex()}" if one.hash is not None else None,
    }
    return orjson.dumps(line, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE).decode()
