"""The simulator's clock: business time for the whole system under test, with a speed and jumps, never backwards."""

from collections.abc import Callable

from sandbox.salesloft.instants import SECOND

__all__ = ["ClockWouldGoBackError", "SimulatedClock"]


class ClockWouldGoBackError(ValueError):
    """A jump to an instant that has passed: rows are ordered by time, so time only goes forward."""


class SimulatedClock:
    """Time that runs at `speed` simulated seconds a real second; 0 stands still.

    `monotonic` gives real seconds, as time.monotonic does; it is an argument so that tests need no real waiting.
    """

    def __init__(self, *, start: int, speed: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._base = start
        self._anchor = monotonic()
        self._speed = speed
        self._last = start

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> int:
        """The instant now; never smaller than one returned before."""
        elapsed = (self._monotonic() - self._anchor) * self._speed
        self._last = max(self._last, self._base + int(elapsed * SECOND))
        return self._last

    def run_at(self, speed: float) -> None:
        self._rebase(self.now())
        self._speed = speed

    def advance(self, microseconds: int) -> None:
        if microseconds < 0:
            raise ClockWouldGoBackError("the clock only goes forward")
        self._rebase(self.now() + microseconds)

    def jump_to(self, instant: int) -> None:
        if instant < self.now():
            raise ClockWouldGoBackError("the clock only goes forward")
        self._rebase(instant)

    def real_seconds_until(self, instant: int) -> float | None:
        """How long, in real seconds, until the instant comes; None while time stands still."""
        left = instant - self.now()
        if left <= 0:
            return 0.0
        return None if self._speed == 0 else left / SECOND / self._speed

    def _rebase(self, instant: int) -> None:
        self._base = instant
        self._anchor = self._monotonic()
        self._last = max(self._last, instant)
