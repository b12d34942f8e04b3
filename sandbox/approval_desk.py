"""A stand-in for the approval service: reads approval requests, thinks a while, and decides most of them.

What it decides, and when, follows from its seed and the request alone. It keeps nothing: started again it reads the
topic from the beginning and sends the same decisions under the same ids, which their reader has seen.
"""

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID, uuid5

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from sandbox.publishing import NotPublished, producer
from schemas.approval import ApprovalRequested, ApprovalWithdrawn, ApproverChanges, EnrollmentDecision, UserRef
from schemas.envelope import Envelope, Headers, decode, encode
from schemas.errors import SchemaError
from schemas.registry import (
    ENROLLMENT_APPROVED,
    ENROLLMENT_REJECTED,
    EventType,
    event_type,
)
from schemas.topics import APPROVAL_REQUEST, ENROLLMENT_DECISION, customer_key
from workflows.clock import Clock

__all__ = ["APPROVERS", "SOURCE", "ApprovalDesk", "DeskPolicy", "DeskUnavailable", "Outgoing", "run_desk"]

_log = structlog.get_logger(__name__)

SOURCE: Final = "/cscx/approvals"
APPROVERS: Final = (("usr-901", "Lea Brandt"), ("usr-902", "Tom Okoro"), ("usr-903", "Mia Svensson"))
_NAMESPACE: Final = UUID("4f1f7f7e-5b5e-5a53-8a0d-1d0b5f3f6c61")
_REASONS: Final = ("wrong contact", "call first", "talks are under way", "not this quarter")
_POLL_MS: Final = 50
_DEADLINE_SECONDS: Final = 20.0


class DeskUnavailable(Exception):
    """Kafka does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPolicy:
    """How the approvers behave. Shares are of all requests; who neither approves nor rejects leaves it unanswered.

    An answer takes between `quickest` and `slowest` in business time. `changes` is the share of the approvals that
    come with a change: the start a day earlier or some days later, or another of the cadence's `steps` (by cadence).
    """

    seed: int = 7
    approve: float = 0.82
    reject: float = 0.1
    changes: float = 0.15
    quickest: timedelta = timedelta(minutes=10)
    slowest: timedelta = timedelta(hours=4)
    steps: Mapping[int, Sequence[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if min(self.approve, self.reject, self.changes) < 0 or self.approve + self.reject > 1 or self.changes > 1:
            raise ValueError("approve, reject and changes are shares, and the first two make up no more than all")
        if not timedelta(0) <= self.quickest <= self.slowest:
            raise ValueError("quickest is not negative and not above slowest")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A decision to send now."""

    event_id: str
    key: bytes
    headers: Headers
    value: bytes


