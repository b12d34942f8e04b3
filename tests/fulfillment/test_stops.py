"""A stop right before something is done at Salesloft: the approved waits, the enrolled is paused where it is wanted."""

from datetime import timedelta
from uuid import UUID

import pytest

from enrollment.stops import StopScope
from tests.fulfillment.account import UPSELL, Account, opened
from tests.fulfillment.stage import Stage
from tests.fulfillment.steps import MEMBERSHIPS, is_hit
from workflows.stops import start, stop


@pytest.fixture
async def account(stage: Stage) -> Account:
    return await opened(stage, "cus-1")


async def _stopped(
    account: Account,
    scope: StopScope = StopScope.ORGANIZATION,
    *,
    pauses: bool = False,
    hours: float | None = None,
) -> UUID:
    stage = account.stage
    subjects = {
        StopScope.ORGANIZATION: stage.organization_id,
        StopScope.CUSTOMER: account.customer_id,
        StopScope.CADENCE: str(account.cadences[UPSELL]),
        StopScope.MAPPING: str(
            (await stage.fetchrow("SELECT id FROM salesloft_cadence_mappings WHERE trigger_type = $1", UPSELL.value))[0]
        ),
    }
    now = stage.clock.now()
    async with stage.database.transaction() as connection:
        return await stop(
            connection,
            stage.organization_id,
            scope=scope,
            subject=subjects[scope],
            reason="a campaign went wrong",
            pauses_active=pauses,
            by="usr-1",
            ends_at=now + timedelta(hours=hours) if hours is not None else None,
            now=now,
        )


async def _started(account: Account, stop_id: UUID) -> None:
    async with account.stage.database.transaction() as connection:
        await start(connection, account.stage.organization_id, stop_id, by="usr-1", now=account.stage.clock.now())


@pytest.mark.parametrize("scope", list(StopScope))
async def test_what_is_approved_waits_until_it_is_started_again(account: Account, scope: StopScope) -> None:
    await account.signal(UPSELL)
    await account.approve()
    stop_id = await _stopped(account, scope)
    await account.carry_out()
    assert await account.state(UPSELL) == ("scheduled", None)
    assert not await account.stage.writes("people")
    await _started(account, stop_id)
    # At once, and not when it would have been looked at again.
    await account.carry_out()
    assert await account.on_cadence() == {UPSELL}


async def test_a_stop_that_comes_while_the_person_is_upserted_counts(account: Account) -> None:
    stage = account.stage
    await stage.simulator.add_fault(team_id=stage.team_id, path="/v2/person_upserts", kind="latency", milliseconds=600)
    await account.signal(UPSELL)
    await account.approve()
    async with stage.working():
        await is_hit(stage)
        await _stopped(account)
        await stage.reaches(await account.enrollment(UPSELL), "scheduled")
    assert await account.state(UPSELL) == ("scheduled", "stopped")
    assert not await stage.writes("cadence_memberships")


@pytest.mark.parametrize("scope", list(StopScope))
async def test_who_is_on_a_cadence_is_paused_where_it_is_wanted(account: Account, scope: StopScope) -> None:
    await account.signal(UPSELL)
    await account.settle()
    unwanted = await _stopped(account, scope)
    await account.timers()
    assert not await account.carry_out()
    assert await account.on_cadence() == {UPSELL}
    await _started(account, unwanted)
    stop_id = await _stopped(account, scope, pauses=True)
    await account.timers()
    await account.carry_out()
    assert await account.state(UPSELL) == ("paused", "stopped")
    await account.settle()
    assert await account.on_cadence() == set()
    await _started(account, stop_id)
    await account.settle()
    assert await account.on_cadence() == {UPSELL}
    assert await account.state(UPSELL) == ("enrolled", "pause_ended")


async def test_a_stop_that_ends_by_itself_lets_what_it_paused_resume(account: Account) -> None:
    await account.signal(UPSELL)
    await account.settle()
    await _stopped(account, pauses=True, hours=2)
    await account.timers()
    await account.carry_out()
    assert await account.state(UPSELL) == ("paused", "stopped")
    account.stage.clock.ahead += timedelta(hours=1)
    await account.timers()
    assert not await account.stage.fetch("SELECT FROM commands WHERE kind = 'resume'")
    account.stage.clock.ahead += timedelta(hours=1)
    await account.timers()
    await account.carry_out()
    assert await account.state(UPSELL) == ("enrolled", "pause_ended")


async def test_a_stop_that_is_over_before_the_pause_pauses_nobody(account: Account) -> None:
    await account.signal(UPSELL)
    await account.settle()
    stop_id = await _stopped(account, pauses=True)
    await account.timers()
    await _started(account, stop_id)
    await account.carry_out()
    assert await account.state(UPSELL) == ("enrolled", None)
    assert not await account.stage.writes("cadence_memberships", "DELETE")
    # And the next one is not taken for it.
    await _stopped(account, pauses=True)
    await account.timers()
    await account.carry_out()
    assert await account.state(UPSELL) == ("paused", "stopped")


async def test_who_somebody_took_off_in_salesloft_is_not_taken_for_paused(account: Account) -> None:
    await account.signal(UPSELL)
    await account.settle()
    row = await account.stage.fetchrow("SELECT salesloft_membership_id AS id FROM salesloft_memberships")
    await account.stage.salesloft("DELETE", f"{MEMBERSHIPS.removeprefix('/v2')}/{row['id']}")
    await _stopped(account, pauses=True)
    await account.timers()
    await account.carry_out()
    assert await account.state(UPSELL) == ("removed", None)
    await account.settle()
    assert await account.on_cadence() == set()
