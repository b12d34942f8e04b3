"""A page's session: it is its browser's alone, ends with its token, and no other site can use it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from cryptography.fernet import Fernet
from starlette.responses import Response

from tests.web.stage import KEYRING, Api
from tests.web.test_connection import refused
from web.browser import Browsers
from web.problems import Problem
from workflows.credentials import Keyring

SESSION = "/api/salesloft/session"
CONNECT = "/api/integrations/salesloft/connect"
FIELDS = "/api/salesloft/trigger-mappings/fields"
COOKIE = "cscx_salesloft"


@asynccontextmanager
async def browser(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A browser with a session of its own, which sends the CSRF token as our pages do."""
    async with httpx.AsyncClient(base_url=api.base_url) as client:
        answer = await client.post(SESSION, headers=api.headers())
        assert answer.status_code == 200, answer.text
        client.headers["x-csrf-token"] = answer.json()["csrf_token"]
        yield client


async def test_a_session_is_who_began_it_as_long_as_the_token_is_good(api: Api) -> None:
    async with browser(api) as page:
        shown = (await page.get(SESSION)).json()
        assert (shown["organization_id"], shown["user_id"], shown["role"]) == (api.organization_id, "usr-1", "admin")
        assert shown["csrf_token"] == page.headers["x-csrf-token"]
        assert (await page.get(FIELDS)).status_code == 200
        expired = api.issuer.token(api.organization_id, exp=int(time.time()) - 60)
        page.cookies.clear()
        page.cookies.set(COOKIE, KEYRING.sign("browser", expired, "csrf"))
        refused(await page.get(FIELDS), 401, "caller_unknown")


async def test_nobody_else_is_given_a_session(api: Api) -> None:
    async with httpx.AsyncClient(base_url=api.base_url) as client:
        refused(await client.post(SESSION), 401, "caller_unknown")
        refused(await client.post(SESSION, headers={"authorization": "Bearer not.a.token"}), 401, "caller_unknown")
        refused(await client.get(SESSION, headers=api.headers()), 404, "no_session")
        assert not client.cookies


async def test_a_change_needs_the_sessions_csrf_token_and_our_own_page(api: Api) -> None:
    async with browser(api) as page, browser(api) as another:
        assert (await page.post(CONNECT)).status_code == 200
        for told in ("", another.headers["x-csrf-token"], "x" * 32):
            refused(await page.post(CONNECT, headers={"x-csrf-token": told}), 403, "csrf_token_required")
        del page.headers["x-csrf-token"]
        refused(await page.post(CONNECT), 403, "csrf_token_required")
        assert (await page.get(FIELDS)).status_code == 200
        answer = await another.post(CONNECT, headers={"sec-fetch-site": "cross-site"})
        refused(answer, 403, "another_site")


async def test_a_cookie_that_is_none_of_ours_makes_nobody_known(api: Api) -> None:
    token = api.issuer.token(api.organization_id)
    elsewhere = Keyring({"k1": Fernet.generate_key().decode()}, "k1").sign("browser", token, "csrf")
    state_of_an_authorization = KEYRING.sign(api.organization_id, "usr-1", "nonce", "")
    for sealed in (token, elsewhere, state_of_an_authorization, "k1.", "none"):
        async with httpx.AsyncClient(base_url=api.base_url, cookies={COOKIE: sealed}) as client:
            refused(await client.get(FIELDS), 401, "caller_unknown")


async def test_a_browser_forgets_its_session_when_it_ends(api: Api) -> None:
    async with browser(api) as page:
        assert (await page.delete(SESSION)).status_code == 204
        assert COOKIE not in page.cookies
        refused(await page.get(FIELDS), 401, "caller_unknown")


async def test_an_authorization_that_a_page_begins_comes_back_in_the_same_browser(api: Api) -> None:
    async with browser(api) as page, browser(api) as another:
        query = await api.allow((await page.post(CONNECT)).json()["connect_url"])
        refused(await api.come_back(query), 403, "state_of_another")
        query = await api.allow((await page.post(CONNECT)).json()["connect_url"])
        callback = "/api/integrations/salesloft/callback?"
        refused(await another.get(callback + query), 403, "state_of_another")
        query = await api.allow((await page.post(CONNECT)).json()["connect_url"])
        answer = await page.get(callback + query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["organization_id"] == api.organization_id


async def test_a_token_that_no_cookie_can_hold_is_refused(api: Api) -> None:
    answer = await api.http.post(SESSION, headers=api.headers(email="x" * 3000))
    refused(answer, 422, "token_too_long")


def test_the_cookie_is_hidden_from_scripts_and_from_plain_http() -> None:
    plain, https = Response(), Response()
    Browsers(KEYRING, over_https=False).begin(plain, "token", good_for_s=60)
    Browsers(KEYRING, over_https=True).begin(https, "token", good_for_s=60)
    attributes = {part.strip().lower() for part in https.headers["set-cookie"].split(";")[1:]}
    assert attributes == {"httponly", "secure", "samesite=lax", "path=/", "max-age=60"}
    assert https.headers["set-cookie"].startswith("__Host-cscx_salesloft=")
    assert "Secure" not in plain.headers["set-cookie"]
    with pytest.raises(Problem):
        Browsers(KEYRING, over_https=True).begin(Response(), "x" * 4000, good_for_s=60)
