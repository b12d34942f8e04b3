"""While the service cannot be reached a page says so, sends nothing, and goes on by itself once it can."""

from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from playwright.async_api import Browser, expect

from tests.fulfillment.account import SAVE, opened
from tests.pages.conftest import reading
from tests.web.looking_scene import Scene
from tests.web.stage import served_at
from web.api import api_app


async def test_a_page_says_that_it_is_not_connected_and_sends_nothing_meanwhile(browser: Browser, scene: Scene) -> None:
    account = await opened(scene.stage, "cus-cut-off")
    await account.signal(SAVE)
    enrollment_id = await account.enrollment(SAVE)
    async with AsyncExitStack() as running:
        address = await running.enter_async_context(served_at(api_app(scene.api), 0))
        async with reading(browser, scene, user_id="usr-9", base_url=address) as reader:
            bar = reader.page.locator("#away")
            await reader.open(f"/approvals/{enrollment_id}")
            await reader.follows()
            await expect(bar).to_be_empty()
            top = await reader.page.locator("main h1, main h2").first.bounding_box()

            await running.aclose()
            await reader.follows("away")
            await expect(bar).to_contain_text("Not connected. What you see is from ")
            await expect(bar).to_contain_text("Trying again…")
            assert await reader.page.locator("main h1, main h2").first.bounding_box() == top
            for scheme in ("light", "dark"):
                await reader.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                assert await reader.violations() == [], scheme
            approve = reader.page.get_by_role("button", name="Approve", exact=True)
            await approve.click()
            await expect(reader.page.locator("#problems")).to_contain_text("Nothing was sent.")
            dialog = await reader.asked(reader.page.get_by_role("main"), "Reject…")
            await dialog.get_by_label("Why").fill("not now")
            await dialog.get_by_role("button", name="Reject").click()
            await expect(dialog.get_by_role("alert")).to_contain_text("Nothing was sent.")
            await expect(dialog.get_by_label("Why")).to_have_value("not now")
            await reader.page.keyboard.press("Escape")

            port = urlsplit(address).port
            assert port is not None
            async with served_at(api_app(scene.api), port):
                await approve.click()
                await expect(reader.page.locator(".published")).to_contain_text("Approved")
                await reader.follows()
                await expect(bar).to_be_empty()
                await reader.page.goto("about:blank")


async def test_what_was_on_its_way_when_the_connection_broke_is_not_said_to_have_failed(
    browser: Browser, scene: Scene
) -> None:
    account = await opened(scene.stage, "cus-broken-off")
    await account.signal(SAVE)
    async with reading(browser, scene, user_id="usr-9") as reader:
        await reader.open(f"/approvals/{await account.enrollment(SAVE)}")
        await reader.follows()
        await reader.page.route("**/decision", lambda route: route.abort("connectionreset"))
        await reader.page.get_by_role("button", name="Approve", exact=True).click()
        await expect(reader.page.locator("#problems")).to_contain_text("It is not known whether it was done.")
