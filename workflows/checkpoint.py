"""The end of a cycle: its ledger closed, and published, so that who relies on completeness can check it."""

from datetime import datetime
from uuid import uuid4

from activity.ledger import Ledger
from schemas.operations import SyncCheckpoint
from schemas.registry import SYNC_CHECKPOINT
from schemas.topics import organization_key
from storage import outbox, sync
from storage.pool import Connection
from workflows.events import Origin, outgoing

__all__ = ["close_cycle"]


async def close_cycle(
    connection: Connection,
    organization_id: str,
    *,
    team_id: int,
    stream: str,
    cycle: int,
    watermark: datetime | None,
    now: datetime,
) -> Ledger:
    """Close a cycle's ledger, publish it, and answer it."""
    closed = await sync.close_ledger(connection, organization_id, stream, cycle, watermark=watermark, now=now)
    ledger = closed.ledger
    checkpoint = SyncCheckpoint(
        organization_id=organization_id,
        team_id=team_id,
        cycle=cycle,
        stream=stream,
        started_at=closed.started_at,
        ended_at=now,
        watermark=watermark,
        scanned=ledger.scanned,
        emitted=ledger.emitted,
        deduplicated=ledger.deduplicated,
        out_of_scope=ledger.out_of_scope,
        fallen=ledger.fallen,
        owed=ledger.owed,
    )
    message_id = uuid4()
    message = outgoing(
        SYNC_CHECKPOINT,
        id=message_id,
        organization_id=organization_id,
        key=organization_key(organization_id),
        subject=f"{stream}/{cycle}",
        data=SYNC_CHECKPOINT.serialize(checkpoint),
        time=now,
        origin=Origin(str(message_id)),
    )
    await outbox.add(connection, [message])
    return ledger
