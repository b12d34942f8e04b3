"""The simulator's journal of accepted writes: the judge of what was really done at Salesloft."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesloft.server import SimulatorClient

__all__ = ["Journal", "Place", "is_membership_made"]

Place = tuple[str, int, int]
"""Organization, Salesloft person and cadence."""

_PAGE = 10_000


@dataclass(slots=True)
class Journal:
    """Reads on from where it stands. `entries` are all teams', in each team's order."""

    simulator: SimulatorClient
    teams: Mapping[str, int]
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    made: Counter[Place] = field(default_factory=Counter)

    async def read_on(self) -> None:
        """Take in what was written since."""
        for organization, team_id in self.teams.items():
            known = self.entries.setdefault(organization, [])
            while fresh := await self.simulator.writes(team_id, known[-1]["sequence"] if known else 0):
                known += fresh
                for entry in fresh:
                    if is_membership_made(entry):
                        body = entry["body"]
                        self.made[organization, int(body["person_id"]), int(body["cadence_id"])] += 1
                if len(fresh) < _PAGE:
                    break


def is_membership_made(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is a membership that was created."""
    return bool(entry["resource"] == "cadence_memberships" and entry["method"] == "POST")
