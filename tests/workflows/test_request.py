"""Triggers become decisions, requests and deferrals, all or nothing, once, and when the facts are there."""

import asyncio
from datetime import date, timedelta
from typing import Any

import orjson
import pytest

from enrollment.criteria import parse_criteria
from enrollment.mappings import Policy
from schemas.vocabulary import OutcomeType, TriggerType
from storage.pool import Database
from storage.queries import queries
from tests.workflows.scene import ANN, BOB, CUSTOMER, T0, Scene
from workflows.memory import OrganizationMemory
from workflows.request import decide_and_request

RENEWAL, AT_RISK, EXPANSION = TriggerType.RENEWAL_WINDOW, TriggerType.AT_RISK, TriggerType.EXPANSION_SIGNAL


async def test_a_trigger_leaves_its_evaluation_its_request_and_two_messages(scene: Scene) -> None:
    (published,) = await scene.publish_for(RENEWAL)
    trigger = scene.trigger(stakeholders=(ANN, BOB | {"email": None}))
    assert await scene.decide(trigger) == {"requested": 1, "no_email": 1}

    (evaluation,) = await scene.rows("SELECT * FROM evaluations")
    assert (evaluation["cause"], evaluation["event_id"]) == ("event", trigger.event_id)
    assert evaluation["evaluated_at"] == scene.now
    outcomes = orjson.loads(evaluation["outcomes"])
    assert [(one["stakeholder_id"], one["reason"]) for one in outcomes] == [
        ("sth-9", "requested"),
        ("sth-8", "no_email"),
    ]

    (enrollment,) = await scene.rows("SELECT * FROM enrollments")
    (asked,) = await scene.asked()
    assert (enrollment["state"], enrollment["sequence"], enrollment["stakeholder_id"]) == ("requested", 1, "sth-9")
    assert enrollment["request_digest"] == asked.request_digest == outcomes[0]["request_digest"]
    assert orjson.loads(enrollment["request"])["enrollment_id"] == str(enrollment["id"]) == str(asked.enrollment_id)
    assert asked.why.mapping is not None
    assert (asked.why.mapping.id, asked.why.mapping.version) == (published.id, 1)
    assert [(one.stakeholder_id, one.reason.value) for one in asked.considered] == [("sth-8", "no_email")]
    assert (asked.expires_at, asked.requested_at) == (scene.now + timedelta(hours=24), scene.now)
    (history,) = await scene.rows("SELECT * FROM enrollment_history")
    assert (history["from_state"], history["to_state"], history["sequence"]) == (None, "requested", 1)
    messages = await scene.published()
    assert [name for name, _ in messages if name != "mapping-published"] == ["approval-requested", "enrollment-changed"]
    changed = messages[-1][1]
    assert (changed.from_, changed.to, changed.enrollment_id) == (None, "requested", enrollment["id"])
    assert len(await scene.rows("SELECT * FROM outbox_unsent")) == 3


async def test_whoever_comes_from_another_customer_has_had_what_they_were_asked_for_there(scene: Scene) -> None:
    """As where two customers become one: the contract, and whoever is there, are the other's from then on."""
    await scene.publish_for(RENEWAL)
    assert await scene.decide(scene.trigger(stakeholders=(ANN,))) == {"requested": 1}
    scene.later(hours=1)
    merged = scene.trigger(stakeholders=(ANN, BOB), customer=CUSTOMER | {"id": "cus-8"})
    assert await scene.decide(merged) == {"already_requested": 1, "requested": 1}


