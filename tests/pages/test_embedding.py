"""A contact and a customer on a page of others: what they show, do and say there, under that page's strict policy."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Locator, Request, Route, expect

from tests.fulfillment.account import SAVE
from tests.pages.embedding_host import Host, embedding
from tests.pages.test_following import Stretch
from tests.web.looking_scene import PAUSED, WAITING, Scene
from tests.web.stage import served
from web.api import api_app

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "6_embed_in_a_page.py"
TRUSTED_TYPES = "require-trusted-types-for 'script'; trusted-types cscx-salesloft"
SCRIPT = "<script>document.title = 'taken'</script>"


def service(scene: Scene) -> str:
    return str(scene.http.base_url).rstrip("/")


def token(scene: Scene, *, role: str = "manager", **claims: Any) -> str:
    return scene.headers(role=role, **claims)["authorization"].removeprefix("Bearer ")


async def choose(scene: Scene, *origins: str, organization_id: str | None = None) -> None:
    """Have an organization let the pages of these show its people, and no others."""
    answer = await scene.http.put(
        "/api/salesloft/organization-settings",
        json={"embedding_origins": origins},
        headers=scene.headers(organization_id, role="admin") | {"if-match": "*"},
    )
    assert answer.status_code == 200, answer.text


def sign(element: Locator) -> Locator:
    """How what is shown stands to what the service knows."""
    return element.locator(".foot .live")


async def test_a_contact_and_a_customer_are_shown_under_a_policy_that_allows_our_scripts_and_calls_alone(
    browser: Browser, scene: Scene
) -> None:
    async with embedding(browser, service(scene), token(scene), reduced_motion="reduce") as host:
        await choose(scene, "https://first.example", host.origin)
        await host.open(contact=scene.stakeholder_id, customer=PAUSED)
        for element in (host.contact, host.customer):
            await expect(sign(element)).to_have_text("Live")
        card = host.contact.locator(".card").first
        await expect(card.locator(".card-head .chip")).to_have_text("Paused")
        await expect(card).to_contain_text("Step 1 of 5")
        await expect(host.contact.get_by_role("region", name="Engagement").locator("dd").first).to_have_text("1")
        await expect(host.contact.locator("canvas")).to_be_visible()
        history = host.contact.get_by_role("region", name="History")
        await expect(history).to_contain_text("Replied")
        await history.get_by_text("Every entry").click()
        await expect(history.locator("li.attempt").first).to_be_visible()
        await expect(host.customer.get_by_role("row", name="Ann Lee")).to_contain_text("Paused")
        await card.locator("summary").click()
        await expect(card.locator(".decided")).to_contain_text("At risk")
        await host.contact.get_by_role("button", name="Resume", exact=True).click()
        dialog = host.contact.get_by_role("dialog", name="Resume")
        await dialog.get_by_role("button", name="Cancel").click()
        await expect(dialog).to_be_hidden()
        assert await host.violations() == []
        # What is dark is of other colours, and otherwise the same.
        await host.page.emulate_media(color_scheme="dark")
        assert await host.violations("color-contrast") == []
        await host.page.set_viewport_size({"width": 360, "height": 740})
        assert await host.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert host.complaints == []
        assert not [one for one in host.addresses if host.tokens[0] in one]


async def test_what_is_done_there_is_done_once_though_its_answer_is_lost_and_shows_by_itself(
    browser: Browser, scene: Scene
) -> None:
    csm = token(scene, role="csm", sub="usr-3")
    async with embedding(browser, service(scene), csm, stricter=TRUSTED_TYPES) as host:
        await choose(scene, host.origin)
        await host.open(contact=scene.stakeholder_id)
        await expect(sign(host.contact)).to_have_text("Live")
        await expect(host.contact.locator("canvas")).to_be_visible()
        assert host.complaints == []
        keys = await _losing_the_first_answer(host)
        await host.contact.get_by_role("button", name="Resume", exact=True).click()
        dialog = host.contact.get_by_role("dialog", name="Resume")
        await expect(dialog).to_contain_text("added to the cadence again at the step that was kept")
        await dialog.get_by_role("button", name="Resume").click()
        unknown = host.contact.get_by_role("alert")
        await expect(unknown).to_contain_text("It is not known whether it was done")
        # It is told where it was asked for.
        await expect(dialog.get_by_role("alert")).to_contain_text("It is not known whether it was done")
        await dialog.get_by_role("button", name="Resume").click()
        told = host.contact.locator("#done .note")
        await expect(told).to_contain_text("Resume requested")
        assert len(keys) == 2
        assert keys[0] == keys[1] is not None
        asked = await scene.stage.fetch("SELECT action, asked_by FROM steerings WHERE action = 'resume'")
        assert [tuple(row) for row in asked] == [("resume", "usr-3")]
        # A page that nobody looks at hears nothing, and once it is looked at what it has missed.
        async with host.page.expect_event("requestfailed", lambda one: "/api/salesloft/events" in one.url):
            await host.is_hidden(hidden=True)
        account = scene.accounts[PAUSED]
        await account.settle()
        assert await account.state(SAVE) == ("enrolled", "pause_ended")
        async with host.page.expect_request("**/api/salesloft/events*") as again:
            await host.is_hidden(hidden=False)
        assert int((await again.value).headers["last-event-id"]) > 0
        await expect(host.contact.locator(".card-head .chip").first).to_have_text("Enrolled")
        await expect(told).to_have_count(0)


async def test_a_token_that_is_no_longer_good_is_asked_for_anew(browser: Browser, scene: Scene) -> None:
    expired, ending = token(scene, exp=int(time.time()) - 3600), token(scene, exp=int(time.time()))
    async with embedding(browser, service(scene), expired, ending, token(scene)) as host:
        await choose(scene, host.origin)
        await host.open(customer=PAUSED)
        await expect(host.customer.get_by_role("heading", name="Acme")).to_be_visible()
        assert host.asked[:2] == [{"refused": False}, {"refused": True}]
        # The stream of events ends with its token, and goes on with another one.
        await host.until("window.handed === 3")
        await expect(sign(host.customer)).to_have_text("Live")
        assert host.asked[2:] == [{"refused": True}]


async def test_a_stream_that_ends_with_its_token_asks_for_one_other_however_long_that_takes(
    browser: Browser, scene: Scene
) -> None:
    ending, lasting = token(scene, exp=int(time.time())), token(scene)
    async with embedding(browser, service(scene), ending, lasting) as host:
        await choose(scene, host.origin)
        again = asyncio.Event()

        async def stream(route: Route) -> None:
            # Asked for the second time with the old token, it is answered once there is a new one.
            if len(host.asked) == 2 and not again.is_set():
                again.set()
                await host.until("window.handed === 2")
            await route.continue_()

        def lasts(request: Request) -> bool:
            return "/events" in request.url and request.headers["authorization"] == f"Bearer {lasting}"

        host.in_no_hurry = again.wait
        await host.page.route("**/api/salesloft/events*", stream)
        async with host.page.expect_request(lasts):
            await host.open(customer=PAUSED)
        await host.follows(host.customer)
        assert host.asked == [{"refused": False}, {"refused": True}]


async def test_where_no_token_is_to_be_had_it_says_so_and_tells_its_page(browser: Browser, scene: Scene) -> None:
    async with embedding(browser, service(scene), token(scene, exp=int(time.time()) - 3600)) as host:
        await choose(scene, host.origin)
        await host.open(customer=PAUSED)
        await expect(host.customer.get_by_role("alert")).to_contain_text("You are not signed in any more")
        assert await host.heard("signedOut") == "cscx-salesloft-customer"
        host.tokens[:] = [token(scene)]
        await host.customer.get_by_role("button", name="Try again").click()
        await host.customer.get_by_role("row").get_by_role("link", name="Ann Lee").click()
        opened = await host.heard("opened")
        assert (opened["kind"], opened["id"]) == ("stakeholder", scene.stakeholder_id)
        assert opened["href"] == f"{service(scene)}/app/stakeholders/{scene.stakeholder_id}"


async def test_on_a_page_that_may_not_it_says_so_and_shows_once_it_may(browser: Browser, scene: Scene) -> None:
    foreign = scene.foreign.stage.organization_id
    async with embedding(browser, service(scene), token(scene)) as host:
        await choose(scene)
        await choose(scene, host.origin, organization_id=foreign)
        await host.open(contact=scene.stakeholder_id)
        problem = host.contact.get_by_role("alert")
        await expect(problem).to_contain_text(f"{host.origin} is not among the addresses that your organization lets")
        assert await host.violations() == []
        # It is tried again by a button, and by itself, in whichever moment the page is chosen.
        async with host.page.expect_request(f"**/embedded/stakeholders/{scene.stakeholder_id}"):
            await host.contact.get_by_role("button", name="Try again").click()
        await expect(problem).to_be_visible()
        await choose(scene, host.origin)
        await expect(host.contact.get_by_role("heading", name="Ann Lee")).to_be_visible()


async def test_where_its_stream_is_away_it_says_how_old_it_is_and_catches_up(browser: Browser, scene: Scene) -> None:
    between = Stretch(api_app(scene.api))
    async with (
        served(between) as address,  # type: ignore[arg-type]  # all that is served is an ASGI application
        embedding(browser, address, token(scene)) as host,
    ):
        await choose(scene, host.origin)
        await host.open(customer=WAITING)
        await expect(sign(host.customer)).to_have_text("Not live")
        await expect(host.customer.get_by_role("status")).to_contain_text("this is how it was at")
        between.is_away = False
        await expect(sign(host.customer)).to_have_text("Live")
        await expect(host.customer.get_by_text("this is how it was at")).to_have_count(0)


async def test_there_too_a_viewer_sees_no_action_a_name_stays_a_name_and_what_is_foreign_is_not_there(
    browser: Browser, scene: Scene
) -> None:
    stakeholder_id = str(scene.accounts[WAITING].people[SAVE]["id"])
    await scene.stage.execute(
        "UPDATE directory_stakeholders SET data = jsonb_set(data::jsonb, '{name}', to_jsonb($2::text))::json"
        " WHERE organization_id = $1 AND stakeholder_id = $3",
        scene.organization_id,
        SCRIPT,
        stakeholder_id,
    )
    async with embedding(browser, service(scene), token(scene, role="viewer")) as host:
        await choose(scene, host.origin)
        await host.open_before_the_script(contact=stakeholder_id, customer=scene.foreign.customer_id)
        await expect(host.contact.get_by_role("heading", name=SCRIPT)).to_be_visible()
        await expect(host.contact.locator("button:not(.more), form")).to_have_count(0)
        assert await host.page.title() == "Acme"
        await expect(host.customer.get_by_role("alert")).to_contain_text("There is no such thing")


async def test_the_documented_example_shows_both(browser: Browser, scene: Scene) -> None:
    example = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLE), PAUSED, scene.stakeholder_id),
        env=os.environ | {"CSCX_SALESLOFT_API": service(scene), "CSCX_SALESLOFT_TOKEN": token(scene)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert example.stdout is not None
        origin = (await example.stdout.readline()).decode().strip()
        await choose(scene, origin)
        page = await browser.new_page()
        await page.goto(origin)
        await expect(page.get_by_role("heading", name="Ann Lee")).to_be_visible()
        await expect(page.get_by_role("row", name="Ann Lee")).to_be_visible()
        await page.close()
    finally:
        example.kill()
        await example.wait()


async def _losing_the_first_answer(host: Host) -> list[str | None]:
    """The keys under which something is asked for; the first time the service does it and is not heard."""
    keys: list[str | None] = []

    async def on_the_way(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) > 1:
            await route.continue_()
            return
        answer = await route.fetch()
        assert answer.status == 200
        await route.abort()

    await host.page.route(f"{host.service}/embedded/**", on_the_way)
    return keys
