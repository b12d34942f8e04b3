"""A dead letter is kept for its organization, goes back through the outbox, and is not sent back a second time."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from storage import dead_letters
from storage.pool import Database
from tests.consumers.conftest import Bus, Recorder, RunLoop, eventually, record_of
from tests.consumers.test_redrive import Aside, aside, settled
from workflows.dead_letters import LettersWanted, plan_letters, send_back

__all__ = ["aside"]

Rows = Callable[[], Awaitable[list[Any]]]
ALL = LettersWanted()


async def sent_back(aside: Aside) -> int:
    """What org-1 sends back of all that waits."""
    async with aside.database.transaction() as connection:
        plan = await plan_letters(connection, "org-1", ALL)
        if plan.letters:
            now = aside.clock.now()
            await send_back(connection, "org-1", uuid4(), ALL, plan_hash=plan.hash, by="lea", now=now)
    return len(plan.letters)


async def test_an_organizations_own_redrive_is_taken(
    bus: Bus, run_loop: RunLoop, aside: Aside, effects: Rows, outbox: Rows
) -> None:
    handler = Recorder((aside.topic,), refuse=lambda _: "not_wanted")
    await bus.send(aside.topic, record_of("a"), record_of("b", organization="org-2"))
    async with run_loop(handler, group=aside.group) as running:
        await eventually(settled(bus, running, aside.topic, 2))
        assert await sent_back(aside) == 1
        await aside.relay(await outbox())
        await eventually(settled(bus, running, aside.topic, 3))
        # It fails again, and can be sent back again, once.
        handler.refuse = lambda _: None
        assert await sent_back(aside) == 1
        assert await sent_back(aside) == 0
        await aside.relay(await outbox())
        await eventually(settled(bus, running, aside.topic, 4))
    assert [row["event_id"] for row in await effects()] == ["a"]
    *_, last = await bus.records(aside.topic)
    assert dict(last.headers)["x-replay-count"] == b"2"


async def test_the_operator_and_the_organization_send_a_letter_back_once(
    bus: Bus, run_loop: RunLoop, aside: Aside, outbox: Rows
) -> None:
    await bus.send(aside.topic, record_of("a"), record_of("b", organization="org-2"))
    async with run_loop(Recorder((aside.topic,), refuse=lambda _: "not_wanted"), group=aside.group) as running:
        await eventually(settled(bus, running, aside.topic, 2))
    await aside.relay(await outbox())
    assert await sent_back(aside) == 1
    counts = {one.organization_id: (one.waiting, one.redriven) for one in await aside.redrive.count()}
    assert counts == {"org-1": (0, 1), "org-2": (1, 0)}
    plan = await aside.redrive.plan(aside.topic, error_codes=None, requested_by="operator")
    assert dict(plan.counts) == {"not_wanted": 1}
    assert (await aside.redrive.execute(plan.id)).redriven == 1
    async with aside.database.connection() as connection:
        (theirs,) = await dead_letters.look_at_letters(connection, "org-2", limit=5)
    assert (theirs.state, theirs.redrive_id) == ("sent_back", plan.id)


async def test_what_waits_is_forgotten_with_its_topic(
    bus: Bus, run_loop: RunLoop, aside: Aside, database: Database
) -> None:
    await bus.send(aside.topic, record_of("a"))
    async with run_loop(Recorder((aside.topic,), refuse=lambda _: "not_wanted"), group=aside.group) as running:
        await eventually(settled(bus, running, aside.topic, 1))
    async with database.transaction() as connection:
        (letter,) = await dead_letters.look_at_letters(connection, "org-1", limit=5)
        kept_at = await connection.fetchval("SELECT kept_at FROM dead_letters")
        assert await dead_letters.prune(connection, kept_before=kept_at, limit=5) == 0
        await connection.execute("UPDATE dead_letters SET kept_at = kept_at - interval '1 day'")
        assert await dead_letters.prune(connection, kept_before=kept_at, limit=5) == 1
        assert await dead_letters.look_at_letters(connection, "org-1", letter_id=letter.id, limit=5) == []


async def test_what_a_hostile_sender_says_of_a_replay_does_not_stop_the_partition(
    bus: Bus, run_loop: RunLoop, aside: Aside, effects: Rows
) -> None:
    forged = {
        "x-dlq-original-topic": b"elsewhere",
        "x-dlq-original-partition": b"9" * 30,
        "x-dlq-original-offset": b"9" * 30,
        "x-dlq-original-timestamp": b"9" * 30,
        "x-dlq-consumer-group": b"else\x00where",
        "x-dlq-attempts": b"9" * 5000,
        "x-replay-count": b"9" * 5000,
        "x-replay-id": b"no uuid \x00",
    }
    smaller = forged | {name: b"1" for name in forged if name.startswith("x-dlq-original-") and "topic" not in name}
    for event_id, block in (("a", forged), ("b", smaller)):
        record = record_of(event_id, customer="")
        await bus.send(aside.topic, record | {"headers": [*record["headers"], *block.items()]})
    await bus.send(aside.topic, record_of("c"))
    handler = Recorder((aside.topic,))
    async with run_loop(handler, group=aside.group) as running:
        await eventually(settled(bus, running, aside.topic, 3))
    assert [row["event_id"] for row in await effects()] == ["c"]
    async with aside.database.connection() as connection:
        kept = await dead_letters.look_at_letters(connection, "org-1", limit=5)
    assert {one.event_id for one in kept} == {"a", "b"}
