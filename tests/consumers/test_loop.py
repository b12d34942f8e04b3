"""The loop against a real broker and a real database: what is promised of every record."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from consumers.breaker import BreakerOptions
from consumers.incoming import Incoming
from sandbox.stack import PostgresServer
from storage import departures, organizations
from storage.errors import RecordRefused
from storage.outbox import unpack_headers
from storage.pool import Connection, Database
from telemetry.health import PartState
from tests.consumers.conftest import Bus, Recorder, RunLoop, Running, eventually, record_of

Rows = Callable[[], Awaitable[list[Any]]]


def reached(bus: Bus, running: Running, topic: str, offsets: dict[int, int]) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return await bus.committed(running.group, topic) == offsets

    return condition


def told(running: Running) -> Any:
    """What the health page says of the loop; nothing before it has begun."""
    parts: Any = running.health.report(0.0)["parts"]
    return parts.get("consume recorder", {"state": None, "detail": None})


def excused(running: Running) -> Callable[[], Awaitable[bool]]:
    """Nothing counts as stuck, however long it stays as it is."""

    async def condition() -> bool:
        return running.health.is_live(10.0**9)

    return condition


def ids(rows: Sequence[Any]) -> list[str]:
    return [row["event_id"] for row in rows]


async def test_records_reach_the_handler_once_in_order_and_are_committed(
    bus: Bus, run_loop: RunLoop, effects: Rows
) -> None:
    topic = await bus.topic(partitions=2)
    await bus.send(topic, *[record_of(f"a{n}") for n in range(50)], partition=0)
    await bus.send(topic, *[record_of(f"b{n}") for n in range(30)], partition=1)
    async with run_loop(Recorder((topic,))) as running:
        await eventually(reached(bus, running, topic, {0: 50, 1: 30}))
    rows = await effects()
    assert [row["event_id"] for row in rows if row["partition"] == 0] == [f"a{n}" for n in range(50)]
    assert [row["event_id"] for row in rows if row["partition"] == 1] == [f"b{n}" for n in range(30)]


async def test_nothing_is_committed_to_kafka_while_the_transaction_is_open(
    bus: Bus, run_loop: RunLoop, effects: Rows
) -> None:
    topic = await bus.topic()
    entered, leave = asyncio.Event(), asyncio.Event()

    async def hold(connection: Connection, batch: Sequence[Incoming]) -> None:
        entered.set()
        await leave.wait()

    await bus.send(topic, record_of("a"))
    async with run_loop(Recorder((topic,), before=hold), watch_seconds=0.01) as running:
        await entered.wait()
        turns = 0

        async def watched() -> bool:
            nonlocal turns
            turns += 1
            assert await bus.committed(running.group, topic) in ({}, {0: 0})
            return turns > 20

        await eventually(watched)
        leave.set()
        await eventually(reached(bus, running, topic, {0: 1}))
    assert ids(await effects()) == ["a"]


async def test_a_batch_that_waits_its_turn_is_not_committed_with_the_one_before(
    bus: Bus, run_loop: RunLoop, effects: Rows
) -> None:
    topic = await bus.topic()
    await bus.send(topic, record_of("a"), record_of("b"), record_of("c"))
    calls, leave = 0, asyncio.Event()

    async def hold(connection: Connection, batch: Sequence[Incoming]) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:

            async def next_is_taken() -> bool:
                membership = running.loop._membership
                return membership is not None and membership._waiting is not None

            await eventually(next_is_taken)
        else:
            await leave.wait()

    async with run_loop(Recorder((topic,), before=hold), max_batch=1) as running:

        async def second_is_open() -> bool:
            return calls == 2

        await eventually(second_is_open)
        assert await bus.committed(running.group, topic) == {0: 1}
        leave.set()
        await eventually(reached(bus, running, topic, {0: 3}))
    assert ids(await effects()) == ["a", "b", "c"]


async def test_a_repetition_is_skipped_within_a_batch_and_between_batches(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows
) -> None:
    topic = await bus.topic()
    await bus.send(topic, record_of("a"), record_of("b"), record_of("a"))
    async with run_loop(Recorder((topic,))) as running:
        await eventually(reached(bus, running, topic, {0: 3}))
        await bus.send(topic, record_of("b"), record_of("c"))
        await eventually(reached(bus, running, topic, {0: 5}))
    assert ids(await effects()) == ["a", "b", "c"]
    assert await outbox() == []


async def test_the_same_id_with_other_data_is_a_dead_letter(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows
) -> None:
    topic = await bus.topic()
    await bus.send(topic, record_of("a"), record_of("a", name="Other"), record_of("b"))
    async with run_loop(Recorder((topic,))) as running:
        await eventually(reached(bus, running, topic, {0: 3}))
        await bus.send(topic, record_of("b", name="Other"))
        await eventually(reached(bus, running, topic, {0: 4}))
    assert ids(await effects()) == ["a", "b"]
    assert [row["type"] for row in await outbox()] == ["id_reused", "id_reused"]
    assert [row["aggregateid"] for row in await outbox()] == [f"{topic}/0/1", f"{topic}/0/3"]


async def test_a_record_that_cannot_be_read_is_put_aside_with_its_neighbours_effects(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows
) -> None:
    topic = await bus.topic()
    bad = {"key": b"org-1:cus-7", "value": b"{not json", "headers": record_of("bad")["headers"]}
    await bus.send(topic, record_of("a"), bad, record_of("b"))
    async with run_loop(Recorder((topic,))) as running:
        await eventually(reached(bus, running, topic, {0: 3}))
    assert ids(await effects()) == ["a", "b"]
    (letter,) = await outbox()
    assert (letter["topic"], letter["key"], letter["payload"]) == (
        f"{topic}.{running.group}.dlq",
        b"org-1:cus-7",
        b"{not json",
    )
    assert unpack_headers(letter["headers"])[: len(bad["headers"])] == bad["headers"]


async def test_a_header_without_a_value_survives_in_the_dead_letter(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows
) -> None:
    topic = await bus.topic()
    await bus.send(topic, {"key": b"org-1:cus-7", "value": b"{}", "headers": [("empty", None)]}, record_of("a"))
    async with run_loop(Recorder((topic,))) as running:
        await eventually(reached(bus, running, topic, {0: 2}))
    assert ids(await effects()) == ["a"]
    (letter,) = await outbox()
    headers: list[tuple[str, Any]] = list(unpack_headers(letter["headers"]))
    assert headers[0] == ("empty", None)


async def test_a_header_name_that_is_no_text_holds_its_partition_and_nothing_else(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows
) -> None:
    """The client cannot hand such a record over at all: it stays in its topic, and what is before it goes through."""
    others = range(1, 6)
    topic = await bus.topic(partitions=6)
    await bus.send(topic, record_of("a"), record_of("b"))
    await bus.send_under_a_name_that_is_no_text(topic)
    await bus.send(topic, record_of("behind"))
    for partition in others:
        await bus.send(topic, record_of(f"c{partition}"), partition=partition)
    async with run_loop(Recorder((topic,))) as running:
        await eventually(reached(bus, running, topic, {0: 2, **dict.fromkeys(others, 1)}))
        await bus.send(topic, record_of("d"), partition=1)
        await eventually(reached(bus, running, topic, {0: 2, **dict.fromkeys(others, 1), 1: 2}))
        assert f"{topic}/0: unreadable, offset 2" in told(running)["detail"]
        await eventually(excused(running))
    assert sorted(ids(await effects())) == ["a", "b", *(f"c{partition}" for partition in others), "d"]
    assert await outbox() == []


async def test_the_client_asks_for_no_more_while_what_it_has_was_not_taken(bus: Bus, run_loop: RunLoop) -> None:
    """A broker answers with producers' whole batches: of all partitions together they would be a hundred megabytes."""
    topic = await bus.topic(partitions=12)
    every = range(12)
    leave = asyncio.Event()
    leave.set()

    async def hold(*_: object) -> None:
        await leave.wait()

    async with run_loop(Recorder((topic,), before=hold), max_batch=1, pause_after=1.0) as running:
        await bus.send(topic, record_of("small"))
        await eventually(reached(bus, running, topic, {0: 1, **dict.fromkeys(every[1:], 0)}))
        leave.clear()
        for partition in every:
            await bus.send(topic, record_of(f"large{partition}", padding="x" * 200_000), partition=partition)
        most = 0

        async def paused() -> bool:
            nonlocal most
            membership = running.loop._membership
            assert membership is not None
            most = max(most, len(membership._consumer._fetcher._records))
            return bool(membership._paused)

        await eventually(paused)
        leave.set()
        await eventually(reached(bus, running, topic, {0: 2, **dict.fromkeys(every[1:], 1)}))
    assert most == 1


