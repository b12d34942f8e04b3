"""How far somebody is on a cadence, step by step, by what Salesloft has logged and not by where it stands alone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

__all__ = ["completed_of", "journey", "summed_up"]

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

    What lies behind and was not completed was skipped where something after it was, or where they began later; else
    nobody knows: Salesloft may tell of it yet.
    """
    enabled = [step["id"] for day in days for step in day["steps"] if step["enabled"]]
    at = enrollment["progress"]["step"] if enrollment["state"] in {"enrolled", "paused"} else None
    first = enrollment["start_step_id"]
    begins = enabled.index(first) if first in enabled else 0
    furthest = max((enabled.index(one) for one in completed if one in enabled), default=-1)

    def stands(step: Mapping[str, Any]) -> Stands:
        if not step["enabled"]:
            return "off"
        place = enabled.index(step["id"])
        if step["id"] in completed:
            return "done"
        if at is not None and place == at - 1:
            return "due"
        if place < begins or (at is not None and place < at - 1 and place < furthest):
            return "skipped"
        return "unknown" if at is not None and place < at - 1 else "ahead"

    return [{**day, "steps": [{**step, "stands": stands(step)} for step in day["steps"]]} for day in days]


def summed_up(days: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many steps stand how."""
    found: dict[str, int] = {}
    for day in days:
        for step in day["steps"]:
            found[step["stands"]] = found.get(step["stands"], 0) + 1
    return found
