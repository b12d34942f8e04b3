"""`enrollments`, as an operator types them."""

from datetime import timedelta
from uuid import UUID

import pytest

from sandbox.salesloft.server import SimulatorClient
from schemas.vocabulary import TriggerType
from storage.pool import Database
from tests.service.operating import Operator
from tests.workflows.scene import Scene


@pytest.fixture
async def scene(database: Database, simulator: SimulatorClient) -> Scene:
    """Ann is asked for; the operator's time is the simulator's."""
    scene = await Scene(database, now=await simulator.now() - timedelta(days=1)).set_up()
    await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    await scene.decide(scene.trigger(TriggerType.RENEWAL_WINDOW, event_id="e-1"))
    return scene


@pytest.fixture
async def enrolled(scene: Scene) -> UUID:
    """Ann is on her cadence."""
    (asked,) = await scene.asked()
    await scene.put_into("enrolled", asked.enrollment_id)
    return UUID(str(asked.enrollment_id))


async def commands(scene: Scene) -> list[str]:
    return [row["kind"] for row in await scene.rows("SELECT kind FROM commands ORDER BY position")]


async def test_somebody_is_paused_and_resumed(operator: Operator, scene: Scene, enrolled: UUID) -> None:
    assert "nobody was asked for" in (await operator.types("enrollments", "list", "org-2"))[1]
    code, told = await operator.types("enrollments", "list", "org-1", "--stakeholder", "sth-9")
    assert code == 0, told
    assert "enrolled" in told
    this = ("org-1", str(enrolled))
    code, told = await operator.types(
        *("enrollments", "pause", *this, "--why", "on holiday", "--until", "2099-01-01T00:00:00")
    )
    assert (code, told) == (0, "noted; `enrollments list` tells when it is done")
    assert await commands(scene) == ["pause"]
    assert "until 2099-01-01 00:00 UTC" in (await operator.types("enrollments", "list", "org-1"))[1]
    await scene.put_into("paused", enrolled)
    assert (await operator.types("enrollments", "resume", *this, "--why", "back", standard_input="n\n"))[0] == 1
    assert await commands(scene) == ["pause"]
    code, told = await operator.types("enrollments", "resume", *this, "--why", "back", standard_input="y\n")
    assert code == 0, told
    assert "adds the person to the cadence again" in told
    assert await commands(scene) == ["pause", "resume"]
    told = (await operator.types("enrollments", "asked", *this))[1]
    assert "pause until 2099-01-01 00:00 UTC" in told
    assert "on holiday" in told
    assert "back" in told


async def test_somebody_is_moved_and_removed(operator: Operator, scene: Scene, enrolled: UUID) -> None:
    this = ("org-1", str(enrolled))
    for words in (("skip",), ("restart", "--step", "77"), ("sender", "--user", "12"), ("remove",)):
        more = () if words == ("remove",) else ("--yes",)
        code, told = await operator.types("enrollments", words[0], *this, *words[1:], "--why", "so", *more)
        assert code == 0, told
    assert await commands(scene) == ["pause", "pause", "pause", "remove"]
    told = (await operator.types("enrollments", "asked", *this))[1]
    for what in ("skip", "restart at step 77", "change sender to user 12", "remove"):
        assert what in told


async def test_what_cannot_be_done_is_said_in_a_line(operator: Operator, scene: Scene) -> None:
    (asked,) = await scene.asked()
    this = ("org-1", str(asked.enrollment_id))
    code, told = await operator.types("enrollments", "pause", *this, "--why", "so")
    assert code == 1
    assert told == "SteeringInvalid: only who is on a cadence can be paused, and the enrollment is requested"
    code, told = await operator.types("enrollments", "restart", *this, "--step", "9", "--why", "so", "--yes")
    assert code == 1
    assert (await operator.types("enrollments", "pause", *this))[0] == 2


async def test_what_happened_is_told_in_one_line_of_time(operator: Operator, scene: Scene, enrolled: UUID) -> None:
    assert (await operator.types("history", "org-1"))[0] == 2
    assert await operator.types("history", "org-1", "--customer", "cus-unknown") == (0, "nothing has happened")
    code, told = await operator.types("history", "org-1", "--stakeholder", "sth-9")
    assert code == 0, told
    assert str(enrolled)[:8] in told
    assert "trigger renewal-window" in " ".join(told.replace("│", " ").split())
    assert "event_id e-1" in told


async def test_what_failed_is_retried_once(operator: Operator, scene: Scene) -> None:
    (asked,) = await scene.asked()
    await scene.put_into("failed", asked.enrollment_id)
    this = ("org-1", str(asked.enrollment_id))
    code, told = await operator.types("enrollments", "retry", *this, "--why", "merged there")
    assert (code, told) == (0, "noted; `enrollments list` tells when it is done")
    assert await commands(scene) == ["enroll"]
    assert "retry" in (await operator.types("enrollments", "asked", *this))[1]
    code, told = await operator.types("enrollments", "retry", *this, "--why", "again")
    assert code == 1
    assert "only what failed is tried again" in told
    assert await commands(scene) == ["enroll"]
