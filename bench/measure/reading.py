"""Waiting for what a measured process makes readable."""

import asyncio
from time import monotonic

from rich.progress import Progress

from bench.measure.bus import Reader
from bench.measure.children import Child
from bench.measure.figures import NotMeasurable

__all__ = ["for_a_while", "until_read"]

_LOOK_SECONDS = 0.05
_SLOWEST_PER_SECOND = 20
_START_SECONDS = 60.0


async def until_read(reader: Reader, records: int, child: Child, progress: Progress, what: str) -> None:
    """Wait until so many records were read; NotMeasurable where they take longer than a slow machine would."""
    task = progress.add_task(what, total=records)
    late = monotonic() + _START_SECONDS + records / _SLOWEST_PER_SECOND
    while reader.records < records:
        reader.check()
        child.check()
        if monotonic() > late:
            raise NotMeasurable(f"{what}: {reader.records} of {records} came\n{child.last_words()}")
        progress.update(task, completed=reader.records)
        await asyncio.sleep(_LOOK_SECONDS)
    progress.update(task, completed=records)


async def for_a_while(
    reader: Reader, records: int, child: Child, progress: Progress, what: str, *, seconds: float
) -> None:
    """Wait until so many records were read, or so many seconds have passed since the first."""
    task = progress.add_task(what, total=records)
    late = monotonic() + _START_SECONDS
    while reader.records < records:
        reader.check()
        child.check()
        if reader.samples and monotonic() > reader.samples[0].at + seconds:
            break
        if not reader.samples and monotonic() > late:
            raise NotMeasurable(f"{what}: nothing came\n{child.last_words()}")
        progress.update(task, completed=reader.records)
        await asyncio.sleep(_LOOK_SECONDS)
    progress.update(task, completed=reader.records)
