"""The chat's commands as tools, used by the protocol's own client over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2
import orjson
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from schemas.vocabulary import TriggerType
from tests.web.stage import Api
from tests.web.test_connection import refused
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene

TOOLS = "/api/salesloft/mcp"
OTHER = CUSTOMER | {"id": "cus-8", "name": "Globex", "owner": {"user_id": "usr-8", "email": "lea@cscx.example"}}
ADD = {"stakeholder": "Ann Lee", "cadence": "renewal"}
CHANGING = {"add_to_cadence", "pause", "resume", "skip", "restart", "change_sender", "remove"}


@pytest.fixture
async def scene(api: Api) -> Scene:
    scene = await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()
    await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    await scene.snapshots(customers=[CUSTOMER, OTHER], stakeholders=[ANN, BOB])
    return scene


@asynccontextmanager
async def assistant(api: Api, *, mode: str = "auto", **claims: Any) -> AsyncIterator[Client]:
    """The platform's assistant, on behalf of a caller."""
    headers = api.headers(**{"role": "manager", **claims})
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{api.base_url}{TOOLS}", http_client=http), mode=mode) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers."""
    return answer_of(await client.call_tool(tool, arguments))


def answer_of(result: CallToolResult) -> dict[str, Any]:
    told: dict[str, Any] = result.structured_content or {}
    assert result.is_error is (told["kind"] == "refused"), told
    assert [getattr(one, "text", None) for one in result.content][:1] == [told["text"]]
    return told


async def requests(scene: Scene) -> list[dict[str, Any]]:
    rows = await scene.rows("SELECT request FROM enrollments ORDER BY created_at, id")
    return [orjson.loads(row["request"]) for row in rows]


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_tools_are_listed_with_what_they_take_and_one_alone_does_something(api: Api, mode: str) -> None:
    async with assistant(api, mode=mode) as client:
        listed = {one.name: one for one in (await client.list_tools()).tools}
        assert (await call(client, "help"))["kind"] == "read"
    assert CHANGING | {"which_cadence", "show_activity", "explain", "choose", "confirm", "help"} <= set(listed)
    doing = {name for name, one in listed.items() if one.annotations is None or not one.annotations.read_only_hint}
    assert doing == {"confirm"}
    assert listed["add_to_cadence"].input_schema["required"] == ["stakeholder", "cadence"]
    assert all(one.input_schema["additionalProperties"] is False for one in listed.values())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_somebody_is_added_once_the_plan_that_was_shown_is_confirmed(api: Api, scene: Scene, mode: str) -> None:
    async with assistant(api, mode=mode) as client:
        shown = await call(client, "add_to_cadence", **ADD, note="she asked for it")
        assert (shown["kind"], shown["plan"]["action"]) == ("change", "add")
        assert [target["stakeholder_id"] for target in shown["plan"]["targets"]] == ["sth-9"]
        assert await requests(scene) == []
        done = await call(client, "confirm", token=shown["token"])
        assert (done["kind"], [one["refusal"] for one in done["done"]]) == ("done", [None])
        assert await call(client, "confirm", token=shown["token"]) == done
    (request,) = await requests(scene)
    assert request["requested_by"] == {"kind": "chat", "user_id": "usr-1"}
    assert request["action"]["cadence"]["id"] == 456
    noted = await scene.rows("SELECT way, actor FROM audit_entries WHERE action = 'enrollment.requested'")
    assert [tuple(row) for row in noted] == [("chat", "usr-1")]


async def test_what_is_confirmed_twice_is_done_once(api: Api, scene: Scene) -> None:
    await scene.decide(scene.trigger(stakeholders=[ANN]))
    (row,) = await scene.rows("SELECT id FROM enrollments")
    await scene.put_into("enrolled", row["id"])
    until = scene.now.date() + timedelta(days=60)
    async with assistant(api) as client:
        shown = await call(client, "pause", stakeholder="Ann Lee", until=f"{until}", time_zone="Europe/Berlin")
        first, second = await asyncio.gather(*(call(client, "confirm", token=shown["token"]) for _ in range(2)))
    assert first == second
    assert first["kind"] == "done", first
    assert [one["enrollment_id"] for one in first["done"]] == [str(UUID(bytes=row["id"].bytes))]
    (asked,) = await scene.rows("SELECT action, until, asked_by FROM steerings")
    assert (asked["action"], asked["asked_by"]) == ("pause", "usr-1")
    # The day is the one that was shown, though the zone is not said again.
    assert asked["until"] == datetime.combine(until, time(), ZoneInfo("Europe/Berlin"))


