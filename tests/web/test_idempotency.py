"""Writes that come with a key: done once, answered alike, whatever their route."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.middleware import Middleware

from fulfillment.timers import TimerOptions, Timers
from storage.pool import Database
from tests.web.acting import refused
from tests.web.stage import AUDIENCE, ISSUER, KEYRING, StepClock, TokenIssuer, served
from web.browser import Browsers
from web.idempotency import Idempotency, add_operations, operation_id, repeatable
from web.problems import Problem, answer_with_problems
from web.requests import LARGEST_BODY, EveryRequest
from web.security import Callers, Issuer
from workflows.memory import OrganizationMemory


@dataclass
class Shop:
    """Routes that know nothing of keys; `sold` is what was done, `ids` by which id."""

    http: httpx.AsyncClient
    issuer: TokenIssuer
    database: Database
    sold: list[Any] = field(default_factory=list)
    ids: list[UUID] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(
        self, path: str = "/buy", body: Any = None, *, key: str | None = "k-1", method: str = "POST", **claims: Any
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.issuer.token(**{'organization_id': 'org-1', **claims})}"}
        if key is not None:
            headers["idempotency-key"] = key
        return await self.http.request(method, path, json={"what": 1} if body is None else body, headers=headers)

    async def dies(self) -> None:
        """Whoever was at it is gone, and told nobody."""
        async with self.database.connection() as connection:
            await connection.execute(
                "UPDATE idempotent_requests SET status = NULL, sealed = NULL, leased_until = now()"
            )

    async def kept(self) -> list[Any]:
        async with self.database.connection() as connection:
            return list(await connection.fetch("SELECT * FROM idempotent_requests"))


def routes(shop: Shop) -> APIRouter:
    """A shop's."""
    router = APIRouter()

    async def sell(request: Request) -> None:
        shop.sold.append(await request.json())

    @router.post("/buy", status_code=201)
    async def buy(request: Request, response: Response) -> dict[str, int]:
        await sell(request)
        response.headers["location"] = f"/bought/{len(shop.sold)}"
        response.headers["x-of-this-transport"] = "1"
        return {"number": len(shop.sold)}

    @router.post("/buy-by-id", status_code=201)
    @repeatable
    async def buy_by_id(request: Request, asked: Annotated[UUID, Depends(operation_id)]) -> dict[str, str]:
        await sell(request)
        shop.ids.append(asked)
        return {"id": str(asked)}

    @router.put("/shelf")
    async def fill(request: Request) -> dict[str, int]:
        await sell(request)
        return {"full": len(shop.sold)}

    @router.delete("/shelf", status_code=204)
    async def empty(request: Request) -> None:
        await sell(request)

    @router.post("/fails")
    async def fail(request: Request) -> dict[str, int]:
        await sell(request)
        status = shop.answers.pop(0)
        if status == 500:
            raise RuntimeError("the till is stuck")
        raise Problem(status, "no_sale", "Not today.")

    @router.post("/slow")
    async def slow(request: Request) -> dict[str, int]:
        await sell(request)
        shop.begun.set()
        await shop.may_end.wait()
        return {"slow": 1}

    return router


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Shop]:
    issuer = TokenIssuer()
    issuer.new_key()
    async with served(issuer.app()) as issuer_url, httpx.AsyncClient() as outgoing:
        platform = Issuer(issuer=ISSUER, audience=AUDIENCE, keys_url=f"{issuer_url}/keys")
        callers = Callers(platform, outgoing, Browsers(KEYRING, over_https=False))
        keyed = Middleware(Idempotency, database=database, callers=callers, keyring=KEYRING)
        app = FastAPI(middleware=[Middleware(EveryRequest), keyed])
        answer_with_problems(app)
        async with served(app) as address, httpx.AsyncClient(base_url=address) as http:
            shop = Shop(http, issuer, database)
            add_operations(app, routes(shop))
            try:
                yield shop
            finally:
                shop.may_end.set()


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    async with opened(database) as shop:
        yield shop


async def test_the_same_again_is_answered_again(shop: Shop) -> None:
    first, again = await shop.call(), await shop.call()
    assert first.status_code == again.status_code == 201
    assert first.content == again.content == b'{"number":1}'
    for name in ("location", "content-type"):
        assert first.headers[name] == again.headers[name]
    assert (first.headers["x-of-this-transport"], again.headers.get("x-of-this-transport")) == ("1", None)
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert first.headers["x-correlation-id"] != again.headers["x-correlation-id"]
    assert len(shop.sold) == 1


async def test_without_a_key_it_is_done_as_often_as_it_is_sent(shop: Shop) -> None:
    for _ in range(2):
        assert (await shop.call(key=None)).status_code == 201
    assert (await shop.call(path="/buy?dry_run=true")).status_code == 201
    assert len(shop.sold) == 3
    assert not await shop.kept()


async def test_a_key_is_its_callers_in_an_organization(shop: Shop) -> None:
    for claims in ({}, {"sub": "usr-2"}, {"organization_id": "org-2"}):
        assert (await shop.call(**claims)).status_code == 201
        assert "idempotency-replayed" in (await shop.call(**claims)).headers
    assert (await shop.call(key="k-2")).status_code == 201
    assert len(shop.sold) == 4


