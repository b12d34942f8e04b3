"""Pages of other origins: which may ask what in a browser, and what of it they can read."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.web.acting import refused
from tests.web.stage import Api
from tests.web.test_matrix import filled, operations

HOST, ANOTHER_HOST = "https://app.cscx.example", "https://other.example"
SETTINGS = "/api/salesloft/organization-settings"
READABLE = "access-control-allow-origin"


async def choose(api: Api, *origins: str, **claims: Any) -> None:
    """Have the organization choose these, and no others."""
    headers = api.headers(**claims) | {"if-match": "*"}
    answer = await api.http.put(SETTINGS, json={"embedding_origins": origins}, headers=headers)
    assert answer.status_code == 200, answer.text


def page(origin: str = HOST, **more: str) -> dict[str, str]:
    """What a browser sends with whatever a page of that origin asks."""
    return {"origin": origin, "sec-fetch-site": "cross-site", **more}


async def preflight(api: Api, origin: str = HOST, path: str = SETTINGS) -> httpx.Response:
    asks = {"access-control-request-method": "PUT", "access-control-request-headers": "authorization,last-event-id"}
    return await api.http.options(path, headers=page(origin, **asks))


def unreadable(answer: httpx.Response, status: int, reason_code: str) -> None:
    """Refused, and no page of another origin can read so much as why."""
    refused(answer, status, reason_code)
    assert READABLE not in answer.headers


async def test_the_pages_of_a_chosen_origin_may_ask_and_read(api: Api) -> None:
    await choose(api, "https://first.example", HOST)
    allowed = await preflight(api)
    assert (allowed.status_code, allowed.headers[READABLE]) == (204, HOST)
    assert "PUT" in allowed.headers["access-control-allow-methods"]
    sent = allowed.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "idempotency-key", "last-event-id"} <= set(sent)
    shown = await api.http.get(SETTINGS, headers=api.headers() | page())
    assert shown.status_code == 200
    absent = await api.http.get("/api/salesloft/people/nobody", headers=api.headers() | page())
    refused(absent, 404, "stakeholder_unknown")
    for answer in (allowed, shown, absent):
        assert answer.headers[READABLE] == HOST
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
    assert "etag" in shown.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin", [ANOTHER_HOST, f"{HOST}:8443", "http://app.cscx.example", "https://cscx.example", "null"]
)
async def test_the_pages_of_any_other_may_not(api: Api, origin: str) -> None:
    await choose(api, HOST)
    unreadable(await preflight(api, origin), 403, "origin_not_allowed")
    headers = api.headers() | page(origin)
    unreadable(await api.http.get(SETTINGS, headers=headers), 403, "origin_not_allowed")
    change = await api.http.put(SETTINGS, json={"time_zone": "Asia/Tokyo"}, headers=headers | {"if-match": "*"})
    unreadable(change, 403, "origin_not_allowed")
    unreadable(await api.http.get(SETTINGS, headers=page(origin)), 401, "caller_unknown")
    shown = (await api.http.get(SETTINGS, headers=api.headers())).json()
    assert (shown["version"], shown["settings"]["time_zone"]) == (2, "UTC")


async def test_what_another_organization_has_chosen_counts_for_its_own_callers_alone(api: Api) -> None:
    await choose(api, HOST, organization_id="org-else")
    assert (await preflight(api)).status_code == 204
    unreadable(await api.http.get(SETTINGS, headers=api.headers() | page()), 403, "origin_not_allowed")
    stream = await api.http.get("/api/salesloft/events", headers=api.headers() | page())
    unreadable(stream, 403, "origin_not_allowed")
    theirs = await api.http.get(SETTINGS, headers=api.headers(organization_id="org-else") | page())
    assert (theirs.status_code, theirs.headers[READABLE]) == (200, HOST)


async def test_what_is_chosen_no_more_counts_no_more(api: Api) -> None:
    await choose(api, HOST)
    await choose(api)
    unreadable(await preflight(api), 403, "origin_not_allowed")
    unreadable(await api.http.get(SETTINGS, headers=api.headers() | page()), 403, "origin_not_allowed")


async def test_a_page_learns_that_its_token_is_no_longer_good(api: Api) -> None:
    await choose(api, HOST)
    headers = api.headers(exp=int(time.time()) - 3600) | page()
    answer = await api.http.get(SETTINGS, headers=headers)
    refused(answer, 401, "caller_unknown")
    assert answer.headers[READABLE] == HOST


async def test_the_cookies_of_another_origins_page_make_nobody_known(api: Api) -> None:
    await choose(api, HOST)
    begun = await api.http.post("/api/salesloft/session", headers=api.headers())
    api.http.cookies.clear()
    csrf = {"x-csrf-token": begun.json()["csrf_token"], "if-match": "*"}
    async with httpx.AsyncClient(base_url=api.base_url, cookies=dict(begun.cookies)) as browser:
        for path in ("/api/salesloft/session", SETTINGS, "/app/approvals"):
            refused(await browser.get(path, headers=page()), 401, "caller_unknown")
        refused(await browser.put(SETTINGS, json={}, headers=page() | csrf), 401, "caller_unknown")
        # The browser says that it is our own page, or else the address does.
        for own in ({"sec-fetch-site": "same-origin"}, {}):
            headers = {"origin": api.base_url, **own}
            assert (await browser.get(SETTINGS, headers=headers)).status_code == 200
            assert (await browser.put(SETTINGS, json={}, headers=headers | csrf)).status_code == 200


async def test_a_stream_of_events_is_read_by_the_pages_of_a_chosen_origin(api: Api) -> None:
    await choose(api, HOST)
    headers = api.headers(exp=int(time.time())) | page(**{"last-event-id": "0"})
    async with api.http.stream("GET", "/api/salesloft/events", headers=headers) as stream:
        assert (stream.status_code, stream.headers[READABLE]) == (200, HOST)
        assert "event: end" in (await stream.aread()).decode()


async def test_no_operation_answers_a_page_whose_origin_is_not_chosen(shared_api: Api) -> None:
    asked = 0
    for method, path in operations():
        headers = shared_api.headers() | page()
        unreadable(await shared_api.http.request(method, filled(path), headers=headers), 403, "origin_not_allowed")
        asked += 1
    assert asked > 80


async def test_a_stream_ends_once_its_origin_is_chosen_no_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.reading.events._ORIGIN_GOOD_FOR_S", 0.01)
    await choose(api, HOST)
    async with (
        asyncio.timeout(30),
        api.http.stream("GET", "/api/salesloft/events", headers=api.headers()) as own,
        api.http.stream("GET", "/api/salesloft/events", headers=api.headers() | page()) as stream,
    ):
        text = stream.aiter_text()
        assert "event: end" not in await anext(text)
        await choose(api)
        said = "".join([one async for one in text])
        assert '"reason":"origin_not_allowed"' in said.replace(" ", "")
        assert "event: end" not in await anext(own.aiter_text())