async def test_all_or_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.publish_for(RENEWAL)
    with pytest.raises(LookupError):  # noqa: PT012  # what is asked is what the whole block leaves
        async with scene.database.transaction() as connection:
            await decide_and_request(connection, [scene.trigger(stakeholders=(ANN, BOB))], scene.memory, scene.now)
            raise LookupError
    for table in ("evaluations", "enrollments", "enrollment_history", "directory_customers", "deferrals"):
        assert await scene.value(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608
    assert await scene.asked() == []
    assert await scene.decide(scene.trigger()) == {"requested": 1}


@pytest.mark.parametrize("batches", [1, 2])
async def test_two_triggers_of_one_run_make_one_request(scene: Scene, batches: int) -> None:
    await scene.publish_for(RENEWAL)
    first, second = scene.trigger(), scene.trigger()
    if batches == 1:
        assert await scene.decide(first, second) == {"requested": 1, "already_requested": 1}
    else:
        assert await scene.decide(first) == {"requested": 1}
        assert await scene.decide(second) == {"already_requested": 1}
    assert len(await scene.asked()) == 1
    assert await scene.value("SELECT count(*) FROM evaluations") == 2


async def test_another_run_is_requested_again(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    assert await scene.decide(scene.trigger(), scene.trigger(term_end="2028-03-31")) == {"requested": 2}


async def test_each_group_has_its_request(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.publish_for(RENEWAL, exclusivity_group="news", cadence_id=457)
    assert await scene.decide(scene.trigger()) == {"requested": 2}


async def test_a_trigger_without_stakeholders_speaks_of_the_directorys(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN, BOB))
    assert await scene.decide(scene.trigger(stakeholders=None, customer={"id": "cus-7"})) == {"requested": 2}


async def test_a_trigger_before_its_snapshots_is_decided_when_they_come(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    bare = scene.trigger(stakeholders=None, customer={"id": "cus-7"})
    assert await scene.decide(bare) == {"unknown_customer": 1}
    await scene.snapshots(customers=(CUSTOMER,))
    assert await scene.value("SELECT reasons FROM deferrals") == ["no_candidates"]
    await scene.snapshots(stakeholders=(ANN | {"email": None},))
    assert await scene.value("SELECT reasons FROM deferrals") == ["no_email"]
    scene.later(hours=1)
    await scene.snapshots(stakeholders=(ANN,))
    (asked,) = await scene.asked()
    assert asked.why.event_id == bare.event_id
    assert await scene.value("SELECT count(*) FROM deferrals") == 0
    assert sorted(await scene.reasons()) == ["no_candidates", "no_email", "requested", "unknown_customer"]


async def test_a_deferral_of_one_stakeholder_does_not_ask_for_the_other_again(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    assert await scene.decide(scene.trigger(stakeholders=(ANN, BOB | {"email": None}))) == {
        "requested": 1,
        "no_email": 1,
    }
    scene.later(hours=1)
    await scene.snapshots(stakeholders=(BOB,))
    assert [one.stakeholder.id for one in await scene.asked()] == ["sth-9", "sth-8"]


async def test_a_deferral_is_woken_when_a_mapping_is_published(scene: Scene) -> None:
    assert await scene.decide(scene.trigger()) == {"no_mapping": 1}
    assert await scene.decide_again() == {}
    scene.later(hours=1)
    await scene.publish_for(RENEWAL)
    assert await scene.decide_again() == {"requested": 1}
    assert await scene.decide_again() == {}


async def test_a_deferral_is_woken_when_the_organization_is_connected(database: Database) -> None:
    scene = await Scene(database).set_up(connected=False)
    await scene.publish_for(RENEWAL)
    assert await scene.decide(scene.trigger()) == {"not_connected": 1}
    assert await scene.decide_again() == {}
    scene.later(hours=1)
    async with database.transaction() as connection:
        await scene.connect(connection)
    assert await scene.decide_again() == {"requested": 1}


async def test_a_mapping_published_while_a_trigger_is_being_decided_wakes_it(scene: Scene) -> None:
    """The decider began before the mapping and commits after it: neither sees the other's row."""
    async with scene.database.transaction() as connection:
        await decide_and_request(connection, [scene.trigger()], scene.memory, scene.now)
        await scene.publish_for(RENEWAL)
    scene.later(minutes=1)
    assert await scene.decide_again() == {"requested": 1}


async def test_what_is_remembered_is_never_older_than_its_version(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mapping that is published between two readings of one loading is not missed for ever after."""
    read = queries.read_published_mappings

    async def then_published(*arguments: Any, **named: Any) -> Any:
        rows = await read(*arguments, **named)
        monkeypatch.setattr(queries, "read_published_mappings", read)
        await scene.publish_for(RENEWAL)
        return rows

    monkeypatch.setattr(queries, "read_published_mappings", then_published)
    await scene.decide(scene.trigger())
    assert await scene.decide(scene.trigger(term_end="2028-03-31")) == {"requested": 1}


async def test_a_window_that_ends_closes_the_deferral(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.decide(scene.trigger(stakeholders=(ANN | {"email": None},)))
    scene.later(days=13, hours=23)
    assert await scene.decide_again() == {}
    scene.later(hours=1)
    assert await scene.decide_again() == {"deferral_ended": 1}
    assert await scene.decide_again() == {}
    scene.later(hours=1)
    await scene.snapshots(stakeholders=(ANN,))
    assert await scene.asked() == []


async def test_a_mapping_says_how_long_its_window_is(scene: Scene) -> None:
    await scene.publish_for(RENEWAL, policy=Policy(defer_days=3))
    await scene.decide(scene.trigger(stakeholders=(ANN | {"email": None},)))
    scene.later(days=3)
    assert await scene.decide_again() == {"deferral_ended": 1}


async def test_a_mapping_that_came_later_says_how_long_the_window_is(scene: Scene) -> None:
    await scene.decide(scene.trigger(stakeholders=(ANN | {"email": None},)))
    scene.later(hours=1)
    await scene.publish_for(RENEWAL, policy=Policy(defer_days=3))
    assert await scene.decide_again() == {"no_email": 1}
    scene.later(days=3)
    assert await scene.decide_again() == {"deferral_ended": 1}


async def test_the_verdict_of_a_person_with_one_address_twice_is_the_strictest(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    for person_id, restrictions in ((1, []), (2, ["email"])):
        await scene.execute(
            "INSERT INTO salesloft_people"
            " (organization_id, person_id, email, do_not_contact, contact_restrictions, bouncing, salesloft_updated_at,"
            " read_at) VALUES ('org-1', $1, 'ann@acme.example', false, $2, false, $3, $3)",
            person_id,
            restrictions,
            T0,
        )
    assert await scene.decide(scene.trigger()) == {"contact_restricted": 1}


async def test_at_risk_holds_upsell_until_the_customer_has_recovered(scene: Scene) -> None:
    await scene.publish_for(AT_RISK, EXPANSION)
    await scene.decide(scene.trigger(AT_RISK, stakeholders=(BOB,)))
    scene.later(days=1)
    assert await scene.decide(scene.trigger(EXPANSION)) == {"preempted": 1}
    scene.later(days=30)
    assert await scene.decide_again() == {}
    await scene.end(scene.outcome(OutcomeType.RECOVERED, business_key="epi-2"))
    assert (await scene.states())["sth-9"] == ("requested", None)


async def test_a_hold_ends_after_ninety_days_and_what_it_held_is_decided_then(scene: Scene) -> None:
    await scene.publish_for(AT_RISK, EXPANSION)
    await scene.decide(scene.trigger(AT_RISK, stakeholders=(BOB,)))
    scene.later(days=1)
    await scene.decide(scene.trigger(EXPANSION))
    scene.later(days=88, hours=23)
    assert await scene.decide_again() == {}
    scene.later(hours=1)
    assert await scene.decide_again() == {"requested": 1}


async def test_a_window_with_a_hold_counts_from_the_holds_end(scene: Scene) -> None:
    await scene.publish_for(AT_RISK, EXPANSION)
    await scene.decide(scene.trigger(AT_RISK, stakeholders=(BOB,)))
    await scene.decide(scene.trigger(EXPANSION, stakeholders=(ANN, BOB | {"email": None})))
    scene.later(days=30)
    await scene.end(scene.outcome(OutcomeType.RECOVERED, business_key="epi-2"))
    assert [one.stakeholder.id for one in await scene.asked()] == ["sth-8", "sth-9"]
    scene.later(days=13, hours=23)
    await scene.snapshots(stakeholders=(BOB,))
    assert [one.stakeholder.id for one in await scene.asked()] == ["sth-8", "sth-9", "sth-8"]


async def test_an_at_risk_event_that_comes_after_its_outcome_holds_nothing(scene: Scene) -> None:
    await scene.publish_for(AT_RISK, EXPANSION)
    await scene.end(scene.outcome(OutcomeType.RECOVERED, at=T0 + timedelta(days=2), business_key="epi-2"))
    scene.now = T0 + timedelta(days=3)
    assert await scene.decide(scene.trigger(AT_RISK, at=T0)) == {"stale_event": 1}
    assert await scene.decide(scene.trigger(EXPANSION)) == {"requested": 1}


async def test_ids_may_hold_whatever_an_id_may_hold(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    odd = "a\"b\\c{}'; --"
    assert await scene.decide(scene.trigger(stakeholders=({"id": odd},))) == {"no_email": 1}
    await scene.snapshots(erased_stakeholders=(odd,))
    assert await scene.decide(scene.trigger(stakeholders=({"id": odd},), at=T0 - timedelta(days=1))) == {"erased": 1}


async def test_criteria_and_facts_reach_the_request_as_they_were_seen(scene: Scene) -> None:
    asks = parse_criteria(
        b'{"all": [{"field": "customer.health_score", "op": "lt", "value": 60},'
        b' {"any": [{"field": "customer.arr", "op": "gte", "value": 1000},'
        b' {"field": "trigger.days_to_renewal", "op": "lte", "value": 90}]}]}'
    )
    await scene.publish_for(RENEWAL, customer_criteria=asks)
    (asked,) = await scene.requested()
    assert [(one.predicate, one.value, one.holds) for one in asked.why.verdicts] == [
        ("customer.health_score < 60", 41, True),
        ("customer.arr >= 1000", None, False),
        ("trigger.days_to_renewal <= 90", 90, True),
    ]


async def test_two_deciders_at_once_make_one_request_for_each_run(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    customers = [CUSTOMER | {"id": f"cus-{number}"} for number in range(20)]

    async def deciding(order: list[dict[str, Any]]) -> dict[str, int]:
        memory = OrganizationMemory()
        triggers = [
            scene.trigger(stakeholders=(ANN | {"id": f"sth-{one['id']}"},), customer=one, event_id=one["id"])
            for one in order
        ]
        async with scene.database.transaction() as connection:
            decided = await decide_and_request(connection, triggers, memory, scene.now)
        return {reason.value: count for (_, reason), count in decided.counts.items()}

    answers = await asyncio.gather(
        *(deciding(order) for order in (customers, customers[::-1], customers, customers[::-1]))
    )
    assert sorted(map(str, answers)) == sorted(map(str, [{"requested": 20}, *[{"already_requested": 20}] * 3]))
    assert len(await scene.asked()) == 20


async def test_an_approval_of_a_start_before_the_terms_end_is_good_until_then(scene: Scene) -> None:
    policy = Policy(start_days_before_term_end=30, execute_within_days=2)
    await scene.publish_for(TriggerType.RENEWAL_WINDOW, policy=policy)
    (asked,) = await scene.requested()
    assert asked.action.start_date == date(2027, 3, 1)
    assert asked.execute_by.date() == date(2027, 3, 4)
