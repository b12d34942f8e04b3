"""Each retry class over real sockets: what is repeated, what never is, and what a caller is told."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from salesloft_client import (
    AccessToken,
    BusinessClock,
    ConnectionLost,
    Forbidden,
    GrantRevoked,
    MalformedResponse,
    MissingScope,
    NotFound,
    NotSent,
    Origin,
    OutcomeUnknown,
    Refused,
    RetryClass,
    SalesloftClient,
    SalesloftError,
    ServerError,
    Throttled,
    TimedOut,
    Unauthorized,
    UnknownRoute,
    Unprocessable,
    Wire,
)
from tests.salesloft_client.doubles import ENROLL, FAILED, ME, MEMBERSHIP, NO_TOKEN, SPENT, Clock, Refreshing, Seen
from tests.salesloft_client.scripted import (
    Held,
    Reply,
    Reset,
    ScriptedServer,
    client_of,
    in_turn,
    json_reply,
    wire,
)

# Reads


@pytest.mark.parametrize("trouble", [FAILED, Reset(), Reply(503, b"<html>"), Reply(502)])
async def test_a_read_is_repeated_after_trouble(server: ScriptedServer, shared: Wire, trouble: Reply | Reset) -> None:
    seen = Seen()
    server.script = in_turn(trouble, trouble, ME)
    assert (await client_of(server.url, shared, observer=seen).me()).id == 51550
    assert len(server.asked) == 3
    assert len(seen.retries) == 2
    assert len(seen.responses) + len(seen.failures) == 3


async def test_a_read_is_repeated_after_a_time_out(server: ScriptedServer) -> None:
    never = asyncio.Event()
    server.script = in_turn(Held(never, ME), ME)
    async with wire(read_s=0.1) as quick:
        assert (await client_of(server.url, quick).me()).id == 51550
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("trouble", "kind"), [(FAILED, ServerError), (Reset(), ConnectionLost), (Reply(504), ServerError)]
)
async def test_a_read_ends_with_its_last_trouble(
    server: ScriptedServer, shared: Wire, trouble: Reply | Reset, kind: type[SalesloftError]
) -> None:
    server.script = in_turn(trouble)
    with pytest.raises(kind) as caught:
        await client_of(server.url, shared).me()
    assert caught.value.retry_class is RetryClass.TRANSIENT
    assert caught.value.correlation_id == "journey-1"
    assert (caught.value.method, caught.value.path) == ("GET", "/me")
    assert len(server.asked) == 6


async def test_the_calls_time_bounds_all_of_it(server: ScriptedServer, shared: Wire) -> None:
    never = asyncio.Event()
    server.script = in_turn(Held(never, ME))
    with pytest.raises(TimedOut):
        await client_of(server.url, shared, time_budget_s=0.2).me()
    never.set()


async def test_an_answer_that_comes_drop_by_drop_ends_with_the_calls_time(shared: Wire) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            try:
                await writer.drain()
                await asyncio.wait_for(reader.read(1), 0.02)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            break
        writer.close()

    listener = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        with pytest.raises(TimedOut):
            await client_of(url, shared, time_budget_s=0.3).me()
        await shared.aclose()


# Writes


@pytest.fixture
def closed_url() -> Iterator[str]:
    """A port that is taken and does not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    "trouble", [FAILED, Reset(), Reply(503), Reply(200, b"<html>"), Reply(302), json_reply({"data": {}}), Reply(408)]
)
@pytest.mark.parametrize(
    "write", [lambda client: client.create_membership(ENROLL), lambda client: client.delete_membership(7)]
)
async def test_a_write_is_never_repeated_when_it_may_have_taken_effect(
    server: ScriptedServer, shared: Wire, trouble: Reply | Reset, write: Callable[[SalesloftClient], Any]
) -> None:
    server.script = in_turn(trouble, MEMBERSHIP)
    if isinstance(trouble, Reply) and trouble.status == 200:
        write = lambda client: client.create_membership(ENROLL)  # noqa: E731  # a removal's answer has no body to misread
    with pytest.raises(OutcomeUnknown) as caught:
        await write(client_of(server.url, shared))
    assert len(server.asked) == 1
    assert caught.value.retry_class is RetryClass.UNKNOWN


async def test_a_write_is_never_repeated_after_a_read_time_out(server: ScriptedServer) -> None:
    never = asyncio.Event()
    server.script = in_turn(Held(never, MEMBERSHIP), MEMBERSHIP)
    async with wire(read_s=0.1) as quick:
        with pytest.raises(OutcomeUnknown):
            await client_of(server.url, quick).create_membership(ENROLL)
    assert len(server.asked) == 1


async def test_a_write_whose_time_is_up_is_unknown(server: ScriptedServer, shared: Wire) -> None:
    until = asyncio.Event()
    seen = Seen()
    server.script = in_turn(Held(until, MEMBERSHIP))
    with pytest.raises(OutcomeUnknown):
        await client_of(server.url, shared, observer=seen, time_budget_s=0.1).create_membership(ENROLL)
    assert len(server.asked) == 1
    until.set()


async def test_a_write_without_a_connection_is_repeated_and_then_known_to_be_unsent(
    shared: Wire, closed_url: str
) -> None:
    seen = Seen()
    with pytest.raises(NotSent) as caught:
        await client_of(closed_url, shared, observer=seen).create_membership(ENROLL)
    assert caught.value.retry_class is RetryClass.TRANSIENT
    assert seen.retries == ["NotSent"] * 5


