"""Enrolling under every fault and every switch of the simulator, whose journal of accepted writes is the judge.

Whatever happens on the way, an enrollment ends in exactly one membership of one person, or fails with a reason and
leaves none. The kinds of faults and the switches are read from the simulator: one that is added there is tried here.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest

from sandbox.salesloft.faults import FaultKind
from sandbox.salesloft.switches import Switches
from tests.fulfillment.stage import Stage, until
from tests.fulfillment.steps import MEMBERSHIPS, PERSON_UPSERTS, hits, see_to

# What befalls a call that enrolling makes; a read-back happens only where the membership's own call was in doubt.
CALLS = {
    "account": ("POST", "/v2/accounts"),
    "person": ("POST", PERSON_UPSERTS),
    "membership": ("POST", MEMBERSHIPS),
    "reading back": ("GET", MEMBERSHIPS),
}
ANSWERS = {"status": (429, 500, 503, 403, 401), "status_after_write": (500,)}

SWITCHED: dict[str, Any] = {
    "cost_per_minute": 3,
    "other_integration_per_minute": 599,
    "commit_lag_seconds": 0.4,
    "processing_seconds": 60.0,
    "access_token_seconds": 1,
    "bulk_rows_per_second": 1.0,
    "endpoint_costs": {"POST cadence_memberships": 300},
}


def every_fault() -> list[Any]:
    return [
        pytest.param(
            {"kind": kind} | ({} if status is None else {"status": status}), id=f"{kind} {status or ''}".strip()
        )
        for kind in get_args(FaultKind)
        for status in ANSWERS.get(kind, (None,))
    ]


def every_switch() -> list[Any]:
    hints = get_type_hints(Switches)
    found = [{one.name: value} for one in fields(Switches) for value in _others(one.name, hints[one.name])]
    return [pytest.param(found[at::4], id=str(at)) for at in range(4)]


def _others(name: str, kind: Any) -> Iterator[Any]:
    """Every value that a switch can have and does not have by itself; of a number's one."""
    by_itself = getattr(Switches(), name)
    if get_origin(kind) is Literal:
        yield from (value for value in get_args(kind) if value != by_itself)
    elif kind is bool:
        yield not by_itself
    elif name in SWITCHED:
        yield SWITCHED[name]
    elif kind in (int, float):
        yield 1


async def ends(stage: Stage, enrollment_id: UUID) -> str:
    """Wait for the end, and see to what is waited for: the next minute, or a person who connects the team again."""

    async def over() -> bool:
        state, _ = await stage.state(enrollment_id)
        await see_to(stage, enrollment_id)
        return state in {"enrolled", "failed", "blocked"}

    try:
        await until(over, within_s=20.0)
    except TimeoutError:
        raise AssertionError(f"no end: {await stage.history(enrollment_id)}") from None
    return (await stage.state(enrollment_id))[0]


async def judged(stage: Stage, enrollment_id: UUID, state: str) -> None:
    """What the journal says of it: every accepted write, also of those whose answer never came."""
    writes = await stage.simulator.writes(stage.team_id)
    made = [one["ids"][0] for one in writes if (one["resource"], one["method"]) == ("cadence_memberships", "POST")]
    people = {one["ids"][0] for one in writes if one["resource"] == "people"}
    accounts = {one["ids"][0] for one in writes if one["resource"] == "accounts"}
    assert len(people) <= 1
    assert len(accounts) <= 1
    kept = await stage.fetch(
        "SELECT salesloft_membership_id, enrollment_id FROM salesloft_memberships WHERE organization_id = $1",
        stage.organization_id,
    )
    if state == "enrolled":
        assert len(made) == 1
        assert [tuple(row) for row in kept] == [(made[0], enrollment_id)]
    else:
        assert made == []
        assert kept == []
        assert (await stage.state(enrollment_id))[1] is not None


@pytest.mark.parametrize("fault", every_fault())
async def test_under_every_fault_there_is_one_membership_or_one_honest_failure(
    stage_set: Callable[..., Awaitable[Stage]], fault: dict[str, Any]
) -> None:
    """Each call of an enrollment's is befallen, and the reading back where another call was in doubt.

    What is refused for good ends it at the first such call, so those have a team each.
    """
    for_good = fault["kind"] == "html_404" or fault.get("status") == 403
    befallen = [(call,) for call in CALLS] if for_good else [("account", "person", "membership"), ("reading back",)]
    stages = {calls: await stage_set() for calls in befallen}
    for calls, stage in stages.items():
        for call in calls:
            method, path = CALLS[call]
            if call == "reading back":
                await stage.simulator.add_fault(
                    team_id=stage.team_id, method="POST", path=MEMBERSHIPS, kind="reset_after_write", count=1
                )
            # Twice rather than once: whoever tries again at once meets it again.
            await stage.simulator.add_fault(
                team_id=stage.team_id, method=method, path=path, count=2, seconds=3.0, milliseconds=300.0, **fault
            )
    async with next(iter(stages.values())).working(call_s=0.6, lease_s=3.0):
        enrollments = {calls: await stage.approved() for calls, stage in stages.items()}
        for calls, stage in stages.items():
            try:
                state = await ends(stage, enrollments[calls])
                assert all(await hits(stage))
                await judged(stage, enrollments[calls], state)
                assert state == "enrolled" or (for_good and state == "failed")
            except AssertionError as error:
                raise AssertionError(f"{calls}: {error}") from error


@pytest.mark.parametrize("switches", every_switch())
async def test_however_a_team_answers_there_is_one_membership(
    stage_set: Callable[..., Awaitable[Stage]], switches: list[dict[str, Any]]
) -> None:
    """A team for each switch; they are worked for together."""
    stages = [(switched, await stage_set()) for switched in switches]
    for switched, stage in stages:
        await stage.simulator.switch(stage.team_id, **switched)
        # The answer to the membership's call is lost, so that it has to be found as this team shows it.
        await stage.simulator.add_fault(
            team_id=stage.team_id, method="POST", path=MEMBERSHIPS, kind="reset_after_write", count=1
        )
    async with stages[0][1].working(grace_s=1.0):
        enrollments = [(switched, stage, await stage.approved()) for switched, stage in stages]
        for switched, stage, enrollment_id in enrollments:
            try:
                assert await ends(stage, enrollment_id) == "enrolled"
                assert await hits(stage) == [1]
                await judged(stage, enrollment_id, "enrolled")
            except AssertionError as error:
                raise AssertionError(f"{switched}: {error}") from error
