"""Mappings out and in as YAML: the round trip, the plan and whom it affects, and an apply that holds to the plan."""

from typing import Any
from uuid import UUID

import orjson
import pytest
import yaml

from enrollment.criteria import parse_criteria
from enrollment.drafts import Difference, MappingInvalid, parse_document
from enrollment.mappings import Policy, RoundRobin
from schemas.vocabulary import TriggerType
from storage import mappings, organizations
from tests.enrollment.samples import mapping
from tests.workflows.scene import ANN, BOB, CUSTOMER, T0, Scene
from workflows import mapping_versions as versions
from workflows.mapping_files import read_document, read_file, written_document
from workflows.mapping_plans import ImportPlan, PlanMoved, apply_plan, export_mappings, plan_import

BY: dict[str, Any] = {"by": "usr-1", "now": T0}
IS_CHAMPION = {"field": "stakeholder.is_champion", "op": "equals", "value": True}
CHAMPIONS = parse_criteria(orjson.dumps(IS_CHAMPION))
ENGAGED = {"field": "engagement.replied", "op": "gt", "value": 0}


async def exported(scene: Scene) -> str:
    async with scene.database.transaction() as connection:
        return await export_mappings(connection, scene.organization_id)


async def planned(scene: Scene, text: str) -> ImportPlan:
    async with scene.database.transaction() as connection:
        return await plan_import(connection, scene.organization_id, text, now=scene.now)


async def applied(scene: Scene, text: str, plan: ImportPlan) -> ImportPlan:
    async with scene.database.transaction() as connection:
        return await apply_plan(connection, scene.organization_id, text, plan_hash=plan.hash, **BY)


async def state(scene: Scene) -> list[Any]:
    return await scene.rows(
        "SELECT id, version, status, enabled, priority, cadence_id FROM salesloft_cadence_mappings ORDER BY id, version"
    )


async def test_what_is_exported_comes_in_again_as_it_was(scene: Scene) -> None:
    await scene.publish(
        mapping(1, version=0, stakeholder_criteria=CHAMPIONS, segment="no", sender=RoundRobin(user_ids=(12, 13))),
        mapping(2, version=0, policy=Policy(start_offset_days=3), exclusivity_group="b", enabled=False),
    )
    text = await exported(scene)
    assert "segment: 'no'" in text
    assert "&" not in text
    plan = await planned(scene, text)
    assert (plan.additions, plan.changes, plan.removals, plan.unchanged) == ((), (), (), 2)
    assert (plan.findings, plan.affected) == ((), ())
    before = await state(scene)
    await applied(scene, text, plan)
    assert await state(scene) == before
    assert await exported(scene) == text


