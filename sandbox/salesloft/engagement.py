"""What recipients do with an e-mail: view, click, reply, bounce, opt out.

Salesloft has no event for any of these. They show as cumulative counts on the e-mail and the membership, where every
occurrence counts, and on the person, where an e-mail counts once (Salesloft docs: emails, people).
"""

from functools import partial
from random import Random
from typing import Literal, Protocol

from sandbox.salesloft.instants import HOUR, MINUTE
from sandbox.salesloft.records import Email, Membership, Person
from sandbox.salesloft.switches import Temperament
from sandbox.salesloft.world import Team, World, bump

__all__ = ["Act", "MailEngagement", "Removal", "plan"]

Act = Literal["view", "click", "reply", "bounce", "opt_out", "restrict"]

_MOST_VIEWS = 6
_COUNTED: dict[Act, tuple[str, str]] = {
    "view": ("views", "emails_viewed"),
    "click": ("clicks", "emails_clicked"),
    "reply": ("replies", "emails_replied_to"),
}


class Removal(Protocol):
    """Takes people off cadences."""

    def remove(self, team: Team, membership: Membership, now: int) -> None: ...

    def remove_everywhere(self, team: Team, person: Person, now: int) -> None: ...

    def pass_over_restricted(self, team: Team, person: Person, now: int) -> None: ...


