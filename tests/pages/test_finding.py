"""Finding somebody by name, from any page and while it is typed."""

import pytest
from playwright.async_api import Browser, expect

from tests.pages.beside import somebody
from tests.pages.conftest import reading
from tests.pages.population import SCRIPT
from tests.web.acting import Acting


@pytest.mark.parametrize("role", ["viewer", "csm"])
async def test_somebody_is_found_from_any_page_while_the_name_is_typed(
    browser: Browser, desk: Acting, role: str
) -> None:
    ann = await somebody(desk, f"Zora Adams {role}")
    await somebody(desk, f"Zora Benedikt {role}")
    async with reading(browser, desk.api, role=role, reduced_motion="reduce") as reader:
        page = reader.page
        await reader.open("/cadences")
        await page.get_by_label("Find a person or a customer").fill(f"{role} zor")
        await page.keyboard.press("Enter")
        rows = page.get_by_role("region", name="People").locator("tbody tr")
        customers = page.get_by_role("region", name="Customers").get_by_role("link")
        await expect(rows).to_have_count(2)
        await expect(customers).to_have_count(2)
        box = page.get_by_label("Name or e-mail address")
        await expect(box).to_have_value(f"{role} zor")
        await box.press("End")
        await box.press_sequentially("a ad")
        await expect(rows).to_have_count(1)
        await expect(customers).to_have_count(1)
        await expect(page).to_have_url(f"{reader.base_url}/app/find?q={role}%20zora%20ad")
        await expect(box).to_be_focused()
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme
        await rows.get_by_role("link", name=f"Zora Adams {role}", exact=True).click()
        await expect(page).to_have_url(f"{reader.base_url}/app/stakeholders/{ann}")
        await expect(page.get_by_role("heading", name=f"Zora Adams {role}")).to_be_visible()
        assert reader.complaints == []


async def test_who_is_not_there_is_said_not_to_be_and_a_name_stays_one(browser: Browser, desk: Acting) -> None:
    await somebody(desk, SCRIPT)
    async with reading(browser, desk.api) as reader:
        page = reader.page
        await reader.open("/find?q=%3Cscript")
        await expect(page.get_by_role("link", name=SCRIPT, exact=True)).to_be_visible()
        await reader.open("/find?q=%22%3E%3Cscript")
        await expect(page.get_by_text("Nobody is called so")).to_be_visible()
        await expect(page.get_by_label("Name or e-mail address")).to_have_value('"><script')
        assert await page.title() != "taken"
        assert reader.complaints == []


async def test_a_long_list_is_read_to_its_end(browser: Browser, desk: Acting) -> None:
    for number in range(53):
        await somebody(desk, f"Quentin {number:02}")
    async with reading(browser, desk.api) as reader:
        page = reader.page
        await reader.open("/find?q=quentin")
        rows = page.get_by_role("region", name="People").locator("tbody tr")
        await expect(rows).to_have_count(50)
        await expect(page.get_by_text("There are more: write more of the name.")).to_be_visible()
        await page.get_by_role("link", name="More").click()
        await expect(rows).to_have_count(3)
        await expect(rows.last).to_contain_text("Quentin 52")
