"""A mapping run over those whom its trigger has come for: within its cap, and nobody whom it must not ask for."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from enrollment.criteria import parse_criteria
from enrollment.mappings import Mapping, Policy
from enrollment.policies import Cap, Counted
from enrollment.stops import StopScope
from fulfillment.timers import TimerOptions, Timers
from schemas.vocabulary import CandidateOutcome, OutcomeType, Reason, TriggerType
from storage import directory, erasure, mapping_runs
from storage.mapping_runs import RunRecord
from storage.stored_evaluations import About
from tests.fulfillment.stage import running, until
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene
from workflows.explaining import explain_evaluations
from workflows.mapping_runs import RunInvalid, RunPlan, advance_run, cancel_run, plan_run, start_run
from workflows.mapping_versions import disable
from workflows.memory import OrganizationMemory
from workflows.stops import start, stop
from workflows.suppressions import suppress

RENEWAL, AT_RISK, EXPANSION = TriggerType.RENEWAL_WINDOW, TriggerType.AT_RISK, TriggerType.EXPANSION_SIGNAL
CHAMPION = parse_criteria(b'{"field": "stakeholder.is_champion", "op": "equals", "value": true}')
DAYS = timedelta(days=90)


class SceneClock:
    """The scene's time."""

    speed = 1.0

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def now(self) -> datetime:
        return self._scene.now


def of(customer: int) -> dict[str, Any]:
    return CUSTOMER | {"id": f"cus-{customer}"}


def person(customer: int, number: int = 0) -> dict[str, Any]:
    name = f"sth-{customer}-{number}"
    return ANN | {"id": name, "email": f"{name}@acme.example"}


async def came(scene: Scene, customers: int, trigger_type: TriggerType = RENEWAL, people: int = 1) -> None:
    """Events of so many customers, before there was a mapping for them."""
    for one in range(customers):
        named = [person(one, number) for number in range(people)]
        await scene.decide(scene.trigger(trigger_type, named, customer=of(one), event_id=f"e-{one}"))


async def begun(scene: Scene, mapping: Mapping, at_most: int = 100) -> UUID:
    """A minute later, so that the newest run is the one begun last."""
    scene.later(minutes=1)
    async with scene.database.transaction() as connection:
        return await start_run(
            connection,
            "org-1",
            mapping.id,
            since=scene.now - DAYS,
            at_most=at_most,
            reason="who came before it",
            by="usr-1",
            now=scene.now,
        )


async def planned(scene: Scene, mapping: Mapping, at_most: int = 100) -> RunPlan:
    async with scene.database.reading() as connection:
        return await plan_run(
            connection, "org-1", mapping.id, since=scene.now - DAYS, at_most=at_most, now=scene.now, page=2
        )


async def advanced(scene: Scene, *, limit: int = 50) -> bool:
    """A page of the run that waits longest; False where none is due."""
    async with scene.database.transaction() as connection:
        return await advance_run(connection, scene.memory, scene.now, limit=limit)


async def ran(scene: Scene, *, limit: int = 50) -> RunRecord:
    """As the timer does it, until nothing is due."""
    while await advanced(scene, limit=limit):
        pass
    return await newest(scene)


async def newest(scene: Scene) -> RunRecord:
    async with scene.database.connection() as connection:
        return (await mapping_runs.list_runs(connection, "org-1", limit=1))[0]


async def published_late(scene: Scene, trigger_type: TriggerType = RENEWAL, **changes: Any) -> Mapping:
    """A day and the window of a deferral later, so that nothing that came is decided again by itself."""
    scene.later(days=20)
    await scene.decide_again()
    (mapping,) = await scene.publish_for(trigger_type, **changes)
    await scene.decide_again()
    return mapping


async def test_everybody_whom_it_fits_is_asked_for_once_and_nobody_else(scene: Scene) -> None:
    await came(scene, 5, people=2)
    mapping = await published_late(scene)
    assert await scene.asked() == []
    plan = await planned(scene, mapping)
    assert (plan.customers, len(plan.requested)) == (5, 10)
    run_id = await begun(scene, mapping)
    run = await ran(scene, limit=2)
    assert (run.id, run.outcome, run.customers, run.requested) == (run_id, "complete", 5, 10)
    asked = await scene.asked()
    assert sorted((one.customer_id, one.stakeholder.id) for one in asked) == sorted(plan.requested)
    assert {one.why.business_key for one in asked} == {"con-5/2027-03-31"}
    # Again: whoever has been asked for is not asked for a second time.
    await begun(scene, mapping)
    again = await ran(scene)
    assert (again.outcome, again.customers, again.requested) == ("complete", 5, 0)
    assert len(await scene.asked()) == 10


