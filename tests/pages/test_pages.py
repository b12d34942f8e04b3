"""Every page in a real browser, over the real API: how it looks, to whom, and what it keeps to itself."""

from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, expect

from schemas.topics import ENROLLMENT_DECISION
from tests.fulfillment.account import SAVE, Account, opened
from tests.fulfillment.stage import publish
from tests.pages.conftest import Reader, reading
from tests.web.looking_scene import PAUSED, WAITING, Scene
from web.chat.grammar import understand
from web.chat.intents import NotUnderstood

PAGES = (
    "/approvals",
    "/approvals?show=all",
    "/people?show=all",
    "/find",
    "/find?q=ann",
    "/find?q=nobody-is-called-so",
    "/customers",
    "/customers?whose=mine&q=nothing-is-called-so",
    "/customers/cus-1",
    "/cadences",
    "/cadences?q=nothing-is-called-so",
    "/mappings",
    "/overview",
    "/overview/decisions?whose=all",
    "/overview/decisions?whose=mine&segment=nobodys",
    "/operations",
    "/stakeholders/{stakeholder}",
    "/approvals/{request}",
    "/cadences/{cadence}",
    "/mappings/{mapping}",
    "/mappings/{mapping}/edit",
    "/mappings/{mapping}/back-test",
)
OWNER = "usr-3"
CHAMPIONS = """{"any": [
    {"field": "stakeholder.role", "op": "in", "value": ["champion"]},
    {"field": "stakeholder.title", "op": "matches", "value": "VP"}
]}"""
CUT_OFF = """() => [...document.querySelectorAll("main .sheet:has(> table)")]
    .filter((sheet) => sheet.scrollWidth > sheet.clientWidth)
    .map((sheet) => `${sheet.ariaLabel}: ${sheet.scrollWidth} in ${sheet.clientWidth}`)"""
SCRIPT = "<script>document.title = 'taken'</script>"


async def address_of(scene: Scene, page: str) -> str:
    """A page's address; of what has a page of its own, that of one of them."""
    mappings = (await scene.see("/trigger-mappings"))["mappings"] if "{mapping}" in page else []
    return page.format(
        stakeholder=scene.stakeholder_id,
        request=scene.enrollments[PAUSED],
        cadence=scene.accounts[PAUSED].cadences[SAVE],
        mapping=mappings[0]["id"] if mappings else "",
    )


async def addresses(scene: Scene) -> list[str]:
    return [await address_of(scene, page) for page in PAGES]


@pytest.mark.parametrize("asked", PAGES)
async def test_a_page_opens_without_a_complaint_in_light_and_in_dark_and_on_a_telephone(
    browser: Browser, scene: Scene, asked: str
) -> None:
    async with reading(browser, scene, role="admin", reduced_motion="reduce") as reader:
        page = reader.page
        assert await reader.open(await address_of(scene, asked)) == 200
        await expect(page.locator("main h1")).to_have_count(1)
        for summary in await page.locator("main details > summary").all():
            await summary.click()
        await expect(page.locator("[aria-busy=true]:visible")).to_have_count(0)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme
        for width in (1024, 768, 360):
            await page.set_viewport_size({"width": width, "height": 740})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            assert await page.evaluate(CUT_OFF) == [], width
        assert reader.complaints == []


async def test_who_is_not_known_is_asked_to_sign_in_and_told_nothing(scene: Scene) -> None:
    async with httpx.AsyncClient(base_url=scene.http.base_url) as nobody:
        for address in await addresses(scene):
            answer = await nobody.get(f"/app{address}")
            assert (answer.status_code, answer.text) == (303, ""), address
            assert answer.headers["location"].startswith("/app/sign-in?after=")


async def test_whoever_signs_in_comes_back_to_what_they_looked_at(scene: Scene) -> None:
    looked_at = "/app/approvals?show=all&whose=mine"
    async with httpx.AsyncClient(base_url=scene.http.base_url) as nobody:
        page = await nobody.get(looked_at)
        htmx = {"hx-request": "true", "hx-current-url": f"{scene.http.base_url}{looked_at}"}
        part = await nobody.get("/app/approvals/newer", headers=htmx)
        begun = await nobody.post("/app/approvals/decisions", headers=htmx)
        for sent in (page.headers["location"], part.headers["hx-redirect"], begun.headers["hx-redirect"]):
            assert parse_qs(urlsplit(sent).query)["after"] == [looked_at]