async def test_a_plan_says_what_changes_field_by_field_and_for_whom(scene: Scene) -> None:
    await scene.publish(
        mapping(1, version=0, stakeholder_criteria=CHAMPIONS),
        mapping(2, version=0, priority=200),
        mapping(3, version=0, trigger_type=TriggerType.AT_RISK),
    )
    await scene.snapshots(customers=[CUSTOMER, CUSTOMER | {"id": "cus-8", "segment": "smb"}], stakeholders=[ANN, BOB])
    await scene.snapshots(stakeholders=[{"id": "sth-1", "is_champion": True, "name": "Gone"}])
    await scene.execute("UPDATE directory_stakeholders SET left_at = $1 WHERE stakeholder_id = 'sth-1'", T0.max)
    text = await exported(scene)
    # Champions are led elsewhere, a risk to nothing any more, and a new mapping takes new customers.
    documents = [one for one in read_file(text, "org-1").mappings if one[0] != UUID(int=3)]
    changed = {UUID(int=1): {"cadence_id": 457}, UUID(int=2): {"priority": 300}}
    new = {"trigger_type": "new-customer", "cadence_id": 456, "stakeholder_criteria": {"not": IS_CHAMPION}}
    file = _file([*(document.plain() | changed[id_] for id_, document in documents), new])
    plan = await planned(scene, file)
    assert plan.findings == ()
    (addition,) = plan.additions
    assert (addition.trigger_type, addition.cadence_id) == (TriggerType.NEW_CUSTOMER, 456)
    assert {one.id: one.differences for one in plan.changes} == {
        UUID(int=1): (Difference("cadence_id", 456, 457),),
        UUID(int=2): (Difference("priority", 200, 300),),
    }
    assert [(one.id, one.version) for one in plan.removals] == [(UUID(int=3), 1)]
    assert plan.population == 2
    one, two, three = (str(UUID(int=number)) for number in (1, 2, 3))
    assert [(who.stakeholder_id, who.trigger_type.value, who.was, who.is_) for who in plan.affected] == [
        ("sth-8", "new-customer", "none", str(addition.id)),
        ("sth-8", "at-risk", three, "none"),
        ("sth-9", "renewal-window", one, one),
        ("sth-9", "at-risk", three, "none"),
    ]
    assert plan.affected_stakeholders == 2
    before = await state(scene)
    done = await applied(scene, file, plan)
    assert done == plan
    assert before != await state(scene)
    assert [tuple(row.values())[1:] for row in await state(scene) if row["id"].int in {1, 2, 3}] == [
        (1, "retired", True, 100, 456),
        (2, "published", True, 100, 457),
        (1, "published", True, 300, 456),
        (1, "retired", True, 100, 456),
    ]
    async with scene.database.transaction() as connection:
        facts = (await organizations.read_facts(connection, ["org-1"]))["org-1"]
        assert {one.id for one in facts.mappings.all()} == {UUID(int=1), UUID(int=2), addition.id}
        noted = [(one.change, one.detail) for one in await mappings.changes_of(connection, "org-1", UUID(int=2))]
    assert noted[-1] == ("reordered", plan.hash)
    assert two in await exported(scene)
    again = await planned(scene, file)
    assert (again.additions, again.changes, again.removals, again.unchanged) == ((), (), (), 3)


@pytest.mark.parametrize("moved", ["a mapping", "the team", "somebody affected", "the file"])
async def test_nothing_is_applied_but_what_was_planned(scene: Scene, moved: str) -> None:
    (one, other) = await scene.publish(mapping(1, version=0), mapping(2, version=0, trigger_type=TriggerType.AT_RISK))
    await scene.snapshots(customers=[CUSTOMER], stakeholders=[ANN])
    file = (await exported(scene)).replace("cadence_id: 456", "cadence_id: 457")
    plan = await planned(scene, file)
    async with scene.database.transaction() as connection:
        match moved:
            case "a mapping":
                await versions.disable(connection, "org-1", other.id, **BY)
            case "the team":
                await organizations.advance_decision_version(connection, "org-1", T0)
            case "somebody affected":
                pass
            case "the file":
                file = file.replace("priority: 100", "priority: 101")
    if moved == "somebody affected":
        await scene.snapshots(stakeholders=[BOB])
    before = await state(scene)
    with pytest.raises(PlanMoved):
        await applied(scene, file, plan)
    assert await state(scene) == before
    await applied(scene, file, await planned(scene, file))
    assert {(row["cadence_id"]) for row in await state(scene) if row["status"] == "published"} == {457}
    assert one.cadence_id == 456


async def test_who_is_not_affected_may_move(scene: Scene) -> None:
    await scene.publish(mapping(1, version=0, stakeholder_criteria=CHAMPIONS))
    await scene.snapshots(customers=[CUSTOMER], stakeholders=[ANN])
    file = (await exported(scene)).replace("cadence_id: 456", "cadence_id: 457")
    plan = await planned(scene, file)
    await scene.snapshots(stakeholders=[BOB])
    await applied(scene, file, plan)


async def test_a_plan_with_findings_is_shown_and_not_applied(scene: Scene) -> None:
    await scene.publish(mapping(1, version=0))
    async with scene.database.transaction() as connection:
        drafted = parse_document({"id": str(UUID(int=1)), "trigger_type": "at-risk", "cadence_id": 456})
        await versions.draft(connection, "org-1", drafted, by="usr-7", now=T0)
    file = _file(
        [
            {"id": str(UUID(int=1)), "trigger_type": "renewal-window", "cadence_id": 999},
            {"trigger_type": "at-risk", "sender": {"kind": "fixed_user", "user_id": 99}},
        ]
    )
    plan = await planned(scene, file)
    assert [str(one) for one in plan.findings] == [
        "mappings.0.cadence_id: the team has no cadence 999: choose one that it has",
        "mappings.0.id: has a draft by usr-7: publish or discard it first",
        "mappings.1.cadence_id: is missing: choose one of the team's cadences",
        "mappings.1.sender.user_id: 99 is no active user of the team: choose one who is",
    ]
    before = await state(scene)
    with pytest.raises(MappingInvalid):
        await applied(scene, file, plan)
    assert await state(scene) == before


