"""Tells an organization that its records fail in a long row."""

import re
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from consumers.breaker import Alarm
from schemas.vocabulary import AttentionKind
from storage.outbox import OutboxMessage
from workflows.attention import attention_needed

__all__ = ["attention"]

_NAMESPACE: Final = UUID("8d5a3c0e-7d0c-5b0b-8a51-4f6f0a2f5b7e")
# What a failing record's key calls an organization need not be one; only a name that could be an id is written to.
_COULD_BE_AN_ID: Final = re.compile(r"[^:\x00-\x1f\x7f]{1,200}")


def attention(alarm: Alarm, now: datetime) -> list[OutboxMessage]:
    """An `attention-needed` event for each organization of an alarm."""
    messages = []
    for organization_id in alarm.organizations:
        if _COULD_BE_AN_ID.fullmatch(organization_id) is None:
            continue
        event_id = uuid5(_NAMESPACE, f"{organization_id}/{alarm.topic}/{alarm.failures}/{now.isoformat()}")
        messages.append(
            attention_needed(
                event_id,
                organization_id=organization_id,
                kind=AttentionKind.DEAD_LETTERS,
                subject=alarm.topic,
                detail=f"{alarm.failures} records in a row could not be processed; see the topic's dead letters",
                now=now,
            )
        )
    return messages