@pytest.mark.parametrize("headers", [{}, {"hx-request": "true"}])
async def test_where_no_page_is_that_is_said(scene: Scene, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=scene.http.base_url) as anybody:
        answer = await anybody.get("/app/no-such-page", headers=headers)
    assert (answer.status_code, "There is no such page" in answer.text) == (404, True)


async def test_a_viewer_sees_no_action(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role="viewer") as reader:
        for address in await addresses(scene):
            await reader.open(address)
            await _expect_no_action(reader)


async def test_a_csm_acts_for_their_own_customers_alone(browser: Browser, scene: Scene) -> None:
    request = f"/approvals/{scene.enrollments[WAITING]}"
    async with reading(browser, scene, role="csm", user_id="usr-8") as another:
        await another.open(request)
        await _expect_no_action(another)
        await expect(another.page.locator("main")).to_contain_text("Somebody else looks after this customer")
        await another.open(f"/stakeholders/{scene.stakeholder_id}")
        await _expect_no_action(another)
    async with reading(browser, scene, role="csm", user_id=OWNER) as own:
        await own.open(request)
        await expect(own.page.get_by_role("button", name="Approve", exact=True)).to_be_visible()
        await own.open(f"/stakeholders/{scene.stakeholder_id}")
        await expect(own.page.get_by_role("button", name="Resume", exact=True)).to_be_visible()


async def test_what_is_not_there_and_what_is_another_organizations_look_alike(browser: Browser, scene: Scene) -> None:
    foreign = scene.foreign
    theirs = {
        "stakeholders": str(foreign.people[SAVE]["id"]),
        "customers": foreign.customer_id,
        "approvals": str(await foreign.enrollment(SAVE)),
    }
    nobodys = {"stakeholders": "nobody", "customers": "nobody", "approvals": "00000000-0000-4000-8000-000000000000"}
    async with reading(browser, scene, role="admin") as reader:
        for kind, foreign_id in theirs.items():
            seen = []
            for id_ in (foreign_id, nobodys[kind]):
                assert await reader.open(f"/{kind}/{id_}") == 404
                text = await reader.page.locator("main").inner_text()
                reference = await reader.page.locator("main .fine code").inner_text()
                seen.append(text.replace(id_, "ID").replace(reference, "REFERENCE"))
            assert seen[0] == seen[1]
        for address in await addresses(scene):
            await reader.open(address)
            assert foreign.customer_id not in await reader.page.content(), address


async def test_a_name_stays_a_name(browser: Browser, scene: Scene) -> None:
    account = await _somebody_asked_for(scene, "cus-script", SCRIPT)
    await scene.stage.execute(
        "UPDATE directory_customers SET data = jsonb_set(data::jsonb, '{name}', to_jsonb($2::text))::json"
        " WHERE organization_id = $1 AND customer_id = 'cus-script'",
        scene.organization_id,
        SCRIPT,
    )
    stakeholder = f"/stakeholders/{account.people[SAVE]['id']}"
    async with reading(browser, scene) as reader:
        for address in ("/approvals", "/people?show=coming", stakeholder, "/customers/cus-script"):
            await reader.open(address)
            await expect(reader.page.get_by_text(SCRIPT, exact=True).first).to_be_visible()
            await expect(reader.page.get_by_role("heading", level=1)).to_have_count(1)
            assert await reader.page.title() != "taken", address
        await reader.open(stakeholder)
        await reader.page.get_by_role("button", name="Ask", exact=True).click()
        await reader.page.get_by_label("Say something").fill(f"What cadence is {SCRIPT} in?")
        await reader.page.keyboard.press("Enter")
        await expect(reader.page.locator("#said .mine")).to_have_text(f"What cadence is {SCRIPT} in?")
        # What was said is kept while the tab is open, and shown anew on the next page.
        await reader.open("/people")
        await expect(reader.page.locator("#said .mine")).to_have_text(f"What cadence is {SCRIPT} in?")
        assert await reader.page.locator("#said script").count() == 0
        assert await reader.page.title() != "taken"
        assert reader.complaints == []


