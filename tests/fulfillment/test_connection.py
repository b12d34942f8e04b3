"""What a lost or weary connection does to work that waits for it."""

from datetime import timedelta

from storage import connections
from tests.fulfillment.stage import KEYRING, Stage, until
from tests.fulfillment.steps import MEMBERSHIPS
from workflows.credentials import ApiKey, OAuthTokens


async def _by_oauth(stage: Stage) -> None:
    tokens = stage.team["tokens"]
    pair = OAuthTokens(
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        expires_at=stage.clock.now() + timedelta(seconds=tokens["expires_in"]),
    )
    await stage.sessions.connect(stage.organization_id, pair, by="usr-1")


async def test_an_expired_token_is_refreshed_on_the_way(stage: Stage) -> None:
    await _by_oauth(stage)
    await stage.advance(3 * 3600)
    async with stage.working():
        await stage.reaches(await stage.approved(), "enrolled")
    async with stage.database.connection() as connection:
        stored = await connections.read(connection, stage.organization_id)
    assert stored is not None
    assert stored.credential is not None
    assert isinstance(KEYRING.open(stage.organization_id, stored.credential), OAuthTokens)
    assert (await stage.writes("cadence_memberships"))[0]["token"] == "oauth"


async def test_a_revoked_connection_parks_the_work_and_a_new_one_takes_it_up(stage: Stage) -> None:
    await _by_oauth(stage)
    await stage.simulator.call("DELETE", f"teams/{stage.team_id}/tokens")
    async with stage.working():
        enrollment_id = await stage.approved()

        async def given_up() -> bool:
            row = await stage.fetchrow("SELECT status FROM salesloft_connections")
            return bool(row["status"] == "needs_reauthorization")

        await until(given_up)
        await stage.reaches(enrollment_id, "scheduled")
        assert (await stage.state(enrollment_id))[1] == "connection_lost"
        assert (await stage.fetchrow("SELECT state FROM commands"))["state"] == "pending"
        await stage.sessions.connect(stage.organization_id, ApiKey(stage.team["api_key"]), by="usr-1")
        await stage.reaches(enrollment_id, "enrolled")
    assert len(await stage.writes("cadence_memberships")) == 1


async def test_a_key_that_salesloft_refuses_needs_a_person(stage: Stage) -> None:
    sealed = KEYRING.seal(stage.organization_id, ApiKey("ak_withdrawn"))
    await stage.execute("UPDATE salesloft_connections SET secret = $1, token_generation = 2", sealed.secret)
    async with stage.working():
        enrollment_id = await stage.approved()
        await stage.reaches(enrollment_id, "scheduled")

        async def given_up() -> bool:
            row = await stage.fetchrow("SELECT status, status_reason FROM salesloft_connections")
            return tuple(row) == ("needs_reauthorization", "unauthorized")

        await until(given_up)
    assert not await stage.writes("people")


async def test_a_connection_lost_before_the_record_is_read_back_later(stage: Stage) -> None:
    """The membership is made, its answer lost, and the key withdrawn before anybody could read back."""
    await stage.simulator.add_fault(
        team_id=stage.team_id, method="POST", path=MEMBERSHIPS, kind="reset_after_write", count=1
    )
    await stage.simulator.add_fault(
        team_id=stage.team_id, method="GET", path=MEMBERSHIPS, kind="status", status=401, body={"error": "Invalid"}
    )
    async with stage.working():
        enrollment_id = await stage.approved()
        await stage.reaches(enrollment_id, "unknown")

        async def given_up() -> bool:
            row = await stage.fetchrow("SELECT status FROM salesloft_connections")
            return bool(row["status"] == "needs_reauthorization")

        await until(given_up)
        assert (await stage.state(enrollment_id))[0] == "unknown"
        await stage.simulator.clear_faults(stage.team_id)
        await stage.sessions.connect(stage.organization_id, ApiKey(stage.team["api_key"]), by="usr-1")
        await stage.reaches(enrollment_id, "enrolled")
    assert len(await stage.writes("cadence_memberships")) == 1
