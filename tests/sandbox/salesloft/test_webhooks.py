"""Webhook subscriptions and what they deliver."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import pytest

from sandbox.salesloft.server import SimulatorClient
from sandbox.salesloft.webhooks import EVENT_TYPES
from tests.sandbox.salesloft.conftest import OwnTeam
from tests.sandbox.salesloft.test_memberships import add

TOKEN = "shared-secret"


@dataclass(slots=True)
class Receiver:
    """Takes deliveries and answers each with the next of `statuses`, 200 when there is none."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    got: asyncio.Queue[tuple[dict[str, str], bytes]] = field(default_factory=asyncio.Queue)

    async def take(self) -> tuple[dict[str, str], bytes]:
        async with asyncio.timeout(20):
            return await self.got.get()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        status = self.statuses.pop(0) if self.statuses else 200
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        self.got.put_nowait((headers, body))


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    async with server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        yield receiver


async def subscribe(api: httpx.AsyncClient, event_type: str, url: str) -> dict[str, Any]:
    sent = {"callback_url": url, "callback_token": TOKEN, "event_type": event_type}
    answer = await api.post("/webhook_subscriptions", json=sent)
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()["data"]
    return told


def test_there_are_thirty_seven_events() -> None:
    assert len(EVENT_TYPES) == 37


async def test_a_change_is_delivered_bare_and_signed(
    team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any], simulator: SimulatorClient
) -> None:
    async with receiving() as receiver:
        await subscribe(api, "cadence_membership_created", receiver.url)
        added = await add(api, person["id"], team.cadence("Save")["id"])
        headers, body = await receiver.take()
        assert headers["x-salesloft-event"] == "cadence_membership_created"
        assert headers["x-salesloft-signature"] == hmac.new(TOKEN.encode(), body, hashlib.sha1).hexdigest()
        assert orjson.loads(body) == added

        await subscribe(api, "cadence_membership_updated", receiver.url)
        await simulator.advance(5)
        headers, body = await receiver.take()
        assert headers["x-salesloft-event"] == "cadence_membership_updated"
        assert orjson.loads(body)["current_state"] == "staged"


async def test_a_deletion_sends_the_last_full_object(api: httpx.AsyncClient, person: dict[str, Any]) -> None:
    async with receiving() as receiver:
        await subscribe(api, "person_deleted", receiver.url)
        await api.delete(f"/people/{person['id']}")
        assert orjson.loads((await receiver.take())[1])["email_address"] == person["email_address"]


