"""Salesloft's deliveries from the subscription to the record that is read, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from fulfillment.carrying import Workbench
from fulfillment.handlers import all_handlers
from fulfillment.timers import TimerOptions, Timers
from fulfillment.worker import CommandWorker
from producers.activity_poller import ActivityPoller
from sandbox.salesloft.server import SimulatorClient
from storage.pool import Database
from tests.fulfillment import stage as fulfilling
from tests.producers import poller_stage as polling
from tests.web.stage import Api, running_api
from workflows.memory import OrganizationMemory
from workflows.webhooks import EVENT_TYPES, CallbackAddress

ENSURED = "SELECT callback_url FROM salesloft_webhooks WHERE ensured_at IS NOT NULL"


class Running:
    """The API beside a connected organization, and the parts that keep and follow its deliveries."""

    def __init__(self, api: Api, dsn: str) -> None:
        self.api = api
        self.dsn = dsn
        self._stack = AsyncExitStack()

    @property
    def team_id(self) -> int:
        return int(self.api.team["team_id"])

    async def ensured(self, address: CallbackAddress | None = None) -> None:
        """Have the deliveries ensured."""
        address = address or self.api.address

        async def done() -> bool:
            found = await self.api.fetch(ENSURED)
            return bool(found) and found[0]["callback_url"].startswith(address.prefix)

        await self.work_until(done, address)

    async def work_until(self, done: Callable[[], Awaitable[bool]], address: CallbackAddress | None = None) -> None:
        """Have the timers and a worker do their work."""
        api, address = self.api, address or self.api.address
        memory = OrganizationMemory()
        bench = Workbench(
            database=api.database, sessions=api.sessions, memory=memory, clock=api.clock, options=fulfilling.QUICK
        )
        worker = CommandWorker(bench, self.dsn, all_handlers(bench, callback=address))
        timers = Timers(api.database, memory, api.clock, TimerOptions(tick_s=0.1, callback=address))
        tasks = [asyncio.create_task(part.run()) for part in (worker, timers)]
        try:
            await polling.until(done)
        finally:
            worker.stop()
            timers.stop()
            await asyncio.gather(*tasks)

    async def salesloft(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A call to the team's Salesloft by somebody else."""
        async with httpx.AsyncClient() as http:
            url, headers = (
                f"{self.api.simulator.base_url}/v2{path}",
                {"authorization": f"Bearer {self.api.team['api_key']}"},
            )
            answer = await http.request(method, url, json=body, headers=headers)
        answer.raise_for_status()
        return answer.json()["data"] if answer.content else None

    async def subscriptions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.salesloft("GET", "/webhook_subscriptions")
        return found

    async def settled(self) -> None:
        """Every hint has been followed."""

        async def followed() -> bool:
            return not await self.api.fetch("SELECT FROM webhook_hints")

        await polling.until(followed)

    def poller(self) -> ActivityPoller:
        api = self.api
        return ActivityPoller(api.database, self.dsn, api.sessions, api.clock, polling.QUICK)


@pytest.fixture
async def running(simulator: SimulatorClient, database: Database, migrated: str) -> AsyncIterator[Running]:
    async with running_api(simulator, database, migrated) as api:
        await api.connect({"method": "api_key", "api_key": api.team["api_key"]})
        yield Running(api, migrated)


async def _known_person(running: Running) -> dict[str, Any]:
    """A person of the team who is a stakeholder."""
    api = running.api
    people = await api.simulator.call("POST", f"teams/{running.team_id}/people", {"count": 1})
    person: dict[str, Any] = people["people"][0]
    await api.fetch(
        "INSERT INTO directory_stakeholders (organization_id, stakeholder_id, customer_id, email, data, as_of,"
        " as_of_offset, from_directory) VALUES ($1, 'sth-1', 'cus-1', $2, '{}', now(), 0, true)",
        api.organization_id,
        person["email_address"],
    )
    return person


async def test_each_type_is_subscribed_to_once_however_often_it_is_ensured(running: Running) -> None:
    await running.ensured()
    first = await running.subscriptions()
    assert {one["event_type"] for one in first} == EVENT_TYPES
    assert len(first) == len(EVENT_TYPES)
    # One is lost, one switched off, one doubled, and one is somebody else's.
    await running.salesloft("DELETE", f"/webhook_subscriptions/{first[0]['id']}")
    await running.salesloft("PUT", f"/webhook_subscriptions/{first[1]['id']}", {"enabled": False})
    again = {name: first[2][name] for name in ("callback_url", "callback_token", "event_type")}
    await running.salesloft("POST", "/webhook_subscriptions", again)
    foreign = {**again, "callback_url": "https://else.example/hook"}
    await running.salesloft("POST", "/webhook_subscriptions", foreign)
    await running.api.fetch("UPDATE salesloft_webhooks SET ensured_at = NULL")
    await running.ensured()
    second = await running.subscriptions()
    ours = [one for one in second if one["callback_url"] == first[0]["callback_url"]]
    assert sorted(one["event_type"] for one in ours) == sorted(EVENT_TYPES)
    assert all(one["enabled"] for one in ours)
    assert len(second) == len(ours) + 1