async def test_a_refused_record_leaves_no_mark_and_its_batch_mates_go_through(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows, database: Database
) -> None:
    topic = await bus.topic()
    handler = Recorder((topic,), refuse=lambda i: "not_wanted" if i.envelope and i.envelope.id == "bad" else None)
    await bus.send(topic, record_of("a"), record_of("bad"), record_of("b"))
    async with run_loop(handler) as running:
        await eventually(reached(bus, running, topic, {0: 3}))
        assert [row["type"] for row in await outbox()] == ["not_wanted"]
        handler.refuse = lambda _: None
        await bus.send(topic, record_of("bad"))
        await eventually(reached(bus, running, topic, {0: 4}))
    assert ids(await effects()) == ["a", "b", "bad"]


async def test_a_record_that_the_handler_breaks_on_is_found_by_halving(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows
) -> None:
    topic = await bus.topic()

    async def break_on_some(connection: Connection, batch: Sequence[Incoming]) -> None:
        for incoming in batch:
            if incoming.envelope and incoming.envelope.id == "n37":
                raise KeyError("ann@acme.example")
            if incoming.envelope and incoming.envelope.id == "n11":
                raise RecordRefused("CheckViolationError on some_check")

    await bus.send(topic, *[record_of(f"n{n}", customer=f"cus-{n % 3}") for n in range(64)])
    async with run_loop(Recorder((topic,), before=break_on_some)) as running:
        await eventually(reached(bus, running, topic, {0: 64}))
    assert ids(await effects()) == [f"n{n}" for n in range(64) if n not in {37, 11}]
    letters = {row["aggregateid"].rpartition("/")[2]: dict(unpack_headers(row["headers"])) for row in await outbox()}
    assert sorted(letters) == ["11", "37"]
    assert letters["11"]["x-dlq-error-code"] == b"refused_by_storage"
    assert letters["37"]["x-dlq-error-code"] == b"handler_failed"
    assert letters["37"]["x-dlq-stage"] == b"apply"
    assert b"KeyError" in letters["37"]["x-dlq-error-message"]
    assert b"acme" not in letters["37"]["x-dlq-error-message"]


