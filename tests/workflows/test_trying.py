"""A back-test decides what the live path decided, and a preview what it would; neither can write."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from enrollment.backtest import BackTest, Counts, Said
from enrollment.criteria import ALWAYS, parse_criteria
from enrollment.drafts import MappingDocument
from enrollment.mappings import Mapping, Policy
from schemas.vocabulary import CandidateOutcome, OutcomeType, Reason, TriggerType
from tests.enrollment.samples import mapping
from tests.workflows.scene import ANN, BOB, CUSTOMER, T0, Scene
from tests.workflows.story import live_through
from workflows.mapping_files import written_document
from workflows.trying import CannotTry, Preview, back_test, mapping_to_try, preview, preview_one

RENEWAL, AT_RISK, EXPANSION = TriggerType.RENEWAL_WINDOW, TriggerType.AT_RISK, TriggerType.EXPANSION_SIGNAL
LOW = parse_criteria(b'{"field": "customer.health_score", "op": "lt", "value": 30}')
CHAMPION = parse_criteria(b'{"field": "stakeholder.is_champion", "op": "equals", "value": true}')
SEVERE = parse_criteria(b'{"field": "trigger.severity", "op": "equals", "value": "high"}')


async def back_tested(scene: Scene, tried: Mapping | None = None) -> BackTest:
    async with scene.database.reading() as connection:
        return await back_test(connection, "org-1", T0, scene.now + timedelta(days=1), tried=tried)


async def previewed(scene: Scene, by: Mapping, imagined: dict[str, Any] | None = None) -> Preview:
    async with scene.database.reading() as connection:
        return await preview(connection, "org-1", by, scene.now, imagined=imagined)


def by_reason(counts: Counts) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, reason), many in counts.items():
        found[reason.value] += many
    return found


async def test_a_back_test_counts_what_the_live_path_counted(scene: Scene) -> None:
    lived = await live_through(scene, 30)
    found = await back_tested(scene)
    assert found.differences == []
    assert found.not_possible == 0
    assert by_reason(found.would_be) == by_reason(found.was)
    # Outcomes and snapshots decide again by themselves, which the story does not count.
    stored = Counter(await scene.reasons())
    assert by_reason(found.would_be) == stored
    assert {reason: stored[reason] >= many for reason, many in lived.items()} == dict.fromkeys(lived, True)
    assert found.requests == await scene.value("SELECT count(*) FROM enrollments") == found.requests_by_day.total()


async def test_another_version_says_what_would_have_been_otherwise(scene: Scene) -> None:
    (published,) = await scene.publish_for(RENEWAL)
    await scene.decide(scene.trigger(stakeholders=(ANN, BOB), event_id="e-1"))
    stricter = replace(published, stakeholder_criteria=CHAMPION, customer_criteria=LOW)
    found = await back_tested(scene, stricter)
    assert by_reason(found.was) == {"requested": 2}
    assert by_reason(found.would_be) == {"criteria_not_met": 2}
    assert [(one.event_id, one.stakeholder_id) for one in found.differences] == [("e-1", "sth-9"), ("e-1", "sth-8")]
    assert found.differences[0].was == (CandidateOutcome.REQUEST, Reason.REQUESTED)
    assert found.differences[0].would_be == (CandidateOutcome.SKIP, Reason.CRITERIA_NOT_MET)
    assert found.fallout == {
        "customer.health_score < 30": Said(fails=2),
        "stakeholder.is_champion = true": Said(holds=1, fails=1),
    }
    champions = await back_tested(scene, replace(published, stakeholder_criteria=CHAMPION))
    assert by_reason(champions.would_be) == {"requested": 1, "criteria_not_met": 1}
    assert (champions.calls_at_most, champions.requests_by_owner) == (2, {"usr-3": 1})


async def test_a_mapping_that_did_not_exist_uses_runs_up_as_it_would_have(scene: Scene) -> None:
    await scene.publish_for(AT_RISK)
    for day in range(3):
        await scene.decide(scene.trigger(event_id=f"e-{day}"))
        scene.later(days=1)
    found = await back_tested(scene, mapping(id=uuid4()))
    assert by_reason(found.was) == {"no_mapping": 3}
    assert by_reason(found.would_be) == {"requested": 1, "already_requested": 2}
    assert list(found.requests_by_day) == [T0.date()]


async def test_a_run_that_would_not_have_been_used_is_free(scene: Scene) -> None:
    """The first event finds a healthy customer: the tried version waits for the second."""
    (published,) = await scene.publish_for(RENEWAL)
    await scene.decide(scene.trigger(event_id="e-1"))
    scene.later(days=1)
    await scene.decide(scene.trigger(event_id="e-2", customer=CUSTOMER | {"health_score": 20}))
    found = await back_tested(scene, replace(published, customer_criteria=LOW))
    assert by_reason(found.was) == {"requested": 1, "already_requested": 1}
    assert by_reason(found.would_be) == {"criteria_not_met": 1, "requested": 1}
    assert list(found.requests_by_day) == [T0.date() + timedelta(days=1)]


async def test_a_deferral_that_would_not_have_been_is_not_decided_again(scene: Scene) -> None:
    (published,) = await scene.publish_for(RENEWAL, policy=Policy(defer_days=3))
    await scene.decide(scene.trigger(stakeholders=(BOB | {"email": None},), event_id="e-1"))
    scene.later(days=4)
    await scene.decide_again()
    assert await scene.reasons() == ["no_email", "deferral_ended"]
    assert by_reason((await back_tested(scene)).would_be) == {"no_email": 1, "deferral_ended": 1}
    found = await back_tested(scene, replace(published, stakeholder_criteria=CHAMPION))
    assert by_reason(found.would_be) == {"criteria_not_met": 1}


async def test_what_a_risk_withdrew_is_decided_again_where_it_would_have_been_asked_for(scene: Scene) -> None:
    (published,) = await scene.publish_for(EXPANSION)
    await scene.decide(scene.trigger(EXPANSION, event_id="up-1"))
    scene.later(days=1)
    await scene.decide(scene.trigger(AT_RISK, event_id="risk-1"))
    lived = {"requested": 1, "preempted": 1, "no_mapping": 1}
    assert Counter(await scene.reasons()) == lived
    found = await back_tested(scene)
    assert (by_reason(found.would_be), found.differences) == (lived, [])
    found = await back_tested(scene, replace(published, customer_criteria=LOW))
    assert by_reason(found.would_be) == {"criteria_not_met": 1, "no_mapping": 1}


async def test_an_evaluation_that_was_erased_leaves_its_event_as_it_was_recorded(scene: Scene) -> None:
    await scene.publish_for(EXPANSION)
    await scene.decide(scene.trigger(EXPANSION, event_id="up-1"))
    scene.later(days=1)
    await scene.decide(scene.trigger(AT_RISK, event_id="risk-1"))
    await scene.execute(
        "UPDATE evaluations SET facts = (facts::jsonb || '{\"erased\": true}')::json WHERE cause = 'withdrawal'"
    )
    scene.later(days=1)
    await scene.end(scene.outcome(OutcomeType.RECOVERED))
    await scene.decide_again()
    assert sorted(await scene.reasons()) == ["no_mapping", "preempted", "requested", "requested", "stale_event"]
    found = await back_tested(scene)
    assert found.not_possible == 1
    lived = {"requested": 2, "no_mapping": 1, "stale_event": 1}
    assert (by_reason(found.would_be), found.differences) == (lived, [])


async def test_who_waited_for_the_customer_decides_later_though_as_of_an_earlier_instant(scene: Scene) -> None:
    """Two batches at once: the one that began first gets the customer's lock last."""
    await scene.publish_for(RENEWAL)
    await scene.decide(scene.trigger(stakeholders=None, event_id="e-1"))
    scene.later(minutes=2)
    await scene.snapshots(customers=[CUSTOMER])
    scene.later(minutes=-1)
    await scene.snapshots(stakeholders=[ANN])
    assert await scene.reasons() == ["no_candidates", "requested", "no_candidates"]
    found = await back_tested(scene)
    assert (by_reason(found.would_be), found.differences) == ({"no_candidates": 2, "requested": 1}, [])


