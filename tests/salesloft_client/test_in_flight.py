"""Requests in flight: they outlive their callers, stay bounded, and are reported."""

import asyncio
from typing import Any

import pytest

from salesloft_client import (
    BudgetSettings,
    BusinessClock,
    FixedToken,
    Lane,
    MinuteBudget,
    NotSent,
    Reservation,
    Unlimited,
    Wire,
)
from tests.salesloft_client.doubles import ENROLL, ME, MEMBERSHIP, Clock, Seen
from tests.salesloft_client.scripted import (
    KEY,
    Held,
    Reply,
    ScriptedServer,
    client_of,
    in_turn,
    wire,
)


async def test_a_cancelled_caller_does_not_cancel_the_request(server: ScriptedServer, shared: Wire) -> None:
    until = asyncio.Event()
    seen = Seen()
    server.script = in_turn(Held(until, MEMBERSHIP), ME)
    client = client_of(server.url, shared, observer=seen, concurrency=1)
    call = asyncio.create_task(client.create_membership(ENROLL))
    await server.arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert server.open == 1
    assert seen.responses == []
    until.set()
    await asyncio.wait_for(seen.told.wait(), 5)
    assert seen.responses == [("POST", "/cadence_memberships", 200, 1, None)]
    assert (await client.me()).id == 51550, "the place of the abandoned call is free again"


async def test_a_caller_cancelled_while_it_waits_sends_nothing(server: ScriptedServer, shared: Wire) -> None:
    until = asyncio.Event()
    clock = BusinessClock(now=Clock().now)
    budget = MinuteBudget(clock=clock, settings=BudgetSettings(limit=3))
    server.script = in_turn(Held(until, ME), ME)
    client = client_of(server.url, shared, concurrency=1, budget=budget, clock=clock)
    first = asyncio.create_task(client.me())
    await server.arrived.wait()
    second = asyncio.create_task(client.create_membership(ENROLL))
    for _ in range(10):
        await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    until.set()
    await first
    await client.me()
    await client.me()  # the third of three: the cancelled call has given its place in the minute back
    assert [asked.method for asked in server.asked] == ["GET"] * 3


@pytest.mark.parametrize(("concurrency", "gate", "most"), [(3, 10, 3), (8, 2, 2)])
async def test_calls_in_flight_are_bounded_for_the_team_and_for_all(
    server: ScriptedServer, concurrency: int, gate: int, most: int
) -> None:
    until = asyncio.Event()
    server.script = in_turn(Held(until, ME))
    async with wire(pool_size=12, gate=gate) as narrow:
        client = client_of(server.url, narrow, concurrency=concurrency)
        calls = [asyncio.create_task(client.me()) for _ in range(10)]
        while server.open < most:
            server.arrived.clear()
            await server.arrived.wait()
        until.set()
        await asyncio.gather(*calls)
    assert server.most_open == most
    assert len(server.asked) == 10


async def test_closing_lets_what_is_in_flight_end(server: ScriptedServer) -> None:
    until = asyncio.Event()
    seen = Seen()
    server.script = in_turn(Held(until, MEMBERSHIP))
    shared = wire()
    call = asyncio.create_task(client_of(server.url, shared, observer=seen).create_membership(ENROLL))
    await server.arrived.wait()
    closing = asyncio.create_task(shared.aclose())
    until.set()
    await closing
    assert (await call).id == 7


async def test_who_waits_too_long_does_not_leave_any_more(server: ScriptedServer, shared: Wire) -> None:
    until = asyncio.Event()
    server.script = in_turn(Held(until, ME), MEMBERSHIP)
    client = client_of(server.url, shared, concurrency=1)
    first = asyncio.create_task(client.me())
    await server.arrived.wait()
    with pytest.raises(NotSent):
        await client.using(time_budget_s=0.2).create_membership(ENROLL)
    until.set()
    await first
    assert len(server.asked) == 1


async def test_the_budget_leaves_a_call_time_for_its_answer(server: ScriptedServer, shared: Wire) -> None:
    """A request that leaves in the last moment of its call's time ends without anybody knowing how."""
    asked: list[float] = []

    class Slow(Unlimited):
        async def acquire(self, *, cost: int, lane: Lane, within_s: float) -> Reservation:
            asked.append(within_s)
            return await super().acquire(cost=cost, lane=lane, within_s=within_s)

    server.script = in_turn(ME)
    client = client_of(server.url, shared, budget=Slow())
    await client.using(time_budget_s=60.0).me()
    await client.using(time_budget_s=8.0).me()
    assert 0 < asked[0] <= 55.0
    assert 0 < asked[1] <= 6.0, "of a short time a quarter"


# Headers and hooks


async def test_what_goes_with_each_request(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(ME)
    client = client_of(server.url, shared)
    await client.me()
    await client.using(correlation_id="jour\r\nney é").me()
    first, second = server.asked
    assert first.path == "/v2/me"
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert first.headers["x-correlation-id"] == "journey-1"
    assert first.headers["user-agent"].startswith("cscx-salesloft-client/")
    assert second.headers["x-correlation-id"] == "jour__ney__"


async def test_hooks_get_templates_and_prices(server: ScriptedServer, shared: Wire) -> None:
    seen = Seen()
    server.script = in_turn(
        Reply(204, b"", {"x-ratelimit-endpoint-cost": "1", "x-ratelimit-remaining-minute": "412"}),
    )
    await client_of(server.url, shared, observer=seen).delete_membership(146990802)
    assert seen.responses == [("DELETE", "/cadence_memberships/{id}", 204, 1, 412)]
    assert server.asked[0].path == "/v2/cadence_memberships/146990802"


async def test_a_failing_hook_does_not_fail_the_call(server: ScriptedServer, shared: Wire) -> None:
    class Broken(Seen):
        def on_response(self, **_: Any) -> None:
            raise RuntimeError

    server.script = in_turn(ME)
    assert (await client_of(server.url, shared, observer=Broken()).me()).id == 51550


def test_a_fixed_token_is_fit_for_a_header() -> None:
    with pytest.raises(ValueError, match="printable"):
        FixedToken("key\r\nx-other: 1")
