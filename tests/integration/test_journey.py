"""One journey from an event to engagement, with the neighbours' side written by libraries that share no code with us.

CloudEvents are made and read by `cloudevents`, Kafka is spoken by librdkafka, and schemas are checked by `jsonschema`.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft202012Validator

from bench.proof.world import World, WorldPlan, running_world
from sandbox.approval_desk import DeskPolicy
from tests.integration.neighbours import Said, eventually, opened_twice, send, signed

PUBLISHED = Path(__file__).resolve().parents[2] / "schemas" / "published"
NOBODY = DeskPolicy(approve=0.0, reject=0.0)


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Everything running, time standing still, and nobody at the approval desk."""
    log = tmp_path_factory.mktemp("service") / "service.log"
    async with running_world(
        WorldPlan(organizations=1, seed=5, log=log, desk=NOBODY, speed=0.0, fsync=False)
    ) as running:
        await running.service.start()
        await running.service.until_ready()
        yield running


async def told(world: World, topic: str, kind: str) -> list[tuple[Said, Said]]:
    """Attributes and data of every event of a type, read by the library and valid by the schema that it names."""
    found = []
    for record in await world.bus.read([topic]):
        headers = {name: value or b"" for name, value in record.headers}
        event = from_binary_event(KafkaMessage(headers=headers, key=record.key, value=record.value or b""))
        if event.get_type() != f"ai.cscx.salesloft.{kind}.v1":
            continue
        attributes: Said = event.get_attributes()
        data: Any = event.get_data()
        version = attributes["dataschema"].rpartition(":")[2]
        schema = orjson.loads((PUBLISHED / event.get_type() / f"{version}.json").read_bytes())
        Draft202012Validator(schema).validate(data)
        found.append((attributes, data))
    return found


def decided(world: World, request: Said, verdict: str, at: datetime) -> None:
    """An approver's answer, in binary mode."""
    data = {
        "organization_id": request["organization_id"],
        "customer_id": request["customer_id"],
        "enrollment_id": request["enrollment_id"],
        "request_digest": request["request_digest"],
        "decided_by": {"user_id": "usr-9", "name": "Lea"},
        "decided_at": at.isoformat(),
        "reason": None,
    }
    event = CloudEvent(
        {
            "id": f"{verdict}-{request['enrollment_id']}",
            "source": "/cscx/approvals",
            "type": f"ai.cscx.approvals.enrollment-{verdict}.v1",
            "time": at,
            "organizationid": request["organization_id"],
            "correlationid": "journey-1",
            "datacontenttype": "application/json",
        },
        data,
    )
    key = f"{request['organization_id']}:{request['customer_id']}"
    send(world, "cscx.approvals.enrollment-decision.v1", key, to_binary_event(event))


@pytest.mark.timeout(400)
async def test_from_a_signature_to_an_opened_e_mail(world: World) -> None:
    (team,) = world.teams.values()
    await signed(world)

    async def asked() -> dict[str, Said] | None:
        requests = await told(world, "cscx.salesloft.approval-request.v1", "approval-requested")
        assert {attributes["correlationid"] for attributes, _ in requests} <= {"journey-1"}
        return {data["stakeholder"]["id"]: data for _, data in requests} if len(requests) == 2 else None

    requests = await eventually(asked)
    assert await world.simulator.writes(team["team_id"]) == []

    now = await world.simulator.now()
    decided(world, requests["sth-1"], "approved", now)
    decided(world, requests["sth-2"], "rejected", now)

    async def ended() -> dict[str, str] | None:
        changes = await told(world, "cscx.salesloft.enrollment.v1", "enrollment-changed")
        last = {data["stakeholder_id"]: data["to"] for _, data in changes}
        under_way = {None, "requested", "approved", "scheduled", "enrolling"}
        return last if not under_way & {last.get("sth-1"), last.get("sth-2")} else None

    assert await eventually(ended) == {"sth-1": "enrolled", "sth-2": "rejected"}
    writes = await world.simulator.writes(team["team_id"])
    assert [write["resource"] for write in writes] == ["people", "cadence_memberships"]
    assert writes[0]["body"]["email_address"] == "ann.silent.1@acme.example"
    assert {write["correlation"] for write in writes} == {"journey-1"}

    await opened_twice(world, team["team_id"])

    async def engaged() -> Said | None:
        await world.simulator.advance(timedelta(minutes=20).total_seconds())
        newest = [data for _, data in await told(world, "cscx.salesloft.engagement.v1", "engagement")]
        return newest[-1] if newest and newest[-1]["counts"]["opened"] else None

    engagement = await eventually(engaged)
    assert engagement["stakeholder_id"] == "sth-1"
    assert (engagement["counts"]["sent"], engagement["counts"]["opened"]) == (1, 2)
    opened = await told(world, "cscx.salesloft.activity.v1", "email-opened")
    assert [data["ordinal"] for _, data in opened] == [1, 2]
    enrollment = requests["sth-1"]["enrollment_id"]
    assert {(data["stakeholder_id"], data["enrollment_id"]) for _, data in opened} == {("sth-1", enrollment)}
