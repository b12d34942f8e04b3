"""A mapping's draft in its editor: built with the keyboard, tried while it is written, saved and published as seen."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.pages.beside import somebody
from tests.pages.conftest import Reader, reading
from tests.pages.population import SCRIPT, known_people, snapshots
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


async def firm_of(desk: Acting, id_: str, segment: str, **more: Any) -> str:
    """A customer of a segment, with a champion and, where more is said, somebody of whom that holds."""
    owner = {"user_id": "usr-1", "email": desk.api.team["users"][1]["email"]}
    customer = {"id": id_, "name": f"Firm {id_}", "segment": segment, "owner": owner}
    champion = {"id": f"{id_}-1", "customer_id": id_, "name": f"Champ {id_}", "role": "champion"}
    await snapshots(
        desk,
        customers=[customer],
        stakeholders=[
            champion | {"email": f"{id_}@firm.example"} | more,
            *([champion | {"id": f"{id_}-2", "role": "technical", "email": f"{id_}-2@firm.example"}] if more else []),
        ],
    )
    return id_


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


async def unfolded(page: Page) -> None:
    """The editor with what is rarely asked for shown."""
    for summary in await page.locator(".folded > summary").all():
        await summary.click()


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
        stages = page.get_by_role("list", name="From everybody of the segment").get_by_role("listitem")
        numbers = [int(one) for one in await stages.locator("strong").all_inner_texts()]
        assert numbers == [12, *(one["left"] for one in told["funnel"]), told["requests"]] == [12, 6, 4, 2, 2]
        assert await stages.nth(1).locator(".of").inner_text() == "\N{MINUS SIGN}6, of 2 it is not known"
        # What is named like a script is a name, here and in the reasons.
        await expect(page.get_by_role("link", name=SCRIPT)).to_be_visible()
        await page.get_by_role("listitem").filter(has_text="Champion 3").get_by_role("button", name="Why not?").click()
        why = page.get_by_role("dialog", name="Why, or why not")
        await expect(why.locator(".happens")).to_contain_text(
            "Not by this mapping: tier is growth, should be enterprise; health score is 80, should be below 30, or"
        )
        await expect(why).to_contain_text("Tier: should be enterprise, is growth")
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
        await unfolded(page)
        await page.get_by_label("Priority").fill("5")
        await page.get_by_label("It starts").select_option("later")
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
        await unfolded(page)
        for percent in ("10", "50", "100"):
            await page.get_by_label("Control group").fill(percent)
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
        await expect(dialog).to_contain_text("of 12 people would be treated differently")
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


async def test_a_segment_is_one_that_customers_have_or_is_warned_of(browser: Browser, known: Acting) -> None:
    await firm_of(known, "seg-1", "mid-market")
    id_ = await drafted(known, trigger_type="new-customer")
    async with reading(browser, known.api, role="admin") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}/edit")
        choice = page.locator("#segment_of")
        assert await choice.locator("option").all_text_contents() == ["Any segment", "mid-market", "Another…"]
        await expect(page.get_by_label("Written exactly")).to_be_hidden()
        await choice.select_option("mid-market")
        await expect(page.locator(".headline")).to_contain_text("1 of 1")
        await expect(page.locator("#segment-says")).to_be_hidden()
        await choice.select_option("Another…")
        await page.get_by_label("Written exactly").fill("Mid-Market")
        await expect(page.locator(".headline")).to_contain_text("0 of 0")
        await page.get_by_label("Why not somebody else?").fill("sth-1")
        await page.get_by_role("complementary").get_by_role("button", name="Ask", exact=True).click()
        await expect(page.get_by_role("dialog", name="Why, or why not")).to_contain_text("this mapping")
        await page.keyboard.press("Escape")
        says = page.locator("#says")
        await expect(says).to_contain_text("No customer has the segment 'Mid-Market', so it takes nobody: did you mean")
        await page.get_by_label("Written exactly").press("Tab")
        await expect(page.locator("#segment-says")).to_contain_text("No customer has the segment “Mid-Market”")
        assert await reader.violations() == []
        await page.get_by_role("button", name="Save the draft").click()
        await expect(page.locator("#saved")).to_contain_text("no customer has the segment")
        await put(known, "POST", f"{id_}/publish")
        await drafted(known, trigger_type="new-customer", segment="mid-market")
        await reader.open("/mappings")
        rows = await page.locator("tbody th").all_inner_texts()
        assert {"Mid-Market", "mid-market"} <= set(rows)
        # Nothing is no segment.
        await reader.open(f"/mappings/{id_}/edit")
        await page.get_by_label("Written exactly").fill("")
        await page.get_by_role("button", name="Save the draft").click()
        await expect(page.locator("#rules")).to_contain_text("Write the segment, or choose one.")
        assert reader.complaints == []
    assert (await latest(known, id_))["mapping"]["segment"] == "Mid-Market"
    await put(known, "POST", f"{id_}/retire")


async def test_everybody_whom_publishing_concerns_is_told_and_who_is_requested_neither_way(
    browser: Browser, known: Acting
) -> None:
    for place in range(4):
        await firm_of(known, f"many-{place}", "many", email=None)
    id_ = await drafted(known, trigger_type="expansion-signal", segment="many")
    async with reading(browser, known.api, role="admin") as reader:
        await reader.open(f"/mappings/{id_}")
        dialog = await _looked_at(reader.page)
        # Who has no address is counted, apart from the others.
        await expect(dialog.locator(".happens").first).to_have_text(
            "Of 8 whom it treats differently 4 would be requested if the trigger came now, 0 without it."
            " 4 would not be requested either way."
        )
        rows = dialog.locator(".pairs > li")
        await expect(rows).to_have_count(8)
        # What happens to several alike is said once, above them.
        said = "From no mapping to this mapping"
        assert await dialog.locator(".moved").all_inner_texts() == [said, f"{said}, not requested either way"]
        assert [await one.locator("li").count() for one in await dialog.locator(".pairs").all()] == [4, 4]
        await expect(dialog.locator("details")).to_have_count(0)
        for place in range(4, 7):
            await firm_of(known, f"many-{place}", "many", email=None)
        await reader.open(f"/mappings/{id_}")
        dialog = await _looked_at(reader.page)
        await expect(dialog).to_contain_text("Counted is everybody at every customer, whatever the segment")
        await dialog.get_by_text("and 4 more").click()
        await expect(rows).to_have_count(14)
        await expect(rows.last).to_be_visible()
        assert await reader.violations() == []
        assert reader.complaints == []


async def test_a_preview_says_what_limits_make_of_it(browser: Browser, known: Acting) -> None:
    for number in (1, 2):
        await firm_of(known, f"cap-{number}", "capped")
    caps = [
        {"per": "mapping", "at_most": 1, "within_hours": 24},
        {"per": "account", "at_most": 1, "within_hours": 24},
    ]
    id_ = await drafted(known, trigger_type="new-customer", segment="capped", policy={"caps": caps})
    async with reading(browser, known.api, role="admin") as reader:
        await reader.open(f"/mappings/{id_}/edit")
        await expect(reader.page.locator(".headline")).to_contain_text("2 of 2 people would be requested")
        said = reader.page.locator("#figures .fine").filter(has_text="Limits per customer count what began before")
        await expect(said).to_contain_text("some would wait: 1 for the limit per mapping, the last until")
        await expect(said.locator("time")).to_have_count(1)
        assert await reader.violations() == []
        assert reader.complaints == []


async def test_a_preview_accounts_for_everybody_and_says_who_takes_the_others(browser: Browser, known: Acting) -> None:
    firm = await firm_of(known, "sum-1", "sums", email=None)
    later = await drafted(known, trigger_type="expansion-signal")
    await put(known, "POST", f"{later}/publish")
    role = {"field": "stakeholder.role", "op": "equals", "value": "champion"}
    id_ = await drafted(known, trigger_type="expansion-signal", segment="sums", stakeholder_criteria=role)
    async with reading(browser, known.api, role="admin") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}/edit")
        await expect(page.locator(".headline")).to_contain_text("0 of 2 people would be requested")
        steps = page.get_by_role("list", name="From everybody of the segment").get_by_role("listitem")
        told = [await one.locator("strong").inner_text() for one in await steps.all()]
        # Two people, less one by the condition, less one whose address is not known.
        assert told == ["2", "1", "\N{MINUS SIGN}1", "0"]
        await expect(steps.nth(2)).to_contain_text("No e-mail address is known")
        await expect(page.locator("#figures")).to_contain_text("Of the 1 whom the conditions leave out: 1 goes on to")
        await expect(page.locator("#figures")).to_contain_text("(any segment), which would request 1")
        await expect(page.locator("#says")).to_contain_text("Whoever it does not match falls through to")
        # Whom another mapping takes is told first why not this one, then which; its own is told as its own.
        await page.locator(f"button[value='{firm}-2']").click()
        why = page.get_by_role("dialog", name="Why, or why not")
        name = known.cadence["name"]
        await expect(why.locator(".happens")).to_have_text(
            f"Not by this mapping: role is technical, should be champion. Goes on {name} (any segment) instead."
        )
        await expect(why.locator(".happens a")).to_have_attribute("href", f"/app/mappings/{later}")
        await expect(why.locator(".verdicts li")).to_have_text("does not fit Role: should be champion, is technical")
        await expect(why.locator(".note")).to_have_count(0)
        await expect(why).to_contain_text(f"Of {name} (any segment), not of this mapping: If ")
        await expect(why.locator(".chip.good")).to_have_count(0)
        assert await reader.violations() == []
        await why.get_by_role("button", name="Close").click()
        # Values that are known are to be chosen, and another one can be written.
        value = page.locator("[id='stakeholder.0:value']")
        await expect(value.locator("option:checked")).to_have_text("Champion")
        await expect(page.locator("[id='stakeholder.0:another']")).to_be_hidden()
        await value.select_option("Another…")
        await page.locator("[id='stakeholder.0:another']").fill("advisor")
        await expect(page.locator("#says")).to_contain_text("whose role is advisor")
        await page.get_by_role("button", name="Save the draft").click()
        await expect(page.locator("#saved")).to_contain_text("is saved as a draft")
        assert reader.complaints == []
    assert (await latest(known, id_))["mapping"]["stakeholder_criteria"] == role | {"value": "advisor"}


async def test_figures_of_what_the_form_said_before_do_not_look_live(browser: Browser, known: Acting) -> None:
    soon = {"field": "trigger.days_to_renewal", "op": "lte", "value": 60}
    id_ = await drafted(known, trigger_type="renewal-window", customer_criteria=soon)
    held = asyncio.Event()

    async def late(route: Route) -> None:
        await held.wait()
        await route.continue_()

    async with reading(browser, known.api, role="admin") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}/edit")
        # What the event would say is taken from the conditions until somebody says it.
        await expect(page.locator("#figures")).to_contain_text("As if the event said: Days to renewal 60.")
        await page.route("**/edit/preview", late)
        await page.locator("#imagining > summary").click()
        answer, asked_with = [page.locator(one) for one in (".headline", "#imagining")]
        at = "one => one.getBoundingClientRect().top"
        assert await answer.evaluate(at) < await asked_with.evaluate(at)
        await asked_with.get_by_label("Days to renewal").fill("90")
        figures = page.locator("#figures")
        await expect(figures).to_have_class("old")
        await expect(figures.locator(".headline")).to_have_css("text-decoration-line", "line-through")
        assert await reader.violations() == []
        held.set()
        await expect(page.locator("#figures:not(.old)")).to_contain_text("Days to renewal 90.")
        await expect(page.locator(".headline")).to_contain_text("0 of")
        # Nobody can tell what would match: it is asked for, where it is filled in, and nothing else is shown.
        await page.locator("#imagined").get_by_label("Days to renewal").fill("")
        await page.locator("[id='customer.0:not']").check()
        await expect(page.locator("#trial")).to_contain_text("Give example values for it: Days to renewal")
        await expect(page.locator("#figures")).to_be_empty()
        await page.locator("#trial label").click()
        await focused(page, "trigger.days_to_renewal")
        assert reader.complaints == []


async def test_what_is_folded_away_and_missing_is_shown(browser: Browser, known: Acting) -> None:
    id_ = await drafted(known)
    async with reading(browser, known.api, role="admin") as reader:
        page = reader.page
        await reader.open(f"/mappings/{id_}/edit")
        await unfolded(page)
        await page.get_by_label("Priority").fill("")
        await unfolded(page)
        await expect(page.get_by_label("Priority")).to_be_hidden()
        await page.get_by_role("button", name="Save the draft").click()
        await expect(page.get_by_label("Priority")).to_be_visible()


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