async def test_whom_only_the_tried_version_asks_for_is_withdrawn_by_a_risk_too(scene: Scene) -> None:
    (published,) = await scene.publish_for(EXPANSION, stakeholder_criteria=CHAMPION)
    await scene.decide(scene.trigger(EXPANSION, [ANN, BOB], event_id="up-1"))
    scene.later(days=1)
    await scene.decide(scene.trigger(AT_RISK, event_id="risk-1"))
    found = await back_tested(scene, replace(published, stakeholder_criteria=ALWAYS))
    assert by_reason(found.was) == {"requested": 1, "criteria_not_met": 2, "preempted": 1, "no_mapping": 1}
    assert by_reason(found.would_be) == {"requested": 2, "preempted": 2, "no_mapping": 1}


async def test_a_preview_counts_what_the_live_path_then_counts(scene: Scene) -> None:
    people = []
    for number in range(230):
        belongs = {"customer_id": f"cus-{number}"}
        people.append(ANN | belongs | {"id": f"a-{number}", "email": f"a{number}@acme.example"})
        people.append(BOB | belongs | {"id": f"b-{number}", "email": None if number % 3 else f"b{number}@acme.example"})
    customers = [CUSTOMER | {"id": f"cus-{n}", "health_score": n % 60 or None} for n in range(230)]
    await scene.snapshots(customers=customers, stakeholders=people)
    tried = mapping(id=uuid4(), trigger_type=AT_RISK, customer_criteria=LOW)
    found = await previewed(scene, tried)
    assert (found.customers, await scene.rows("SELECT FROM evaluations")) == (230, [])
    await scene.publish(tried)
    live = await scene.decide(
        *(scene.trigger(AT_RISK, None, customer={"id": f"cus-{n}"}, event_id=f"e-{n}") for n in range(230))
    )
    assert by_reason(found.counts) == live
    assert set(live) == {"requested", "no_email", "criteria_not_met", "fact_unknown"}
    asked = {(one.customer_id, one.stakeholder.id) for one in await scene.asked()}
    assert set(found.requested) == asked
    said = found.fallout["customer.health_score < 30"]
    assert said.holds + said.fails + said.unknown == 460
    assert found.requests_by_owner == {"usr-3": len(asked)}


