"""Dead letters go back byte for byte, at most three times, and a broken-off redrive goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from rich.console import Console
from typer.testing import CliRunner

from consumers.dead_letter import dead_letter
from consumers.incoming import Fault
from consumers.redrive import BusAwayError, NoSuchPlanError, PlanNotOpenError, Redrive, UnknownTopicError
from schemas.dead_letters import split_headers
from schemas.topics import dead_letter_topic, parking_topic
from service.dlq_cli import dlq_app
from storage import organizations
from storage.outbox import unpack_headers
from storage.pool import Database, DatabaseOptions
from tests.consumers.conftest import Bus, Recorder, RunLoop, Running, SteppedClock, eventually, record_of

Rows = Callable[[], Awaitable[list[Any]]]
_THEN = 1_795_000_000_123


class Aside:
    """A test's topic with its two topics for failures, and a relay as simple as can be."""

    def __init__(self, bus: Bus, topic: str, database: Database) -> None:
        self.bus, self.topic, self.database = bus, topic, database
        self.group = f"group-{uuid4().hex}"
        self.dead, self.parked = dead_letter_topic(topic, self.group), parking_topic(topic, self.group)
        self.clock = SteppedClock()
        self.redrive = Redrive(
            bootstrap_servers=bus.bootstrap_servers,
            database=database,
            clock=self.clock,
            group=self.group,
            topics=[topic],
        )
        self._relayed = 0

    async def relay(self, rows: list[Any]) -> None:
        for row in rows[self._relayed :]:
            await self.bus.producer.send_and_wait(
                row["topic"], row["payload"], key=row["key"], headers=unpack_headers(row["headers"]), partition=0
            )
        self._relayed = len(rows)

    async def put(self, *records: dict[str, Any], code: str = "not_wanted", timestamp: int = _THEN) -> None:
        """Dead letters of records that are not in the topic any more."""
        for place, record in enumerate(records):
            placed = _Placed(self.topic, place, timestamp, **record)
            fault = Fault(placed, "decide", code, "told by the test", "test")
            letter = dead_letter(fault, group=self.group)
            await self.bus.producer.send_and_wait(
                letter.topic, letter.payload, key=letter.key, headers=list(letter.headers), partition=0
            )


class _Placed:
    def __init__(self, topic: str, offset: int, timestamp: int, *, key: Any, value: Any, headers: Any) -> None:
        self.topic, self.partition, self.offset, self.timestamp = topic, 0, offset, timestamp
        self.key, self.value, self.headers = key, value, headers


@pytest.fixture
async def aside(bus: Bus, database: Database) -> Aside:
    topic = await bus.topic()
    aside = Aside(bus, topic, database)
    for name in (aside.dead, aside.parked):
        await bus.named_topic(name)
    return aside


def settled(bus: Bus, running: Running, topic: str, offset: int) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return await bus.committed(running.group, topic) == {0: offset}

    return condition


async def test_a_redriven_record_is_the_original_and_is_taken_again(
    bus: Bus, run_loop: RunLoop, aside: Aside, effects: Rows, outbox: Rows
) -> None:
    handler = Recorder((aside.topic,), refuse=lambda _: "not_wanted")
    sent = record_of("a")
    sent["headers"].append(("odd", b"\xff\x00"))
    await bus.send(aside.topic, sent)
    async with run_loop(handler, group=aside.group) as running:
        await eventually(settled(bus, running, aside.topic, 1))
        await aside.relay(await outbox())
        plan = await aside.redrive.plan(aside.topic, error_codes=None, requested_by="lea")
        assert (plan.state, dict(plan.counts)) == ("planned", {"not_wanted": 1})
        assert len(await bus.records(aside.topic)) == 1
        handler.refuse = lambda _: None
        done = await aside.redrive.execute(plan.id)
        assert (done.state, done.redriven, done.parked) == ("done", 1, 0)
        await eventually(settled(bus, running, aside.topic, 2))
    assert [row["event_id"] for row in await effects()] == ["a"]
    first, again = await bus.records(aside.topic)
    assert (again.key, again.value) == (first.key, first.value)
    assert tuple(split_headers(again.headers)[0]) == first.headers
    headers = dict(again.headers)
    assert headers["x-replay-count"] == b"1"
    assert headers["x-replay-id"] == str(plan.id).encode()
    assert headers["x-replay-requested-by"] == b"lea"


