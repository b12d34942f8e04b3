"""The terms of a request as they are shown: by whose calendar it begins, and what an approver wanted otherwise."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from playwright.async_api import Browser, Locator, expect

from tests.pages.beside import decisions_arrive, somebody
from tests.pages.conftest import reading
from tests.web.acting import Acting
from web.pages.rendering import day_in, place
from workflows.organization_settings import change_settings

TOKYO = "Asia/Tokyo"
FAR_EAST = "Pacific/Kiritimati"
THEIR_TIME = "their time (Tokyo)"


async def asked_for(desk: Acting, stakeholder_id: str, **more: str) -> str:
    answer = await desk.add(stakeholder_id, **more)
    assert answer.status_code == 202, answer.text
    enrollment_id: str = answer.json()["enrollment_id"]
    return enrollment_id


async def second(options: Locator) -> str:
    """What the last of some options says, which is none of what was asked."""
    return (await options.last.inner_text()).strip()


async def test_what_an_approver_changed_is_told_by_name(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Tess Moor")
    enrollment_id = await asked_for(desk, stakeholder_id)
    day = (desk.api.clock.now() + timedelta(days=3)).date().isoformat()
    async with reading(browser, desk.api, user_id="usr-9") as manager:
        await manager.open(f"/approvals/{enrollment_id}")
        main = manager.page.get_by_role("main")
        dialog = await manager.asked(main, "Approve with changes…")
        step = await second(dialog.get_by_label("Begins at").locator("option"))
        sender = await second(dialog.get_by_label("Sender").locator("option"))
        await dialog.get_by_label("First day").fill(day)
        await dialog.get_by_label("Begins at").select_option(step)
        await dialog.get_by_label("Sender").select_option(sender)
        await manager.send(dialog.get_by_role("button", name="Approve"))
        (decision,) = await decisions_arrive(desk)
        assert decision.changes is not None
        cadence = await desk.call("GET", f"/api/salesloft/cadences/{desk.cadence['id']}")
        steps = [one["id"] for days in cadence.json()["days"] for one in days["steps"]]
        number, called = steps.index(decision.changes.start_step_id) + 1, step.partition(": ")[2]

        await manager.open(f"/approvals/{enrollment_id}")
        happens = main.locator(".happens")
        await expect(happens.locator("strong").nth(1)).to_have_text(f"step {number}, {called}")
        await expect(happens.locator("strong").nth(2)).to_have_text(sender)
        await expect(happens.locator("del")).to_have_count(3)

        await manager.open(f"/stakeholders/{stakeholder_id}")
        history = manager.page.get_by_role("region", name="History")
        approved = history.locator(".timeline li").filter(has_text="Approved by").first
        await expect(approved).to_contain_text(f"step {number}: {called}")
        await expect(approved).to_contain_text(f"sent by {sender}")
        await expect(approved.locator(f"time[datetime='{day}']")).to_be_visible()
        assert manager.complaints == []


async def test_of_what_cannot_begin_any_more_nobody_is_told_by_when_it_must(browser: Browser, desk: Acting) -> None:
    enrollment_id = await asked_for(desk, await somebody(desk, "Una Reed"))
    async with reading(browser, desk.api, user_id="usr-9") as manager:
        card = manager.card("Una Reed")
        await manager.open(f"/approvals/{enrollment_id}")
        await expect(card).to_contain_text("must start by")
        await desk.approve(enrollment_id)
        await manager.open(f"/approvals/{enrollment_id}")
        await expect(card.locator(".card-head .chip")).to_have_text("Approved")
        await expect(card).to_contain_text(f"Goes on {desk.cadence['name']}")
        await expect(card).to_contain_text("must start by")
        taken_back = await desk.call("PUT", f"/api/salesloft/enrollments/{enrollment_id}/withdraw", {"note": "not now"})
        assert taken_back.status_code == 202, taken_back.text
        await manager.open(f"/approvals/{enrollment_id}")
        await expect(card).to_contain_text("asked")
        await expect(card).not_to_contain_text("must start by")
        await expect(card).to_contain_text(f"Would have gone on {desk.cadence['name']}")


async def test_a_request_says_how_much_it_is_and_to_which_address(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Mo Size")
    enrollment_id = await asked_for(desk, stakeholder_id)
    listed = (await desk.call("GET", "/api/salesloft/cadences")).json()["items"]
    (cadence,) = [one for one in listed if one["id"] == desk.cadence["id"]]
    size = f"{cadence['step_count']} steps over {cadence['duration_business_days']} business days"
    address = f"{stakeholder_id.removeprefix('sth-')}@acme.example"
    async with reading(browser, desk.api, user_id="usr-9") as manager:
        for path in (f"/approvals/{enrollment_id}", "/approvals"):
            await manager.open(path)
            card = manager.card("Mo Size")
            await expect(card).to_contain_text(f"{size}, to {address}.")
            await manager.page.set_viewport_size({"width": 360, "height": 740})
            assert await manager.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert await manager.violations() == []


async def test_a_first_day_is_said_to_be_theirs_to_who_lives_by_another_calendar(
    browser: Browser, desk: Acting
) -> None:
    stakeholder_id = await somebody(desk, "Rin Sato", time_zone=TOKYO)
    day = (desk.api.clock.now() + timedelta(days=3)).date().isoformat()
    enrollment_id = await asked_for(desk, stakeholder_id, start_date=day)
    for zone, is_said in (("Europe/Berlin", True), (TOKYO, False), ("Asia/Seoul", False)):
        async with reading(browser, desk.api, user_id="usr-9", timezone_id=zone) as reader:
            await reader.open(f"/approvals/{enrollment_id}")
            main = reader.page.get_by_role("main")
            said = main.locator(".happens").get_by_text(THEIR_TIME)
            await expect(said).to_be_visible(visible=is_said)
            dialog = await reader.asked(main, "Approve with changes…")
            await expect(dialog.get_by_label("First day")).to_be_visible()
            await expect(dialog.get_by_text(THEIR_TIME)).to_be_visible(visible=is_said)
            assert await reader.violations() == []

            await reader.open(f"/stakeholders/{stakeholder_id}")
            await reader.page.get_by_role("button", name="Add to a cadence…").click()
            dialog = reader.page.get_by_role("dialog", name="Add to a cadence")
            await expect(dialog.get_by_label("First day")).to_be_visible()
            await expect(dialog.get_by_text(THEIR_TIME)).to_be_visible(visible=is_said)
            assert reader.complaints == []

    await desk.approve(enrollment_id)
    async with reading(browser, desk.api, timezone_id="Europe/Berlin") as reader:
        await reader.open(f"/stakeholders/{stakeholder_id}")
        await expect(reader.card(desk.cadence["name"])).to_contain_text(THEIR_TIME)


async def test_who_has_no_calendar_of_their_own_goes_by_the_organization_s(browser: Browser, desk: Acting) -> None:
    async with desk.api.database.transaction() as connection:
        chosen = {"time_zone": "America/New_York"}
        await change_settings(connection, desk.api.organization_id, chosen, by="usr-1", now=desk.api.clock.now())
    stakeholder_id = await somebody(desk, "Noa Zane")
    enrollment_id = await asked_for(
        desk, stakeholder_id, start_date=(desk.api.clock.now() + timedelta(days=3)).date().isoformat()
    )
    async with reading(browser, desk.api, user_id="usr-9", timezone_id="Europe/Berlin") as reader:
        await reader.open(f"/approvals/{enrollment_id}")
        await expect(reader.page.locator(".happens")).to_contain_text("their time (New York)")


async def test_a_day_that_has_begun_where_they_are_is_as_soon_as_it_is_approved(browser: Browser, desk: Acting) -> None:
    now = desk.api.clock.now()
    # It is tomorrow there for ten hours of each day at least; until then the service's clock goes on.
    while now.astimezone(ZoneInfo(FAR_EAST)).date() == now.date():
        await desk.api.advance(3600)
        now = desk.api.clock.now()
    stakeholder_id = await somebody(desk, "Ana Tide", time_zone=FAR_EAST)
    enrollment_id = await asked_for(desk, stakeholder_id)
    async with reading(browser, desk.api, user_id="usr-9") as reader:
        await reader.open(f"/approvals/{enrollment_id}")
        await expect(reader.page.locator(".happens")).to_contain_text("as soon as it is approved")


def test_an_instant_is_on_the_day_of_a_zone_which_is_called_by_its_city() -> None:
    late = "2026-11-29T20:00:00.000000Z"
    assert (day_in(late, TOKYO), day_in(late, "UTC")) == ("2026-11-30", "2026-11-29")
    assert (place("America/New_York"), place("America/Argentina/Buenos_Aires"), place("UTC")) == (
        "New York",
        "Buenos Aires",
        "UTC",
    )
