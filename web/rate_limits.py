"""How much one caller may ask in a while: a bucket that each request takes of, and that fills evenly.

A caller is a user in an organization, whichever of their tokens or sessions they come with. Whoever comes too often is
told when to come again, and everybody how much they have left: `RateLimit` and `RateLimit-Policy`, in the words of the
IETF's draft (draft-ietf-httpapi-ratelimit-headers). Each process has its own buckets, so with several replicas a caller
has as many times as much. Who is not known is not counted: they are refused anyway.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from web.headers import adding
from web.problems import Problem, document_of
from web.security import Callers

__all__ = ["Buckets", "CallerKey", "Rate", "RateLimits", "Taken"]

CallerKey = tuple[str, str]
"""An organization and a user of it."""
_MOST_CALLERS: Final = 20_000
_COUNTED: Final = "/api/"
# Salesloft delivers as fast as things happen there, and what it delivers is signed.
_NOT_COUNTED: Final = "/api/webhooks/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`per_minute` requests in the long run, and up to `burst` of them at once."""

    per_minute: int
    burst: int

    @property
    def interval_s(self) -> float:
        """In which the bucket gains one request."""
        return 60.0 / self.per_minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of a request: `left` could follow at once, and after `full_in_s` a whole burst.

    `again_in_s` is None of a request that may go on, else after how many seconds one may.
    """

    left: int
    full_in_s: float
    again_in_s: float | None


class Buckets:
    """Every caller's bucket. Of each is kept when it will be full, so one that is full need not be kept.

    Never more than `most` are: whoever asked the longest ago is forgotten, which gives them a full bucket.
    """

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = monotonic, most: int = _MOST_CALLERS) -> None:
        self.rate = rate
        self._clock = clock
        self._most = most
        self._full_at: OrderedDict[CallerKey, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, caller: CallerKey) -> Taken:
        """Take a request of a caller's bucket. One that is refused takes nothing."""
        now, interval = self._clock(), self.rate.interval_s
        full_in = max(0.0, self._full_at.get(caller, now) - now) + interval
        over = full_in - self.rate.burst * interval
        # A part of a millionth is what adding up has left over.
        if over > interval * 1e-6:
            return Taken(left=0, full_in_s=full_in - interval, again_in_s=over)
        self._full_at[caller] = now + full_in
        self._full_at.move_to_end(caller)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return Taken(left=int(self.rate.burst - full_in / interval + 1e-6), full_in_s=full_in, again_in_s=None)


class RateLimits:
    """Around the application, within what gives each request its correlation id.

    Without `buckets` nobody is limited.
    """

    def __init__(self, app: ASGIApp, *, callers: Callers, buckets: Buckets | None) -> None:
        self._app = app
        self._callers = callers
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        buckets = self._buckets
        if buckets is None or scope["type"] != "http" or not _is_counted(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            caller = await self._callers.of(request)
        except Problem:
            # Whether this needs somebody who is known is the route's to say.
            await self._app(scope, receive, send)
            return
        taken = buckets.take((caller.organization_id, caller.user_id))
        telling = adding(send, _headers(buckets.rate, taken))
        if taken.again_in_s is None:
            await self._app(scope, receive, telling)
            return
        problem = Problem(
            429,
            "too_many_requests",
            f"You may ask {buckets.rate.per_minute} times a minute, {buckets.rate.burst} times at once."
            " Come again when Retry-After says.",
            headers={"retry-after": str(ceil(taken.again_in_s))},
        )
        await document_of(request, problem)(scope, receive, telling)


def _is_counted(path: str) -> bool:
    return path.startswith(_COUNTED) and not path.startswith(_NOT_COUNTED)


def _headers(rate: Rate, taken: Taken) -> list[tuple[str, str]]:
    policy = f'"caller";q={rate.burst};w={ceil(rate.burst * rate.interval_s)}'
    now = f'"caller";r={taken.left};t={ceil(taken.full_in_s)}'
    return [("ratelimit-policy", policy), ("ratelimit", now)]
