"""What a page looks like where its shape says something: what stands under what, and what stays in sight."""

import pytest
from playwright.async_api import Browser, FloatRect, Locator, expect

from tests.fulfillment.account import SAVE
from tests.pages.conftest import reading
from tests.web.looking_scene import PAUSED, WAITING, Scene

# As many days as take more than a row.
_MORE_DAYS = "day => { for (let i = 0; i < 7; i++) day.parentElement.append(day.cloneNode(true)); }"

_EVIDENCE = """deciding => deciding.insertAdjacentHTML("afterbegin", `<details><summary>Evidence</summary>
  <ul class="verdicts"><li>Health score: should be below 60, is 36</li></ul></details>`)"""


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


async def test_a_request_is_low_enough_that_several_are_seen_at_once(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role="manager", user_id="usr-9") as reader:
        page = reader.page
        await reader.open(f"/approvals/{scene.enrollments[WAITING]}")
        card = page.locator("main .card")
        await card.locator(".deciding").evaluate(_EVIDENCE)
        approve = card.get_by_role("button", name="Approve", exact=True)
        await expect(approve).to_be_visible()
        assert (await _box(card))["height"] < 150
        before = await _box(approve)
        await card.locator("summary").click()
        evidence = card.locator(".verdicts")
        await expect(evidence).to_be_visible()
        # It opens below, and what was to be pressed stays where it was.
        assert await _box(approve) == before
        assert (await _box(evidence))["y"] >= before["y"] + before["height"]
        assert await reader.violations() == []
        await page.set_viewport_size({"width": 360, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        above = await _box(evidence)
        assert (await _box(approve))["y"] >= above["y"] + above["height"]


async def test_on_a_telephone_somebody_in_a_list_is_a_name_and_a_line_or_two(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, viewport={"width": 390, "height": 800}, reduced_motion="reduce") as reader:
        rows = reader.page.locator("main table tbody tr")
        for path in ("/people?show=all", "/customers"):
            await reader.open(path)
            # At once: a list may be shown anew meanwhile.
            heights = await rows.evaluate_all("rows => rows.map((row) => row.offsetHeight)")
            assert len(heights) > 1
            assert max(heights) <= 110
        told = "one => getComputedStyle(one, '::before').content"
        assert "People on a cadence" in await rows.first.locator(".number").evaluate(told)
        assert await rows.first.locator("td").nth(1).evaluate(told) == "none"
        for scheme in ("light", "dark"):
            await reader.page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme


async def test_who_signs_in_looks_at_the_middle_of_the_page(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role=None, viewport={"width": 1280, "height": 800}) as reader:
        await reader.open("/sign-in")
        found = await _box(reader.page.locator(".alone"))
        assert abs(found["x"] + found["width"] / 2 - 640) <= 1
        assert abs(found["y"] + found["height"] / 2 - 400) <= 1
        assert await reader.page.evaluate("document.documentElement.scrollHeight") <= 800
        assert await reader.violations() == []


async def _box(one: Locator) -> FloatRect:
    found = await one.bounding_box()
    assert found is not None
    return found


async def _boxes(several: Locator) -> list[FloatRect]:
    return [await _box(one) for one in await several.all()]
