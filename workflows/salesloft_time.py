"""Salesloft's clock, as its answers tell it: by it we know whether a membership can be of our making."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from salesloft_client import Wire, WireSettings
from salesloft_client.wire import Answer, Exchange, Settled
from workflows.clock import Clock

__all__ = ["DatedWire", "SalesloftTime"]

# A `Date` header has whole seconds, and Salesloft's servers need not agree to the second.
_RESOLUTION = timedelta(seconds=1)


class SalesloftTime:
    """How far Salesloft's clock is from ours, from the `Date` of the last answer. Never ahead of Salesloft's own."""

    def __init__(self) -> None:
        self._behind: timedelta | None = None

    def heard(self, date: datetime, now: datetime) -> None:
        """An answer of that date was read at `now`, by our clock."""
        self._behind = now - date

    def earliest(self, now: datetime) -> datetime | None:
        """An instant that Salesloft's clock has passed already, a second and an answer's way ago; None if unheard."""
        return now - self._behind - _RESOLUTION if self._behind is not None else None


class DatedWire(Wire):
    """A wire that listens to the dates of the answers it carries."""

    def __init__(self, clock: Clock, settings: WireSettings | None = None) -> None:
        super().__init__(settings)
        self._clock = clock
        self.time = SalesloftTime()

    async def exchange(self, exchange: Exchange, *, within_s: float, settled: Settled) -> Answer:
        answer = await super().exchange(exchange, within_s=within_s, settled=settled)
        date = _date(answer.headers.get("date"))
        if date is not None:
            self.time.heard(date, self._clock.now())
        return answer


def _date(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
