"""Numbered, append-only lists of what happened: the judge of a test."""

from bisect import bisect_right
from collections import defaultdict
from typing import Any

__all__ = ["Journal"]


class Journal:
    """Entries get the sequence 1, 2, 3 ..., and are read on from any of them at the cost of what is read."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []
        self._by_team: defaultdict[int | None, list[dict[str, Any]]] = defaultdict(list)

    @property
    def last_sequence(self) -> int:
        return len(self._entries)

    def append(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Keep the entry and return it with its sequence; its writer may still complete it."""
        numbered = {"sequence": len(self._entries) + 1, **entry}
        self._entries.append(numbered)
        self._by_team[entry.get("team_id")].append(numbered)
        return numbered

    def after(self, sequence: int, *, team_id: int | None, limit: int) -> tuple[list[dict[str, Any]], bool]:
        """Entries with a higher sequence, oldest first, of one team or of all, and whether there are more of them."""
        entries = self._entries if team_id is None else self._by_team.get(team_id, [])
        first = bisect_right(entries, sequence, key=lambda entry: entry["sequence"])
        return entries[first : first + limit], first + limit < len(entries)
