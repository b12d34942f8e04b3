"""What is around every page: its names, how much there is to decide, who is signed in where, and the chat beside it."""

from playwright.async_api import Browser, Locator, expect

from tests.pages.beside import somebody
from tests.pages.conftest import reading
from tests.web.acting import Acting
from tests.web.looking_scene import Scene


async def test_it_says_about_how_many_requests_one_may_decide_as_they_come(browser: Browser, desk: Acting) -> None:
    asked_for = [await somebody(desk, name) for name in ("Ida Berg", "Jo Lund")]
    async with reading(browser, desk.api, user_id="usr-9") as reader:
        await reader.open("/cadences")
        await reader.follows()
        approvals = reader.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Approvals")
        await expect(approvals).to_have_text("Approvals")
        for many, one in enumerate(asked_for, start=1):
            assert (await desk.add(one, claims={"role": "admin"})).status_code == 202
            await expect(approvals).to_have_text(f"Approvals{many} to decide")
        assert await reader.violations() == []
        await reader.open("/people")
        await expect(approvals).to_have_text("Approvals2 to decide")
        assert reader.complaints == []


async def test_it_says_where_and_as_whom_somebody_is_signed_in(browser: Browser, desk: Acting) -> None:
    for user_id, name in (("usr-1", desk.api.team["users"][1]["name"]), ("usr-9", "usr-9")):
        async with reading(browser, desk.api, user_id=user_id) as reader:
            await reader.open("/approvals")
            frame = reader.page.get_by_role("banner")
            await expect(frame.get_by_text(desk.api.organization_id)).to_be_visible()
            await expect(frame.get_by_text(name, exact=True)).to_be_visible()


async def test_on_a_telephone_every_page_and_every_filter_is_seen_without_scrolling_aside(
    browser: Browser, scene: Scene
) -> None:
    for width in (360, 390):
        async with reading(browser, scene, viewport={"width": width, "height": 800}) as reader:
            await reader.open("/overview")
            links = reader.page.get_by_role("navigation").get_by_role("link")
            assert await links.count() > 10
            for link in await links.all():
                left, right = await _sides(link)
                assert (left >= 0, right <= width) == (True, True), await link.inner_text()
            ask = reader.page.get_by_role("button", name="Ask", exact=True)
            assert await ask.evaluate("one => getComputedStyle(one).position") == "static"


async def test_the_chat_stays_open_beside_the_page_and_leaves_the_focus_where_it_is(
    browser: Browser, scene: Scene
) -> None:
    async with reading(browser, scene, viewport={"width": 1440, "height": 900}) as reader:
        page = reader.page
        await reader.open("/overview")
        chat, words = page.get_by_role("complementary", name="Chat"), page.get_by_label("Say something")
        await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(words).to_be_focused()
        for address in ("/people?show=all", "/operations", "/mappings", "/overview"):
            await reader.open(address)
            await reader.follows()
            await expect(chat).to_be_visible()
            assert await page.evaluate("document.activeElement === document.body"), address
            _, ends = await _sides(page.locator("main"))
            assert ends <= (await _sides(chat))[0], address
        begins, _ = await _sides(chat)
        _, drawn = await _sides(page.locator("figure canvas"))
        assert drawn <= begins
        await words.focus()
        await page.keyboard.press("Escape")
        await expect(chat).to_be_hidden()
        await expect(page.get_by_role("button", name="Ask", exact=True)).to_be_focused()
        _, ends = await _sides(page.locator("main"))
        assert ends > begins
        await reader.open("/people")
        await expect(chat).to_be_hidden()
        assert reader.complaints == []


async def _sides(one: Locator) -> tuple[float, float]:
    box = await one.bounding_box()
    assert box is not None
    return box["x"], box["x"] + box["width"]
