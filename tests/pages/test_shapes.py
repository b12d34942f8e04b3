"""What a page looks like where its shape says something: what stands under what, and what stays in sight."""

import pytest
from playwright.async_api import Browser, FloatRect, Locator, expect

from tests.fulfillment.account import SAVE
from tests.pages.conftest import reading
from tests.web.looking_scene import PAUSED, Scene

# As many days as take more than a row.
_MORE_DAYS = "day => { for (let i = 0; i < 7; i++) day.parentElement.append(day.cloneNode(true)); }"


async def test_the_days_of_a_second_row_stand_under_those_of_the_first(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene) as reader:
        await reader.open(f"/cadences/{scene.accounts[PAUSED].cadences[SAVE]}")
        days = reader.page.locator(".dayline > li")
        await days.first.evaluate(_MORE_DAYS)
        found = await _boxes(days)
        rows = sorted({one["y"] for one in found})
        assert len(rows) > 1
        first, last = [[one["x"] for one in found if one["y"] == row] for row in (rows[0], rows[-1])]
        assert 1 < len(last) < len(first)
        assert last == first[: len(last)]


async def test_on_a_telephone_a_day_stands_beside_its_steps(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, viewport={"width": 390, "height": 800}) as reader:
        await reader.open(f"/cadences/{scene.accounts[PAUSED].cadences[SAVE]}")
        day = reader.page.locator(".dayline > li").first
        name, step = await _box(day.locator(".day")), await _box(day.locator(".stepcard").first)
        assert name["x"] + name["width"] <= step["x"]
        assert name["y"] < step["y"] + step["height"]
        await expect(day).to_have_css("border-top-width", "0px")
        assert await reader.violations() == []


@pytest.mark.parametrize("width", [1280, 360])
async def test_what_can_be_done_in_a_dialog_is_in_sight_and_hides_no_field(
    browser: Browser, scene: Scene, width: int
) -> None:
    async with reading(browser, scene, role="admin", viewport={"width": width, "height": 420}) as reader:
        page = reader.page
        await reader.open("/mappings")
        await page.get_by_role("button", name="Draft a mapping…").click()
        dialog = page.get_by_role("dialog", name="Draft a mapping")
        actions = dialog.locator(".actions")
        await expect(actions).to_be_visible()
        assert await dialog.evaluate("one => one.scrollHeight > one.clientHeight")
        for field in await dialog.locator("select").all():
            await field.focus()
            around, below, at = await _box(dialog), await _box(actions), await _box(field)
            assert below["y"] + below["height"] <= around["y"] + around["height"]
            assert at["y"] + at["height"] <= below["y"]
        assert await reader.violations() == []


async def _box(one: Locator) -> FloatRect:
    found = await one.bounding_box()
    assert found is not None
    return found


async def _boxes(several: Locator) -> list[FloatRect]:
    return [await _box(one) for one in await several.all()]