class ApprovalDesk:
    """What lies on the desk. No I/O: records go in, decisions that are due come out."""

    def __init__(self, policy: DeskPolicy) -> None:
        self._policy = policy
        self._waiting: list[tuple[datetime, str, ApprovalRequested, str]] = []
        self._seen: set[str] = set()
        self._withdrawn: set[str] = set()
        self.received = 0
        self.unanswered = 0

    def receive(self, headers: Headers, value: bytes | None) -> None:
        """Take a record of the requests' topic. SchemaError for one that is no event of that topic."""
        decoded = decode(headers, value)
        found: EventType[Any] = event_type(decoded.envelope.type, topic=APPROVAL_REQUEST.name)
        event = found.parse(decoded.required_data)
        if isinstance(event, ApprovalWithdrawn):
            self._withdrawn.add(f"{event.enrollment_id}/{event.request_digest}")
        elif isinstance(event, ApprovalRequested):
            place = f"{event.enrollment_id}/{event.request_digest}"
            # Delivered again it is the same question, and has its answer under way.
            if place not in self._seen:
                self._seen.add(place)
                self.received += 1
                self._lay_down(place, event, decoded.envelope.journey_id)

    def _lay_down(self, place: str, request: ApprovalRequested, journey_id: str) -> None:
        chance = self._chance(request)
        if chance.random() >= self._policy.approve + self._policy.reject:
            self.unanswered += 1
            return
        least, most = self._policy.quickest.total_seconds(), self._policy.slowest.total_seconds()
        due = request.requested_at + timedelta(seconds=chance.uniform(least, most))
        heapq.heappush(self._waiting, (due, place, request, journey_id))

    def due(self, now: datetime) -> list[Outgoing]:
        """The decisions that have been taken by now, oldest first; a withdrawn request gets none."""
        found = []
        while self._waiting and self._waiting[0][0] <= now:
            at, place, request, journey_id = heapq.heappop(self._waiting)
            if place not in self._withdrawn:
                found.append(self._decide(request, at, journey_id))
        return found

    def _chance(self, request: ApprovalRequested) -> Random:
        return Random(f"{self._policy.seed}/{request.enrollment_id}/{request.request_digest}")

    def _decide(self, request: ApprovalRequested, at: datetime, journey_id: str) -> Outgoing:
        policy = self._policy
        # The draw that told whether to answer at all tells what.
        approved = self._chance(request).random() < policy.approve
        chance = Random(f"{policy.seed}/{request.enrollment_id}/{request.request_digest}/terms")
        user_id, name = chance.choice(APPROVERS)
        decision = EnrollmentDecision(
            organization_id=request.organization_id,
            customer_id=request.customer_id,
            enrollment_id=request.enrollment_id,
            request_digest=request.request_digest,
            decided_by=UserRef(user_id=user_id, name=name),
            decided_at=at,
            reason=None if approved else chance.choice(_REASONS),
            changes=self._changes(request, at.date(), chance) if approved else None,
        )
        verdict = ENROLLMENT_APPROVED if approved else ENROLLMENT_REJECTED
        event_id = str(uuid5(_NAMESPACE, f"{request.enrollment_id}/{request.request_digest}"))
        key = customer_key(request.organization_id, request.customer_id)
        envelope = Envelope(
            id=event_id,
            source=SOURCE,
            type=verdict.name,
            time=at,
            subject=str(request.enrollment_id),
            dataschema=verdict.dataschema,
            correlation_id=journey_id,
            partition_key=key.decode(),
            organization_id=request.organization_id,
        )
        return Outgoing(event_id, key, encode(envelope), verdict.serialize(decision))

    def _changes(self, request: ApprovalRequested, today: date, chance: Random) -> ApproverChanges | None:
        if chance.random() >= self._policy.changes:
            return None
        start = request.action.start_date
        wish = chance.choice(("earlier", "later", "step"))
        steps = [step for step in self._policy.steps.get(request.action.cadence.id, ()) if step > 0]
        if wish == "step" and len(steps) > 1:
            return ApproverChanges(start_step_id=chance.choice(steps[1:]))
        if wish == "earlier" and start - timedelta(days=1) >= today:
            return ApproverChanges(start_date=start - timedelta(days=1))
        later = start + timedelta(days=chance.randint(1, 2))
        return ApproverChanges(start_date=min(later, request.execute_by.date()))


def _ignore(_decisions: Sequence[Outgoing]) -> None:
    """Nobody looks."""


async def run_desk(
    bootstrap_servers: str,
    policy: DeskPolicy,
    clock: Clock,
    sent: Callable[[Sequence[Outgoing]], None] = _ignore,
    *,
    on_duty: Callable[[], bool] = lambda: True,
) -> None:
    """Read requests from the start and send decisions as they fall due, until cancelled; `sent` hears of each batch.

    While nobody is `on_duty` what is due lies there.
    Raises DeskUnavailable where Kafka does not answer.
    """
    desk = ApprovalDesk(policy)
    # Without a group it gets all partitions, and those of a topic that is created later too.
    consumer = AIOKafkaConsumer(
        APPROVAL_REQUEST.name,
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    try:
        async with producer(bootstrap_servers) as sender:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                await consumer.start()
            while True:
                for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                    for record in records:
                        _receive(desk, record)
                due = desk.due(clock.now()) if on_duty() else []
                if due:
                    await _send(sender, due)
                    sent(due)
    except (KafkaError, NotPublished, OSError, TimeoutError) as error:
        raise DeskUnavailable(f"the approval desk lost Kafka: {error or type(error).__name__}") from error
    finally:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            await consumer.stop()


def _receive(desk: ApprovalDesk, record: Any) -> None:
    try:
        desk.receive(record.headers, record.value)
    except SchemaError as error:
        _log.warning("request_not_read", offset=record.offset, partition=record.partition, error=str(error))


async def _send(sender: AIOKafkaProducer, decisions: Sequence[Outgoing]) -> None:
    async with asyncio.timeout(_DEADLINE_SECONDS):
        arrivals = [
            await sender.send(ENROLLMENT_DECISION.name, one.value, key=one.key, headers=list(one.headers))
            for one in decisions
        ]
        await asyncio.gather(*arrivals)
