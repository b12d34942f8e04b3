"""How fulfillment works: sizes, deadlines and intervals in one place."""

from dataclasses import dataclass, field
from datetime import timedelta

__all__ = ["Backoff", "FulfillmentOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Real seconds that double from `first_s` to `longest_s`, each shortened by up to half at random."""

    first_s: float = 0.5
    longest_s: float = 300.0

    def pause_s(self, attempts: int, chance: float) -> float:
        """The pause after so many attempts (from 1); `chance` is drawn from [0, 1)."""
        # Beyond 2**30 times the first pause nothing grows: the longest has long been reached.
        return float(min(self.longest_s, self.first_s * 2 ** min(max(attempts, 1) - 1, 30)) * (1 - chance / 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfillmentOptions:
    """Seconds are real time; a `timedelta` is business time.

    `concurrency` is how many commands this worker carries out at a time, `organization_limit` how many of one
    organization all workers do together. A call to Salesloft has `call_s`, its repeats included; a lease outlives it by
    far, so that nothing is in flight any more when another worker takes a command over. `grace_s` is how long Salesloft
    may take to show what an unanswered call has done. `fresh_for` is how long a record of Salesloft's counts as its
    present answer: one poll interval. Without a hint the commands are asked for every `poll_s`, shortened by up to half
    at random, and how long the oldest has waited is measured every `measure_s`. A stop waits for what is being carried
    out for at most `drain_s`. A bulk job is looked after every `bulk_poll_s`, a new one more
    often.
    """

    concurrency: int = 16
    organization_limit: int = 4
    lease_s: float = 60.0
    call_s: float = 15.0
    grace_s: float = 10.0
    poll_s: float = 1.0
    measure_s: float = 5.0
    drain_s: float = 20.0
    bulk_poll_s: float = 3.0
    fresh_for: timedelta = timedelta(minutes=30)
    recheck_after: timedelta = timedelta(minutes=5)
    backoff: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        # Connecting, writing and reading each have the time that a call has left.
        if self.lease_s <= 3 * self.call_s:
            raise ValueError("a lease must be longer than three times a call's time")
        if self.concurrency < 1 or self.organization_limit < 1:
            raise ValueError("at least one command at a time")
