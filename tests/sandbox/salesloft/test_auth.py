"""Tokens, their errors and their ends."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam

REDIRECT = "https://app.example/callback"


@pytest.fixture
async def anonymous(simulator: SimulatorClient) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=simulator.base_url, timeout=20) as client:
        yield client


def client_of(team: OwnTeam) -> dict[str, str]:
    return {"client_id": team.told["client_id"], "client_secret": team.told["client_secret"]}


async def refresh(anonymous: httpx.AsyncClient, team: OwnTeam, token: str) -> httpx.Response:
    sent = {"grant_type": "refresh_token", "refresh_token": token, **client_of(team)}
    return await anonymous.post("/oauth/token", json=sent)


async def status_of(anonymous: httpx.AsyncClient, token: str) -> int:
    return (await anonymous.get("/v2/me", headers={"authorization": f"Bearer {token}"})).status_code


@pytest.mark.parametrize("path", ["/v2/me", "/v2/no-such-thing"])
async def test_a_request_without_a_token_is_refused_before_its_path_is_looked_at(
    anonymous: httpx.AsyncClient, path: str
) -> None:
    answer = await anonymous.get(path)
    assert answer.status_code == 401
    assert answer.json() == {
        "error": "No Bearer Token attached to request, please see documentation at developers.salesloft.com"
    }
    assert "www-authenticate" not in answer.headers


async def test_an_unknown_token_is_refused(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/v2/no-such-thing", headers={"authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid Bearer token"})


async def test_an_access_token_lives_two_hours_of_simulated_time(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    token = team.told["tokens"]["access_token"]
    assert team.told["tokens"]["expires_in"] == 7200
    await simulator.advance(7199)
    assert await status_of(anonymous, token) == 200
    await simulator.advance(1)
    assert await status_of(anonymous, token) == 401


async def test_a_refresh_token_works_once_and_ends_all_earlier_ones(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    first = team.told["tokens"]["refresh_token"]
    second = (await refresh(anonymous, team, first)).json()
    assert second["refresh_token"] != first
    assert second["token_type"] == "bearer"
    assert await status_of(anonymous, second["access_token"]) == 200

    again = await refresh(anonymous, team, first)
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"
    assert [entry["body"]["grant_type"] for entry in await simulator.writes(team.id)] == ["refresh_token"]
    assert again.json()["error_description"].startswith("The provided authorization grant is invalid, expired")


async def test_a_new_authorization_of_the_same_user_ends_the_refresh_token_before(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    await simulator.call("POST", f"teams/{team.id}/tokens", {})
    assert (await refresh(anonymous, team, team.told["tokens"]["refresh_token"])).status_code == 400


async def test_in_grace_the_old_refresh_token_lives_until_the_new_access_token_is_used(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    await simulator.switch(team.id, refresh_grace=True)
    old = team.told["tokens"]["refresh_token"]
    await refresh(anonymous, team, old)
    retried = await refresh(anonymous, team, old)
    assert retried.status_code == 200
    assert await status_of(anonymous, retried.json()["access_token"]) == 200
    assert (await refresh(anonymous, team, old)).status_code == 400


async def test_the_old_access_token_can_be_made_to_die_at_a_refresh(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    first = team.told["tokens"]
    second = (await refresh(anonymous, team, first["refresh_token"])).json()
    assert await status_of(anonymous, first["access_token"]) == 200
    await simulator.switch(team.id, earlier_access="dies")
    await refresh(anonymous, team, second["refresh_token"])
    assert await status_of(anonymous, second["access_token"]) == 401


async def test_a_code_is_redirected_back_at_once_and_exchanged_once(
    anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    query = {
        "client_id": team.told["client_id"],
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "state": "st4te",
        "user_id": str(team.rep_id),
    }
    sent_back = await anonymous.get("/oauth/authorize", params=query)
    assert sent_back.status_code == 302
    told = {name: values[0] for name, values in parse_qs(urlsplit(sent_back.headers["location"]).query).items()}
    assert told["state"] == "st4te"
    assert {"code", "context", "scope"} <= set(told)

    exchange = {"grant_type": "authorization_code", "code": told["code"], **client_of(team)}
    wrong = await anonymous.post("/oauth/token", data={**exchange, "redirect_uri": "https://elsewhere.example"})
    assert wrong.json()["error"] == "invalid_grant"

    told = await _authorized(anonymous, query)
    exchange["code"] = told["code"]
    pair = await anonymous.post("/oauth/token", data={**exchange, "redirect_uri": REDIRECT})
    assert pair.status_code == 200
    me = await anonymous.get("/v2/me", headers={"authorization": f"Bearer {pair.json()['access_token']}"})
    assert me.json()["data"]["id"] == team.rep_id
    assert (await anonymous.post("/oauth/token", data={**exchange, "redirect_uri": REDIRECT})).status_code == 400


async def _authorized(anonymous: httpx.AsyncClient, query: dict[str, str]) -> dict[str, str]:
    sent_back = await anonymous.get("/oauth/authorize", params=query)
    return {name: values[0] for name, values in parse_qs(urlsplit(sent_back.headers["location"]).query).items()}


async def test_a_refused_consent_comes_back_as_access_denied(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    query = {"client_id": team.told["client_id"], "redirect_uri": REDIRECT, "response_type": "code", "state": "s"}
    await simulator.call("PUT", "consent", {"refuse": True})
    try:
        assert await _authorized(anonymous, query) == {"error": "access_denied", "state": "s"}
    finally:
        await simulator.call("PUT", "consent", {})


async def test_client_credentials_give_no_refresh_token_and_take_basic_authentication(
    anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    answer = await anonymous.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "scope": "people:read"},
        auth=(team.told["client_id"], team.told["client_secret"]),
    )
    assert answer.status_code == 200
    assert "refresh_token" not in answer.json()
    assert answer.json()["scope"] == "people:read"


@pytest.mark.parametrize("secret", ["wrong", "w\u00fcrong"])
async def test_a_wrong_secret_is_an_invalid_client(anonymous: httpx.AsyncClient, team: OwnTeam, secret: str) -> None:
    sent = {"grant_type": "client_credentials", "client_id": team.told["client_id"], "client_secret": secret}
    answer = await anonymous.post("/oauth/token", json=sent)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_missing_scope_is_forbidden(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    key = await simulator.call("POST", f"teams/{team.id}/tokens", {"kind": "api_key", "scopes": "people:read"})
    headers = {"authorization": f"Bearer {key['api_key']}"}
    assert (await anonymous.get("/v2/people", headers=headers)).status_code == 200
    refused = await anonymous.post("/v2/people", headers=headers, json={"email_address": "a@b.example"})
    assert refused.status_code == 403
    assert "does not have the required scopes" in refused.json()["error"]


async def test_an_admin_can_end_all_tokens_of_a_team(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    await simulator.call("DELETE", f"teams/{team.id}/tokens")
    assert await status_of(anonymous, team.told["tokens"]["access_token"]) == 401
    assert (await refresh(anonymous, team, team.told["tokens"]["refresh_token"])).status_code == 400
    assert await status_of(anonymous, team.told["api_key"]) == 200


async def test_a_revoked_refresh_token_takes_its_access_token_with_it(
    anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    tokens = team.told["tokens"]
    revoked = await anonymous.post("/oauth/revoke", json={"token": tokens["refresh_token"], **client_of(team)})
    assert revoked.status_code == 200
    assert await status_of(anonymous, tokens["access_token"]) == 401


async def test_consent_is_given_or_refused_on_a_page(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    query = {
        "client_id": team.told["client_id"],
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "state": 'st"4te&<',
    }
    await simulator.call("PUT", "consent", {"ask": True})
    try:
        page = await anonymous.get("/oauth/authorize", params=query)
    finally:
        await simulator.call("PUT", "consent", {})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    form = fields_of(page.text)
    assert form.keys() == {"client_id", "redirect_uri", "response_type", "state", "user_id", "decision"}
    assert form["user_id"] == [str(user["id"]) for user in team.told["users"]]
    assert form["decision"] == ["approve", "deny"]

    sent = {name: values[0] for name, values in form.items()} | {"user_id": str(team.rep_id)}
    approved = parse_qs(urlsplit((await anonymous.post("/oauth/authorize", data=sent)).headers["location"]).query)
    assert approved["state"] == ['st"4te&<']
    exchange = {"grant_type": "authorization_code", "code": approved["code"][0], "redirect_uri": REDIRECT}
    pair = (await anonymous.post("/oauth/token", json=exchange | client_of(team))).json()
    me = await anonymous.get("/v2/me", headers={"authorization": f"Bearer {pair['access_token']}"})
    assert me.json()["data"]["id"] == team.rep_id

    denied = await anonymous.post("/oauth/authorize", data=sent | {"decision": "deny"})
    assert parse_qs(urlsplit(denied.headers["location"]).query) == {"error": ["access_denied"], "state": ['st"4te&<']}


def fields_of(page: str) -> dict[str, list[str]]:
    """The names of a form's fields with the values that each can have."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<(?:input|button) [^>]*>", page):
        name, value = (re.search(f'{attribute}="([^"]*)"', tag) for attribute in ("name", "value"))
        assert name is not None
        assert value is not None
        found.setdefault(name[1], []).append(unescape(value[1]))
    return found


