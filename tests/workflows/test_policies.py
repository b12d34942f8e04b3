"""Policies where decisions are stored: from the runs that there are, within a batch, and when they are asked again."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import orjson

from enrollment.explain import told
from enrollment.mappings import Policy
from enrollment.policies import AtMost, Cap, Counted, IfNotActive, Once
from enrollment.working_time import QuietHours, WorkingTime
from schemas.vocabulary import TriggerType
from storage.stored_evaluations import About
from tests.workflows.scene import ANN, BOB, T0, Scene
from workflows.explaining import explain_evaluations
from workflows.suppressions import suppress, unsuppress
from workflows.trying import preview

RENEWAL = TriggerType.RENEWAL_WINDOW
OTHER_CUSTOMER = {"id": "cus-8", "name": "Bell", "segment": "mid-market", "owner": {"email": "csm@cscx.example"}}
# Who works at both, and is a stakeholder of each.
ANN_AT_BELL = {"id": "sth-7", "name": "Ann Lee", "email": "Ann@acme.example"}


async def facts(scene: Scene) -> dict[str, Any]:
    (row,) = await scene.rows("SELECT facts FROM evaluations ORDER BY evaluated_at DESC, id DESC LIMIT 1")
    return dict(orjson.loads(row["facts"]))


async def test_reentry_is_decided_from_the_runs_that_are_stored(scene: Scene) -> None:
    await scene.publish_for(RENEWAL, policy=Policy(reentry=AtMost(times=2, within_days=30)))
    for contract, expected in (("a", "requested"), ("b", "requested"), ("c", "reentry_capped")):
        assert await scene.decide(scene.trigger(contract_id=contract)) == {expected: 1}
        scene.later(days=5)
    # Ten days on the first two are still within thirty; the policy of another trigger's runs is its own.
    assert await scene.decide(scene.trigger(contract_id="d", stakeholders=[BOB])) == {"requested": 1}
    scene.later(days=16)  # the first began 31 days ago
    assert await scene.decide(scene.trigger(contract_id="e")) == {"requested": 1}
    kept = (await facts(scene))["policy"]
    assert [run["business_key"].split("/")[0] for run in kept["runs"]["sth-9"]] == ["a", "b"]


async def test_a_request_counts_for_the_triggers_that_follow_in_its_batch(scene: Scene) -> None:
    await scene.publish_for(RENEWAL, policy=Policy(reentry=Once()))
    triggers = [scene.trigger(contract_id=contract) for contract in ("a", "b")]
    assert await scene.decide(*triggers) == {"requested": 1, "reentry_capped": 1}


async def test_a_full_cap_defers_and_gives_way_by_itself(scene: Scene) -> None:
    await scene.publish_for(RENEWAL, policy=Policy(caps=(Cap(per=Counted.ACCOUNT, at_most=1, within_hours=48),)))
    (asked,) = await scene.requested(BOB)
    await scene.put_into("completed", asked.enrollment_id)
    await scene.execute("UPDATE enrollments SET claimed_at = $1", T0)
    scene.later(hours=1)
    assert await scene.decide(scene.trigger(contract_id="b")) == {"frequency_capped": 1}
    assert await scene.value("SELECT wake_at FROM deferrals") == T0 + timedelta(hours=48)
    scene.now = T0 + timedelta(hours=47, minutes=59)
    assert await scene.decide_again() == {}
    scene.now = T0 + timedelta(hours=48)
    assert await scene.decide_again() == {"requested": 1}
    assert not await scene.rows("SELECT FROM deferrals")


async def test_one_address_is_not_on_two_cadences_of_a_group(scene: Scene) -> None:
    await scene.publish_for(RENEWAL, policy=Policy(exclusive_by="email"))
    (asked,) = await scene.requested(ANN)
    await scene.put_into("enrolled", asked.enrollment_id)
    at_bell = scene.trigger(stakeholders=[ANN_AT_BELL, BOB], customer=OTHER_CUSTOMER)
    assert await scene.decide(at_bell) == {"exclusive_cadence_active": 1, "requested": 1}
    kept = await facts(scene)
    assert kept["policy"]["active"] == {"sth-7": [["sth-9", "default"]]}
    await scene.put_into("completed", asked.enrollment_id)
    scene.later(days=1)
    assert await scene.decide_again() == {"requested": 1, "already_requested": 1}


async def test_who_is_on_the_organizations_list_is_suppressed_until_taken_off(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    async with scene.database.transaction() as connection:
        typed = ["Bob@acme.example", "other.example"]
        added = await suppress(connection, "org-1", typed, note="asked us", by="usr-1", now=scene.now)
        assert {entry.value for entry in added} == {"bob@acme.example", "other.example"}
        assert not await suppress(connection, "org-1", typed, note=None, by="usr-1", now=scene.now)
        # Another organization's list is its own.
        await suppress(connection, "org-2", ["acme.example"], note=None, by="usr-1", now=scene.now)
    cat = {"id": "sth-6", "name": "Cat", "email": "cat@mail.other.example"}
    assert await scene.decide(scene.trigger(stakeholders=[ANN, BOB, cat])) == {"requested": 1, "suppressed": 2}
    assert (await facts(scene))["policy"]["suppressed"] == ["sth-8", "sth-6"]
    async with scene.database.transaction() as connection:
        assert await unsuppress(connection, "org-1", ["bob@acme.example"], by="usr-1", now=scene.later(hours=1))
        assert not await unsuppress(connection, "org-1", ["bob@acme.example"], by="usr-1", now=scene.now)
    again = scene.trigger(stakeholders=[BOB, cat], contract_id="con-6")
    assert await scene.decide(again) == {"requested": 1, "suppressed": 1}
    assert await scene.value("SELECT count(*) FROM suppressions WHERE organization_id = 'org-1'") == 2


async def test_an_approved_enrollment_waits_for_working_time_where_the_stakeholder_is(scene: Scene) -> None:
    night = WorkingTime(quiet_hours=QuietHours(begins=time(18), ends=time(9)))
    await scene.publish_for(RENEWAL, policy=Policy(working_time=night))
    tokyo, berlin = ANN | {"time_zone": "Asia/Tokyo"}, BOB | {"time_zone": "Europe/Berlin"}
    asked = await scene.requested(tokyo, berlin)
    assert {one.stakeholder.id: one.action.start_date.isoformat() for one in asked} == {
        "sth-9": "2026-11-24",  # it is six in the evening there
        "sth-8": "2026-11-23",
    }
    assert await scene.take(*(scene.decision(one) for one in asked)) == 2
    opens = datetime(2026, 11, 24, tzinfo=UTC)
    rows = await scene.rows("SELECT stakeholder_id, state, reason, expected_at FROM enrollments ORDER BY 1")
    assert [tuple(row) for row in rows] == [
        ("sth-8", "scheduled", None, T0),
        ("sth-9", "scheduled", "quiet_hours", opens),
    ]
    dues = await scene.rows("SELECT due_at FROM commands ORDER BY due_at")
    assert [row["due_at"] for row in dues] == [T0, opens]
    changes = [event for kind, event in await scene.published() if kind == "enrollment-changed"]
    assert [(one.reason, one.expected_at) for one in changes if one.expected_at is not None] == [
        ("quiet_hours", opens),
        (None, T0),
    ]


async def test_a_start_begins_on_the_stakeholders_own_day(scene: Scene) -> None:
    await scene.publish_for(RENEWAL, policy=Policy(start_offset_days=1))
    (asked,) = await scene.requested(ANN | {"time_zone": "America/Los_Angeles"})
    assert await scene.take(scene.decision(asked)) == 1
    assert await scene.value("SELECT due_at FROM commands") == datetime(2026, 11, 24, 8, tzinfo=UTC)


async def test_what_limits_refused_is_decided_again_to_the_same_bytes_and_explained(scene: Scene) -> None:
    """Each refusal names the one fact without which there had been a request."""
    cap = Cap(per=Counted.ACCOUNT, at_most=1, within_hours=48)
    upsell, at_risk, welcome = TriggerType.EXPANSION_SIGNAL, TriggerType.AT_RISK, TriggerType.NEW_CUSTOMER
    (renewal,) = await scene.publish_for(RENEWAL, policy=Policy(reentry=IfNotActive()))
    (asked,) = await scene.requested(ANN)
    # All that follows is about another cadence than the one that Ann is on.
    await scene.publish(replace(renewal, cadence_id=457))
    await scene.publish_for(upsell, cadence_id=457, policy=Policy(caps=(cap,)))
    await scene.publish_for(at_risk, cadence_id=457, policy=Policy(exclusive_by="email"))
    (held,) = await scene.publish_for(welcome, cadence_id=457, policy=Policy(hold_out_percent=100))
    await scene.put_into("enrolled", asked.enrollment_id)
    await scene.execute("UPDATE enrollments SET claimed_at = $1", T0)
    async with scene.database.transaction() as connection:
        await suppress(connection, "org-1", ["bob@acme.example"], note=None, by="usr-1", now=scene.later(hours=1))
    await scene.decide(
        scene.trigger(contract_id="b", stakeholders=[ANN, BOB]),
        scene.trigger(upsell),
        scene.trigger(at_risk, [ANN_AT_BELL], customer=OTHER_CUSTOMER),
        scene.trigger(welcome),
    )
    async with scene.database.transaction() as connection:
        found = await explain_evaluations(connection, "org-1", About(), limit=100)
    assert [one for one in found if not one.is_same] == []
    turned = {}
    for one in found:
        assert one.explanation is not None
        for decision in map(told, one.explanation.decisions):
            if decision["reason"] != "requested":
                turned[decision["reason"]] = decision["would_turn"]["fact"]
    ran = "past_run.sth-9.renewal-window:default:con-5/2027-03-31"
    assert turned == {
        "reentry_capped": ran,
        "suppressed": "stakeholder.suppressed",
        "frequency_capped": ran,
        "exclusive_cadence_active": "address.active.sth-9.default",
        "held_out": f"mapping.{held.id}.hold_out_percent",
    }


async def test_a_preview_knows_the_limits_of_what_it_tries(scene: Scene) -> None:
    (renewal,) = await scene.publish_for(RENEWAL)
    (asked, _) = await scene.requested(ANN, BOB)
    await scene.put_into("enrolled", asked.enrollment_id)
    tried = replace(renewal, cadence_id=457, policy=Policy(exclusive_by="stakeholder"))
    async with scene.database.transaction() as connection:
        await connection.execute("SET TRANSACTION READ ONLY")
        found = await preview(connection, "org-1", tried, scene.now)
    assert {reason.value: count for (_, reason), count in found.counts.items()} == {
        "exclusive_cadence_active": 1,
        "requested": 1,
    }
