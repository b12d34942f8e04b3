"""The topics as data, and the keys of their records. Nothing here talks to a broker."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from schemas.errors import BadKeyError, OrganizationMismatchError

__all__ = [
    "ACTIVITY",
    "ALL_TOPICS",
    "APPROVAL_REQUEST",
    "AT_RISK",
    "DIRECTORY_CUSTOMER",
    "DIRECTORY_STAKEHOLDER",
    "ENGAGEMENT",
    "ENROLLMENT",
    "ENROLLMENT_DECISION",
    "EXPANSION_SIGNAL",
    "GROUP",
    "NEW_CUSTOMER",
    "OPERATIONS",
    "OUTCOME",
    "RENEWAL_WINDOW",
    "TOPICS",
    "Direction",
    "KeyKind",
    "RecordKey",
    "Topic",
    "check_organization",
    "customer_key",
    "dead_letter_topic",
    "organization_key",
    "parking_topic",
    "parse_key",
    "stakeholder_key",
]

GROUP: Final = "cscx-salesloft"
"""Our consumer group; the names of dead-letter and parking topics are made of it."""

# Twelve divide evenly among 1, 2, 3, 4, 6 or 12 consumers. Compacted topics get as many: when partitions are added
# later a key moves to another partition and its old value stays behind in the first for good.
_PARTITIONS: Final = 12
_OPERATIONS_PARTITIONS: Final = 3

_ID: Final = re.compile(r"[^:\x00-\x1f\x7f]{1,200}")
_MIB: Final = 1024 * 1024
_LONGEST_RETENTION: Final = timedelta(days=90)


class Direction(StrEnum):
    """Seen from this service."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


class KeyKind(StrEnum):
    """What the second part of a record key names."""

    CUSTOMER = "customer"
    STAKEHOLDER = "stakeholder"
    ORGANIZATION = "organization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic's name, shape and settings; without a retention it is compacted."""

    name: str
    direction: Direction
    key: KeyKind
    retention: timedelta | None
    partitions: int = _PARTITIONS
    max_message_bytes: int = _MIB
    purpose: str = field(default="", compare=False)

    @property
    def is_compacted(self) -> bool:
        return self.retention is None

    def config(self, *, replication_factor: int) -> dict[str, str]:
        """The broker's settings for this topic: one replica may fail without stopping writers, if there are two."""
        settings = {
            "min.insync.replicas": str(max(1, replication_factor - 1)),
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "CreateTime",
            "compression.type": "producer",
        }
        if self.retention is not None:
            return settings | {"cleanup.policy": "delete", "retention.ms": _milliseconds(self.retention)}
        # A tombstone outlives a consumer's longest absence, and what it erases is out of the log within a week.
        return settings | {
            "cleanup.policy": "compact",
            "delete.retention.ms": _milliseconds(timedelta(days=30)),
            "max.compaction.lag.ms": _milliseconds(timedelta(days=7)),
            "segment.ms": _milliseconds(timedelta(days=1)),
            "min.cleanable.dirty.ratio": "0.2",
        }


def _milliseconds(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))


def _lifecycle(name: str, purpose: str) -> Topic:
    return Topic(
        name=f"cscx.lifecycle.{name}.v1",
        direction=Direction.IN,
        key=KeyKind.CUSTOMER,
        retention=timedelta(days=14),
        purpose=purpose,
    )


NEW_CUSTOMER: Final = _lifecycle("new-customer", "A customer has signed.")
RENEWAL_WINDOW: Final = _lifecycle("renewal-window", "A contract's term nears its end.")
AT_RISK: Final = _lifecycle("at-risk", "A customer may leave.")
EXPANSION_SIGNAL: Final = _lifecycle("expansion-signal", "A customer may buy more.")
OUTCOME: Final = _lifecycle("outcome", "What ends a cadence's purpose.")

DIRECTORY_CUSTOMER: Final = Topic(
    name="cscx.directory.customer.v1",
    direction=Direction.IN,
    key=KeyKind.CUSTOMER,
    retention=None,
    purpose="The newest state of each customer; a null value erases.",
)
DIRECTORY_STAKEHOLDER: Final = Topic(
    name="cscx.directory.stakeholder.v1",
    direction=Direction.IN,
    key=KeyKind.STAKEHOLDER,
    retention=None,
    purpose="The newest state of each stakeholder; a null value erases.",
)
ENROLLMENT_DECISION: Final = Topic(
    name="cscx.approvals.enrollment-decision.v1",
    direction=Direction.BOTH,
    key=KeyKind.CUSTOMER,
    retention=timedelta(days=30),
    purpose="What approvers decided, at the approval service or on our approvals page.",
)
APPROVAL_REQUEST: Final = Topic(
    name="cscx.salesloft.approval-request.v1",
    direction=Direction.OUT,
    key=KeyKind.CUSTOMER,
    retention=timedelta(days=30),
    purpose="Enrollments that wait for approval, and those that no longer do.",
)
ENROLLMENT: Final = Topic(
    name="cscx.salesloft.enrollment.v1",
    direction=Direction.OUT,
    key=KeyKind.CUSTOMER,
    retention=_LONGEST_RETENTION,
    purpose="Every change of an enrollment or membership.",
)
ACTIVITY: Final = Topic(
    name="cscx.salesloft.activity.v1",
    direction=Direction.OUT,
    key=KeyKind.STAKEHOLDER,
    retention=_LONGEST_RETENTION,
    purpose="What happened to stakeholders in Salesloft, one event a unit.",
)
ENGAGEMENT: Final = Topic(
    name="cscx.salesloft.engagement.v1",
    direction=Direction.OUT,
    key=KeyKind.STAKEHOLDER,
    retention=None,
    purpose="The current engagement of each stakeholder; a null value erases.",
)
OPERATIONS: Final = Topic(
    name="cscx.salesloft.operations.v1",
    direction=Direction.OUT,
    key=KeyKind.ORGANIZATION,
    retention=timedelta(days=30),
    partitions=_OPERATIONS_PARTITIONS,
    purpose="Sync checkpoints, published figures, and what a person should look at.",
)

