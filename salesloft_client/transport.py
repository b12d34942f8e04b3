"""A call to Salesloft for one team: token, budget, repeats, hooks."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar, assert_never

import structlog

from salesloft_client.auth import AccessToken, TokenSource
from salesloft_client.budget import Lane, Reservation, TeamBudget
from salesloft_client.clock import BusinessClock
from salesloft_client.errors import NotSent, Origin, SalesloftError, Throttled
from salesloft_client.hooks import Observer
from salesloft_client.refusals import refusal, throttled
from salesloft_client.retry import AfterRefresh, AfterTurn, Again, Attempts, GiveUp, Repeat, RetrySettings
from salesloft_client.wire import Answer, Exchange, Query, Wire

__all__ = ["ApiCall", "CallContext", "Transport", "TransportSettings"]

logger = structlog.get_logger(__name__)
T = TypeVar("T")

_IDS_IN_PATH = re.compile(r"/\d+")
# A budget holds to its own deadline; this is for one that does not.
_GRACE_S = 1.0
_UNFIT_FOR_A_HEADER = re.compile(r"[^\x21-\x7e]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """``base_url`` has the version in it. ``concurrency`` is how many of one team's calls are in flight at a time.

    ``answer_s`` is what of a call's time is kept for Salesloft's answer, a quarter of it at most. Whoever waits for the
    budget until then does not leave any more: a write would end without anybody knowing how.
    """

    base_url: str = "https://api.salesloft.com/v2"
    concurrency: int = 8
    answer_s: float = 5.0
    retry: RetrySettings = field(default_factory=RetrySettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """What a caller says of its calls: their lane, its correlation id, and real seconds for each, repeats included."""

    lane: Lane = Lane.INTERACTIVE
    correlation_id: str | None = None
    time_budget_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """One call: ``path`` below the base URL, without a query."""

    method: str
    path: str
    repeat: Repeat
    query: Query = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    cost: int = 1

    @property
    def template(self) -> str:
        """The path with ``{id}`` for each id in it."""
        return _IDS_IN_PATH.sub("/{id}", self.path)


class Transport:
    """Carries the calls of one team. ``wire`` may be shared with other teams' transports."""

    def __init__(
        self,
        *,
        wire: Wire,
        tokens: TokenSource,
        budget: TeamBudget,
        clock: BusinessClock,
        observer: Observer,
        settings: TransportSettings,
    ) -> None:
        self._wire = wire
        self._tokens = tokens
        self._budget = budget
        self._clock = clock
        self._observer = observer
        self._settings = settings
        self._places = asyncio.Semaphore(settings.concurrency)

    async def carry(self, call: ApiCall, context: CallContext, read: Callable[[Answer], T]) -> T:
        """Make the call, with the repeats that its kind and time allow; ``read`` turns a 2xx answer into the result.

        ``read`` raises ``MalformedResponse`` where it cannot; after a write that is an ``OutcomeUnknown``.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + context.time_budget_s
        leave_by = deadline - min(self._settings.answer_s, context.time_budget_s / 4)
        origin = Origin(method=call.method, path=call.path, correlation_id=context.correlation_id)
        attempts = Attempts(call.repeat, self._settings.retry)
        token = await self._token(self._tokens.access_token(), origin=origin, deadline=deadline)
        count = 0
        while True:
            count += 1
            reservation = await self._reserved(call, context, origin=origin, leave_by=leave_by)
            try:
                answer = await self._attempt(
                    call,
                    context,
                    origin=origin,
                    token=token,
                    reservation=reservation,
                    leave_by=leave_by,
                    deadline=deadline,
                )
                return read(answer)
            except SalesloftError as error:
                failure = error
            verdict = attempts.after(failure)
            match verdict:
                case GiveUp(final):
                    raise final from (failure if final is not failure else failure.__cause__)
                case AfterRefresh():
                    token = await self._refreshed(token, failure, origin=origin, deadline=deadline)
                    self._retrying(call, count, reason="Unauthorized", wait_s=0.0)
                case AfterTurn(stop):
                    await self._turn(call, stop, count, leave_by=leave_by)
                case Again(wait_s):
                    if loop.time() + wait_s >= leave_by:
                        raise failure
                    self._retrying(call, count, reason=type(failure).__name__, wait_s=wait_s)
                    await asyncio.sleep(wait_s)
                case _:
                    assert_never(verdict)

    async def _refreshed(
        self, rejected: AccessToken, failure: SalesloftError, *, origin: Origin, deadline: float
    ) -> AccessToken:
        token = await self._token(self._tokens.refreshed(rejected), origin=origin, deadline=deadline)
        if token.value == rejected.value:
            raise failure
        return token

    async def _token(
        self, getting: Coroutine[Any, Any, AccessToken], *, origin: Origin, deadline: float
    ) -> AccessToken:
        """A token, without cutting off a refresh: it spends the old refresh token, so its result has to be stored."""
        left = deadline - asyncio.get_running_loop().time()
        try:
            return await self._wire.detached(getting, name="salesloft token", within_s=left)
        except TimeoutError as error:
            raise NotSent("no access token in time", origin=origin) from error

    async def _turn(self, call: ApiCall, stop: Throttled, count: int, *, leave_by: float) -> None:
        """Wait for the team's minute to turn if the call's time allows it; else raise ``stop``."""
        left = leave_by - asyncio.get_running_loop().time()
        wait_s = self._clock.real_seconds_until(stop.retry_at)
        if wait_s >= left:
            raise stop
        self._retrying(call, count, reason="throttled", wait_s=wait_s)
        if not await self._clock.wait_until(stop.retry_at, within_s=left):
            raise stop

    async def _reserved(self, call: ApiCall, context: CallContext, *, origin: Origin, leave_by: float) -> Reservation:
        left = max(0.0, leave_by - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(left + _GRACE_S):
                return await self._budget.acquire(cost=call.cost, lane=context.lane, within_s=left)
        except TimeoutError as error:
            raise NotSent("the team's budget did not answer", origin=origin) from error
        except Throttled as error:
            # The budget knows neither path nor correlation id.
            raise Throttled(
                error.summary, origin=origin, retry_at=error.retry_at, retry_after_s=error.retry_after_s
            ) from error

    async def _attempt(
        self,
        call: ApiCall,
        context: CallContext,
        *,
        origin: Origin,
        token: AccessToken,
        reservation: Reservation,
        leave_by: float,
        deadline: float,
    ) -> Answer:
        """One request whose cost is reserved; raises for anything but a 2xx."""
        try:
            async with asyncio.timeout_at(leave_by):
                await self._places.acquire()
        except BaseException as error:
            self._budget.unused(reservation)
            if isinstance(error, TimeoutError):
                raise NotSent("too many of the team's calls were in flight for too long", origin=origin) from error
            raise

        def settled(outcome: Answer | SalesloftError, elapsed_s: float) -> None:
            self._places.release()
            self._account(call, reservation, outcome, origin=origin)
            self._report(call, outcome, elapsed_s)

        exchange = Exchange(
            origin=origin,
            url=self._settings.base_url.rstrip("/") + call.path,
            headers=_headers(call, context, token),
            query=call.query,
            body=call.body,
        )
        left = deadline - asyncio.get_running_loop().time()
        answer = await self._wire.exchange(exchange, within_s=left, settled=settled)
        if 200 <= answer.status < 300:
            return answer
        raise refusal(answer, origin=origin, now=self._clock.now())

    def _account(
        self, call: ApiCall, reservation: Reservation, outcome: Answer | SalesloftError, *, origin: Origin
    ) -> None:
        """Tell the budget what became of a reservation; a 429 stops the team's other callers, too."""
        if isinstance(outcome, NotSent):
            self._budget.unused(reservation)
        elif isinstance(outcome, SalesloftError):
            self._budget.observed(reservation, cost=call.cost, remaining=None)
        else:
            cost, remaining = _price(outcome, expected=call.cost)
            is_refused = outcome.status == HTTPStatus.TOO_MANY_REQUESTS
            self._budget.observed(reservation, cost=0 if is_refused else cost, remaining=remaining)
            if is_refused:
                self._budget.exhausted(throttled(outcome, origin=origin, now=self._clock.now()).retry_at)

    def _report(self, call: ApiCall, outcome: Answer | SalesloftError, elapsed_s: float) -> None:
        try:
            if isinstance(outcome, SalesloftError):
                self._observer.on_failure(
                    method=call.method,
                    path_template=call.template,
                    problem=type(outcome).__name__,
                    elapsed_s=elapsed_s,
                )
                return
            cost, remaining = _price(outcome, expected=call.cost)
            self._observer.on_response(
                method=call.method,
                path_template=call.template,
                status=outcome.status,
                cost=cost,
                remaining=remaining,
                elapsed_s=elapsed_s,
            )
        except Exception:  # an observer's mistake must not turn a call that succeeded into one that failed
            logger.exception("salesloft_observer_failed", method=call.method, path_template=call.template)

    def _retrying(self, call: ApiCall, attempt: int, *, reason: str, wait_s: float) -> None:
        try:
            self._observer.on_retry(
                method=call.method, path_template=call.template, attempt=attempt, reason=reason, wait_s=wait_s
            )
        except Exception:  # as above
            logger.exception("salesloft_observer_failed", method=call.method, path_template=call.template)


def _headers(call: ApiCall, context: CallContext, token: AccessToken) -> dict[str, str]:
    headers = {"authorization": f"Bearer {token.value}"}
    if call.body is not None:
        headers["content-type"] = "application/json"
    if context.correlation_id is not None:
        # It may come from anywhere; what does not fit into a header must not stop the call.
        headers["x-correlation-id"] = _UNFIT_FOR_A_HEADER.sub("_", context.correlation_id)[:128]
    return headers


def _price(answer: Answer, *, expected: int) -> tuple[int, int | None]:
    """What the request cost and what is left of the minute (Salesloft docs: rate limits, the two headers)."""
    cost = _whole(answer.headers.get("x-ratelimit-endpoint-cost"))
    return expected if cost is None else cost, _whole(answer.headers.get("x-ratelimit-remaining-minute"))


def _whole(value: str | None) -> int | None:
    try:
        return None if value is None else int(value)
    except ValueError:
        return None