async def test_a_refused_delivery_is_tried_three_more_times_15_seconds_apart(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    async with receiving() as receiver:
        receiver.statuses = [500] * 4
        await subscribe(api, "person_created", receiver.url)
        await api.post("/people", json={"email_address": "ada@example.com"})
        for attempt in range(4):
            if attempt:
                await simulator.advance(15)
            await receiver.take()
            await _attempts(simulator, team, attempt + 1)
        await simulator.advance(3600)
        assert await _attempts(simulator, team, 4) == [500] * 4
        assert receiver.got.empty()


async def test_a_subscription_tells_only_of_what_its_maker_may_read(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    key = await simulator.call("POST", f"teams/{team.id}/tokens", {"kind": "api_key", "scopes": "cadences:read"})
    async with receiving() as permitted, receiving() as withheld:
        sent = {"callback_url": withheld.url, "callback_token": TOKEN, "event_type": "person_created"}
        headers = {"authorization": f"Bearer {key['api_key']}"}
        assert (await api.post("/webhook_subscriptions", json=sent, headers=headers)).status_code == 200
        told = await subscribe(api, "person_created", permitted.url)
        for number in range(3):
            await api.post("/people", json={"email_address": f"p{number}@example.com"})
        assert await _attempts(simulator, team, 3) == [200] * 3
        assert {entry["subscription_id"] for entry in await simulator.deliveries(team.id)} == {told["id"]}
        assert withheld.got.empty()


async def test_an_email_tells_of_every_change_and_of_its_contents_only_with_the_scope(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    """There is no event for a new e-mail: that it is there shows as an update."""
    scopes = "emails:read email_contents:read"
    key = await simulator.call("POST", f"teams/{team.id}/tokens", {"kind": "api_key", "scopes": scopes})
    async with receiving() as bare, receiving() as whole:
        await subscribe(api, "email_updated", bare.url)
        sent = {"callback_token": TOKEN, "event_type": "email_with_body_and_subject_updated"}
        for url, headers in ((whole.url, {"authorization": f"Bearer {key['api_key']}"}), (bare.url, {})):
            await api.post("/webhook_subscriptions", json=sent | {"callback_url": url}, headers=headers)
        await add(api, person["id"], team.cadence("Welcome")["id"])
        await simulator.advance(5)
        told = orjson.loads((await bare.take())[1])
        assert (told["status"], told["subject"]) == ("scheduled", None)
        headers_of, body = await whole.take()
        assert headers_of["x-salesloft-event"] == "email_with_body_and_subject_updated"
        assert orjson.loads(body)["subject"] == "Welcome aboard, Pat"
        assert bare.got.empty()
        await simulator.advance(8 * 3600)
        assert orjson.loads((await bare.take())[1])["status"] == "sent"


async def test_the_end_of_a_bulk_job_is_told(simulator: SimulatorClient, api: httpx.AsyncClient) -> None:
    async with receiving() as receiver:
        await subscribe(api, "bulk_job_completed", receiver.url)
        job = (await api.post("/bulk_jobs", json={"type": "person/upsert"})).json()["data"]
        await api.post(f"/bulk_jobs/{job['id']}/job_data", json={"data": [{"email_address": "ada@example.com"}]})
        await api.put(f"/bulk_jobs/{job['id']}", json={"ready_to_execute": True})
        await simulator.advance(1)
        told = orjson.loads((await receiver.take())[1])
        assert (told["id"], told["state"], told["processed"]) == (job["id"], "done", 1)


async def _attempts(simulator: SimulatorClient, team: OwnTeam, expected: int) -> list[int]:
    """Statuses of the attempts so far, once the simulator has read as many answers as expected."""
    async with asyncio.timeout(20):
        while True:
            entries = (await simulator.call("GET", f"deliveries?team_id={team.id}"))["entries"]
            if len(entries) >= expected:
                return [entry["status"] for entry in entries]


async def test_deliveries_can_be_doubled_and_lost(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    async with receiving() as receiver:
        await subscribe(api, "person_created", receiver.url)
        await simulator.switch(team.id, webhook_drop=1.0)
        await api.post("/people", json={"email_address": "lost@example.com"})
        await simulator.switch(team.id, webhook_drop=0.0, webhook_duplicate=1.0)
        await api.post("/people", json={"email_address": "double@example.com"})
        bodies = [(await receiver.take())[1] for _ in range(2)]
        assert bodies[0] == bodies[1]
        assert orjson.loads(bodies[0])["email_address"] == "double@example.com"


async def test_subscriptions_are_listed_disabled_and_deleted(api: httpx.AsyncClient) -> None:
    made = await subscribe(api, "person_updated", "https://hooks.example/in")
    path = f"/webhook_subscriptions/{made['id']}"
    assert (await api.get("/webhook_subscriptions")).json() == {"data": [made]}
    assert (await api.put(path, json={"enabled": False})).json()["data"]["enabled"] is False
    for _ in range(2):
        assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({}, {"callback_url", "callback_token", "event_type"}),
        ({"callback_url": "x", "callback_token": "y", "event_type": "email_opened"}, {"event_type"}),
    ],
)
async def test_a_bad_subscription_is_refused(api: httpx.AsyncClient, sent: dict[str, str], fields: set[str]) -> None:
    answer = await api.post("/webhook_subscriptions", json=sent)
    assert answer.status_code == 422
    assert set(answer.json()["errors"]) == fields
