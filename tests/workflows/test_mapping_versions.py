"""Drafts, versions and what becomes of them, in a real database."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import orjson
import pytest

from enrollment.drafts import MappingInvalid, parse_document
from storage import mappings, organizations
from storage.errors import RecordRefused
from storage.mappings import MappingVersion
from storage.pool import Connection
from tests.enrollment.samples import mapping
from tests.workflows.scene import T0, Scene
from workflows import mapping_versions as versions
from workflows.mapping_versions import Drafted, MappingUnknown

Act: TypeAlias = Callable[[Connection], Awaitable[None]]
BY: dict[str, Any] = {"by": "usr-1", "now": T0}
RENEWAL: dict[str, Any] = {
    "trigger_type": "renewal-window",
    "cadence_id": 456,
    "stakeholder_criteria": {"field": "stakeholder.is_champion", "op": "equals", "value": True},
}


async def draft(connection: Connection, **changes: Any) -> Drafted:
    return await versions.draft(connection, "org-1", parse_document(RENEWAL | changes), **BY)


async def all_of(connection: Connection, id_: UUID) -> list[tuple[int, str]]:
    return [(one.version, one.status) for one in await mappings.versions_of(connection, "org-1", id_)]


async def listed(connection: Connection) -> list[MappingVersion]:
    return await mappings.list_versions(connection, "org-1")


async def decision_version(connection: Connection) -> int:
    return (await organizations.decision_versions(connection, ["org-1"]))["org-1"]


async def test_from_a_draft_to_the_next_published_version(scene: Scene) -> None:
    async with scene.database.transaction() as connection:
        before = await decision_version(connection)
        drafted = await draft(connection)
        assert (drafted.version, drafted.status, drafted.findings) == (1, "validated", ())
        assert await decision_version(connection) == before
    assert await scene.decide(scene.trigger()) == {"no_mapping": 1}
    async with scene.database.transaction() as connection:
        published = await versions.publish_draft(connection, "org-1", drafted.id, **BY)
        assert await decision_version(connection) == before + 1
    assert await scene.decide_again() == {"requested": 1}
    async with scene.database.transaction() as connection:
        again = await draft(connection, id=str(drafted.id), segment="smb")
        assert (again.id, again.version) == (drafted.id, 2)
        over = await draft(connection, id=str(drafted.id), segment="enterprise")
        assert over.version == 2
        assert await all_of(connection, drafted.id) == [(1, "published"), (2, "validated")]
        facts = (await organizations.read_facts(connection, ["org-1"]))["org-1"]
        assert list(facts.mappings.all()) == [published]
        second = await versions.publish_draft(connection, "org-1", drafted.id, **BY)
        assert (second.version, second.segment) == (2, "enterprise")
        assert await all_of(connection, drafted.id) == [(1, "retired"), (2, "published")]
        changes = await mappings.changes_of(connection, "org-1", drafted.id)
    assert [(one.version, one.change, one.changed_by) for one in changes] == [
        (1, "drafted", "usr-1"),
        (1, "published", "usr-1"),
        (2, "drafted", "usr-1"),
        (2, "drafted", "usr-1"),
        (2, "published", "usr-1"),
    ]
    told = [(data.mapping_id, data.version) for name, data in await scene.published() if name == "mapping-published"]
    assert told == [(drafted.id, 1), (drafted.id, 2)]


async def test_a_draft_with_findings_waits_until_they_are_gone(scene: Scene) -> None:
    async with scene.database.transaction() as connection:
        drafted = await draft(connection, cadence_id=458, start_step_id=79)
        assert drafted.status == "draft"
        assert [one.field for one in drafted.findings] == ["cadence_id"]
    with pytest.raises(MappingInvalid) as refused:
        async with scene.database.transaction() as connection:
            await versions.publish_draft(connection, "org-1", drafted.id, **BY)
    assert refused.value.findings == drafted.findings
    async with scene.database.transaction() as connection:
        await scene.keep_team(connection, cadences=(456, 457, 458))
        again = await versions.validate_draft(connection, "org-1", drafted.id)
        assert [one.field for one in again.findings] == ["start_step_id"]
        assert await all_of(connection, drafted.id) == [(1, "draft")]
        await draft(connection, id=str(drafted.id), cadence_id=458)
        assert await all_of(connection, drafted.id) == [(1, "validated")]
        await scene.keep_team(connection)
        gone = await versions.validate_draft(connection, "org-1", drafted.id)
        assert (gone.status, await all_of(connection, drafted.id)) == ("draft", [(1, "draft")])


async def test_what_is_published_never_changes(scene: Scene) -> None:
    async with scene.database.transaction() as connection:
        drafted = await draft(connection)
        await versions.publish_draft(connection, "org-1", drafted.id, **BY)
        before = await mappings.versions_of(connection, "org-1", drafted.id)
        # Neither by the way of a draft ...
        await mappings.put_draft(
            connection,
            "org-1",
            parse_document(RENEWAL | {"cadence_id": 457}),
            id_=drafted.id,
            version=1,
            status="draft",
            cadence_name=None,
            **BY,
        )
        await mappings.set_draft_status(connection, "org-1", drafted.id, "draft")
        await mappings.discard_draft(connection, "org-1", drafted.id)
        assert await mappings.versions_of(connection, "org-1", drafted.id) == before
    # ... nor by hand, back to a draft the least.
    for statement in (
        "UPDATE salesloft_cadence_mappings SET status = 'validated'",
        "UPDATE salesloft_cadence_mappings SET segment = 'smb'",
        "DELETE FROM salesloft_cadence_mappings",
    ):
        with pytest.raises(RecordRefused):
            async with scene.database.transaction() as connection:
                await connection.execute(statement)


async def test_switching_and_ordering_move_the_decision_version_and_not_the_mappings(scene: Scene) -> None:
    (first,) = await scene.publish(mapping(1, version=0))
    (second,) = await scene.publish(mapping(2, version=0, cadence_id=457))

    async def winner() -> int | None:
        await scene.decide(scene.trigger(contract_id=str(uuid4())))
        rows = await scene.rows("SELECT outcomes FROM evaluations ORDER BY evaluated_at, id")
        (outcome,) = orjson.loads(rows[-1]["outcomes"])
        return UUID(outcome["mapping_id"]).int if outcome["mapping_id"] else None

    assert await winner() == 1
    acts: list[Act] = [
        lambda on: versions.disable(on, "org-1", first.id, **BY),
        lambda on: versions.enable(on, "org-1", first.id, **BY),
        lambda on: versions.reorder(on, "org-1", second.id, 1, **BY),
        lambda on: versions.retire(on, "org-1", second.id, **BY),
    ]
    seen = []
    for act in acts:
        scene.later(minutes=1)
        async with scene.database.transaction() as connection:
            before = await decision_version(connection)
            await act(connection)
            assert await decision_version(connection) == before + 1
        seen.append(await winner())
    assert seen == [2, 1, 2, 1]
    async with scene.database.transaction() as connection:
        assert await all_of(connection, first.id) == [(1, "published")]
        assert await all_of(connection, second.id) == [(1, "retired")]
        noted = [(one.change, one.detail) for one in await mappings.changes_of(connection, "org-1", second.id)]
        assert noted == [("published", None), ("reordered", "1"), ("retired", None)]
        members = await connection.fetch("SELECT members FROM mapping_sets ORDER BY decision_version DESC LIMIT 4")
    # Which counted, and in which order, can be told of each decision version.
    told = [[(one["enabled"], one["priority"]) for one in orjson.loads(row["members"])] for row in members]
    assert told == [[(True, 100)], [(True, 100), (True, 1)], [(True, 100), (True, 100)], [(False, 100), (True, 100)]]


async def test_what_does_not_fit_any_more_is_not_switched_on_again(scene: Scene) -> None:
    (one,) = await scene.publish(mapping(1, version=0))
    async with scene.database.transaction() as connection:
        await versions.disable(connection, "org-1", one.id, **BY)
        await scene.keep_team(connection, cadences=(457,))
    with pytest.raises(MappingInvalid, match="no cadence 456"):
        async with scene.database.transaction() as connection:
            await versions.enable(connection, "org-1", one.id, **BY)
    async with scene.database.transaction() as connection:
        await scene.keep_team(connection)
        await connection.execute("UPDATE salesloft_connections SET team_id = team_id + 1")
    with pytest.raises(MappingInvalid, match="of another team"):
        async with scene.database.transaction() as connection:
            await versions.enable(connection, "org-1", one.id, **BY)


async def test_a_draft_that_was_published_past_is_written_anew(scene: Scene) -> None:
    async with scene.database.transaction() as connection:
        drafted = await draft(connection)
    await scene.publish(replace(mapping(1, version=0), id=drafted.id))
    with pytest.raises(MappingUnknown, match="published past its draft of version 1"):
        async with scene.database.transaction() as connection:
            await versions.publish_draft(connection, "org-1", drafted.id, **BY)
    async with scene.database.transaction() as connection:
        again = await draft(connection, id=str(drafted.id))
        assert await all_of(connection, drafted.id) == [(2, "published"), (3, "validated")]
        assert again.version == 3
        await versions.discard(connection, "org-1", drafted.id, **BY)
        assert await all_of(connection, drafted.id) == [(2, "published")]


async def test_an_organization_knows_its_own_mappings_only(scene: Scene) -> None:
    (ours,) = await scene.publish(mapping(1, version=0))
    other = await Scene(scene.database, organization_id="org-2").set_up()
    for work in (
        lambda on: versions.draft(on, "org-2", parse_document(RENEWAL | {"id": str(ours.id)}), **BY),
        lambda on: versions.publish_draft(on, "org-2", ours.id, **BY),
        lambda on: versions.validate_draft(on, "org-2", ours.id),
        lambda on: versions.disable(on, "org-2", ours.id, **BY),
        lambda on: versions.enable(on, "org-2", ours.id, **BY),
        lambda on: versions.reorder(on, "org-2", ours.id, 1, **BY),
        lambda on: versions.retire(on, "org-2", ours.id, **BY),
        lambda on: versions.discard(on, "org-2", ours.id, **BY),
        lambda on: versions.draft(on, "org-3", parse_document(RENEWAL), **BY),
    ):
        with pytest.raises(MappingUnknown):
            async with other.database.transaction() as connection:
                await work(connection)
    async with scene.database.transaction() as connection:
        assert [(one.id, one.status, one.document.enabled) for one in await listed(connection)] == [
            (ours.id, "published", True)
        ]
        assert await mappings.list_versions(connection, "org-2") == []
