"""A stream of lifecycle events as the platform's services would write it, from a seed.

Each customer lives through a few episodes: signed and onboarded, up for renewal, at risk, ready for more. Around the
triggers come the directory's snapshots, some of them late, outcomes, people who leave or change their address, and
erasures. On top of the good events there are duplicates and, marked with a header, records that are broken.

Nothing here talks to a broker: `generate` answers records, and `sandbox.publishing` sends them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any, Final, Literal

import orjson

from sandbox.defects import DEFECTS, MARK
from sandbox.population import Organization
from sandbox.stories import Draft, tell
from schemas.envelope import Headers
from schemas.fields import format_instant
from schemas.registry import EventType

__all__ = ["SOURCE", "STRUCTURED", "GeneratedRecord", "RecordKind", "Stream", "StreamPlan", "as_line", "generate"]

SOURCE: Final = "/cscx/platform"
STRUCTURED: Final = "application/cloudevents+json; charset=utf-8"
_STRUCTURED_HEADERS: Final = (("content-type", STRUCTURED.encode()),)

_NOT_UTF8: Final = b"\xff"

RecordKind = Literal["good", "duplicate", "malformed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """What to make. The same plan makes the same stream, byte for byte.

    `events` counts the good ones; `duplicates` and `malformed` are shares of them that come on top. `structured` is the
    share sent in structured mode, where the topic allows it. `start` and `span` are business time: when the first and
    the last episode may begin to be told. `reorder` is how much a key's records on one topic may lag behind the others.
    Customers are numbered from `first_customer` on, so that another stream may tell of others.
    """

    organizations: tuple[Organization, ...]
    events: int
    start: datetime
    seed: int = 7
    span: timedelta = timedelta(days=3)
    duplicates: float = 0.03
    malformed: float = 0.02
    structured: float = 0.1
    reorder: timedelta = timedelta(minutes=20)
    first_customer: int = 1

    def __post_init__(self) -> None:
        if self.events < 0:
            raise ValueError("the number of events is not negative")
        if not self.organizations or not all(organization.owners for organization in self.organizations):
            raise ValueError("a stream needs at least one organization, and each at least one owner")
        for name in ("duplicates", "malformed", "structured"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share between 0 and 1")
        if self.start.tzinfo is None:
            raise ValueError("start needs a time zone")


@dataclass(frozen=True, slots=True)
class GeneratedRecord:
    """A record to send at `publish_at` (business time). `id` is the event's, or the mark of a malformed one."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    publish_at: datetime
    id: str
    kind: RecordKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The records in the order of publication, and what they are.

    `good` are the ids of events that a consumer must take, `erased` those of the null values among the records (which
    have an id only here), `malformed` the mark of each broken record with the reason code that it must be refused with.
    `next_customer` is the number of the first customer of whom nothing is told.
    """

    records: list[GeneratedRecord] = field(repr=False)
    good: frozenset[str]
    erased: frozenset[str]
    malformed: Mapping[str, str]
    duplicates: int
    next_customer: int = 1


def generate(plan: StreamPlan) -> Stream:
    """Make the whole stream. Raises nothing for a plan that could be made."""
    # Of what goes on with other customers, the ids are others as well.
    chance = Random(f"{plan.seed}/{plan.first_customer}/stream")
    drafts, next_customer = _drafts(plan)
    lags: dict[tuple[str, bytes], float] = {}
    reorder = plan.reorder.total_seconds()
    made: list[tuple[float, GeneratedRecord, Draft]] = []
    for draft in drafts:
        place = (draft.type.topic.name, draft.key)
        lag = lags.get(place)
        if lag is None:
            lag = lags[place] = chance.random() * reorder
        made.append((draft.at + lag, _record(draft, draft.at + lag, plan, chance), draft))
    good = frozenset(record.id for _, record, _ in made)
    erased = frozenset(record.id for _, record, _ in made if record.value is None)
    again = _duplicates(made, plan, chance)
    broken, malformed = _malformed(made, plan, chance)
    timed = [(at, record) for at, record, _ in made]
    timed += again
    timed += broken
    timed.sort(key=_by_time)
    return Stream(
        records=[record for _, record in timed],
        good=good,
        erased=erased,
        malformed=malformed,
        duplicates=len(again),
        next_customer=next_customer,
    )


def as_line(record: GeneratedRecord) -> bytes:
    """A good event as one line of JSON, in structured mode. ValueError for an erasure, which has no such form."""
    if record.value is None:
        raise ValueError("a null value has no structured form")
    told = dict(record.headers)
    if "ce_id" not in told:
        return record.value
    attributes = {name[3:]: raw.decode() for name, raw in told.items() if name.startswith("ce_")}
    return orjson.dumps(attributes | {"datacontenttype": "application/json", "data": orjson.Fragment(record.value)})


def _by_time(timed: tuple[float, GeneratedRecord]) -> float:
    return timed[0]


def _record(draft: Draft, publish_at: float, plan: StreamPlan, chance: Random) -> GeneratedRecord:
    event_id = _event_id(chance)
    time = format_instant(plan.start + timedelta(seconds=draft.at))
    topic = draft.type.topic
    headers: Headers
    if draft.data is None or topic.is_compacted or chance.random() >= plan.structured:
        headers, value = _binary(draft, event_id, time), draft.data
    else:
        headers, value = _STRUCTURED_HEADERS, _structured(draft, event_id, time)
    sent = plan.start + timedelta(seconds=publish_at)
    return GeneratedRecord(topic.name, draft.key, value, headers, sent, event_id, "good")


def _event_id(chance: Random) -> str:
    """A UUID of version 4, as `uuid4` spells it; made of the plan's chance and at a third of its price."""
    bits = f"{chance.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"