TOPICS: Final[tuple[Topic, ...]] = (
    NEW_CUSTOMER,
    RENEWAL_WINDOW,
    AT_RISK,
    EXPANSION_SIGNAL,
    OUTCOME,
    DIRECTORY_CUSTOMER,
    DIRECTORY_STAKEHOLDER,
    ENROLLMENT_DECISION,
    APPROVAL_REQUEST,
    ENROLLMENT,
    ACTIVITY,
    ENGAGEMENT,
    OPERATIONS,
)
"""The topics of the contract."""


def dead_letter_topic(topic: str, group: str = GROUP) -> str:
    """The name of the topic that takes what `group` cannot process of `topic`."""
    return f"{topic}.{group}.dlq"


def parking_topic(topic: str, group: str = GROUP) -> str:
    """The name of the topic that takes what has failed after its last replay."""
    return f"{topic}.{group}.parking"


def _aside(topic: Topic) -> tuple[Topic, Topic]:
    """A topic's two for failures. A dead letter is its original plus headers, so it may be larger than its original."""
    dead, parked = (
        Topic(
            name=name,
            direction=Direction.OUT,
            key=topic.key,
            retention=_LONGEST_RETENTION,
            partitions=topic.partitions,
            max_message_bytes=topic.max_message_bytes + _MIB,
            purpose=purpose,
        )
        for name, purpose in (
            (dead_letter_topic(topic.name), f"What could not be processed of {topic.name}, byte for byte."),
            (parking_topic(topic.name), f"What of {topic.name} failed after its last replay."),
        )
    )
    return dead, parked


ALL_TOPICS: Final[tuple[Topic, ...]] = (
    *TOPICS,
    *(aside for topic in TOPICS if topic.direction is not Direction.OUT for aside in _aside(topic)),
)
"""The contract's topics, and a dead-letter and a parking topic for each that we consume."""


@dataclass(frozen=True, slots=True)
class RecordKey:
    """A record key taken apart; `subject_id` is None where the key has one part."""

    organization_id: str
    subject_id: str | None


def customer_key(organization_id: str, customer_id: str) -> bytes:
    """The key of what concerns a customer. BadKeyError for an id that is empty or holds a colon."""
    return _join(organization_id, customer_id)


def stakeholder_key(organization_id: str, stakeholder_id: str) -> bytes:
    """The key of what concerns a stakeholder. BadKeyError for an id that is empty or holds a colon."""
    return _join(organization_id, stakeholder_id)


def organization_key(organization_id: str) -> bytes:
    """The key of what concerns an organization. BadKeyError for an id that is empty or holds a colon."""
    return _join(organization_id)


def _join(*ids: str) -> bytes:
    for part in ids:
        if not part or ":" in part:
            raise BadKeyError("an id in a record key is not empty and has no colon")
    return ":".join(ids).encode()


def parse_key(key: bytes | None, kind: KeyKind) -> RecordKey:
    """Take a record key apart. BadKeyError where it is absent, not UTF-8, or not of that kind."""
    if key is None:
        raise BadKeyError("the record has no key")
    try:
        parts = key.decode().split(":")
    except UnicodeDecodeError as error:
        raise BadKeyError("the record key is not UTF-8") from error
    expected = 1 if kind is KeyKind.ORGANIZATION else 2
    # A tombstone has nothing but its key, so the key's ids are held to what the models ask of an id.
    if len(parts) != expected or not all(map(_ID.fullmatch, parts)):
        shape = "<organization_id>" if expected == 1 else f"<organization_id>:<{kind}_id>"
        raise BadKeyError(f"the record key is not {shape}")
    return RecordKey(parts[0], parts[1] if expected == 2 else None)


def check_organization(key: RecordKey, *, header: str | None, data: str) -> None:
    """OrganizationMismatchError unless key, data and (where it was sent) `ce_organizationid` name the same one."""
    if key.organization_id != data or (header is not None and header != data):
        raise OrganizationMismatchError("key, header and data name different organizations")
