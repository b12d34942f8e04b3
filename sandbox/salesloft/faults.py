"""Failures on demand: what the network and Salesloft do on a bad day, switched on and off at run time.

A fault is for one team or all, for a method and a path prefix, for a number of requests or with a chance.
"""

from dataclasses import asdict, dataclass, field
from itertools import count
from random import Random
from typing import Any, Literal

from pydantic import TypeAdapter

__all__ = ["AFTER_THE_WRITE", "Fault", "FaultBoard", "FaultKind", "Weather"]

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
    "latency_after_write",
    "churn",
    "omit",
    "spoil",
]
AFTER_THE_WRITE = frozenset({"status_after_write", "hang_after_write", "reset_after_write", "reset_mid_body"})
_BESIDE_OTHERS = frozenset({"latency", "latency_after_write", "churn", "omit", "spoil"})


@dataclass(slots=True, kw_only=True)
class Fault:
    """One way to fail.

    `count` requests are hit (None: all), each with chance `probability`, after the first `skip` matching ones.
    `status` and `body` are for the status kinds, `seconds` (real time) for hanging, `milliseconds` for latency.
    `churn` changes `rows` rows of the requested resource, all at one instant, before the request is answered, as if
    others worked on them while it is paged through. `omit` leaves the `records` of these ids out of what is answered,
    and `spoil` shows them with these `fields`, an object's fields within the record's own. These three and the
    latencies come beside another fault, the rest alone.
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
    rows: int = 1
    records: tuple[int | str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    hits: int = 0

    def concerns(self, team_id: int | None, method: str, path: str) -> bool:
        return (
            (self.team_id is None or self.team_id == team_id)
            and (self.method is None or self.method == method)
            and path.startswith(self.path)
            and (self.count is None or self.hits < self.count)
        )


_FAULT = TypeAdapter(Fault)


@dataclass(slots=True, kw_only=True)
class Weather:
    """What befalls one request: delays in seconds before it is handled and before it is answered, and one failure.

    `retouching` is what changes its answer.
    """

    delay: float = 0.0
    delay_of_answer: float = 0.0
    churned: list[int] = field(default_factory=list)
    retouching: list[Fault] = field(default_factory=list)
    failure: Fault | None = None


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

    def draw(self, team_id: int | None, method: str, path: str) -> Weather:
        """What befalls this request."""
        weather = Weather()
        for fault in self._faults.values():
            stands_alone = fault.kind not in _BESIDE_OTHERS
            if not fault.concerns(team_id, method, path) or (stands_alone and weather.failure is not None):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if self._chance.random() >= fault.probability:
                continue
            fault.hits += 1
            if fault.kind == "latency":
                weather.delay += fault.milliseconds / 1000
            elif fault.kind == "latency_after_write":
                weather.delay_of_answer += fault.milliseconds / 1000
            elif fault.kind == "churn":
                weather.churned.append(fault.rows)
            elif fault.kind in {"omit", "spoil"}:
                weather.retouching.append(fault)
            else:
                weather.failure = fault
        return weather
