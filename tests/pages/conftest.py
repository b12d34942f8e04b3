"""A browser, and an organization whose pages it opens."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from os import environ

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Request, async_playwright

from sandbox.salesloft.server import running_simulator
from sandbox.stack import PostgresServer
from tests.web.looking_scene import Scene, scene_set

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Reader:
    """Somebody at a browser. `complaints` are what the console said and what was asked of other places."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)

    async def violations(self) -> list[str]:
        """What axe finds on the page as it is."""
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


@pytest.fixture(scope="module")
async def scene(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[Scene]:
    async with running_simulator() as simulator, scene_set(simulator, postgres_server, migrated_template) as set_up:
        yield set_up


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.fail("the pages are tested in Chromium: scripts/browser gets it")
    async with async_playwright() as playwright:
        # Root has no sandbox of Chromium's; the pages are our own.
        launched = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        await launched.close()


@asynccontextmanager
async def reading(
    browser: Browser, scene: Scene, *, role: str | None = "manager", **options: object
) -> AsyncIterator[Reader]:
    """A browser of somebody with this role, or of nobody who is known."""
    base_url = str(scene.http.base_url)
    context: BrowserContext = await browser.new_context(**options)  # type: ignore[arg-type]  # Playwright's own options
    if role is not None:
        begun = await scene.http.post("/api/salesloft/session", headers=scene.headers(role=role))
        assert begun.status_code == 200, begun.text
        await context.add_cookies(
            [{"name": name, "value": value, "url": base_url} for name, value in begun.cookies.items()]
        )
        scene.http.cookies.clear()
    reader = await reader_of(context, base_url)
    try:
        yield reader
    finally:
        await context.close()


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