async def test_a_lost_race_is_run_again_and_one_that_persists_is_put_aside(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows, database: Database
) -> None:
    topic = await bus.topic()
    lost = 0

    async def lose_races(connection: Connection, batch: Sequence[Incoming]) -> None:
        nonlocal lost
        if lost < 2 or any(i.envelope and i.envelope.id == "always" for i in batch):
            lost += 1
            await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'serialization_failure'; END $$")

    await bus.send(topic, record_of("a"), record_of("always"), record_of("b"))
    async with run_loop(Recorder((topic,), before=lose_races)) as running:
        await eventually(reached(bus, running, topic, {0: 3}))
    assert ids(await effects()) == ["a", "b"]
    (letter,) = await outbox()
    headers = dict(unpack_headers(letter["headers"]))
    assert (headers["x-dlq-error-code"], headers["x-dlq-attempts"]) == (b"conflict_persists", b"5")


async def test_the_death_of_the_database_loses_nothing_and_repeats_nothing(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows, postgres_server: PostgresServer
) -> None:
    topic = await bus.topic(partitions=3)
    handler = Recorder((topic,))
    async with run_loop(handler, max_batch=50, pause_after=0.1) as running:
        for partition in range(3):
            await bus.send(topic, *[record_of(f"{partition}-{n}") for n in range(400)], partition=partition)

        async def some_done() -> bool:
            return len(handler.batches) > 3

        await eventually(some_done)
        await postgres_server.kill()

        async def down() -> bool:
            return told(running)["state"] == PartState.DOWN and not running.loop.ready.is_set()

        await eventually(down)
        generation = await bus.admin.describe_consumer_groups([running.group])
        await bus.send(topic, *[record_of(f"late-{n}") for n in range(50)])
        await postgres_server.start()
        await eventually(reached(bus, running, topic, {0: 450, 1: 400, 2: 400}), seconds=60)
        assert running.loop.ready.is_set()
        assert running.health.is_live(asyncio.get_running_loop().time())
        assert generation
    done = ids(await effects())
    assert len(done) == len(set(done)) == 1250
    assert await outbox() == []


