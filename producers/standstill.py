"""Which keys and topics of the outbox stand still after a failure, and for how long.

No I/O, and neither a clock nor randomness of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from storage.relay import OutboxKey

__all__ = ["Backoff", "Standstill"]

# Where Kafka takes nothing for long, the search for something that it takes begins anew before this is outgrown.
_SET_ASIDE_AT_MOST = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that double from `first_seconds` to `longest_seconds`, each shortened by up to half at random."""

    first_seconds: float = 1.0
    longest_seconds: float = 60.0

    def seconds(self, failures: int, randomness: Callable[[], float]) -> float:
        """The wait after so many failures in a row (1 or more); `randomness` yields from [0, 1)."""
        # Beyond 2**30 times the first wait nothing grows: the longest has long been reached.
        wait = min(self.longest_seconds, self.first_seconds * 2 ** min(failures - 1, 30))
        return float(wait * (1 - randomness() / 2))


@dataclass(frozen=True, slots=True)
class _Stop:
    failures: int
    until: float


class Standstill:
    """Keys, partitions and topics that wait before the next try, and keys tried alone because one of them failed.

    Times are seconds of one monotonic clock, passed in.
    """

    def __init__(self, backoff: Backoff, randomness: Callable[[], float]) -> None:
        self._backoff = backoff
        self._randomness = randomness
        self._keys: dict[OutboxKey, _Stop] = {}
        self._partitions: dict[tuple[str, int], _Stop] = {}
        self._topics: dict[str, _Stop] = {}
        self._suspects: set[OutboxKey] = set()
        self._partitions_aside: set[tuple[str, int]] = set()
        self._keys_aside: set[OutboxKey] = set()

    def stop_keys(self, keys: Iterable[OutboxKey], now: float) -> None:
        """Their oldest row failed: neither it nor a younger one is read until the wait is over."""
        for key in keys:
            self._keys[key] = self._longer(self._keys.get(key), now)

    def stop_partition(self, topic: str, partition: int, keys: Iterable[OutboxKey], now: float) -> None:
        """A partition failed: what is known to go there waits with it, and is not read meanwhile.

        Keys that are met while it waits already do not prolong its wait.
        """
        place = (topic, partition)
        stop = self._partitions.get(place)
        if stop is None or stop.until <= now:
            stop = self._partitions[place] = self._longer(stop, now)
        for key in keys:
            self._keys[key] = stop

    def set_aside(self, topic: str, partition: int, keys: Iterable[OutboxKey]) -> None:
        """A partition failed, and nothing else was there to show whether Kafka did: others are to be read first.

        Without this a partition whose rows fill a round would hold up everybody behind them.
        """
        self._partitions_aside.add((topic, partition))
        self._keys_aside.update(keys)
        if len(self._keys_aside) > _SET_ASIDE_AT_MOST:
            self.take_up_again()

    def take_up_again(self) -> None:
        """Something went through, or nothing else is there: what was set aside is read again."""
        self._partitions_aside.clear()
        self._keys_aside.clear()

    def is_aside(self, topic: str, partition: int) -> bool:
        return (topic, partition) in self._partitions_aside

    @property
    def is_any_aside(self) -> bool:
        return bool(self._partitions_aside)

    def stop_topic(self, topic: str, now: float) -> None:
        """Nothing of the topic can be published."""
        self._topics[topic] = self._longer(self._topics.get(topic), now)

    def suspect(self, keys: Iterable[OutboxKey]) -> None:
        """One of these made a batch fail: each of their rows goes alone until it shows which."""
        self._suspects.update(keys)

    def is_suspect(self, key: OutboxKey) -> bool:
        return key in self._suspects

    def partition_failures(self, topic: str, partition: int) -> int:
        """How often in a row a partition has failed."""
        stop = self._partitions.get((topic, partition))
        return stop.failures if stop else 0

    def is_partition_stopped(self, topic: str, partition: int, now: float) -> bool:
        stop = self._partitions.get((topic, partition))
        return stop is not None and stop.until > now

    def published(self, topic: str, partition: int, keys: Iterable[OutboxKey]) -> None:
        """Forget the failures of what went through."""
        self._topics.pop(topic, None)
        self._partitions.pop((topic, partition), None)
        for key in keys:
            self._keys.pop(key, None)
            self._suspects.discard(key)

    def keep_only(self, is_ours: Callable[[OutboxKey], bool]) -> None:
        """Forget keys whose lanes are another relay's now."""
        self._keys = {key: stop for key, stop in self._keys.items() if is_ours(key)}
        self._suspects = {key for key in self._suspects if is_ours(key)}
        self._keys_aside = {key for key in self._keys_aside if is_ours(key)}

    def stopped_keys(self, now: float) -> list[OutboxKey]:
        """Keys not to be read now."""
        return [*self._keys_aside, *(key for key, stop in self._keys.items() if stop.until > now)]

    def stopped_topics(self, now: float) -> list[str]:
        """Topics not to be read now."""
        return [topic for topic, stop in self._topics.items() if stop.until > now]

    @property
    def is_any(self) -> bool:
        """Whether anything has failed and not gone through since."""
        return bool(self._keys or self._partitions or self._topics or self._suspects)

    def _longer(self, before: _Stop | None, now: float) -> _Stop:
        failures = before.failures + 1 if before else 1
        return _Stop(failures, now + self._backoff.seconds(failures, self._randomness))
