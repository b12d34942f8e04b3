"""What came of requests, counted, is what the lists tell one by one."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from sandbox.salesloft.server import running_simulator
from sandbox.stack import PostgresServer
from tests.web.looking_scene import NEVER_CONNECTED, Scene, scene_set

ENDED = {"completed", "exited"}
ENROLLED = {*ENDED, "enrolled", "paused", "removed"}
LEFT = {"rejected", "expired", "withdrawn", "stale", "blocked", "failed", "removed"}


@pytest.fixture
async def scene(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[Scene]:
    async with running_simulator() as simulator, scene_set(simulator, postgres_server, migrated_template) as set_up:
        yield set_up


def stages(asked_for: list[Any], approved: set[str]) -> dict[str, int]:
    return {
        "asked_for": len(asked_for),
        "approved": sum(one["id"] in approved for one in asked_for),
        "enrolled": sum(one["state"] in ENROLLED for one in asked_for),
        "ran_to_its_end": sum(one["state"] in ENDED for one in asked_for),
    }


async def ended_in_every_way(scene: Scene) -> None:
    """Copies of each enrollment in each state, with a decision and without, by triggers and by a person."""
    await scene.stage.execute(
        "INSERT INTO enrollments SELECT made.* FROM enrollments e, unnest(ARRAY['requested', 'approved', 'rejected',"
        " 'expired', 'withdrawn', 'failed', 'stale', 'blocked', 'completed', 'removed', 'exited']) AS s (state),"
        " generate_series(0, 1) AS n, LATERAL jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(),"
        " 'state', s.state, 'business_key', gen_random_uuid(), 'membership_id', null,"
        " 'decision', CASE n WHEN 0 THEN e.decision END, 'reason', CASE n WHEN 0 THEN 'renewed' END,"
        " 'trigger_type', CASE WHEN s.state <> 'failed' THEN e.trigger_type END,"
        " 'requested_at', e.requested_at - n * interval '1 day')) AS made"
    )


async def test_what_is_counted_is_what_the_lists_tell(scene: Scene) -> None:
    await ended_in_every_way(scene)
    told = await scene.see("/outcomes")
    asked_for = await scene.walk("/enrollments", limit=200)
    approved = {
        one["enrollment_id"]
        for one in await scene.walk("/approvals", limit=200, show="all")
        if one["status"] == "approved"
    }
    assert told["stages"] == stages(asked_for, approved)
    assert all(told["stages"].values())
    assert (told["since"], told["more"]) == (asked_for[-1]["requested_at"], False)
    kinds = [one["trigger_type"] for one in told["by_trigger"]]
    assert set(kinds) == {one["trigger_type"] for one in asked_for}
    assert kinds[-1] is None
    for one in told["by_trigger"]:
        of_it = [each for each in asked_for if each["trigger_type"] == one["trigger_type"]]
        assert one == {"trigger_type": one["trigger_type"], **stages(of_it, approved)}
    ends = Counter((one["state"], one["reason"]) for one in asked_for if one["state"] in LEFT)
    assert {(one["state"], one["reason"]): one["count"] for one in told["ends"]} == ends
    counts = [one["count"] for one in told["ends"]]
    assert counts == sorted(counts, reverse=True)
    by_day = Counter(one["requested_at"][:10] for one in asked_for)
    added = Counter(one["added_at"][:10] for one in asked_for if one["added_at"] is not None)
    assert {one["day"]: (one["asked_for"], one["enrolled"]) for one in told["by_day"] if one["asked_for"]} == {
        day: (many, added[day]) for day, many in by_day.items()
    }
    assert len(told["by_day"]) == 30
    assert told["by_day"][-1]["day"] == datetime.fromisoformat(told["read_at"]).date().isoformat()


async def test_a_triggers_are_counted_alone(scene: Scene) -> None:
    await ended_in_every_way(scene)
    everything = await scene.see("/outcomes")
    for kind in everything["by_trigger"][:-1]:
        told = await scene.see("/outcomes", trigger_type=kind["trigger_type"])
        assert told["by_trigger"] == [kind]
        assert told["stages"] == {name: many for name, many in kind.items() if name != "trigger_type"}


async def test_the_newest_thousand_are_counted_and_it_is_told_that_there_are_more(scene: Scene) -> None:
    for _ in range(3):
        await ended_in_every_way(scene)
        if (await scene.see("/outcomes"))["more"]:
            break
    told = await scene.see("/outcomes")
    assert (told["stages"]["asked_for"], told["more"]) == (1000, True)


async def test_of_nothing_nothing_is_counted(scene: Scene) -> None:
    told = await scene.see("/outcomes", NEVER_CONNECTED)
    assert (told["stages"]["asked_for"], told["since"], told["by_trigger"], told["ends"]) == (0, None, [], [])
