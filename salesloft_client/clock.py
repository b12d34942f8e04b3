"""Business time, which Salesloft's minute and a token's life are counted in.

In production it is the system's clock. A demo or a test may follow a clock that runs faster or jumps; deadlines, time
budgets and backoff stay in real seconds whatever this clock does.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["BusinessClock"]


def _system_now() -> datetime:
    return datetime.now(UTC)


def _real_speed() -> float:
    return 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessClock:
    """A clock to read and to wait on.

    ``now`` gives an aware instant. ``speed`` says how many business seconds pass in a real one, as of now; it only
    estimates whether a wait fits into a call's time. Waiting itself looks at ``now`` again every ``recheck_s`` real
    seconds, so that a clock which is sped up or set forward ends the wait.
    """

    now: Callable[[], datetime] = _system_now
    speed: Callable[[], float] = _real_speed
    recheck_s: float = 0.2

    def real_seconds_until(self, instant: datetime) -> float:
        """Real seconds until ``instant`` at the present speed; 0 if it has passed."""
        return max(0.0, (instant - self.now()).total_seconds()) / max(self.speed(), 1e-9)

    async def wait_until(self, instant: datetime, *, within_s: float) -> bool:
        """Wait until ``instant`` has come, for at most ``within_s`` real seconds; false if it has not."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while (ahead := self.real_seconds_until(instant)) > 0:
            left = deadline - loop.time()
            if left <= 0:
                return False
            await asyncio.sleep(min(ahead, left, self.recheck_s))
        return True
