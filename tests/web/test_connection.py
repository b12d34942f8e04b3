"""Connecting through the browser, by key and by a team's own application."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest

from tests.web.stage import Api

CONNECTION = "SELECT * FROM salesloft_connections"


def refused(answer: httpx.Response, status: int, reason_code: str) -> dict[str, Any]:
    """The problem document of an answer."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["reason_code"] == reason_code
    assert problem["status"] == status
    assert problem["correlation_id"] == answer.headers["x-correlation-id"]
    assert problem.keys() >= {"type", "title", "detail"}
    return problem


async def test_a_user_allows_the_connection_in_the_browser(api: Api) -> None:
    begun = (await api.connect()).json()
    assert datetime.fromisoformat(begun["expires_at"]) == api.clock.now() + timedelta(minutes=10)
    query = await api.allow(begun["connect_url"])
    assert parse_qs(query).keys() == {"code", "context", "scope", "state"}
    answer = await api.come_back(query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "organization_id": api.organization_id,
        "team_id": api.team["team_id"],
        "team_name": api.team["name"],
        "cadences": len(api.team["cadences"]),
        "users": len(api.team["users"]),
        "missing_scopes": [],
        "parked_mappings": 0,
    }
    (row,) = await api.fetch(CONNECTION)
    assert (row["status"], row["credential_kind"], row["connected_by"]) == ("connected", "oauth", "usr-1")
    assert "people:write" in row["scopes"]
    assert (await (await api.sessions.of(api.organization_id)).client.me()).id


async def test_a_state_is_good_once(api: Api) -> None:
    connect_url = (await api.connect()).json()["connect_url"]
    assert (await api.come_back(await api.allow(connect_url))).status_code == 200
    with_another_code = await api.allow(connect_url)
    refused(await api.come_back(with_another_code), 400, "state_refused")
    (row,) = await api.fetch(CONNECTION)
    assert row["token_generation"] == 1


@pytest.mark.parametrize(("minutes", "status"), [(9.99, 200), (10.0, 400)])
async def test_a_state_is_good_for_ten_minutes(api: Api, minutes: float, status: int) -> None:
    query = await api.allow((await api.connect()).json()["connect_url"])
    api.pass_time(minutes=minutes)
    assert (await api.come_back(query)).status_code == status


async def test_a_newer_authorization_of_the_user_ends_the_older(api: Api) -> None:
    older = await api.allow((await api.connect()).json()["connect_url"])
    newer = await api.allow((await api.connect()).json()["connect_url"])
    of_another_user = await api.allow((await api.connect(sub="usr-2")).json()["connect_url"])
    refused(await api.come_back(older), 400, "state_refused")
    assert (await api.come_back(newer)).status_code == 200
    assert (await api.come_back(of_another_user)).status_code == 200


async def test_a_state_that_was_changed_or_made_up_is_refused(api: Api) -> None:
    query = parse_qs(await api.allow((await api.connect()).json()["connect_url"]))
    code, state = query["code"][0], query["state"][0]
    # A secret that is stored must not pass for one that was handed out, though all that it says is right.
    (row,) = await api.fetch("SELECT nonce FROM salesloft_authorizations")
    sealed = api.sessions.keyring.seal_parts("org-x", api.organization_id, "usr-1", row["nonce"])
    for forged in (f"{state[:-4]}AAAA", state.replace("k1.", "k2."), f"k1.{sealed.secret.decode()}", "x", ""):
        refused(await api.come_back(urlencode({"code": code, "state": forged})), 400, "state_refused")
    refused(await api.come_back(urlencode({"code": code})), 400, "state_refused")
    assert await api.fetch(CONNECTION) == []
    assert (await api.come_back(urlencode({"code": code, "state": state}))).status_code == 200


async def test_a_state_is_its_users_where_somebody_known_brings_it(api: Api) -> None:
    query = await api.allow((await api.connect()).json()["connect_url"])
    refused(await api.come_back(query, api.headers(sub="usr-2")), 403, "state_of_another")
    query = await api.allow((await api.connect()).json()["connect_url"])
    refused(await api.come_back(query, api.headers(organization_id="org-other")), 403, "state_of_another")
    query = await api.allow((await api.connect()).json()["connect_url"])
    assert (await api.come_back(query, api.headers())).status_code == 200


async def test_a_user_who_says_no_connects_nothing(api: Api) -> None:
    state = parse_qs((await api.connect()).json()["connect_url"])["state"][0]
    refused(await api.come_back(urlencode({"error": "access_denied", "state": state})), 403, "access_denied")
    refused(await api.come_back(urlencode({"code": "late", "state": state})), 400, "state_refused")
    assert await api.fetch(CONNECTION) == []


