"""`python -m bench.run`: measures the service on real neighbours, in one run, and tells figures and ratios."""

import asyncio
import signal
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.measure.figures import Figures, NotMeasurable
from bench.measure.floor import FloorRate, measure_floor
from bench.measure.load import Load
from bench.measure.machine import machine, versions
from bench.measure.setting import Setting, running_setting
from bench.measure.throughput import ServiceRate, measure_service

__all__ = ["app", "main"]


async def _measure(events: int, rounds: int) -> None:
    progress = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with progress:
        async with running_setting(progress) as setting:
            for number in range(rounds):
                load = Load(name=f"r{number}", events=events)
                setting.say(f"load {machine()['load_average']}")
                s = await measure_service(
                    setting.stack, await setting.prepared_database(), load, logs=setting.logs, progress=progress
                )
                setting.say(f"{s.events_per_second} {s.peak_rss_mb} {s.conditions()}")
                f = await measure_floor(
                    setting.stack, await setting.empty_database(), load, s, logs=setting.logs, progress=progress
                )
                setting.say(f"{f}")


def main(events: int = 60000, rounds: int = 1) -> None:
    uvloop.run(_measure(events, rounds))


if __name__ == "__main__":
    typer.run(main)
