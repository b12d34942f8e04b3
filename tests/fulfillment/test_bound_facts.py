"""Approve, then change one of the things that an approval is bound to: nobody is enrolled, and the approver is told."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from enrollment.approval import Bound
from enrollment.criteria import parse_criteria
from enrollment.mappings import Policy
from schemas.vocabulary import OutcomeType
from storage import organizations
from tests.fulfillment.stage import Stage, publish, until
from tests.fulfillment.steps import PERSON_UPSERTS, is_hit
from tests.workflows.scene import Scene

Mutation = Callable[[Stage, UUID], Awaitable[Any]]


async def republish(stage: Stage, **changes: Any) -> None:
    """The mapping's next version."""
    now = stage.clock.now()
    async with stage.database.transaction() as connection:
        await organizations.publish_mapping(
            connection, stage.organization_id, replace(stage.mapping, **changes), cadence_name=None, by=None, now=now
        )
        await organizations.advance_decision_version(connection, stage.organization_id, now)


async def of_customer(stage: Stage, **changes: Any) -> None:
    told = orjson.dumps(changes).decode()
    await stage.execute("UPDATE directory_customers SET data = data::jsonb || $1::text::jsonb", told)


async def of_stakeholder(stage: Stage, **changes: Any) -> None:
    told = orjson.dumps(changes).decode()
    await stage.execute("UPDATE directory_stakeholders SET data = data::jsonb || $1::text::jsonb", told)


def other_cadence(stage: Stage) -> dict[str, Any]:
    return next(
        one for one in stage.team["cadences"] if one["team_cadence"] and not one["draft"] and one != stage.cadence
    )


async def ended(stage: Stage, _: UUID) -> None:
    scene = Scene(stage.database, stage.organization_id, now=stage.clock.now(), memory=stage.memory)
    await scene.end(scene.outcome(OutcomeType.RECOVERED, customer_id="cus-1"))


async def expired(stage: Stage, enrollment_id: UUID) -> None:
    passed = stage.clock.now() - timedelta(seconds=1)
    await stage.execute("UPDATE enrollments SET execute_by = $1, start_on = $2", passed, passed.date() - timedelta(1))


async def asked_with_fields(stage: Stage, enrollment_id: UUID) -> None:
    """As if the request had shown a field that no mapping fills any more."""
    await stage.execute(
        "UPDATE enrollments SET request = jsonb_set(request::jsonb, '{action,custom_fields}', '{\"tone\": \"warm\"}')"
    )


# What is done to each bound fact, and what the approver then reads. What a request is about cannot become another: an
# enrollment whose stakeholder, mapping or run is gone has nothing left to ask, and ends.
MUTATIONS: dict[str, tuple[Mutation, str]] = {
    "stakeholder_id": (
        lambda stage, _: stage.execute("UPDATE directory_stakeholders SET customer_id = 'cus-2'"),
        "withdrawn: stakeholder_left",
    ),
    "email": (lambda stage, _: of_stakeholder(stage, email="b@acme.example"), "stakeholder.email"),
    "cadence_id": (
        lambda stage, _: republish(stage, cadence_id=other_cadence(stage)["id"]),
        "action.cadence.id, action.start_step.id, why.mapping.version",
    ),
    "start_step_id": (
        lambda stage, _: republish(stage, start_step_id=stage.cadence["steps"][1]["id"]),
        "action.start_step.id, why.mapping.version",
    ),
    "start_date": (expired, "action.start_date"),
    "sender_user_id": (
        lambda stage, _: of_customer(stage, owner={"user_id": "usr-4", "email": stage.team["users"][2]["email"]}),
        "action.sender.user_id",
    ),
    "custom_fields": (asked_with_fields, "action.custom_fields"),
    "mapping_id": (lambda stage, _: republish(stage, enabled=False), "withdrawn: mapping_disabled"),
    "mapping_version": (lambda stage, _: republish(stage), "why.mapping.version"),
    "exclusivity_group": (
        lambda stage, _: republish(stage, exclusivity_group="other"),
        "why.exclusivity_group, why.mapping.version",
    ),
    "business_key": (ended, "withdrawn: recovered"),
    "verdicts": (lambda stage, _: of_customer(stage, name="Other"), "customer.name = Acme"),
}


def test_every_bound_fact_is_changed_here() -> None:
    assert set(MUTATIONS) == set(Bound.__dataclass_fields__)


