"""Customers and their people as a csm looks for them: one's own first, whose the others are, who is on what."""

from playwright.async_api import Browser, Page, expect

from tests.pages.beside import somebody
from tests.pages.conftest import reading
from tests.pages.population import SCRIPT
from tests.web.acting import Acting


async def test_a_csm_sees_their_own_customers_first_and_finds_everybodys(browser: Browser, desk: Acting) -> None:
    for name, owner in (("Zora", "usr-31"), ("Abel", "usr-31"), ("Eve", "usr-32"), (SCRIPT, "usr-31")):
        await somebody(desk, name, owner=owner)
    owner_name = desk.api.team["users"][1]["name"]
    async with reading(browser, desk.api, role="csm", user_id="usr-31", reduced_motion="reduce") as reader:
        page = reader.page
        await reader.open("/approvals")
        await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Customers").click()
        rows = page.get_by_role("region", name="Customers").locator("tbody tr")
        await expect(rows.locator("th")).to_have_text([f"{SCRIPT}'s company", "Abel's company", "Zora's company"])
        await expect(rows.last).to_contain_text(f"{owner_name} you")
        await page.get_by_placeholder("A part of the name").fill("zor")
        await expect(rows).to_have_count(1)
        await expect(page).to_have_url(f"{reader.base_url}/app/customers?whose=mine&q=zor")
        await page.get_by_placeholder("A part of the name").fill("eve's")
        await expect(page.get_by_text("None of yours is")).to_be_visible()
        await page.get_by_role("navigation", name="Whose").get_by_role("link", name="All").click()
        await expect(rows).to_have_count(1)
        await page.get_by_role("link", name="Eve's company").click()
        await expect(page.locator(".head")).to_contain_text(f"{owner_name} looks after this customer: only they")
        await page.get_by_role("link", name="Eve", exact=True).click()
        await expect(page.locator(".head")).to_contain_text("a manager or an admin change anything here")
        await expect(page.get_by_role("button", name="Add to a cadence…")).to_have_count(0)
        assert await page.title() != "taken"
        assert reader.complaints == []
    async with reading(browser, desk.api, role="manager") as manager:
        await manager.open("/customers")
        whose = manager.page.get_by_role("navigation", name="Whose")
        await expect(whose.locator("[aria-current]")).to_have_text("All")


async def test_a_long_list_of_customers_is_read_to_its_end(browser: Browser, desk: Acting) -> None:
    for number in range(52):
        await somebody(desk, f"Long {number:02}", owner="usr-33")
    async with reading(browser, desk.api, role="csm", user_id="usr-33") as reader:
        await reader.open("/customers")
        rows = reader.page.get_by_role("region", name="Customers").locator("tbody tr")
        await expect(rows).to_have_count(50)
        await reader.page.get_by_role("link", name="More").click()
        await expect(rows).to_have_count(2)
        await expect(rows.last).to_contain_text("Long 51's company")


async def test_people_are_listed_by_whose_they_are_and_by_who_requested_them(browser: Browser, desk: Acting) -> None:
    mine, theirs = await somebody(desk, "Mine Own", owner="usr-34"), await somebody(desk, "Theirs", owner="usr-35")
    for stakeholder_id in (mine, theirs):
        assert (await desk.add(stakeholder_id, claims={"role": "admin"})).status_code == 202
    async with reading(browser, desk.api, role="csm", user_id="usr-34") as reader:
        page = reader.page
        await reader.open("/people?show=coming")
        people = page.get_by_role("region", name="Enrollments").locator("tbody th")
        await expect(people).to_have_text(["Mine Own"])
        await expect(page.locator("tbody td[data-label='First day'] time")).to_have_count(1)
        await page.get_by_role("link", name="By hand").click()
        await expect(people).to_have_text(["Mine Own"])
        await page.get_by_role("navigation", name="Whose").get_by_role("link", name="All").click()
        await expect(people.filter(has_text="Theirs")).to_have_count(1)
        await page.get_by_role("link", name="At risk").click()
        await expect(page.get_by_text("Nobody is here")).to_be_visible()
        assert reader.complaints == []


async def test_a_customer_shows_who_is_on_which_cadence_and_who_was(browser: Browser, desk: Acting) -> None:
    on, off = await somebody(desk, "On Now"), await somebody(desk, "Off Again")
    await desk.enrolled(on)
    membership_id = await desk.enrolled(off)
    gone = await desk.call("DELETE", f"/api/salesloft/cadence-memberships/{membership_id}?note=enough", role="admin")
    assert gone.status_code == 202
    await desk.carry_out()
    cadence = desk.cadence["name"]
    async with reading(browser, desk.api, role="csm") as reader:
        page = reader.page
        await _customer_of(page, reader.base_url, on)
        await expect(page.get_by_role("row", name="On Now")).to_contain_text(cadence)
        await expect(page.get_by_role("row", name="On Now")).to_contain_text("1 of ")
        await expect(page.locator("dl.counts").get_by_text("of 1")).to_be_visible()
        history = page.get_by_role("region", name="History")
        await expect(history.locator("li").filter(has_text="Enrolled")).to_contain_text(f"On Now Enrolled {cadence}")
        await expect(history.get_by_role("link", name="On Now").first).to_be_visible()
        await _customer_of(page, reader.base_url, off)
        await expect(page.get_by_role("row", name="Off Again")).to_contain_text(f"was on {cadence}, removed")
        # Where there is no room for a table each row is a card that says what is what.
        await page.set_viewport_size({"width": 360, "height": 740})
        label = "getComputedStyle(document.querySelector('.folds td'), '::before').content"
        assert await page.evaluate(label) == '"Cadence"'
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        assert await reader.violations() == []
        assert reader.complaints == []


async def test_whoever_adds_chooses_a_cadence_and_is_not_led_to_what_is_refused(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Ada Chooser")
    async with reading(browser, desk.api, role="csm") as reader:
        page = reader.page
        await reader.open(f"/stakeholders/{stakeholder_id}")
        await page.get_by_role("button", name="Add to a cadence…").click()
        dialog = page.get_by_role("dialog", name="Add to a cadence")
        cadences = dialog.get_by_label("Cadence")
        await expect(cadences).to_have_value("")
        groups = await dialog.locator("optgroup").evaluate_all("all => all.map((one) => one.label)")
        assert groups == ["Team cadences", "Personal: only their owner can send"]
        personal = dialog.locator("optgroup").last.locator("option").first
        await cadences.select_option(await personal.get_attribute("value"))
        ask = dialog.get_by_role("button", name="Request approval")
        await expect(ask).to_have_class("main")
        # Whoever decides is told why, in the words of whoever asks.
        await ask.click()
        await expect(dialog.get_by_label("Why")).to_be_focused()
        await dialog.get_by_role("button", name="Check first").click()
        await expect(dialog.get_by_role("status")).to_contain_text("This would be refused")
        await expect(ask).not_to_have_class("main")
        await expect(dialog.get_by_role("button", name="Check again")).to_have_class("main")
        await dialog.get_by_role("button", name="Cancel").click()
        await expect(dialog).to_be_hidden()
        assert reader.complaints == []


async def _customer_of(page: Page, base_url: str, stakeholder_id: str) -> None:
    await page.goto(f"{base_url}/app/stakeholders/{stakeholder_id}")
    await page.locator(".head .of a").click()
    await expect(page.get_by_role("region", name="History")).to_be_visible()
