"""What a dialog is refused is told within it, where it is seen, with what was written still there."""

from datetime import timedelta

from playwright.async_api import Browser, Locator, expect

from tests.pages.beside import somebody
from tests.pages.conftest import Reader, reading
from tests.pages.embedding_host import embedding
from tests.web.acting import Acting
from tests.web.looking_scene import Scene

PHONE = {"width": 360, "height": 740}
NEVER = "2020-01-01"


async def written_anyhow(field: Locator, value: str) -> None:
    """A day that the field itself would not take, as whoever has an older page before them might send it.

    What the field takes is set anew with every part of the page that changes, so the form is not to look at it.
    """
    await field.evaluate("(one) => { one.form.noValidate = true; }")
    await field.fill(value)


async def told(reader: Reader, dialog: Locator, button: str) -> Locator:
    """What is told of a refusal: inside of the dialog and of what is on the screen, and nowhere else."""
    async with reader.page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        await dialog.get_by_role("button", name=button, exact=True).click()
    assert (await answered.value).status >= 400
    problem = dialog.get_by_role("alert")
    await expect(problem).to_be_in_viewport(ratio=1)
    await expect(reader.page.get_by_role("alert")).to_have_count(1)
    return problem


async def test_a_pause_that_would_be_over_is_refused_in_its_dialog(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Pia Long")
    await desk.enrolled(stakeholder_id)
    async with reading(browser, desk.api, role="csm", viewport=PHONE) as reader:
        await reader.open(f"/stakeholders/{stakeholder_id}")
        card = reader.card(desk.cadence["name"])
        dialog = await reader.asked(card, "Pause")
        until = dialog.get_by_label("Until")
        soonest = await until.get_attribute("min")
        assert soonest is not None
        assert soonest > (desk.api.clock.now() - timedelta(days=1)).date().isoformat()
        await written_anyhow(until, NEVER)
        await dialog.get_by_label("Why").fill("On holiday.")
        problem = await told(reader, dialog, "Pause")
        await expect(problem).to_contain_text("name a later day, or none to pause until somebody resumes.")
        await expect(until).to_have_value(NEVER)
        await expect(dialog.get_by_label("Why")).to_have_value("On holiday.")
        assert await reader.violations() == []

        # It is not told of another time, nor once it was done right.
        await dialog.get_by_role("button", name="Cancel").click()
        await reader.asked(card, "Pause")
        await expect(problem).to_have_count(0)
        await until.fill(soonest)
        await reader.send(dialog.get_by_role("button", name="Pause"))
        await expect(reader.page.locator("#done .note")).to_contain_text("Pause requested: until")


async def test_who_is_on_the_cadence_is_not_added_again_and_it_is_said_once(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Ada Twice")
    await desk.enrolled(stakeholder_id)
    async with reading(browser, desk.api, role="csm", viewport=PHONE) as reader:
        await reader.open(f"/stakeholders/{stakeholder_id}")
        await reader.page.get_by_role("button", name="Add to a cadence…").click()
        dialog = reader.page.get_by_role("dialog", name="Add to a cadence")
        option = dialog.get_by_role("option").filter(has_text=desk.cadence["name"]).first
        await dialog.get_by_label("Cadence").select_option(await option.get_attribute("value"))
        await dialog.get_by_label("Why").fill("Once more.")
        problem = await told(reader, dialog, "Request approval")
        said = " ".join((await problem.inner_text()).split()).partition(" Reference")[0]
        assert said == "They are on it already The stakeholder is on this cadence already."
        await expect(dialog.get_by_label("Why")).to_have_value("Once more.")


async def test_a_changed_day_that_is_too_late_is_refused_with_the_last_one(browser: Browser, desk: Acting) -> None:
    asked = await desk.add(await somebody(desk, "Lia Late"))
    assert asked.status_code == 202, asked.text
    enrollment_id = asked.json()["enrollment_id"]
    (row,) = await desk.api.fetch("SELECT execute_by FROM enrollments WHERE id::text = $1", enrollment_id)
    last = row["execute_by"].date()
    async with reading(browser, desk.api, user_id="usr-9", viewport=PHONE) as reader:
        await reader.open(f"/approvals/{enrollment_id}")
        dialog = await reader.asked(reader.page.get_by_role("main"), "Approve with changes…")
        first_day = dialog.get_by_label("First day")
        await expect(first_day).to_have_attribute("max", last.isoformat())
        await expect(first_day).to_have_attribute("min", desk.api.clock.now().date().isoformat())
        await written_anyhow(first_day, (last + timedelta(days=1)).isoformat())
        problem = await told(reader, dialog, "Approve")
        await expect(problem).to_contain_text(f"from today to {last.day} {last:%B %Y}")


async def test_who_only_changes_the_sender_of_what_was_asked_before_today_keeps_its_day(
    browser: Browser, desk: Acting
) -> None:
    asked = await desk.add(await somebody(desk, "Old Wait"))
    assert asked.status_code == 202, asked.text
    now = desk.api.clock.now()
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=1)
    await desk.api.advance((tomorrow - now).total_seconds())
    async with reading(browser, desk.api, user_id="usr-9") as reader:
        await reader.open(f"/approvals/{asked.json()['enrollment_id']}")
        dialog = await reader.asked(reader.page.get_by_role("main"), "Approve with changes…")
        await expect(dialog.get_by_label("First day")).to_have_value("")
        sender = dialog.get_by_label("Sender")
        told_of = await desk.call("GET", "/api/salesloft/senders")
        # Whoever may be asked for may be chosen instead: all but the one who is.
        await expect(sender.locator("option")).to_have_count(len(told_of.json()["senders"]))
        await sender.select_option(index=1)
        await reader.send(dialog.get_by_role("button", name="Approve", exact=True))
        await expect(reader.page.get_by_role("status").filter(has_text="Old Wait")).to_contain_text("takes effect")


async def test_a_day_of_theirs_is_named_in_one_line_and_one_colour(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Jo Far", time_zone="America/Chicago")
    for width in (360, 1280):
        async with reading(
            browser, desk.api, timezone_id="Europe/Berlin", viewport={"width": width, "height": 800}
        ) as reader:
            await reader.open(f"/stakeholders/{stakeholder_id}")
            await reader.page.get_by_role("button", name="Add to a cadence…").click()
            called = reader.page.locator("#add .called").filter(has_text="First day")
            await expect(called).to_have_text("First day, their time (Chicago)")
            assert await called.evaluate(
                """(one) => {
                  const of = one.querySelector(".of");
                  const line = document.createRange();
                  line.selectNodeContents(one);
                  const tops = new Set([...line.getClientRects()].map((each) => Math.round(each.top)));
                  return [tops.size, getComputedStyle(of).color === getComputedStyle(one).color];
                }"""
            ) == [1, True]


async def test_a_refusal_is_told_in_the_dialog_on_a_page_of_others_too(browser: Browser, scene: Scene) -> None:
    token = scene.headers(role="manager")["authorization"].removeprefix("Bearer ")
    async with embedding(browser, str(scene.http.base_url).rstrip("/"), token) as host:
        answer = await scene.http.put(
            "/api/salesloft/organization-settings",
            json={"embedding_origins": [host.origin]},
            headers=scene.headers(role="admin") | {"if-match": "*"},
        )
        assert answer.status_code == 200, answer.text
        await host.page.set_viewport_size({"width": 360, "height": 740})
        await host.open(contact=scene.stakeholder_id)
        await host.contact.get_by_role("button", name="Add to a cadence…").click()
        dialog = host.contact.get_by_role("dialog", name="Add to a cadence")
        day = dialog.get_by_label("First day")
        await written_anyhow(day, NEVER)
        await dialog.get_by_label("Cadence").select_option(index=1)
        await dialog.get_by_label("Why").fill("On the phone.")
        await dialog.get_by_role("button", name="Request approval").click()
        problem = dialog.get_by_role("alert")
        await expect(problem).to_contain_text("is over where the stakeholder is")
        await expect(problem).to_be_in_viewport(ratio=1)
        await expect(dialog.get_by_label("Why")).to_have_value("On the phone.")
        await expect(host.contact.get_by_role("alert")).to_have_count(1)
