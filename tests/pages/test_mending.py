"""What failed is tried again, and what could not be read is sent back, from the page of operations."""

from playwright.async_api import Browser, expect

from tests.pages.beside import somebody
from tests.pages.conftest import reading
from tests.web.acting import Acting
from tests.web.test_dead_letters import OTHER, SECRETS, TOPIC, Post
from tests.web.test_retrying import REFUSED, failed, refused_pause, state, tried


async def test_what_failed_is_tried_again(browser: Browser, desk: Acting) -> None:
    fay = await somebody(desk, "Fay Lind")
    enrollment_id = await failed(desk, fay)
    async with reading(browser, desk.api) as reader:
        await reader.open("/operations")
        await reader.follows()
        card = reader.card("Fay Lind")
        await expect(card).to_contain_text("Salesloft said:")
        dialog = await reader.asked(card, "Try again…")
        await dialog.get_by_label("Why it should work now").fill("The two records were merged.")
        assert await reader.violations() == []
        await reader.send(dialog.get_by_role("button", name="Try again", exact=True))
        failures = reader.page.get_by_role("region", name="Failures")
        told = failures.get_by_role("status")
        await expect(told).to_contain_text("Trying again for Fay Lind: what comes of it shows here")
        await expect(told.get_by_role("link", name="Fay Lind")).to_have_attribute("href", f"/app/stakeholders/{fay}")
        # Nobody knows yet whether it works.
        await expect(failures).not_to_contain_text("Nothing failed")
        await expect(reader.card("Fay Lind")).to_have_count(0)
        assert await state(desk, enrollment_id) == ("scheduled", "retried")
        await desk.carry_out()
        assert await state(desk, enrollment_id) == ("enrolled", None)
        await expect(told).to_contain_text("Tried again for Fay Lind: enrolled")
        assert await reader.violations() == []
        assert reader.complaints == []
    (retried,) = (await desk.call("GET", f"/api/salesloft/enrollments/{enrollment_id}")).json()["retries"]
    assert (retried["asked_by"], retried["note"]) == ("usr-1", "The two records were merged.")


