"""The leader's page: the published figures, never better than they are."""

from datetime import timedelta

from playwright.async_api import Browser, expect

from enrollment.accuracy import Counted
from storage import figures
from storage.figures import FiguresRow
from tests.pages.conftest import reading
from tests.web.looking_scene import Scene


async def test_the_published_figures_are_told_with_what_they_mean_and_what_was_promised(
    browser: Browser, scene: Scene
) -> None:
    async with reading(browser, scene, role="viewer", reduced_motion="reduce") as reader:
        await reader.open("/overview")
        part = reader.page.get_by_role("region", name="Published figures", exact=True)
        await expect(part).to_contain_text("No day has been counted yet")
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
        await expect(accuracy).to_contain_text("as promised: 99 %")
        await expect(accuracy).to_contain_text("19999 of 20000 in 2 days. Decisions that come out the same")
        await expect(completeness).to_contain_text("less than promised: 100 %")
        await expect(consistency.locator(".figure")).to_have_text("—")
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
        besides = reader.page.get_by_role("region", name="Besides the mappings")
        await expect(besides.get_by_role("listitem")).to_have_count(1)
        await reader.page.get_by_role("link", name="Every segment").click()
        await expect(besides).to_contain_text("pause, as a person had asked")
        for scheme in ("light", "dark"):
            await reader.page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme
        await reader.page.get_by_role("link", name="New customer", exact=True).click()
        await expect(reader.page.get_by_text("Nothing was decided in this time")).to_be_visible()
        assert reader.complaints == []