async def test_what_is_asked_is_answered_with_how_fresh_it_is(api: Api, scene: Scene) -> None:
    await scene.decide(scene.trigger(stakeholders=[ANN]))
    async with assistant(api, role="viewer") as client:
        told = await call(client, "which_cadence", stakeholder="ann@acme.example")
        assert (told["kind"], told["token"]) == ("read", None)
        assert "Renewal 456 (requested" in told["text"]
        assert "(not read from Salesloft yet)" in told["text"]
        assert "Ann Lee: Renewal 456" in (await call(client, "which_cadence", account="Acme"))["text"]
        assert "Ann Lee (requested" in (await call(client, "who_is_in_cadence", cadence="renewal"))["text"]
        assert "not read from Salesloft yet" in (await call(client, "show_activity", account="Acme"))["text"]
        assert "Ann Lee" in (await call(client, "pending_approvals"))["text"]
        explained = (await call(client, "explain", stakeholder="Ann Lee", cadence="renewal"))["text"]
        assert "Ann Lee was requested for Renewal 456 on " in explained
        assert "not read from Salesloft yet" in explained
        assert "Renewal 456" in (await call(client, "list_cadences"))["text"]


async def test_of_two_who_may_be_meant_somebody_chooses(api: Api, scene: Scene) -> None:
    await scene.snapshots(stakeholders=[ANN | {"id": "sth-7", "name": "Ann Smith", "email": "smith@acme.example"}])
    async with assistant(api) as client:
        asked = await call(client, "add_to_cadence", stakeholder="Ann", cadence="renewal")
        assert (asked["kind"], len(asked["choices"]), asked["plan"]) == ("question", 2, None)
        assert (await call(client, "confirm", token=asked["token"]))["kind"] == "refused"
        assert (await call(client, "choose", token=asked["token"], choice=3))["kind"] == "refused"
        (place,) = (number for number, label in enumerate(asked["choices"], 1) if label.startswith("Ann Smith"))
        shown = await call(client, "choose", token=asked["token"], choice=place)
        assert [target["stakeholder_id"] for target in shown["plan"]["targets"]] == ["sth-7"]
        assert await requests(scene) == []
        assert (await call(client, "confirm", token=shown["token"]))["kind"] == "done"
    assert [one["stakeholder"]["id"] for one in await requests(scene)] == ["sth-7"]


async def test_what_a_gate_refuses_is_refused_before_a_yes_with_its_reason(api: Api, scene: Scene) -> None:
    await scene.snapshots(stakeholders=[ANN | {"contact_preferences": {"email": "blocked", "phone": None}}])
    async with assistant(api) as client:
        told = await call(client, "add_to_cadence", **ADD)
    assert (told["kind"], told["plan"], told["token"], told["reason_code"]) == ("refused", None, None, "opted_out")
    assert [one["remedy"] for one in told["prevented"][0]["refusals"]] == ["Only they can allow it again."]


async def test_a_slot_is_a_name_and_never_a_command(api: Api, scene: Scene) -> None:
    await scene.decide(scene.trigger(stakeholders=[ANN]))
    async with assistant(api) as client:
        for name in ("everyone at Acme", "Ann Lee and Bob Ray", "her", "'; DROP TABLE enrollments; --", "yes"):
            told = await call(client, "remove", stakeholder=name)
            assert (told["kind"], told["plan"]) in {("refused", None), ("question", None)}, told


