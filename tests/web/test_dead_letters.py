"""Dead letters over HTTP: an organization looks at its own, and sends back what it has looked at, once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
import pytest

from consumers.dead_letter import dead_letter
from consumers.incoming import Fault, read
from consumers.kept_letters import kept_letter
from schemas.dead_letters import Replay, replayed_headers, split_headers
from storage import dead_letters, outbox
from storage.erasure import scrub_customers, scrub_stakeholders
from storage.outbox import unpack_headers
from storage.pool import Database
from tests.fulfillment.stage import until
from tests.web.acting import refused
from tests.web.stage import Api
from workflows.dead_letters import LettersWanted, send_back

PATH = "/api/salesloft/dead-letters"
TOPIC, OTHER = "cscx.lifecycle.at-risk.v1", "cscx.directory.customer.v1"
GROUP = "cscx-salesloft"
SECRETS = ("ann@acme.example", "Ann Lee", "Acme Holding")


@dataclass
class Record:
    """A record as the client hands it over."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int = 3
    timestamp: int = 1_795_000_000_123


@dataclass
class Post:
    """Puts records aside as the consumers do."""

    database: Database
    api: Api
    offset: int = 100

    def record(
        self, topic: str = TOPIC, customer: str = "cus-7", organization: str | None = None, **data: Any
    ) -> Record:
        organization = organization or self.api.organization_id
        body = {
            "organization_id": organization,
            "customer": {"id": customer, "name": "Acme Holding", "health_score": 4100},
            "stakeholders": [{"id": "sth-9", "name": "Ann Lee", "email": "ann@acme.example"}],
        }
        self.offset += 1
        headers = {
            "content-type": "application/json",
            "ce_specversion": "1.0",
            "ce_id": f"evt-{self.offset}",
            "ce_source": "/test",
            "ce_type": "ai.cscx.lifecycle.at-risk.v1",
            "ce_time": "2026-11-23T09:00:00.000000Z",
            "ce_correlationid": "cor-1",
        }
        return Record(
            topic,
            self.offset,
            f"{organization}:{customer}".encode(),
            orjson.dumps(body | data),
            [(name, value.encode()) for name, value in headers.items()],
        )

    async def fail(self, record: Record, code: str | None = None) -> str:
        """The record fails, by itself or for a code; answers the id of its dead letter."""
        fault = read(record)
        if not isinstance(fault, Fault) or code is not None:
            fault = Fault(record, "decide", code or "not_wanted", "told to ann@acme.example", "test")
        letter = dead_letter(fault, group=GROUP)
        kept = kept_letter(fault, letter, group=GROUP)
        async with self.database.transaction() as connection:
            await outbox.add(connection, [letter])
            await dead_letters.keep(connection, [kept] if kept is not None else [], self.api.clock.now())
        return str((kept or letter).id)

    async def outbox(self) -> list[Any]:
        return await self.api.fetch(
            "SELECT * FROM outbox WHERE aggregatetype = 'dead_letter_redrive' ORDER BY position"
        )


@pytest.fixture
async def post(api: Api, database: Database) -> Post:
    return Post(database, api)


async def see(api: Api, path: str = "", status: int = 200, **claims: Any) -> Any:
    answer = await api.http.get(f"{PATH}{path}", headers=api.headers(**{"role": "viewer", **claims}))
    assert answer.status_code == status, answer.text
    return answer.json()


async def ask(api: Api, path: str, body: Any, *, key: str | None = None, **claims: Any) -> Any:
    headers = api.headers(**claims) | ({"idempotency-key": key} if key else {})
    return await api.http.post(f"{PATH}{path}", json=body, headers=headers)


async def plan(api: Api, **wanted: Any) -> dict[str, Any]:
    answer = await ask(api, "/plan", wanted)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_what_failed_is_told_with_its_reason_and_nothing_personal(api: Api, post: Post) -> None:
    id_ = await post.fail(post.record())
    (listed,) = (await see(api))["items"]
    assert (listed["id"], listed["topic"], listed["subject_id"], listed["state"]) == (id_, TOPIC, "cus-7", "waiting")
    assert (listed["stage"], listed["event_id"], listed["correlation_id"]) == ("validate", "evt-101", "cor-1")
    assert "health_score" in listed["reason"]
    detail = await see(api, f"/{id_}")
    assert detail["letter"] == listed
    assert detail["record"]["customer"] == {
        "id": "cus-7",
        "name": "text of 12 characters",
        "health_score": "a number",
    }
    assert detail["record"]["stakeholders"][0]["id"] == "sth-9"
    assert not any(one in orjson.dumps(detail).decode() for one in SECRETS)
    assert not {"partition", "offset"} & set(listed)


