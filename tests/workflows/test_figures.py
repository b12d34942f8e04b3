"""Figures: what decided is decided again, and what differs is counted and named."""

from datetime import timedelta

from enrollment.accuracy import Counted
from schemas.vocabulary import TriggerType
from tests.workflows.scene import ANN, BOB, T0, Scene
from workflows.figures import Figures, count_figures, publish_figures

RENEWAL = TriggerType.RENEWAL_WINDOW
TO = T0 + timedelta(days=1)


async def counted(scene: Scene) -> Figures:
    async with scene.database.reading() as connection:
        return await count_figures(connection, "org-1", T0, TO)


async def test_production_decisions_come_out_the_same_and_a_changed_one_is_found(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.decide(scene.trigger(stakeholders=(ANN, BOB | {"email": None}), event_id="e-1"))
    scene.later(hours=1)
    await scene.decide(scene.trigger(event_id="e-2", contract_id="con-6"), scene.trigger(event_id="e-3"))
    found = await counted(scene)
    assert (found.row.accuracy, found.different, found.not_possible) == (Counted(4, 4), [], 0)
    await scene.execute(
        "UPDATE evaluations SET facts = (facts::jsonb || '{\"ended\": true}')::json WHERE event_id = 'e-1'"
    )
    found = await counted(scene)
    assert found.row.accuracy == Counted(2, 4)
    assert found.different == [await scene.value("SELECT id FROM evaluations WHERE event_id = 'e-1'")]


async def test_what_is_outside_the_time_erased_or_somebody_elses_is_not_counted(scene: Scene) -> None:
    other = await Scene(scene.database, organization_id="org-2").set_up()
    await other.publish_for(RENEWAL)
    await other.decide(other.trigger(event_id="other"))
    await scene.publish_for(RENEWAL)
    await scene.decide(scene.trigger(event_id="e-1"))
    await scene.snapshots(erased_stakeholders=("sth-9",), at=scene.later(hours=1))
    await scene.decide(scene.trigger(event_id="e-2", stakeholders=(BOB,), contract_id="con-6"))
    scene.now = TO
    await scene.decide(scene.trigger(event_id="e-3", stakeholders=(BOB,), contract_id="con-7"))
    found = await counted(scene)
    assert (found.row.accuracy, found.not_possible) == (Counted(1, 1), 1)


async def test_more_evaluations_than_one_page_are_each_counted_once(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.decide(*(scene.trigger(stakeholders=(), contract_id=f"con-{n}") for n in range(1003)))
    heard: list[int] = []
    async with scene.database.reading() as connection:
        found = await count_figures(connection, "org-1", T0, TO, progress=heard.append)
    assert found.row.accuracy == Counted(1003, 1003)
    assert heard == [500, 500, 3]


async def test_figures_are_kept_and_published_once(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.decide(scene.trigger())
    await scene.execute(
        "INSERT INTO sync_ledger (organization_id, stream, cycle, started_at, ended_at, emitted, deduplicated,"
        " out_of_scope, owed)"
        " VALUES ('org-1', 'emails', 1, $1, $1, 5, 3, 1, 1), ('org-1', 'emails', 2, $2, $2, 9, 9, 9, 9)",
        T0,
        TO,
    )
    for _ in range(2):
        async with scene.database.transaction() as connection:
            await publish_figures(connection, "org-1", T0, TO, TO)
    (told,) = [data for name, data in await scene.published() if name == "figures-published"]
    assert (told.from_, told.to, told.counted) == (T0, TO, TO)
    assert (told.accuracy.ratio, told.accuracy.part, told.accuracy.whole) == (1.0, 1, 1)
    assert (told.completeness.part, told.completeness.whole) == (9, 10)
    assert (told.consistency.ratio, told.consistency.whole) == (None, 0)
    (row,) = await scene.rows("SELECT * FROM figures")
    assert (row["accuracy_part"], row["completeness_whole"], row["counted_at"]) == (1, 10, TO)
