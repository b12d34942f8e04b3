"""A program: the service's work under FastStream, with one handler call, one transaction and one produce a message.

The handler decodes, marks the inbox, decides and writes decision, enrollment, history and outgoing rows with the
service's own functions, given one event at a time; what it answers is produced by FastStream. It takes its plan as JSON
in its only argument, and runs until it is ended.
"""

import base64
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import uvloop
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage, KafkaResponse

from bench.measure.load import LIFECYCLE
from schemas.envelope import decode
from schemas.topics import RENEWAL_WINDOW
from schemas.vocabulary import TriggerType
from storage import inbox
from storage.inbox import InboxKey, InboxMark
from storage.pool import Database, DatabaseOptions
from workflows.memory import OrganizationMemory
from workflows.request import decide_and_request
from workflows.situations import Trigger

__all__ = ["main"]

_GROUP = "bench-faststream"
_WORKERS = 16


async def _run(plan: dict[str, Any]) -> None:
    workers = _WORKERS if plan["acknowledge"] == "before" else 1
    options = DatabaseOptions(dsn=plan["dsn"], min_size=workers, max_size=workers)
    broker = KafkaBroker(plan["bootstrap_servers"], acks="all", enable_idempotence=True, logger=None)
    async with Database.connected(options) as database:
        broker.subscriber(plan["topic"], **_acknowledging(plan, workers))(
            broker.publisher(plan["output"]["topic"])(_handler(database, plan["output"]))
        )
        await FastStream(broker, logger=None).run()


def _acknowledging(plan: dict[str, Any], workers: int) -> dict[str, Any]:
    """How a message is acknowledged: after its handler, or before it by many workers."""
    after = {"ack_policy": AckPolicy.NACK_ON_ERROR}
    before = {"ack_policy": AckPolicy.ACK_FIRST, "max_workers": workers}
    chosen = before if plan["acknowledge"] == "before" else after
    return {"group_id": f"{_GROUP}-{plan['acknowledge']}", "auto_offset_reset": "earliest", "decoder": _raw, **chosen}


async def _raw(message: Any) -> bytes:
    """The value as it came: it is read once, by the event's own model."""
    return bytes(message.body)


def _handler(database: Database, output: dict[str, Any]) -> Callable[..., Any]:
    memory = OrganizationMemory()
    value = base64.b64decode(output["value"])
    headers = {name: base64.b64decode(text).decode() for name, text in output["headers"]}

    async def handle(body: bytes, message: KafkaMessage) -> KafkaResponse:
        record: Any = message.raw_message
        envelope = decode(record.headers, record.value).envelope
        now = datetime.now(UTC)
        trigger = Trigger(
            trigger_type=TriggerType.RENEWAL_WINDOW,
            event=LIFECYCLE.parse(body),
            event_id=envelope.id,
            event_source=envelope.source,
            event_type=envelope.type,
            event_time=envelope.time or now,
            correlation_id=envelope.journey_id,
            data=body,
        )
        mark = InboxMark(InboxKey(RENEWAL_WINDOW.name, envelope.source, envelope.id), b"0" * 32)
        async with database.transaction() as connection:
            if not await inbox.mark(connection, _GROUP, [mark]):
                await decide_and_request(connection, [trigger], memory, now)
        return KafkaResponse(value, headers=headers, key=record.key)

    return handle


def main() -> None:
    """Run the plan that the command line holds."""
    uvloop.run(_run(orjson.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
