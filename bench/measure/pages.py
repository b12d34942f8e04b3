"""The pages: the `api` role as a process before a large organization, looked at in Chromium.

Browser, Postgres and the API share the machine. What a page transfers is what a browser gets that has never been there,
compressed as it travels; what moves after the page has loaded is told by the browser itself.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import environ
from time import time
from typing import Any, Final

import httpx
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright

from bench.measure.callers import AUDIENCE, ISSUER, Callers
from bench.measure.children import running_service, seconds_to_ready, service_environment
from bench.measure.figures import NotMeasurable, percentile
from bench.measure.filling import Subject, fill
from bench.measure.load import Load
from bench.measure.organizations import prepare_organizations
from bench.measure.setting import Setting
from bench.measure.throughput import measure_service

__all__ = ["PageLook", "PagesPlan", "measure_pages"]

_SEED: Final = 20261127
_PATIENCE_MS: Final = 60_000
_MEMBERSHIPS_OF_A_CUSTOMER: Final = 10
# Of two organizations the first has a tenth of everything.
_LARGE: Final = "org-1"

_PATHS: Final[Mapping[str, Callable[[Subject], str]]] = {
    "approvals": lambda _: "/approvals",
    "approvals, all": lambda _: "/approvals?show=all",
    "people": lambda _: "/people",
    "people, all": lambda _: "/people?show=all",
    "contact": lambda of: f"/stakeholders/{of.stakeholder_id}",
    "customer": lambda of: f"/customers/{of.customer_id}",
    "cadences": lambda _: "/cadences",
    "triggers": lambda _: "/mappings",
    "overview": lambda _: "/overview",
    "decisions": lambda _: "/overview/decisions?whose=all",
    "operations": lambda _: "/operations",
}
# Summed as the field's own measure of it is, but for what a person's own doing moves.
_MOVED: Final = """() => new Promise((told) => {
    let moved = 0;
    new PerformanceObserver((list) => {
        for (const one of list.getEntries()) if (!one.hadRecentInput) moved += one.value;
    }).observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => told(moved), 300)));
})"""
_FIRST_BYTE_MS: Final = """() => {
    const [one] = performance.getEntriesByType("navigation");
    return one.responseStart - one.requestStart;
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesPlan:
    """A customer has five stakeholders and a hundred units of activity; each page is looked at so many times.

    `events` come before the filling, which multiplies what they leave and not what is asked about them: with few of
    them a page shows less than it would.
    """

    customers: int = 10_000
    looks: int = 40
    events: int = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLook:
    """A page: milliseconds to its first byte, look by look; kilobytes of a first view; how much of it moved (CLS)."""

    first_byte_ms: Sequence[float]
    transferred_kb: float
    moved: float

    def told(self) -> dict[str, float]:
        return {
            "first_byte_p50_ms": round(percentile(self.first_byte_ms, 50), 1),
            "first_byte_p95_ms": round(percentile(self.first_byte_ms, 95), 1),
            "transferred_kb": round(self.transferred_kb, 1),
            "moved": round(self.moved, 4),
        }


async def measure_pages(setting: Setting, plan: PagesPlan) -> dict[str, PageLook]:
    """Fill a database, start the api role before it, and look at its pages. Raises NotMeasurable."""
    dsn = await setting.empty_database()
    made = Load(name="pages", events=plan.events, organizations=2)
    await prepare_organizations(dsn, made.organization_ids())
    await measure_service(setting.stack, dsn, made, logs=setting.logs, progress=setting.progress)
    began = time()
    filled = await fill(dsn, memberships=plan.customers * _MEMBERSHIPS_OF_A_CUSTOMER * 10 // 9)
    setting.say(f"filled in {time() - began:.0f} s: {filled.rows}")
    subjects = [one for one in filled.subjects if one.organization_id == _LARGE]
    callers = Callers([*made.organization_ids()])
    async with callers.published() as keys_url:
        environment = service_environment(
            setting.stack.kafka,
            dsn,
            jwt_issuer=ISSUER,
            jwt_audience=AUDIENCE,
            jwt_keys_url=keys_url,
            http_requests_per_minute=1_000_000,
            http_requests_at_once=100_000,
        )
        base_url = f"http://127.0.0.1:{environment['CSCX_SALESLOFT_HTTP_PORT']}"
        async with running_service(environment, "api", log=setting.logs / "api.log") as api, async_playwright() as play:
            await seconds_to_ready(api, environment)
            # Root has no sandbox of Chromium's; the pages are our own.
            browser = await play.chromium.launch(executable_path=environ.get("CHROMIUM"), args=["--no-sandbox"])
            cookies = await _signed_in(base_url, callers.tokens[_LARGE][0])
            looked = {
                name: await _look(browser, base_url, cookies, [path(one) for one in _drawn(subjects, plan.looks)])
                for name, path in _PATHS.items()
            }
            await browser.close()
    return looked


def _drawn(subjects: Sequence[Subject], many: int) -> list[Subject]:
    return random.Random(_SEED).choices(subjects, k=many)


async def _signed_in(base_url: str, token: str) -> list[Any]:
    """The cookies of a session; the routes are made for this first request."""
    async with httpx.AsyncClient(base_url=base_url, timeout=60.0) as client:
        begun = await client.post("/api/salesloft/session", headers={"authorization": f"Bearer {token}"})
        begun.raise_for_status()
        return [{"name": name, "value": value, "url": base_url} for name, value in begun.cookies.items()]


async def _look(browser: Browser, base_url: str, cookies: list[Any], paths: Sequence[str]) -> PageLook:
    """The first view is a new browser's; in the others a reader goes from page to page."""
    context: BrowserContext = await browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(_PATIENCE_MS)
    await context.add_cookies(cookies)
    page = await context.new_page()
    network = await context.new_cdp_session(page)
    transferred = await _first_view(page, network, f"{base_url}/app{paths[0]}")
    moved = [await page.evaluate(_MOVED)]
    first_bytes = []
    for path in paths:
        await _go(page, f"{base_url}/app{path}")
        first_bytes.append(await page.evaluate(_FIRST_BYTE_MS))
    moved.append(await page.evaluate(_MOVED))
    await context.close()
    return PageLook(first_byte_ms=first_bytes, transferred_kb=transferred / 1000, moved=max(moved))


async def _first_view(page: Page, network: CDPSession, url: str) -> float:
    """Bytes of all that a page needs until it has loaded."""
    received: list[float] = []
    network.on("Network.loadingFinished", lambda told: received.append(told["encodedDataLength"]))
    await network.send("Network.enable")
    await _go(page, url)
    await network.send("Network.disable")
    return sum(received)


async def _go(page: Page, url: str) -> None:
    answer = await page.goto(url, wait_until="load")
    if answer is None or not answer.ok:
        raise NotMeasurable(f"{url} answered {answer and answer.status}")
