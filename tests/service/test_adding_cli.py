"""`enrollments add` and `enrollments why`, as an operator types them."""

from datetime import timedelta
from uuid import uuid4

import pytest

from sandbox.salesloft.server import SimulatorClient
from storage.pool import Database
from tests.service.operating import Operator
from tests.workflows.scene import ANN, CUSTOMER, Scene

ADD = ("enrollments", "add", "org-1", "sth-9", "--cadence", "456", "--why", "she asked for it")


@pytest.fixture
async def scene(database: Database, simulator: SimulatorClient) -> Scene:
    """Ann is known; the operator's time is the simulator's."""
    scene = await Scene(database, now=await simulator.now() - timedelta(days=1)).set_up()
    await scene.snapshots(customers=[CUSTOMER], stakeholders=[ANN])
    return scene


async def test_somebody_is_asked_for(operator: Operator, scene: Scene) -> None:
    code, told = await operator.types(*ADD, "--dry-run", "--step", "78", "--sender", "13")
    assert code == 0, told
    assert "would be asked for: cadence Renewal 456, from step Second" in told
    assert "sent by Lea" in told
    assert not await scene.states()
    code, told = await operator.types(*ADD, "--field", "Offer=10 %")
    assert code == 0, told
    assert "asked for: cadence Renewal 456, from step First" in told
    (request,) = await scene.asked()
    assert str(request.enrollment_id) in told
    assert request.action.custom_fields == {"Offer": "10 %"}
    code, told = await operator.types("enrollments", "why", "org-1", str(request.enrollment_id))
    assert code == 0, told
    assert "she asked for it" in told
    assert "suppression" in told
    code, told = await operator.types(*ADD)
    assert code == 1
    assert "refused (already_requested): The stakeholder has been asked for on this cadence already" in told
    assert len(await scene.asked()) == 1


async def test_what_cannot_be_asked_is_said_in_a_line(operator: Operator, scene: Scene) -> None:
    code, told = await operator.types(*ADD, "--step", "1")
    assert code == 1
    assert "AdditionInvalid: 1 is no step of the cadence" in told
    code, told = await operator.types("enrollments", "add", "org-1", "sth-0", "--cadence", "456", "--why", "so")
    assert (code, told) == (1, "UnknownParty: there is no stakeholder sth-0")
    assert (await operator.types(*ADD, "--field", "Offer"))[0] == 2
    assert (await operator.types(*ADD, "--start", "soon"))[0] == 2
    code, told = await operator.types("enrollments", "why", "org-1", str(uuid4()))
    assert code == 1
    assert "no person asked for that" in told
    assert not await scene.states()