async def test_after_three_replays_a_record_is_parked_with_its_first_origin(
    bus: Bus, run_loop: RunLoop, aside: Aside, outbox: Rows
) -> None:
    await bus.send(aside.topic, record_of("a"))
    async with run_loop(Recorder((aside.topic,), refuse=lambda _: "not_wanted"), group=aside.group) as running:
        for replay in range(1, 5):
            await eventually(settled(bus, running, aside.topic, min(replay, 4)))
            await aside.relay(await outbox())
            plan = await aside.redrive.plan(aside.topic, error_codes=None, requested_by="lea")
            assert plan.planned == 1
            done = await aside.redrive.execute(plan.id)
            assert (done.redriven, done.parked) == ((1, 0) if replay < 4 else (0, 1))
    (parked,) = await bus.records(aside.parked)
    headers = dict(parked.headers)
    assert (headers["x-replay-count"], headers["x-dlq-original-offset"]) == (b"3", b"0")
    assert len(await bus.records(aside.topic)) == 4
    assert (await aside.redrive.plan(aside.topic, error_codes=None, requested_by="lea")).planned == 0


async def test_a_plan_takes_the_codes_it_names_and_the_count_knows_what_went_back(bus: Bus, aside: Aside) -> None:
    await aside.put(record_of("a"), record_of("b", organization="org-2"), code="bad_json")
    await aside.put(record_of("c"), code="not_wanted")
    plan = await aside.redrive.plan(aside.topic, error_codes=["bad_json"], requested_by="lea")
    assert dict(plan.counts) == {"bad_json": 2}
    await aside.redrive.execute(plan.id)
    counts = await aside.redrive.count()
    assert [(c.code, c.organization_id, c.waiting, c.redriven) for c in counts] == [
        ("bad_json", "org-1", 0, 1),
        ("bad_json", "org-2", 0, 1),
        ("not_wanted", "org-1", 1, 0),
    ]
    assert counts[2].oldest is not None
    with pytest.raises(PlanNotOpenError):
        await aside.redrive.execute(plan.id)


async def test_what_went_back_is_noted_for_each_organization_that_there_is(aside: Aside) -> None:
    async with aside.database.transaction() as connection:
        await organizations.ensure(connection, ["org-1"], datetime.now(UTC))
    unreadable = [record_of("d") | {"key": key} for key in (None, b"\xff:cus", b"\x00:cus", b"org-9:cus")]
    await aside.put(record_of("a"), *unreadable, record_of("b"))
    plan = await aside.redrive.plan(aside.topic, error_codes=None, requested_by="lea")
    assert (await aside.redrive.execute(plan.id)).redriven == 6
    async with aside.database.connection() as connection:
        rows = await connection.fetch("SELECT organization_id, action, subject, actor, detail FROM audit_entries")
    ((organization_id, action, subject, actor, detail),) = rows
    assert (organization_id, action, actor) == ("org-1", "dead_letters.sent_back", "lea")
    assert (subject, orjson.loads(detail)) == (f"redrive/{plan.id}", {"topic": aside.dead, "records": 2})


