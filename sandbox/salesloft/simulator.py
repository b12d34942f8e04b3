"""The whole simulator without its sockets: clock, world, life, tokens, faults and the journal of writes."""

from collections.abc import Callable, Iterable
from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.salesloft.auth import Application, Authority
from sandbox.salesloft.clock import SimulatedClock
from sandbox.salesloft.engagement import MailEngagement
from sandbox.salesloft.faults import FaultBoard
from sandbox.salesloft.journal import Journal
from sandbox.salesloft.memberships import MembershipLife
from sandbox.salesloft.records import Person
from sandbox.salesloft.webhooks import Webhooks
from sandbox.salesloft.world import Team, World

if TYPE_CHECKING:
    from sandbox.salesloft.records import Row
    from sandbox.salesloft.tables import Table

__all__ = ["Simulator"]


class Simulator:
    """Every request settles first: what life had planned until now has happened before anyone looks."""

    def __init__(
        self, *, seed: int, start: int, speed: float, monotonic: Callable[[], float], application: Application
    ) -> None:
        self.clock = SimulatedClock(start=start, speed=speed, monotonic=monotonic)
        self.world = World(seed=seed)
        self.engagement = MailEngagement(self.world)
        self.memberships = MembershipLife(self.world, self.engagement)
        self.engagement.removal = self.memberships
        self.authority = Authority(self._token_life)
        self.authority.register(application)
        self.application = application
        self.faults = FaultBoard(seed=seed)
        self._chance = Random(f"{seed}/churn")
        self.journal = Journal()
        self.webhooks = Webhooks(self.world, self.clock)
        self.world.announce = self.webhooks.announce
        self.consenting_user: int | None = None
        self.consent_is_refused = False
        self.consent_is_asked = False

    def settle(self) -> int:
        """Let life catch up with the clock, and tell what has changed since; returns the instant that it is now."""
        now = self.clock.now()
        self.world.announce(now)
        self.world.settle(now)
        return now

    def _token_life(self, team_id: int) -> int:
        return self.world.teams[team_id].switches.access_token_seconds

    def team_of_user(self, user_id: int) -> Team | None:
        return next((team for team in self.world.teams.values() if team.users.get(user_id) is not None), None)

    def churn(self, team: Team, path: str, rows: int, now: int) -> int:
        """Change rows of the list that a path below ``/v2`` asks for; returns how many, 0 where it is no list."""
        table = _lists(team).get(path.strip("/").removesuffix(".json"))
        if table is None:
            return 0
        chosen = table.some(rows, self._chance)
        for key in chosen:
            table.touch(key, now)
        self.world.announce(now)
        return len(chosen)

    def delete_person(self, team: Team, person: Person, now: int) -> None:
        """The person is gone; memberships stay and say `person_deleted`."""
        self.memberships.remove_everywhere(team, person, now)
        for membership in team.memberships_of(person.id):
            membership.person_deleted = True
            team.memberships.touch(membership.id, now)
        team.forget_person(person)
        self.world.record_change(team, now, "person.deleted", {"person_id": person.id})

    def changed(self, team: Team, since: int, until: int) -> dict[str, int]:
        """How many rows of each list have an `updated_at` from one instant up to and with another."""
        return {path: table.first_after(until) - table.first_at_or_after(since) for path, table in _lists(team).items()}

    def forget_rendered(self, team: Team) -> None:
        """A switch that changes how rows look makes their kept JSON stale."""
        tables: tuple[Iterable[Row], ...] = (
            team.users,
            team.cadences,
            team.steps,
            team.accounts,
            team.people,
            team.memberships,
            team.emails,
            team.calls,
            team.histories,
        )
        for row in chain.from_iterable(tables):
            row.rendered = None


def _lists(team: Team) -> "dict[str, Table[Any, Any]]":
    """The lists that are read by `updated_at`, by their paths below ``/v2``."""
    return {
        "cadences": team.cadences,
        "steps": team.steps,
        "accounts": team.accounts,
        "people": team.people,
        "cadence_memberships": team.memberships,
        "actions": team.actions,
        "activities/emails": team.emails,
        "activities/calls": team.calls,
        "activity_histories": team.histories,
    }
