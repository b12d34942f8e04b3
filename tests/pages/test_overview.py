"""The leader's page: the published figures, never better than they are."""

import asyncio
from datetime import datetime, timedelta

from playwright.async_api import Browser, Route, expect

from enrollment.accuracy import Counted
from storage import figures
from storage.figures import FiguresRow
from tests.pages.conftest import reading
from tests.web.looking_scene import FAILED, PAUSED, Scene

ANOTHER_ENROLLMENT = """
    INSERT INTO enrollments SELECT made.* FROM enrollments e, LATERAL jsonb_populate_record(e, jsonb_build_object(
      'id', gen_random_uuid(), 'trigger_type', $2::text, 'business_key', gen_random_uuid(),
      'membership_id', null)) AS made
    WHERE e.id = $1"""
OLD = "UPDATE enrollments SET created_at = created_at - interval '40 days' WHERE id = $1"
ANOTHER_EVALUATION = """
    INSERT INTO evaluations SELECT made.* FROM evaluations v, LATERAL jsonb_populate_record(v, jsonb_build_object(
      'id', gen_random_uuid(), 'event_id', gen_random_uuid(),
      'outcomes', '[{"stakeholder_id": "sth-1", "outcome": "defer", "reason": "fact_unknown"},
                    {"stakeholder_id": "sth-2", "outcome": "skip", "reason": "criteria_not_met"}]'::jsonb)) AS made
    WHERE v.cause = 'event' AND v.organization_id = $1 LIMIT 1"""
# About each of some people another decision, on the event of the last one.
OF_THEM = """
    INSERT INTO evaluations SELECT made.*
    FROM evaluations v, LATERAL jsonb_populate_record(v, jsonb_build_object('id', gen_random_uuid(), 'outcomes', (
      SELECT jsonb_agg(jsonb_build_object('stakeholder_id', one, 'outcome', 'skip', 'reason', 'criteria_not_met'))
      FROM unnest($3::text[]) AS one))) AS made
    WHERE v.cause = 'event' AND v.organization_id = $1 AND v.customer_id = $2 LIMIT 1"""
LEGEND = """() => [...document.querySelectorAll(".legend li")]
    .map((one) => getComputedStyle(one, "::before").backgroundColor)"""
# What a chart writes goes onto a canvas, where nobody finds it again.
DRAWN = """
    globalThis.drawn = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        drawn.push(text);
        write.call(this, text, ...place);
    };
"""


async def test_the_published_figures_are_told_with_what_they_mean_and_what_was_promised(
    browser: Browser, scene: Scene
) -> None:
    async with reading(browser, scene, role="viewer", reduced_motion="reduce") as reader:
        await reader.open("/overview")
        part = reader.page.get_by_role("region", name="Published figures", exact=True)
        await expect(part).to_contain_text("No day has been checked yet")
        day = scene.stage.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        async with scene.stage.database.transaction() as connection:
            for back, right in ((1, 9_999), (2, 10_000)):
                since = day - timedelta(days=back)
                row = FiguresRow(
                    organization_id=scene.stage.organization_id,
                    since=since,
                    until=since + timedelta(days=1),
                    accuracy=Counted(right, 10_000),
                    completeness=Counted(2 * right, 20_000),
                    consistency=Counted(0, 0),
                )
                await figures.add(connection, row, day)
        await reader.open("/overview")
        accuracy, completeness, consistency = await part.get_by_role("listitem").all()
        await expect(accuracy).to_contain_text("99.99 %")
        await expect(accuracy).to_contain_text("target met: 99 %")
        await expect(accuracy).to_contain_text("19999 of 20000 in 2 days. Decisions that come out the same")
        await expect(completeness).to_contain_text("below target: 100 %")
        # Where there was nothing to count it is said, and no figure is shown.
        await expect(consistency.locator(".figure")).to_have_count(0)
        await expect(consistency).to_contain_text("Nobody was enrolled in the days checked so far (2 days)")
        # They follow no choice, and say so.
        covered = [await one.get_attribute("datetime") for one in await part.locator("h2 + p time").all()]
        assert covered == [f"{day - timedelta(days=back):%Y-%m-%d}" for back in (2, 1)]
        await reader.open("/overview?days=7&trigger_type=at-risk&segment=nobodys")
        await expect(part).to_contain_text("Of every trigger and every segment together, whatever is chosen above")
        await expect(accuracy).to_contain_text("19999 of 20000 in 2 days")
        await part.get_by_text("Day by day").click()
        await expect(part.get_by_role("row")).to_have_count(3)
        assert await reader.violations() == []
        assert reader.complaints == []


