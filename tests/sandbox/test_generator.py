"""The generated stream is what the service's own reader says it is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from consumers.incoming import Fault, Sound, read
from sandbox.defects import DEFECTS, MARK
from sandbox.generator import GeneratedRecord, Stream, StreamPlan, generate
from sandbox.population import Organization
from sandbox.publishing import NotPublished, publish, publish_on_time
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.lifecycle import LifecycleEvent
from schemas.topics import DIRECTORY_CUSTOMER, DIRECTORY_STAKEHOLDER, TOPICS
from service.topics import create_topics

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
ORGANIZATIONS = (
    Organization(id="northwind", owners=("kim@northwind.example", "lee@northwind.example")),
    Organization(id="contoso", owners=("pat@contoso.example",)),
)
PLAN = StreamPlan(organizations=ORGANIZATIONS, events=4000, start=START, seed=3)


@dataclass(frozen=True)
class Delivered:
    """A generated record as a consumer gets it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def delivered(record: GeneratedRecord, offset: int) -> Delivered:
    return Delivered(record.topic, 0, offset, 0, record.key, record.value, record.headers)


@pytest.fixture(scope="module")
def stream() -> Stream:
    return generate(PLAN)


@pytest.fixture(scope="module")
def events(stream: Stream) -> list[Any]:
    return [
        found.incoming.event
        for offset, record in enumerate(stream.records)
        if record.kind == "good" and isinstance(found := read(delivered(record, offset)), Sound)
    ]


def test_the_same_plan_makes_the_same_stream_and_another_seed_another_one(stream: Stream) -> None:
    assert generate(PLAN).records == stream.records
    assert generate(replace(PLAN, seed=4)).records != stream.records


def test_a_stream_may_go_on_with_customers_of_whom_another_does_not_tell(stream: Stream) -> None:
    plan = replace(PLAN, events=400, malformed=0, duplicates=0)
    told = generate(plan)
    goes_on = generate(replace(plan, first_customer=told.next_customer))
    assert not {one.key for one in told.records} & {one.key for one in goes_on.records}
    assert not told.good & goes_on.good
    assert generate(replace(plan, first_customer=1)).records == told.records


def test_it_holds_as_many_events_duplicates_and_broken_records_as_asked_for(stream: Stream) -> None:
    kinds = Counter(record.kind for record in stream.records)

    assert kinds == {"good": 4000, "duplicate": 120, "malformed": 80}
    assert len(stream.good) == 4000
    assert len(stream.malformed) == 80
    assert stream.duplicates == 120


def test_every_good_event_is_read_and_every_broken_one_is_refused_with_the_code_that_is_told(stream: Stream) -> None:
    told: dict[str, bytes] = {}
    for offset, record in enumerate(stream.records):
        found = read(delivered(record, offset))
        if record.kind != "malformed":
            assert isinstance(found, Sound), record
            assert found.mark.data_digest == told.setdefault(record.id, found.mark.data_digest)
        elif stream.malformed[record.id] == "id_reused":
            # Only who remembers the first one can tell: it must have come before, with other data.
            assert isinstance(found, Sound)
            assert told[found.mark.key.event_id] != found.mark.data_digest
        else:
            assert isinstance(found, Fault), record
            assert found.code == stream.malformed[record.id]
            assert dict(record.headers)[MARK] == record.id.encode()
    assert set(stream.malformed.values()) == {defect.code for defect in DEFECTS}


def test_a_key_keeps_its_order_within_a_topic(stream: Stream) -> None:
    last: dict[tuple[str, bytes | None], datetime] = {}
    for record in stream.records:
        if record.kind == "good":
            headers = dict(record.headers)
            if "ce_time" not in headers:
                continue
            time = datetime.fromisoformat(headers["ce_time"].decode())
            assert time >= last.get((record.topic, record.key), time)
            last[record.topic, record.key] = time
    assert last


def test_records_of_different_keys_are_not_in_the_order_of_their_times() -> None:
    def inversions(plan: StreamPlan) -> int:
        times = [
            dict(record.headers)["ce_time"] for record in generate(plan).records if "ce_time" in dict(record.headers)
        ]
        return sum(later < earlier for earlier, later in pairwise(times))

    base = replace(PLAN, events=500, duplicates=0, malformed=0)
    assert inversions(replace(base, reorder=timedelta(0))) == 0
    assert inversions(base) > 50


