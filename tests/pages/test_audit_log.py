"""Who did what, on the page of operations, for admins."""

import re
from datetime import timedelta

from playwright.async_api import Browser, expect

from tests.pages.beside import somebody
from tests.pages.conftest import reading
from tests.pages.test_editor import drafted
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
        await expect(rows.first).to_contain_text("usr-8")
        await expect(rows.first).to_contain_text("Stopped everything")
        await expect(rows.first).to_contain_text("stop/59")
        assert await reader.violations() == []

        await log.get_by_label("Done by").fill("usr-7")
        await log.get_by_role("button", name="Show").click()
        await expect(rows).to_have_count(1)
        await log.get_by_label("Done by").fill("usr-8")
        await log.get_by_role("button", name="Show").click()
        await expect(rows).to_have_count(50)
        await log.get_by_role("button", name="Earlier").click()
        await expect(rows).to_have_count(60)
        await expect(log.get_by_role("button", name="Earlier")).to_have_count(0)

        await log.get_by_label("Done by").fill("")
        await log.get_by_label("Done to").fill("stop/77")
        await log.get_by_label("Done to").press("Enter")
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("usr-7")
        assert reader.complaints == []


async def test_it_says_by_name_who_did_what_to_whom_in_a_line_each(browser: Browser, desk: Acting) -> None:
    membership_id = await desk.enrolled("sth-1", sub="usr-1")
    until = (desk.api.clock.now() + timedelta(days=3)).isoformat()
    steered = f"/api/salesloft/cadence-memberships/{membership_id}"
    paused = await desk.call(
        "PUT", f"{steered}/pause", {"note": "on holiday", "until": until}, role="admin", sub="usr-1"
    )
    assert paused.status_code == 202, paused.text
    await drafted(desk)
    async with reading(browser, desk.api, role="admin") as reader:
        await reader.open("/operations")
        log = reader.page.get_by_role("region", name="Audit log")
        await log.get_by_text("Who did what").click()
        rows = log.locator("tbody tr")
        owner = desk.api.team["users"][1]["name"]
        pause = rows.filter(has_text="Paused Ann Lee on")
        await expect(pause).to_contain_text(f"{owner} usr-1")
        await expect(pause).to_contain_text("until")
        await expect(rows.filter(has_text="Requested Ann Lee for")).to_contain_text(owner)
        await expect(rows.filter(has_text="Approved Ann Lee for")).to_contain_text("usr-9 as approver")
        of_mapping = rows.filter(has_text="Drafted").filter(has_text="version 1")
        await expect(of_mapping.get_by_role("link")).to_have_text(re.compile(", any segment$"))
        await expect(log).not_to_contain_text("not known")
        await expect(log).not_to_contain_text("request digest")
        assert await reader.violations() == []
        for width, most in ((1440, 45), (390, 100)):
            await reader.page.set_viewport_size({"width": width, "height": 900})
            for row in await rows.all():
                box = await row.bounding_box()
                assert box is not None
                assert box["height"] <= most, width
        await pause.get_by_role("link", name="Ann Lee").click()
        await expect(reader.page.locator("h1")).to_have_text("Ann Lee")
        assert reader.complaints == []


async def test_nobody_else_is_shown_it(browser: Browser, desk: Acting) -> None:
    async with reading(browser, desk.api, role="manager") as reader:
        await reader.open("/operations")
        await expect(reader.page.get_by_role("region", name="Audit log")).to_have_count(0)
        refused = await reader.page.goto(f"{reader.page.url}/audit-log")
        assert refused is not None
        assert refused.status == 403


async def test_no_column_is_cut_off_however_much_a_line_says(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Maximiliane von Hohenlohe-Featherstonehaugh")
    membership_id = await desk.enrolled(stakeholder_id, sub="usr-1")
    until = (desk.api.clock.now() + timedelta(days=3)).isoformat()
    steered = f"/api/salesloft/cadence-memberships/{membership_id}"
    paused = await desk.call("PUT", f"{steered}/pause", {"note": "on holiday", "until": until}, role="admin")
    assert paused.status_code == 202, paused.text
    async with reading(browser, desk.api, role="admin") as reader:
        await reader.open("/operations")
        log = reader.page.get_by_role("region", name="Audit log")
        await log.get_by_text("Who did what").click()
        sheet = log.get_by_role("region", name="What was done")
        await expect(sheet.locator("tr").filter(has_text="Paused Maximiliane")).to_have_count(1)
        for width in (1440, 1280, 1024, 900, 360):
            await reader.page.set_viewport_size({"width": width, "height": 900})
            room, needed = await sheet.evaluate("one => [one.clientWidth, one.scrollWidth]")
            assert needed <= room, width
