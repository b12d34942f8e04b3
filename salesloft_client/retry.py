"""When a failed attempt is made again: one policy for every call, synchronous and without I/O."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import backoff

from salesloft_client.errors import (
    ConnectionLost,
    MalformedResponse,
    NotSent,
    OutcomeUnknown,
    SalesloftError,
    ServerError,
    Throttled,
    TimedOut,
    Unauthorized,
)

__all__ = ["AfterRefresh", "AfterTurn", "Again", "Attempts", "GiveUp", "Repeat", "RetrySettings", "Verdict"]


class Repeat(Enum):
    """What a call may stand: ``READ`` changes nothing, ``WRITE`` is made again only if it had no effect."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """``first_wait_s`` doubles with each repeat up to ``longest_wait_s``; the wait is drawn between 0 and that.

    ``most_attempts`` counts the first attempt and those after a failure; repeats after a 401 or a 429 are counted by
    the call's time alone.
    """

    first_wait_s: float = 0.25
    longest_wait_s: float = 8.0
    most_attempts: int = 6
    jitter: Callable[[float], float] = backoff.full_jitter

    def waits(self) -> Iterator[float]:
        steps = backoff.expo(base=2, factor=self.first_wait_s, max_value=self.longest_wait_s)
        next(steps)  # the generator's first value is None, which starts it
        return (self.jitter(step) for step in steps)


@dataclass(frozen=True, slots=True)
class Again:
    """Make the attempt again after ``wait_s`` real seconds."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class AfterRefresh:
    """Make it again with a refreshed token."""


@dataclass(frozen=True, slots=True)
class AfterTurn:
    """Make it again once the team's minute has turned."""

    throttled: Throttled


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Raise ``error``, caused by what the attempt ended with."""

    error: SalesloftError


Verdict = Again | AfterRefresh | AfterTurn | GiveUp


class Attempts:
    """The attempts of one call."""

    def __init__(self, repeat: Repeat, settings: RetrySettings) -> None:
        self._repeat = repeat
        self._waits = settings.waits()
        self._left = settings.most_attempts - 1
        self._refreshed = False

    def after(self, error: SalesloftError) -> Verdict:
        """What follows an attempt that ended with ``error``."""
        if isinstance(error, Unauthorized):
            return self._refresh(error)
        if isinstance(error, Throttled):
            return AfterTurn(error)
        if isinstance(error, NotSent):
            return self._again(error)
        if not isinstance(error, ServerError | TimedOut | ConnectionLost | MalformedResponse):
            return GiveUp(error)
        if self._repeat is Repeat.WRITE:
            return GiveUp(unknown(error))
        return GiveUp(error) if isinstance(error, MalformedResponse) else self._again(error)

    def _refresh(self, error: Unauthorized) -> Verdict:
        if self._refreshed:
            return GiveUp(error)
        self._refreshed = True
        return AfterRefresh()

    def _again(self, error: SalesloftError) -> Verdict:
        if self._left <= 0:
            return GiveUp(error)
        self._left -= 1
        return Again(next(self._waits))


def unknown(error: SalesloftError) -> OutcomeUnknown:
    """The same failure of a write: whether it took effect cannot be told."""
    return OutcomeUnknown(
        f"the write may have taken effect ({type(error).__name__}: {error.summary})",
        origin=error.origin,
        status=error.status,
    )