async def test_another_address_of_ours_takes_the_place_of_the_one_before(running: Running) -> None:
    await running.ensured()
    await running.ensured(CallbackAddress("https://moved.example/base/"))
    found = await running.subscriptions()
    assert {one["event_type"] for one in found} == EVENT_TYPES
    assert len(found) == len(EVENT_TYPES)
    assert all(one["callback_url"].startswith("https://moved.example/base/api/webhooks/") for one in found)


async def test_disconnecting_ends_the_deliveries_and_drops_the_secrets(running: Running) -> None:
    await running.ensured()
    done = await running.api.sessions.disconnect(running.api.organization_id, by="usr-1")
    assert done.tidied
    assert await running.subscriptions() == []
    (row,) = await running.api.fetch("SELECT status, secret, key_id, team_id FROM salesloft_connections")
    assert tuple(row) == ("disconnected", None, None, running.team_id)
    assert await running.api.fetch("SELECT FROM salesloft_webhooks") == []


async def test_what_changes_is_read_before_the_cursor_may_see_it(running: Running) -> None:
    """The cursor stops two minutes before now, and the clock stands still: only a delivery can have told of it."""
    person = await _known_person(running)
    await running.ensured()
    await running.api.advance(300)
    consent = "SELECT do_not_contact FROM salesloft_people WHERE person_id = $1"
    # Each twice, as Salesloft may.
    await running.api.simulator.switch(running.team_id, webhook_duplicate=1.0)
    async with polling.running(running.poller()):

        async def known() -> bool:
            return bool(await running.api.fetch(consent, person["id"]))

        await polling.until(known)
        await running.api.simulator.act(running.team_id, "opt_out", person_id=person["id"])

        async def seen() -> bool:
            return bool((await running.api.fetch(consent, person["id"]))[0]["do_not_contact"])

        await polling.until(seen)
        await running.settled()
        await running.salesloft("DELETE", f"/people/{person['id']}")

        async def gone() -> bool:
            return not await running.api.fetch("SELECT FROM stakeholder_people WHERE person_id = $1", person["id"])

        await polling.until(gone)
        await running.settled()
    deliveries = await running.api.simulator.call("GET", f"deliveries?team_id={running.team_id}")
    assert {one["status"] for one in deliveries["entries"]} == {204}


async def test_hints_wait_while_salesloft_does_not_answer_and_are_followed_then(running: Running) -> None:
    person = await _known_person(running)
    await running.ensured()
    await running.api.advance(300)
    await running.api.simulator.add_fault(
        team_id=running.team_id, method="GET", path="/v2/people", kind="status", status=500
    )
    await running.api.simulator.act(running.team_id, "opt_out", person_id=person["id"])
    await running.salesloft("GET", "/me")
    async with polling.running(running.poller()):

        async def put_off() -> bool:
            rows = await running.api.fetch("SELECT max(attempts) AS attempts FROM webhook_hints")
            return (rows[0]["attempts"] or 0) >= 2

        await polling.until(put_off)
        await running.api.simulator.clear_faults(running.team_id)
        await running.settled()
    rows = await running.api.fetch("SELECT do_not_contact FROM salesloft_people WHERE person_id = $1", person["id"])
    assert [row["do_not_contact"] for row in rows] == [True]


async def test_a_cadence_that_changes_is_read_again_a_minute_later_at_most(running: Running) -> None:
    await running.ensured()
    cadence = running.api.team["cadences"][0]
    path = f"teams/{running.team_id}/cadences/{cadence['id']}"
    await running.api.simulator.call("PUT", path, {"name": "Renamed"})
    await running.salesloft("GET", "/me")

    async def hinted() -> bool:
        rows = await running.api.fetch("SELECT catalogue_hinted FROM salesloft_webhooks")
        return bool(rows[0]["catalogue_hinted"])

    await polling.until(hinted)
    await running.api.advance(61)

    async def renamed() -> bool:
        rows = await running.api.fetch("SELECT name FROM salesloft_cadences WHERE cadence_id = $1", cadence["id"])
        return bool(rows[0]["name"] == "Renamed")

    await running.work_until(renamed)
    assert not await hinted()