async def test_an_address_where_an_id_belongs_is_not_shown(api: Api, post: Post) -> None:
    id_ = await post.fail(post.record(customer_id="ann@acme.example", extra={"ann@acme.example": 1}), "not_wanted")
    detail = await see(api, f"/{id_}")
    assert not any(one in orjson.dumps(detail).decode() for one in SECRETS)


async def test_lists_are_filtered_and_paged(api: Api, post: Post) -> None:
    first = await post.fail(post.record(), "one_thing")
    api.pass_time(seconds=1)
    second = await post.fail(post.record(), "another")
    third = await post.fail(post.record(OTHER), "another")
    assert [one["id"] for one in (await see(api, f"?topic={OTHER}"))["items"]] == [third]
    assert [one["id"] for one in (await see(api, "?reason_code=one_thing"))["items"]] == [first]
    assert (await see(api, "?state=sent_back"))["items"] == []
    found, cursor = [], ""
    while cursor is not None:
        page = await see(api, f"?limit=1{cursor and '&cursor=' + cursor}")
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert found == [*sorted([second, third], reverse=True), first]
    refused(await api.http.get(f"{PATH}?state=odd", headers=api.headers()), 422, "invalid_request")


async def test_of_another_organizations_nothing_is_told_planned_or_sent(api: Api, post: Post) -> None:
    theirs = await post.fail(post.record(organization="org-other"), "not_wanted")
    assert (await see(api))["items"] == []
    refused(await api.http.get(f"{PATH}/{theirs}", headers=api.headers()), 404, "dead_letter_unknown")
    assert await plan(api, ids=[theirs]) == await plan(api, ids=[str(uuid4())])
    assert (await plan(api))["letters"] == 0
    other = await ask(api, "/plan", {}, organization_id="org-other")
    stolen = {"plan": other.json()["hash"], "ids": [theirs]}
    refused(await ask(api, "/redrives", stolen), 412, "changed_meanwhile")
    refused(await ask(api, "/redrives", stolen, organization_id="org-third"), 412, "changed_meanwhile")
    sent = await ask(api, "/redrives", {"plan": other.json()["hash"]}, organization_id="org-other")
    assert sent.status_code == 202
    redrive = sent.headers["location"].removeprefix(PATH)
    assert (await see(api, redrive, organization_id="org-other"))["letters"] == 1
    refused(await api.http.get(f"{PATH}{redrive}", headers=api.headers()), 404, "redrive_unknown")
    assert (await see(api, "/redrives"))["items"] == []


@pytest.mark.parametrize("where", ["header", "data", "envelope", "key"])
async def test_a_record_that_names_two_organizations_is_nobodys(api: Api, post: Post, where: str) -> None:
    record = post.record()
    if where == "header":
        record.headers = [*record.headers, ("ce_organizationid", b"org-other")]
    elif where == "data":
        record.value = post.record(organization="org-other").value
    elif where == "envelope":
        record.value = orjson.dumps(
            {"specversion": "1.0", "data": orjson.loads(post.record(organization="x").value or b"")}
        )
    else:
        record.key = b"\x00:cus-7"
    await post.fail(record, "organization_mismatch")
    assert await api.fetch("SELECT FROM dead_letters") == []
    assert len(await api.fetch("SELECT FROM outbox")) == 1


