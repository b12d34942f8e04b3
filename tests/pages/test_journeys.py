"""What people come to do, from their first look to Salesloft: each in a browser, over the real API."""

import re
from datetime import timedelta

from playwright.async_api import Browser, Locator, Page, expect

from tests.pages.beside import customer_churns, decisions_arrive, somebody
from tests.pages.conftest import Reader, reading
from tests.web.acting import Acting
from tests.web.test_retrying import tried


async def test_somebody_is_added_by_hand_once_another_approves_it_with_another_date(
    browser: Browser, desk: Acting
) -> None:
    stakeholder_id = await somebody(desk, "Mira Voss")
    cadence = desk.cadence["name"]
    before = len(await desk.writes())
    async with reading(browser, desk.api, role="csm") as csm, reading(browser, desk.api, user_id="usr-9") as manager:
        await manager.open("/approvals")
        await manager.follows()
        await expect(manager.page.get_by_text("Nothing waits for a decision")).to_be_visible()

        await csm.open(f"/stakeholders/{stakeholder_id}")
        await csm.follows()
        await expect(csm.page.get_by_text("On no cadence")).to_be_visible()
        await csm.page.get_by_role("button", name="Add to a cadence…").click()
        dialog = csm.page.get_by_role("dialog", name="Add to a cadence")
        await _choose(dialog, cadence)
        await dialog.get_by_label("Why").fill("She asked for it on the phone.")
        await dialog.get_by_role("button", name="Check first").click()
        await expect(dialog.get_by_role("status")).to_contain_text("This can be requested.")
        assert await desk.api.fetch("SELECT FROM enrollments WHERE stakeholder_id = $1", stakeholder_id) == []
        await dialog.get_by_role("button", name="Request approval").click()
        asked = csm.page.get_by_role("status").filter(has_text="an approver decides")
        await expect(asked).to_be_visible()
        mine = csm.card(cadence)
        await expect(mine.locator(".card-head .chip")).to_have_text("Requested")

        theirs = manager.card("Mira Voss")
        await expect(theirs).to_contain_text(f"Asked for by {desk.api.team['users'][1]['name']}")
        await expect(theirs.get_by_role("blockquote")).to_have_text("She asked for it on the phone.")
        await expect(theirs).to_contain_text("as soon as it is approved")
        await expect(theirs).to_contain_text("must start by")
        dialog = await manager.asked(theirs, "Approve with changes…")
        day = (desk.api.clock.now() + timedelta(days=3)).date()
        await dialog.get_by_label("First day").fill(day.isoformat())
        await dialog.get_by_role("button", name="Approve").click()
        done = manager.page.get_by_role("status").filter(has_text="Mira Voss")
        await expect(done).to_contain_text("the decision takes effect")
        (decision,) = await decisions_arrive(desk)
        assert decision.changes is not None
        await manager.open("/approvals?show=all")
        starts = theirs.locator(".happens")
        await expect(starts.locator("del time")).to_have_count(1)
        await expect(starts.locator("strong time")).to_have_attribute("datetime", day.isoformat())
        assert (decision.changes.start_date, decision.decided_by.user_id) == (day, "usr-9")

        await expect(mine.locator(".card-head .chip")).to_have_text("Scheduled")
        # It was decided: that it would be is told no more.
        await expect(asked).to_have_count(0)
        assert len(await desk.writes()) == before
        await desk.api.advance(timedelta(days=5).total_seconds())
        await desk.carry_out()
        await expect(mine.locator(".card-head .chip")).to_have_text("Enrolled")
        await expect(mine).to_contain_text("Step 1 of")
        await expect(csm.page.get_by_role("region", name="History")).to_contain_text("Enrolled")
        assert len(await desk.writes()) == before + 1
        assert csm.complaints == manager.complaints == []