@pytest.mark.parametrize(
    "other",
    [{"body": {"what": 2}}, {"path": "/buy?loud=true"}, {"path": "/buy-by-id"}, {"path": "/shelf", "method": "PUT"}],
)
async def test_another_request_under_the_key_is_refused(shop: Shop, other: dict[str, Any]) -> None:
    await shop.call()
    refused(await shop.call(**other), 422, "idempotency_key_reused")
    assert len(shop.sold) == 1


async def test_while_it_is_carried_out_it_is_still_running(shop: Shop) -> None:
    first = asyncio.create_task(shop.call("/slow"))
    await asyncio.wait_for(shop.begun.wait(), 20)
    refusal = await shop.call("/slow")
    assert refusal.headers["retry-after"] == "1"
    refused(refusal, 409, "still_running")
    refused(await shop.call("/slow", body={"what": 2}), 422, "idempotency_key_reused")
    shop.may_end.set()
    assert (await first).json() == (await shop.call("/slow")).json() == {"slow": 1}
    assert len(shop.sold) == 1


async def test_many_at_a_time_have_one_effect(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.call() for _ in range(8)))
    done = [one for one in answers if one.status_code == 201]
    assert {one.content for one in done} == {b'{"number":1}'}
    assert {one.status_code for one in answers} <= {201, 409}
    assert len(shop.sold) == 1


async def test_what_was_begun_and_never_answered_is_not_done_twice(shop: Shop) -> None:
    await shop.call()
    await shop.dies()
    problem = refused(await shop.call(), 409, "outcome_unknown")
    assert "under another key" in problem["detail"]
    assert len(shop.sold) == 1
    # So it stays.
    assert (await shop.call()).json() == problem
    assert len(shop.sold) == 1


async def test_what_names_its_effect_by_the_request_is_carried_out_again(shop: Shop) -> None:
    first = await shop.call("/buy-by-id")
    await shop.dies()
    again = await shop.call("/buy-by-id")
    assert first.json() == again.json()
    assert len(set(shop.ids)) == 1
    assert len(shop.ids) == 2
    await shop.call("/buy-by-id", key="k-2")
    await shop.call("/buy-by-id", sub="usr-2")
    await shop.call("/buy-by-id", key=None)
    assert len(set(shop.ids)) == 4


@pytest.mark.parametrize(("method", "status"), [("PUT", 200), ("DELETE", 204)])
async def test_what_comes_to_the_same_by_http_is_carried_out_again(shop: Shop, method: str, status: int) -> None:
    for _ in range(2):
        assert (await shop.call("/shelf", method=method)).status_code == status
        await shop.dies()
    assert len(shop.sold) == 2


async def test_a_refusal_is_answered_again_too(shop: Shop) -> None:
    shop.answers = [409, 201]
    first = refused(await shop.call("/fails"), 409, "no_sale")
    again = await shop.call("/fails")
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
    assert again.json() == first
    assert len(shop.sold) == 1


@pytest.mark.parametrize("status", [403, 429])
async def test_a_refusal_that_may_not_be_one_tomorrow_is_not_kept(shop: Shop, status: int) -> None:
    shop.answers = [status, 409]
    refused(await shop.call("/fails"), status, "no_sale")
    assert not await shop.kept()
    refused(await shop.call("/fails"), 409, "no_sale")


@pytest.mark.parametrize("status", [500, 503])
async def test_after_a_fault_nobody_knows_what_came_of_it(shop: Shop, status: int) -> None:
    shop.answers = [status, 200]
    assert (await shop.call("/fails")).status_code == status
    refused(await shop.call("/fails"), 409, "outcome_unknown")
    assert len(shop.sold) == 1


async def test_what_comes_without_a_known_caller_is_the_routes_affair(shop: Shop) -> None:
    answer = await shop.http.post("/buy", json={}, headers={"idempotency-key": "k-1"})
    assert answer.status_code == 201
    assert not await shop.kept()


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_a_key_that_is_none_is_refused(shop: Shop, key: str) -> None:
    refused(await shop.call(key=key), 400, "invalid_idempotency_key")
    assert not shop.sold


async def test_a_body_that_is_too_large_is_refused_before_anything_is_kept(shop: Shop) -> None:
    refused(await shop.call(body="x" * LARGEST_BODY), 413, "too_large")
    assert not await shop.kept()


async def test_answers_are_kept_for_their_organization_alone_and_unreadable(shop: Shop) -> None:
    await shop.call("/buy-by-id")
    (row,) = await shop.kept()
    assert str(shop.ids[0]).encode() not in row["sealed"]
    async with shop.database.connection() as connection:
        await connection.execute("UPDATE idempotent_requests SET organization_id = 'org-2'")
    refused(await shop.call("/buy-by-id", organization_id="org-2"), 409, "answer_unreadable")
    assert len(shop.sold) == 1


async def test_keys_are_kept_for_a_day(shop: Shop) -> None:
    await shop.call()
    await shop.call(key="k-2")
    async with shop.database.connection() as connection:
        await connection.execute(
            "UPDATE idempotent_requests SET began_at = now() - interval '25 hours' WHERE key = 'k-1'"
        )
    options = TimerOptions(tick_s=0.05, prune_every_s=0.05)
    timers = Timers(shop.database, OrganizationMemory(), StepClock(datetime.now(UTC) + timedelta(days=400)), options)
    running = asyncio.create_task(timers.run())
    async with asyncio.timeout(60):
        await timers.ready.wait()
        while [row["key"] for row in await shop.kept()] != ["k-2"]:  # noqa: ASYNC110  # it happens in a database
            await asyncio.sleep(0.05)
    timers.stop()
    await running
