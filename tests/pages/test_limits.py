"""Re-entry, caps and hours of a mapping's policy in its editor: kept where nobody touched them, set by keyboard."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from enrollment.mappings import Policy
from tests.pages.conftest import Reader, reading
from tests.pages.test_editor import drafted, focused, latest, pressed, unfolded
from tests.web.acting import Acting
from web.pages.limits_form import DAYS, limits_edited, limits_in

LIMITS: dict[str, Any] = {
    "reentry": {"kind": "at_most", "times": 3, "within_days": 365},
    "caps": [
        {"per": "stakeholder", "at_most": 1, "within_hours": 168},
        {"per": "mapping", "at_most": 500, "within_hours": 8784},
    ],
    "working_time": {
        "quiet_hours": {"begins": "18:30:00", "ends": "08:00:15"},
        "days": ["monday", "thursday", "sunday"],
        "blackouts": [
            {"first": "2026-12-24", "last": "2027-01-01"},
            {"first": "2027-05-01", "last": "2027-05-01"},
        ],
    },
}
NONE: dict[str, Any] = {"reentry": None, "caps": [], "working_time": None}


@pytest.mark.parametrize("limits", [LIMITS, NONE, NONE | {"reentry": {"kind": "once"}}], ids=["all", "none", "once"])
async def test_what_nobody_touches_stays_as_it_is(browser: Browser, desk: Acting, limits: dict[str, Any]) -> None:
    id_ = await drafted(desk, policy=limits)
    before = (await latest(desk, id_))["mapping"]
    assert of_limits(before) == limits
    async with reading(browser, desk.api, role="admin") as reader:
        await reader.open(f"/mappings/{id_}/edit")
        await unfolded(reader.page)
        await reader.page.get_by_label("Priority").fill("5")
        await saved(reader)
    assert (await latest(desk, id_))["mapping"] == before | {"priority": 5}


async def test_they_are_set_with_the_keyboard(browser: Browser, desk: Acting) -> None:
    id_ = await drafted(desk)
    async with reading(browser, desk.api, role="admin", reduced_motion="reduce") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}/edit")
        await unfolded(page)
        await chosen(page, "reentry", "Is requested again some")
        await typed(page, "Times", "4")
        await typed(page, "Within days", "180")
        await page.locator("#add-cap").focus()
        await pressed(page, "Enter")
        await focused(page, "cap:0")
        await pressed(page, "ArrowUp", "Tab", "2", "Tab", "4", "8")
        await page.locator("#add-cap").focus()
        await pressed(page, "Enter")
        await focused(page, "cap:1")
        await chosen(page, "hours", "At")
        await page.get_by_role("checkbox", name="Friday").focus()
        await pressed(page, "Space")
        await page.get_by_label("Not from", exact=True).first.fill("19:00")
        await page.get_by_label("Until").fill("08:30")
        await page.locator("#add-blackout").focus()
        await pressed(page, "Enter")
        await focused(page, "blackout:0")
        await page.locator("[id='blackout:0']").fill("2026-12-24")
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme
        await saved(reader)
        assert of_limits((await latest(desk, id_))["mapping"]) == {
            "reentry": {"kind": "at_most", "times": 4, "within_days": 180},
            "caps": [
                {"per": "account", "at_most": 2, "within_hours": 48},
                {"per": "sender", "at_most": 20, "within_hours": 24},
            ],
            "working_time": {
                "quiet_hours": {"begins": "19:00:00", "ends": "08:30:00"},
                "days": ["monday", "tuesday", "wednesday", "thursday"],
                "blackouts": [{"first": "2026-12-24", "last": "2026-12-24"}],
            },
        }

        await page.get_by_role("button", name="Remove days off 1").focus()
        await pressed(page, "Enter")
        await focused(page, "add-blackout")
        await page.get_by_role("button", name="Remove cap 1").focus()
        await pressed(page, "Enter")
        await focused(page, "add-cap")
        await page.get_by_role("button", name="Remove cap 1").focus()
        await pressed(page, "Enter")
        await expect(page.get_by_role("button", name="Remove cap 1")).to_have_count(0)
        await chosen(page, "reentry", "Is requested again for")
        await chosen(page, "hours", "Wh")
        await expect(page.get_by_role("checkbox", name="Friday")).to_have_count(0)
        await saved(reader)
        assert of_limits((await latest(desk, id_))["mapping"]) == NONE
        assert reader.complaints == []


async def test_a_limit_that_the_service_refuses_is_told(browser: Browser, desk: Acting) -> None:
    id_ = await drafted(desk, policy=LIMITS)
    async with reading(browser, desk.api, role="admin") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}/edit")
        await unfolded(page)
        await page.get_by_label("Until").fill("18:30")
        await page.get_by_role("button", name="Save the draft").click()
        refused = page.locator("#saved").get_by_role("alert")
        await expect(refused).to_contain_text("policy.working_time.quiet_hours quiet hours that end where they begin")
    assert of_limits((await latest(desk, id_))["mapping"]) == LIMITS


def test_hours_of_its_own_begin_with_the_week_as_people_mostly_work() -> None:
    assert limits_in({"hours": ["own"]})["working_time"] == {"quiet_hours": None, "days": [*DAYS[:5]], "blackouts": []}
    assert limits_in({"hours": ["own"], "hours_shown": ["yes"]})["working_time"]["days"] == []


@pytest.mark.parametrize("does", ["", "save", "remove-cap", "remove-cap 7", "remove-blackout -1", "add-cap-not"])
def test_a_button_that_says_nothing_of_them_changes_nothing(does: str) -> None:
    assert limits_edited(LIMITS, does) == LIMITS
    assert limits_edited(NONE, does) == NONE


def test_what_has_no_hours_of_its_own_has_no_days_off() -> None:
    assert limits_edited(NONE, "add-blackout") == NONE


def test_a_new_cap_is_one_that_the_service_takes() -> None:
    policy = Policy.model_validate(limits_edited(LIMITS, "add-cap"))
    assert len(policy.caps) == len(LIMITS["caps"]) + 1


def of_limits(mapping: dict[str, Any]) -> dict[str, Any]:
    return {name: mapping["policy"][name] for name in LIMITS}


async def saved(reader: Reader) -> None:
    async with reader.page.expect_response("**/edit/save"):
        await reader.page.get_by_role("button", name="Save the draft").click()
    await expect(reader.page.locator("#saved").get_by_role("status")).to_be_visible()


async def chosen(page: Page, id_: str, keys: str) -> None:
    """Choose what begins so, by typing; the form answers with what it asks besides."""
    await page.locator(f"#{id_}").focus()
    async with page.expect_response("**/edit"):
        await page.keyboard.type(keys)


async def typed(page: Page, label: str, text: str) -> None:
    await page.get_by_label(re.compile(rf"^{label}\s*(\(required\))?\s*$")).select_text()
    await page.keyboard.type(text)
