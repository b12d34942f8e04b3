"""What happened at Salesloft is told once, whatever happens to its readers; the simulator's journal is the judge."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from producers.streams.pages import Pages
from storage import sync
from tests.producers.poller_stage import Stage, running, until

SetStage = Callable[..., Awaitable[Stage]]


class Crash(BaseException):
    """The process is gone: nothing is given back, nothing is cleaned up."""


@pytest.fixture
async def stage(new_stage: SetStage) -> Stage:
    """Six people on a cadence; the directory knows the first five."""
    stage = await new_stage()
    await stage.add_people(6)
    for number in range(5):
        await stage.know(number)
    for number in range(6):
        await stage.put_on_cadence(number)
    return stage


@pytest.fixture
async def crowd(new_stage: SetStage) -> Stage:
    """So many people that their records fill several pages, all of them known, after three weeks on a cadence."""
    stage = await new_stage()
    await stage.add_people(40)
    for number in range(40):
        await stage.know(number)
        await stage.put_on_cadence(number)
    await stage.live(days=21)
    return stage


async def assert_told_exactly(stage: Stage, *numbers: int) -> None:
    told = Counter(event["id"] for event in await stage.told())
    expected = await stage.expected(stage.links(*numbers))
    assert expected
    assert set(told) == expected
    assert max(told.values()) == 1
    assert await stage.owed() == 0


async def test_polling_tells_exactly_what_happened(stage: Stage) -> None:
    for days in (1, 2, 4, 14):
        await stage.live(days=days)
        await stage.poll()
    await assert_told_exactly(stage, 0, 1, 2, 3, 4)


async def test_one_late_poll_tells_the_same_as_many(stage: Stage) -> None:
    await stage.live(days=21)
    await stage.poll()
    await assert_told_exactly(stage, 0, 1, 2, 3, 4)


async def test_reading_again_from_the_start_tells_nothing_twice(stage: Stage) -> None:
    await stage.live(days=7)
    await stage.poll()
    before = await stage.told()
    await stage.read_again_from_the_start()
    await stage.poll()
    assert await stage.told() == before
    await stage.live(days=14)
    await stage.poll()
    await assert_told_exactly(stage, 0, 1, 2, 3, 4)


async def crash_and_restart(stage: Stage) -> int:
    """Restart pollers until one gets through; answers how many crashed."""
    crashed = 0
    while True:
        await stage.make_due()
        poller = stage.poller()
        run = asyncio.create_task(poller.run())
        done = asyncio.create_task(until(stage.is_read))
        await asyncio.wait({run, done}, return_when=asyncio.FIRST_COMPLETED)
        if not run.done():
            poller.stop()
            await run
            await done
            return crashed
        done.cancel()
        with pytest.raises(BaseExceptionGroup) as raised:
            await run
        assert raised.group_contains(Crash)
        crashed += 1


async def test_a_crash_between_reading_a_page_and_its_commit_loses_and_repeats_nothing(
    crowd: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each poller dies amid its second page, in the transaction, after all else of the page was written."""
    pages = 0
    add_to_ledger = sync.add_to_ledger

    async def dying(*arguments: Any) -> None:
        nonlocal pages
        await add_to_ledger(*arguments)
        pages += 1
        if pages % 2 == 0:
            raise Crash

    monkeypatch.setattr(sync, "add_to_ledger", dying)
    assert await crash_and_restart(crowd) >= 4
    await assert_told_exactly(crowd, *range(40))


def die_after_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    take_in = Pages.take_in

    async def dying(self: Pages, *arguments: Any) -> Any:
        await take_in(self, *arguments)
        raise Crash

    monkeypatch.setattr(Pages, "take_in", dying)


async def test_a_crash_after_the_commit_of_a_page_loses_and_repeats_nothing(
    crowd: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_after_each_page(monkeypatch)
    assert await crash_and_restart(crowd) >= 4
    await assert_told_exactly(crowd, *range(40))


async def test_a_cycle_that_was_left_goes_on_where_it_was(crowd: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page that was committed is asked for again: what is read in all is what one undisturbed reading reads."""
    scanned = "SELECT stream, sum(scanned)::int AS scanned, count(*) AS cycles FROM sync_ledger GROUP BY 1 ORDER BY 1"
    die_after_each_page(monkeypatch)
    await crash_and_restart(crowd)
    monkeypatch.undo()
    disturbed = {row["stream"]: row["scanned"] for row in await crowd.fetch(scanned)}
    await crowd.execute("DELETE FROM sync_ledger")
    await crowd.read_again_from_the_start()
    await crowd.poll()
    assert {row["stream"]: row["scanned"] for row in await crowd.fetch(scanned)} == disturbed


async def test_two_pollers_tell_once(crowd: Stage) -> None:
    await crowd.poll(crowd.poller(), crowd.poller())
    await assert_told_exactly(crowd, *range(40))


@pytest.mark.parametrize("pollers", [1, 2])
async def test_a_turn_that_lost_its_lease_keeps_nothing(
    crowd: Stage, monkeypatch: pytest.MonkeyPatch, pollers: int
) -> None:
    """A turn hangs between reading and its transaction, and goes on while the next one is amid its own first page.

    With one poller the next turn is that poller's, too.
    """
    hung, taken_over, late_is_done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    take_in = Pages.take_in
    committed: list[Pages] = []
    turns: list[Pages] = []

    async def hanging(self: Pages, *arguments: Any) -> Any:
        if self not in turns:
            turns.append(self)
            if len(turns) == 1:
                hung.set()
                await taken_over.wait()
            elif len(turns) == 2:
                taken_over.set()
                await late_is_done.wait()
        try:
            ledger = await take_in(self, *arguments)
        finally:
            if self is turns[0]:
                late_is_done.set()
        committed.append(self)
        return ledger

    monkeypatch.setattr(Pages, "take_in", hanging)
    async with running(*(crowd.poller() for _ in range(pollers))):
        await asyncio.wait_for(hung.wait(), 10)
        await crowd.execute("UPDATE sync_streams SET leased_until = '-infinity'")
        await until(crowd.is_read)
    assert committed
    assert turns[0] not in committed
    await assert_told_exactly(crowd, *range(40))


async def test_a_checkpoint_ends_each_cycle_and_its_ledger_balances(stage: Stage) -> None:
    await stage.live(days=7)
    await stage.poll()
    checkpoints = await stage.told("cscx.salesloft.operations.v1")
    assert {event["data"]["stream"] for event in checkpoints} == {
        "people", "accounts", "memberships", "emails", "calls", "histories",
    }  # fmt: skip
    emails = next(event["data"] for event in checkpoints if event["data"]["stream"] == "emails")
    shown = sum(1 for entry in await stage.simulator.life(stage.team_id) if entry["kind"].startswith("email."))
    assert emails["emitted"] + emails["deduplicated"] + emails["out_of_scope"] + emails["owed"] == shown
    assert emails["out_of_scope"] > 0
    assert emails["emitted"] == sum(event["data"]["salesloft"]["source"] == "email" for event in await stage.told())
    assert (emails["deduplicated"], emails["owed"], emails["fallen"]) == (0, 0, 0)
    assert emails["watermark"] is not None
