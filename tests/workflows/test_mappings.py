"""Publishing mappings: versions, what the platform is told, and the four defaults."""

from dataclasses import replace

import pytest

from enrollment.decide import CadenceFacts, StepFacts
from schemas.vocabulary import PURPOSE_OF_TRIGGER, Purpose, TriggerType
from storage import organizations
from tests.enrollment.samples import mapping
from tests.workflows.scene import Scene
from workflows.mappings import CadenceMissing, default_mappings, suggested_cadence


def cadence(id_: int, name: str, **changes: bool) -> CadenceFacts:
    values = {"people_addable": True, "team_cadence": True} | changes
    return CadenceFacts(id=id_, name=name, owner_user_id=12, steps=(StepFacts(1, None, 1, "email"),), **values)


TEAM = [cadence(4, "Upsell"), cadence(3, "Save the day"), cadence(2, "RENEWAL 90"), cadence(1, "Welcome aboard")]


async def test_each_publication_is_a_version_and_is_told(scene: Scene) -> None:
    first = mapping(version=0)
    (one,) = await scene.publish(first)
    (two,) = await scene.publish(replace(one, priority=5))
    assert (one.version, two.version) == (1, 2)
    told = [data for name, data in await scene.published() if name == "mapping-published"]
    assert [(data.mapping_id, data.version, data.published_by) for data in told] == [
        (first.id, 1, "usr-1"),
        (first.id, 2, "usr-1"),
    ]
    rows = await scene.rows("SELECT version, status FROM salesloft_cadence_mappings ORDER BY version")
    assert [(row["version"], row["status"]) for row in rows] == [(1, "retired"), (2, "published")]
    sets = await scene.rows("SELECT decision_version, members FROM mapping_sets ORDER BY decision_version")
    assert len({row["decision_version"] for row in sets}) == len(sets)
    assert '"version": 2' in sets[-1]["members"]


async def test_what_was_published_is_read_as_it_was_written(scene: Scene) -> None:
    (published,) = await scene.publish(mapping(version=0, segment="mid-market", start_step_id=78))
    async with scene.database.transaction() as connection:
        facts = (await organizations.read_facts(connection, ["org-1"]))["org-1"]
    (found,) = facts.mappings.for_segment(TriggerType.RENEWAL_WINDOW, "mid-market")
    assert found.mapping == published


def test_the_four_defaults_lead_to_the_cadences_whose_names_suggest_them() -> None:
    found = default_mappings("org-1", TEAM)
    assert {(one.trigger_type, one.purpose, of.id) for one, of in found} == {
        (trigger, purpose, {"welcome": 1, "renewal": 2, "save": 3, "upsell": 4}[purpose.value])
        for trigger, purpose in PURPOSE_OF_TRIGGER.items()
    }
    assert [one.id for one, _ in found] == [one.id for one, _ in default_mappings("org-1", TEAM[::-1])]
    assert {one.id for one, _ in found}.isdisjoint(one.id for one, _ in default_mappings("org-2", TEAM))


@pytest.mark.parametrize("changes", [{"people_addable": False}, {"team_cadence": False}])
def test_a_cadence_that_takes_nobody_is_not_suggested(changes: dict[str, bool]) -> None:
    assert suggested_cadence(Purpose.SAVE, [cadence(3, "Save", **changes)]) is None
    with pytest.raises(CadenceMissing, match="save"):
        default_mappings("org-1", [one for one in TEAM if one.id != 3])
