"""What is around every page: its names, how much there is to decide, who is signed in where, and the chat beside it."""

from urllib.parse import urlsplit

import pytest
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


async def test_what_one_has_asked_for_oneself_is_not_counted_as_ones_own_to_decide(
    browser: Browser, desk: Acting
) -> None:
    stakeholder_id = await somebody(desk, "Own Goal")
    async with reading(browser, desk.api, user_id="usr-8") as reader:
        await reader.open("/approvals")
        may_decide = reader.page.locator("#queue").get_by_role("button", name="Approve", exact=True)
        before = await may_decide.count()
        assert (await desk.add(stakeholder_id, claims={"role": "manager", "sub": "usr-8"})).status_code == 202
        await reader.open("/approvals")
        approvals = reader.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Approvals")
        await expect(approvals).to_have_text(f"Approvals{before} to decide" if before else "Approvals")
        await expect(may_decide).to_have_count(before)
        await expect(reader.card("Own Goal")).to_contain_text("You asked for this yourself")


@pytest.mark.parametrize(
    ("called", "is_at"),
    [("", "/approvals"), ("/", "/approvals"), ("/triggers", "/mappings"), ("/contacts", "/people")],
)
async def test_a_page_is_found_by_what_somebody_may_take_it_to_be_called(
    browser: Browser, scene: Scene, called: str, is_at: str
) -> None:
    async with reading(browser, scene) as reader:
        assert await reader.open(called) == 200
        assert urlsplit(reader.page.url).path == f"/app{is_at}"


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
            filters = reader.page.get_by_role("navigation").get_by_role("link")
            assert await filters.count() > 3
            await _stand_within(width, filters)
            await reader.page.get_by_role("button", name="Pages and account").click()
            pages = reader.page.get_by_role("navigation", name="Pages").get_by_role("link")
            await expect(pages).to_have_count(7)
            await _stand_within(width, pages)
            ask = reader.page.get_by_role("button", name="Ask", exact=True)
            assert await ask.evaluate("one => getComputedStyle(one).position") != "fixed"


async def test_on_a_telephone_the_header_is_a_line_whose_menu_has_the_pages_and_the_account(
    browser: Browser, scene: Scene
) -> None:
    async with reading(browser, scene, viewport={"width": 360, "height": 800}, reduced_motion="reduce") as reader:
        page = reader.page
        await reader.open("/people?show=all")
        await reader.follows()
        frame = page.get_by_role("banner")
        assert await _height(frame) <= 60
        menu, sign_out = page.get_by_role("button", name="Pages and account"), page.get_by_text("Sign out")
        await expect(sign_out).to_be_hidden()
        await menu.focus()
        await page.keyboard.press("Enter")
        await expect(sign_out).to_be_visible()
        await expect(frame.get_by_text("Live", exact=True)).to_be_visible()
        assert await _height(frame) <= 60
        last_page = await frame.get_by_role("link", name="Operations").bounding_box()
        account = await sign_out.bounding_box()
        assert last_page is not None
        assert account is not None
        assert account["y"] >= last_page["y"] + last_page["height"]
        for target in await frame.locator("a:visible, button:visible, input:visible").all():
            assert await _height(target) >= 24, await target.inner_text()
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Approvals")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(sign_out).to_be_hidden()
        await expect(menu).to_be_focused()
        await menu.click()
        await page.get_by_role("link", name="Customers").click()
        await expect(page.locator("h1")).to_have_text("Customers")
        await expect(sign_out).to_be_hidden()
        assert reader.complaints == []


async def test_where_there_is_room_the_pages_and_the_account_need_no_menu(browser: Browser, scene: Scene) -> None:
    for width, most in ((768, 100), (1280, 900)):
        async with reading(browser, scene, viewport={"width": width, "height": 900}) as reader:
            await reader.open("/overview")
            await expect(reader.page.get_by_role("button", name="Pages and account")).to_be_hidden()
            await expect(reader.page.get_by_role("button", name="Sign out")).to_be_visible()
            await expect(reader.page.get_by_role("navigation", name="Pages").get_by_role("link")).to_have_count(7)
            assert await _height(reader.page.get_by_role("banner")) <= most, width


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


async def _height(one: Locator) -> float:
    box = await one.bounding_box()
    assert box is not None
    return box["height"]


async def _stand_within(width: int, links: Locator) -> None:
    for link in await links.all():
        left, right = await _sides(link)
        assert (left >= 0, right <= width) == (True, True), await link.inner_text()