async def test_whatever_gets_into_a_page_runs_nothing_and_asks_nobody(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene) as reader:
        answer = await reader.page.goto(f"{reader.base_url}/app/approvals")
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["cache-control"] == "no-store"
        refused = await reader.page.evaluate("""async () => {
            const refused = new Set();
            const heard = new Promise((resolve) => addEventListener("securitypolicyviolation", (violation) => {
                refused.add(violation.effectiveDirective);
                if (refused.size === 4) resolve();
            }));
            const script = document.createElement("script");
            script.textContent = "document.title = 'taken'";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", '<i style="color: red"></i>');
            document.body.insertAdjacentHTML("beforeend", '<img src="https://elsewhere.example/x.png">');
            fetch("https://elsewhere.example/").catch(() => {});
            await heard;
            return [...refused].sort();
        }""")
        assert refused == ["connect-src", "img-src", "script-src-elem", "style-src-attr"]
        assert await reader.page.title() != "taken"


async def test_a_form_of_another_site_changes_nothing(scene: Scene) -> None:
    """It is refused without the session's CSRF token, and with it where the browser says it comes from elsewhere."""
    begun = await scene.http.post("/api/salesloft/session", headers=scene.headers(role="admin"))
    scene.http.cookies.clear()
    token = begun.json()["csrf_token"]
    enrollment_id = scene.enrollments[WAITING]
    forms = {
        f"/app/approvals/{enrollment_id}/decision": {"decision": "approved", "request_digest": "sha256:0"},
        "/app/approvals/decisions": {"decision": "approved", "chosen": f"{enrollment_id} sha256:0"},
        f"/app/stakeholders/{scene.stakeholder_id}/add": {"cadence_id": "1"},
        "/app/chat": {"text": "Remove Ann Lee"},
        "/app/sign-out": {},
    }
    elsewhere = {"x-csrf-token": token, "sec-fetch-site": "cross-site"}
    async with httpx.AsyncClient(base_url=scene.http.base_url, cookies=dict(begun.cookies)) as browser:
        for path, form in forms.items():
            for headers in ({}, {"x-csrf-token": "guessed"}, elsewhere):
                refused = await browser.post(path, data=form, headers={"hx-request": "true", **headers})
                assert refused.status_code == 403, (path, headers, refused.text)
                assert "set-cookie" not in refused.headers


