"""What neighbours do in a journey: the platform tells of a customer, and Salesloft's people open their e-mails."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from cloudevents.core.bindings.kafka import KafkaMessage, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Producer

from bench.proof.bus import BusUnavailable
from bench.proof.world import World

__all__ = ["Said", "eventually", "opened_twice", "send", "signed"]

SECONDS = 90.0

Said = dict[str, Any]


async def eventually(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` finds once it finds something; a topic that was just made may have no leader yet."""
    async with asyncio.timeout(SECONDS):
        while True:
            with contextlib.suppress(BusUnavailable):
                if found := await look():
                    return found
            await asyncio.sleep(0.1)


def send(world: World, topic: str, key: str, message: KafkaMessage) -> None:
    producer = Producer({"bootstrap.servers": world.kafka.bootstrap_servers})
    producer.produce(topic, value=message.value, key=key, headers=list(message.headers.items()))
    assert producer.flush(30) == 0


def _person(number: int, name: str) -> Said:
    given, _, family = name.partition(" ")
    return {
        "id": f"sth-{number}",
        "name": name,
        "given_name": given,
        "family_name": family,
        "email": f"{given}.silent.{number}@acme.example".lower(),
        "role": "champion",
        "is_primary": number == 1,
        "is_champion": True,
        "contact_preferences": {"email": "allowed", "phone": None},
    }


async def signed(world: World) -> None:
    """A customer signs; its two champions should be welcomed. Sent in structured mode."""
    now = await world.simulator.now()
    (organization,) = world.organizations
    event = CloudEvent(
        {
            "id": "evt-1",
            "source": "/cscx/platform",
            "type": "ai.cscx.lifecycle.new-customer.v1",
            "time": now,
            "subject": "cus-1",
            "correlationid": "journey-1",
            "organizationid": organization.id,
        },
        {
            "organization_id": organization.id,
            "customer": {"id": "cus-1", "name": "Acme", "segment": "smb", "owner": {"email": organization.owners[1]}},
            "stakeholders": [_person(1, "Ann Lee"), _person(2, "Bob Ray")],
            "trigger": {"signed_at": now.isoformat()},
        },
    )
    send(world, "cscx.lifecycle.new-customer.v1", f"{organization.id}:cus-1", to_structured_event(event))


async def opened_twice(world: World, team_id: int) -> None:
    """Let the first e-mail go out, and its recipient open it twice."""

    async def sent() -> list[Said]:
        await world.simulator.advance(timedelta(hours=1).total_seconds())
        return [entry for entry in await world.simulator.life(team_id) if entry["kind"] == "email.sent"]

    (email, *_) = await eventually(sent)
    await world.simulator.act(team_id, "view", email_id=email["email_id"], count=2)
