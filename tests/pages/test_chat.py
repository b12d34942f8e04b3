"""The chat on the pages: what it answers is shown once, and so that it is read at a glance."""

import re

from playwright.async_api import Browser, expect

from tests.pages.conftest import reading
from tests.web.acting import Acting
from tests.web.looking_scene import Scene


async def test_what_somebody_chooses_from_is_shown_once(browser: Browser, desk: Acting) -> None:
    async with reading(browser, desk.api) as reader:
        await reader.open("/cadences")
        await reader.page.get_by_role("button", name="Ask", exact=True).click()
        chat = reader.page.get_by_role("complementary", name="Chat")
        # Two are called so.
        await chat.get_by_label("Say something").fill(f"Add Ann Lee to {desk.cadence['name']}")
        await chat.get_by_label("Say something").press("Enter")
        asked = chat.locator(".theirs").last
        await expect(asked.get_by_role("button")).to_have_count(2)
        told = await asked.locator(".text").inner_text()
        assert told
        assert not any(line.startswith(("1.", "2.")) for line in told.splitlines()), told
        chosen = await asked.get_by_role("button").first.inner_text()
        await asked.get_by_role("button").first.click()
        await expect(chat.locator(".mine").last).to_have_text(chosen)
        await expect(chat.get_by_role("button", name="Yes, do it")).to_be_visible()
        assert await reader.violations() == []
        assert reader.complaints == []


async def test_activity_is_shown_a_line_each_with_its_moment_in_short(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role="csm") as reader:
        await reader.open(f"/stakeholders/{scene.stakeholder_id}")
        await reader.page.get_by_role("button", name="Ask", exact=True).click()
        chat = reader.page.get_by_role("complementary", name="Chat")
        await chat.get_by_label("Say something").fill("Show activity for this account")
        await chat.get_by_label("Say something").press("Enter")
        answer = chat.locator(".theirs").last
        lines = answer.locator(".text ~ ul > li")
        await expect(lines.first).to_be_visible()
        told = await lines.all_inner_texts()
        assert len(told) > 1
        assert all(
            re.fullmatch(r"\d{1,2} \w{3} \d{4}, \d\d:\d\d .+: [\w -]+( \(maybe a machine\))?", one) for one in told
        )
        await expect(answer.locator("p").last).to_contain_text("as of")
        assert await reader.violations() == []
        assert reader.complaints == []