@pytest.mark.parametrize("at_most", [1, 3, 4, 5])
async def test_it_asks_for_so_many_and_no_more(scene: Scene, at_most: int) -> None:
    """Also where the limit falls between two stakeholders of one customer."""
    await came(scene, 3, people=2)
    mapping = await published_late(scene)
    await begun(scene, mapping, at_most)
    run = await ran(scene, limit=1)
    assert (run.outcome, run.requested) == ("cap_reached", at_most)
    assert len(await scene.asked()) == at_most
    assert len((await planned(scene, mapping, 6)).requested) == 6 - at_most
    # The next one goes on where this one ended.
    await begun(scene, mapping, 6)
    assert (await ran(scene)).requested == 6 - at_most


async def test_every_decision_of_it_is_explained_and_made_again_alike(scene: Scene) -> None:
    await came(scene, 2, people=2)
    mapping = await published_late(scene, stakeholder_criteria=CHAMPION)
    await scene.decide(scene.trigger(stakeholders=[BOB], customer=CUSTOMER | {"id": "cus"}, event_id="e-3"))
    await begun(scene, mapping, 1)
    await ran(scene)
    async with scene.database.reading() as connection:
        found = await explain_evaluations(connection, "org-1", About(), limit=100)
    of_run = [one for one in found if one.stored.cause == "run"]
    assert [one.is_same for one in of_run] == [True] * 2
    why = Counter(
        (explained.decision.outcome.value, explained.decision.reason.value)
        for one in of_run
        if one.explanation is not None
        for explained in one.explanation.decisions
    )
    assert why == {("request", "requested"): 1, ("skip", "quota_reached"): 1, ("skip", "criteria_not_met"): 1}


async def test_who_may_not_be_contacted_or_is_over_is_not_asked_for(scene: Scene) -> None:
    await came(scene, 4)
    mapping = await published_late(scene)
    async with scene.database.transaction() as connection:
        await suppress(connection, "org-1", [person(0)["email"]], note="asked", by="usr-1", now=scene.now)
    await scene.end(scene.outcome(OutcomeType.RENEWED, customer_id="cus-1"))
    await scene.end(
        scene.outcome(OutcomeType.STAKEHOLDER_LEFT, customer_id="cus-2", stakeholder_id=person(2)["id"]),
    )
    await begun(scene, mapping)
    await ran(scene)
    assert [one.customer_id for one in await scene.asked()] == ["cus-3"]
    assert await scene.decide_again() == {}


async def test_what_another_mapping_would_take_is_left_to_it(scene: Scene) -> None:
    await came(scene, 2)
    mapping = await published_late(scene, segment="mid-market")
    (general,) = await scene.publish_for(RENEWAL, segment=None)
    assert (await planned(scene, general)).requested == []
    await begun(scene, general)
    run = await ran(scene)
    assert (run.outcome, run.requested) == ("complete", 0)
    assert len((await planned(scene, mapping)).requested) == 2
    # Nobody is passed over in silence: the run says who keeps them.
    async with scene.database.reading() as connection:
        found = await explain_evaluations(connection, "org-1", About(), limit=100)
    of_run = [one for one in found if one.stored.cause == "run"]
    assert [one.is_same for one in of_run] == [True, True]
    explained = [each for one in of_run if one.explanation is not None for each in one.explanation.decisions]
    assert {each.decision.stakeholder_id for each in explained} == {person(one)["id"] for one in range(2)}
    for each in explained:
        assert (each.decision.outcome, each.decision.reason) == (CandidateOutcome.SKIP, Reason.PREEMPTED)
        assert each.decision.mapping == mapping
        assert {one.mapping.id: one.said for one in each.asked} == {mapping.id: "taken", general.id: "group_taken"}


async def test_it_keeps_the_mapping_s_own_limits_and_defers_nothing(scene: Scene) -> None:
    await came(scene, 3)
    caps = (Cap(per=Counted.ACCOUNT, at_most=1, within_hours=24),)
    mapping = await published_late(scene, policy=Policy(caps=caps))
    await scene.publish_for(AT_RISK)
    await scene.decide(scene.trigger(AT_RISK, [person(1)], customer=of(1), event_id="risk"))
    assert len(await scene.asked()) == 1
    await begun(scene, mapping)
    run = await ran(scene)
    assert (run.outcome, run.customers, run.requested) == ("complete", 3, 2)
    scene.later(days=3)
    assert await scene.decide_again() == {}
    assert len(await scene.asked()) == 3