async def test_what_came_of_triggers_is_told_by_trigger_segment_and_time(browser: Browser, scene: Scene) -> None:
    await scene.stage.execute(
        "UPDATE directory_customers SET data = (data::jsonb || jsonb_build_object('segment', CASE customer_id"
        " WHEN 'cus-1' THEN 'enterprise' ELSE 'smb & co' END))::json"
    )
    async with reading(browser, scene, role="manager", reduced_motion="reduce") as reader:
        await reader.open("/overview")
        told = (await scene.see("/outcomes"))["stages"]
        stages = reader.page.get_by_role("region", name="Funnel").get_by_role("listitem").locator("strong")
        names = ("decisions", "asked_for", "approved", "enrolled", "replied", "reached_goal")
        assert [int(one) for one in await stages.all_inner_texts()] == [told[name] for name in names]
        assert told["enrolled"] == 1
        for link in ("7 days", "At risk", "smb & co"):
            await reader.page.get_by_role("link", name=link, exact=True).click()
            await expect(reader.page.get_by_role("link", name=link, exact=True)).to_have_attribute(
                "aria-current", "true"
            )
        alone = (await scene.see("/outcomes", days=7, trigger_type="at-risk", segment="smb & co"))["stages"]
        assert [int(one) for one in await stages.all_inner_texts()] == [alone[name] for name in names]
        assert (alone["asked_for"], alone["enrolled"]) == (2, 0)
        by_hand = reader.page.get_by_role("region", name="By hand")
        await expect(by_hand.get_by_role("listitem")).to_have_count(1)
        await reader.page.get_by_role("link", name="Every segment").click()
        await expect(by_hand).to_contain_text("paused by a person")
        for scheme in ("light", "dark"):
            await reader.page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme
        await reader.page.get_by_role("link", name="New customer", exact=True).click()
        await expect(reader.page.get_by_text("Nothing was decided in this time")).to_be_visible()
        assert reader.complaints == []


async def test_what_people_asked_for_stands_beside_the_funnel_and_the_counts_add_up(
    browser: Browser, scene: Scene
) -> None:
    # One by hand, and one of what had been put off when its trigger came.
    for trigger_type in (None, "at-risk"):
        await scene.stage.execute(ANOTHER_ENROLLMENT, scene.enrollments[FAILED], trigger_type)
    await scene.stage.execute(ANOTHER_EVALUATION, scene.organization_id)
    async with reading(browser, scene, role="manager") as reader:
        await reader.open("/overview")
        told = await scene.see("/outcomes")
        stages = told["stages"]
        funnel = reader.page.get_by_role("region", name="Funnel")
        requested = funnel.get_by_role("listitem").filter(has_text="Requested")
        await expect(requested).to_contain_text(
            f"{stages['asked_for'] / stages['decisions']:.0%}".replace("%", "\xa0%")
        )
        rows = reader.page.get_by_role("region", name="By trigger", exact=True).locator("tbody tr")
        of_triggers = rows.filter(has=reader.page.get_by_role("link"))
        assert sum([int(one) for one in await of_triggers.get_by_role("link").all_inner_texts()]) == stages["asked_for"]
        await expect(rows.last.locator("th")).to_have_text("By hand")
        assert (await rows.last.locator("td").all_inner_texts())[:3] == ["—", "—", "1"]
        await expect(reader.page.get_by_role("region", name="By hand")).to_contain_text("1 requested here by a person")
        why = reader.page.get_by_role("region", name="Why not requested")
        at_once, refused = told["asked_for_at_once"], sum(one["count"] for one in told["not_asked_for"])
        assert at_once + refused == stages["decisions"]
        await expect(why).to_contain_text(
            f"{stages['decisions']} decisions: {at_once} requested at once, {refused} not."
            f" 1 was requested later, when decided again: {at_once + 1} in all."
        )
        assert at_once + 1 == stages["asked_for"]
        assert sum([int(one) for one in await why.locator("strong").all_inner_texts()]) == refused
        for link, listed in (
            (reader.page.get_by_role("region", name="Where it ended").get_by_role("link").first, "Failed"),
            (of_triggers.get_by_role("link").first, "At risk"),
        ):
            await link.click()
            await expect(reader.page.locator("#people tbody tr").first).to_contain_text(listed)
            await reader.page.go_back()
        # So many as are counted are listed, of older ones and of what people requested by hand none besides.
        await scene.stage.execute(ANOTHER_ENROLLMENT, scene.enrollments[FAILED], "at-risk")
        await scene.stage.execute(OLD, scene.enrollments[FAILED])
        for address in ("/overview?days=7", "/overview?days=90&trigger_type=at-risk"):
            await reader.open(address)
            for name in ("By trigger", "Where it ended", "By hand"):
                number = reader.page.get_by_role("region", name=name, exact=True).get_by_role("link").first
                if not await number.count():
                    continue
                many = int(await number.inner_text())
                await number.click()
                await expect(reader.page.get_by_text("Only who was requested in the last")).to_be_visible()
                await expect(reader.page.locator("#people tbody tr")).to_have_count(many)
                assert await reader.violations() == []
                await reader.page.go_back()
        await reader.page.get_by_role("region", name="Where it ended").get_by_role("link").first.click()
        of_it = "Only who was requested in the last 90 days and is now failed: Salesloft has several people with this"
        await expect(reader.page.get_by_text(of_it)).to_be_visible()
        await reader.page.get_by_role("link", name="Everybody").click()
        await expect(reader.page.get_by_text("Only who was requested")).to_have_count(0)
        assert reader.complaints == []


