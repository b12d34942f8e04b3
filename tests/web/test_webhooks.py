"""Deliveries as they arrive: signed, forged, broken, doubled, and for nobody."""

import asyncio
import hashlib
import hmac
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from storage import webhooks
from tests.web.stage import KEYRING, Api
from tests.web.test_connection import refused
from workflows.webhooks import callback_token, new_receiver

HINTS = "SELECT stream, record_id, told, deleted FROM webhook_hints ORDER BY stream, record_id"


class Sender:
    """Somebody who delivers to a receiver, with its token or with another."""

    def __init__(self, api: Api, receiver_id: Any, token: str) -> None:
        self.api = api
        self.path = f"/api/webhooks/salesloft/{receiver_id}"
        self.token = token

    async def send(
        self, event_type: str | None, body: bytes, *, token: str | None = None, **headers: str
    ) -> httpx.Response:
        signature = hmac.new((token or self.token).encode(), body, hashlib.sha1).hexdigest()
        sent = {"x-salesloft-signature": signature, **headers}
        if event_type is not None:
            sent["x-salesloft-event"] = event_type
        return await self.api.http.post(self.path, content=body, headers=sent)


@pytest.fixture
async def sender(shared_api: Api) -> Sender:
    """Salesloft, which delivers to the connected organization's receiver; nothing has been told yet."""
    api = shared_api
    await api.fetch("DELETE FROM webhook_hints")
    await api.connect({"method": "api_key", "api_key": api.team["api_key"]})
    async with api.database.transaction() as connection:
        receiver = await webhooks.make_receiver(connection, new_receiver(api.organization_id, KEYRING))
    return Sender(api, receiver.receiver_id, callback_token(receiver, KEYRING))


async def hints(api: Api) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await api.fetch(HINTS)]


async def test_a_delivery_is_kept_as_a_hint_and_answered(sender: Sender) -> None:
    answer = await sender.send("person_updated", orjson.dumps({"id": 7, "email_address": "ann@acme.example"}))
    assert (answer.status_code, answer.content) == (204, b"")
    await sender.send("cadence_membership_created", b'{"id": 8}')
    await sender.send("email_updated", b'{"id": "722488662"}', **{"content-type": "application/json"})
    await sender.send("call_created", b'{"id": 10}')
    await sender.send("account_deleted", b'{"id": 11}')
    assert await hints(sender.api) == [
        ("accounts", 11, 1, True),
        ("calls", 10, 1, False),
        ("emails", 722488662, 1, False),
        ("memberships", 8, 1, False),
        ("people", 7, 1, False),
    ]


async def test_doubled_and_replayed_deliveries_are_one_hint(sender: Sender) -> None:
    body = b'{"id": 7}'
    await asyncio.gather(*(sender.send("person_updated", body) for _ in range(8)))
    assert await hints(sender.api) == [("people", 7, 8, False)]


async def test_a_forged_delivery_is_refused_and_leaves_nothing(sender: Sender) -> None:
    body = b'{"id": 7}'
    genuine = hmac.new(sender.token.encode(), body, hashlib.sha1).hexdigest()
    sha256 = hmac.new(sender.token.encode(), body, hashlib.sha256).hexdigest()
    forged = [
        await sender.send("person_updated", body, token="guessed"),
        await sender.send("person_updated", b'{"id": 8}', **{"x-salesloft-signature": genuine}),
        await sender.send("person_updated", body, **{"x-salesloft-signature": sha256}),
        await sender.send("person_updated", body, **{"x-salesloft-signature": ""}),
        await sender.api.http.post(sender.path, content=body, headers={"x-salesloft-event": "person_updated"}),
        await Sender(sender.api, uuid4(), sender.token).send("person_updated", body),
        await Sender(sender.api, "not-an-id", sender.token).send("person_updated", body),
    ]
    documents = [refused(answer, 401, "delivery_refused") for answer in forged]
    assert len({document["detail"] for document in documents}) == 1
    assert await hints(sender.api) == []


async def test_the_token_of_one_organization_is_no_other_ones(sender: Sender) -> None:
    async with sender.api.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO organizations (organization_id, created_at, updated_at) VALUES ('org-2', now(), now())"
        )
        other = await webhooks.make_receiver(connection, new_receiver("org-2", KEYRING))
    answer = await Sender(sender.api, other.receiver_id, sender.token).send("person_updated", b'{"id": 7}')
    refused(answer, 401, "delivery_refused")
    assert await hints(sender.api) == []


async def test_a_signed_delivery_that_names_nothing_is_answered_and_passed_over(sender: Sender) -> None:
    for body in (
        *(b"", b"not json", b"[]", b"7", b"{}", b'{"id": null}', b'{"id": true}', b'{"id": "a"}', b'{"id": -1}'),
        *(b'{"id": 9223372036854775808}', b'{"id": 1.5}'),
    ):
        assert (body, (await sender.send("person_updated", body)).status_code) == (body, 204)
    assert await hints(sender.api) == []


async def test_events_that_nobody_reads_are_answered_and_passed_over(sender: Sender) -> None:
    for event_type in ("note_created", "person_updated_maybe", "", None):
        assert (await sender.send(event_type, b'{"id": 7}')).status_code == 204
    assert await hints(sender.api) == []


async def test_a_cadence_a_step_or_a_user_has_the_catalogue_read_again(sender: Sender) -> None:
    hinted = "SELECT catalogue_hinted FROM salesloft_webhooks WHERE organization_id = $1"
    for event_type in ("cadence_updated", "step_created", "user_updated"):
        await sender.api.fetch("UPDATE salesloft_webhooks SET catalogue_hinted = false")
        assert (await sender.send(event_type, b'{"id": 7}')).status_code == 204
        assert (await sender.api.fetch(hinted, sender.api.organization_id))[0]["catalogue_hinted"] is True


async def test_after_disconnecting_nothing_is_salesloft_s(sender: Sender) -> None:
    await sender.send("person_updated", b'{"id": 7}')
    await sender.api.sessions.disconnect(sender.api.organization_id, by="usr-1")
    refused(await sender.send("person_updated", b'{"id": 8}'), 401, "delivery_refused")
    assert await hints(sender.api) == []
