"""Skipping a step under every fault: taken off once and added back once, or removed with a reason and off the cadence.

Skipping is all that steering does: the step is read, the person taken off, and added back through the gates.
"""

from typing import Any
from uuid import uuid4

import pytest

from storage.steering import Steering, SteeringAction
from tests.fulfillment.account import SAVE, Account, opened
from tests.fulfillment.stage import Stage, until
from tests.fulfillment.steps import MEMBERSHIPS, see_to
from tests.fulfillment.test_faults import every_fault
from workflows.steering import steer


async def ended(account: Account) -> str:
    """The state in which it comes to rest; the worker runs, and what is waited for is seen to."""
    stage, enrollment_id = account.stage, await account.enrollment(SAVE)

    async def over() -> bool:
        await account.timers()
        await see_to(stage, enrollment_id)
        return not await stage.fetch(
            "SELECT FROM commands WHERE enrollment_id = $1 AND state = 'pending'"
            " UNION ALL SELECT FROM pauses WHERE enrollment_id = $1",
            enrollment_id,
        )

    async with stage.working():
        try:
            await until(over, within_s=60.0)
        except TimeoutError:
            commands = await stage.fetch("SELECT kind, attempts, last_error FROM commands WHERE state = 'pending'")
            raise AssertionError(f"no end: {await stage.history(enrollment_id)} {commands}") from None
    return (await account.state(SAVE) or ("none", None))[0]


@pytest.mark.parametrize("fault", every_fault())
async def test_it_is_done_once_or_fails_honestly(stage: Stage, fault: dict[str, Any]) -> None:
    """Each of its calls is befallen: the reading of the step, the taking off, the adding back and its reading back."""
    account = await opened(stage, "cus-1")
    await account.signal(SAVE)
    await account.settle()
    assert await account.state(SAVE) == ("enrolled", None)
    for method in ("GET", "DELETE", "POST"):
        await stage.simulator.add_fault(
            team_id=stage.team_id, method=method, path=MEMBERSHIPS, count=2, seconds=3.0, milliseconds=300.0, **fault
        )
    asked = Steering(
        id=uuid4(),
        enrollment_id=await account.enrollment(SAVE),
        action=SteeringAction.SKIP,
        asked_by="usr-1",
        note="met in person",
    )
    async with stage.database.transaction() as connection:
        await steer(connection, stage.organization_id, asked, stage.memory, stage.clock.now())

    state = await ended(account)

    added = [one["body"]["step_id"] for one in await stage.writes("cadence_memberships")]
    facts = (await _organization(stage)).cadences[account.cadences[SAVE]]
    steps = [step.id for step in facts.steps]
    assert len(await stage.writes("cadence_memberships", "DELETE")) == 1
    if state == "enrolled":
        assert added == steps[:2]
        assert await account.on_cadence() == {SAVE}
    else:
        assert (state, added) == ("removed", steps[:1]), await account.state(SAVE)
        assert (await account.state(SAVE) or ("", None))[1] is not None
        assert await account.on_cadence() == set()


async def _organization(stage: Stage) -> Any:
    async with stage.database.transaction() as connection:
        return (await stage.memory.facts(connection, [stage.organization_id], stage.clock.now()))[stage.organization_id]
