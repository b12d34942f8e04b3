"""The state of all teams: plain rows and their indexes, synchronous, without clock or sockets of its own."""

import heapq
from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from itertools import count
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.salesloft.budget import RateBudget
from sandbox.salesloft.instants import SECOND
from sandbox.salesloft.journal import Journal
from sandbox.salesloft.records import (
    Account,
    Action,
    ActivityHistory,
    BulkJob,
    Cadence,
    Call,
    Email,
    JobData,
    Membership,
    Person,
    Row,
    Step,
    Subscription,
    User,
)
from sandbox.salesloft.switches import Switches, Temperament
from sandbox.salesloft.tables import Change, Table

__all__ = ["Sequences", "Team", "World", "bump"]


class Sequences:
    """Ids as Salesloft gives them: one row of numbers per resource, shared by all teams, of realistic size."""

    def __init__(self) -> None:
        self.team = count(80_101)
        self.user = count(515_501)
        self.cadence = count(654_901)
        self.step = count(7_001_001)
        self.details = count(881_001)
        self.account = count(88_240_001)
        self.person = count(436_664_001)
        self.membership = count(146_990_001)
        self.action = count(901_122_001)
        self.email = count(722_488_001)
        self.call = count(62_300_001)
        self.note = count(51_700_001)
        self.history = count(1)
        self.subscription = count(31_001)
        self.bulk_job = count(211)
        self.job_data = count(90_301)


def _ignore(_team: "Team", _resource: str, _row: Row, _change: Change) -> None:
    """Before anyone wants to hear of changes."""


def _stay_silent(_instant: int) -> None:
    """Before anyone wants to tell of changes."""


class Team:
    """One Salesloft team. Rows are changed through its methods, which keep the indexes true."""

    def __init__(self, *, team_id: int, name: str, zone: ZoneInfo, created_at: int) -> None:
        self.id = team_id
        self.name = name
        self.zone = zone
        self.created_at = created_at
        self.updated_at = created_at
        self.switches = Switches()
        self.temperament = Temperament()
        self.budget = RateBudget()
        self.subscriptions: dict[int, Subscription] = {}
        self.on_change: Callable[[Team, str, Row, Change], None] = _ignore
        self._chance = Random(name)
        self.users: Table[int, User] = self._table("user")
        self.cadences: Table[int, Cadence] = self._table("cadence")
        self.steps: Table[int, Step] = self._table("step")
        self.accounts: Table[int, Account] = self._table("account")
        self.people: Table[int, Person] = self._table("person")
        self.memberships: Table[int, Membership] = self._table("cadence_membership")
        self.actions: Table[int, Action] = self._table("action")
        self.emails: Table[int, Email] = self._table("email")
        self.calls: Table[int, Call] = self._table("call")
        self.histories: Table[str, ActivityHistory] = self._table("activity_history")
        self.bulk_jobs: Table[int, BulkJob] = self._table("bulk_job")
        self.job_data: defaultdict[int, list[JobData]] = defaultdict(list)
        self.has_ongoing_actions = False
        self.bulk_queue: deque[Callable[[int], bool]] = deque()
        self.steps_by_cadence: defaultdict[int, list[Step]] = defaultdict(list)
        self.people_by_email: defaultdict[str, set[int]] = defaultdict(set)
        self.people_by_account: defaultdict[int, set[int]] = defaultdict(set)
        self.memberships_by_person: defaultdict[int, list[int]] = defaultdict(list)
        self.memberships_by_cadence: defaultdict[int, list[int]] = defaultdict(list)
        self.emails_by_person: defaultdict[int, list[int]] = defaultdict(list)

    def _table(self, resource: str) -> Table[Any, Any]:
        return Table(partial(self._lag, resource), partial(self.note, resource))

    def _lag(self, resource: str) -> int:
        late = self.switches.late_resources
        seconds = self.switches.commit_lag_seconds if not late or resource in late else 0.0
        return self._chance.randrange(int(seconds * SECOND)) if seconds else 0

    def note(self, resource: str, row: Row, change: Change) -> None:
        """Tell whoever wants to hear of changes."""
        if self.subscriptions:
            self.on_change(self, resource, row, change)

    def add_person(self, person: Person) -> None:
        self.people.add(person.id, person)
        if person.email_address:
            self.people_by_email[person.email_address.lower()].add(person.id)
        if person.account_id is not None:
            self.people_by_account[person.account_id].add(person.id)

    def change_address(self, person: Person, address: str | None) -> None:
        if person.email_address:
            self.people_by_email[person.email_address.lower()].discard(person.id)
        if address:
            self.people_by_email[address.lower()].add(person.id)
        person.email_address = address

    def change_account(self, person: Person, account_id: int | None) -> None:
        if person.account_id is not None:
            self.people_by_account[person.account_id].discard(person.id)
        if account_id is not None:
            self.people_by_account[account_id].add(person.id)
        person.account_id = account_id

    def forget_person(self, person: Person) -> None:
        self.people.remove(person.id)
        self.change_address(person, None)
        self.change_account(person, None)

    def add_membership(self, membership: Membership) -> None:
        self.memberships.add(membership.id, membership)
        self.memberships_by_person[membership.person_id].append(membership.id)
        self.memberships_by_cadence[membership.cadence_id].append(membership.id)

    def add_email(self, email: Email) -> None:
        self.emails.add(email.id, email)
        self.emails_by_person[email.recipient_id].append(email.id)

    def memberships_of(self, person_id: int) -> list[Membership]:
        return [self.memberships[key] for key in self.memberships_by_person.get(person_id, ())]

    def membership_record(self, person_id: int, cadence_id: int) -> Membership | None:
        """The record that an addition reuses: the one on the cadence, else the newest that was not reassigned away."""
        found = [m for m in self.memberships_of(person_id) if m.cadence_id == cadence_id]
        current = [m for m in found if m.on_cadence]
        reusable = [m for m in found if m.state != "reassigned"]
        found = current or reusable
        return found[-1] if found else None

    def steps_of(self, cadence_id: int) -> list[Step]:
        """A cadence's enabled steps in the order they are taken: by day, then by number within the day."""
        steps = [step for step in self.steps_by_cadence.get(cadence_id, ()) if not step.disabled]
        return sorted(steps, key=lambda step: (step.day, step.step_number))

    def add_step(self, step: Step) -> None:
        self.steps.add(step.id, step)
        self.steps_by_cadence[step.cadence_id].append(step)

    def people_can_be_added(self, cadence: Cadence, user_id: int) -> bool:
        """What the list's `people_addable` says for that user."""
        is_open = not cadence.draft and cadence.archived_at is None
        return is_open and (cadence.team_cadence or cadence.owner_id == user_id)

    def admin(self) -> User:
        return next(user for user in self.users if user.team_admin)

    def guid_of(self, user_id: int | None) -> str | None:
        user = None if user_id is None else self.users.get(user_id)
        return None if user is None else user.guid

    def user_zone(self, user_id: int) -> ZoneInfo:
        user = self.users.get(user_id)
        return self.zone if user is None else ZoneInfo(user.time_zone)


