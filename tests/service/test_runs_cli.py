"""`mappings run-once`, `runs` and `cancel-run`, as an operator types them."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from sandbox.salesloft.server import SimulatorClient
from schemas.vocabulary import TriggerType
from storage.pool import Database
from tests.service.operating import Operator
from tests.workflows.scene import ANN, BOB, Scene
from workflows.mapping_runs import advance_run


@pytest.fixture
async def scene(database: Database, simulator: SimulatorClient) -> Scene:
    """An event of two stakeholders, so long before the mapping that it is not decided again by itself.

    The operator's time is the simulator's.
    """
    scene = await Scene(database, now=await simulator.now() - timedelta(days=30)).set_up()
    await scene.decide(scene.trigger(TriggerType.RENEWAL_WINDOW, [ANN, BOB], event_id="e-1"))
    scene.later(days=30)
    await scene.decide_again()
    return scene


@pytest.fixture
async def mapping_id(scene: Scene) -> UUID:
    (published,) = await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    return published.id


async def test_it_is_shown_begun_listed_and_cancelled(operator: Operator, scene: Scene, mapping_id: UUID) -> None:
    words = ("mappings", "run-once", "org-1", str(mapping_id), "--at-most", "1")
    assert await operator.types("mappings", "runs", "org-1") == (0, "nothing was run")
    code, told = await operator.types(*words)
    assert code == 0, told
    assert told == (
        "would be asked for: stakeholder sth-9 of customer cus-7"
        " 1 stakeholders, of 1 customers looked at; say --reason to begin"
    )
    assert "0 stakeholders, of 1 customers" in (await operator.types(*words, "--days", "7"))[1]
    assert await operator.types("mappings", "runs", "org-1") == (0, "nothing was run")

    code, told = await operator.types(*words, "--reason", "who came before")
    assert code == 0, told
    begun = re.match(r"begun: (\S+);", told)
    assert begun is not None
    code, told = await operator.types(*words, "--reason", "again")
    assert code == 1
    assert told.startswith("RunInvalid: a run of the mapping")
    assert "goes on" in (await operator.types("mappings", "runs", "org-1", columns="300"))[1]

    async with scene.database.transaction() as connection:
        await advance_run(connection, scene.memory, scene.now, limit=50)
    assert [one.stakeholder.id for one in await scene.asked()] == ["sth-9"]
    told = (await operator.types("mappings", "runs", "org-1", columns="300"))[1]
    assert "cap_reached" in told
    assert "who came before" in told
    assert (await operator.types("mappings", "cancel-run", "org-1", begun[1]))[0] == 1


async def test_a_run_is_cancelled(operator: Operator, mapping_id: UUID) -> None:
    _, told = await operator.types(
        *("mappings", "run-once", "org-1", str(mapping_id), "--at-most", "5", "--reason", "so")
    )
    begun = re.match(r"begun: (\S+);", told)
    assert begun is not None
    assert await operator.types("mappings", "cancel-run", "org-1", begun[1]) == (0, "cancelled")
    assert "cancelled" in (await operator.types("mappings", "runs", "org-1"))[1]


async def test_what_cannot_be_run_is_said_in_a_line(operator: Operator, mapping_id: UUID) -> None:
    other = str(uuid4())
    code, told = await operator.types("mappings", "run-once", "org-1", other, "--at-most", "5")
    assert (code, told) == (1, f"RunInvalid: org-1 has no published mapping {other}")
    assert (await operator.types("mappings", "run-once", "org-1", str(mapping_id)))[0] == 2
    assert (await operator.types("mappings", "cancel-run", "org-1", other))[0] == 1
