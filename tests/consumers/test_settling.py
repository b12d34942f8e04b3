"""Parts of a batch that are settled at a time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.structs import ConsumerRecord

from consumers.breaker import Breaker, BreakerOptions
from consumers.incoming import Fault, Sound
from consumers.settling import RetryOptions, Settler
from storage.pool import Connection, Database
from tests.consumers.conftest import Recorder, SteppedClock, reads_as_customers, record_of


def taken(partition: int, *organizations: str) -> list[Sound | Fault]:
    """Records of one partition, one of each organization."""
    return [
        reads_as_customers(
            ConsumerRecord(
                topic="test.parts",
                partition=partition,
                offset=offset,
                timestamp=0,
                timestamp_type=0,
                checksum=None,
                serialized_key_size=0,
                serialized_value_size=0,
                **record_of(f"e-{organization}", organization=organization),
            )
        )
        for offset, organization in enumerate(organizations)
    ]


async def test_failures_of_two_parts_make_one_row(
    database: Database, outbox: Callable[[], Awaitable[list[Any]]]
) -> None:
    """Both have failed before either is committed: the second is judged by what the first came to."""
    both = asyncio.Barrier(2)

    async def together(_connection: Connection, _batch: Any) -> None:
        await both.wait()

    async def pause(_seconds: float) -> None:
        raise AssertionError("nothing is away")

    breaker = Breaker(BreakerOptions(row=4, organizations=3))
    settler = Settler(
        handler=Recorder(("test.parts",), refuse=lambda _: "told", before=together),
        database=database,
        group="group",
        breaker=breaker,
        clock=SteppedClock(),
        retry=RetryOptions(),
        pause=pause,
        held_up=lambda _: None,
        rng=random.Random(1),
    )
    async with asyncio.timeout(30):
        settlements = await asyncio.gather(
            settler.settle(taken(0, "org-1", "org-2")), settler.settle(taken(1, "org-3", "org-4"))
        )
    assert breaker.stopped == {"test.parts"}
    assert sorted(len(settlement.withheld) for settlement in settlements) == [0, 1]
    assert len(await outbox()) == 2