async def test_what_was_planned_goes_back_once_as_it_was(api: Api, post: Post) -> None:
    records = [post.record(), post.record(OTHER)]
    ids = [await post.fail(one, "not_wanted") for one in records]
    told = await plan(api)
    assert (told["letters"], told["parked"], told["has_more"]) == (2, 0, False)
    assert {(one["topic"], one["letters"]) for one in told["by_reason"]} == {(TOPIC, 1), (OTHER, 1)}
    assert await post.outbox() == []
    answer = await ask(api, "/redrives", {"plan": told["hash"]}, key="k-1")
    assert answer.status_code == 202, answer.text
    again = await ask(api, "/redrives", {"plan": told["hash"]}, key="k-1")
    assert (again.json(), again.headers["idempotency-replayed"]) == (answer.json(), "true")
    async with api.database.connection() as connection:
        # The answer was never kept, as if the process had died before.
        await connection.execute("UPDATE idempotent_requests SET status = NULL, sealed = NULL, leased_until = now()")
    assert (await ask(api, "/redrives", {"plan": told["hash"]}, key="k-1")).json() == answer.json()
    refused(await ask(api, "/redrives", {"plan": told["hash"]}, key="k-2"), 412, "changed_meanwhile")
    refused(await ask(api, "/redrives", {"plan": (await plan(api))["hash"]}), 409, "nothing_waits")
    sent = await post.outbox()
    assert {(one["topic"], bytes(one["key"]), bytes(one["payload"])) for one in sent} == {
        (one.topic, one.key, one.value) for one in records
    }
    for one in sent:
        original, _ = split_headers(unpack_headers(one["headers"]))
        assert original in [list(record.headers) for record in records]
        headers = dict(unpack_headers(one["headers"]))
        assert (headers["x-replay-count"], headers["x-replay-requested-by"]) == (b"1", b"usr-1")
    assert {(await see(api, f"/{one}"))["letter"]["state"] for one in ids} == {"sent_back"}
    assert await api.fetch("SELECT FROM dead_letters WHERE payload IS NOT NULL OR headers IS NOT NULL") == []
    noted = await api.fetch("SELECT actor, way, subject FROM audit_entries WHERE action = 'dead_letters.sent_back'")
    assert [tuple(one) for one in noted] == [("usr-1", "api", f"redrive/{answer.json()['id']}")]


async def test_progress_says_what_leaves_and_what_failed_again(api: Api, post: Post) -> None:
    record = post.record()
    id_ = await post.fail(record, "not_wanted")
    answer = await ask(api, "/redrives", {"plan": (await plan(api))["hash"]})
    location = answer.headers["location"].removeprefix(PATH)
    assert (await see(api, location))["state"] == "leaving"
    (sent,) = await post.outbox()
    await api.fetch("DELETE FROM outbox_unsent")
    assert (await see(api, location))["state"] == "sent"
    replayed = Record(record.topic, 999, record.key, record.value, unpack_headers(sent["headers"]))
    again = await post.fail(replayed, "not_wanted")
    assert (await see(api, location))["failed_again"] == 1
    letter = (await see(api, f"/{again}"))["letter"]
    assert (letter["replays"], letter["came_back_from"], letter["attempts"]) == (1, answer.json()["id"], 2)
    assert (await see(api, f"/{id_}"))["letter"]["redrive_id"] == answer.json()["id"]
    assert [one["id"] for one in (await see(api, "/redrives"))["items"]] == [answer.json()["id"]]


async def test_what_very_likely_fails_again_is_counted_before_it_goes(api: Api, post: Post) -> None:
    def back(record: Record, replays: int) -> Record:
        letter = dead_letter(Fault(record, "decide", "handler_failed", "x", "test"), group=GROUP)
        headers = [(name, value) for name, value in letter.headers if isinstance(value, bytes)]
        again = replayed_headers(headers, Replay(replays, str(uuid4()), "lea"))
        return Record(TOPIC, record.offset, record.key, record.value, again)

    by_itself = await post.fail(post.record())
    codes = {name: await post.fail(post.record(), name) for name in ("handler_failed", "unknown_type", "id_reused")}
    again = await post.fail(back(post.record(), 1), "handler_failed")
    worn = await post.fail(back(post.record(), 3), "handler_failed")
    found = [(await plan(api, ids=[one]))["unmended"] for one in (by_itself, *codes.values(), again, worn)]
    assert found == [1, 0, 0, 1, 1, 0]
    told = await plan(api)
    assert (told["letters"], told["parked"], told["unmended"]) == (6, 1, 3)


async def test_what_had_its_last_replay_is_parked(api: Api, post: Post) -> None:
    record = post.record()
    letter = dead_letter(Fault(record, "decide", "not_wanted", "x", "test"), group=GROUP)
    headers = [(name, value) for name, value in letter.headers if isinstance(value, bytes)]
    worn = Record(TOPIC, 999, record.key, record.value, replayed_headers(headers, Replay(3, str(uuid4()), "lea")))
    await post.fail(worn, "not_wanted")
    told = await plan(api)
    assert told["parked"] == 1
    assert (await ask(api, "/redrives", {"plan": told["hash"]})).json()["parked"] == 1
    (sent,) = await post.outbox()
    assert sent["topic"] == f"{TOPIC}.{GROUP}.parking"
    assert dict(unpack_headers(sent["headers"]))["x-dlq-error-code"] == b"not_wanted"


