"""Where a consumer stands: epochs, what is committed, what is held, up to when it has read."""

from datetime import UTC, datetime

import pytest
from aiokafka import TopicPartition

from consumers.positions import Hold, Positions

P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def positions() -> Positions:
    positions = Positions()
    positions.assigned([P0, P1])
    return positions


def test_only_what_is_applied_is_committed(positions: Positions) -> None:
    positions.take(P0, 10, 20)
    assert positions.committable() == {P0: 10}
    positions.take(P0, 20, 30)
    positions.apply(positions.epoch, {P0: 20})
    assert positions.committable() == {P0: 20}
    positions.commit(positions.epoch, {P0: 20})
    assert positions.committable() == {}
    assert positions.committed_to(P0) == 20


def test_what_was_taken_in_another_assignment_is_neither_applied_nor_committed(positions: Positions) -> None:
    positions.take(P0, 10, 20)
    epoch = positions.epoch
    positions.revoking()
    assert not positions.is_taking
    positions.revoked()
    positions.assigned([P0])
    positions.apply(epoch, {P0: 20})
    positions.commit(epoch, {P0: 20})
    assert positions.committable() == {}
    assert positions.applied_to(P0) is None


def test_a_batch_may_end_while_its_assignment_is_given_back(positions: Positions) -> None:
    positions.take(P0, 10, 20)
    positions.revoking()
    positions.apply(positions.epoch, {P0: 20})
    assert positions.committable() == {P0: 20}


def test_markers_are_passed_over_only_when_nothing_is_under_way(positions: Positions) -> None:
    positions.pass_over(P1, 7)
    assert positions.committable() == {P1: 7}
    positions.take(P0, 10, 20)
    positions.pass_over(P0, 21)
    assert positions.applied_to(P0) == 10
    positions.apply(positions.epoch, {P0: 20})
    positions.pass_over(P0, 21)
    assert positions.applied_to(P0) == 21


def test_a_held_partition_goes_on_where_it_was_stopped(positions: Positions) -> None:
    positions.take(P0, 10, 20)
    positions.hold(P0, Hold("breaker", "why"), at=15)
    assert positions.committable() == {P0: 15}
    assert positions.holds() == {P0: Hold("breaker", "why")}
    assert positions.release([P0, P1]) == [P0]
    assert positions.holds() == {}


def test_read_through_waits_for_the_end_that_was_there_at_the_instant(positions: Positions) -> None:
    positions.take(P0, 0, 10)
    positions.pass_over(P1, 3)
    positions.aim(NOON, {P0: 10, P1: 3})
    assert positions.read_through() == {P1: NOON}
    positions.aim(NOON.replace(hour=13), {P0: 99, P1: 3})
    positions.apply(positions.epoch, {P0: 9})
    assert positions.read_through() == {P1: NOON.replace(hour=13)}
    positions.apply(positions.epoch, {P0: 10})
    assert positions.read_through() == {P0: NOON}
    assert positions.read_through() == {}
