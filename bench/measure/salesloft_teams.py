"""Teams in the simulated Salesloft, connected to organizations of ours, and what their journal tells."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox.salesloft.server import SimulatorClient
from service.roles import opened_sessions
from service.settings import PREFIX, Settings
from storage import organizations
from storage.pool import Database, DatabaseOptions
from workflows.clock import SystemClock
from workflows.credentials import ApiKey
from workflows.mappings import default_mappings, publish

__all__ = ["Team", "calls", "connected_teams", "memberships_made"]

# Nobody answers and nobody works, so that nothing ends an enrollment while it is measured.
_QUIET = {"reps_work": False, "bounce": 0.0, "view": 0.0, "opt_out": 0.0}


@dataclass(frozen=True, slots=True)
class Team:
    """A team and its organization; `owner_email` is a user's who sends."""

    organization_id: str
    team_id: int
    owner_email: str


async def connected_teams(
    simulator: SimulatorClient, dsn: str, environment: Mapping[str, str], *, teams: int, history: int
) -> list[Team]:
    """New teams with `history` people who have a past, connected, and the four default mappings published."""
    settings = Settings.model_validate({name.removeprefix(PREFIX).lower(): told for name, told in environment.items()})
    clock = SystemClock()
    connected = []
    async with (
        opened_sessions(settings, clock) as sessions,
        Database.connected(DatabaseOptions(dsn=dsn)) as database,
    ):
        for number in range(teams):
            made = await simulator.team(f"Bench {number}", temperament=_QUIET)
            if history:
                population = {"people": history, "cadence_id": made["cadences"][0]["id"]}
                await simulator.call("POST", f"teams/{made['team_id']}/population", population)
            team = Team(f"org-latency-{number}", made["team_id"], made["users"][1]["email"])
            await sessions.connect(team.organization_id, ApiKey(made["api_key"]), by="usr-1")
            async with database.transaction() as connection:
                facts = (await organizations.read_facts(connection, [team.organization_id]))[team.organization_id]
                defaults = default_mappings(team.organization_id, list(facts.cadences.values()))
                named = [(mapping, cadence.name) for mapping, cadence in defaults]
                await publish(connection, team.organization_id, named, by="usr-1", now=clock.now())
            connected.append(team)
    return connected


async def memberships_made(simulator: SimulatorClient, teams: Sequence[Team]) -> dict[str, float]:
    """When each address was put on a cadence, by Salesloft's own journal, in seconds since 1970."""
    made: dict[str, float] = {}
    for team in teams:
        address_of: dict[int, str] = {}
        for entry in await simulator.writes(team.team_id):
            if entry["resource"] == "people":
                for person_id in entry["ids"]:
                    address_of[person_id] = entry["body"].get("email_address", address_of.get(person_id, ""))
            elif entry["resource"] == "cadence_memberships" and entry["method"] == "POST":
                address = address_of[int(entry["body"]["person_id"])]
                made[address] = datetime.fromisoformat(entry["at"]).timestamp()
    return made


async def calls(simulator: SimulatorClient, teams: Sequence[Team]) -> dict[str, int]:
    """How often each endpoint was asked, all teams together."""
    asked: Counter[str] = Counter()
    for team in teams:
        asked.update((await simulator.usage(team.team_id))["by_endpoint"])
    return dict(asked.most_common())
