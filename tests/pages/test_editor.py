"""A mapping's draft in its editor: built with the keyboard, tried while it is written, saved and published as seen."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.pages.beside import somebody
from tests.pages.conftest import Reader, reading
from tests.pages.population import SCRIPT, known_people
from tests.web.acting import Acting

PATH = "/api/salesloft/trigger-mappings"
RENEWAL = {"field": "customer.renewal_date"}
BUILT = {
    "all": [
        {"field": "customer.tier", "op": "equals", "value": "enterprise"},
        {
            "any": [
                {"field": "customer.health_score", "op": "lt", "value": 30},
                {"all": [RENEWAL | {"op": "after", "value": -1}, RENEWAL | {"op": "before", "value": 41}]},
            ]
        },
    ]
}
CHAMPIONS = {"field": "stakeholder.is_champion", "op": "equals", "value": True}


@pytest.fixture(scope="module")
async def known(desk: Acting) -> Acting:
    await known_people(desk)
    return desk


async def drafted(desk: Acting, **more: Any) -> str:
    """The id of a new mapping, for whoever is at risk."""
    document = {"trigger_type": "at-risk", "cadence_id": desk.cadence["id"], **more}
    answer = await desk.call("POST", PATH, document, role="admin")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["versions"][-1]["id"])


async def latest(desk: Acting, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.call("GET", f"{PATH}/{id_}")).json()["versions"][-1]
    return found


async def put(desk: Acting, method: str, path: str, body: Any = None) -> None:
    headers = desk.api.headers(role="admin", sub="usr-7") | {"if-match": "*"}
    answer = await desk.api.http.request(method, f"{PATH}/{path}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def pressed(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def focused(page: Page, id_: str) -> None:
    await expect(page.locator(f"[id='{id_}']")).to_be_focused()


async def test_a_rule_is_built_with_the_keyboard_and_counted_while_it_is_written(
    browser: Browser, known: Acting
) -> None:
    id_ = await drafted(known, stakeholder_criteria=CHAMPIONS)
    async with reading(browser, known.api, role="admin", reduced_motion="reduce") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}/edit")
        await expect(page.locator(".headline")).to_contain_text("5 of 12")
        await page.locator("[id='customer:add']").focus()
        await pressed(page, "Enter")
        await focused(page, "customer.0:field")
        await pressed(page, "T")
        await expect(page.locator("[id='customer.0:value']")).to_have_value("enterprise")
        await focused(page, "customer.0:field")
        await page.locator("[id='customer:add-group']").focus()
        await pressed(page, "Enter")
        await focused(page, "customer.1.0:field")
        # What is not finished cannot be saved, and is not counted.
        await page.get_by_role("button", name="Save the draft").click()
        await focused(page, "customer.1.0:field")
        await expect(page.locator("#says")).to_contain_text("1 condition is not finished")
        await pressed(page, "H")
        await expect(page.locator("[id='customer.1.0:ask']")).to_be_visible()
        await pressed(page, "Tab", "ArrowDown", "ArrowDown")
        await expect(page.locator("[id='customer.1.0:ask'] option:checked")).to_have_text("is below")
        await pressed(page, "Tab", "3", "0")
        await expect(page.locator("[id='customer.1.0:value']")).to_have_value("30")
        await page.locator("[id='customer.1:add']").focus()
        await pressed(page, "Enter")
        await focused(page, "customer.1.1:field")
        await pressed(page, "R")
        await expect(page.locator("[id='customer.1.1:ask'] option:checked")).to_contain_text("is within the next")
        await pressed(page, "Tab", "Tab", "4", "0")
        await expect(page.locator("#says")).to_contain_text(
            "Customers where customer tier is enterprise and (customer health score is below 30"
            " or customer renewal date is within the next 40 days): stakeholders where stakeholder is champion go on"
        )
        await pressed(page, "Enter")
        await expect(page.locator("#saved")).to_contain_text("is saved as a draft")
        saved = (await latest(known, id_))["mapping"]
        assert (saved["customer_criteria"], saved["stakeholder_criteria"]) == (BUILT, CHAMPIONS)
        assert saved["cadence_id"] == known.cadence["id"]

        told = await _preview(known, saved)
        await expect(page.locator(".headline")).to_contain_text(f"{told['requests']} of {told['candidates']}")
        stages = page.get_by_role("list", name="What each condition takes away").get_by_role("listitem")
        numbers = [int(one) for one in await stages.locator("strong").all_inner_texts()]
        assert numbers == [12, *(one["left"] for one in told["funnel"]), told["requests"]] == [12, 6, 4, 2, 2]
        assert await stages.nth(1).locator(".of").inner_text() == "\N{MINUS SIGN}6, 2 not known"
        # What is named like a script is a name, here and in the reasons.
        await expect(page.get_by_role("link", name=SCRIPT)).to_be_visible()
        await page.get_by_role("listitem").filter(has_text="Champion 3").get_by_role("button", name="Why not?").click()
        why = page.get_by_role("dialog", name="Why, or why not")
        await expect(why).to_contain_text("does not hold customer.tier = enterprise it is growth")
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme
        assert await page.title() != "taken"
        assert reader.complaints == []


async def test_a_field_that_was_given_a_style_is_followed_by_one_without(browser: Browser, known: Acting) -> None:
    """A browser gives one to a text field that is made larger; what is shown in its place may not have it written."""
    id_ = await drafted(known, stakeholder_criteria=CHAMPIONS)
    async with reading(browser, known.api, role="admin") as reader:
        await reader.open(f"/mappings/{id_}/edit")
        await reader.page.locator("[id='stakeholder.0:not']").evaluate("one => { one.style.height = '40px'; }")
        await reader.page.locator("[id='stakeholder:add']").click()
        await focused(reader.page, "stakeholder.1:field")
        assert reader.complaints == []


async def test_who_asks_how_far_a_count_is_that_was_given_up_is_told_nothing(browser: Browser, known: Acting) -> None:
    id_ = await drafted(known)
    async with reading(browser, known.api, role="admin") as reader:
        answer = await reader.page.request.get(f"{reader.base_url}/app/mappings/{id_}/edit/preview/{uuid4()}")
        assert (answer.status, await answer.body()) == (204, b"")


async def test_what_somebody_else_has_saved_is_told_and_overwritten_only_knowingly(
    browser: Browser, known: Acting
) -> None:
    id_ = await drafted(known)
    opened = (await latest(known, id_))["mapping"]
    async with reading(browser, known.api, role="admin") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}/edit")
        await page.get_by_label("Priority").fill("5")
        await page.get_by_label("It begins").select_option("later")
        await page.locator("[name=start_days]").fill("3")
        await page.locator("[name=sender]").select_option("round_robin")
        await page.get_by_role("group", name="Users who take turns").get_by_role("checkbox").first.check()
        await put(known, "PUT", f"{id_}/draft", opened | {"priority": 9, "customer_criteria": BUILT})
        await page.get_by_role("button", name="Save the draft").click()
        conflict = page.locator("#saved").get_by_role("alert")
        await expect(conflict).to_contain_text("by usr-7")
        await expect(conflict.locator(".changes > div")).to_have_count(2)
        await expect(conflict.locator("ins").first).to_contain_text("customer tier is enterprise and (")
        assert (await latest(known, id_))["mapping"]["priority"] == 9
        await conflict.get_by_role("button", name="Save mine over it").click()
        await expect(page.locator("#saved").get_by_role("status")).to_be_visible()
        assert reader.complaints == []
    saved = (await latest(known, id_))["mapping"]
    assert (saved["priority"], saved["customer_criteria"]) == (5, {"all": []})
    assert saved["policy"]["start_offset_days"] == 3
    assert (saved["sender"]["kind"], len(saved["sender"]["user_ids"])) == ("round_robin", 1)


async def test_what_is_written_while_an_answer_is_on_its_way_stays(browser: Browser, known: Acting) -> None:
    low = {"field": "customer.health_score", "op": "lt", "value": 30}
    id_ = await drafted(
        known, customer_criteria={"all": [{"field": "customer.name", "op": "matches", "value": "F"}, low]}
    )
    held = asyncio.Event()

    async def late(route: Route) -> None:
        await held.wait()
        await route.continue_()

    async with reading(browser, known.api, role="admin") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}/edit")
        await page.route("**/edit", late)
        async with page.expect_request("**/edit"):
            await page.locator("[id='customer.0:field']").select_option("customer.arr")
        await page.locator("[id='customer.1:value']").fill("45")
        held.set()
        await expect(page.locator("[id='customer.0:value']")).to_have_attribute("type", "number")
        await expect(page.locator("[id='customer.1:value']")).to_have_value("45")
        assert reader.complaints == []


async def test_a_preview_that_is_overtaken_is_followed_by_one_of_what_is_written_then(
    browser: Browser, known: Acting
) -> None:
    id_ = await drafted(known, stakeholder_criteria=CHAMPIONS)
    held, begun = asyncio.Event(), 0

    async def late(route: Route) -> None:
        nonlocal begun
        begun += 1
        await held.wait()
        await route.continue_()

    async with reading(browser, known.api, role="admin") as reader:
        page = reader.page
        await page.route("**/edit/preview", late)
        await page.clock.install()
        async with page.expect_request("**/edit/preview"):
            await reader.open(f"/mappings/{id_}/edit")
        for percent in ("10", "50", "100"):
            await page.get_by_label("Left out to compare with").fill(percent)
            # Longer than the form waits for more.
            await page.clock.run_for(400)
        assert begun == 1
        await page.clock.resume()
        held.set()
        await expect(page.locator(".headline")).to_contain_text("0 of 12")
        assert begun == 2
        assert reader.complaints == []


async def test_a_rule_that_the_service_refuses_is_marked_where_it_is(browser: Browser, known: Acting) -> None:
    criteria = {
        "all": [CHAMPIONS, {"any": [CHAMPIONS, {"field": "stakeholder.title", "op": "matches", "value": "VP"}]}]
    }
    id_ = await drafted(known, stakeholder_criteria=criteria)
    async with reading(browser, known.api, role="admin") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}/edit")
        await page.locator("[id='stakeholder.1.1:value']").fill("(VP")
        await expect(page.locator("#trial")).to_contain_text("regular expression")
        await page.get_by_role("button", name="Save the draft").click()
        wrong = page.locator(".rule.wrong")
        await expect(wrong).to_have_count(1)
        await expect(wrong).to_contain_text("regular expression")
        await expect(wrong.locator("input[required]")).to_have_value("(VP")
    assert (await latest(known, id_))["mapping"]["stakeholder_criteria"] == criteria


async def test_a_draft_is_published_as_it_was_looked_at_and_not_otherwise(browser: Browser, known: Acting) -> None:
    id_ = await drafted(known)
    await put(known, "POST", f"{id_}/publish")
    opened = (await latest(known, id_))["mapping"]
    await put(known, "PUT", f"{id_}/draft", opened | {"stakeholder_criteria": CHAMPIONS})
    async with reading(browser, known.api, role="admin") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}")
        dialog = await _looked_at(page)
        await expect(dialog.locator(".changes del")).to_have_text("Was everybody")
        await expect(dialog.locator(".changes ins")).to_have_text("Is now stakeholder is champion")
        await expect(dialog).to_contain_text("of 12 stakeholders would be led elsewhere")
        assert await reader.violations() == []
        # The draft is as it was, and there is somebody more whom it would lead elsewhere.
        await somebody(known, "Zoe Newman")
        await dialog.get_by_role("button", name="Publish the draft").click()
        await expect(page.get_by_role("alert")).to_contain_text("not what was looked at")
        assert (await latest(known, id_))["status"] == "validated"
        await reader.open(f"/mappings/{id_}")
        reader.complaints.clear()
        dialog = await _looked_at(page)
        # Without the plan's hash nothing is published, whatever else is sent.
        await dialog.locator("[name=plan]").evaluate("one => one.remove()")
        await dialog.get_by_role("button", name="Publish the draft").click()
        await expect(page.get_by_role("alert")).to_contain_text("by a plan that was looked at")
        assert (await latest(known, id_))["status"] == "validated"
        reader.complaints.clear()
        await reader.open(f"/mappings/{id_}")
        dialog = await _looked_at(page)
        await dialog.get_by_role("button", name="Publish the draft").click()
        await expect(page.get_by_role("article", name="Version 2").locator(".card-head .chip")).to_have_text(
            "Published"
        )
        assert reader.complaints == []


@pytest.mark.parametrize("role", ["viewer", "csm", "manager"])
async def test_nobody_else_edits(browser: Browser, known: Acting, role: str) -> None:
    id_ = await drafted(known)
    async with reading(browser, known.api, role=role) as reader:
        assert await reader.open(f"/mappings/{id_}/edit") == 403
        await _expect_no_form(reader)
        await reader.open(f"/mappings/{id_}")
        await expect(reader.page.get_by_role("article")).to_have_count(1)
        await _expect_no_form(reader)
        await expect(reader.page.get_by_role("link", name="Edit")).to_have_count(0)


async def _expect_no_form(reader: Reader) -> None:
    await expect(reader.page.locator("main form, main button")).to_have_count(0)


async def _looked_at(page: Page) -> Any:
    await page.get_by_role("button", name="Publish the draft…").click()
    dialog = page.get_by_role("dialog", name="Publish the draft")
    await expect(dialog.get_by_role("heading")).to_be_visible()
    return dialog


async def _preview(desk: Acting, mapping: dict[str, Any]) -> dict[str, Any]:
    begun = await desk.call("POST", "/api/salesloft/mapping-trials/preview", {"mapping": mapping}, role="admin")
    assert begun.status_code == 202, begun.text
    while True:
        trial = (await desk.call("GET", begun.headers["location"], role="admin")).json()
        if trial["state"] not in {"waiting", "running"}:
            found: dict[str, Any] = trial["preview"]
            return found
