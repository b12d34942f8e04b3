"""Every dialog can be left without a word, and says of each field whether it has to be filled."""

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.fulfillment.account import SAVE
from tests.fulfillment.stage import publish
from tests.pages.conftest import Reader, reading
from tests.web.looking_scene import FAILED, WAITING, Scene
from web.pages.journeys import passed_over

_OPENERS = "main button[popovertarget]:not([popovertargetaction])"
# Of a field that is seen, whether its label says in words that it is required.
_MARKED = """(fields) => fields.filter((one) => one.labels?.length && !one.labels[0].matches(".tick"))
  .map((one) => [one.name, one.required, one.labels[0].innerText.includes("(required)")])"""


async def pages(scene: Scene) -> list[str]:
    mapping = await publish(
        scene.stage, scene.stage.mapping.cadence_id, scene.stage.mapping.exclusivity_group, priority=99
    )
    failed = scene.accounts[FAILED].people[SAVE]["id"]
    return [
        f"/approvals/{scene.enrollments[WAITING]}",
        f"/stakeholders/{scene.stakeholder_id}",
        f"/stakeholders/{failed}",
        "/operations",
        "/mappings",
        f"/mappings/{mapping.id}",
    ]


async def dialogs(reader: Reader) -> list[tuple[Locator, Locator]]:
    """What opens each dialog of a page, and the dialog."""
    found = []
    for opener in await reader.page.locator(_OPENERS).all():
        id_ = await opener.get_attribute("popovertarget")
        found.append((opener, reader.page.locator(f"[id='{id_}']")))
    return found


async def test_every_dialog_is_left_by_its_button_and_by_escape_and_the_focus_comes_back(
    browser: Browser, scene: Scene
) -> None:
    seen = []
    async with reading(browser, scene, role="admin", user_id="usr-9") as reader:
        for path in await pages(scene):
            await reader.open(path)
            for opener, dialog in await dialogs(reader):
                # What is in a menu is pressed there.
                menu = opener.locator("xpath=ancestor::details")
                for leaves in ("button", "Escape"):
                    if await menu.count() and await menu.get_attribute("open") is None:
                        await menu.locator("summary").click()
                    await opener.click()
                    await expect(dialog).to_be_visible()
                    leave = dialog.get_by_role("button", name="Cancel", exact=True)
                    await expect(leave, await dialog.get_attribute("aria-label")).to_be_visible()
                    if leaves == "button":
                        await leave.click()
                    else:
                        await reader.page.keyboard.press("Escape")
                    await expect(dialog).to_be_hidden()
                    if not await menu.count():
                        await expect(opener).to_be_focused()
                marked = await dialog.locator("input:not([type=hidden]), select, textarea").evaluate_all(_MARKED)
                assert all(required is told for _, required, told in marked), (path, marked)
                seen.append((await dialog.get_attribute("aria-label"), any(required for _, required, _ in marked)))
        assert reader.complaints == []
    labels = {label for label, _ in seen}
    assert {"Try again…", "Reject", "Add to a cadence", "Draft a mapping", "Priority", "Resume"} <= labels
    assert {label for label, has_required in seen if has_required} >= {"Reject", "Add to a cadence", "Priority"}


async def test_the_editor_says_what_has_to_be_filled(browser: Browser, scene: Scene) -> None:
    group = scene.stage.mapping.exclusivity_group
    mapping = await publish(scene.stage, scene.stage.mapping.cadence_id, group, priority=98)
    async with reading(browser, scene, role="admin") as reader:
        await reader.open(f"/mappings/{mapping.id}/edit")
        await reader.page.locator("details#rare > summary").click()
        fields = reader.page.locator("#rare .fields > label").locator("input, select")
        marked = await fields.evaluate_all(_MARKED)
        assert all(required is told for _, required, told in marked), marked
        assert {required for _, required, _ in marked} == {True, False}
        assert await reader.violations() == []


@pytest.mark.parametrize(
    ("stands", "skipped"),
    [("done due off ahead", (2, 2, 4)), ("done off due", (2, 3, None)), ("done ahead", None)],
)
def test_what_is_skipped_is_the_step_that_is_due(stands: str, skipped: tuple[int, int, int | None] | None) -> None:
    steps = [{"id": id_, "stands": one} for id_, one in enumerate(stands.split(), start=1)]
    over = passed_over([{"day": 1, "steps": steps[:1]}, {"day": 2, "steps": steps[1:]}])
    if over is None:
        assert skipped is None
    else:
        following = over["following"]["id"] if over["following"] else None
        assert (over["place"], over["step"]["id"], following) == skipped