def plan(chance: Random, temperament: Temperament, address: str) -> list[tuple[int, Act]]:
    """What the recipient will do, each with its delay in microseconds after the e-mail was sent."""
    local_part = address.partition("@")[0]
    rule = next((rule for rule in temperament.by_address if rule.contains in local_part), None)

    def happens(act: Act) -> bool:
        told = None if rule is None else getattr(rule, act)
        likely: float = getattr(temperament, act) if told is None else told
        return chance.random() < likely

    if happens("bounce"):
        return [(chance.randint(MINUTE, 10 * MINUTE), "bounce")]
    acts: list[tuple[int, Act]] = []
    viewed_at = chance.randint(5 * MINUTE, 8 * HOUR)
    while len(acts) < _MOST_VIEWS and happens("view"):
        acts.append((viewed_at, "view"))
        viewed_at += chance.randint(10 * MINUTE, 20 * HOUR)
    if not acts:
        return []
    first = acts[0][0]
    if happens("click"):
        acts.append((first + chance.randint(MINUTE // 2, 5 * MINUTE), "click"))
    if happens("reply"):
        acts.append((first + chance.randint(5 * MINUTE, 12 * HOUR), "reply"))
    ways_out: tuple[Act, ...] = ("opt_out", "restrict")
    acts += [(first + chance.randint(MINUTE, HOUR), way_out) for way_out in ways_out if happens(way_out)]
    return sorted(acts)


class MailEngagement:
    """Plans what follows a sent e-mail and lets it happen."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.removal: Removal | None = None

    def follow(self, team: Team, email: Email, now: int) -> None:
        address = email.recipient_email_address
        if address is None:
            return
        step = team.steps.get(email.step_id) if email.step_id is not None else None
        place = "" if step is None else f"{step.cadence_id}.{step.day}.{step.step_number}"
        membership = None if email.membership_id is None else team.memberships[email.membership_id]
        stay = 0 if membership is None else membership.stay
        chance = Random(f"{self._world.seed}/{team.name}/{address}/{place}/{stay}/mail")
        for delay, act in plan(chance, team.temperament, address):
            self._world.schedule(now + delay, partial(self.occur, team, email, act))

    def occur(self, team: Team, email: Email, act: Act, now: int) -> None:
        """One act, now: counters, feed, and what the cadence's rules make of it."""
        person = team.people.get(email.recipient_id)
        membership = None if email.membership_id is None else team.memberships.get(email.membership_id)
        if act == "bounce":
            self._bounce(team, email, person, membership, now)
        elif act in _COUNTED:
            self._count(team, email, person, membership, act, now)
        elif person is not None:
            self._opt_out(team, person, act, now)

    def take_back(self, team: Team, email: Email, chance: Random, now: int) -> None:
        """One of its counts falls, as when Salesloft finds that a machine has looked; the feed shows that too."""
        counter, unique_counter = chance.choice([one for one in _COUNTED.values() if getattr(email, one[0])])
        fallen = chance.randint(1, getattr(email, counter))
        value = bump(email, counter, -fallen)
        team.emails.touch(email.id, now)
        membership = None if email.membership_id is None else team.memberships.get(email.membership_id)
        if membership is not None:
            bump(membership, counter, -min(fallen, getattr(membership, counter)))
            team.memberships.touch(membership.id, now)
        person = team.people.get(email.recipient_id)
        if person is not None and value == 0:
            bump(person, unique_counter, -1)
            team.people.touch(person.id, now)
        self._refresh_history(team, email)
        self._world.record_change(team, now, f"email.{counter}", self._about(email, value))

    def _count(
        self, team: Team, email: Email, person: Person | None, membership: Membership | None, act: Act, now: int
    ) -> None:
        counter, unique_counter = _COUNTED[act]
        value = bump(email, counter)
        team.emails.touch(email.id, now)
        if membership is not None:
            bump(membership, counter)
            team.memberships.touch(membership.id, now)
        if person is not None:
            if value == 1:
                bump(person, unique_counter)
            if act == "reply":
                person.last_replied_at = now
            team.people.touch(person.id, now)
        self._refresh_history(team, email)
        self._world.record_change(team, now, f"email.{counter}", self._about(email, value))
        if act == "reply":
            self._world.add_history(
                team,
                kind="email_reply",
                person_id=email.recipient_id,
                now=now,
                user_id=email.user_id,
                resource_id=email.id,
                static={"email_id": email.id},
            )
            self._remove_if(team, membership, now, flag="remove_replies_enabled")

    def _bounce(self, team: Team, email: Email, person: Person | None, membership: Membership | None, now: int) -> None:
        if email.bounced:
            return
        email.bounced = True
        team.emails.touch(email.id, now)
        if membership is not None:
            bump(membership, "bounces")
            team.memberships.touch(membership.id, now)
        if person is not None:
            person.bouncing = True
            bump(person, "emails_bounced")
            team.people.touch(person.id, now)
        self._refresh_history(team, email)
        self._world.record_change(team, now, "email.bounced", self._about(email, 1))
        self._remove_if(team, membership, now, flag="remove_bounces_enabled")

    def _opt_out(self, team: Team, person: Person, act: Act, now: int) -> None:
        if act == "restrict":
            if "email" not in person.contact_restrictions:
                person.contact_restrictions = [*person.contact_restrictions, "email"]
                team.people.touch(person.id, now)
                self._world.record_change(team, now, "person.contact_restrictions", {"person_id": person.id})
                if self.removal is not None:
                    self.removal.pass_over_restricted(team, person, now)
            return
        if not person.do_not_contact:
            self.forbid_contact(team, person, now)

    def forbid_contact(self, team: Team, person: Person, now: int) -> None:
        """Do not contact: noted in the feed, and off every cadence (Salesloft docs: people)."""
        person.do_not_contact = True
        team.people.touch(person.id, now)
        history = self._world.add_history(
            team,
            kind="dnc_event",
            person_id=person.id,
            now=now,
            user_id=None,
            static={"do_not_contact": True},
        )
        self._world.record_change(
            team, now, "person.do_not_contact", {"person_id": person.id, "history_id": history.id, "value": 1}
        )
        if self.removal is not None:
            self.removal.remove_everywhere(team, person, now)

    def _remove_if(self, team: Team, membership: Membership | None, now: int, *, flag: str) -> None:
        if membership is None or not membership.on_cadence or self.removal is None:
            return
        if getattr(team.cadences[membership.cadence_id], flag):
            self.removal.remove(team, membership, now)

    def _refresh_history(self, team: Team, email: Email) -> None:
        """The feed shows the e-mail's present counts without its own `updated_at` moving."""
        history = team.histories.get(f"sent_email-{email.id}")
        if history is not None:
            counts = {"views": email.views, "clicks": email.clicks, "replies": email.replies}
            history.dynamic_data = {**history.dynamic_data, "counts": counts, "bounced": email.bounced}
            history.rendered = None

    def _about(self, email: Email, value: int) -> dict[str, int | None]:
        return {
            "email_id": email.id,
            "value": value,
            "person_id": email.recipient_id,
            "cadence_id": email.cadence_id,
            "membership_id": email.membership_id,
        }