async def test_a_rebalance_under_load_loses_nothing_and_repeats_no_effect(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows
) -> None:
    topic = await bus.topic(partitions=6)
    first, second = Recorder((topic,)), Recorder((topic,))
    async with run_loop(first, max_batch=20) as one:
        sending = asyncio.create_task(
            asyncio.wait(
                [
                    asyncio.create_task(bus.send(topic, *[record_of(f"{p}-{n}") for n in range(500)], partition=p))
                    for p in range(6)
                ]
            )
        )

        async def begun() -> bool:
            return len(first.batches) > 2

        await eventually(begun)
        async with run_loop(second, group=one.group, instance="two", max_batch=20) as two:
            await sending

            async def all_done() -> bool:
                return await bus.committed(one.group, topic) == dict.fromkeys(range(6), 500)

            await eventually(all_done, seconds=60)
            shares = [len(loop.loop._membership.positions.partitions) for loop in (one, two) if loop.loop._membership]
            assert shares == [3, 3]
    done = ids(await effects())
    assert len(done) == len(set(done)) == 3000
    assert first.batches
    assert second.batches
    assert await outbox() == []


async def test_a_restart_goes_on_where_the_group_stands(bus: Bus, run_loop: RunLoop, effects: Rows) -> None:
    topic = await bus.topic()
    await bus.send(topic, record_of("a"))
    async with run_loop(Recorder((topic,))) as running:
        await eventually(reached(bus, running, topic, {0: 1}))
    await bus.send(topic, record_of("b"))
    again = Recorder((topic,))
    async with run_loop(again, group=running.group) as second:
        await eventually(reached(bus, second, topic, {0: 2}))
    assert again.batches == [1]
    assert ids(await effects()) == ["a", "b"]


async def test_failures_across_organizations_stop_the_topic_and_the_others_go_on(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows
) -> None:
    broken, sound = await bus.topic(), await bus.topic()
    breaker = BreakerOptions(row=10, organizations=3)
    await bus.send(broken, *[record_of(f"ok{n}") for n in range(5)])
    async with run_loop(Recorder((broken, sound)), breaker=breaker) as running:
        await eventually(reached(bus, running, broken, {0: 5}))
        await bus.send(broken, *[record_of(f"x{n}", organization=f"org-{n % 4}", id=None) for n in range(40)])
        await bus.send(sound, *[record_of(f"s{n}") for n in range(5)])
        await eventually(reached(bus, running, sound, {0: 5}))

        async def held() -> bool:
            return "breaker" in (told(running)["detail"] or "")

        await eventually(held)
        before = await outbox()
        assert len(before) < 10
        assert (await bus.committed(running.group, broken))[0] == 5 + len(before)
        await bus.send(sound, record_of("s5"))
        await eventually(reached(bus, running, sound, {0: 6}))
        await eventually(excused(running))
        running.loop._breaker._options = BreakerOptions(row=1000, organizations=3)
        running.loop.reset_breaker(broken)
        await eventually(reached(bus, running, broken, {0: 45}))
    assert len([row for row in await outbox() if row["topic"].endswith(".dlq")]) == 40
    assert ids(await effects())[:5] == [f"ok{n}" for n in range(5)]


async def test_one_organizations_failures_go_on_with_an_alarm(
    bus: Bus, run_loop: RunLoop, effects: Rows, outbox: Rows
) -> None:
    topic = await bus.topic()
    await bus.send(topic, *[record_of(f"x{n}", organization="org-9", id=None) for n in range(25)], record_of("a"))
    async with run_loop(Recorder((topic,)), breaker=BreakerOptions(row=10, organizations=3)) as running:
        await eventually(reached(bus, running, topic, {0: 26}))
    rows = await outbox()
    assert len([row for row in rows if row["topic"].endswith(".dlq")]) == 25
    alarms = [row for row in rows if row["type"] == "ai.cscx.salesloft.attention-needed.v1"]
    assert [row["key"] for row in alarms] == [b"org-9", b"org-9"]
    assert ids(await effects()) == ["a"]


