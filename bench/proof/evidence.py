"""What the witnesses say once everything is at rest: the topics, the tables and Salesloft's journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.proof.bus import Lag, ReadRecord
from bench.proof.load import Load, Place
from bench.proof.moments import Sample, sample
from bench.proof.world import World
from sandbox.generator import Stream
from schemas.topics import ENROLLMENT_DECISION, TOPICS, Direction, dead_letter_topic

__all__ = ["OUTGOING", "Evidence", "collect"]

OUTGOING = tuple(topic.name for topic in TOPICS if topic.direction is Direction.OUT)
_DEAD = tuple(dead_letter_topic(topic.name) for topic in TOPICS if topic.direction is not Direction.OUT)
_TABLES = (
    "decisions",
    "enrolled_counts",
    "enrollments",
    "enrollments_without_work",
    "evaluated_events",
    "history",
    "marks",
    "outbox_ids",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """`broken` says where each malformed record lies; `journal` holds each organization's accepted writes in order."""

    stream: Stream
    broken: Mapping[str, Place]
    rest: Sample
    records: Mapping[str, Sequence[ReadRecord]]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    journal: Mapping[str, Sequence[Mapping[str, Any]]]

    @property
    def lag(self) -> Lag:
        return self.rest.lag

    @property
    def outgoing(self) -> list[ReadRecord]:
        """Everything on the service's own topics."""
        return [record for topic in OUTGOING for record in self.records[topic]]

    @property
    def decisions(self) -> Sequence[ReadRecord]:
        """What the approvers sent."""
        return self.records[ENROLLMENT_DECISION.name]

    @property
    def dead(self) -> list[ReadRecord]:
        """Everything on dead-letter topics."""
        return [record for topic in _DEAD for record in self.records[topic]]


async def collect(world: World, load: Load) -> Evidence:
    """Read everything. Call it when nothing runs any more."""
    names = (*OUTGOING, *_DEAD, ENROLLMENT_DECISION.name)
    records: dict[str, list[ReadRecord]] = {name: [] for name in names}
    for record in await world.bus.read(names):
        records[record.topic].append(record)
    rest = await sample(world)
    await world.journal.read_on()
    return Evidence(
        stream=load.stream,
        broken=load.broken,
        rest=rest,
        records=records,
        tables={name: await world.books.rows(name) for name in _TABLES},
        journal=world.journal.entries,
    )
