"""``/sandbox/teams``: make a team of one's own in one call, turn its switches, add people, issue and end tokens."""

from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.salesloft.auth import ALL_SCOPES, Application
from sandbox.salesloft.control import fields_of, reply
from sandbox.salesloft.past import live_through
from sandbox.salesloft.seed import TeamPlan, add_people, found_team, populate
from sandbox.salesloft.simulator import Simulator
from sandbox.salesloft.switches import Switches, Temperament
from sandbox.salesloft.world import Team

__all__ = ["TeamControl", "described", "team_of", "team_with_credentials"]

_PLAN = TypeAdapter(TeamPlan)
_SWITCHES = TypeAdapter(Switches)
_TEMPERAMENT = TypeAdapter(Temperament)


def team_with_credentials(simulator: Simulator, plan: TeamPlan) -> dict[str, Any]:
    """A new team, described, with an application of its own, an admin's token pair and an API key."""
    now = simulator.settle()
    team = found_team(simulator.world, plan, now)
    if plan.history_weeks:
        live_through(simulator, team, now)
    team.on_change = simulator.webhooks.note
    application = simulator.authority.register(
        Application(client_id=f"client-{team.id}", client_secret=f"secret-{team.id}", team_id=team.id)
    )
    admin = team.admin()
    pair = simulator.authority.authorize(application, team_id=team.id, user_id=admin.id, now=now)
    return {
        **described(team),
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "tokens": pair.as_json(),
        "api_key": simulator.authority.issue_api_key(team_id=team.id, user_id=admin.id),
    }


def team_of(simulator: Simulator, request: Request) -> Team:
    """The team in the path; raises KeyError where there is none."""
    team = simulator.world.teams.get(request.path_params["team_id"])
    if team is None:
        raise KeyError(f"team {request.path_params['team_id']}")
    return team


def described(team: Team) -> dict[str, Any]:
    """What a test needs to know of a team: its users and its cadences with their steps in order."""
    return {
        "team_id": team.id,
        "name": team.name,
        "users": [
            {
                "id": u.id,
                "guid": u.guid,
                "email": u.email,
                "name": f"{u.first_name} {u.last_name}",
                "admin": u.team_admin,
            }
            for u in team.users
        ],
        "cadences": [
            {
                "id": cadence.id,
                "name": cadence.name,
                "team_cadence": cadence.team_cadence,
                "draft": cadence.draft,
                "archived": cadence.archived_at is not None,
                "owner_id": cadence.owner_id,
                "steps": [
                    {"id": s.id, "type": s.type, "day": s.day, "step_number": s.step_number, "automated": s.automated}
                    for s in team.steps_of(cadence.id)
                ],
            }
            for cadence in team.cadences
        ],
    }