async def test_a_user_of_another_team_cannot_be_chosen_for_a_teams_own_application(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    other = await simulator.team("Other")
    query = {"client_id": team.told["client_id"], "redirect_uri": REDIRECT, "response_type": "code"}
    page = await anonymous.get("/oauth/authorize", params=query | {"user_id": str(other["users"][0]["id"])})
    assert page.status_code == 200
    assert "Other" not in page.text


@pytest.mark.parametrize("wrong", ["client_id", "redirect_uri"])
async def test_nobody_is_sent_back_to_an_address_that_is_not_the_applications(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, wrong: str
) -> None:
    await simulator.call(
        "POST", "applications", {"client_id": "strict", "client_secret": "s", "redirect_uris": [REDIRECT]}
    )
    query = {"client_id": "strict", "redirect_uri": REDIRECT, "response_type": "code", wrong: "https://evil.example"}
    refused = await anonymous.get("/oauth/authorize", params=query)
    assert (refused.status_code, refused.headers.get("location")) == (401, None)


async def test_client_credentials_get_no_more_than_the_application_has(
    anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    sent = {"grant_type": "client_credentials", "scope": "people:read data_control:write", **client_of(team)}
    answer = await anonymous.post("/oauth/token", json=sent)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_access_tokens_can_be_short_lived_and_expire_on_demand(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    first = team.told["tokens"]
    await simulator.expire_tokens(team.id)
    assert await status_of(anonymous, first["access_token"]) == 401
    assert await status_of(anonymous, team.told["api_key"]) == 200
    await simulator.switch(team.id, access_token_seconds=30)
    second = (await refresh(anonymous, team, first["refresh_token"])).json()
    assert second["expires_in"] == 30
    await simulator.advance(29)
    assert await status_of(anonymous, second["access_token"]) == 200
    await simulator.advance(1)
    assert await status_of(anonymous, second["access_token"]) == 401


async def test_an_api_key_can_be_revoked(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    await simulator.call("DELETE", f"teams/{team.id}/tokens?kind=api_key")
    assert await status_of(anonymous, team.told["api_key"]) == 401
    assert await status_of(anonymous, team.told["tokens"]["access_token"]) == 200


async def test_of_two_racing_refreshes_one_wins_though_its_answer_comes_late(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam
) -> None:
    token = team.told["tokens"]["refresh_token"]
    await simulator.add_fault(
        team_id=team.id, kind="latency_after_write", milliseconds=200, path="/oauth/token", count=1
    )
    answers = await asyncio.gather(*(refresh(anonymous, team, token) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    won = next(answer for answer in answers if answer.status_code == 200)
    assert won.elapsed.total_seconds() >= 0.2, "the loser was told first"


@pytest.mark.parametrize("kind", ["refresh_token", "authorization_code", "client_credentials"])
async def test_a_failure_of_the_token_endpoint_can_be_one_teams(
    simulator: SimulatorClient, anonymous: httpx.AsyncClient, team: OwnTeam, kind: str
) -> None:
    """A grant tells the team even where the application is many teams'."""
    told = await simulator.team("Other")
    other = OwnTeam(id=told["team_id"], told=told)
    shared = {"client_id": "cscx-salesloft", "client_secret": "cscx-salesloft-secret"}
    await simulator.add_fault(team_id=team.id, kind="status", status=503, path="/oauth/token")
    found = []
    for one in (team, other):
        if kind == "refresh_token":
            pair = await simulator.call("POST", f"teams/{one.id}/tokens", {"client_id": shared["client_id"]})
            sent = {"refresh_token": pair["refresh_token"], **shared}
        elif kind == "authorization_code":
            query = {"redirect_uri": REDIRECT, "response_type": "code", "user_id": str(one.admin_id)}
            code = (await _authorized(anonymous, query | {"client_id": shared["client_id"]}))["code"]
            sent = {"code": code, "redirect_uri": REDIRECT, **shared}
        else:
            sent = client_of(one)
        answer = await anonymous.post("/oauth/token", json={"grant_type": kind, **sent})
        found.append(answer.status_code)
    assert found == [503, 200]