async def test_a_preview_of_one_explains_them(scene: Scene) -> None:
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN, BOB))
    tried = mapping(id=uuid4(), customer_criteria=LOW)
    async with scene.database.reading() as connection:
        found = await preview_one(connection, "org-1", tried, "sth-9", scene.now)
        with pytest.raises(CannotTry, match="no stakeholder sth-7"):
            await preview_one(connection, "org-1", tried, "sth-7", scene.now)
    (decision,) = found.decisions
    assert (decision.decision.stakeholder_id, decision.decision.reason) == ("sth-9", Reason.CRITERIA_NOT_MET)
    assert decision.turn is not None
    assert (decision.turn.fact, decision.turn.is_) == ("customer.health_score", 29)


async def test_who_asks_about_the_trigger_says_what_it_would_carry(scene: Scene) -> None:
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN,))
    tried = mapping(id=uuid4(), trigger_type=AT_RISK, customer_criteria=SEVERE)
    with pytest.raises(CannotTry, match="asks about its trigger"):
        await previewed(scene, tried)
    assert by_reason((await previewed(scene, tried, {"severity": "high"})).counts) == {"requested": 1}
    assert by_reason((await previewed(scene, tried, {"severity": "low"})).counts) == {"criteria_not_met": 1}
    with pytest.raises(CannotTry, match="severity"):
        await previewed(scene, tried, {"severity": 3})


async def test_a_mapping_is_told_in_full_or_as_a_change_of_a_published_one(scene: Scene) -> None:
    (published,) = await scene.publish_for(RENEWAL, priority=7)
    change = {"id": str(published.id), "customer_criteria": {"field": "customer.health_score", "op": "lt", "value": 30}}
    yaml = f"id: {published.id}\ncustomer_criteria: {{field: customer.health_score, op: lt, value: 30}}\n"
    exported = written_document(MappingDocument.of(replace(published, customer_criteria=LOW)))
    async with scene.database.reading() as connection:
        for told in (orjson.dumps(change).decode(), yaml, exported):
            assert await mapping_to_try(connection, "org-1", told) == replace(published, customer_criteria=LOW)
        new = orjson.dumps(change | {"id": None, "trigger_type": RENEWAL, "cadence_id": 456}).decode()
        assert (await mapping_to_try(connection, "org-1", new)).trigger_type is RENEWAL
        foreign = change | {"id": str(uuid4())}
        for wrong, why in {
            orjson.dumps(foreign).decode(): "trigger_type",
            orjson.dumps(foreign | {"trigger_type": RENEWAL}).decode(): "cadence_id: is missing",
            orjson.dumps(change | {"segement": "x"}).decode(): "segement",
            "[]": "the mapping: ",
            "{": "not the YAML",
            "a: &a {}\nb: *a": "aliases",
        }.items():
            with pytest.raises(CannotTry, match=why):
                await mapping_to_try(connection, "org-1", wrong)
        with pytest.raises(CannotTry, match="nothing is known"):
            await mapping_to_try(connection, "org-9", "{}")