class TeamControl:
    """The routes below ``/sandbox/teams``."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        one = "/sandbox/teams/{team_id:int}"
        return [
            Route("/sandbox/teams", self.list_teams, methods=["GET"]),
            Route("/sandbox/teams", self.create, methods=["POST"]),
            Route(one, self.show, methods=["GET"]),
            Route(f"{one}/switches", self.set_switches, methods=["PUT"]),
            Route(f"{one}/temperament", self.set_temperament, methods=["PUT"]),
            Route(f"{one}/people", self.add_people, methods=["POST"]),
            Route(f"{one}/population", self.populate, methods=["POST"]),
            Route(f"{one}/tokens", self.issue_token, methods=["POST"]),
            Route(f"{one}/tokens", self.revoke_tokens, methods=["DELETE"]),
            Route(f"{one}/tokens/expire", self.expire_tokens, methods=["POST"]),
            Route(f"{one}/usage", self.usage, methods=["GET"]),
        ]

    def _team(self, request: Request) -> Team:
        return team_of(self._simulator, request)

    async def list_teams(self, _request: Request) -> Response:
        """Every team with its users and cadences."""
        return reply({"teams": [described(team) for team in self._simulator.world.teams.values()]})

    async def create(self, request: Request) -> Response:
        """Takes a TeamPlan's fields, and `switches` and `temperament` to start with."""
        fields = await fields_of(request)
        switches, temperament = fields.pop("switches", {}), fields.pop("temperament", {})
        _refuse_unknown(fields, TeamPlan)
        made = team_with_credentials(self._simulator, _PLAN.validate_python(fields))
        team = self._simulator.world.teams[made["team_id"]]
        self._turn(team, switches)
        self._temper(team, temperament)
        return reply(made, 201)

    async def show(self, request: Request) -> Response:
        """One team, its switches and its temperament."""
        team = self._team(request)
        return reply(
            {**described(team), "switches": asdict(team.switches), "temperament": asdict(team.temperament)},
        )

    async def set_switches(self, request: Request) -> Response:
        """Changes the switches that are sent and answers all of them."""
        team = self._team(request)
        self._turn(team, await fields_of(request))
        return reply(asdict(team.switches))

    async def set_temperament(self, request: Request) -> Response:
        """Changes how people and reps behave, in what is sent, and answers all of it."""
        team = self._team(request)
        self._temper(team, await fields_of(request))
        return reply(asdict(team.temperament))

    def _turn(self, team: Team, fields: dict[str, Any]) -> None:
        _refuse_unknown(fields, Switches)
        before = team.switches
        team.switches = _SWITCHES.validate_python({**asdict(before), **fields})
        if team.switches.schema != before.schema:
            self._simulator.forget_rendered(team)
        if before.processing_stuck and not team.switches.processing_stuck:
            self._simulator.memberships.release_stuck(team, self._simulator.settle())

    def _temper(self, team: Team, fields: dict[str, Any]) -> None:
        _refuse_unknown(fields, Temperament)
        team.temperament = _TEMPERAMENT.validate_python({**asdict(team.temperament), **fields})

    async def add_people(self, request: Request) -> Response:
        """Adds `count` people and answers their ids and addresses."""
        team, fields = self._team(request), await fields_of(request)
        added = add_people(self._simulator.world, team, int(fields["count"]), self._simulator.settle())
        return reply({"people": [{"id": one.id, "email_address": one.email_address} for one in added]}, 201)

    async def populate(self, request: Request) -> Response:
        """Adds `people` with an ended membership of `cadence_id` and `emails_each` sent e-mails, for volume.

        Each `same_instant` memberships in a row share their `updated_at` to the microsecond.
        """
        team, fields = self._team(request), await fields_of(request)
        cadence = team.cadences[int(fields["cadence_id"])]
        made = populate(
            self._simulator.world,
            team,
            cadence,
            people=int(fields["people"]),
            emails_each=int(fields.get("emails_each", 1)),
            same_instant=int(fields.get("same_instant", 1)),
            now=self._simulator.settle(),
        )
        return reply(made, 201)

    async def issue_token(self, request: Request) -> Response:
        """A token without the OAuth dance.

        Takes `user_id` (default the admin), `kind` oauth or api_key, `scopes`, and for oauth the `client_id`
        (default the team's own application).
        """
        team, fields = self._team(request), await fields_of(request)
        user = team.users[int(fields["user_id"])] if "user_id" in fields else team.admin()
        scopes = str(fields.get("scopes", ALL_SCOPES))
        authority = self._simulator.authority
        if fields.get("kind", "oauth") == "api_key":
            return reply({"api_key": authority.issue_api_key(team_id=team.id, user_id=user.id, scopes=scopes)}, 201)
        own = authority.applications[str(fields.get("client_id", f"client-{team.id}"))]
        application = Application(client_id=own.client_id, client_secret=own.client_secret, scopes=scopes)
        pair = authority.authorize(application, team_id=team.id, user_id=user.id, now=self._simulator.settle())
        return reply(pair.as_json(), 201)

    async def revoke_tokens(self, request: Request) -> Response:
        """Ends all OAuth tokens of the team, as when an admin removes the application; `?kind=api_key` its API keys."""
        authority, team_id = self._simulator.authority, self._team(request).id
        of_keys = request.query_params.get("kind") == "api_key"
        return reply({"revoked": authority.revoke_api_keys(team_id) if of_keys else authority.revoke_team(team_id)})

    async def expire_tokens(self, request: Request) -> Response:
        """Ends the OAuth access tokens of the team now; their refresh tokens live on."""
        team = self._team(request)
        return reply({"expired": self._simulator.authority.expire_access(team.id, self._simulator.settle())})

    async def usage(self, request: Request) -> Response:
        """What the team's callers have asked for and spent since the start, by method and resource."""
        budget = self._team(request).budget
        return reply(
            {
                "requests": budget.requests,
                "refused": budget.refused,
                "cost": budget.spent_in_all,
                "by_endpoint": dict(budget.by_endpoint),
            }
        )


def _refuse_unknown(fields: dict[str, Any], kind: type[TeamPlan | Switches | Temperament]) -> None:
    if unknown := set(fields) - set(kind.__dataclass_fields__):
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(kind.__dataclass_fields__)}")