async def test_where_the_owner_cannot_send_a_sender_is_asked_for_at_once(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Olga Stone", owner_email="former.16@left.example")
    async with reading(browser, desk.api, role="csm") as reader:
        await reader.open(f"/stakeholders/{stakeholder_id}")
        await reader.follows()
        await reader.page.get_by_role("button", name="Add to a cadence…").click()
        dialog = reader.page.get_by_role("dialog", name="Add to a cadence")
        await expect(dialog.locator("#nobody-sends")).to_have_text(
            "The owner's address former.16@left.example is unknown to Salesloft. Choose a sender."
        )
        sender = dialog.get_by_label("Sender")
        await expect(sender).to_be_focused()
        await expect(sender).to_have_attribute("aria-invalid", "true")
        assert await reader.violations() == []
        await _choose(dialog, desk.cadence["name"])
        await dialog.get_by_role("button", name="Check first").click()
        checked = dialog.get_by_role("status")
        await expect(checked).to_contain_text("This would be refused")
        # What was said is of the form as it was.
        await sender.select_option(desk.api.team["users"][1]["name"])
        await expect(checked).to_have_count(0)
        await dialog.get_by_role("button", name="Check again").click()
        await expect(checked).to_contain_text("This can be requested.")
        await expect(sender).not_to_have_attribute("aria-invalid", "true")
        assert reader.complaints == []


async def test_whoever_asks_and_whoever_decides_is_told_that_the_customer_has_churned(
    browser: Browser, desk: Acting
) -> None:
    stakeholder_id = await somebody(desk, "Chris Stone")
    customer_id = stakeholder_id.replace("sth-", "cus-")
    async with reading(browser, desk.api, role="csm") as csm, reading(browser, desk.api, user_id="usr-9") as manager:
        dialog = await _checked(csm, stakeholder_id, desk.cadence["name"])
        await expect(dialog.get_by_role("status")).not_to_contain_text("churned")
        await customer_churns(desk, customer_id)
        await dialog.get_by_role("button", name="Check again").click()
        checked = dialog.get_by_role("status").filter(has_text="The customer has churned")
        await expect(checked).to_contain_text("This can be requested.")
        await dialog.get_by_label("Why").fill("They may come back.")
        assert await csm.violations() == []
        await dialog.get_by_role("button", name="Request approval").click()
        await expect(csm.page.get_by_role("status").filter(has_text="an approver decides")).to_be_visible()
        await manager.open("/approvals")
        await expect(manager.card("Chris Stone").locator(".note.held")).to_contain_text("The customer has churned")
        assert await manager.violations() == []
        assert csm.complaints == manager.complaints == []


async def test_nobody_approves_what_they_asked_for_themselves(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Own Asker")
    asked = await desk.add(stakeholder_id)
    assert asked.status_code == 202, asked.text
    async with reading(browser, desk.api, role="csm") as reader:
        await reader.open(f"/approvals/{asked.json()['enrollment_id']}")
        await expect(reader.page.get_by_role("main")).to_contain_text(
            "You asked for this yourself: somebody else decides."
        )
        await expect(reader.page.get_by_role("button", name="Approve")).to_have_count(0)
    assert await _state(desk, stakeholder_id) == "requested"


async def test_somebody_is_paused_resumed_and_removed(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Paul Stone")
    await desk.enrolled(stakeholder_id)
    cadence = desk.cadence["name"]
    async with reading(browser, desk.api, role="csm") as reader:
        await reader.open(f"/stakeholders/{stakeholder_id}")
        await reader.follows()
        card = reader.card(cadence)
        chip = card.locator(".card-head .chip")
        await expect(chip).to_have_text("Enrolled")
        times = card.locator(".fine").first.locator("time")
        (enrolled_at,) = [str(await one.get_attribute("datetime")) for one in await times.all()]

        dialog = await reader.asked(card, "Pause")
        await expect(dialog).to_contain_text("Salesloft has no pause")
        until = (desk.api.clock.now() + timedelta(days=9)).date()
        await dialog.get_by_label("Until").fill(until.isoformat())
        await dialog.get_by_label("Why").fill("On holiday.")
        await reader.send(dialog.get_by_role("button", name="Pause"))
        await expect(reader.page.locator("#done .note")).to_contain_text("Pause requested: until")
        await expect(card.locator(".note.held")).to_contain_text("Pausing, asked by")
        await expect(reader.page.locator("#done .note")).not_to_contain_text("something else")
        await desk.carry_out()
        await expect(chip).to_have_text("Paused")
        await expect(card.locator(".note.held")).to_contain_text("Paused by")
        (row,) = await desk.api.fetch("SELECT until, note FROM steerings WHERE action = 'pause'")
        assert (row["until"].date(), row["note"]) == (until, "On holiday.")

        dialog = await reader.asked(card, "Resume")
        await expect(dialog).to_contain_text("added to the cadence again at the step that was kept")
        await reader.send(dialog.get_by_role("button", name="Resume"))
        await desk.carry_out()
        await expect(chip).to_have_text("Enrolled")
        # Salesloft has them anew since; they were enrolled when they were.
        await expect(card.locator(".fine").first).to_contain_text("resumed")
        first, latest = [str(await one.get_attribute("datetime")) for one in await times.all()]
        assert first == enrolled_at < latest

        dialog = await reader.asked(card, "Remove")
        await reader.send(dialog.get_by_role("button", name=f"Remove from {cadence}"))
        await desk.carry_out()
        await expect(reader.page.get_by_text("On no cadence")).to_be_visible()
        await expect(reader.page.locator("main")).to_contain_text(f"Was on {cadence} until")
        owner = desk.api.team["users"][1]["name"]
        history = reader.page.get_by_role("region", name="History")
        found = [" ".join(one.split()) for one in await history.locator(".history .what").all_inner_texts()]
        until_told = found[2].split(" until ")[1].split(f" {cadence}")[0]
        # One row of each thing, and nothing in the words of whoever gave no reason.
        assert found[:4] == [
            f"Removed by {owner} {cadence}",
            f"Resumed by {owner} {cadence}",
            f"Paused by {owner} until {until_told} {cadence} “On holiday.”",
            f"Enrolled {cadence}",
        ]
        # They were of one instant here.
        requested = f"Requested by {owner} {cadence} “she asked for it”"
        assert sorted(found[4:]) == [f"Approved by usr-9 {cadence}", requested]
        await history.get_by_text("Every entry").click()
        await expect(history.locator("li.attempt").first).to_be_visible()
        assert await history.locator("#entries-one li.state").count() == 8
        assert reader.complaints == []
    assert await _state(desk, stakeholder_id) == "removed"


async def test_a_step_that_a_person_skips_is_told_as_skipped(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Skip Stone")
    await desk.enrolled(stakeholder_id)
    async with reading(browser, desk.api, role="csm") as reader:
        await reader.open(f"/stakeholders/{stakeholder_id}")
        await reader.follows()
        card = reader.card(desk.cadence["name"])
        dialog = await reader.asked(card, "Skip step")
        cadence = (await desk.call("GET", f"/api/salesloft/cadences/{desk.cadence['id']}")).json()
        first, second = [step["name"] for day in cadence["days"] for step in day["steps"] if step["enabled"]][:2]
        await expect(dialog).to_contain_text(f"Skipped is step 1, {first}")
        await expect(dialog).to_contain_text(f"Next comes step 2, {second}")
        await reader.send(dialog.get_by_role("button", name="Skip step"))
        await expect(card.locator(".step.due")).to_have_count(1)
        chip = card.locator(".card-head .chip")
        await expect(chip).to_have_text("Skipping…")
        # Half of it is done: they are off the cadence, and about to be added back, which nobody has to ask for.
        assert await tried(desk) == 1
        assert await _state(desk, stakeholder_id) == "paused"
        await expect(card).to_have_attribute("data-stands", re.compile("^paused"))
        await expect(chip).to_have_text("Skipping…")
        await expect(card.get_by_role("button", name="Resume")).to_have_count(0)
        await expect(card).not_to_contain_text("Paused")
        await desk.carry_out()
        await expect(card).to_contain_text("Step 2 of")
        await expect(chip).to_have_text("Enrolled")
        await expect(card.locator(".progress")).to_contain_text("0 done, 1 skipped")
        await expect(card.locator(".step").first).to_contain_text("skipped")
        await expect(card).not_to_contain_text("no record")
        assert reader.complaints == []


async def test_the_chat_answers_and_does_what_is_confirmed(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Nora Blum")
    async with reading(browser, desk.api, role="csm") as reader:
        await reader.open(f"/stakeholders/{stakeholder_id}")
        await reader.follows()
        await reader.page.get_by_role("button", name="Ask", exact=True).click()
        chat = reader.page.get_by_role("complementary", name="Chat")
        answers = chat.locator(".theirs")
        words = chat.get_by_label("Say something")

        # Whom the page is about needs no name.
        await words.fill("What cadence is she in?")
        await words.press("Enter")
        await expect(answers).to_have_count(1)
        await expect(answers.last).to_contain_text("Nora Blum")

        await words.fill(f"Add Nora Blum to {desk.cadence['name']}")
        await words.press("Enter")
        await expect(answers).to_have_count(2)
        assert await desk.api.fetch("SELECT FROM enrollments WHERE stakeholder_id = $1", stakeholder_id) == []
        await answers.last.get_by_role("button", name="Yes, do it").click()
        await expect(answers).to_have_count(3)
        card = reader.card(desk.cadence["name"])
        await expect(card.locator(".card-head .chip")).to_have_text("Requested")
        # What was confirmed once cannot be confirmed again.
        await expect(chat.get_by_role("button", name="Yes, do it")).to_have_count(0)

        # What cannot be done is said at once, and nobody is asked for a yes.
        await words.fill(f"Add her to {desk.cadence['name']}")
        await words.press("Enter")
        await expect(answers.last).to_contain_text("has been asked for on this cadence already")
        await expect(answers.last).to_contain_text("See what waits for approval, or withdraw that first.")
        await expect(answers.last.get_by_role("button")).to_have_count(0)
        assert await reader.violations() == []

        await words.fill("Show Salesloft activity for Nora Blum's company")
        await words.press("Enter")
        await expect(answers).to_have_count(5)
        await reader.open("/cadences")
        await expect(answers).to_have_count(5)
        assert reader.complaints == []
    (row,) = await desk.api.fetch("SELECT request FROM enrollments WHERE stakeholder_id = $1", stakeholder_id)
    assert '"kind":"chat"' in str(row["request"]).replace(" ", "")


async def test_many_are_decided_about_at_once(browser: Browser, desk: Acting) -> None:
    wanted = {name: await somebody(desk, name) for name in ("Bulk One", "Bulk Two", "Bulk Three")}
    for stakeholder_id in wanted.values():
        asked = await desk.add(stakeholder_id)
        assert asked.status_code == 202, asked.text
    async with reading(browser, desk.api, user_id="usr-9") as reader:
        await reader.open("/approvals")
        approve = reader.page.get_by_role("button", name="Approve chosen")
        await expect(approve).to_be_hidden()
        first = reader.page.locator("#queue > li").first
        before_any = await first.evaluate("one => one.offsetTop")
        for name in ("Bulk One", "Bulk Three"):
            await reader.page.get_by_role("checkbox", name=f"Choose {name}").check()
        await expect(reader.page.locator("[data-chosen]")).to_have_text("2 chosen")
        await expect(approve).to_be_enabled()
        assert await first.evaluate("one => one.offsetTop") == before_any
        await reader.page.get_by_role("button", name="Reject chosen").click()
        reason = reader.page.get_by_label("Reason for a rejection")
        assert await reason.evaluate("(one) => one.matches(':invalid:focus')")
        offered = reader.page.locator("#queue").get_by_role("button", name="Approve", exact=True)
        before = await offered.count()
        await approve.click()
        await expect(reader.page.get_by_role("status").filter(has_text="Approved: 2.")).to_be_visible()
        decided = reader.page.locator("#queue .published a")
        await expect(decided).to_have_count(2)
        assert sorted(await decided.all_inner_texts()) == ["Bulk One", "Bulk Three"]
        await expect(offered).to_have_count(before - 2)
        assert reader.complaints == []
    await decisions_arrive(desk)
    found = {name: await _state(desk, stakeholder_id) for name, stakeholder_id in wanted.items()}
    assert found == {"Bulk One": "scheduled", "Bulk Two": "requested", "Bulk Three": "scheduled"}


async def test_a_rejection_says_why(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Rita Nowak")
    asked = await desk.add(stakeholder_id)
    assert asked.status_code == 202, asked.text
    async with reading(browser, desk.api, user_id="usr-9") as reader:
        await reader.open("/approvals")
        card = reader.card("Rita Nowak")
        dialog = await reader.asked(card, "Reject…")
        await dialog.get_by_label("Why").fill("They leave at the end of the month.")
        await dialog.get_by_role("button", name="Reject").click()
        said = reader.page.get_by_role("status").filter(has_text="Rita Nowak")
        await expect(said).to_contain_text("Rejected")
        # Until the decision has arrived, what is asked anew still says that it waits.
        shown = f"#approval-{asked.json()['enrollment_id']}"
        async with reader.page.expect_response(lambda one: one.url.endswith(shown.removeprefix("#approval-"))) as anew:
            await reader.page.evaluate("(shown) => htmx.trigger(shown, 'changed')", shown)
        await (await anew.value).finished()
        await expect(reader.page.locator(f"{shown}:not(.htmx-request)")).to_be_visible()
        await expect(said).to_contain_text("Rejected")
    (decision,) = await decisions_arrive(desk)
    assert decision.reason == "They leave at the end of the month."
    async with reading(browser, desk.api, role="csm") as reader:
        await reader.open("/approvals?show=all")
        card = reader.card("Rita Nowak")
        await expect(card).to_contain_text(f"Would have gone on {desk.cadence['name']}")
        await expect(card).not_to_contain_text("must start by")
        await reader.open(f"/stakeholders/{stakeholder_id}")
        history = reader.page.get_by_role("region", name="History")
        await expect(history).to_contain_text("“They leave at the end of the month.”")
        await reader.page.get_by_role("button", name="Add to a cadence…").click()
        dialog = reader.page.get_by_role("dialog", name="Add to a cadence")
        await dialog.get_by_role("button", name="Check first").click()
        await expect(dialog.get_by_role("status")).to_have_text("Choose a cadence first.")
        owner = desk.api.team["users"][1]["name"]
        await dialog.get_by_label("Sender").select_option(owner)
        await _choose(dialog, desk.cadence["name"])
        await dialog.get_by_role("button", name="Check first").click()
        await expect(dialog.get_by_label("Sender").locator("option:checked")).to_have_text(owner)
    assert await _state(desk, stakeholder_id) == "rejected"


async def test_an_admin_has_a_trigger_lead_to_a_cadence_and_then_to_another(browser: Browser, desk: Acting) -> None:
    first, other = [one["name"] for one in desk.api.team["cadences"] if one["team_cadence"] and not one["draft"]][:2]
    async with reading(browser, desk.api, role="admin") as reader:
        page = reader.page
        await reader.open("/mappings")
        await page.get_by_role("button", name="Draft a mapping…").click()
        dialog = page.get_by_role("dialog", name="Draft a mapping")
        # None is chosen beforehand, least of all one that only its owner can send.
        await expect(dialog.get_by_label("Cadence").locator("option:checked")).to_have_text("Choose one…")
        await dialog.get_by_label("Trigger").select_option("at-risk")
        await dialog.get_by_label("Segment").select_option("another")
        await dialog.get_by_label("Written exactly").fill("enterprise")
        await _choose(dialog, first)
        await dialog.get_by_role("button", name="Write the draft").click()
        await page.get_by_role("link", name="Its versions").click()
        await _publish(page)
        await expect(page.get_by_role("article", name="Version 1")).to_contain_text(f"everybody goes on {first}")
        await expect(page.get_by_role("status").filter(has_text="Published: version 1 counts since")).to_be_visible()

        await page.get_by_role("link", name="Edit").click()
        await _choose(page.get_by_role("group", name="Lead them to"), other)
        await reader.send(page.get_by_role("button", name="Save the draft"))
        # Once it is saved, the button that stands out is the one that leads on.
        leads_on, save = page.get_by_role("link", name="Look at what it changes"), page.locator("#save")
        ground = "one => getComputedStyle(one).backgroundColor"
        await page.mouse.move(0, 0)
        await expect(save).not_to_have_css("background-color", await leads_on.evaluate(ground))
        assert await reader.violations() == []
        await leads_on.click()
        draft = page.get_by_role("article", name="Version 2")
        await expect(draft.locator(".card-head .chip")).to_have_text("Draft, ready to publish")
        await expect(draft.locator("ins").first).to_be_visible()
        assert await _leads(desk) == [(first, "published"), (other, "validated")]
        await _publish(page)
        await reader.open("/mappings")
        tile = page.get_by_role("row", name="enterprise").locator("a.tile")
        await expect(tile).to_contain_text(other)
        # Nothing else is tried: of an order there is nothing to tell.
        await expect(tile).not_to_contain_text("tried first")
        assert reader.complaints == []
    assert await _leads(desk) == [(first, "retired"), (other, "published")]


async def _checked(reader: Reader, stakeholder_id: str, cadence: str) -> Locator:
    """The dialog in which it was checked whether somebody can be added."""
    await reader.open(f"/stakeholders/{stakeholder_id}")
    await reader.follows()
    await reader.page.get_by_role("button", name="Add to a cadence…").click()
    dialog = reader.page.get_by_role("dialog", name="Add to a cadence")
    await _choose(dialog, cadence)
    await dialog.get_by_role("button", name="Check first").click()
    await expect(dialog.get_by_role("status")).to_contain_text("This can be requested.")
    return dialog


async def _choose(dialog: Locator, cadence: str) -> None:
    option = dialog.get_by_role("option").filter(has_text=cadence).first
    await dialog.get_by_label("Cadence").select_option(await option.get_attribute("value"))


async def _publish(page: Page) -> None:
    await page.get_by_role("button", name="Publish the draft…").click()
    await page.get_by_role("dialog", name="Publish the draft").get_by_role("button", name="Publish the draft").click()
    await expect(page.get_by_role("button", name="Publish the draft…")).to_have_count(0)


async def _leads(desk: Acting) -> list[tuple[str, str]]:
    """To which cadences the only mapping's versions lead, the oldest first."""
    headers = desk.api.headers(role="viewer")
    listed = (await desk.api.http.get("/api/salesloft/trigger-mappings", headers=headers)).json()["mappings"]
    path = f"/api/salesloft/trigger-mappings/{listed[0]['id']}"
    versions = (await desk.api.http.get(path, headers=headers)).json()["versions"]
    return [(one["cadence_name"], one["status"]) for one in versions]


async def _state(desk: Acting, stakeholder_id: str) -> str:
    (row,) = await desk.api.fetch("SELECT state FROM enrollments WHERE stakeholder_id = $1", stakeholder_id)
    return str(row["state"])
