"""How a consume loop is set."""

from dataclasses import dataclass, field
from typing import Literal

from consumers.settling import RetryOptions
from schemas.topics import GROUP

__all__ = ["LoopOptions"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopOptions:
    """One consume loop's settings. Names in `_ms` are Kafka's own, in milliseconds; other times are in seconds.

    `instance` names the process in the group and stays the same across its restarts, so that a restart moves no
    partition; two processes must not share one. A process that goes for good keeps its partitions until its session
    times out.

    A consumer that cannot tell its own position for `lost_after` is given up for a new one: after a broker's death
    aiokafka's may hang for ever while the broker is back, and heartbeats fine.

    `fetch_max_wait_ms` is short because aiokafka has one fetch under way per broker: a long poll on quiet partitions
    holds up the busy ones. `fetch_max_bytes` is what the client holds undecoded, and `max_partition_fetch_bytes` what
    it holds of one partition; a producer's larger batch comes alone and whole. A batch is settled in up to
    `transactions` at a time, each of some of its partitions: while Postgres works for one, the process works for
    another. `outside_log` says what to do with a committed position outside the log.
    """

    bootstrap_servers: str
    instance: str
    group: str = GROUP
    max_batch: int = 1000
    transactions: int = 2
    poll_seconds: float = 0.2
    pause_after: float = 2.0
    fetch_max_wait_ms: int = 50
    fetch_max_bytes: int = 2 * 1024 * 1024
    max_partition_fetch_bytes: int = 128 * 1024
    session_timeout_ms: int = 15_000
    heartbeat_interval_ms: int = 1_000
    rebalance_timeout_ms: int = 60_000
    request_timeout_ms: int = 20_000
    commit_seconds: float = 10.0
    drain_seconds: float = 10.0
    watch_seconds: float = 1.0
    lost_after: float = 30.0
    stuck_after: float = 120.0
    outside_log: Literal["hold", "earliest"] = "hold"
    track_progress: bool = False
    retry: RetryOptions = field(default_factory=RetryOptions)

    def __post_init__(self) -> None:
        if not 1 <= self.max_batch <= 10_000:
            raise ValueError("max_batch is between 1 and 10000 records")
        if self.transactions < 1:
            raise ValueError("a batch is settled in at least 1 transaction")
        if self.drain_seconds * 1000 >= self.rebalance_timeout_ms:
            raise ValueError("drain_seconds must end before rebalance_timeout_ms does")
