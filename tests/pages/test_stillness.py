"""What is painted stays where it is: a reader whose hand is on the way to a button presses that one."""

import pytest
from playwright.async_api import Browser

from tests.pages.conftest import reading
from tests.pages.test_pages import PAGES, address_of
from tests.web.looking_scene import Scene

# Far from the service's zone, in a language whose words are longer than its.
ELSEWHERE = {"timezone_id": "Asia/Kathmandu", "locale": "de-DE"}
MOVED = """() => new Promise((told) => {
    const moved = [];
    const named = ({ node }) => (node?.outerHTML ?? node?.parentElement?.outerHTML ?? "").slice(0, 300);
    new PerformanceObserver((list) => {
        for (const one of list.getEntries()) if (!one.hadRecentInput) moved.push(...one.sources.map(named));
    }).observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => told(moved), 0)));
})"""
SHOWN_ANEW = """() => new Promise((told) => {
    document.addEventListener("htmx:afterSettle", told, { once: true });
    htmx.trigger(document.querySelector("#people"), "changed");
})"""


@pytest.mark.parametrize("asked", PAGES)
async def test_nothing_moves_once_a_page_is_painted(browser: Browser, scene: Scene, asked: str) -> None:
    async with reading(browser, scene, role="admin", **ELSEWHERE) as reader:
        assert await reader.open(await address_of(scene, asked)) == 200
        await reader.follows()
        assert await reader.page.evaluate(MOVED) == []


async def test_nothing_moves_where_a_part_is_shown_anew(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, **ELSEWHERE) as reader:
        await reader.open("/people?show=all")
        await reader.follows()
        await reader.page.evaluate(f"({SHOWN_ANEW})().then(() => 0)")
        assert await reader.page.evaluate(MOVED) == []
        assert (await reader.page.locator("td time").first.inner_text()).startswith("vor ")
