"""What people do is in the audit log, with who did it, and nothing personal is."""

from typing import Any

from enrollment.stops import StopScope
from schemas.vocabulary import TriggerType
from storage import audit
from storage.audit import Entry
from tests.workflows.scene import ANN, Scene
from workflows import mapping_versions
from workflows.audit import digest_of
from workflows.field_mapping import DEFAULT_FIELDS, publish_field_mapping
from workflows.mapping_runs import cancel_run, start_run
from workflows.stops import start, stop
from workflows.suppressions import suppress, unsuppress

RENEWAL = TriggerType.RENEWAL_WINDOW


async def _log(scene: Scene, *actions: str) -> list[Entry]:
    """What was done, the oldest first."""
    async with scene.database.connection() as connection:
        found = [one.entry for one in await audit.latest(connection, scene.organization_id, limit=100)]
    return [entry for entry in reversed(found) if entry.action in actions]


async def _do(scene: Scene, work: Any, *arguments: Any, **options: Any) -> Any:
    async with scene.database.transaction() as connection:
        return await work(connection, scene.organization_id, *arguments, **options, now=scene.now)


async def test_a_decision_that_counted_is_noted_once(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    (asked,) = await scene.requested()
    assert await scene.take(scene.decision(asked, event_id="d-1"), scene.decision(asked, event_id="d-2")) == 1
    (entry,) = await _log(scene, "enrollment.approved", "enrollment.rejected")
    assert (entry.action, entry.actor, entry.way) == ("enrollment.approved", "usr-4", "approver")
    assert (entry.subject, entry.correlation_id) == (f"enrollment/{asked.enrollment_id}", "d-1")
    assert entry.detail == {"request_digest": asked.request_digest, "changed": False}


async def test_a_rejection_and_why(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    (asked,) = await scene.requested()
    assert await scene.take(scene.decision(asked, "rejected", reason="not now")) == 1
    (entry,) = await _log(scene, "enrollment.approved", "enrollment.rejected")
    assert (entry.action, entry.digest) == ("enrollment.rejected", digest_of(entry.id, "not now"))


async def test_what_becomes_of_a_mapping(scene: Scene) -> None:
    (published,) = await scene.publish_for(RENEWAL)
    await _do(scene, mapping_versions.disable, published.id, by="usr-2")
    entries = await _log(scene, "mapping.changed")
    assert [(one.actor, one.subject, one.detail["change"]) for one in entries] == [
        ("usr-1", f"mapping/{published.id}", "published"),
        ("usr-2", f"mapping/{published.id}", "disabled"),
    ]


async def test_a_run_that_was_begun_and_cancelled(scene: Scene) -> None:
    (published,) = await scene.publish_for(RENEWAL)
    since = scene.now.replace(year=2026, month=1)
    run_id = await _do(
        scene, start_run, published.id, since=since, at_most=5, reason="the autumn's campaign", by="usr-2"
    )
    await _do(scene, cancel_run, run_id, by="usr-3")
    begun, cancelled = await _log(scene, "mapping_run.started", "mapping_run.cancelled")
    assert (begun.actor, begun.subject, begun.detail["at_most"]) == ("usr-2", f"mapping_run/{run_id}", 5)
    assert begun.digest == digest_of(begun.id, "the autumn's campaign")
    assert (cancelled.actor, cancelled.subject) == ("usr-3", f"mapping_run/{run_id}")


async def test_a_stop_and_its_end(scene: Scene) -> None:
    stop_id = await _do(
        scene,
        stop,
        scope=StopScope.CUSTOMER,
        subject="cus-7",
        reason="Ann Lee has complained",
        pauses_active=True,
        by="usr-1",
        ends_at=None,
    )
    await _do(scene, start, stop_id, by="usr-2")
    stopped, started = await _log(scene, "stop.set", "stop.ended")
    assert (stopped.actor, stopped.subject) == ("usr-1", f"stop/{stop_id}")
    assert stopped.detail == {"scope": "customer", "of": "cus-7", "pauses_active": True}
    assert stopped.digest == digest_of(stopped.id, "Ann Lee has complained")
    assert (started.actor, started.subject, started.digest) == ("usr-2", f"stop/{stop_id}", None)


async def test_suppressing_says_of_whom_by_digest_alone(scene: Scene) -> None:
    await _do(scene, suppress, ["ann@acme.example"], note="Ann asked us to", by="usr-1")
    await _do(scene, suppress, ["ann@acme.example"], note=None, by="usr-1")
    await _do(scene, unsuppress, ["ann@acme.example"], by="usr-2")
    added, removed = await _log(scene, "suppression.added", "suppression.removed")
    assert (added.actor, added.subject) == ("usr-1", "suppression/email")
    assert (removed.actor, removed.subject) == ("usr-2", "suppression/email")
    assert added.digest == digest_of(added.id, "ann@acme.example")
    assert removed.digest == digest_of(removed.id, "ann@acme.example")


async def test_another_field_mapping_is_a_change_of_the_settings(scene: Scene) -> None:
    version = await _do(scene, publish_field_mapping, DEFAULT_FIELDS, by="usr-1")
    (entry,) = await _log(scene, "settings.changed")
    assert (entry.actor, entry.subject, entry.detail) == ("usr-1", f"settings/{version}", {"names": "person_fields"})


async def test_an_erasure_is_noted_without_saying_of_whom_and_the_log_holds_nothing_personal(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.snapshots(stakeholders=(ANN,))
    (asked,) = await scene.requested()
    await scene.take(scene.decision(asked, reason="Ann Lee is the one"))
    await _do(scene, suppress, [ANN["email"]], note="Ann Lee asked us to", by="usr-1")
    await scene.snapshots(erased_stakeholders=("sth-9",))
    (entry,) = await _log(scene, "directory.erased")
    assert (entry.subject, entry.actor, entry.way) == ("stakeholder", None, "service")
    assert entry.digest == digest_of(entry.id, "sth-9")
    async with scene.database.connection() as connection:
        everything = str(await connection.fetch("SELECT * FROM audit_entries"))
    for personal in ("Ann", "Lee", "acme.example"):
        assert personal not in everything
