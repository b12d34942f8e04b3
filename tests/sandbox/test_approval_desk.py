"""The desk decides what it is told to decide, once for each question, in business time."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from consumers.incoming import Sound, read
from sandbox.approval_desk import ApprovalDesk, DeskPolicy, DeskUnavailable, Outgoing, run_desk
from schemas.approval import EnrollmentDecision
from schemas.envelope import Envelope, decode, encode
from schemas.registry import APPROVAL_REQUESTED, APPROVAL_WITHDRAWN, ENROLLMENT_APPROVED, ENROLLMENT_REJECTED
from schemas.topics import APPROVAL_REQUEST, ENROLLMENT_DECISION
from service.topics import create_topics

ASKED = datetime(2026, 11, 23, 8, tzinfo=UTC)
MUCH_LATER = ASKED + timedelta(days=30)
QUIET = DeskPolicy(changes=0)


def enrollment(number: int) -> str:
    return str(uuid5(UUID(int=0), f"enrollment {number}"))


def request(number: int, **fields: Any) -> tuple[list[tuple[str, bytes]], bytes]:
    told = APPROVAL_REQUESTED.examples[0] | {"enrollment_id": enrollment(number)} | fields
    return encode(Envelope(id=f"request-{number}", source="/test", type=APPROVAL_REQUESTED.name)), orjson.dumps(told)


def withdrawal(number: int, **fields: Any) -> tuple[list[tuple[str, bytes]], bytes]:
    told = APPROVAL_WITHDRAWN.examples[0] | {"enrollment_id": enrollment(number)} | fields
    return encode(Envelope(id=f"withdrawal-{number}", source="/test", type=APPROVAL_WITHDRAWN.name)), orjson.dumps(told)


def answers(policy: DeskPolicy, count: int) -> list[Outgoing]:
    desk = ApprovalDesk(policy)
    for number in range(count):
        desk.receive(*request(number))
    return desk.due(MUCH_LATER)


def decision(answer: Outgoing) -> EnrollmentDecision:
    return EnrollmentDecision.model_validate_json(answer.value)


def verdict(answer: Outgoing) -> str:
    return decode(answer.headers, answer.value).envelope.type


def test_it_approves_rejects_and_leaves_unanswered_the_shares_it_is_told() -> None:
    found = Counter(verdict(answer) for answer in answers(replace(QUIET, approve=0.6, reject=0.3), 1000))

    assert found[ENROLLMENT_APPROVED.name] == pytest.approx(600, abs=50)
    assert found[ENROLLMENT_REJECTED.name] == pytest.approx(300, abs=50)


def test_the_seed_and_the_enrollment_say_what_is_decided_whatever_the_order() -> None:
    desk = ApprovalDesk(DeskPolicy())
    for number in reversed(range(50)):
        desk.receive(*request(number))

    assert {one.event_id: one for one in desk.due(MUCH_LATER)} == {
        one.event_id: one for one in answers(DeskPolicy(), 50)
    }
    assert answers(DeskPolicy(seed=8), 50) != answers(DeskPolicy(), 50)


def test_an_answer_falls_due_in_business_time_and_says_so() -> None:
    desk = ApprovalDesk(replace(QUIET, approve=1, reject=0, quickest=timedelta(hours=2), slowest=timedelta(hours=2)))
    desk.receive(*request(1))

    assert desk.due(ASKED + timedelta(hours=2) - timedelta(microseconds=1)) == []
    (answer,) = desk.due(ASKED + timedelta(hours=2))
    assert decision(answer).decided_at == ASKED + timedelta(hours=2)
    assert desk.due(MUCH_LATER) == []


def test_a_withdrawn_request_gets_no_answer_but_a_renewed_one_does() -> None:
    desk = ApprovalDesk(replace(QUIET, approve=1, reject=0))
    desk.receive(*request(1))
    desk.receive(*withdrawal(1))
    desk.receive(*request(1, request_digest="sha256:asked-again"))

    assert [decision(answer).request_digest for answer in desk.due(MUCH_LATER)] == ["sha256:asked-again"]


def test_a_request_that_is_delivered_twice_is_answered_once() -> None:
    desk = ApprovalDesk(replace(QUIET, approve=1, reject=0))
    desk.receive(*request(1))
    desk.receive(*request(1))

    assert len(desk.due(MUCH_LATER)) == 1


def test_changes_stay_within_what_the_request_allows() -> None:
    steps = (77, 78, 79)
    policy = DeskPolicy(approve=1, reject=0, changes=1, steps={456: steps})
    desk = ApprovalDesk(policy)
    for number in range(200):
        desk.receive(*request(number, action=APPROVAL_REQUESTED.examples[0]["action"] | {"start_date": "2026-11-26"}))

    changes = [decision(answer).changes for answer in desk.due(MUCH_LATER)]
    dates = {change.start_date.isoformat() for change in changes if change is not None and change.start_date}
    assert dates == {"2026-11-25", "2026-11-27", "2026-11-28"}
    assert {change.start_step_id for change in changes if change is not None and change.start_step_id} == {78, 79}


def test_its_decisions_are_what_the_service_reads() -> None:
    for offset, answer in enumerate(answers(DeskPolicy(), 60)):
        found = read(Delivered(offset, answer))
        assert isinstance(found, Sound), found
        assert found.mark.key.event_id == answer.event_id


@pytest.mark.parametrize(
    "wrong", [{"approve": 0.8, "reject": 0.3}, {"changes": 2.0}, {"quickest": timedelta(days=1)}, {"reject": -0.1}]
)
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a sentence of its own
        DeskPolicy(**wrong)


class Delivered:
    """A decision as the service's consumer gets it."""

    topic = ENROLLMENT_DECISION.name
    partition = 0
    timestamp = 0

    def __init__(self, offset: int, answer: Outgoing) -> None:
        self.offset = offset
        self.key: bytes | None = answer.key
        self.value: bytes | None = answer.value
        self.headers: Sequence[tuple[str, bytes]] = answer.headers


