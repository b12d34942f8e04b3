"""The one source of business time: expiry, due dates, intervals, token life. Leases and deadlines are real time."""

from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Tells the time. Does not block and does not raise; may jump forward, and may run faster than real time."""

    @property
    def speed(self) -> float:
        """How many business seconds pass in a real one, as of now; 0 where it stands still."""
        ...

    def now(self) -> datetime:
        """The business instant, aware, in UTC."""
        ...


class SystemClock:
    """Business time is the machine's."""

    speed = 1.0

    def now(self) -> datetime:
        """The machine's time."""
        return datetime.now(UTC)
