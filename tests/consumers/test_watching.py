"""A consumer is stuck when nothing of it moves: a partition whose turn has not come is not."""

from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import TopicPartition

from consumers import watching
from consumers.options import LoopOptions
from consumers.positions import Positions
from consumers.watching import Watcher
from telemetry.health import Health

FIRST, SECOND = TopicPartition("topic", 0), TopicPartition("topic", 1)
STUCK_AFTER = 100.0


class Watched:
    """Two partitions with more to do than will ever be done, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(watching, "monotonic", lambda: self.now)
        self.health = Health()
        self.positions = Positions()
        self.positions.assigned([FIRST, SECOND])
        self.reached = {FIRST: 0, SECOND: 0}
        unused: Any = None
        options = LoopOptions(bootstrap_servers="unused", instance="unused", stuck_after=STUCK_AFTER)
        self.watcher = Watcher(
            part="consume", positions=self.positions, database=unused, health=self.health, clock=unused, options=options
        )
        self.move(FIRST)
        self.move(SECOND)

    def move(self, partition: TopicPartition) -> None:
        reached = self.reached[partition] + 1
        self.positions.take(partition, self.reached[partition], reached)
        self.positions.apply(self.positions.epoch, {partition: reached})
        self.positions.commit(self.positions.epoch, {partition: reached})
        self.reached[partition] = reached

    def look(self) -> tuple[str, ...]:
        self.watcher._compare({FIRST: 10**6, SECOND: 10**6}, None)
        return self.health.stuck(self.now)

    def for_seconds(self, seconds: int, moving: Callable[[], None]) -> set[tuple[str, ...]]:
        seen = set()
        for _ in range(seconds):
            self.now += 1
            moving()
            seen.add(self.look())
        return seen


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_a_partition_that_waits_its_turn_is_not_stuck(watched: Watched) -> None:
    assert watched.for_seconds(500, lambda: watched.move(FIRST)) == {()}


def test_a_consumer_of_which_nothing_moves_is_stuck(watched: Watched) -> None:
    watched.for_seconds(50, lambda: watched.move(FIRST))
    assert watched.for_seconds(int(STUCK_AFTER) - 1, lambda: None) == {()}
    watched.now += 2
    assert watched.look() == ("topic/0", "topic/1")
