"""Failures on demand: what the network and Salesloft do on a bad day, switched on and off at run time.

A fault is for one team or all, for a method and a path prefix, for a number of requests or with a chance.
"""

from dataclasses import asdict, dataclass
from itertools import count
from random import Random
from typing import Any, Literal

from pydantic import TypeAdapter

__all__ = ["AFTER_THE_WRITE", "Fault", "FaultBoard", "FaultKind"]

FaultKind = Literal[
    "status",
    "html_404",
    "status_after_write",
    "hang",
    "hang_after_write",
    "reset",
    "reset_after_write",
    "reset_mid_body",
    "latency",
]
AFTER_THE_WRITE = frozenset({"status_after_write", "hang_after_write", "reset_after_write", "reset_mid_body"})


@dataclass(slots=True, kw_only=True)
class Fault:
    """One way to fail.

    `count` requests are hit (None: all), each with chance `probability`, after the first `skip` matching ones.
    `status` and `body` are for the status kinds, `seconds` (real time) for hanging, `milliseconds` for latency.
    """

    id: int
    kind: FaultKind
    team_id: int | None = None
    method: str | None = None
    path: str = "/"
    count: int | None = None
    probability: float = 1.0
    skip: int = 0
    status: int = 500
    body: Any = None
    seconds: float = 30.0
    milliseconds: float = 150.0
    hits: int = 0

    def concerns(self, team_id: int | None, method: str, path: str) -> bool:
        return (
            (self.team_id is None or self.team_id == team_id)
            and (self.method is None or self.method == method)
            and path.startswith(self.path)
            and (self.count is None or self.hits < self.count)
        )


_FAULT = TypeAdapter(Fault)


class FaultBoard:
    """The faults that are switched on."""

    def __init__(self, *, seed: int) -> None:
        self._chance = Random(seed)
        self._ids = count(1)
        self._faults: dict[int, Fault] = {}

    def add(self, description: dict[str, Any]) -> Fault:
        """Switch a fault on; raises ValueError when the description is not one."""
        known = set(Fault.__dataclass_fields__) - {"id", "hits"}
        if unknown := set(description) - known:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
        fault = _FAULT.validate_python({"id": next(self._ids), **description})
        if fault.method is not None:
            fault.method = fault.method.upper()
        self._faults[fault.id] = fault
        return fault

    def remove(self, fault_id: int) -> None:
        self._faults.pop(fault_id, None)

    def clear(self, team_id: int | None) -> None:
        """Switch off the faults of one team, or all of them."""
        for fault in list(self._faults.values()):
            if team_id is None or fault.team_id == team_id:
                del self._faults[fault.id]

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._faults.values()]

    def draw(self, team_id: int | None, method: str, path: str) -> tuple[float, Fault | None]:
        """The delay in seconds for this request, and the fault that hits it."""
        if not self._faults:
            return 0.0, None
        delay = 0.0
        drawn: Fault | None = None
        for fault in self._faults.values():
            if not fault.concerns(team_id, method, path) or (drawn is not None and fault.kind != "latency"):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if self._chance.random() >= fault.probability:
                continue
            fault.hits += 1
            if fault.kind == "latency":
                delay += fault.milliseconds / 1000
            else:
                drawn = fault
        return delay, drawn