async def test_a_stop_has_it_wait_and_somebody_can_end_it(scene: Scene) -> None:
    await came(scene, 3)
    mapping = await published_late(scene)
    run_id = await begun(scene, mapping)
    async with scene.database.transaction() as connection:
        stop_id = await stop(
            connection,
            "org-1",
            scope=StopScope.MAPPING,
            subject=str(mapping.id),
            reason="wrong template",
            pauses_active=False,
            by="usr-1",
            ends_at=None,
            now=scene.now,
        )
    assert await advanced(scene, limit=1)
    assert not await advanced(scene, limit=1)
    assert await scene.asked() == []
    scene.later(minutes=1)
    async with scene.database.transaction() as connection:
        await start(connection, "org-1", stop_id, by="usr-1", now=scene.now)
    assert await advanced(scene, limit=1)
    async with scene.database.transaction() as connection:
        await cancel_run(connection, "org-1", run_id, by="usr-2", now=scene.now)
    assert not await advanced(scene)
    run = await newest(scene)
    assert (run.outcome, run.cancelled_by, run.customers, run.requested) == ("cancelled", "usr-2", 1, 1)
    async with scene.database.transaction() as connection:
        with pytest.raises(RunInvalid, match="no run"):
            await cancel_run(connection, "org-1", run_id, by="usr-2", now=scene.now)


async def test_a_mapping_that_counts_no_more_ends_its_run(scene: Scene) -> None:
    await came(scene, 3)
    mapping = await published_late(scene)
    await begun(scene, mapping)
    assert await advanced(scene, limit=1)
    async with scene.database.transaction() as connection:
        await disable(connection, "org-1", mapping.id, by="usr-1", now=scene.now)
    await advanced(scene)
    run = await newest(scene)
    assert (run.outcome, run.customers, len(await scene.asked())) == ("mapping_changed", 1, 1)


async def test_save_runs_over_open_risks_alone_and_upsell_waits_beside_them(scene: Scene) -> None:
    await came(scene, 3, AT_RISK)
    await scene.end(scene.outcome(OutcomeType.RECOVERED, customer_id="cus-0"))
    await scene.decide(scene.trigger(EXPANSION, [person(1)], customer=of(1), event_id="up-1"))
    await scene.decide(scene.trigger(EXPANSION, [person(0)], customer=of(0), event_id="up-0"))
    upsell = await published_late(scene, EXPANSION, cadence_id=457)
    save = await published_late(scene, AT_RISK)
    for one in (save, upsell):
        await begun(scene, one)
        await ran(scene)
    asked = Counter(
        (one.why.event_type.split(".")[3], one.customer_id) for one in await scene.asked() if one.why.event_type
    )
    assert asked == {
        (AT_RISK.value, "cus-1"): 1,
        (AT_RISK.value, "cus-2"): 1,
        (EXPANSION.value, "cus-0"): 1,
    }


async def test_what_a_risk_withdrew_of_a_run_stays_withdrawn(scene: Scene) -> None:
    """Nobody would know any more that it was for one mapping alone, and for so many."""
    await came(scene, 1, EXPANSION, people=3)
    upsell = await published_late(scene, EXPANSION, cadence_id=457)
    await begun(scene, upsell, 1)
    assert (await ran(scene)).requested == 1
    await scene.decide(scene.trigger(AT_RISK, [person(0)], customer=of(0), event_id="risk"))
    assert Counter(state for state, _ in (await scene.states()).values()) == {"withdrawn": 1}
    await scene.end(scene.outcome(OutcomeType.RECOVERED, customer_id="cus-0"))
    scene.later(days=20)
    assert await scene.decide_again() == {}
    assert len(await scene.asked()) == 1


async def test_a_run_waits_for_a_connection(scene: Scene) -> None:
    await came(scene, 2)
    mapping = await published_late(scene)
    await scene.execute("UPDATE salesloft_connections SET status = 'needs_reauthorization'")
    await scene.execute("UPDATE organizations SET decision_version = decision_version + 1")
    await begun(scene, mapping)
    await ran(scene)
    run = await newest(scene)
    assert (run.outcome, run.customers) == (None, 0)
    await scene.execute("UPDATE salesloft_connections SET status = 'connected'")
    await scene.execute("UPDATE organizations SET decision_version = decision_version + 1")
    scene.later(minutes=1)
    assert (await ran(scene)).requested == 2


