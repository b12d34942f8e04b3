"""A browser, and organizations whose pages it opens."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from os import environ
from typing import Any, Literal, Protocol
from uuid import uuid4

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Locator, Page, Request, async_playwright, expect

from sandbox.salesloft.server import SimulatorClient, running_simulator
from sandbox.stack import PostgresServer
from storage.pool import Database, DatabaseOptions
from tests.web.acting import CALM, Acting, acting
from tests.web.looking_scene import Scene, scene_set
from tests.web.stage import running_api
from web.reading.feed import EventFeed

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# How long something may take to show is the machine's affair.
_PATIENCE_MS = 30_000


_TRANSITIONS_END = """() => Promise.allSettled(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().endTime !== Infinity).map((one) => one.finished))"""


@dataclass
class Reader:
    """Somebody at a browser. `complaints` are what the console said and what was asked of other places."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)

    async def violations(self) -> list[str]:
        """What axe finds on the page once no colour is on its way to another one."""
        await self.page.evaluate(_TRANSITIONS_END)
        found = await Axe().run(self.page)
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found.response["violations"]
            for node in one["nodes"]
        ]

    async def open(self, path: str) -> int:
        """The status of a page, once everything on it has loaded."""
        answer = await self.page.goto(f"{self.base_url}/app{path}", wait_until="load")
        assert answer is not None
        return answer.status

    async def follows(self, state: Literal["live", "away"] = "live") -> None:
        """Wait until the page hears of changes, or says that it does not."""
        await expect(self.page.locator("[data-live]")).to_have_attribute("data-live", state)

    def card(self, name: str) -> Locator:
        """What is about one cadence, or one request."""
        return self.page.locator("main .card").filter(has=self.page.get_by_role("heading", name=name))

    async def send(self, button: Locator) -> None:
        """Press a form's button, and wait for its answer."""
        async with self.page.expect_response(lambda answer: answer.request.method == "POST") as answered:
            await button.click()
        assert (await answered.value).ok

    async def asked(self, within: Locator, action: str) -> Locator:
        """The dialog that a button opens."""
        await within.get_by_role("button", name=action, exact=True).click()
        dialog = within.get_by_role("dialog")
        await expect(dialog).to_be_visible()
        return dialog


@pytest.fixture(scope="session")
async def simulator() -> AsyncIterator[SimulatorClient]:
    """Salesloft, whose clock runs; each module's organizations have teams of their own."""
    async with running_simulator() as running:
        yield running


@pytest.fixture(scope="module")
async def scene(
    simulator: SimulatorClient, postgres_server: PostgresServer, migrated_template: str
) -> AsyncIterator[Scene]:
    async with scene_set(simulator, postgres_server, migrated_template) as set_up:
        yield set_up


@pytest.fixture(scope="module")
async def desk(
    simulator: SimulatorClient, postgres_server: PostgresServer, migrated_template: str
) -> AsyncIterator[Acting]:
    """An organization for which a test has things done, whose event stream runs."""
    name = f"pages_{uuid4().hex}"
    dsn = await postgres_server.create_database(name, template=migrated_template)
    async with Database.connected(DatabaseOptions(dsn=dsn, max_size=20)) as database:
        feed = EventFeed(database, dsn)
        following = asyncio.create_task(feed.run())
        async with running_api(simulator, database, dsn, feed=feed, **CALM) as api:
            yield await acting(api)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await postgres_server.drop_database(name)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One for all modules, since to start it costs as much as a test does: every reader has a context of their own."""
    path = environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.fail("the pages are tested in Chromium: scripts/browser gets it")
    expect.set_options(timeout=_PATIENCE_MS)
    async with async_playwright() as playwright:
        # Root has no sandbox of Chromium's; the pages are our own.
        launched = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        await launched.close()


class Reached(Protocol):
    """A service that is reached over HTTP, by whoever claims to be somebody."""

    @property
    def http(self) -> httpx.AsyncClient: ...

    def headers(self, *, role: str, **claims: Any) -> dict[str, str]: ...


@asynccontextmanager
async def reading(
    browser: Browser,
    place: Reached,
    *,
    role: str | None = "manager",
    user_id: str = "usr-1",
    base_url: str | None = None,
    **options: Any,
) -> AsyncIterator[Reader]:
    """A browser of somebody with this role, or of nobody who is known; `options` are Playwright's, of a context."""
    base_url = (base_url or str(place.http.base_url)).rstrip("/")
    context: BrowserContext = await browser.new_context(**options)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(context.close)
        context.set_default_timeout(_PATIENCE_MS)
        if role is not None:
            begun = await place.http.post("/api/salesloft/session", headers=place.headers(role=role, sub=user_id))
            assert begun.status_code == 200, begun.text
            await context.add_cookies(
                [{"name": name, "value": value, "url": base_url} for name, value in begun.cookies.items()]
            )
            place.http.cookies.clear()
        yield await reader_of(context, base_url)


async def reader_of(context: BrowserContext, base_url: str) -> Reader:
    """A page of a browser's, and what it complains of."""
    reader = Reader(await context.new_page(), base_url.rstrip("/"))

    def asked(request: Request) -> None:
        if not request.url.startswith(reader.base_url):
            reader.complaints.append(f"asked of another place: {request.url}")

    reader.page.on("request", asked)
    reader.page.on("pageerror", lambda error: reader.complaints.append(f"error: {error}"))
    reader.page.on(
        "console",
        lambda said: reader.complaints.append(f"console: {said.text}") if said.type in {"error", "warning"} else None,
    )
    return reader
