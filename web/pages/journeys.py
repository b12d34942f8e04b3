"""How far somebody is on a cadence, step by step, by what Salesloft has logged and not by where it stands alone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

__all__ = ["completed_of", "journey", "passed_over", "standing", "summed_up"]

Stands = Literal["done", "due", "ahead", "skipped", "unknown", "off"]


def completed_of(units: Iterable[Mapping[str, Any]], enrollment: Mapping[str, Any]) -> set[int]:
    """The ids of the steps that were logged as completed in an enrollment's stays."""
    return {
        unit["step_id"]
        for unit in units
        if unit["kind"] == "step-completed"
        and unit["step_id"] is not None
        and unit["enrollment_id"] == enrollment["id"]
        and unit["cadence_id"] == enrollment["cadence"]["id"]
    }


def journey(
    days: Sequence[Mapping[str, Any]], enrollment: Mapping[str, Any], completed: Collection[int]
) -> list[dict[str, Any]]:
    """The days of a cadence, each step with how it stands for whoever is on it.

    What lies behind and was not completed was skipped where something after it was, where they began later, or where a
    person had it left out; else nobody knows: Salesloft may tell of it yet.
    """
    enabled = [step["id"] for day in days for step in day["steps"] if step["enabled"]]
    at = enrollment["progress"]["step"] if enrollment["state"] in {"enrolled", "paused"} else None
    first = enrollment["start_step_id"]
    begins = enabled.index(first) if first in enabled else 0
    left_out = _left_out(enabled, begins, enrollment["moves"], completed)
    furthest = max((enabled.index(one) for one in completed if one in enabled), default=-1)

    def stands(step: Mapping[str, Any]) -> Stands:
        if not step["enabled"]:
            return "off"
        place = enabled.index(step["id"])
        if step["id"] in completed:
            return "done"
        if at is not None and place == at - 1:
            return "due"
        is_behind = at is not None and place < at - 1
        if place < begins or (is_behind and (place < furthest or place in left_out)):
            return "skipped"
        return "unknown" if is_behind else "ahead"

    return [{**day, "steps": [{**step, "stands": stands(step)} for step in day["steps"]]} for day in days]


def _left_out(
    enabled: Sequence[int], begins: int, moves: Iterable[Mapping[str, Any]], completed: Collection[int]
) -> set[int]:
    """The places that people had left out: where somebody stood who moved on a step, or what lay before a later one.

    Where they stood was read at the last sync, and they may have come further since: what is completed is passed over.
    """
    found: set[int] = set()
    at = begins
    for move in moves:
        if move["from_step_id"] in enabled:
            at = max(at, enabled.index(move["from_step_id"]))
        while at < len(enabled) and enabled[at] in completed:
            at += 1
        to = at + 1
        if move["action"] == "restart":
            to = enabled.index(move["to_step_id"]) if move["to_step_id"] in enabled else at
        found -= set(range(to, len(enabled)))
        found |= set(range(at, to))
        at = to
    return found


def summed_up(days: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many steps stand how."""
    found: dict[str, int] = {}
    for day in days:
        for step in day["steps"]:
            found[step["stands"]] = found.get(step["stands"], 0) + 1
    return found


def passed_over(days: Iterable[Mapping[str, Any]] | None) -> dict[str, Any] | None:
    """What is skipped by whoever skips a step: the one that is due, its `place` among those that are switched on.

    `following` is the step after it, None behind the last. Answers None where it is not known which one is due.
    """
    enabled = [step for day in days or () for step in day["steps"] if step["stands"] != "off"]
    for place, (step, following) in enumerate(zip(enabled, [*enabled[1:], None], strict=True), start=1):
        if step["stands"] == "due":
            return {"place": place, "step": step, "following": following}
    return None


def standing(enrollment: Mapping[str, Any]) -> str:
    """How an enrollment stands, to be compared: what is told of it as to come has come once it stands otherwise."""
    return f"{enrollment['state']} {enrollment['added_at'] or ''}".strip()
