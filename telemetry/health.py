"""Being alive and being ready, told apart.

*Alive* means progress: a part that has work and has not advanced for its limit is stuck, and only a new process helps
(a consumer can hang after a broker's restart while its heartbeats go on). *Ready* means that the process can do its
work now. A neighbour that is away (Kafka, Postgres, Salesloft) makes a part degraded or not ready, never stuck: a
restart would not bring the neighbour back.

Nothing here reads a clock or does I/O: ``now`` is ``time.monotonic()``, in seconds, handed in. Only :func:`dump_stacks`
writes, and it is the last thing a process does before it gives up.
"""

import asyncio
import faulthandler
from dataclasses import dataclass
from enum import StrEnum
from types import CodeType, FrameType
from typing import Any, Final, TextIO

from telemetry.redaction import redact_text

__all__ = ["Health", "PartState", "Progress", "dump_stacks"]

_AWAIT_DEPTH: Final = 50


class PartState(StrEnum):
    """How ready a part is. Only starting, down and stopping keep the process from being ready."""

    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    """Does its work with something missing, for example while one team's calls are refused."""
    DOWN = "down"
    STOPPING = "stopping"


_SERVING: Final = frozenset({PartState.READY, PartState.DEGRADED})


class Progress:
    """Whether one loop, or one partition of it, moves while it has work.

    The clock of the stall starts when work is first seen waiting and starts again with each advance. Whoever measures
    whether work waits must not be the loop itself, for a loop that hangs measures nothing: for a consumer the
    supervisor compares the partition's end with the committed position. A loop without a queue (a timer, a poller) is
    told once that work waits, at its start, and then advances with each turn.
    """

    __slots__ = ("_excuse", "_stalled_since", "name", "stuck_after")

    def __init__(self, name: str, *, stuck_after: float) -> None:
        """Starts without work. ``stuck_after`` is in seconds and should exceed the longest deadline inside one turn."""
        if stuck_after <= 0:
            raise ValueError(f"stuck_after must be positive, not {stuck_after}")
        self.name = name
        self.stuck_after = stuck_after
        self._stalled_since: float | None = None
        self._excuse: str | None = None

    def work_waits(self, now: float) -> None:
        """There is something to do (lag above zero). Saying it again does not restart the clock."""
        if self._stalled_since is None:
            self._stalled_since = now

    def nothing_waits(self) -> None:
        """Nothing is left to do, or whether there is cannot be known because the neighbour that knows is away."""
        self._stalled_since = None
        self._excuse = None

    def advanced(self, now: float) -> None:
        """The committed position moved, or the loop ended a turn."""
        self._excuse = None
        if self._stalled_since is not None:
            self._stalled_since = now

    def held_up(self, by: str, now: float) -> None:
        """The loop turned and could not advance because a neighbour is away.

        Not stuck, as long as it keeps saying so.
        """
        self._excuse = redact_text(by)
        if self._stalled_since is not None:
            self._stalled_since = now

    def stalled_for(self, now: float) -> float:
        """Seconds for which work has waited without an advance; 0.0 when nothing waits."""
        return 0.0 if self._stalled_since is None else max(0.0, now - self._stalled_since)

    def is_stuck(self, now: float) -> bool:
        """True when work has waited for ``stuck_after`` seconds without an advance."""
        return self._stalled_since is not None and self.stalled_for(now) >= self.stuck_after

    def report(self, now: float) -> dict[str, object]:
        return {
            "stuck": self.is_stuck(now),
            "stalled_for": round(self.stalled_for(now), 3),
            "stuck_after": self.stuck_after,
            "held_up_by": self._excuse,
        }


@dataclass(frozen=True, slots=True)
class _Part:
    state: PartState
    detail: str | None
    since: float


class Health:
    """The parts of one process and the progress of its loops, by name."""

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}
        self._progress: dict[str, Progress] = {}

    def set(self, part: str, state: PartState, now: float, *, detail: str | None = None) -> None:
        """Records a part's state. ``detail`` is for people and is redacted; the state's age survives a new detail."""
        known = self._parts.get(part)
        since = known.since if known is not None and known.state is state else now
        self._parts[part] = _Part(state, None if detail is None else redact_text(detail), since)

    def progress(self, name: str, *, stuck_after: float) -> Progress:
        """A new progress under this name, in the place of a former one (a partition that was assigned again)."""
        progress = self._progress[name] = Progress(name, stuck_after=stuck_after)
        return progress

    def drop(self, name: str) -> None:
        """Forgets a part or a progress; a name that is not known is no error."""
        self._parts.pop(name, None)
        self._progress.pop(name, None)

    def stuck(self, now: float) -> tuple[str, ...]:
        """The names of what is stuck, sorted. Anything in it calls for :func:`dump_stacks` and the process's end."""
        return tuple(sorted(name for name, progress in self._progress.items() if progress.is_stuck(now)))

    def is_live(self, now: float) -> bool:
        return not self.stuck(now)

    def is_ready(self) -> bool:
        """True once there is a part and every part is ready or degraded."""
        return bool(self._parts) and all(part.state in _SERVING for part in self._parts.values())

    def part_ready(self) -> dict[str, bool]:
        """Each part and whether it serves, for the metric of that name."""
        return {name: part.state in _SERVING for name, part in self._parts.items()}

    def report(self, now: float) -> dict[str, object]:
        """What the health pages answer, as JSON.

        ``live``, ``ready``, ``parts`` and ``progress``; ages are in seconds.
        """
        return {
            "live": self.is_live(now),
            "ready": self.is_ready(),
            "parts": {
                name: {"state": part.state.value, "detail": part.detail, "for": round(max(0.0, now - part.since), 3)}
                for name, part in sorted(self._parts.items())
            },
            "progress": {name: progress.report(now) for name, progress in sorted(self._progress.items())},
        }


def dump_stacks(stream: TextIO, loop: asyncio.AbstractEventLoop) -> None:
    """Writes where every thread and every task of the loop stands. The stream needs a file descriptor.

    A task is shown along its whole chain of awaits, which its own ``print_stack`` cuts after the first. Frames show
    places in the source, never values, so there is nothing to redact. May be called from another thread than the
    loop's, for a loop that hangs answers nobody.
    """
    stream.flush()
    faulthandler.dump_traceback(file=stream, all_threads=True)
    for task in sorted(asyncio.all_tasks(loop), key=asyncio.Task.get_name):
        stream.write(f"\nTask {task.get_name()}:\n")
        stream.writelines(
            f'  File "{code.co_filename}", line {line}, in {code.co_qualname}\n'
            for code, line in _awaits(task.get_coro())
        )
    stream.flush()


def _awaits(awaitable: Any) -> list[tuple[CodeType, int]]:
    places: list[tuple[CodeType, int]] = []
    while awaitable is not None and len(places) < _AWAIT_DEPTH:
        frame: FrameType | None = None
        inner = None
        for kind, follows in (("cr", "await"), ("ag", "await"), ("gi", "yieldfrom")):
            if hasattr(awaitable, f"{kind}_frame"):
                frame = getattr(awaitable, f"{kind}_frame")
                inner = getattr(awaitable, f"{kind}_{follows}")
        if frame is not None:
            places.append((frame.f_code, frame.f_lineno))
        awaitable = inner
    return places