@pytest.mark.parametrize("field", MUTATIONS)
async def test_whoever_was_approved_before_it_changed_is_not_enrolled(stage: Stage, field: str) -> None:
    # Either side of the `any` is enough, so that a verdict can turn while the whole still holds.
    criteria = b"""{"any": [{"field": "customer.name", "op": "equals", "value": "Acme"},
                            {"field": "customer.id", "op": "exists"}]}"""
    stage.mapping = replace(stage.mapping, id=uuid4(), customer_criteria=parse_criteria(criteria))
    await stage.execute("UPDATE salesloft_cadence_mappings SET status = 'retired'")
    await republish(stage)
    enrollment_id = await stage.approved({"id": "sth-1", "email": "ann@acme.example"})
    mutate, told = MUTATIONS[field]
    await mutate(stage, enrollment_id)
    async with stage.working():
        if told.startswith("withdrawn"):
            await stage.settled()
            assert ": ".join(map(str, await stage.state(enrollment_id))) == told
        else:
            await stage.reaches(enrollment_id, "requested")
            row = await stage.fetchrow("SELECT request FROM enrollments WHERE id = $1", enrollment_id)
            changed = orjson.loads(row["request"])["changed_since"]
            assert ", ".join(sorted(one["field"] for one in changed)) == told
            assert all(one["was"] != one["is"] for one in changed)
    assert not await stage.writes("cadence_memberships")
    assert not await stage.writes("people")


@pytest.mark.parametrize(
    ("mutate", "told"),
    [
        (MUTATIONS["stakeholder_id"][0], "withdrawn: stakeholder_left"),
        (MUTATIONS["email"][0], "requested: fact_changed"),
        (MUTATIONS["mapping_id"][0], "withdrawn: mapping_disabled"),
    ],
    ids=["stakeholder_id", "email", "mapping_id"],
)
async def test_what_changes_while_salesloft_is_asked_about_the_person_counts(
    stage: Stage, mutate: Mutation, told: str
) -> None:
    await stage.simulator.add_fault(
        team_id=stage.team_id, path=PERSON_UPSERTS, kind="latency", milliseconds=600, count=1
    )
    async with stage.working():
        enrollment_id = await stage.approved({"id": "sth-1", "email": "ann@acme.example"})
        await is_hit(stage)
        await mutate(stage, enrollment_id)
        await stage.settled()
    assert ": ".join(map(str, await stage.state(enrollment_id))) == told
    assert not await stage.writes("cadence_memberships")


async def test_a_value_that_turns_no_verdict_leaves_the_approval_good(stage: Stage) -> None:
    enrollment_id = await stage.approved({"id": "sth-1", "email": "ann@acme.example", "title": "VP"})
    await of_customer(stage, health_score=1, tier="growth", name="Acme AG")
    await of_stakeholder(stage, title="CEO", email="ANN@acme.example ")
    async with stage.working():
        await stage.reaches(enrollment_id, "enrolled")
    assert len(await stage.writes("cadence_memberships")) == 1


async def test_what_is_approved_in_another_group_is_kept_apart_there(stage: Stage) -> None:
    ann = {"id": "sth-1", "email": "ann@acme.example"}
    async with stage.working():
        await stage.reaches(await stage.approved(ann), "enrolled")
    apart = {"cadence_id": other_cadence(stage)["id"], "policy": Policy(exclusive_by="stakeholder")}
    await republish(stage, **apart, exclusivity_group="other")
    enrollment_id = await stage.approved(ann)
    await republish(stage, **apart, exclusivity_group=stage.mapping.exclusivity_group)
    async with stage.working():
        await stage.reaches(enrollment_id, "requested")
        stage.clock.ahead += timedelta(minutes=1)
        row = await stage.fetchrow("SELECT request_digest FROM enrollments WHERE id = $1", enrollment_id)
        await stage.approve(enrollment_id, row["request_digest"])

        async def looked_at() -> bool:
            return await stage.state(enrollment_id) != ("scheduled", None)

        await until(looked_at)
        assert await stage.state(enrollment_id) == ("scheduled", "exclusive_cadence_active")
    assert len(await stage.writes("cadence_memberships")) == 1


async def test_whoever_was_asked_for_in_the_group_that_it_comes_to_is_not_asked_for_twice(stage: Stage) -> None:
    await publish(stage, other_cadence(stage)["id"], "other")
    await stage.trigger("cus-1", [{"id": "sth-1", "email": "ann@acme.example"}], "epi-1")
    row = await stage.fetchrow(
        "SELECT id, request_digest FROM enrollments WHERE exclusivity_group = $1", stage.mapping.exclusivity_group
    )
    await stage.approve(row["id"], row["request_digest"])
    await republish(stage, exclusivity_group="other")
    async with stage.working():
        await stage.settled()
    assert await stage.state(row["id"]) == ("withdrawn", "already_requested")