class StoppedClock:
    speed = 1.0

    def now(self) -> datetime:
        return MUCH_LATER


async def test_on_a_broker_it_answers_what_was_asked_before_and_after_it_came(kafka: str) -> None:
    await create_topics(kafka, replication_factor=1)
    policy = replace(QUIET, approve=1, reject=0)
    sent: list[str] = []
    answered = asyncio.Event()

    def heard(decisions: Sequence[Outgoing]) -> None:
        sent.extend(str(decision(one).enrollment_id) for one in decisions)
        answered.set()

    async def until(number: int) -> None:
        async with asyncio.timeout(30):
            while enrollment(number) not in sent:
                answered.clear()
                await answered.wait()

    before, after = 70_001, 70_002
    await ask(kafka, request(before))
    desk = asyncio.create_task(run_desk(kafka, policy, StoppedClock(), heard))
    try:
        await until(before)
        await ask(kafka, request(after))
        # What nobody can read is passed over.
        await ask(kafka, ([], b"{"))
        await until(after)
    finally:
        desk.cancel()
        with suppress(asyncio.CancelledError):
            await desk

    assert {enrollment(before), enrollment(after)} <= await decided(kafka)


async def test_who_is_not_on_duty_answers_nothing_until_they_are(kafka: str) -> None:
    await create_topics(kafka, replication_factor=1)
    asked, is_on_duty, looks = 70_003, False, 0
    looked, answered = asyncio.Event(), asyncio.Event()

    def on_duty() -> bool:
        nonlocal looks
        looks += 1
        if looks >= 20:
            looked.set()
        return is_on_duty

    def heard(decisions: Sequence[Outgoing]) -> None:
        if enrollment(asked) in {str(decision(one).enrollment_id) for one in decisions}:
            answered.set()

    await ask(kafka, request(asked))
    policy = replace(QUIET, approve=1, reject=0)
    desk = asyncio.create_task(run_desk(kafka, policy, StoppedClock(), heard, on_duty=on_duty))
    try:
        async with asyncio.timeout(30):
            await looked.wait()
            assert not answered.is_set()
            is_on_duty = True
            await answered.wait()
    finally:
        desk.cancel()
        with suppress(asyncio.CancelledError):
            await desk


async def test_a_broker_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.publishing.START_SECONDS", 1.0)
    with pytest.raises(DeskUnavailable, match="no Kafka answers"):
        await run_desk("127.0.0.1:1", QUIET, StoppedClock())


async def ask(bootstrap_servers: str, record: tuple[list[tuple[str, bytes]], bytes]) -> None:
    headers, value = record
    sender = AIOKafkaProducer(bootstrap_servers=bootstrap_servers)
    await sender.start()
    try:
        await sender.send_and_wait(APPROVAL_REQUEST.name, value, key=b"org-1:cus-7", headers=headers)
    finally:
        await sender.stop()


async def decided(bootstrap_servers: str) -> set[str]:
    places = [TopicPartition(ENROLLMENT_DECISION.name, number) for number in range(ENROLLMENT_DECISION.partitions)]
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False) as consumer:
        ends = {place: end for place, end in (await consumer.end_offsets(places)).items() if end}
        consumer.assign(list(ends))
        await consumer.seek_to_beginning()
        found: set[str] = set()
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                found |= {str(orjson.loads(record.value)["enrollment_id"]) for record in records}
        return found
