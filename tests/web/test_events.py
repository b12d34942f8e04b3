"""The event stream: everything of the caller's organization once, in order, and nothing of anybody else's."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from sandbox.salesloft.server import SimulatorClient
from schemas.registry import ATTENTION_NEEDED, ENGAGEMENT, ENROLLMENT_CHANGED, SYNC_CHECKPOINT, EventType
from schemas.topics import customer_key, organization_key, stakeholder_key
from storage import event_feed, outbox
from storage.pool import Connection, Database
from tests.web.event_stream import Event, Stream
from tests.web.stage import Api, running_api
from web.reading.feed import EventFeed, FeedOptions
from workflows.events import Origin, outgoing

CUSTOMER, STAKEHOLDER = "cus-1", "sth-1"


@dataclass
class Staged:
    api: Api
    feed: EventFeed

    @asynccontextmanager
    async def stream(
        self,
        organization_id: str | None = None,
        last: str | None = None,
        claims: dict[str, Any] | None = None,
        **query: str,
    ) -> AsyncIterator[Stream]:
        organization = organization_id or self.api.organization_id
        headers = self.api.headers(organization_id=organization, role="viewer", **(claims or {}))
        if last is not None:
            headers["last-event-id"] = last
        async with self.api.http.stream(
            "GET", "/api/salesloft/events", params=query, headers=headers, timeout=60
        ) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield Stream(answer)

    async def tell(self, note: str, **of: Any) -> None:
        async with self.api.database.transaction() as connection:
            await add(connection, self.api, note, **of)

    async def without_streams(self) -> None:
        """Wait until the feed knows that every reader is gone."""
        async with asyncio.timeout(10):
            while self.feed._open:  # noqa: ASYNC110  # a reader leaves by its socket alone
                await asyncio.sleep(0.01)


async def add(
    connection: Connection,
    api: Api,
    note: str,
    *,
    type_: EventType[Any] = ENROLLMENT_CHANGED,
    organization_id: str | None = None,
    customer_id: str = CUSTOMER,
    stakeholder_id: str = STAKEHOLDER,
    empty: bool = False,
) -> None:
    """An event with a note in it, as a transaction adds one."""
    organization = organization_id or api.organization_id
    key = {
        "enrollment": customer_key(organization, customer_id),
        "engagement": stakeholder_key(organization, stakeholder_id),
    }.get(type_.name.split(".")[3].partition("-")[0], organization_key(organization))
    data = {
        "organization_id": organization,
        "customer_id": customer_id,
        "stakeholder_id": stakeholder_id,
        "reason": note,
    }
    message = outgoing(
        type_,
        id=uuid4(),
        organization_id=organization,
        key=key,
        subject="x",
        data=None if empty else orjson.dumps(data),
        time=api.clock.now(),
        origin=Origin("corr"),
    )
    await outbox.add(connection, [message])


@asynccontextmanager
async def staged(
    simulator: SimulatorClient,
    database: Database,
    dsn: str,
    options: FeedOptions | None = None,
    *,
    hints_dsn: str | None = None,
) -> AsyncIterator[Staged]:
    feed = EventFeed(database, hints_dsn or dsn, options)
    running = asyncio.create_task(feed.run())
    try:
        async with running_api(simulator, database, dsn, feed=feed) as api:
            yield Staged(api, feed)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def stage(simulator: SimulatorClient, database: Database, migrated: str) -> AsyncIterator[Staged]:
    async with staged(simulator, database, migrated) as set_up:
        yield set_up


def notes(*events: Event) -> list[str]:
    return [event.data["data"]["reason"] for event in events]


async def test_what_is_committed_is_told(stage: Staged) -> None:
    async with stage.stream() as stream:
        await stream.begin()
        await stage.tell("first")
        await stage.tell("second", type_=ENGAGEMENT)
        await stage.tell("third", type_=ATTENTION_NEEDED)
        events = [await stream.next() for _ in range(3)]
        assert [event.name for event in events] == ["enrollment", "engagement", "attention"]
        assert notes(*events) == ["first", "second", "third"]
        assert events[0].data["type"] == ENROLLMENT_CHANGED.name
        ids = [int(event.id or 0) for event in events]
        assert ids == sorted(set(ids))


async def test_nothing_foreign_and_nothing_of_the_house_is_told(stage: Staged) -> None:
    async with stage.stream() as stream, stage.stream("org-other") as other:
        await stream.begin()
        await other.begin()
        async with stage.api.database.transaction() as connection:
            # An organization whose name begins like ours, and one that is named within a message.
            await add(connection, stage.api, "foreign", organization_id=f"{stage.api.organization_id}x")
            await add(connection, stage.api, "foreign", organization_id="org-other")
            await add(connection, stage.api, "checkpoint", type_=SYNC_CHECKPOINT)
            await add(connection, stage.api, "own")
        assert notes(await stream.next()) == ["own"]
        assert notes(await other.next()) == ["foreign"]
        await stage.tell("own again")
        assert notes(await stream.next()) == ["own again"]
        assert notes(*other.told[1:]) == ["foreign"]


async def test_a_stream_of_one_customer_or_stakeholder(stage: Staged) -> None:
    async with stage.api.database.connection() as connection:
        for customer, stakeholder in ((CUSTOMER, STAKEHOLDER), ("cus-2", "sth-2")):
            await connection.execute(
                "INSERT INTO directory_customers VALUES ($1, $2, NULL, now(), 0, true)",
                stage.api.organization_id,
                customer,
            )
            await connection.execute(
                "INSERT INTO directory_stakeholders VALUES ($1, $2, $3, NULL, NULL, now(), 0, true)",
                stage.api.organization_id,
                stakeholder,
                customer,
            )
    async with stage.stream(customer_id=CUSTOMER) as of_customer, stage.stream(stakeholder_id="sth-2") as of_person:
        await of_customer.begin()
        await of_person.begin()
        await stage.tell("of another", customer_id="cus-2", stakeholder_id="sth-2")
        await stage.tell("of all", type_=ATTENTION_NEEDED, customer_id="none", stakeholder_id="none")
        await stage.tell("erased", type_=ENGAGEMENT, stakeholder_id="sth-2", empty=True)
        await stage.tell("of ours")
        assert notes(await of_customer.next()) == ["of ours"]
        assert notes(await of_person.next()) == ["of another"]
        gone = await of_person.next()
        assert (gone.name, gone.data["data"], gone.data["stakeholder_id"]) == ("engagement", None, "sth-2")
    headers = stage.api.headers(role="viewer")
    for query in ({"customer_id": "cus-foreign"}, {"stakeholder_id": "sth-foreign"}):
        answer = await stage.api.http.get("/api/salesloft/events", params=query, headers=headers)
        assert answer.status_code == 404


async def test_an_earlier_position_that_commits_later_is_not_passed_over(
    stage: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen_open: asyncio.Queue[frozenset[str]] = asyncio.Queue()
    asked = event_feed.writers

    async def writers(connection: Connection) -> frozenset[str]:
        found = await asked(connection)
        if found:
            seen_open.put_nowait(found)
        return found

    monkeypatch.setattr(event_feed, "writers", writers)
    async with stage.stream() as stream:
        await stream.begin()
        async with stage.api.database.transaction() as slow:
            await add(slow, stage.api, "began first")
            await stage.tell("committed first")
            # The reader has been there, has found that somebody may hold an earlier position, and came back to it: one
            # that did not care would have read on before it asks for the third time.
            while not seen_open.empty():
                seen_open.get_nowait()
            async with asyncio.timeout(10):
                for _ in range(3):
                    await seen_open.get()
            assert len(stream.told) == 1
        assert notes(await stream.next(), await stream.next()) == ["began first", "committed first"]


async def test_whoever_comes_back_is_told_what_came_between_and_nothing_twice(stage: Staged) -> None:
    async with stage.stream() as stream:
        await stream.begin()
        await stage.tell("first")
        await stream.next()
    await stage.tell("missed")
    await stage.tell("foreign", organization_id="org-other")
    await stage.tell("missed too")
    async with stage.stream(last=stream.last) as again:
        assert notes(await again.next(), await again.next()) == ["missed", "missed too"]
        await again.begin()
        await stage.tell("new")
        assert notes(await again.next()) == ["new"]


async def test_whoever_was_away_for_too_long_is_told_to_read_anew(stage: Staged) -> None:
    async with stage.stream() as stream:
        await stream.begin()
        await stage.tell("first")
        await stream.next()
    await stage.tell("missed")
    await stage.tell("kept")
    async with stage.api.database.connection() as connection:
        await connection.execute("DELETE FROM outbox WHERE position < (SELECT max(position) FROM outbox)")
    async with stage.stream(last=stream.last) as again:
        event = await again.next()
        assert (event.name, event.data["reason"]) == ("reset", "not_kept")
        await stage.tell("new")
        assert notes(await again.next()) == ["new"]
    # What another database gave out is none of ours.
    async with stage.stream(last="999999999") as other:
        assert (await other.next()).name == "reset"


async def test_an_id_that_is_none_is_refused(stage: Staged) -> None:
    headers = stage.api.headers(role="viewer") | {"last-event-id": "yesterday"}
    answer = await stage.api.http.get("/api/salesloft/events", headers=headers)
    assert (answer.status_code, answer.json()["reason_code"]) == (400, "last_event_id_refused")
    assert (await stage.api.http.get("/api/salesloft/events")).status_code == 401


async def test_a_stream_ends_with_its_token(stage: Staged) -> None:
    """Accepted within its leeway, and over: the end is heard at once."""
    async with stage.stream(claims={"exp": int(time.time()) - 5}) as stream:
        event = await stream.next()
        assert (event.name, event.data) == ("end", {"reason": "token_expired"})
        with pytest.raises(StopAsyncIteration):
            await stream.next()
    await stage.without_streams()


async def test_a_reader_that_leaves_leaves_nothing_behind(stage: Staged) -> None:
    async with stage.stream() as stream:
        await stream.begin()
    await stage.without_streams()
    assert (stage.feed._following, stage.feed._joining) == ({}, [])


async def test_a_reader_that_does_not_keep_up_is_cut_off(
    simulator: SimulatorClient, database: Database, migrated: str
) -> None:
    options = FeedOptions(size=256 * 1024)
    async with staged(simulator, database, migrated, options) as stage, stage.stream() as quick:
        await quick.begin()
        host, port = stage.api.base_url.removeprefix("http://").split(":")
        with contextlib.closing(socket.create_connection((host, int(port)), timeout=10)) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            token = stage.api.headers(role="viewer")["authorization"]
            slow.sendall(f"GET /api/salesloft/events HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n\r\n".encode())
            async with asyncio.timeout(10):
                while len(stage.feed._following.get(stage.api.organization_id, ())) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            # More than the sockets' own buffers hold, and it is the other reader that proves that it was told.
            written = 0
            while stage.feed._open == 2 and written < 400:
                await stage.tell("x" * 60_000)
                await quick.next()
                written += 1
            async with asyncio.timeout(10):
                while stage.feed._open == 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await stage.tell("still there")
            assert notes(await quick.next()) == ["still there"]


async def test_no_more_streams_than_there_may_be(simulator: SimulatorClient, database: Database, migrated: str) -> None:
    async with staged(simulator, database, migrated, FeedOptions(streams=1)) as stage, stage.stream() as stream:
        await stream.begin()
        answer = await stage.api.http.get("/api/salesloft/events", headers=stage.api.headers(role="viewer"))
        assert (answer.status_code, answer.json()["reason_code"]) == (503, "too_many_streams")


async def test_a_stream_goes_on_where_no_hint_is_heard(
    simulator: SimulatorClient, database: Database, migrated: str
) -> None:
    """The poll is the truth."""
    nowhere = "postgresql://127.0.0.1:1/nowhere"
    async with (
        staged(simulator, database, migrated, hints_dsn=nowhere) as stage,
        stage.stream() as stream,
    ):
        await stream.begin()
        await stage.tell("found")
        assert notes(await stream.next()) == ["found"]


async def test_the_service_stops_in_spite_of_open_streams(
    simulator: SimulatorClient, database: Database, migrated: str
) -> None:
    """The server drains for a second at most; a stream that hung would be cut by it without its last words."""
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(staged(simulator, database, migrated))
        async with httpx.AsyncClient(base_url=stage.api.base_url, timeout=60) as outside:
            headers = stage.api.headers(role="viewer")
            async with outside.stream("GET", "/api/salesloft/events", headers=headers) as answer:
                stream = Stream(answer)
                await stream.begin()
                closing = asyncio.create_task(stack.aclose())
                event = await stream.next()
                assert (event.name, event.data) == ("end", {"reason": "stopping"})
            await closing
