"""Pages change by themselves; where the event stream is away they say so, work on, and catch up once it is back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Route, expect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.fulfillment.account import SAVE, opened
from tests.pages.conftest import reading
from tests.web.looking_scene import PAUSED, WAITING, Scene
from tests.web.stage import served
from web.api import api_app

# The page hears that anything may have changed. It asks within half a second, so before a timer that is set afterwards.
HEAR = """() => new Promise((asked) => {
    stream.onmessage({ data: { about: ["*"] } });
    setTimeout(asked, 600);
})"""


@dataclass
class Stretch:
    """The way to the API, on which the event stream may be away."""

    app: ASGIApp
    is_away: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.is_away and scope.get("path") == "/api/salesloft/events":
            await Response(status_code=503)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


@pytest.fixture
async def stretch(scene: Scene) -> AsyncIterator[tuple[Stretch, str]]:
    between = Stretch(api_app(scene.api))
    async with served(between) as address:  # type: ignore[arg-type]  # all that is served is an ASGI application
        yield between, address


async def test_a_page_works_without_its_event_stream_and_catches_up(
    browser: Browser, scene: Scene, stretch: tuple[Stretch, str]
) -> None:
    between, address = stretch
    account = scene.accounts[PAUSED]
    async with reading(browser, scene, base_url=address) as reader:
        await reader.open(f"/stakeholders/{scene.stakeholder_id}")
        await reader.follows("away")
        await expect(reader.page.locator("[data-live]")).to_have_text("Not live")
        chip = reader.page.locator("main .card").first.locator(".card-head .chip")
        await expect(chip).to_have_text("Paused")
        dialog = await reader.asked(reader.page.locator("main .card").first, "Resume")
        await dialog.get_by_role("button", name="Resume").click()
        await expect(reader.page.locator("#done .note")).to_contain_text("Resume requested")
        await account.settle()
        assert await account.state(SAVE) == ("enrolled", "pause_ended")
        await expect(chip).to_have_text("Paused")
        between.is_away = False
        await reader.follows()
        await expect(chip).to_have_text("Enrolled")


async def test_what_changes_while_an_older_answer_is_on_its_way_is_asked_for_after_it(
    browser: Browser, scene: Scene
) -> None:
    account = await opened(scene.stage, "cus-overtaken")
    await account.signal(SAVE)
    path = f"/stakeholders/{account.people[SAVE]['id']}"
    answered, overtaken = asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        answer = await route.fetch()
        answered.set()
        await overtaken.wait()
        await route.fulfill(response=answer)

    async with reading(browser, scene) as reader, asyncio.timeout(60):
        # What the page hears is the test's to say.
        await reader.page.add_init_script(
            "window.SharedWorker = class { port = (window.stream = { postMessage() {} }); }"
        )
        await reader.open(path)
        chip = reader.page.locator("main .card").first.locator(".card-head .chip")
        await expect(chip).to_have_text("Requested")
        await reader.page.route(f"**{path}", slowly, times=1)
        await reader.page.evaluate(HEAR)
        await answered.wait()
        await account.approve()
        await account.settle()
        await reader.page.evaluate(HEAR)
        overtaken.set()
        await expect(chip).to_have_text("Enrolled")


async def test_what_is_pressed_is_answered_though_its_card_is_being_shown_anew(browser: Browser, scene: Scene) -> None:
    account = await opened(scene.stage, "cus-pressed")
    await account.signal(SAVE)
    enrollment_id = await account.enrollment(SAVE)
    path = f"/approvals/{enrollment_id}"
    answered, pressed, shown = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        answer = await route.fetch()
        answered.set()
        await pressed.wait()
        await route.fulfill(response=answer)
        shown.set()

    async def once_shown(route: Route) -> None:
        pressed.set()
        await shown.wait()
        await route.continue_()

    async with reading(browser, scene) as reader, asyncio.timeout(60):
        await reader.page.add_init_script(
            "window.SharedWorker = class { port = (window.stream = { postMessage() {} }); }"
        )
        await reader.open("/approvals")
        card = reader.page.locator(f"#approval-{enrollment_id}")
        await reader.page.route(f"**{path}", slowly, times=1)
        await reader.page.route(f"**{path}/decision", once_shown, times=1)
        await reader.page.evaluate(HEAR)
        await answered.wait()
        await card.get_by_role("button", name="Approve", exact=True).click()
        await expect(card.locator(".published")).to_contain_text("Approved")


async def test_where_workers_cannot_be_shared_each_page_follows_by_itself(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene) as reader:
        await reader.page.add_init_script("delete window.SharedWorker")
        await reader.open(f"/approvals/{scene.enrollments[WAITING]}")
        await reader.follows()
        assert reader.complaints == []


async def test_what_is_asked_for_is_told_of_and_moves_nothing_under_the_hand(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene) as reader:
        await reader.open("/approvals")
        await reader.follows()
        queue = reader.page.locator("#queue > li")
        many = await queue.count()
        account = await opened(scene.stage, "cus-later")
        await account.signal(SAVE)
        await expect(reader.page.locator("#newer")).to_have_text("1 more waits for a decision since: show")
        await expect(queue).to_have_count(many)
        await reader.page.get_by_role("link", name="1 more waits").click()
        await expect(queue).to_have_count(many + 1)
        assert reader.complaints == []


async def test_what_is_chosen_stays_chosen_all_the_while_its_card_is_shown_anew(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene) as reader:
        await reader.open("/approvals")
        await reader.follows()
        boxes = reader.page.get_by_role("checkbox", name="Choose")
        await expect(boxes).not_to_have_count(0)
        await boxes.first.check()
        await boxes.first.blur()
        # Asked in the very moment in which the card is another one: a click can come then.
        is_chosen = await reader.page.evaluate(
            """() => new Promise((resolve) => {
                const card = document.querySelector('li:has(input[name="chosen"]:checked)');
                document.addEventListener("htmx:afterSwap", ({ target }) => {
                    if (target === card) resolve(card.querySelector('input[name="chosen"]').checked);
                });
                htmx.trigger(card, "changed");
            })"""
        )
        assert is_chosen
        await expect(boxes.first).to_be_checked()
        assert reader.complaints == []