@lru_cache
def _constant_headers(event_type: EventType[Any]) -> tuple[tuple[str, bytes], ...]:
    return (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_source", SOURCE.encode()),
        ("ce_type", event_type.name.encode()),
        ("ce_dataschema", event_type.dataschema.encode()),
    )


def _binary(draft: Draft, event_id: str, time: str) -> list[tuple[str, bytes]]:
    return [
        *_constant_headers(draft.type),
        ("ce_id", event_id.encode()),
        ("ce_time", time.encode()),
        ("ce_subject", draft.subject.encode()),
        ("ce_organizationid", draft.organization_id.encode()),
        ("ce_partitionkey", draft.key),
    ]


def _structured(draft: Draft, event_id: str, time: str) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": SOURCE,
            "type": draft.type.name,
            "time": time,
            "subject": draft.subject,
            "datacontenttype": "application/json",
            "dataschema": draft.type.dataschema,
            "organizationid": draft.organization_id,
            "data": orjson.Fragment(draft.data or b"null"),
        }
    )


def _duplicates(
    made: list[tuple[float, GeneratedRecord, Draft]], plan: StreamPlan, chance: Random
) -> list[tuple[float, GeneratedRecord]]:
    """The same records once more, a while later. A null value has no id to be known by, so none is repeated."""
    sendable = [index for index, (_, record, _) in enumerate(made) if record.value is not None]
    chosen = chance.sample(sendable, min(round(plan.events * plan.duplicates), len(sendable)))
    found = []
    for index in chosen:
        at, record, _ = made[index]
        later = at + chance.uniform(1, 4 * 3600)
        sent = plan.start + timedelta(seconds=later)
        found.append(
            (
                later,
                GeneratedRecord(record.topic, record.key, record.value, record.headers, sent, record.id, "duplicate"),
            )
        )
    return found


def _malformed(
    made: list[tuple[float, GeneratedRecord, Draft]], plan: StreamPlan, chance: Random
) -> tuple[list[tuple[float, GeneratedRecord]], dict[str, str]]:
    """Broken copies of some events, each kind of break in turn, shortly after the event itself."""
    sendable = [entry for entry in made if entry[2].data is not None]
    count = round(plan.events * plan.malformed) if sendable else 0
    found: list[tuple[float, GeneratedRecord]] = []
    codes: dict[str, str] = {}
    for number in range(count):
        at, record, draft = chance.choice(sendable)
        mark = f"broken-{plan.seed}-{number}"
        defect = DEFECTS[number % len(DEFECTS)]
        fresh = record.id if defect.keeps_id else _event_id(chance)
        headers = _binary(draft, fresh, format_instant(plan.start + timedelta(seconds=draft.at)))
        broken = defect.apply(draft.key, headers, draft.data or b"")
        # A compacted topic takes no record without a key.
        key = _NOT_UTF8 if broken.key is None and draft.type.topic.is_compacted else broken.key
        sent = plan.start + timedelta(seconds=at + 1)
        marked = [*broken.headers, (MARK, mark.encode())]
        found.append((at + 1, GeneratedRecord(record.topic, key, broken.value, marked, sent, mark, "malformed")))
        codes[mark] = defect.code
    return found, codes


def _drafts(plan: StreamPlan) -> tuple[list[Draft], int]:
    """As many good events as asked for, customer by customer, so that stories are whole but for the last one's end."""
    drafts: list[Draft] = []
    ordinal = plan.first_customer
    while len(drafts) < plan.events:
        for organization in plan.organizations:
            told = tell(organization, ordinal, seed=plan.seed, start=plan.start, span=plan.span)
            drafts += sorted(told, key=_at)
        ordinal += 1
    del drafts[plan.events :]
    return drafts, ordinal


def _at(draft: Draft) -> float:
    return draft.at