async def test_each_day_of_the_chart_is_named_once_as_it_was_counted(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, timezone_id="America/Los_Angeles", locale="en-US") as reader:
        await reader.page.add_init_script(DRAWN)
        await reader.open("/overview?days=7")
        days = [datetime.fromisoformat(one["day"]) for one in (await scene.see("/outcomes", days=7))["by_day"]]
        named = [one for one in await reader.page.evaluate("drawn") if " " in one]
        assert list(dict.fromkeys(named)) == [f"{day:%b} {day.day}" for day in days]
        for place, one in enumerate(named):
            assert named[place + 1 : place + 2] != [one]
        await reader.page.set_viewport_size({"width": 360, "height": 740})
        await reader.page.evaluate("drawn.length = 0")
        await reader.open("/overview?days=30")
        named = [one for one in await reader.page.evaluate("drawn") if " " in one]
        assert 2 <= len(set(named)) <= 5
        for scheme in ("light", "dark"):
            await reader.page.emulate_media(color_scheme=scheme)
            one, other = await reader.page.evaluate(LEGEND)
            assert one != other
        assert reader.complaints == []


async def test_who_stands_behind_a_reason_is_opened_from_its_number(browser: Browser, scene: Scene) -> None:
    account = scene.accounts[PAUSED]
    await scene.stage.execute(
        OF_THEM, scene.organization_id, PAUSED, [str(one["id"]) for one in account.people.values()]
    )
    async with reading(browser, scene, role="manager", reduced_motion="reduce") as reader:
        page = reader.page
        await reader.open("/overview?days=7&trigger_type=at-risk")
        told = (await scene.see("/outcomes", days=7, trigger_type="at-risk"))["not_asked_for"]
        reasons = page.get_by_role("region", name="Why not requested").get_by_role("listitem").get_by_role("link")
        assert [int(one) for one in await reasons.all_inner_texts()] == [one["count"] for one in told]
        place = [(one["outcome"], one["reason"]) for one in told].index(("skip", "criteria_not_met"))
        await reasons.nth(place).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Not requested: the criteria are not met")
        await expect(page.locator(".head")).to_contain_text(f"{told[place]['count']} decisions since")
        await expect(page.locator("tbody tr")).to_have_count(told[place]["count"])
        name = (await scene.see(f"/people/{scene.stakeholder_id}"))["stakeholder"]["name"]
        row = page.locator("tbody tr").filter(has_text=name).first
        for words in (name, "Acme", "At risk", "Skip the criteria are not met"):
            await expect(row).to_contain_text(words)
        # Why is explained beside the list, and at the person's own page is all about them.
        await row.get_by_role("button", name="Why").click()
        why = page.get_by_role("dialog", name="Why, or why not")
        await expect(why.get_by_role("heading", name=name)).to_be_visible()
        await expect(why).to_contain_text("The customer is at risk: severity")
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme
        await expect(why.get_by_role("link", name="All about them")).to_have_attribute(
            "href", f"/app/stakeholders/{scene.stakeholder_id}"
        )
        await why.get_by_role("button", name="Close").click()
        # Opened for somebody else it tells nothing of them until it knows.
        answer = asyncio.Event()

        async def hold(route: Route) -> None:
            await answer.wait()
            await route.continue_()

        await page.route("**/overview/decisions/why?*", hold)
        await row.get_by_role("button", name="Why").click()
        await expect(why).to_have_text("Deciding again…")
        answer.set()
        await expect(why.get_by_role("heading", name=name)).to_be_visible()
        await why.get_by_role("button", name="Close").click()
        # From here it goes on by trigger and time, and back to the overview of the same.
        await page.get_by_role("link", name="New customer", exact=True).click()
        await expect(page.get_by_text("Nothing like this was decided in these days")).to_be_visible()
        await page.get_by_role("link", name="Every trigger").click()
        await page.get_by_role("link", name="The overview of these days").click()
        await expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
        assert reader.complaints == []


async def test_a_csm_opens_what_a_number_counts_and_finds_their_own_besides(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role="csm", user_id="usr-nobodys") as reader:
        await reader.open("/overview")
        number = reader.page.get_by_role("region", name="Why not requested").get_by_role("link").first
        counted = int(await number.inner_text())
        await number.click()
        await expect(reader.page.locator(".head")).to_contain_text(f"{counted} decision")
        await reader.page.get_by_role("link", name="Mine", exact=True).click()
        await expect(reader.page.locator(".head")).to_contain_text("0 decisions about people of your customers")
        await expect(reader.page.get_by_text("about people of your customers").last).to_be_visible()
        assert reader.complaints == []
