"""What is pressed in a mapping's form while an answer is awaited is done, too."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.pages.conftest import Reader, reading
from tests.pages.test_editor import drafted, focused, pressed
from tests.web.acting import Acting

TIER = {"field": "customer.tier", "op": "equals", "value": "enterprise"}
Changing = Callable[[Page], Coroutine[Any, Any, None]]


@asynccontextmanager
async def _awaiting(browser: Browser, desk: Acting, changed: Changing) -> AsyncIterator[tuple[Reader, asyncio.Event]]:
    """An editor in which the answer to a change is awaited, and what lets the answer come."""
    id_ = await drafted(desk, customer_criteria={"all": [TIER, TIER]})
    asked, answered = asyncio.Event(), asyncio.Event()

    async def held(route: Route) -> None:
        is_first = not asked.is_set()
        asked.set()
        if is_first:
            await answered.wait()
        await route.continue_()

    async with reading(browser, desk.api, role="admin", reduced_motion="reduce") as reader:
        await reader.open(f"/mappings/{id_}/edit")
        await expect(reader.page.locator(".headline")).to_be_visible()
        await reader.page.route(f"**/mappings/{id_}/edit", held)
        await changed(reader.page)
        await asyncio.wait_for(asked.wait(), 30)
        yield reader, answered


async def _joins(page: Page) -> None:
    await page.locator("[name='customer:joined']").select_option("any")


async def test_a_condition_is_added_while_the_answer_to_a_change_is_awaited(browser: Browser, desk: Acting) -> None:
    async with _awaiting(browser, desk, _joins) as (reader, answered):
        await reader.page.locator("[id='customer:add']").focus()
        await pressed(reader.page, "Enter")
        answered.set()
        await focused(reader.page, "customer.2:field")
        await expect(reader.page.locator("[name='customer:joined']")).to_have_value("any")


@pytest.mark.parametrize("then", ["customer.0:field", "customer.1:field"])
async def test_what_changes_after_it_does_not_take_its_place(browser: Browser, desk: Acting, then: str) -> None:
    async with _awaiting(browser, desk, _joins) as (reader, answered):
        page = reader.page
        await page.locator("[id='customer:add']").focus()
        await pressed(page, "Enter")
        await page.locator(f"[id='{then}']").select_option("customer.segment")
        # A change is told three tenths of a second later, and timers of one page end in their order.
        await page.evaluate("new Promise((ended) => setTimeout(ended, 400))")
        answered.set()
        await focused(page, "customer.2:field")
        await expect(page.locator(f"[id='{then}']")).to_have_value("customer.segment")