async def test_a_mapping_that_only_fits_no_more_does_not_stop_the_others(scene: Scene) -> None:
    """What stays as it is, or is only switched off, is not held to what the team has become."""
    await scene.publish(mapping(1, version=0, cadence_id=458), mapping(2, version=0, cadence_id=459))
    documents = [document.plain() for _, document in read_file(await exported(scene), "org-1").mappings]
    plan = await planned(scene, _file([documents[0], documents[1] | {"enabled": False}]))
    assert (plan.unchanged, [one.in_place for one in plan.changes], plan.findings) == (1, [True], ())
    on = await planned(scene, _file([documents[0], documents[1] | {"priority": 7}]))
    assert [one.field for one in on.findings] == ["mappings.1.cadence_id"]


async def test_another_organizations_file_makes_mappings_of_its_own(scene: Scene) -> None:
    await scene.publish(mapping(1, version=0))
    text = await exported(scene)
    other = await Scene(scene.database, organization_id="org-2").set_up()
    plan = await planned(other, text)
    (addition,) = plan.additions
    assert addition.id != UUID(int=1)
    await applied(other, text, plan)
    again = await planned(other, text)
    assert (again.additions, again.unchanged) == ((), 1)
    assert (await planned(scene, text)).unchanged == 1


async def test_engagement_says_who_is_affected(scene: Scene) -> None:
    await scene.publish(mapping(1, version=0))
    await scene.snapshots(customers=[CUSTOMER], stakeholders=[ANN, BOB])
    tally = '[{"cadence_id": 456, "tally": {"sent": 2, "replied": 1, "last_replied_at": "2026-11-20T09:00:00Z"}}]'
    await scene.execute(
        "INSERT INTO engagements (organization_id, stakeholder_id, customer_id, data, tallies, updated_at)"
        " VALUES ('org-1', 'sth-9', 'cus-7', '{\"active_cadences\": []}', $1::text::jsonb, $2)",
        tally,
        T0,
    )
    ((_, known),) = read_file(await exported(scene), "org-1").mappings
    engaged = {"trigger_type": "renewal-window", "cadence_id": 457, "stakeholder_criteria": ENGAGED, "priority": 1}
    file = _file([engaged, known.plain()])
    assert [one.stakeholder_id for one in (await planned(scene, file)).affected] == ["sth-9"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "the file: has no list of `mappings`"),
        ("mappings: {}", "the file: has no list of `mappings`"),
        ("mappings: []\nmapping: []", "mapping: is not known here"),
        ("mappings: [", "the file: is not the YAML that is read here"),
        ("mappings: [&a {trigger_type: at-risk}, *a]", "aliases are not read"),
        ("mappings: []\nmappings: []", "'mappings' is there twice"),
        ("mappings: [!!python/object:os.system {}]", "the file: is not the YAML that is read here"),
        ("mappings: " + "[" * 5000, "the file: is not the YAML that is read here"),
        ("mappings: [{trigger_type: at-risk}, {trigger_type: at-risk}]", "mappings.1: is in the file twice"),
        ("mappings: [{trigger_type: at-risk}, {trigger: x}]", "mappings.1.trigger_type: is missing"),
        ("# " + "x" * 2_000_001, "the file: has more than"),
    ],
)
def test_what_is_no_such_file_is_refused_with_what_to_do(text: str, finding: str) -> None:
    with pytest.raises(MappingInvalid) as refused:
        read_file(text, "org-1")
    assert finding in str(refused.value)


def _file(documents: list[dict[str, Any]]) -> str:
    return yaml.safe_dump({"organization_id": "org-1", "mappings": documents}, sort_keys=False)


def test_one_mapping_alone_comes_back_as_it_was() -> None:
    document = parse_document({"trigger_type": "at-risk", "cadence_id": 7, "customer_criteria": IS_CHAMPION})
    assert read_document(written_document(document)).plain() == document.plain()
