"""Pages say who and what in words of the field: ids and codes stay where they are kept."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, expect

from tests.pages.conftest import reading
from tests.pages.test_editor import drafted
from tests.pages.test_terms import asked_for
from tests.web.acting import Acting
from tests.web.looking_scene import PAUSED, Scene
from web.pages.reasons import term_end_of
from web.pages.rendering import sentence_case, until

RENEWAL = "ai.cscx.lifecycle.renewal-window.v1"
AN_ID = re.compile(r"\b(usr|con|ep|sig)-\w+|[0-9a-f]{8}-[0-9a-f]{4}-|[a-z]+_[a-z]+")


async def test_an_approval_names_who_decided_and_says_no_key(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role="manager") as reader:
        await reader.open("/approvals?show=all")
        cards = await reader.page.locator("#queue").inner_text()
        assert AN_ID.findall(cards) == []
        assert await reader.page.locator("#queue code").count() == 0
        await reader.open(f"/approvals/{scene.enrollments[PAUSED]}")
        decided = reader.page.get_by_role("region", name="Decisions")
        await expect(decided).to_contain_text(re.compile(r"Approved by \w"))


async def test_whoever_did_something_is_told_by_name(browser: Browser, desk: Acting) -> None:
    name = desk.api.team["users"][1]["name"]
    mapping_id = await drafted(desk)
    stakeholder_id = "sth-1"
    enrollment_id = await asked_for(desk, stakeholder_id)
    await desk.approve(enrollment_id)
    async with desk.api.database.transaction() as connection:
        await connection.execute("UPDATE approval_decisions SET decided_by = 'usr-1'")
    async with reading(browser, desk.api, role="admin") as reader:
        await reader.open("/operations")
        await expect(reader.page.get_by_role("region", name="Connection")).to_contain_text(f"by {name}")
        await reader.open(f"/mappings/{mapping_id}")
        await expect(reader.page.get_by_role("main")).to_contain_text(f"by {name}")
        await reader.open(f"/approvals/{enrollment_id}")
        await expect(reader.page.get_by_role("region", name="Decisions")).to_contain_text(f"Approved by {name}")
        assert reader.complaints == []


@pytest.mark.parametrize(
    ("event_type", "key", "ends_on"),
    [
        (RENEWAL, "con-5/2027-03-31", "2027-03-31"),
        (RENEWAL, "con-5", None),
        ("ai.cscx.lifecycle.new-customer.v1", "cus/2027-03-31", None),
        (None, None, None),
    ],
)
def test_the_key_of_a_renewal_says_when_the_contract_ends(
    event_type: str | None, key: str | None, ends_on: str | None
) -> None:
    assert term_end_of({"event_type": event_type, "business_key": key}) == ends_on


def test_a_sentence_begins_with_a_capital_and_keeps_its_names() -> None:
    assert sentence_case("the criteria of Salesloft") == "The criteria of Salesloft"


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(0.2, "less than a second"), (1, "1 second"), (59, "59 seconds"), (119, "1 minute"), (7300, "2 hours")],
)
def test_how_long_a_read_took_is_said_in_its_largest_unit(seconds: float, says: str) -> None:
    begun = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
    assert until(begun.isoformat(), (begun + timedelta(seconds=seconds)).isoformat()) == says
