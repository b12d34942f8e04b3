"""A request whose facts have changed: whoever approves it hears so at once, and is asked anew in plain words."""

import re
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
import pytest
from playwright.async_api import Browser, expect

from enrollment import approval
from storage import organizations
from tests.fulfillment.account import SAVE, Account, opened
from tests.pages.beside import somebody
from tests.pages.conftest import Reader, reading
from tests.pages.test_told import BEGUN, entries
from tests.web.acting import Acting
from tests.web.looking_scene import Scene
from web.pages.changes import changes_told
from web.pages.histories import as_told

_INSIDE = re.compile(r"\b(action|why|stakeholder|customer|trigger|engagement)\.\w", re.IGNORECASE)
ACTION = {
    "cadence": {"id": 7, "name": "Save", "purpose": "save"},
    "start_step": {"id": 71, "name": "Call them", "day": 2, "type": "phone"},
    "sender": {"user_id": 5, "name": "Kim Berg", "email": "kim@cscx.example"},
}


async def published_anew(scene: Scene, **changes: Any) -> None:
    """The mapping's next version."""
    stage, now = scene.stage, scene.stage.clock.now()
    async with stage.database.transaction() as connection:
        await organizations.publish_mapping(
            connection, stage.organization_id, replace(stage.mapping, **changes), cadence_name=None, by=None, now=now
        )
        await organizations.advance_decision_version(connection, stage.organization_id, now)


async def other_address(scene: Scene, account: Account) -> str:
    stakeholder_id = account.people[SAVE]["id"]
    email = f"new-{stakeholder_id}@acme.example"
    told = orjson.dumps({"email": email}).decode()
    await scene.stage.execute(
        "UPDATE directory_stakeholders SET data = data::jsonb || $1::text::jsonb WHERE stakeholder_id = $2",
        told,
        stakeholder_id,
    )
    return email


async def says_nothing_of_fields(reader: Reader) -> None:
    assert not _INSIDE.search(await reader.page.get_by_role("main").inner_text())


async def test_what_has_changed_is_told_at_the_approval_on_the_new_request_and_in_the_history(
    browser: Browser, scene: Scene
) -> None:
    account = await opened(scene.stage, "cus-anew")
    await account.signal(SAVE)
    enrollment_id = await account.enrollment(SAVE)
    async with reading(browser, scene, user_id="usr-9") as reader:
        await reader.open("/approvals")
        await reader.follows()
        card = reader.page.locator(f"#approval-{enrollment_id}")
        step = scene.stage.cadence["steps"][1]
        await published_anew(scene, start_step_id=step["id"])
        changed = [
            f"Their e-mail address is now {await other_address(scene, account)}.",
            "The mapping was published in version 2 since this was asked.",
        ]
        await reader.send(card.get_by_role("button", name="Approve", exact=True))
        said = card.get_by_role("status")
        await expect(said).to_contain_text("It is asked anew before anybody is added")
        for one in changed:
            await expect(said).to_contain_text(one)
        await expect(said).to_contain_text("The cadence's first step for them is now ")
        assert await reader.violations() == []

        await account.approve()
        await account.carry_out()
        assert await account.state(SAVE) == ("requested", "fact_changed")
        await expect(reader.page.locator("#newer")).to_have_text("1 more waits for a decision since: show")
        await reader.page.get_by_role("link", name="1 more waits").click()
        note = card.locator(".note.held")
        await expect(note).to_contain_text("Asked again, because something has changed since this was asked:")
        for one in changed:
            await expect(note).to_contain_text(one)
        await says_nothing_of_fields(reader)
        assert await reader.violations() == []

        await reader.open(f"/stakeholders/{account.people[SAVE]['id']}")
        again = reader.page.get_by_role("region", name="History").locator("li").filter(has_text="Asked again")
        await expect(again).to_have_count(1)
        for one in changed:
            await expect(again).to_contain_text(one)
        await says_nothing_of_fields(reader)
        assert reader.complaints == []


async def test_an_approval_that_is_withdrawn_says_so_and_one_that_holds_says_nothing(
    browser: Browser, scene: Scene
) -> None:
    leaves, stays = [await opened(scene.stage, f"cus-{name}") for name in ("leaves", "stays")]
    for account in (leaves, stays):
        await account.signal(SAVE)
    await scene.stage.execute(
        "UPDATE directory_stakeholders SET customer_id = 'cus-else' WHERE stakeholder_id = $1",
        leaves.people[SAVE]["id"],
    )
    async with reading(browser, scene, user_id="usr-9") as reader:
        for account, says in ((leaves, "they have left the customer"), (stays, "takes effect within seconds")):
            await reader.open(f"/approvals/{await account.enrollment(SAVE)}")
            await reader.send(reader.page.get_by_role("button", name="Approve", exact=True))
            await expect(reader.page.locator(".published")).to_contain_text(says)
            assert await reader.page.get_by_text("asked anew").count() == 0


