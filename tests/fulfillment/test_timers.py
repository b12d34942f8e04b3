"""Timed duties under several replicas."""

from datetime import timedelta

from fulfillment.timers import TimerOptions, Timers
from schemas.topics import ENROLLMENT_DECISION
from storage import progress
from tests.fulfillment.stage import Stage, running, until
from workflows.memory import OrganizationMemory

QUICK = TimerOptions(tick_s=0.05, prune_every_s=0.05, batch=3)


def _timers(stage: Stage) -> Timers:
    return Timers(stage.database, OrganizationMemory(), stage.clock, QUICK)


async def _requested(stage: Stage, number: int) -> None:
    for one in range(number):
        await stage.trigger("cus-1", [{"id": f"sth-{one}", "email": f"{one}@acme.example"}], f"epi-{one}")


async def _looked_again(stage: Stage) -> None:
    """Wait until a replica that starts now has looked at every duty."""
    async with running(_timers(stage)):
        pass


async def test_a_request_expires_once_its_decisions_are_read(stage: Stage) -> None:
    await _requested(stage, 7)
    partitions = range(ENROLLMENT_DECISION.partitions)
    async with running(_timers(stage), _timers(stage)):
        await stage.advance(25 * 3600)
        async with stage.database.transaction() as connection:
            read = {(ENROLLMENT_DECISION.name, partition): stage.clock.now() for partition in partitions[:-1]}
            await progress.record_read_through(connection, read)
        await _looked_again(stage)
        states = {row["state"] for row in await stage.fetch("SELECT state FROM enrollments")}
        assert states == {"requested"}
        async with stage.database.transaction() as connection:
            last = {(ENROLLMENT_DECISION.name, partitions[-1]): stage.clock.now()}
            await progress.record_read_through(connection, last)

        async def expired() -> bool:
            return not await stage.fetch("SELECT FROM enrollments WHERE state <> 'expired'")

        await until(expired)
    history = await stage.fetch("SELECT enrollment_id FROM enrollment_history WHERE to_state = 'expired'")
    assert len(history) == len({row["enrollment_id"] for row in history}) == 7


async def test_a_woken_deferral_is_decided_again(stage: Stage) -> None:
    await stage.execute("UPDATE salesloft_users SET active = false")
    await stage.advance_decision_version()
    await _requested(stage, 1)
    assert not await stage.fetch("SELECT FROM enrollments")
    async with running(_timers(stage), _timers(stage)):
        await stage.execute("UPDATE salesloft_users SET active = true")
        await stage.advance_decision_version()

        async def requested() -> bool:
            return len(await stage.fetch("SELECT FROM enrollments")) == 1

        await until(requested)


async def test_a_deferral_that_cannot_be_decided_does_not_hold_up_the_others(stage: Stage) -> None:
    await stage.execute("UPDATE salesloft_users SET active = false")
    await stage.advance_decision_version()
    for customer in ("cus-1", "cus-2"):
        await stage.trigger(
            customer, [{"id": f"sth-{customer}", "email": f"{customer}@acme.example"}], f"epi-{customer}"
        )
    await stage.execute("UPDATE deferrals SET data = 'no JSON' WHERE customer_id = 'cus-1'")
    await stage.execute("UPDATE salesloft_users SET active = true")
    await stage.advance_decision_version()
    async with running(_timers(stage)):

        async def requested() -> bool:
            return bool(await stage.fetch("SELECT FROM enrollments WHERE customer_id = 'cus-2'"))

        await until(requested)
        await _looked_again(stage)
        (left,) = await stage.fetch("SELECT customer_id, wake_at FROM deferrals")
        assert left["customer_id"] == "cus-1"
        assert stage.clock.now() < left["wake_at"] <= stage.clock.now() + timedelta(hours=1)
        # What is put off is decided in its time, once what was wrong is mended.
        event = f"""{{"organization_id": "{stage.organization_id}", "customer": {{"id": "cus-1", "owner": {{"email":
            "{stage.team["users"][1]["email"]}"}}}}, "stakeholders": [{{"id": "s", "email": "s@acme.example"}}],
            "trigger": {{"episode_id": "e", "severity": "high", "reasons": []}}}}"""
        await stage.execute("UPDATE deferrals SET data = convert_to($1, 'UTF8')", event)
        await stage.advance(3601)

        async def all_requested() -> bool:
            return bool(await stage.fetch("SELECT FROM enrollments WHERE customer_id = 'cus-1'"))

        await until(all_requested)


async def test_an_old_catalogue_is_read_again_once(stage: Stage) -> None:
    async with running(_timers(stage), _timers(stage)), stage.working():
        before = await stage.fetchrow("SELECT max(refreshed_at) AS at FROM salesloft_cadences")
        await stage.simulator.call("PUT", f"teams/{stage.team_id}/cadences/{stage.cadence['id']}", {"name": "Renamed"})
        await stage.advance(6 * 3600 + 60)

        async def renamed() -> bool:
            return bool(await stage.fetch("SELECT FROM salesloft_cadences WHERE name = 'Renamed'"))

        await until(renamed)
        await stage.settled()
    assert len(await stage.fetch("SELECT FROM commands WHERE kind = 'refresh_cadences'")) == 1
    after = await stage.fetchrow("SELECT min(refreshed_at) AS at FROM salesloft_cadences")
    assert after["at"] > before["at"] + timedelta(hours=6)


async def test_old_marks_and_commands_go(stage: Stage) -> None:
    for days, name in ((30, "old"), (1, "new")):
        await stage.execute(
            "INSERT INTO inbox (consumer_group, topic, source, event_id, data_digest, recorded_at) "
            "VALUES ('g', 't', 's', $1, '', clock_timestamp() - make_interval(days => $2))",
            name,
            days,
        )
        await stage.execute(
            "INSERT INTO commands "
            "(id, organization_id, kind, subject, correlation_id, state, due_at, created_at, done_at) "
            "VALUES (gen_random_uuid(), $1, $2, 's', 'c', 'done', $3, $3, $3)",
            stage.organization_id,
            name,
            stage.clock.now() - timedelta(days=days + 5),
        )
    async with running(_timers(stage)):

        async def pruned() -> bool:
            marks = [row["event_id"] for row in await stage.fetch("SELECT event_id FROM inbox")]
            kinds = [row["kind"] for row in await stage.fetch("SELECT kind FROM commands")]
            return (marks, kinds) == (["new"], ["new"])

        await until(pruned)