async def test_what_salesloft_refused_of_a_pause_is_tried_again(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Hal Moor")
    await failed(desk, await somebody(desk, "Gus Ray"))
    await refused_pause(desk, stakeholder_id)
    async with reading(browser, desk.api) as reader:
        await reader.open("/operations")
        await reader.follows()
        card = reader.card("Hal Moor")
        await expect(card.locator(".card-head .chip")).to_have_text("Not taken off")
        dialog = await reader.asked(card, "Try again…")
        await reader.send(dialog.get_by_role("button", name="Try again", exact=True))
        told = reader.page.get_by_role("region", name="Failures").get_by_role("status")
        await expect(told).to_contain_text("Trying again for Hal Moor: what comes of it shows here.")
        # What holds them is what was asked for.
        await expect(told).not_to_contain_text("something else")
        end, below = await told.evaluate(
            "one => [one.getBoundingClientRect().bottom, one.nextElementSibling.getBoundingClientRect().top]"
        )
        assert below - end >= 8
        assert await tried(desk) == 1
        await expect(told).to_contain_text("Tried again for Hal Moor: paused")
        assert reader.complaints == []
    (row,) = await desk.api.fetch("SELECT state FROM enrollments WHERE stakeholder_id = $1", stakeholder_id)
    assert row["state"] == "paused"


async def test_what_fails_again_is_told_as_failed(browser: Browser, desk: Acting) -> None:
    enrollment_id = await failed(desk, await somebody(desk, "Lou Park"))
    async with reading(browser, desk.api) as reader:
        await reader.open("/operations")
        await reader.follows()
        dialog = await reader.asked(reader.card("Lou Park"), "Try again…")
        await reader.send(dialog.get_by_role("button", name="Try again", exact=True))
        told = reader.page.get_by_role("region", name="Failures").get_by_role("status")
        await expect(told).to_contain_text("Trying again for Lou Park")
        await desk.api.simulator.add_fault(team_id=desk.api.team["team_id"], count=1, **REFUSED)
        await desk.carry_out()
        assert await state(desk, enrollment_id) == ("failed", "add_refused")
        await expect(told).to_contain_text("Tried again for Lou Park: failed, ")
        await expect(told.locator(".note")).to_have_class("note held")
        assert reader.complaints == []


async def test_whoever_looks_after_a_contact_has_it_tried_again_there(browser: Browser, desk: Acting) -> None:
    theirs, others = await somebody(desk, "Ira Nord"), await somebody(desk, "Jon Pike", owner="usr-2")
    enrollment_id = await failed(desk, theirs)
    await failed(desk, others)
    async with reading(browser, desk.api, role="csm") as reader:
        await reader.open(f"/stakeholders/{others}")
        wrong = reader.page.get_by_role("region", name="What failed for Jon Pike")
        await expect(wrong).to_contain_text("Have it retried")
        await expect(wrong.get_by_role("button")).to_have_count(0)
        await reader.open(f"/stakeholders/{theirs}")
        wrong = reader.page.get_by_role("region", name="What failed for Ira Nord")
        await expect(wrong).to_contain_text("Salesloft said:")
        dialog = await reader.asked(wrong, "Try again")
        await dialog.get_by_label("Why").fill("The two records were merged.")
        for scheme in ("light", "dark"):
            await reader.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert await reader.violations() == [], scheme
        await reader.send(dialog.get_by_role("button", name="Try again", exact=True))
        await expect(wrong).to_have_count(0)
        assert reader.complaints == []
    assert await state(desk, enrollment_id) == ("scheduled", "retried")


async def test_what_was_refused_of_a_contact_is_tried_again_there(browser: Browser, desk: Acting) -> None:
    stakeholder_id = await somebody(desk, "Kim Roe")
    await refused_pause(desk, stakeholder_id)
    async with reading(browser, desk.api, role="csm") as reader:
        await reader.open(f"/stakeholders/{stakeholder_id}")
        wrong = reader.page.get_by_role("region", name="What failed for Kim Roe")
        await expect(wrong).to_contain_text("Not taken off")
        dialog = await reader.asked(wrong, "Try again")
        await reader.send(dialog.get_by_role("button", name="Try again", exact=True))
        await expect(reader.page.locator("#done .note")).to_be_visible()
        assert reader.complaints == []
    assert await tried(desk) == 1
    (row,) = await desk.api.fetch("SELECT state FROM enrollments WHERE stakeholder_id = $1", stakeholder_id)
    assert row["state"] == "paused"


async def test_who_may_not_mend_is_shown_what_is_wrong_and_nothing_to_press(browser: Browser, desk: Acting) -> None:
    await failed(desk, await somebody(desk, "Gil Hart"))
    post = Post(desk.api.database, desk.api)
    await post.fail(post.record())
    for role in ("viewer", "csm"):
        async with reading(browser, desk.api, role=role) as reader:
            await reader.open("/operations")
            await expect(reader.card("Gil Hart")).to_be_visible()
            await expect(reader.page.get_by_role("region", name="Dead letters")).to_contain_text("health_score")
            for button in ("Try again…", "Preview what is sent back"):
                await expect(reader.page.get_by_role("button", name=button)).to_have_count(0)


async def test_dead_letters_are_looked_at_planned_and_sent_back(browser: Browser, desk: Acting) -> None:
    post = Post(desk.api.database, desk.api, offset=500)
    for record in (post.record(), post.record(), post.record(OTHER)):
        await post.fail(record, "not_wanted")
    await post.fail(post.record())  # of the topic, for another reason
    already = len(await post.outbox())
    async with reading(browser, desk.api, role="admin") as reader:
        await reader.open("/operations")
        letters = reader.page.get_by_role("region", name="Dead letters")
        letter = letters.locator(".card").filter(has_text=OTHER)
        await letter.get_by_text("The data it carries").click()
        await expect(letter).to_contain_text("text of 12 characters")
        told = await letters.inner_text()
        assert not any(one in told for one in SECRETS)
        assert await reader.violations() == []

        await letters.get_by_label("Topic").select_option(TOPIC)
        await letters.get_by_label("Reason").select_option("not_wanted")
        await letters.get_by_role("button", name="Preview what is sent back").click()
        await expect(letters).to_contain_text("2 records would be sent back")
        assert len(await post.outbox()) == already
        # What was planned is not what would be sent any more: it is said, and nothing is sent.
        await post.fail(post.record(), "not_wanted")
        await letters.get_by_role("button", name="Send back 2").click()
        await expect(reader.page.get_by_role("alert")).to_contain_text("plan")
        assert len(await post.outbox()) == already
        reader.complaints.clear()

        await letters.get_by_role("button", name="Preview what is sent back").click()
        await reader.send(letters.get_by_role("button", name="Send back 3"))
        await expect(letters.get_by_role("status")).to_contain_text("3 records are sent back")
        assert len(await post.outbox()) == already + 3
        progress = letters.get_by_role("region", name="Sent back")
        await expect(progress.locator("tbody tr").first).to_contain_text("usr-1")
        await expect(progress.locator("tbody tr").first.locator("td").nth(2)).to_have_text("3")
        await desk.api.fetch("DELETE FROM outbox_unsent")
        await expect(progress.locator("tbody tr").first.locator("td").nth(2)).to_have_text("0")
        assert reader.complaints == []
