"""A signature on the bus, followed on the pages alone, with everything real behind them: Kafka, Postgres, Salesloft.

What a person does here is done with the keyboard.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Locator, expect

from bench.proof.world import World, WorldPlan, running_world
from sandbox.approval_desk import DeskPolicy
from tests.integration.neighbours import eventually, opened_twice, signed
from tests.pages.conftest import Reader, reading
from tests.web.stage import AUDIENCE, ISSUER, TokenIssuer, served


@dataclass
class Place:
    """The service as its readers reach it."""

    world: World
    issuer: TokenIssuer
    http: httpx.AsyncClient

    @property
    def organization_id(self) -> str:
        return self.world.organizations[0].id

    @property
    def team_id(self) -> int:
        (team,) = self.world.teams.values()
        return int(team["team_id"])

    def headers(self, **claims: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {self.issuer.token(self.organization_id, **claims)}"}

    async def written(self) -> list[tuple[str, str]]:
        """What Salesloft was made to write, in its order."""
        return [(one["method"], one["resource"]) for one in await self.world.simulator.writes(self.team_id)]


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Everything running, time standing still, and nobody at the approval desk but who is at a page."""
    issuer = TokenIssuer()
    issuer.new_key()
    async with served(issuer.app()) as issuer_url:
        plan = WorldPlan(
            organizations=1,
            seed=5,
            log=tmp_path_factory.mktemp("service") / "service.log",
            desk=DeskPolicy(approve=0.0, reject=0.0),
            speed=0.0,
            fsync=False,
            more={"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, "JWT_KEYS_URL": f"{issuer_url}/keys"},
        )
        async with running_world(plan) as world:
            await world.service.start()
            await world.service.until_ready()
            base_url = f"http://127.0.0.1:{world.settings.http_port}"
            async with httpx.AsyncClient(base_url=base_url, timeout=60.0) as http:
                yield Place(world, issuer, http)


async def pressed(button: Locator) -> None:
    """By the keyboard."""
    await button.focus()
    await button.press("Enter")


async def asked(reader: Reader, card: Locator, action: str) -> Locator:
    await pressed(card.get_by_role("button", name=action, exact=True))
    dialog = card.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    return dialog


@pytest.mark.timeout(400)
async def test_from_a_signature_to_who_is_paused_and_removed(browser: Browser, place: Place) -> None:
    async with (
        reading(browser, place, role="admin") as admin,
        reading(browser, place, role="manager", user_id="usr-9") as manager,
        reading(browser, place, role="manager", user_id="usr-9") as beside,
    ):
        await admin.open("/cadences")
        for cadence in (await _see(place, "/cadences"))["items"]:
            await expect(admin.page.get_by_role("link", name=cadence["name"], exact=True)).to_be_visible()
        await admin.open("/mappings")
        welcome = admin.page.locator("a.tile").filter(has_text="Welcome").first
        await expect(welcome).to_be_visible()

        await manager.open("/approvals")
        await manager.follows()
        await expect(manager.page.get_by_text("Nothing waits for a decision")).to_be_visible()
        await signed(place.world)
        ann, bob = manager.card("Ann Lee"), manager.card("Bob Ray")
        await eventually(lambda: _shown(manager, ann, bob))
        await beside.open("/stakeholders/sth-1")
        await beside.follows()
        mine = beside.page.locator("main .card").first
        chip = mine.locator(".card-head .chip")
        await expect(chip).to_have_text("Requested")
        assert await place.written() == []

        await pressed(ann.get_by_role("button", name="Approve", exact=True))
        dialog = await asked(manager, bob, "Reject…")
        await dialog.get_by_label("Why").press_sequentially("He is leaving.")
        await pressed(dialog.get_by_role("button", name="Reject"))
        await expect(chip).to_have_text("Enrolled")
        assert await place.written() == [("POST", "people"), ("POST", "cadence_memberships")]

        await opened_twice(place.world, place.team_id)
        opened = beside.page.get_by_role("region", name="Engagement").locator("dl.counts div").filter(has_text="Opened")

        async def seen() -> bool:
            await place.world.simulator.advance(20 * 60)
            return await opened.locator("dd").inner_text() == "2"

        await eventually(seen)

        dialog = await asked(beside, mine, "Pause")
        await dialog.get_by_label("Why").press_sequentially("On holiday.")
        await pressed(dialog.get_by_role("button", name="Pause"))
        await expect(chip).to_have_text("Paused")
        dialog = await asked(beside, mine, "Remove")
        await pressed(dialog.get_by_role("button", name="Remove from"))
        await expect(beside.page.get_by_text("On no cadence")).to_be_visible()
        assert (await place.written())[2:] == [("DELETE", "cadence_memberships")]

        history = beside.page.get_by_role("region", name="History")
        for told in ("Requested", "Enrolled", "E-mail opened", "Paused", "Removed"):
            await expect(history.locator(".what").filter(has_text=told).first).to_be_visible()
        await beside.open("/stakeholders/sth-2")
        await expect(beside.page.get_by_role("region", name="History")).to_contain_text("Rejected")
        assert [*admin.complaints, *manager.complaints, *beside.complaints] == []
        (reject,) = (await _see(place, "/enrollments?state=rejected"))["items"]
        assert reject["stakeholder_id"] == "sth-2"


async def _shown(manager: Reader, *cards: Locator) -> bool:
    """Both requests; those that came while the queue was looked at are shown once somebody wants them."""
    newer = manager.page.locator("#newer a")
    if await newer.count():
        await pressed(newer)
        await manager.page.wait_for_load_state()
    return all([await card.count() == 1 for card in cards])


async def _see(place: Place, path: str) -> Any:
    answer = await place.http.get(f"/api/salesloft{path}", headers=place.headers(role="viewer"))
    assert answer.status_code == 200, answer.text
    return answer.json()
