"""What is painted stays where it is: a reader whose hand is on the way to a button presses that one."""

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.pages.conftest import reading
from tests.pages.test_pages import PAGES, address_of
from tests.web.acting import Acting
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


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        ({"cadence_id": None}, "Before it can be published"),
        ({"segment": "nobodys"}, "No customer has the segment 'nobodys'"),
        ({"cadence_id": None, "segment": "nobodys"}, "Before it can be published"),
    ],
    ids=["not ready", "warned of", "both"],
)
@pytest.mark.parametrize("width", [1280, 360])
async def test_nothing_of_an_editor_moves_once_its_draft_has_been_tried(
    browser: Browser, desk: Acting, draft: dict[str, Any], says: str, width: int
) -> None:
    document = {"trigger_type": "at-risk", "cadence_id": desk.cadence["id"], **draft}
    made = await desk.call("POST", "/api/salesloft/trigger-mappings", document, role="admin")
    assert made.status_code == 201, made.text
    path = f"/mappings/{made.json()['versions'][-1]['id']}/edit"
    viewport = {"width": width, "height": 900}
    async with reading(browser, desk.api, role="admin", viewport=viewport, **ELSEWHERE) as reader:
        async with reader.page.expect_response(lambda answer: answer.url.endswith("/preview")) as tried:
            await reader.open(path)
        assert (await tried.value).ok
        await expect(reader.page.locator(".headline, #trial .note").first).to_be_attached()
        await expect(reader.page.locator("#says")).to_contain_text(says)
        assert await reader.page.evaluate(MOVED) == []