async def test_of_many_that_are_approved_those_are_named_that_are_asked_anew(browser: Browser, desk: Acting) -> None:
    people = [await somebody(desk, name) for name in ("May Over", "Pat Same")]
    asked = [(await desk.add(one, claims={"role": "admin"})).json()["enrollment_id"] for one in people]
    sender = desk.api.team["users"][2]
    async with desk.api.database.transaction() as connection:
        await connection.execute(
            "UPDATE directory_customers SET data = jsonb_set(data::jsonb, '{owner,email}', to_jsonb($1::text))"
            " WHERE customer_id = $2",
            sender["email"],
            people[0].replace("sth-", "cus-"),
        )
    async with reading(browser, desk.api, user_id="usr-9") as reader:
        await reader.open("/approvals")
        for one in asked:
            await reader.page.locator(f"#choose-{one}").check()
        await reader.send(reader.page.get_by_role("button", name="Approve chosen"))
        told = reader.page.locator("#bulk")
        await expect(told).to_contain_text("Approved: 2.")
        await expect(told.locator(".note.held")).to_have_count(1)
        await expect(told.locator(".note.held")).to_contain_text("May Over")
        await expect(told.locator(".note.held")).to_contain_text(f"The sender is now {sender['name']}.")
        assert await reader.violations() == []
        assert reader.complaints == []
    rows = await desk.api.fetch(
        "SELECT convert_from(payload, 'UTF8') AS payload FROM outbox WHERE type LIKE '%enrollment-approved%'"
    )
    assert {UUID(orjson.loads(row["payload"])["enrollment_id"]) for row in rows} == set(map(UUID, asked))


SAYS = {
    "stakeholder.email": ("b@acme.example", "Their e-mail address is now b@acme.example."),
    "action.cadence.id": (7, "The cadence is now Save."),
    "action.start_step.id": (71, "The cadence's first step for them is now “Call them” on day 2."),
    "action.start_date": ("2026-12-03", "The first day is now 3 Dec 2026."),
    "action.sender.user_id": (5, "The sender is now Kim Berg."),
    "action.custom_fields": ({"tone": "warm"}, "What is filled in at Salesloft is now tone: “warm”."),
    "why.mapping.version": (2, "The mapping was published in version 2 since this was asked."),
    "why.mapping.id": ("0f8b", "It is another mapping by now that asks for them."),
    "why.exclusivity_group": ("other", "The mapping is now of the group “other”, of which one mapping takes somebody."),
}


def test_every_bound_fact_has_words() -> None:
    assert set(SAYS) == set(approval._NAMES.values())
    for field, (is_, says) in SAYS.items():
        assert changes_told([{"field": field, "was": None, "is": is_}], ACTION, None) == [says]


@pytest.mark.parametrize(
    ("predicate", "was", "is_", "value", "says"),
    [
        ("customer.health_score < 60", True, False, 72, "Health score is not below 60 any more: 72."),
        ("customer.health_score < 60", True, False, None, "Health score is not known now."),
        ("customer.health_score < 60", False, True, 36, "Health score is below 60 now: 36."),
        ("stakeholder.is_champion = true", True, False, False, "Champion is no now."),
        ("customer.tier = growth", False, True, "growth", "Tier is growth now."),
        ("customer.health_score < 60", None, True, 36, "Health score is a condition now: below 60. It is 36."),
        ("customer.health_score < 60", True, None, 36, "Health score is no condition any more."),
        ("some.thing that nobody knows", True, False, None, "Something else that it rests on has changed."),
    ],
)
def test_a_condition_that_turned_is_told_in_words(
    predicate: str, was: bool | None, is_: bool | None, value: Any, says: str
) -> None:
    verdicts = [] if is_ is None else [{"predicate": predicate, "value": value, "holds": is_}]
    assert changes_told([{"field": predicate, "was": was, "is": is_}], None, {"verdicts": verdicts}) == [says]


def test_what_is_stale_and_asked_again_is_one_row() -> None:
    changed = {"changed_since": [{"field": "why.mapping.version", "was": 1, "is": 2}], "action": ACTION, "why": {}}
    told = as_told(
        entries(
            *BEGUN[:5],
            ("state", "stale", {"why": "fact_changed"}),
            ("state", "requested", {"why": "fact_changed", "detail": {"from": "stale", **changed}}),
        )
    )
    assert [row["text"] for row in told[:2]] == ["Asked again", "Approved"]
    assert told[0]["changed"] == [SAYS["why.mapping.version"][1]]
    earlier = as_told(entries(("state", "requested", {"why": "fact_changed", "detail": {"from": "stale"}})))
    assert (earlier[0]["text"], earlier[0]["reason"], earlier[0]["changed"]) == ("Asked again", "fact_changed", [])
