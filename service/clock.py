"""Business time as another service keeps it, so that several processes agree on a clock that may run fast or jump."""

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic

import httpx
import structlog

__all__ = ["ClockUnavailable", "FollowedClock"]

_log = structlog.get_logger(__name__)
_EVERY = 0.2
_DEADLINE = 2.0


class ClockUnavailable(Exception):
    """The clock's URL gives no time."""


class FollowedClock:
    """Follows the clock at a URL that answers `{"now": RFC 3339, "speed": seconds a second}`.

    Between two answers it goes on at the told speed; it never goes back, even where the told time does by a little.
    A background part: `run` asks until `stop`.
    """

    name = "clock"

    def __init__(self, url: str) -> None:
        self._url = url
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._told = datetime.min.replace(tzinfo=UTC)
        self._speed = 0.0
        self._at = 0.0
        self._latest = self._told

    def now(self) -> datetime:
        """The business instant."""
        self._latest = max(self._latest, self._told + timedelta(seconds=(monotonic() - self._at) * self._speed))
        return self._latest

    @property
    def speed(self) -> float:
        """How many business seconds pass in a real one."""
        return self._speed

    def stop(self) -> None:
        """Stop asking; the clock goes on as last told."""
        self._stopping.set()

    async def ask(self, client: httpx.AsyncClient) -> None:
        """Ask once. ClockUnavailable where there is no usable answer."""
        try:
            answer = (await client.get(self._url)).raise_for_status().json()
            told, speed = datetime.fromisoformat(answer["now"]), float(answer["speed"])
        except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
            raise ClockUnavailable(f"{self._url} tells no time: {type(error).__name__}") from error
        self._told, self._speed, self._at = told.astimezone(UTC), speed, monotonic()
        self.ready.set()

    async def run(self) -> None:
        """Ask again and again. One that falls silent is logged and goes on as last told."""
        async with httpx.AsyncClient(timeout=_DEADLINE) as client:
            while not self._stopping.is_set():
                try:
                    await self.ask(client)
                except ClockUnavailable as error:
                    _log.warning("clock_silent", error=str(error))
                try:
                    async with asyncio.timeout(_EVERY):
                        await self._stopping.wait()
                except TimeoutError:
                    continue