async def test_a_csm_sees_why_somebody_is_asked_for_and_approves_with_the_keyboard_alone(
    browser: Browser, scene: Scene
) -> None:
    await publish(
        scene.stage,
        scene.stage.mapping.cadence_id,
        scene.stage.mapping.exclusivity_group,
        stakeholders=CHAMPIONS,
        priority=0,
    )
    account = await _somebody_asked_for(scene, "cus-keys", "Kay Boardman", role="champion")
    async with reading(browser, scene, role="csm", user_id=OWNER) as reader:
        page = reader.page
        await reader.open(f"/stakeholders/{account.people[SAVE]['id']}")
        await _tab_to(reader, "Why they were requested")
        await page.keyboard.press("Enter")
        why = page.locator("main .card .decided")
        await expect(why).to_contain_text("The customer is at risk: severity")
        await expect(why).to_contain_text("So this person was requested for")
        told = [" ".join(one.split()) for one in await why.locator(".verdicts li").all_inner_texts()]
        assert told[-2:] == [
            "fits Role: is champion, as it should be: one of champion",
            "not known Job title: should be like VP, is not known",
        ]
        await expect(why.get_by_text("One of these is enough")).to_be_visible()
        await reader.open(f"/approvals?customer_id={account.customer_id}")
        await _tab_to(reader, "Evidence")
        await page.keyboard.press("Enter")
        await expect(page.locator(".verdicts li").first).to_contain_text("fits")
        await _tab_to(reader, "Reject…")
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Reject")
        await expect(dialog.get_by_label("Why")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await expect(page.get_by_role("button", name="Reject…")).to_be_focused()
        await _tab_to(reader, "Approve", back=True)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status").filter(has_text="Kay Boardman")).to_contain_text("takes effect")
        assert reader.complaints == []
    decided = await scene.stage.fetch(
        "SELECT convert_from(payload, 'UTF8')::jsonb->>'enrollment_id' AS id FROM outbox WHERE topic = $1",
        ENROLLMENT_DECISION.name,
    )
    assert [row["id"] for row in decided] == [str(await account.enrollment(SAVE))]


async def test_the_chat_understands_what_it_proposes(browser: Browser, scene: Scene) -> None:
    now = datetime.fromisoformat("2026-11-23T08:00:00+00:00")
    async with reading(browser, scene) as reader:
        proposed = set()
        for address in await addresses(scene):
            await reader.open(address)
            hints = await reader.page.locator("#hints [data-say]").all()
            proposed |= {str(await hint.get_attribute("data-say")) for hint in hints}
    assert len(proposed) >= 5
    assert [hint for hint in proposed if isinstance(understand(hint, now), NotUnderstood)] == []


async def test_an_admin_switches_a_mapping_off_unless_somebody_has_changed_it_meanwhile(
    browser: Browser, scene: Scene
) -> None:
    async with reading(browser, scene, role="admin") as reader, reading(browser, scene, role="admin") as other:
        await reader.open("/mappings")
        await reader.page.locator("a.tile").first.click()
        await expect(reader.page.get_by_role("heading", name="Version 1")).to_be_visible()
        await other.page.goto(reader.page.url)
        for one, then in ((reader, "Switch on…"), (other, "Switch off…")):
            await one.page.locator("details.menu > summary").click()
            await one.page.get_by_role("button", name="Switch off…").click()
            await expect(one.page.locator("details.menu[open]")).to_have_count(0)
            await one.page.get_by_role("dialog", name="Switch off").get_by_role("button", name="Switch off").click()
            if one is other:
                await expect(one.page.get_by_role("alert")).to_contain_text("not what was looked at")
            await expect(one.page.get_by_role("button", name=then, include_hidden=True)).to_have_count(1)
        await expect(reader.page.get_by_role("status").filter(has_text="Switched off: version 1")).to_be_visible()
        off = reader.page.locator(".card-head .chip", has_text="Switched off")
        assert (await off.bounding_box() or {"width": 0})["width"] < 120
        await reader.page.get_by_role("button", name="Switch on…").click()
        dialog = reader.page.get_by_role("dialog", name="Switch on")
        await dialog.get_by_role("button", name="Cancel").click()
        await expect(dialog).to_be_hidden()
        await reader.page.get_by_role("button", name="Switch on…").click()
        await dialog.get_by_role("button", name="Switch on").click()
        await expect(reader.page.get_by_role("status").filter(has_text="Switched on")).to_be_visible()


async def test_whoever_signs_out_is_not_known_any_more(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene) as reader:
        await reader.open("/approvals")
        await reader.page.get_by_role("button", name="Sign out").click()
        await expect(reader.page.locator("h1")).to_have_text("Sign in")
        await reader.open("/approvals")
        await expect(reader.page.locator("h1")).to_have_text("Sign in")


async def _expect_no_action(reader: Reader) -> None:
    await expect(reader.page.locator("main button:not(.search button, .more)")).to_have_count(0)
    await expect(reader.page.locator("main form:not(.search)")).to_have_count(0)


async def _somebody_asked_for(scene: Scene, customer_id: str, name: str, **more: str) -> Account:
    """A customer at risk, for whose stakeholder a request waits."""
    account = await opened(scene.stage, customer_id)
    account.people[SAVE] |= {"name": name, **more}
    await account.signal(SAVE)
    return account


async def _tab_to(reader: Reader, text: str, *, back: bool = False) -> None:
    """Press Tab until what is focused says so."""
    for _ in range(40):
        await reader.page.keyboard.press("Shift+Tab" if back else "Tab")
        focused = await reader.page.evaluate("document.activeElement.textContent.trim()")
        if focused == text:
            return
    pytest.fail(f"the keyboard does not lead to {text}")
