"""A great many acts at once: picked by chance, spread over a while to come, some of them at the very same instant.

What one call plans happens like everything else, each act at its own instant and with all that follows from it, and is
journaled in the same way. The same seed and the same past give the same acts.

Salesloft shows counters and records as they stand, so what was never read is lost to any reader: a count that falls
before its peak was seen, a stay that is over before it was. An act that takes something away waits for that: it befalls
only what has not changed since `settled_before`, which the caller knows to be read.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from random import Random
from typing import Literal, get_args

from sandbox.salesloft.calls import log_call
from sandbox.salesloft.engagement import Act
from sandbox.salesloft.instants import SECOND
from sandbox.salesloft.records import Email, Membership, Person, Row
from sandbox.salesloft.simulator import Simulator
from sandbox.salesloft.world import Team

__all__ = ["Bustle", "BustlePlan"]

BustleAct = Literal[
    "view",
    "click",
    "reply",
    "bounce",
    "take_back",
    "call",
    "complete_step",
    "opt_out",
    "add",
    "remove",
    "add_again",
    "remove_and_add_again",
    "delete_person",
]
_MAIL_ACTS: tuple[Literal["view", "click", "reply", "bounce"], ...] = ("view", "click", "reply", "bounce")
_ON_EMAILS = frozenset({*_MAIL_ACTS, "take_back"})
_ON_PEOPLE = frozenset({"opt_out", "delete_person"})
_Happening = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BustlePlan:
    """How many of which acts, within how many seconds from now; with 0 all of them happen at this instant.

    `ties` are the numbers of acts that share an instant, one of them picked for each instant. `add` puts people on
    `cadence_ids` who never were there, each on each, until so many were put there. `settled_before` (RFC 3339) is for
    `take_back`, by which a count of views, clicks or replies falls, for `add_again` and `remove_and_add_again` (within
    one instant), and for `delete_person`: none of them happens to what has changed since, nor without it. `among`, a
    divisor and a remainder, leaves alone everybody whose id does not leave that remainder.
    """

    seed: int
    acts: Mapping[BustleAct, int]
    within_seconds: float = 0.0
    ties: tuple[int, ...] = (1,)
    cadence_ids: tuple[int, ...] = ()
    settled_before: str | None = None
    among: tuple[int, int] = (1, 0)

    def concerns(self, person_id: int) -> bool:
        divisor, remainder = self.among
        return person_id % divisor == remainder


class Bustle:
    """Plans such acts for one team. `settled_before` is the plan's, in microseconds, 0 where it names none."""

    def __init__(self, simulator: Simulator, team: Team, plan: BustlePlan, *, settled_before: int) -> None:
        self._simulator = simulator
        self._team = team
        self._plan = plan
        self._settled_before = settled_before
        self._chance = Random(f"{simulator.world.seed}/{team.name}/bustle/{plan.seed}")

    def begin(self, now: int) -> dict[str, int]:
        """Plan everything; answers how many acts of each kind found somebody. Raises ValueError for what is none."""
        if unknown := set(self._plan.acts) - set(get_args(BustleAct)):
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(get_args(BustleAct))}")
        if min(self._plan.ties, default=0) < 1:
            raise ValueError("ties are numbers of acts, from 1")
        planned = {act: list(self._of_kind(act, count)) for act, count in self._plan.acts.items()}
        acts = list(chain.from_iterable(planned.values()))
        self._chance.shuffle(acts)
        while acts:
            group = [acts.pop() for _ in range(min(len(acts), self._chance.choice(self._plan.ties)))]
            instant = now + int(self._chance.random() * self._plan.within_seconds * SECOND)
            if instant == now:
                _happen(group, now)
            else:
                self._simulator.world.schedule(instant, partial(_happen, group))
        return {act: len(found) for act, found in planned.items()}

    def _of_kind(self, act: BustleAct, count: int) -> Iterable[_Happening]:
        if act == "add":
            return self._additions(count)
        rows, happen = self._candidates(act)
        if act in {"view", "click", "reply", "call"}:
            # The same one may be looked at again and again.
            chosen = self._chance.choices(rows, k=count) if rows else []
        else:
            chosen = self._chance.sample(rows, min(count, len(rows)))
        return [partial(happen, row) for row in chosen]

    def _candidates(self, act: BustleAct) -> tuple[list[int], Callable[[int, int], None]]:
        """The ids of the rows that an act may befall, and what it does to one of them at an instant."""
        team, settled = self._team, self._is_settled
        concerns = self._plan.concerns
        emails = [row for row in team.emails if concerns(row.recipient_id)] if act in _ON_EMAILS else []
        people = [row for row in team.people if concerns(row.id)] if act in _ON_PEOPLE else []
        on_memberships = act not in _ON_EMAILS | _ON_PEOPLE
        memberships = [row for row in team.memberships if concerns(row.person_id)] if on_memberships else []
        kinds: dict[BustleAct, tuple[Iterable[int], Callable[[int, int], None]]] = {
            "take_back": (
                (row.id for row in emails if settled(row) and (row.views or row.clicks or row.replies)),
                self._take_back,
            ),
            "call": ((row.id for row in memberships if row.on_cadence), self._call),
            "complete_step": (
                (row.id for row in memberships if row.open_action_id is not None),
                self._complete_step,
            ),
            "opt_out": ((row.id for row in people if not row.do_not_contact), self._opt_out),
            "remove": ((row.id for row in memberships if row.on_cadence), self._remove),
            "add_again": ((row.id for row in memberships if settled(row) and not row.on_cadence), self._add_again),
            "remove_and_add_again": (
                (row.id for row in memberships if settled(row) and row.on_cadence),
                self._remove_and_add_again,
            ),
            "delete_person": ((row.id for row in people if self._is_all_settled(row)), self._delete_person),
        }
        for mail_act in _MAIL_ACTS:
            kinds[mail_act] = (row.id for row in emails if row.status == "sent"), partial(self._act, mail_act)
        rows, happen = kinds[act]
        return list(rows), happen

    def _is_settled(self, row: Row) -> bool:
        return row.updated_at < self._settled_before

    def _is_all_settled(self, person: Person) -> bool:
        """Whether nothing that the person did is new to a reader."""
        team = self._team
        emails = (team.emails[key] for key in team.emails_by_person.get(person.id, ()))
        return all(map(self._is_settled, (person, *emails, *team.memberships_of(person.id))))

    def _additions(self, count: int) -> Iterable[_Happening]:
        team = self._team
        cadences = [team.cadences[key] for key in self._plan.cadence_ids]
        places = (
            (person.id, cadence.id)
            for person in team.people
            for cadence in cadences
            if team.membership_record(person.id, cadence.id) is None
        )
        return [partial(self._add, *place) for place in islice(places, count)]

    def _add(self, person_id: int, cadence_id: int, now: int) -> None:
        person, cadence = self._team.people.get(person_id), self._team.cadences[cadence_id]
        if person is not None and not person.do_not_contact:
            user_id = person.owner_id or self._team.admin().id
            start = self._team.steps_of(cadence_id)[0]
            self._simulator.memberships.add(self._team, person, cadence, user_id=user_id, start=start, now=now)

    def _act(self, act: Act, email_id: int, now: int) -> None:
        email = self._team.emails[email_id]
        if self._team.people.get(email.recipient_id) is not None:
            self._simulator.engagement.occur(self._team, email, act, now)

    def _take_back(self, email_id: int, now: int) -> None:
        email: Email = self._team.emails[email_id]
        if self._team.people.get(email.recipient_id) is not None and self._is_settled(email):
            self._simulator.engagement.take_back(self._team, email, self._chance, now)

    def _call(self, membership_id: int, now: int) -> None:
        membership = self._team.memberships[membership_id]
        person = self._team.people.get(membership.person_id)
        if person is not None and membership.on_cadence:
            log_call(
                self._simulator.world,
                self._team,
                person=person,
                user_id=membership.user_id,
                now=now,
                membership=membership,
                details={"disposition": "Connected", "duration": 60},
            )

    def _complete_step(self, membership_id: int, now: int) -> None:
        membership = self._team.memberships[membership_id]
        # What is scheduled sends itself.
        if membership.open_action_id is not None and membership.open_email_id is None:
            self._simulator.memberships.do_manual_step(self._team, membership, membership.open_action_id, now)

    def _opt_out(self, person_id: int, now: int) -> None:
        person = self._team.people.get(person_id)
        if person is not None and not person.do_not_contact:
            self._simulator.engagement.forbid_contact(self._team, person, now)

    def _remove(self, membership_id: int, now: int) -> None:
        membership = self._team.memberships[membership_id]
        if membership.on_cadence:
            self._simulator.memberships.remove(self._team, membership, now)

    def _add_again(self, membership_id: int, now: int) -> None:
        membership = self._team.memberships[membership_id]
        if self._is_settled(membership) and not membership.on_cadence:
            self._put_back(membership, now)

    def _remove_and_add_again(self, membership_id: int, now: int) -> None:
        membership = self._team.memberships[membership_id]
        if self._is_settled(membership) and membership.on_cadence:
            self._remove(membership_id, now)
            self._put_back(membership, now)

    def _put_back(self, membership: Membership, now: int) -> None:
        # A reassigned record is left behind: an addition goes to the one that came after it.
        if self._team.membership_record(membership.person_id, membership.cadence_id) is membership:
            self._add(membership.person_id, membership.cadence_id, now)

    def _delete_person(self, person_id: int, now: int) -> None:
        person = self._team.people.get(person_id)
        if person is not None and self._is_all_settled(person):
            self._simulator.delete_person(self._team, person, now)


def _happen(group: list[_Happening], now: int) -> None:
    for happening in group:
        happening(now)
