"""What stands still after a failure, on a clock of the test's own."""

from producers.standstill import Backoff, Standstill

ONE, OTHER = ("topic", b"one"), ("topic", b"other")


def standstill() -> Standstill:
    return Standstill(Backoff(first_seconds=1, longest_seconds=4), lambda: 0.0)


def test_waits_double_up_to_the_longest_and_are_shortened_by_half_at_most() -> None:
    backoff = Backoff(first_seconds=1, longest_seconds=60)
    assert [backoff.seconds(failures, lambda: 0.0) for failures in (1, 2, 3, 7, 5000)] == [1, 2, 4, 60, 60]
    assert backoff.seconds(1, lambda: 0.999) > 0.5


def test_a_key_waits_longer_with_each_failure_until_it_goes_through() -> None:
    stops = standstill()
    stops.stop_keys([ONE], now=0)
    assert stops.stopped_keys(0.9) == [ONE]
    assert stops.stopped_keys(1) == []
    stops.stop_keys([ONE], now=1)
    assert stops.stopped_keys(2.9) == [ONE]
    stops.published("topic", 0, [ONE])
    stops.stop_keys([ONE], now=10)
    assert stops.stopped_keys(11) == []


def test_keys_met_while_their_partition_waits_do_not_prolong_its_wait() -> None:
    stops = standstill()
    stops.stop_partition("topic", 3, [ONE], now=0)
    stops.stop_partition("topic", 3, [OTHER], now=0.5)
    assert stops.stopped_keys(0.9) == [ONE, OTHER]
    assert stops.is_partition_stopped("topic", 3, 0.9)
    assert stops.stopped_keys(1) == []
    assert not stops.is_partition_stopped("topic", 3, 1)
    assert stops.partition_failures("topic", 3) == 1
    stops.stop_partition("topic", 3, [ONE], now=1)
    assert stops.partition_failures("topic", 3) == 2


def test_a_suspect_is_cleared_by_going_through() -> None:
    stops = standstill()
    stops.suspect([ONE, OTHER])
    stops.published("topic", 0, [OTHER])
    assert (stops.is_suspect(ONE), stops.is_suspect(OTHER)) == (True, False)


def test_a_topic_is_tried_again_as_a_whole() -> None:
    stops = standstill()
    stops.stop_topic("topic", now=0)
    assert stops.stopped_topics(0.5) == ["topic"]
    assert stops.stopped_topics(1) == []
    assert stops.is_any
    stops.published("topic", 0, [ONE])
    assert not stops.is_any


def test_what_another_relay_holds_now_is_forgotten() -> None:
    stops = standstill()
    stops.stop_keys([ONE, OTHER], now=0)
    stops.suspect([ONE, OTHER])
    stops.keep_only(lambda key: key == ONE)
    assert stops.stopped_keys(0) == [ONE]
    assert not stops.is_suspect(OTHER)


def test_what_is_set_aside_is_not_read_until_something_went_through_and_waits_no_longer_for_it() -> None:
    stops = standstill()
    stops.set_aside("topic", 3, [ONE])
    assert stops.is_aside("topic", 3)
    assert stops.stopped_keys(100) == [ONE]
    assert stops.partition_failures("topic", 3) == 0
    stops.take_up_again()
    assert not stops.is_any_aside
    assert stops.stopped_keys(0) == []


def test_what_is_set_aside_has_a_bound() -> None:
    stops = standstill()
    stops.set_aside("topic", 3, [("topic", str(number).encode()) for number in range(60_000)])
    assert not stops.is_any_aside
