"""``/sandbox/teams/{id}/...``: what people do at Salesloft and no call can do: act, edit, archive, reassign."""

from typing import Any, get_args

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.salesloft.bustle import Bustle, BustlePlan
from sandbox.salesloft.control import fields_of, reply
from sandbox.salesloft.control_teams import described, team_of
from sandbox.salesloft.engagement import Act
from sandbox.salesloft.instants import parse
from sandbox.salesloft.seed import StepPlan, add_cadence
from sandbox.salesloft.simulator import Simulator

__all__ = ["RowControl"]

_STEPS = TypeAdapter(list[StepPlan])
_BUSTLE = TypeAdapter(BustlePlan)
_CADENCE_FLAGS = (
    "name",
    "draft",
    "team_cadence",
    "shared",
    "remove_replies_enabled",
    "remove_bounces_enabled",
    "override_contact_restrictions",
    "owner_id",
    "tags",
)


class RowControl:
    """The routes for rows below a team."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        one = "/sandbox/teams/{team_id:int}"
        cadence = f"{one}/cadences/{{cadence_id:int}}"
        return [
            Route(f"{one}/acts", self.act, methods=["POST"]),
            Route(f"{one}/churn", self.churn, methods=["POST"]),
            Route(f"{one}/bustle", self.bustle, methods=["POST"]),
            Route(f"{one}/changed", self.count_changed, methods=["GET"]),
            Route(f"{one}/users/{{user_id:int}}", self.change_user, methods=["PUT"]),
            Route(f"{one}/cadences", self.create_cadence, methods=["POST"]),
            Route(cadence, self.change_cadence, methods=["PUT"]),
            Route(cadence, self.delete_cadence, methods=["DELETE"]),
            Route(f"{cadence}/archive", self.archive_cadence, methods=["POST"]),
            Route(f"{cadence}/restore", self.restore_cadence, methods=["POST"]),
            Route(f"{one}/steps/{{step_id:int}}", self.change_step, methods=["PUT"]),
            Route(f"{one}/cadence_memberships/{{membership_id:int}}/reassign", self.reassign, methods=["POST"]),
        ]

    async def churn(self, request: Request) -> Response:
        """Changes `count` rows of `resource` (``people``, ``activities/emails`` ...) now, all at one instant."""
        team, fields = team_of(self._simulator, request), await fields_of(request)
        now = self._simulator.settle()
        changed = self._simulator.churn(team, str(fields["resource"]), int(fields.get("count", 1)), now)
        return reply({"changed": changed})

    async def bustle(self, request: Request) -> Response:
        """Plans the many `acts` of a BustlePlan, by kind, for the seconds to come; answers how many found somebody."""
        team, fields = team_of(self._simulator, request), await fields_of(request)
        _refuse_unknown(fields, tuple(BustlePlan.__dataclass_fields__))
        plan = _BUSTLE.validate_python(fields)
        settled_before = 0 if plan.settled_before is None else parse(plan.settled_before)
        now = self._simulator.settle()
        planned = Bustle(self._simulator, team, plan, settled_before=settled_before).begin(now)
        self._simulator.world.announce(now)
        return reply({"planned": planned})

    async def count_changed(self, request: Request) -> Response:
        """How many rows of each list have an `updated_at` between `since` and `until`, both included."""
        team, bounds = team_of(self._simulator, request), request.query_params
        self._simulator.settle()
        return reply({"changed": self._simulator.changed(team, parse(bounds["since"]), parse(bounds["until"]))})

    async def create_cadence(self, request: Request) -> Response:
        """A cadence with `name` and `steps` (`day`, `name`, `type`, `automated`), and the flags that a change takes."""
        team, now, fields = team_of(self._simulator, request), self._simulator.settle(), await fields_of(request)
        name, steps = str(fields.pop("name")), _STEPS.validate_python(fields.pop("steps", []))
        _refuse_unknown(fields, _CADENCE_FLAGS)
        cadence = add_cadence(self._simulator.world, team, name, steps, now)
        _assign(cadence, fields, _CADENCE_FLAGS)
        return reply(next(one for one in described(team)["cadences"] if one["id"] == cadence.id), 201)

    async def act(self, request: Request) -> Response:
        """Makes something happen now.

        `act` is view, click, reply, bounce, opt_out or restrict on `email_id`, complete_step on
        `cadence_membership_id`, or opt_out on `person_id`; `count` repeats it.
        """
        team, fields = team_of(self._simulator, request), await fields_of(request)
        now = self._simulator.settle()
        act = fields["act"]
        for _ in range(int(fields.get("count", 1))):
            if act == "complete_step":
                membership = team.memberships[int(fields["cadence_membership_id"])]
                if membership.open_action_id is None:
                    raise ValueError("the membership has no open action")
                self._simulator.memberships.do_manual_step(team, membership, membership.open_action_id, now)
            elif "person_id" in fields and act == "opt_out":
                self._simulator.engagement.forbid_contact(team, team.people[int(fields["person_id"])], now)
            elif act in get_args(Act):
                self._simulator.engagement.occur(team, team.emails[int(fields["email_id"])], act, now)
            else:
                raise ValueError(f"act is complete_step or one of {', '.join(get_args(Act))}")
        self._simulator.world.announce(now)
        return reply({"last_sequence": self._simulator.world.life_journal.last_sequence})

    async def change_user(self, request: Request) -> Response:
        """Sets `active`, `team_admin` or `email_client_configured`."""
        team, now = team_of(self._simulator, request), self._simulator.settle()
        user = team.users[request.path_params["user_id"]]
        _assign(user, await fields_of(request), ("active", "team_admin", "email_client_configured"))
        team.users.touch(user.id, now)
        return reply({"id": user.id})

    async def change_cadence(self, request: Request) -> Response:
        """Sets a cadence's flags: what only Salesloft's own pages can do."""
        team, now = team_of(self._simulator, request), self._simulator.settle()
        cadence = team.cadences[request.path_params["cadence_id"]]
        _assign(cadence, await fields_of(request), _CADENCE_FLAGS)
        team.cadences.touch(cadence.id, now)
        return reply({"id": cadence.id})

    async def archive_cadence(self, request: Request) -> Response:
        """Archives a cadence with the people on it."""
        team, now = team_of(self._simulator, request), self._simulator.settle()
        cadence = team.cadences[request.path_params["cadence_id"]]
        cadence.archived_at = now
        team.cadences.touch(cadence.id, now)
        for key in team.memberships_by_cadence.get(cadence.id, ()):
            if team.memberships[key].on_cadence:
                self._simulator.memberships.end(team, team.memberships[key], "archived", now)
        return reply({"id": cadence.id})

    async def restore_cadence(self, request: Request) -> Response:
        """Takes a cadence out of the archive; the people who were on it stay off."""
        team, now = team_of(self._simulator, request), self._simulator.settle()
        cadence = team.cadences[request.path_params["cadence_id"]]
        cadence.archived_at = None
        team.cadences.touch(cadence.id, now)
        return reply({"id": cadence.id})

    async def delete_cadence(self, request: Request) -> Response:
        """Deletes a cadence with its steps; the people on it are removed, and its records stay."""
        team, now = team_of(self._simulator, request), self._simulator.settle()
        cadence = team.cadences[request.path_params["cadence_id"]]
        for key in team.memberships_by_cadence.get(cadence.id, ()):
            if team.memberships[key].on_cadence:
                self._simulator.memberships.remove(team, team.memberships[key], now)
        for step in team.steps_by_cadence.pop(cadence.id, ()):
            team.steps.remove(step.id)
        team.cadences.remove(cadence.id)
        return Response(status_code=204)

    async def change_step(self, request: Request) -> Response:
        """Sets `disabled`, `automated` or `name`."""
        team, now = team_of(self._simulator, request), self._simulator.settle()
        step = team.steps[request.path_params["step_id"]]
        _assign(step, await fields_of(request), ("disabled", "automated", "name"))
        team.steps.touch(step.id, now)
        return reply({"id": step.id})

    async def reassign(self, request: Request) -> Response:
        """Hands a membership to `user_id`; answers the id of the record that goes on."""
        team, now = team_of(self._simulator, request), self._simulator.settle()
        membership = team.memberships[request.path_params["membership_id"]]
        user = team.users[int((await fields_of(request))["user_id"])]
        successor = self._simulator.memberships.reassign(team, membership, user.id, now)
        return reply({"id": membership.id, "successor_id": successor.id})


def _assign(row: Any, fields: dict[str, Any], names: tuple[str, ...]) -> None:
    _refuse_unknown(fields, names)
    for name, value in fields.items():
        setattr(row, name, value)


def _refuse_unknown(fields: dict[str, Any], names: tuple[str, ...]) -> None:
    if unknown := set(fields) - set(names):
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(names)}")
