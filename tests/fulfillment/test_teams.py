"""Another team is connected: what names the ids of the one before is not done in it, and goes on once that one is back.

Ids are a team's. Each test has some of both teams coincide, or the other one would refuse by itself.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from salesloft_client import GrantRevoked
from storage.steering import Steering, SteeringAction
from tests.fulfillment.stage import Stage, until
from tests.fulfillment.steps import MEMBERSHIPS, end, is_hit, known
from tests.fulfillment.test_adding import approved
from workflows.catalogue import refresh_soon
from workflows.credentials import ApiKey
from workflows.steering import steer


@dataclass
class Two:
    """The team that the stage has, and another one that its organization may be connected to."""

    stage: Stage
    other: dict[str, Any]

    async def connect_other(self) -> None:
        stage = self.stage
        await stage.sessions.connect(stage.organization_id, ApiKey(self.other["api_key"]), by="usr-1")
        # Who owns the customers is a user there, too.
        await stage.execute(
            "UPDATE salesloft_users SET email = $1 WHERE user_id = $2",
            stage.team["users"][1]["email"],
            self.other["users"][1]["id"],
        )
        await stage.advance_decision_version()

    async def connect_back(self) -> None:
        stage = self.stage
        await stage.sessions.connect(stage.organization_id, ApiKey(stage.team["api_key"]), by="usr-1")

    async def name_alike(self) -> None:
        """Have the stage's cadence and sender go by the ids that they have in the other team."""
        stage = self.stage
        there = next(one for one in self.other["cadences"] if one["name"] == stage.cadence["name"])
        stage.team["cadences"] = [there]
        await stage.execute(
            "UPDATE salesloft_cadences SET cadence_id = $1, steps = ("
            " SELECT jsonb_agg(jsonb_set(s.step, '{id}', to_jsonb($2::bigint[]) -> (s.place - 1)::int))"
            " FROM jsonb_array_elements(steps) WITH ORDINALITY AS s (step, place))"
            " WHERE name = $3",
            there["id"],
            [one["id"] for one in there["steps"]],
            there["name"],
        )
        await stage.execute(
            "UPDATE salesloft_users SET user_id = $1 WHERE user_id = $2",
            self.other["users"][1]["id"],
            stage.team["users"][1]["id"],
        )
        await stage.advance_decision_version()

    async def written_there(self) -> list[str]:
        team_id = int(self.other["team_id"])
        return [one["resource"] for one in await self.stage.simulator.writes(team_id)]


@pytest.fixture
async def two(stage: Stage) -> Two:
    other = await stage.simulator.team(f"Other {stage.organization_id}")
    return Two(stage, other)


async def test_what_was_approved_for_one_team_is_not_done_in_another(two: Two) -> None:
    stage = two.stage
    await two.name_alike()
    await known(stage)
    enrollment_id = await approved(stage)
    await two.connect_other()
    async with stage.working():
        await stage.settled()
    assert await stage.state(enrollment_id) == ("withdrawn", "cadence_unavailable")
    assert await two.written_there() == []


async def test_whoever_is_to_leave_a_cadence_of_one_team_leaves_it_once_that_team_is_back(two: Two) -> None:
    """The other team knows no such membership, which would look like somebody who is off already."""
    stage = two.stage
    await stage.simulator.switch(stage.team_id, processing_seconds=0.0)
    async with stage.working():
        enrollment_id = await stage.approved()
        await stage.reaches(enrollment_id, "enrolled")
        await two.connect_other()
        await end(stage, enrollment_id, "churned")
        await _is_put_off(stage, enrollment_id)
        assert (await stage.state(enrollment_id))[0] == "enrolled"
        await two.connect_back()
        await stage.reaches(enrollment_id, "exited")
    assert len(await stage.writes("cadence_memberships", "DELETE")) == 1


async def test_whoever_was_paused_in_one_team_is_not_added_back_in_another(two: Two) -> None:
    stage = two.stage
    await stage.simulator.switch(stage.team_id, processing_seconds=0.0)
    async with stage.working():
        enrollment_id = await stage.approved()
        await stage.reaches(enrollment_id, "enrolled")
        await stage.advance(3)
        await _steered(stage, enrollment_id, SteeringAction.PAUSE)
        await stage.reaches(enrollment_id, "paused")
        await two.connect_other()
        await _steered(stage, enrollment_id, SteeringAction.RESUME)
        await _is_put_off(stage, enrollment_id)
        assert (await stage.state(enrollment_id))[0] == "paused"
        assert await two.written_there() == []
        await two.connect_back()
        await stage.reaches(enrollment_id, "enrolled")


async def test_what_a_call_has_done_in_one_team_is_not_looked_for_in_another(two: Two) -> None:
    stage = two.stage
    await stage.simulator.add_fault(
        team_id=stage.team_id, method="POST", path=MEMBERSHIPS, kind="reset_after_write", count=1
    )
    await stage.simulator.add_fault(team_id=stage.team_id, method="GET", path=MEMBERSHIPS, kind="status", status=500)
    async with stage.working():
        enrollment_id = await stage.approved()
        await stage.reaches(enrollment_id, "unknown")
        await two.connect_other()
        await _is_put_off(stage, enrollment_id)
        assert (await stage.state(enrollment_id))[0] == "unknown"
        await stage.simulator.clear_faults(stage.team_id)
        await two.connect_back()
        await stage.reaches(enrollment_id, "enrolled")
    assert len(await stage.writes("cadence_memberships")) == 1


async def test_cadences_that_were_read_of_one_team_are_not_kept_of_another(two: Two) -> None:
    stage = two.stage
    await stage.advance(61)
    await stage.simulator.add_fault(
        team_id=stage.team_id, method="GET", path="/v2/steps", kind="latency", milliseconds=600, count=1
    )
    async with stage.working():
        async with stage.database.transaction() as connection:
            await refresh_soon(connection, stage.organization_id, correlation_id="corr", now=stage.clock.now())
        await is_hit(stage)
        await two.connect_other()
        await stage.settled()
    kept = await stage.fetch("SELECT cadence_id FROM salesloft_cadences")
    assert {row["cadence_id"] for row in kept} == {one["id"] for one in two.other["cadences"]}
    kept = await stage.fetch("SELECT user_id FROM salesloft_users")
    assert {row["user_id"] for row in kept} == {one["id"] for one in two.other["users"]}


async def test_a_session_of_one_team_does_not_go_on_with_the_tokens_of_another(two: Two) -> None:
    stage = two.stage
    session = await stage.sessions.of(stage.organization_id)
    assert (await session.client.team()).id == stage.team_id
    await two.connect_other()
    sealed = session.tokens
    with pytest.raises(GrantRevoked):
        await sealed.refreshed(await sealed.access_token())


async def _steered(stage: Stage, enrollment_id: UUID, action: SteeringAction) -> None:
    asked = Steering(id=uuid4(), enrollment_id=enrollment_id, action=action, asked_by="usr-1", note="so")
    async with stage.database.transaction() as connection:
        await steer(connection, stage.organization_id, asked, stage.memory, stage.clock.now())


async def _is_put_off(stage: Stage, enrollment_id: UUID) -> None:
    """Wait until the enrollment's work has been looked at and waits for its team."""

    async def waits() -> bool:
        return bool(
            await stage.fetch(
                "SELECT FROM commands WHERE enrollment_id = $1 AND state = 'pending' AND last_error = 'not_connected'",
                enrollment_id,
            )
        )

    await until(waits, within_s=8)