async def test_what_came_since_the_plan_was_looked_at_is_not_sent(api: Api, post: Post) -> None:
    await post.fail(post.record(), "not_wanted")
    told = await plan(api)
    await post.fail(post.record(), "not_wanted")
    refused(await ask(api, "/redrives", {"plan": told["hash"]}), 412, "changed_meanwhile")
    assert await post.outbox() == []


async def test_who_was_erased_since_the_plan_is_not_sent(api: Api, post: Post, database: Database) -> None:
    await post.fail(post.record(), "not_wanted")
    await post.fail(post.record(customer="cus-8", stakeholders=[]), "not_wanted")
    told = await plan(api)
    async with database.transaction() as connection:
        await scrub_stakeholders(connection, [(api.organization_id, "sth-9")], [])
    refused(await ask(api, "/redrives", {"plan": told["hash"]}), 412, "changed_meanwhile")
    assert await post.outbox() == []


async def test_of_two_who_send_back_the_same_plan_one_does(api: Api, post: Post, database: Database) -> None:
    ids = [await post.fail(post.record(), "not_wanted") for _ in range(3)]
    wanted, hash_, now = LettersWanted(), (await plan(api))["hash"], api.clock.now()

    async def waits() -> bool:
        return bool(await api.fetch("SELECT FROM pg_locks WHERE NOT granted"))

    async with database.transaction() as connection:
        await send_back(connection, api.organization_id, uuid4(), wanted, plan_hash=hash_, by="usr-1", now=now)
        second = asyncio.create_task(ask(api, "/redrives", {"plan": hash_}))
        await until(waits)
    refused(await second, 412, "changed_meanwhile")
    assert len(await post.outbox()) == len(ids)


async def test_nothing_goes_back_without_the_plans_hash(api: Api, post: Post) -> None:
    id_ = await post.fail(post.record(), "not_wanted")
    for body in ({}, {"plan": None}, {"plan": "sha256:"}, {"ids": [id_]}):
        refused(await ask(api, "/redrives", body), 422, "invalid_request")
    refused(await ask(api, "/redrives", {"plan": "sha256:" + 64 * "0"}), 412, "changed_meanwhile")
    assert await post.outbox() == []


async def test_an_id_does_not_tell_where_a_record_lies(api: Api, post: Post) -> None:
    record = post.record()
    id_ = await post.fail(record, "not_wanted")
    assert str(dead_letter(Fault(record, "decide", "not_wanted", "x", "test"), group=GROUP).id) != id_
    # The same record again is no other letter.
    await post.fail(record, "not_wanted")
    assert [one["id"] for one in (await see(api))["items"]] == [id_]


async def test_no_more_goes_back_at_once_than_is_held_easily(api: Api, post: Post) -> None:
    for _ in range(10):
        await post.fail(post.record(filler="x" * 990_000), "not_wanted")
    told = await plan(api)
    assert (told["letters"], told["has_more"]) == (8, True)
    assert (await ask(api, "/redrives", {"plan": told["hash"]})).status_code == 202
    told = await plan(api)
    assert (told["letters"], told["has_more"]) == (2, False)


async def test_a_null_value_goes_back_with_its_own_time(api: Api, post: Post) -> None:
    id_ = await post.fail(Record(OTHER, 7, f"{api.organization_id}:cus-7".encode(), None), "not_wanted")
    assert (await see(api, f"/{id_}"))["record"] is None
    await ask(api, "/redrives", {"plan": (await plan(api))["hash"]})
    (sent,) = await post.outbox()
    assert sent["payload"] is None
    assert dict(unpack_headers(sent["headers"]))["ce_time"] == b"2026-11-18T11:06:40.123000Z"


async def test_only_an_admin_sends_back(api: Api, post: Post) -> None:
    await post.fail(post.record(), "not_wanted")
    for role in ("viewer", "csm", "manager"):
        assert len((await see(api, role=role))["items"]) == 1
        for path, body in (("/plan", {}), ("/redrives", {"plan": "sha256:" + 64 * "0"})):
            refused(await ask(api, path, body, role=role), 403, "role_required")