async def test_who_was_erased_takes_nobody_else_out_of_a_run(scene: Scene) -> None:
    await came(scene, 1, people=3)
    mapping = await published_late(scene)
    await scene.snapshots(erased_stakeholders=(person(0, 1)["id"],))
    await begun(scene, mapping)
    run = await ran(scene)
    assert (run.outcome, run.requested) == ("complete", 2)
    assert {one.stakeholder.id for one in await scene.asked()} == {person(0, 0)["id"], person(0, 2)["id"]}


async def test_who_is_erased_while_a_page_begins_is_not_written_down_again(scene: Scene) -> None:
    await came(scene, 1)
    mapping = await published_late(scene)
    await begun(scene, mapping)
    async with scene.database.transaction() as erasing:
        await directory.lock_customers(erasing, [("org-1", "cus-0")])
        page = asyncio.create_task(advanced(scene))
        # It has come as far as the customer's lock.
        await until(partial(_somebody_waits, scene))
        await erasure.scrub_customers(erasing, {("org-1", "cus-0"): scene.now})
    await page
    assert person(0)["email"] not in str(await scene.rows("SELECT facts FROM evaluations"))


async def test_a_run_that_fails_is_put_off_and_the_others_go_on(scene: Scene) -> None:
    await came(scene, 1)
    await scene.decide(scene.trigger(EXPANSION, [person(1)], customer=of(1), event_id="up-1"))
    broken = await published_late(scene)
    whole = await published_late(scene, EXPANSION, cadence_id=457)
    await begun(scene, broken)
    await begun(scene, whole)
    await scene.execute(
        "UPDATE evaluations SET facts = (jsonb_set(facts::jsonb, '{event,trigger}', '{}'))::json WHERE event_id = 'e-0'"
    )
    options = TimerOptions(tick_s=0.05)
    async with running(Timers(scene.database, scene.memory, SceneClock(scene), options)):
        await until(partial(_has_ended, scene, whole))
    async with scene.database.connection() as connection:
        runs = {one.mapping_id: one for one in await mapping_runs.list_runs(connection, "org-1", limit=9)}
    assert (runs[whole.id].outcome, runs[whole.id].requested) == ("complete", 1)
    assert (runs[broken.id].outcome, runs[broken.id].error) == (None, "InvalidDataError")


async def _somebody_waits(scene: Scene) -> bool:
    return bool(await scene.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))


async def _has_ended(scene: Scene, mapping: Mapping) -> bool:
    ended = "SELECT count(*) FROM mapping_runs WHERE mapping_id = $1 AND ended_at IS NOT NULL"
    put_off = "SELECT count(*) FROM mapping_runs WHERE error IS NOT NULL"
    return bool(await scene.value(ended, mapping.id)) and bool(await scene.value(put_off))


async def test_two_replicas_ask_for_nobody_twice_and_for_no_more(scene: Scene) -> None:
    await came(scene, 12, people=2)
    mapping = await published_late(scene)
    await begun(scene, mapping, 15)
    options = TimerOptions(tick_s=0.05, run_batch=2)
    replicas = [Timers(scene.database, OrganizationMemory(), SceneClock(scene), options) for _ in range(2)]

    async def is_over() -> bool:
        return (await newest(scene)).outcome is not None

    async with running(*replicas):
        await until(is_over)
    run = await newest(scene)
    assert (run.outcome, run.requested) == ("cap_reached", 15)
    asked = [one.stakeholder.id for one in await scene.asked()]
    assert len(asked) == len(set(asked)) == 15


async def test_what_cannot_be_run_is_said(scene: Scene) -> None:
    await came(scene, 1)
    mapping = await published_late(scene)
    (shadow,) = await scene.publish_for(AT_RISK, policy=Policy(shadow=True))
    with pytest.raises(RunInvalid, match="shadow"):
        await begun(scene, shadow)
    with pytest.raises(RunInvalid, match="no published mapping"):
        await planned(scene, replace(mapping, id=uuid4()))
    await begun(scene, mapping)
    with pytest.raises(RunInvalid, match="open already"):
        await begun(scene, mapping)
    async with scene.database.transaction() as connection:
        await disable(connection, "org-1", mapping.id, by="usr-1", now=scene.now)
    with pytest.raises(RunInvalid, match="switched off"):
        await planned(scene, mapping)