@pytest.mark.parametrize("answer", [NO_TOKEN, SPENT])
async def test_a_write_is_repeated_after_401_and_429(server: ScriptedServer, shared: Wire, answer: Reply) -> None:
    clock = Clock()

    class TurnsTheMinute(Seen):
        def on_retry(self, **_: Any) -> None:
            clock.instant += timedelta(seconds=4)

    server.script = in_turn(answer, MEMBERSHIP)
    client = client_of(
        server.url, shared, tokens=Refreshing(), clock=BusinessClock(now=clock.now), observer=TurnsTheMinute()
    )
    assert (await client.create_membership(ENROLL)).id == 7
    assert len(server.asked) == 2
    assert server.asked[0].json == {"person_id": 1, "cadence_id": 2, "user_id": 3}
    assert server.asked[0].body == server.asked[1].body


# Tokens


async def test_401_refreshes_once_and_repeats_with_the_new_token(server: ScriptedServer, shared: Wire) -> None:
    tokens = Refreshing()
    server.script = in_turn(NO_TOKEN, ME)
    await client_of(server.url, shared, tokens=tokens).me()
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer token-0", "Bearer token-1"]


async def test_a_second_401_ends_the_call(server: ScriptedServer, shared: Wire) -> None:
    tokens = Refreshing()
    server.script = in_turn(NO_TOKEN)
    with pytest.raises(Unauthorized) as caught:
        await client_of(server.url, shared, tokens=tokens).me()
    assert tokens.refreshes == 1
    assert caught.value.retry_class is RetryClass.REAUTHORIZE


async def test_a_refused_key_is_not_tried_again(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(NO_TOKEN)
    with pytest.raises(Unauthorized):
        await client_of(server.url, shared).me()
    assert len(server.asked) == 1


async def test_what_the_token_source_raises_reaches_the_caller(server: ScriptedServer, shared: Wire) -> None:
    class Revoked(Refreshing):
        async def refreshed(self, rejected: AccessToken) -> AccessToken:
            del rejected
            raise GrantRevoked("invalid_grant", origin=Origin(method="POST", path="/oauth/token"))

    server.script = in_turn(NO_TOKEN)
    with pytest.raises(GrantRevoked):
        await client_of(server.url, shared, tokens=Revoked()).me()


async def test_a_refresh_outlives_the_call_that_asked_for_it(server: ScriptedServer, shared: Wire) -> None:
    begun, go_on, stored = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Slow(Refreshing):
        async def refreshed(self, rejected: AccessToken) -> AccessToken:
            del rejected
            begun.set()
            await go_on.wait()
            stored.set()
            return AccessToken("token-1")

    server.script = in_turn(NO_TOKEN)
    call = asyncio.create_task(client_of(server.url, shared, tokens=Slow()).me())
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    go_on.set()
    await asyncio.wait_for(stored.wait(), 5)


# Throttling


async def test_429_parks_the_work_if_the_minute_turns_too_late(server: ScriptedServer, shared: Wire) -> None:
    clock = Clock(datetime(2026, 1, 5, 10, 0, 30, tzinfo=UTC))
    server.script = in_turn(SPENT)
    with pytest.raises(Throttled) as caught:
        await client_of(server.url, shared, clock=BusinessClock(now=clock.now)).me()
    assert caught.value.retry_at == datetime(2026, 1, 5, 10, 1, 1, tzinfo=UTC)
    assert caught.value.retry_after_s == 31
    assert caught.value.retry_class is RetryClass.THROTTLED
    assert len(server.asked) == 1


@pytest.mark.parametrize("value", ["120", "Mon, 05 Jan 2026 10:02:58 GMT"])
async def test_a_long_retry_after_is_honoured_by_parking(server: ScriptedServer, shared: Wire, value: str) -> None:
    server.script = in_turn(json_reply({"error": "API rate limit exceeded"}, 429, retry_after=value))
    with pytest.raises(Throttled) as caught:
        await client_of(server.url, shared, clock=BusinessClock(now=Clock().now)).me()
    assert caught.value.retry_after_s == 120


# Refusals


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (json_reply({"error": "Token does not have the required scopes: cadences:delete"}, 403), MissingScope),
        (json_reply({"error": "You may not"}, 403), Forbidden),
        (json_reply({"status": 404, "error": "Not Found"}, 404), NotFound),
        (Reply(404, b"<!doctype html><h1>Not found</h1>"), UnknownRoute),
        (json_reply({"errors": {"cadence_id": ["is already in progress for this person"]}}, 422), Unprocessable),
        (json_reply({"error": "conflict"}, 409), Unprocessable),
        (json_reply({"error": "bad"}, 400), Refused),
    ],
)
async def test_a_refusal_is_definite(
    server: ScriptedServer, shared: Wire, reply: Reply, kind: type[SalesloftError]
) -> None:
    server.script = in_turn(reply)
    with pytest.raises(kind) as caught:
        await client_of(server.url, shared).create_membership(ENROLL)
    assert type(caught.value) is kind
    assert caught.value.status == reply.status
    assert caught.value.retry_class is RetryClass.PERMANENT
    assert len(server.asked) == 1
    if isinstance(caught.value, Unprocessable):
        assert caught.value.already_on_cadence


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"datum":1}', b'{"data":[]}', b'{"data":{"id":null}}'])
async def test_an_answer_that_cannot_be_read(server: ScriptedServer, shared: Wire, body: bytes) -> None:
    server.script = in_turn(Reply(200, body))
    with pytest.raises(MalformedResponse):
        await client_of(server.url, shared).me()
    assert len(server.asked) == 1