async def test_a_code_that_salesloft_refuses_connects_nothing(api: Api) -> None:
    state = parse_qs((await api.connect()).json()["connect_url"])["state"][0]
    refused(await api.come_back(urlencode({"code": "made-up", "state": state})), 400, "grant_refused")
    assert await api.fetch(CONNECTION) == []


async def test_by_key(api: Api) -> None:
    answer = await api.connect({"method": "api_key", "api_key": api.team["api_key"]})
    assert answer.json()["team_id"] == api.team["team_id"]
    problem = refused(await api.connect({"method": "api_key", "api_key": "ak_unknown"}), 422, "credential_refused")
    assert "ak_unknown" not in str(problem)


@pytest.mark.parametrize("key", ["ak_schlüssel", "ak_1 23456", "ak_1\n", "ak_\x00"])
async def test_a_key_that_no_header_could_carry_is_refused_and_never_shown(api: Api, key: str) -> None:
    problem = refused(await api.connect({"method": "api_key", "api_key": key}), 422, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == ["body.api_key.api_key"]
    assert "ak_" not in str(problem)


async def test_by_an_application_of_the_teams_own(api: Api) -> None:
    own = {"method": "client_credentials", "client_id": api.team["client_id"]}
    wrong = await api.connect({**own, "client_secret": "wrong"})
    refused(wrong, 422, "application_refused")
    answer = await api.connect({**own, "client_secret": api.team["client_secret"]})
    assert answer.json()["team_id"] == api.team["team_id"], answer.text
    (row,) = await api.fetch(CONNECTION)
    assert row["credential_kind"] == "client_credentials"
    before = await (await api.sessions.of(api.organization_id)).tokens.access_token()
    await api.advance(2 * 3600)
    session = await api.sessions.of(api.organization_id)
    assert (await session.client.me()).id
    assert (await session.tokens.access_token()).value != before.value
    (row,) = await api.fetch(CONNECTION)
    assert (row["status"], row["token_generation"]) == ("connected", 2)


async def test_a_team_that_another_organization_has_is_refused(api: Api) -> None:
    key = {"method": "api_key", "api_key": api.team["api_key"]}
    assert (await api.connect(key)).status_code == 200
    problem = refused(await api.connect(key, organization_id="org-second"), 409, "team_taken")
    assert "another organization" in problem["detail"]
    assert len(await api.fetch(CONNECTION)) == 1


@pytest.mark.parametrize("method", ["oauth", "api_key"])
async def test_what_the_credential_lacks_is_told_with_what_it_is_for(api: Api, method: str) -> None:
    lacking = {"people:read", "calls:read"} if method == "api_key" else {"people:read", "calls:read", "cadences:delete"}
    made = await api.connect(await with_scopes(api, method, without=lacking))
    answer = made if method == "api_key" else await api.come_back(await api.allow(made.json()["connect_url"]))
    assert answer.status_code == 200, answer.text
    assert {one["scope"] for one in answer.json()["missing_scopes"]} == lacking
    assert all(one["feature"] for one in answer.json()["missing_scopes"])


async def test_without_what_every_feature_needs_nothing_is_connected(api: Api) -> None:
    begun = await api.connect(await with_scopes(api, "oauth", without={"cadences:read", "calls:read"}))
    problem = refused(await api.come_back(await api.allow(begun.json()["connect_url"])), 422, "scopes_missing")
    assert [(one["field"], one["essential"]) for one in problem["errors"]] == [
        ("cadences:read", True),
        ("calls:read", False),
    ]
    assert await api.fetch(CONNECTION) == []


async def with_scopes(api: Api, method: str, *, without: set[str]) -> dict[str, Any] | None:
    """The body to connect with, after the team's application or a key lacks some scopes."""
    everything = (
        "accounts:read accounts:write activities:read cadences:read cadences:write cadences:delete calls:read"
        " calls:write emails:read people:read people:write people:delete team:read"
    )
    scopes = " ".join(scope for scope in everything.split() if scope not in without)
    if method == "api_key":
        path = f"teams/{api.team['team_id']}/tokens"
        made = await api.simulator.call("POST", path, {"kind": method, "scopes": scopes})
        return {"method": "api_key", "api_key": made["api_key"]}
    application = {"client_id": api.team["client_id"], "client_secret": api.team["client_secret"], "scopes": scopes}
    await api.simulator.call("POST", "applications", application)
    return None
