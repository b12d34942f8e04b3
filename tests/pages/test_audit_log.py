"""Who did what, on the page of operations, for admins."""

from playwright.async_api import Browser, expect

from tests.pages.conftest import reading
from tests.web.acting import Acting
from tests.web.test_audit_log import done, stopped


async def test_an_admin_reads_who_did_what(browser: Browser, desk: Acting) -> None:
    theirs = [stopped(desk.api.organization_id, number, by="usr-8") for number in range(60)]
    await done(desk.api, stopped(desk.api.organization_id, 77, by="usr-7"), *theirs)
    async with reading(browser, desk.api, role="admin") as reader:
        await reader.open("/operations")
        log = reader.page.get_by_role("region", name="Audit log")
        rows = log.locator("tbody tr")
        await expect(rows).to_have_count(0)
        await log.get_by_text("Who did what").click()
        await expect(rows).to_have_count(50)
        await expect(rows.first).to_contain_text("usr-8 by api")
        await expect(rows.first).to_contain_text("Stop: set")
        await expect(rows.first).to_contain_text("stop/59")
        assert await reader.violations() == []

        await log.get_by_label("By").fill("usr-7")
        await log.get_by_role("button", name="Show").click()
        await expect(rows).to_have_count(1)
        await log.get_by_label("By").fill("usr-8")
        await log.get_by_role("button", name="Show").click()
        await expect(rows).to_have_count(50)
        await log.get_by_role("button", name="Earlier").click()
        await expect(rows).to_have_count(60)
        await expect(log.get_by_role("button", name="Earlier")).to_have_count(0)

        await log.get_by_label("By").fill("")
        await log.get_by_label("To").fill("stop/77")
        await log.get_by_label("To").press("Enter")
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("usr-7")
        assert reader.complaints == []


async def test_nobody_else_is_shown_it(browser: Browser, desk: Acting) -> None:
    async with reading(browser, desk.api, role="manager") as reader:
        await reader.open("/operations")
        await expect(reader.page.get_by_role("region", name="Audit log")).to_have_count(0)
        refused = await reader.page.goto(f"{reader.page.url}/audit-log")
        assert refused is not None
        assert refused.status == 403
