"""Whom criteria have left out, each with what did not hold of them; and by segment, as the overview is."""

import re

from playwright.async_api import Browser, expect

from enrollment.criteria import Predicate
from schemas.vocabulary import TriggerType
from tests.pages.conftest import reading
from tests.pages.test_stillness import MOVED
from tests.web.acting import Acting
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene

CHAMPIONS = Predicate(field="stakeholder.is_champion", op="equals", value=True)


async def test_what_did_not_hold_stands_in_the_row_and_nothing_moves_for_it(browser: Browser, desk: Acting) -> None:
    scene = Scene(desk.api.database, organization_id=desk.api.organization_id, now=desk.api.clock.now())
    await scene.publish_for(TriggerType.RENEWAL_WINDOW, stakeholder_criteria=CHAMPIONS, cadence_id=desk.cadence["id"])
    customer = CUSTOMER | {"segment": "smb & co"}
    await scene.snapshots(customers=(customer,), stakeholders=(ANN, BOB))
    await scene.decide(scene.trigger(customer=customer, stakeholders=(ANN, BOB), event_id="e-unmet"))
    async with reading(browser, desk.api, role="viewer") as reader:
        page = reader.page
        for width in (1280, 360):
            await page.set_viewport_size({"width": width, "height": 800})
            await reader.open("/overview/decisions?reason=criteria_not_met")
            row = page.locator("tbody tr").filter(has_text="Bob Ray")
            await expect(row.locator(".unmet")).to_have_text("Champion is no, should be yes.")
            assert await page.evaluate(MOVED) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme
        segments = page.get_by_role("navigation", name="Segment")
        await segments.get_by_role("link", name="smb & co").click()
        await expect(page).to_have_url(re.compile("segment=smb%20%26%20co"))
        await expect(segments.get_by_role("link", name="smb & co")).to_have_attribute("aria-current", "true")
        await expect(page.locator("tbody tr")).to_have_count(1)
        # One that no customer has any more is still told, and can be left.
        await reader.open("/overview/decisions?reason=criteria_not_met&segment=gone")
        await expect(segments.get_by_role("link", name="gone")).to_have_attribute("aria-current", "true")
        await expect(page.locator(".unmet")).to_have_count(0)
        assert reader.complaints == []
