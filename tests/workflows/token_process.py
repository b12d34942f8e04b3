"""A process of its own with one organization's session, for tests of what several processes do to one connection.

Reads a plan as one line of JSON, says `ready`, waits for a line, makes its calls at once, and says how they ended.
"""

import asyncio
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import orjson

from salesloft_client import OAuthApp, SalesloftError, TransportSettings
from storage.pool import Database, DatabaseOptions
from telemetry import logs
from workflows.credentials import Keyring
from workflows.salesloft_time import DatedWire
from workflows.session import NotConnected, SessionOptions, Sessions


class AheadClock:
    """The machine's time and so many seconds: where the simulator's stood when the plan was made."""

    speed = 1.0

    def __init__(self, ahead_s: float) -> None:
        self._ahead = timedelta(seconds=ahead_s)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    logs.configure_for(sys.stderr, level="error")
    plan = orjson.loads(sys.stdin.readline())
    clock = AheadClock(plan["ahead_s"])
    app = OAuthApp(
        client_id=plan["client_id"],
        client_secret=plan["client_secret"],
        redirect_uri="http://localhost/callback",
        auth_host=plan["base_url"],
    )
    async with Database.connected(DatabaseOptions(dsn=plan["dsn"])) as database, DatedWire(clock) as wire:
        sessions = Sessions(
            database=database,
            wire=wire,
            keyring=Keyring(plan["keys"], next(iter(plan["keys"]))),
            clock=clock,
            options=SessionOptions(app=app, transport=TransportSettings(base_url=f"{plan['base_url']}/v2")),
        )
        session = await sessions.of(plan["organization_id"])
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)

        async def call() -> str:
            try:
                await session.client.me()
            except (SalesloftError, NotConnected) as error:
                return type(error).__name__
            return "answered"

        ended = Counter(await asyncio.gather(*(call() for _ in range(plan["callers"]))))
        say(orjson.dumps(ended).decode())


if __name__ == "__main__":
    asyncio.run(main())
