"""Decisions: the first that fits its question counts and is scheduled; the others are kept with why they did not."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from schemas.approval import ApprovalRequested
from schemas.vocabulary import TriggerType
from storage.pool import Database
from tests.workflows.scene import ANN, BOB, Scene
from workflows.approve import take_decisions

RENEWAL = TriggerType.RENEWAL_WINDOW


@pytest.fixture
async def asked(scene: Scene) -> ApprovalRequested:
    await scene.publish_for(RENEWAL)
    (asked,) = await scene.requested()
    return asked


async def ignored(scene: Scene) -> list[str | None]:
    return [row["ignored_because"] for row in await scene.rows("SELECT * FROM approval_decisions ORDER BY event_id")]


async def test_an_approval_schedules_the_work_at_once(scene: Scene, asked: ApprovalRequested) -> None:
    scene.later(hours=1)
    assert await scene.take(scene.decision(asked, event_id="d-1")) == 1
    (enrollment,) = await scene.rows("SELECT * FROM enrollments")
    assert (enrollment["state"], enrollment["sequence"]) == ("scheduled", 3)
    assert orjson.loads(enrollment["decision"])["decided_by"]["user_id"] == "usr-4"
    history = await scene.rows("SELECT * FROM enrollment_history ORDER BY sequence")
    assert [(row["from_state"], row["to_state"]) for row in history] == [
        (None, "requested"),
        ("requested", "approved"),
        ("approved", "scheduled"),
    ]
    assert (history[1]["actor_kind"], history[1]["actor_user_id"]) == ("approver", "usr-4")
    (command,) = await scene.rows("SELECT * FROM commands")
    assert (command["kind"], command["enrollment_id"], command["due_at"]) == ("enroll", enrollment["id"], scene.now)
    assert await ignored(scene) == [None]
    changes = [data for name, data in await scene.published() if name == "enrollment-changed"]
    assert [one.to.value for one in changes] == ["requested", "approved", "scheduled"]


async def test_a_rejection_is_the_end_and_its_reason_is_kept(scene: Scene, asked: ApprovalRequested) -> None:
    assert await scene.take(scene.decision(asked, "rejected", reason="not now", changes={"start_step_id": 999})) == 1
    assert await scene.states() == {"sth-9": ("rejected", None)}
    assert orjson.loads(await scene.value("SELECT decision FROM enrollments"))["reason"] == "not now"
    assert await scene.value("SELECT start_step_id FROM enrollments") == 77
    assert await scene.rows("SELECT FROM commands") == []


@pytest.mark.parametrize("batches", [1, 2])
@pytest.mark.parametrize(("first", "second"), [("approved", "rejected"), ("rejected", "approved")])
async def test_the_second_decision_does_not_count(
    scene: Scene, asked: ApprovalRequested, first: str, second: str, batches: int
) -> None:
    decisions = [scene.decision(asked, first, event_id="d-1"), scene.decision(asked, second, event_id="d-2")]
    if batches == 1:
        assert await scene.take(*decisions) == 1
        assert await ignored(scene) == [None, f"already_{first}"]
    else:
        assert [await scene.take(one) for one in decisions] == [1, 0]
        assert await ignored(scene) == [None, "already_scheduled" if first == "approved" else "already_rejected"]
    assert len(await scene.rows("SELECT FROM commands")) == (1 if first == "approved" else 0)


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"request_digest": "sha256:bb"}, "digest_mismatch"),
        ({"enrollment_id": str(uuid4())}, "unknown_enrollment"),
        ({"organization_id": "org-2"}, "unknown_enrollment"),
        ({"customer_id": "cus-8"}, "unknown_enrollment"),
        ({"changes": {"start_step_id": 999}}, "changed_step_not_in_cadence"),
        ({"changes": {"sender_user_id": 999}}, "changed_sender_unknown"),
        ({"changes": {"start_date": "2026-01-01"}}, "changed_start_date_out_of_range"),
        ({"changes": {"start_date": "2030-01-01"}}, "changed_start_date_out_of_range"),
        ({"changes": {"custom_fields": {"tone": "warm"}}}, "changed_custom_fields_not_allowed"),
    ],
)
async def test_what_does_not_fit_is_kept_and_changes_nothing(
    scene: Scene, asked: ApprovalRequested, changes: dict[str, Any], because: str
) -> None:
    assert await scene.take(scene.decision(asked, **changes)) == 0
    assert await ignored(scene) == [because]
    assert await scene.states() == {"sth-9": ("requested", None)}
    assert await scene.rows("SELECT FROM commands") == []
    assert await scene.take(scene.decision(asked)) == 1


async def test_in_time_is_judged_by_the_decisions_own_instant(scene: Scene, asked: ApprovalRequested) -> None:
    late = scene.decision(asked, decided_at=(asked.expires_at + timedelta(seconds=1)).isoformat(), event_id="d-1")
    in_time = scene.decision(asked, decided_at=asked.expires_at.isoformat(), event_id="d-2")
    scene.later(days=3)
    assert await scene.take(late) == 0
    assert await scene.take(in_time) == 1
    assert await ignored(scene) == ["decided_after_expiry", None]


async def test_a_start_that_was_chosen_in_time_counts_though_it_was_delivered_late(
    scene: Scene, asked: ApprovalRequested
) -> None:
    today = scene.decision(asked, changes={"start_date": scene.now.date().isoformat()})
    scene.later(days=2)
    assert await scene.take(today) == 1
    assert await scene.value("SELECT due_at FROM commands") == scene.now


async def test_nobody_approves_their_own_request(scene: Scene, asked: ApprovalRequested) -> None:
    await scene.execute("UPDATE enrollments SET requested_by_user = 'usr-4'")
    assert await scene.take(scene.decision(asked)) == 0
    assert await ignored(scene) == ["own_request"]
    await scene.execute(
        "UPDATE organizations SET decision_version = decision_version + 1,"
        " settings = '{\"self_approval_allowed\": true}'"
    )
    assert await scene.take(scene.decision(asked)) == 1


async def test_an_approvers_changes_are_what_is_approved(scene: Scene, asked: ApprovalRequested) -> None:
    changes = {"start_date": "2026-11-28", "start_step_id": 78, "sender_user_id": 13}
    assert await scene.take(scene.decision(asked, changes=changes)) == 1
    (row,) = await scene.rows("SELECT start_on, start_step_id, sender_user_id FROM enrollments")
    assert (str(row["start_on"]), row["start_step_id"], row["sender_user_id"]) == ("2026-11-28", 78, 13)
    assert str(await scene.value("SELECT due_at FROM commands")) == "2026-11-28 00:00:00+00:00"


async def test_a_batch_of_decisions_on_many(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    asked = await scene.requested(ANN, BOB)
    verdicts = [scene.decision(asked[0]), scene.decision(asked[1], "rejected"), scene.decision(asked[0])]
    assert await scene.take(*verdicts) == 2
    assert {state for state, _ in (await scene.states()).values()} == {"scheduled", "rejected"}


async def test_another_organization_cannot_decide(database: Database, scene: Scene, asked: ApprovalRequested) -> None:
    other = await Scene(database, organization_id="org-2").set_up()
    await other.publish_for(RENEWAL)
    await other.decide(other.trigger())
    assert await scene.take(scene.decision(asked, organization_id="org-2")) == 0
    assert await scene.value("SELECT count(*) FROM enrollments WHERE state = 'requested'") == 2


@pytest.mark.parametrize("pair", [("approved", "approved"), ("approved", "rejected"), ("rejected", "rejected")])
async def test_of_two_decisions_at_once_one_counts(
    scene: Scene, asked: ApprovalRequested, pair: tuple[str, str]
) -> None:
    """Each has a transaction of its own, and the first waits with its locks until the second stands behind them."""
    first, second = (scene.decision(asked, verdict, event_id=f"d-{place}") for place, verdict in enumerate(pair))
    async with scene.database.transaction() as connection:
        assert await take_decisions(connection, [first], scene.memory, scene.now) == 1
        behind = asyncio.create_task(scene.take(second))
        while not await scene.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110  # what is waited for happens in a database
            await asyncio.sleep(0)
    assert await behind == 0
    assert await ignored(scene) == [None, "already_scheduled" if pair[0] == "approved" else "already_rejected"]
    assert len(await scene.rows("SELECT FROM commands")) == (1 if pair[0] == "approved" else 0)


@pytest.mark.parametrize("verdict", ["approved", "rejected"])
async def test_a_decision_that_is_replayed_has_no_second_effect(
    scene: Scene, asked: ApprovalRequested, verdict: str
) -> None:
    decision = scene.decision(asked, verdict, event_id="d-1")
    assert await scene.take(decision) == 1
    left = await scene.published()
    again = scene.decision(asked, verdict, event_id="d-2")
    assert await scene.take(decision, again) == 0
    assert await ignored(scene) == [None, "already_scheduled" if verdict == "approved" else "already_rejected"]
    assert await scene.published() == left
    assert len(await scene.rows("SELECT FROM commands")) == (1 if verdict == "approved" else 0)


async def test_five_hundred_decisions_in_one_batch_and_again(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    asked = await scene.requested(*(ANN | {"id": f"sth-{n}", "email": f"p{n}@acme.example"} for n in range(500)))
    decisions = [scene.decision(one, event_id=f"d-{n}") for n, one in enumerate(asked)]
    assert await scene.take(*decisions) == 500
    assert await scene.value("SELECT count(*) FROM approval_decisions WHERE ignored_because IS NULL") == 500
    messages = await scene.value("SELECT count(*) FROM outbox")
    assert await scene.take(*decisions) == 0
    assert await scene.value("SELECT count(*) FROM approval_decisions") == 500
    assert await scene.value("SELECT count(*) FROM commands") == 500
    assert await scene.value("SELECT count(*) FROM outbox") == messages