async def test_a_back_test_tells_the_tried_mappings_own_from_everybodys(scene: Scene) -> None:
    """What another trigger's events came to is none of it; whom it leaves to another mapping is told apart."""
    (own,) = await scene.publish_for(RENEWAL, segment="mid-market")
    (any_segment,) = await scene.publish_for(RENEWAL)
    await scene.publish_for(AT_RISK)
    await scene.decide(
        scene.trigger(stakeholders=(ANN, BOB), event_id="e-1"),
        scene.trigger(AT_RISK, stakeholders=(ANN, BOB), event_id="e-2"),
    )
    await scene.decide(
        scene.trigger(
            customer=CUSTOMER | {"id": "cus-8", "segment": "smb"}, stakeholders=(ANN | {"id": "sth-1"},), event_id="e-3"
        )
    )
    found = await back_tested(scene, replace(own, stakeholder_criteria=CHAMPION))
    assert found.own is not None
    assert (found.requests, found.own.requests, found.own.live, found.own.events) == (5, 1, 2, 1)
    assert (found.own.requests_by_day.total(), found.own.live_by_day.total(), found.own.calls_at_most) == (1, 2, 2)
    assert {(key.reason.value, key.by_another): many for key, many in found.own.would_be.items()} == {
        ("requested", False): 1,
        ("requested", True): 1,
    }
    # Nobody comes out otherwise, but one of them by another mapping.
    assert (found.differences, found.own.differing) == ([], 1)
    assert found.own.was.total() == found.own.would_be.total()
    assert found.own.requests_by_owner == {"usr-3": 1}
    assert found.own.owner_names == {"usr-3": "Kim"}
    elsewhere = await back_tested(scene, replace(own, segment="smb"))
    assert elsewhere.own is not None
    assert (elsewhere.own.live, elsewhere.own.requests, elsewhere.own.events) == (2, 1, 2)
    assert any_segment.id != own.id


async def test_a_preview_accounts_for_everybody_of_its_segment_once(scene: Scene) -> None:
    (own,) = await scene.publish_for(RENEWAL, segment="mid-market")
    (any_segment,) = await scene.publish_for(RENEWAL)
    carl = ANN | {"id": "sth-7", "email": None}
    await scene.snapshots(
        customers=(CUSTOMER, CUSTOMER | {"id": "cus-8", "segment": "smb"}),
        stakeholders=(ANN, BOB, carl, ANN | {"id": "sth-1", "customer_id": "cus-8"}),
    )
    found = await previewed(scene, replace(own, stakeholder_criteria=CHAMPION))
    assert (found.customers, found.segment_customers, found.funnel.candidates, found.funnel.fits) == (2, 1, 3, 2)
    assert (len(found.requested), found.kept_out) == (1, {(Reason.NO_EMAIL, None): 1})
    assert {id_: (one.stakeholders, one.requests) for id_, one in found.passed_on.items()} == {any_segment.id: (1, 1)}
    assert {one.stakeholder_id for one in found.left_out} == {"sth-8", "sth-7"}
    # Whom an own segment's mapping takes is taken before any segment's is asked.
    later = await previewed(scene, any_segment)
    assert (later.funnel.fits, len(later.requested)) == (4, 1)
    assert later.kept_out == {(None, own.id): 3}
    off = await previewed(scene, replace(own, enabled=False))
    assert off.kept_out == {(Reason.MAPPING_DISABLED, None): 3}
    for one in (found, later, off):
        assert len(one.requested) + one.kept_out.total() == one.funnel.fits