def test_people_are_as_imperfect_as_people_are(events: list[Any]) -> None:
    people = [event for event in events if isinstance(event, StakeholderSnapshot)]
    people += [person for event in events if isinstance(event, LifecycleEvent) for person in event.stakeholders or ()]

    assert any(person.email is None for person in people)
    assert any(person.email is not None and "@" not in person.email for person in people)
    assert any(person.role is None for person in people)
    assert any(
        person.contact_preferences is not None and person.contact_preferences.email == "blocked" for person in people
    )
    assert sum("reply" in (person.email or "") for person in people) > len(people) / 20


def test_owners_are_the_organizations_own_but_for_a_few(events: list[Any]) -> None:
    known = {owner for organization in ORGANIZATIONS for owner in organization.owners}
    owners = Counter(
        customer.owner.email in known
        for event in events
        if isinstance(customer := getattr(event, "customer", event), CustomerSnapshot) and customer.owner is not None
    )

    assert owners[True] > 10 * owners[False] > 0


def test_some_facts_come_after_the_trigger_that_needs_them(stream: Stream) -> None:
    triggers: dict[bytes | None, datetime] = {}
    late = 0
    for record in sorted((r for r in stream.records if r.kind == "good"), key=lambda r: r.publish_at):
        if record.topic == DIRECTORY_CUSTOMER.name:
            late += record.key in triggers
        elif "directory" not in record.topic and "outcome" not in record.topic:
            triggers.setdefault(record.key, record.publish_at)
    assert late > 10


def test_erasures_are_null_values_of_compacted_topics(stream: Stream) -> None:
    erased = [record for record in stream.records if record.value is None]

    assert erased
    assert {record.id for record in erased} == stream.erased
    assert {record.topic for record in erased} <= {DIRECTORY_CUSTOMER.name, DIRECTORY_STAKEHOLDER.name}


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": -1},
        {"organizations": ()},
        {"malformed": 1.5},
        {"organizations": (Organization(id="a", owners=()),)},
        {"start": datetime(2026, 1, 1)},  # noqa: DTZ001 - that it has no zone is the point
    ],
)
def test_a_plan_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a sentence of its own
        replace(PLAN, **wrong)


class SteppedClock:
    speed = 1.0

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant


async def test_what_is_published_arrives_as_it_was_made(kafka: str) -> None:
    await create_topics(kafka, replication_factor=1)
    made = generate(replace(PLAN, events=300, seed=99))
    counted: list[int] = []

    ends = await ends_of(kafka)
    await publish(kafka, made.records, counted.append)

    assert sum(counted) == len(made.records)
    arrived = await read_between(kafka, ends, await ends_of(kafka))
    assert Counter(arrived) == Counter((r.topic, r.key, r.value, tuple(r.headers)) for r in made.records)


async def test_nothing_is_published_before_its_time(kafka: str) -> None:
    await create_topics(kafka, replication_factor=1)
    made = generate(replace(PLAN, events=60, seed=98)).records
    clock = SteppedClock(made[19].publish_at)
    due = sum(record.publish_at <= clock.instant for record in made)
    arrivals: list[int] = []

    def advance(records: int) -> None:
        arrivals.append(records)
        # The next look is later than the last record.
        clock.instant = made[-1].publish_at

    await publish_on_time(kafka, made, clock, advance)

    assert arrivals == [due, len(made) - due]


async def test_a_broker_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.publishing.START_SECONDS", 1.0)
    with pytest.raises(NotPublished, match=r"no Kafka answers at 127\.0\.0\.1:1"):
        await publish("127.0.0.1:1", generate(replace(PLAN, events=1)).records)


async def ends_of(bootstrap_servers: str) -> dict[TopicPartition, int]:
    async with reader(bootstrap_servers) as consumer:
        places = [TopicPartition(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]
        found: dict[TopicPartition, int] = await consumer.end_offsets(places)
        return found


async def read_between(
    bootstrap_servers: str, starts: dict[TopicPartition, int], ends: dict[TopicPartition, int]
) -> list[tuple[Any, ...]]:
    moved = {place: end for place, end in ends.items() if end > starts[place]}
    found: list[tuple[Any, ...]] = []
    async with reader(bootstrap_servers) as consumer:
        consumer.assign(list(moved))
        for place in moved:
            consumer.seek(place, starts[place])
        while any([await consumer.position(place) < end for place, end in moved.items()]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                found += [(r.topic, r.key, r.value, tuple(r.headers)) for r in records]
    return found


def reader(bootstrap_servers: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
