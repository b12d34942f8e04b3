"""What is told of what somebody has asked for: for as long as it is still to come, and not when it has come about."""

from playwright.async_api import Browser, expect

from tests.pages.beside import somebody
from tests.pages.conftest import reading
from tests.web.acting import Acting


async def test_a_notice_is_told_until_what_it_is_about_has_come_about(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Nell Grey")
    await desk.enrolled(stakeholder_id)
    cadence = desk.cadence["name"]
    async with reading(browser, desk.api, role="csm") as reader:
        await reader.open(f"/stakeholders/{stakeholder_id}")
        await reader.follows()
        card, done = reader.card(cadence), reader.page.locator("#done .note")
        chip = card.locator(".card-head .chip")

        dialog = await reader.asked(card, "Pause")
        await reader.send(dialog.get_by_role("button", name="Pause"))
        await expect(done).to_contain_text("Pause requested: until somebody resumes")
        await desk.carry_out()
        await expect(chip).to_have_text("Paused")
        await expect(done).to_have_count(0)

        dialog = await reader.asked(card, "Resume")
        await reader.send(dialog.get_by_role("button", name="Resume"))
        await expect(done).to_contain_text("Resume requested")
        # What is shown anew while it stands as it did leaves the notice.
        async with reader.page.expect_response(lambda answer: answer.request.method == "GET"):
            await reader.page.evaluate("htmx.trigger('#contact', 'changed')")
        await expect(reader.page.locator("#contact.htmx-request")).to_have_count(0)
        await expect(done).to_contain_text("Resume requested")
        await desk.carry_out()
        await expect(chip).to_have_text("Enrolled")
        await expect(done).to_have_count(0)

        dialog = await reader.asked(card, "Remove")
        await reader.send(dialog.get_by_role("button", name=f"Remove from {cadence}"))
        await expect(done).to_contain_text("Removal requested: it is done in Salesloft in a moment")
        await desk.carry_out()
        await expect(reader.page.get_by_text("On no cadence")).to_be_visible()
        await expect(done).to_have_count(0)
        assert reader.complaints == []


async def test_what_is_done_at_once_is_told_as_done(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Otis Gale")
    membership_id = await desk.enrolled(stakeholder_id)
    paused = await desk.call("PUT", f"/api/salesloft/cadence-memberships/{membership_id}/pause", {"note": "on holiday"})
    assert paused.status_code == 202, paused.text
    await desk.carry_out()
    async with reading(browser, desk.api, role="csm") as reader:
        await reader.open(f"/stakeholders/{stakeholder_id}")
        dialog = await reader.asked(reader.card(desk.cadence["name"]), "Remove")
        # Salesloft has them off already: there is nothing to wait for.
        await reader.send(dialog.get_by_role("button", name=f"Remove from {desk.cadence['name']}"))
        await expect(reader.page.locator("#done .note")).to_have_text("Removed.")
        await expect(reader.page.get_by_text("On no cadence")).to_be_visible()
        assert reader.complaints == []