async def test_whoever_is_erased_is_in_no_letter_that_could_go_back(api: Api, post: Post, database: Database) -> None:
    named = await post.fail(post.record(), "not_wanted")
    broken = post.record(customer="cus-8")
    broken.value = b'{"customer": {"id": "cus-8"}, "stakeholders": [{"id": sth-9'
    unreadable = await post.fail(broken)
    unconcerned = await post.fail(post.record(customer="cus-9", stakeholders=[{"id": "sth-99"}]), "not_wanted")
    async with database.transaction() as connection:
        await scrub_stakeholders(connection, [(api.organization_id, "sth-9")], [])
    states = {one["id"]: one["state"] for one in (await see(api))["items"]}
    assert states == {named: "erased", unreadable: "erased", unconcerned: "waiting"}
    async with database.transaction() as connection:
        await scrub_customers(connection, {(api.organization_id, "cus-9"): api.clock.now()})
    assert (await see(api, f"/{unconcerned}"))["letter"]["state"] == "erased"
    assert (await plan(api))["letters"] == 0
    assert await api.fetch("SELECT FROM dead_letters WHERE payload IS NOT NULL OR key IS NOT NULL") == []


async def test_whoever_is_erased_is_found_however_their_id_is_spelt(api: Api, post: Post, database: Database) -> None:
    """JSON may spell a character of a text by its number."""
    spelt = post.record()
    spelt.value = (spelt.value or b"").replace(b'"sth-9"', b'"sth\\u002d9"')
    named = await post.fail(spelt, "not_wanted")
    another = post.record(customer="cus-8", stakeholders=[{"id": "sth-8"}])
    another.value = (another.value or b"").replace(b'"sth-8"', b'"sth\\u002d8"')
    unconcerned = await post.fail(another, "not_wanted")
    async with database.transaction() as connection:
        await scrub_stakeholders(connection, [(api.organization_id, "sth-9")], [])
    states = {one["id"]: one["state"] for one in (await see(api))["items"]}
    assert states == {named: "erased", unconcerned: "waiting"}


async def test_what_the_outbox_does_not_take_is_the_operators(api: Api, post: Post) -> None:
    id_ = await post.fail(post.record(filler="x" * 1_010_000), "not_wanted")
    assert (await see(api, f"/{id_}"))["letter"]["state"] == "too_large"
    assert (await plan(api))["letters"] == 0


async def test_what_a_hostile_record_says_of_its_origin_stops_nothing(api: Api, post: Post) -> None:
    record = post.record()
    letter = dead_letter(Fault(record, "decide", "not_wanted", "x", "test"), group=GROUP)
    headers = [(name, value) for name, value in letter.headers if isinstance(value, bytes)]
    replayed = replayed_headers(headers, Replay(1, "no uuid \x00", "lea"))
    numbers = ("x-dlq-original-partition", "x-dlq-original-offset", "x-dlq-original-timestamp", "x-replay-count")
    for name in (*numbers, "x-dlq-attempts"):
        for digits in (12, 30, 5000):
            forged = [(one, b"9" * digits if one == name else value) for one, value in replayed]
            post.offset += 1
            await post.fail(Record(TOPIC, post.offset, record.key, record.value, forged), "not_wanted")
    aimed = [(one, b"elsewhere" if one == "x-dlq-original-topic" else value) for one, value in replayed]
    await post.fail(Record(TOPIC, 1, record.key, record.value, aimed), "not_wanted")
    assert {one["topic"] for one in (await see(api))["items"]} == {TOPIC}
    # What is worn out is parked where this service parks, wherever the record would have it.
    named = [(one, b"else\x00where" if one == "x-dlq-consumer-group" else value) for one, value in replayed]
    worn = [(one, b"3" if one == "x-replay-count" else value) for one, value in named]
    id_ = await post.fail(Record(TOPIC, 2, record.key, record.value, worn), "not_wanted")
    told = await plan(api, ids=[id_])
    assert (await ask(api, "/redrives", {"plan": told["hash"], "ids": [id_]})).json()["parked"] == 1
    assert [one["topic"] for one in await post.outbox()] == [f"{TOPIC}.{GROUP}.parking"]