async def test_a_position_below_the_logs_start_is_an_alarm_and_not_a_jump(
    bus: Bus, run_loop: RunLoop, effects: Rows
) -> None:
    topic = await bus.topic(partitions=2)
    await bus.send(topic, record_of("a"), record_of("b"), partition=0)
    async with run_loop(Recorder((topic,))) as running:
        await eventually(reached(bus, running, topic, {0: 2, 1: 0}))
    await bus.send(topic, *[record_of(f"lost{n}") for n in range(3)], record_of("kept"), partition=0)
    await bus.delete_records(topic, 0, before=5)
    async with run_loop(Recorder((topic,)), group=running.group) as second:

        async def held() -> bool:
            return "outside_log" in (told(second)["detail"] or "")

        await eventually(held)
        await bus.send(topic, record_of("other"), partition=1)
        await eventually(reached(bus, second, topic, {0: 2, 1: 1}))
        await eventually(excused(second))
    assert ids(await effects()) == ["a", "b", "other"]
    async with run_loop(Recorder((topic,)), group=running.group, outside_log="earliest") as third:
        await eventually(reached(bus, third, topic, {0: 6, 1: 1}))
    assert ids(await effects()) == ["a", "b", "other", "kept"]


async def test_read_through_is_the_instant_before_which_everything_is_applied(
    bus: Bus, run_loop: RunLoop, database: Database
) -> None:
    topic = await bus.topic(partitions=2)
    leave = asyncio.Event()

    async def hold(connection: Connection, batch: Sequence[Incoming]) -> None:
        await leave.wait()

    async def known() -> dict[int, Any]:
        async with database.connection() as connection:
            rows = await connection.fetch(
                "SELECT partition, read_through FROM consumer_progress WHERE topic = $1", topic
            )
        return {row["partition"]: row["read_through"] for row in rows}

    await bus.send(topic, record_of("a"), partition=0)
    async with run_loop(Recorder((topic,), before=hold), track_progress=True) as running:
        early = running.clock.instant

        async def idle_known() -> bool:
            return bool((await known()).get(1) == early)

        await eventually(idle_known)
        later = running.clock.instant = early.replace(hour=10)

        async def idle_moved() -> bool:
            return bool((await known()).get(1) == later)

        await eventually(idle_moved)
        assert 0 not in await known()
        leave.set()

        async def both() -> bool:
            return await known() == {0: later, 1: later}

        await eventually(both)


async def test_a_stop_ends_in_order_even_while_the_database_is_away(
    bus: Bus, run_loop: RunLoop, postgres_server: PostgresServer, effects: Rows
) -> None:
    topic = await bus.topic()
    async with run_loop(Recorder((topic,))) as running:
        await eventually(reached(bus, running, topic, {0: 0}))
        await postgres_server.kill()
        await bus.send(topic, record_of("a"))

        async def away() -> bool:
            return not running.loop.ready.is_set()

        await eventually(away)
        running.loop.stop()
        async with asyncio.timeout(15):
            await running.task
    await postgres_server.start()
    async with run_loop(Recorder((topic,)), group=running.group) as second:
        await eventually(reached(bus, second, topic, {0: 1}))
    assert ids(await effects()) == ["a"]


async def test_what_is_said_of_an_organization_that_has_left_is_taken_and_let_go(
    bus: Bus, run_loop: RunLoop, database: Database, effects: Rows
) -> None:
    topic = await bus.topic()
    async with database.transaction() as connection:
        now = datetime(2026, 11, 23, 9, tzinfo=UTC)
        await organizations.ensure(connection, ["org-gone"], now)
        await departures.begin(connection, "org-gone", by="usr-1", now=now)
    await bus.send(topic, record_of("a"), record_of("b", organization="org-gone"), record_of("c"))
    async with run_loop(Recorder((topic,))) as running:
        await eventually(reached(bus, running, topic, {0: 3}))
    assert ids(await effects()) == ["a", "c"]