async def test_who_may_not_change_somebody_is_refused_before_anything_is_shown(api: Api, scene: Scene) -> None:
    for claims in ({"role": "viewer"}, {"role": "csm", "sub": "usr-8"}):
        async with assistant(api, **claims) as client:
            told = await call(client, "add_to_cadence", **ADD)
            assert (told["kind"], told["plan"], told["token"]) == ("refused", None, None)
    async with assistant(api, role="csm", sub="usr-3") as owner:
        shown = await call(owner, "add_to_cadence", **ADD)
    # Whoever is less by now is held to what they are.
    async with assistant(api, role="viewer", sub="usr-3") as viewer:
        told = await call(viewer, "confirm", token=shown["token"])
        assert told["kind"] == "refused"
        assert [one["refusal"] for one in told["done"]] == ["A viewer has nothing done for anybody."]
    assert await requests(scene) == []


async def test_a_token_is_its_callers_alone(api: Api, scene: Scene) -> None:
    async with assistant(api) as client:
        shown = await call(client, "add_to_cadence", **ADD)
        told = await call(client, "confirm", token="k1.made-up")
        assert told["reason_code"] == "conversation_unknown"
    for claims in ({"sub": "usr-2"}, {"organization_id": "org-else"}):
        async with assistant(api, **claims) as client:
            told = await call(client, "confirm", token=shown["token"])
            assert (told["kind"], told["reason_code"]) == ("refused", "conversation_unknown")
    assert await requests(scene) == []


async def test_what_was_shown_too_long_ago_is_not_done(api: Api, scene: Scene) -> None:
    async with assistant(api) as client:
        shown = await call(client, "add_to_cadence", **ADD)
        api.pass_time(minutes=11)
        assert (await call(client, "confirm", token=shown["token"]))["kind"] == "refused"
    assert await requests(scene) == []


async def test_another_organizations_names_are_nobodys(api: Api, scene: Scene) -> None:
    """What is somebody elsewhere is told of like what is nobody anywhere."""
    async with assistant(api, organization_id="org-else") as client:
        for known, unknown in (("Ann Lee", "Zoe Quist"), ("ann@acme.example", "zoe@nobody.example")):
            for tool in ("which_cadence", "explain", "show_activity", "pause"):
                one, other = [await call(client, tool, stakeholder=name) for name in (known, unknown)]
                assert one["kind"] == other["kind"] == "refused"
                assert one["text"].replace(known, "X") == other["text"].replace(unknown, "X")
        assert "Renewal" not in (await call(client, "list_cadences"))["text"]
        assert "Ann" not in (await call(client, "pending_approvals"))["text"]
    assert await requests(scene) == []


@pytest.mark.usefixtures("scene")
async def test_arguments_that_are_not_as_described_are_refused_by_their_fields(api: Api) -> None:
    async with assistant(api) as client:
        for arguments in (
            {},
            ADD | {"step": 0},
            ADD | {"start": "soon"},
            ADD | {"role": "admin"},
            {"stakeholder": " "},
        ):
            told = await call(client, "add_to_cadence", **arguments)
            assert (told["kind"], told["reason_code"]) == ("refused", "invalid_request")
        told = await call(client, "which_cadence", stakeholder="Ann Lee", time_zone="Mars/Base")
        assert told["reason_code"] == "invalid_request"
        with pytest.raises(Exception, match="There is no such tool"):
            await client.call_tool("drop_everything", {})


async def test_nobody_unknown_gets_in(api: Api) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for headers in (
        {},
        {"authorization": "Bearer made-up"},
        api.headers(organization_id=None),
        api.headers(aud="else"),
    ):
        refused(await api.http.post(TOOLS, json=message, headers=headers), 401, "caller_unknown")
    for method in ("GET", "DELETE"):
        refused(await api.http.request(method, TOOLS, headers=api.headers()), 405, "method_not_allowed")
    headers = api.headers() | {"accept": "application/json"}
    refused(await api.http.post(TOOLS, content=b"x" * 1_100_000, headers=headers), 413, "too_large")


async def test_an_exchange_keeps_nothing(api: Api) -> None:
    """No session: whichever replica is asked can answer."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = api.headers() | {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    answer = await api.http.post(TOOLS, json=message, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert "mcp-session-id" not in answer.headers
    assert answer.json()["result"]["tools"]