class World:
    """All teams, the queue of what will happen, and the journal of what life changed."""

    def __init__(self, *, seed: int) -> None:
        self.seed = seed
        self.ids = Sequences()
        self.teams: dict[int, Team] = {}
        self.life_journal = Journal()
        self.announce: Callable[[int], None] = _stay_silent
        self._queue: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = count()

    def schedule(self, instant: int, happening: Callable[[int], None]) -> None:
        """Have it called with that instant once the clock gets there."""
        heapq.heappush(self._queue, (instant, next(self._order), happening))

    @property
    def next_happening_at(self) -> int | None:
        return self._queue[0][0] if self._queue else None

    def settle(self, now: int) -> None:
        """Let everything happen that is due by `now`, each at its own instant."""
        while self._queue and self._queue[0][0] <= now:
            instant, _, happening = heapq.heappop(self._queue)
            happening(instant)
            self.announce(instant)

    def record_change(self, team: Team, instant: int, kind: str, change: dict[str, Any]) -> None:
        """Keep a counter's or a state's change in the life journal; `kind` reads ``email.views``."""
        self.life_journal.append({"at_microseconds": instant, "team_id": team.id, "kind": kind, **change})

    def add_history(
        self,
        team: Team,
        *,
        kind: str,
        person_id: int,
        now: int,
        user_id: int | None,
        resource_id: int | None = None,
        static: dict[str, Any] | None = None,
        dynamic: dict[str, Any] | None = None,
    ) -> ActivityHistory:
        """Write one line of a person's feed. Its id names what it is about, else a running number."""
        user = team.users.get(user_id) if user_id is not None else None
        key = f"{kind}-{resource_id if resource_id is not None else next(self.ids.history)}"
        if team.histories.get(key) is not None:
            key = f"{key}-{next(self.ids.history)}"
        row = ActivityHistory(
            id=key,
            created_at=now,
            updated_at=now,
            type=kind,
            person_id=person_id,
            user_guid=None if user is None else user.guid,
            occurred_at=now,
            static_data=static or {},
            dynamic_data=dynamic or {},
        )
        team.histories.add(key, row)
        return row


def bump(row: Row, counter: str, by: int = 1) -> int:
    """Raise one of a row's counters and return its new value."""
    value: int = getattr(row, counter) + by
    setattr(row, counter, value)
    return value
