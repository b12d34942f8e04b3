"""Where one consumer stands in each of its partitions. Synchronous; the loop around it does the talking.

Per partition, from front to back: *taken* is the next offset to come out of the client, *applied* the next offset whose
effect is not in the database yet, *committed* what Kafka has acknowledged. Applied and committed never pass taken, and
nothing but `applied` is ever committed.

An assignment has an epoch. What was taken in one epoch is neither applied to nor committed in another: after a lost
assignment somebody else may have gone on from our last commit, and a late one of ours would move the group backwards.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from aiokafka import TopicPartition

__all__ = ["Hold", "Positions"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a partition waits for a person. `cause` is a word for metrics, `detail` a sentence."""

    cause: str
    detail: str


@dataclass(slots=True)
class _Partition:
    taken: int | None = None
    applied: int | None = None
    committed: int | None = None
    hold: Hold | None = None
    aim: tuple[datetime, int] | None = None

    @property
    def is_settled(self) -> bool:
        return self.applied == self.taken


class Positions:
    """The partitions of one assignment after the other."""

    def __init__(self) -> None:
        self._epoch = 0
        self._taking = False
        self._partitions: dict[TopicPartition, _Partition] = {}

    @property
    def epoch(self) -> int:
        """The number of the current assignment."""
        return self._epoch

    @property
    def is_taking(self) -> bool:
        """False while an assignment is being given back: what the client still hands over is left to the next owner."""
        return self._taking

    @property
    def partitions(self) -> frozenset[TopicPartition]:
        return frozenset(self._partitions)

    def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """A new assignment begins."""
        self._epoch += 1
        self._taking = True
        self._partitions = {partition: _Partition() for partition in partitions}

    def revoking(self) -> None:
        """Take nothing more; what was taken may still be applied and committed."""
        self._taking = False

    def revoked(self) -> None:
        """The assignment is over, whatever is still under way."""
        self._epoch += 1
        self._taking = False
        self._partitions = {}

    def take(self, partition: TopicPartition, first_offset: int, next_offset: int) -> None:
        """Records from `first_offset` up to `next_offset` came out of the client."""
        state = self._partitions[partition]
        if state.taken is None:
            state.applied = first_offset
        state.taken = next_offset

    def apply(self, epoch: int, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Everything below these offsets is in the database."""
        if epoch != self._epoch:
            return
        for partition, next_offset in next_offsets.items():
            state = self._partitions[partition]
            if state.applied is None or next_offset > state.applied:
                state.applied = next_offset

    def pass_over(self, partition: TopicPartition, position: int) -> None:
        """The client stands at `position`.

        Where nothing of the partition is under way, what lies between is no record of ours: a transaction's marker, or
        what compaction removed.
        """
        state = self._partitions.get(partition)
        if state is not None and state.is_settled and (state.taken is None or position > state.taken):
            state.taken = state.applied = position

    def taken_to(self, partition: TopicPartition) -> int | None:
        """The next offset to come out of the client; None while that is not known yet."""
        state = self._partitions.get(partition)
        return None if state is None else state.taken

    def applied_to(self, partition: TopicPartition) -> int | None:
        """The next offset whose effect is not in the database; None while that is not known yet."""
        state = self._partitions.get(partition)
        return None if state is None else state.applied

    def committed_to(self, partition: TopicPartition) -> int | None:
        """What Kafka has acknowledged in this assignment; None while nothing."""
        state = self._partitions.get(partition)
        return None if state is None else state.committed

    def committable(self) -> dict[TopicPartition, int]:
        """The next offsets that Kafka does not know yet."""
        return {
            partition: state.applied
            for partition, state in self._partitions.items()
            if state.applied is not None and state.applied != state.committed
        }

    def commit(self, epoch: int, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Kafka has acknowledged these."""
        if epoch == self._epoch:
            for partition, next_offset in next_offsets.items():
                self._partitions[partition].committed = next_offset

    def hold(self, partition: TopicPartition, hold: Hold, *, at: int | None) -> None:
        """Wait for a person; `at` is the offset that everything begins with when it goes on, None where it is lost."""
        state = self._partitions[partition]
        state.hold = hold
        if at is not None:
            state.taken = state.applied = at

    def restart(self, partition: TopicPartition, start: int) -> None:
        """Begin again at `start`, wherever the partition stood."""
        state = self._partitions[partition]
        state.taken = state.applied = start
        state.aim = None

    def release(self, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Go on; the partitions that were held are answered."""
        released = []
        for partition in partitions:
            state = self._partitions.get(partition)
            if state is not None and state.hold is not None:
                state.hold = None
                released.append(partition)
        return released

    def hold_of(self, partition: TopicPartition) -> Hold | None:
        state = self._partitions.get(partition)
        return None if state is None else state.hold

    def holds(self) -> dict[TopicPartition, Hold]:
        """Every partition that waits for a person."""
        return {partition: state.hold for partition, state in self._partitions.items() if state.hold is not None}

    def not_begun(self) -> list[TopicPartition]:
        """The partitions of which nothing was taken yet in this assignment."""
        return [
            partition for partition, state in self._partitions.items() if state.taken is None and state.hold is None
        ]

    def aim(self, instant: datetime, ends: Mapping[TopicPartition, int]) -> None:
        """At `instant`, or after it, the partitions ended at these offsets. An aim that is not reached yet stays."""
        for partition, end in ends.items():
            state = self._partitions.get(partition)
            if state is not None and state.aim is None:
                state.aim = (instant, end)

    def read_through(self) -> dict[TopicPartition, datetime]:
        """The instants up to which everything that a partition held then is in the database; each is answered once."""
        reached = {}
        for partition, state in self._partitions.items():
            if state.aim is not None and state.applied is not None and state.applied >= state.aim[1]:
                reached[partition] = state.aim[0]
                state.aim = None
        return reached
