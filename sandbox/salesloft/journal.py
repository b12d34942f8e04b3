"""Numbered, append-only lists of what happened: the judge of a test."""

from typing import Any

__all__ = ["Journal"]


class Journal:
    """Entries get the sequence 1, 2, 3 ..."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []

    @property
    def last_sequence(self) -> int:
        return len(self._entries)

    def append(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Keep the entry and return it with its sequence; its writer may still complete it."""
        numbered = {"sequence": len(self._entries) + 1, **entry}
        self._entries.append(numbered)
        return numbered

    def after(self, sequence: int, *, team_id: int | None, limit: int) -> list[dict[str, Any]]:
        """Entries with a higher sequence, oldest first, of one team or of all."""
        found: list[dict[str, Any]] = []
        for entry in self._entries[max(sequence, 0) :]:
            if team_id is None or entry.get("team_id") == team_id:
                found.append(entry)
                if len(found) == limit:
                    break
        return found