async def test_a_redrive_that_was_broken_off_goes_on_where_it_stood(
    bus: Bus, aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.redrive._CHUNK", 10)
    await aside.put(*[record_of(f"n{n}") for n in range(40)])
    plan = await aside.redrive.plan(aside.topic, error_codes=None, requested_by="lea")
    seen = 0

    def break_off(records: int) -> None:
        nonlocal seen
        seen += records
        if seen == 20:
            raise ConnectionError("broken off by the test")

    with pytest.raises(BusAwayError):
        await aside.redrive.execute(plan.id, advanced=break_off)
    assert (await aside.redrive.read(plan.id)).state == "running"
    done = await aside.redrive.execute(plan.id)
    assert (done.state, done.redriven) == ("done", 40)
    assert [dict(r.headers)["ce_id"].decode() for r in await bus.records(aside.topic)] == [f"n{n}" for n in range(40)]


async def test_progress_is_not_stored_before_the_broker_has_the_records(
    bus: Bus, aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    await aside.put(record_of("a"))
    plan = await aside.redrive.plan(aside.topic, error_codes=None, requested_by="lea")

    async def fail(*_: Any, **__: Any) -> Any:
        unacknowledged = asyncio.get_running_loop().create_future()
        unacknowledged.set_exception(ConnectionError("never acknowledged"))
        return unacknowledged

    with monkeypatch.context() as broken:
        broken.setattr(AIOKafkaProducer, "send", fail)
        with pytest.raises(BusAwayError):
            await aside.redrive.execute(plan.id)
    assert (await aside.redrive.read(plan.id)).progress == {}
    assert (await aside.redrive.execute(plan.id)).redriven == 1


async def test_a_cancelled_redrive_stops_at_its_next_chunk(
    bus: Bus, aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.redrive._CHUNK", 10)
    await aside.put(*[record_of(f"n{n}") for n in range(40)])
    plan = await aside.redrive.plan(aside.topic, error_codes=None, requested_by="lea")
    loop = asyncio.get_running_loop()
    cancelling: list[asyncio.Task[Any]] = []
    original = Redrive._publish

    async def cancel_first(self: Redrive, *arguments: Any) -> int:
        if not cancelling:
            cancelling.append(loop.create_task(aside.redrive.cancel(plan.id)))
            await cancelling[0]
        return await original(self, *arguments)

    monkeypatch.setattr(Redrive, "_publish", cancel_first)
    done = await aside.redrive.execute(plan.id)
    assert done.state == "cancelled"
    assert len(await bus.records(aside.topic)) == 10
    with pytest.raises(PlanNotOpenError):
        await aside.redrive.cancel(plan.id)


async def test_one_process_carries_a_plan_out(aside: Aside, monkeypatch: pytest.MonkeyPatch) -> None:
    await aside.put(record_of("a"))
    plan = await aside.redrive.plan(aside.topic, error_codes=None, requested_by="lea")
    original = Redrive._publish

    async def try_twice(self: Redrive, *arguments: Any) -> int:
        with pytest.raises(PlanNotOpenError, match="another process"):
            await aside.redrive.execute(plan.id)
        return await original(self, *arguments)

    monkeypatch.setattr(Redrive, "_publish", try_twice)
    assert (await aside.redrive.execute(plan.id)).redriven == 1


async def test_what_does_not_exist_is_said(aside: Aside) -> None:
    with pytest.raises(NoSuchPlanError):
        await aside.redrive.execute(uuid4())
    with pytest.raises(UnknownTopicError):
        await aside.redrive.plan("some.topic", error_codes=None, requested_by="lea")


async def test_a_tombstone_goes_back_with_its_own_time(bus: Bus, aside: Aside) -> None:
    await aside.put({"key": b"org-1:cus-7", "value": None, "headers": []})
    plan = await aside.redrive.plan(aside.topic, error_codes=None, requested_by="lea")
    await aside.redrive.execute(plan.id)
    (record,) = await bus.records(aside.topic)
    assert (record.value, record.timestamp) == (None, _THEN)


@pytest.mark.parametrize("forged", [9_000_000_000_000_000, -9_000_000_000_000_000])
async def test_a_tombstone_with_a_time_that_none_has_does_not_stop_a_redrive(
    bus: Bus, aside: Aside, forged: int
) -> None:
    await aside.put({"key": b"org-1:cus-7", "value": None, "headers": []}, timestamp=forged)
    await aside.put(record_of("a"))
    plan = await aside.redrive.plan(aside.topic, error_codes=None, requested_by="lea")
    assert (await aside.redrive.execute(plan.id)).redriven == 2
    (failed, _) = await bus.records(aside.dead)
    (tombstone, _) = await bus.records(aside.topic)
    assert tombstone.timestamp == (failed.timestamp if forged > 0 else 0)


async def test_the_commands_show_a_plan_and_carry_it_out(bus: Bus, aside: Aside, migrated: str) -> None:
    await aside.put(record_of("a"), record_of("b"))

    @asynccontextmanager
    async def opened() -> AsyncIterator[Redrive]:
        async with Database.connected(DatabaseOptions(dsn=migrated)) as database:
            yield Redrive(
                bootstrap_servers=bus.bootstrap_servers,
                database=database,
                clock=SteppedClock(),
                group=aside.group,
                topics=[aside.topic],
            )

    def invoke(*arguments: str) -> tuple[int, str]:
        shown = StringIO()
        app = dlq_app(opened, Console(file=shown, width=200))
        result = CliRunner().invoke(app, arguments)
        return result.exit_code, shown.getvalue()

    code, shown = await asyncio.to_thread(invoke, "list")
    assert code == 0
    assert "not_wanted" in shown
    code, shown = await asyncio.to_thread(invoke, "plan", aside.topic)
    assert "0 of 2 sent back" in shown
    plan_id = shown.rpartition("dlq redrive ")[2].strip()
    code, shown = await asyncio.to_thread(invoke, "redrive", plan_id)
    assert code == 0
    assert "2 of 2 sent back" in shown
    code, shown = await asyncio.to_thread(invoke, "cancel", plan_id)
    assert code == 1
    assert "is done" in shown
