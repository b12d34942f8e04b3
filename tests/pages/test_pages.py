"""The pages in a real browser, over the real API: what is shown, to whom, and what a click does."""

import pytest
from playwright.async_api import Browser, expect

from schemas.topics import ENROLLMENT_DECISION
from tests.fulfillment.account import SAVE
from tests.pages.conftest import reading
from tests.web.looking_scene import PAUSED, WAITING, Scene

PAGES = (
    "/approvals",
    "/approvals?show=all",
    "/people?show=all",
    "/customers/cus-1",
    "/cadences",
    "/cadences?q=nothing-is-called-so",
    "/mappings",
    "/overview",
    "/operations",
)


async def addresses(scene: Scene) -> list[str]:
    """Every page, and one of each thing that has a page of its own."""
    mappings = (await scene.see("/trigger-mappings"))["mappings"]
    return [
        *PAGES,
        f"/stakeholders/{scene.stakeholder_id}",
        f"/approvals/{scene.enrollments[PAUSED]}",
        f"/cadences/{scene.accounts[PAUSED].cadences[SAVE]}",
        f"/mappings/{mappings[0]['id']}",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_opens_without_a_complaint_and_for_everybody(
    browser: Browser, scene: Scene, scheme: str
) -> None:
    async with reading(browser, scene, role="admin", color_scheme=scheme, reduced_motion="reduce") as reader:
        for address in await addresses(scene):
            assert await reader.open(address) == 200, address
            await expect(reader.page.locator("main h1")).to_have_count(1)
            assert await reader.violations() == [], address
        assert reader.complaints == []


async def test_a_page_fits_a_telephone(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, viewport={"width": 360, "height": 740}) as reader:
        for address in await addresses(scene):
            await reader.open(address)
            assert await reader.page.evaluate("document.documentElement.scrollWidth") <= 360, address


async def test_who_is_not_known_is_asked_to_sign_in_and_told_nothing(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role=None) as reader:
        for address in await addresses(scene):
            await reader.open(address)
            await expect(reader.page.locator("h1")).to_have_text("Sign in")
            assert "/app/sign-in?after=" in reader.page.url


async def test_what_is_not_there_and_what_is_another_organizations_look_alike(browser: Browser, scene: Scene) -> None:
    foreign = scene.foreign.people[SAVE]["id"]
    async with reading(browser, scene) as reader:
        seen = []
        for stakeholder_id in (foreign, "nobody-at-all"):
            assert await reader.open(f"/stakeholders/{stakeholder_id}") == 404
            text = await reader.page.locator("main").inner_text()
            reference = await reader.page.locator("main .fine code").inner_text()
            seen.append(text.replace(str(stakeholder_id), "ID").replace(reference, "REFERENCE"))
        assert seen[0] == seen[1]


async def test_a_viewer_sees_no_action(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role="viewer") as reader:
        for address in await addresses(scene):
            await reader.open(address)
            await expect(reader.page.locator("main button:not(.search button, .more)")).to_have_count(0)
            await expect(reader.page.locator("main form:not(.search)")).to_have_count(0)


async def test_a_name_stays_a_name(browser: Browser, scene: Scene) -> None:
    name = "<script>document.title = 'taken'</script>"
    await scene.stage.execute(
        "UPDATE directory_customers SET data = jsonb_set(data::jsonb, '{name}', to_jsonb($2::text))::json"
        " WHERE organization_id = $1 AND customer_id = 'cus-3'",
        scene.organization_id,
        name,
    )
    async with reading(browser, scene) as reader:
        await reader.open("/customers/cus-3")
        await expect(reader.page.locator("h1")).to_have_text(name)
        assert "taken" not in (await reader.page.title()).split(" ·")[0].replace(name, "")
        assert reader.complaints == []


async def test_somebody_is_approved_with_the_keyboard_alone(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene) as reader:
        await reader.open("/approvals")
        card = reader.page.locator(f'[data-about="enrollment:{scene.enrollments[WAITING]}"]')
        button = card.get_by_role("button", name="Approve", exact=True)
        await button.focus()
        await reader.page.keyboard.press("Enter")
        await expect(card.get_by_role("status")).to_contain_text("the decision is published")
        assert reader.complaints == []
    (decided,) = await scene.stage.fetch(
        "SELECT convert_from(payload, 'UTF8')::jsonb->>'enrollment_id' AS id FROM outbox WHERE topic = $1",
        ENROLLMENT_DECISION.name,
    )
    assert decided["id"] == str(scene.enrollments[WAITING])


async def test_who_is_paused_is_resumed_and_the_page_changes_by_itself(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene) as reader:
        await reader.open(f"/stakeholders/{scene.stakeholder_id}")
        await expect(reader.page.locator("[data-live]")).to_have_attribute("data-live", "live")
        card = reader.page.locator("main .card").first
        await expect(card.locator(".chip")).to_have_text("Paused")
        await card.get_by_role("button", name="Resume").click()
        dialog = reader.page.get_by_role("dialog", name="Resume")
        await expect(dialog).to_contain_text("added to the cadence again at the step that was kept")
        await dialog.get_by_role("button", name="Resume").click()
        await expect(reader.page.locator(".note[role=status]")).to_be_visible()
        await scene.accounts[PAUSED].settle()
        await expect(card.locator(".chip")).to_have_text("Enrolled")
        assert reader.complaints == []


async def test_whoever_signs_out_is_not_known_any_more(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene) as reader:
        await reader.open("/approvals")
        await reader.page.get_by_role("button", name="Sign out").click()
        await expect(reader.page.locator("h1")).to_have_text("Sign in")
        await reader.open("/approvals")
        await expect(reader.page.locator("h1")).to_have_text("Sign in")
