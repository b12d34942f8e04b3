"""How a person gets onto a cadence, through its steps and off it again.

``processing`` is what an addition answers; then ``staged`` until something happened, ``scheduled`` while an automated
e-mail is queued, ``active`` otherwise, and one of the ends. There is one record per person and cadence, used again by
the next addition with a new `added_at` (Salesloft docs: cadence-memberships).
"""

from functools import partial
from random import Random
from typing import Protocol

from sandbox.salesloft.calls import log_call
from sandbox.salesloft.instants import HOUR, SECOND, add_business_days, working_moment
from sandbox.salesloft.records import Action, Cadence, Email, Membership, MembershipState, Person, Step
from sandbox.salesloft.world import Team, World, bump

__all__ = ["Engagement", "MembershipLife"]

_CHANNEL = {"email": "email", "phone": "call"}


class Engagement(Protocol):
    """What follows an e-mail that was sent."""

    def follow(self, team: Team, email: Email, now: int) -> None: ...


class MembershipLife:
    """Moves memberships. Every method is handed the team and the instant; nothing waits."""

    def __init__(self, world: World, engagement: Engagement) -> None:
        self._world = world
        self._engagement = engagement

    def add(self, team: Team, person: Person, cadence: Cadence, *, user_id: int, start: Step, now: int) -> Membership:
        """Put the person on the cadence, on the record they had there before if there is one."""
        membership = team.membership_record(person.id, cadence.id)
        if membership is None:
            membership = Membership(
                id=next(self._world.ids.membership),
                created_at=now,
                updated_at=now,
                person_id=person.id,
                cadence_id=cadence.id,
                user_id=user_id,
                added_at=now,
            )
            team.add_membership(membership)
            cadence.cadence_people += 1
        else:
            self._begin_again(team, membership, user_id, now)
        membership.step_id = start.id
        membership.start_day = start.day
        person.most_recent_cadence_id = cadence.id
        team.people.touch(person.id, now)
        team.cadences.touch(cadence.id, now)
        self._world.add_history(
            team,
            kind="added_to_cadence",
            person_id=person.id,
            now=now,
            user_id=user_id,
            static={"cadence_id": cadence.id},
        )
        self._note_state(team, membership, now)
        if not team.switches.processing_stuck:
            ready_at = now + int(team.switches.processing_seconds * SECOND)
            self._world.schedule(ready_at, partial(self._ready, team, membership, membership.stay))
        return membership

    def remove(self, team: Team, membership: Membership, now: int) -> None:
        """Take the person off the cadence, by hand or by a rule."""
        self.end(team, membership, "removed" if membership.acted else "removed_no_action", now)

    def remove_everywhere(self, team: Team, person: Person, now: int) -> None:
        for membership in team.memberships_of(person.id):
            if membership.on_cadence:
                self.remove(team, membership, now)

    def pass_over_restricted(self, team: Team, person: Person, now: int) -> None:
        """Steps that wait on a channel which is now closed to the person are passed over, a queued e-mail cancelled."""
        for membership in team.memberships_of(person.id):
            if not membership.on_cadence or membership.open_action_id is None or membership.step_id is None:
                continue
            step = team.steps[membership.step_id]
            if self._is_skipped(team, person, step):
                self._close_action(team, membership)
                self._cancel_email(team, membership, now)
                self._begin(team, membership, step, now)

    def end(self, team: Team, membership: Membership, state: MembershipState, now: int) -> None:
        """Leave the cadence with that state: the open action is gone and an unsent e-mail is cancelled."""
        self._close_action(team, membership)
        self._cancel_email(team, membership, now)
        membership.on_cadence = False
        self._move(team, membership, state, now)
        if team.people.get(membership.person_id) is not None:
            team.people.touch(membership.person_id, now)

    def reassign(self, team: Team, membership: Membership, user_id: int, now: int) -> Membership:
        """Hand the person over to another user: this record ends, another one goes on at the same step."""
        step_id = membership.step_id
        self.end(team, membership, "reassigned", now)
        successor = Membership(
            id=next(self._world.ids.membership),
            created_at=now,
            updated_at=now,
            person_id=membership.person_id,
            cadence_id=membership.cadence_id,
            user_id=user_id,
            added_at=now,
            step_id=step_id,
            start_day=membership.start_day if step_id is None else team.steps[step_id].day,
        )
        team.add_membership(successor)
        self._note_state(team, successor, now)
        self._ready(team, successor, successor.stay, now)
        return successor

    def release_stuck(self, team: Team, now: int) -> None:
        """Memberships that were stuck in `processing` go on."""
        for membership in team.memberships:
            if membership.on_cadence and membership.state == "processing":
                self._world.schedule(now, partial(self._ready, team, membership, membership.stay))

    def complete_step(self, team: Team, membership: Membership, now: int) -> None:
        """The current step is done: its action disappears, the feed says so, the next step begins."""
        action = None if membership.open_action_id is None else team.actions.get(membership.open_action_id)
        step = team.steps[membership.step_id] if membership.step_id is not None else None
        if step is None or action is None:
            return
        person = team.people.get(membership.person_id)
        cadence = team.cadences[membership.cadence_id]
        self._close_action(team, membership)
        membership.open_email_id = None
        membership.acted = True
        self._count_acted_on(team, membership, now)
        if person is not None:
            person.last_completed_step_id = step.id
            person.last_completed_step_cadence_id = cadence.id
            team.people.touch(person.id, now)
        about = {"action_id": action.id, "step_id": step.id, "cadence_id": cadence.id}
        history = self._world.add_history(
            team,
            kind="completed_action",
            person_id=membership.person_id,
            now=now,
            user_id=membership.user_id,
            resource_id=action.id,
            static=about,
            dynamic={"type": step.type, "status": "completed"},
        )
        self._world.record_change(
            team,
            now,
            "step.completed",
            {**_of(membership), "history_id": history.id, **about},
        )
        self._begin(team, membership, self._step_after(team, step), now)

    def _begin_again(self, team: Team, membership: Membership, user_id: int, now: int) -> None:
        membership.user_id = user_id
        membership.added_at = now
        membership.state = "processing"
        membership.on_cadence = True
        membership.acted = False
        membership.latest_action_id = None
        membership.stay += 1
        if team.switches.counts_on_re_add == "reset":
            for counter in ("views", "clicks", "replies", "calls", "sent_emails", "bounces"):
                setattr(membership, counter, 0)
        team.memberships.touch(membership.id, now)

    def _ready(self, team: Team, membership: Membership, stay: int, now: int) -> None:
        if not self._goes_on(membership, stay) or membership.state != "processing" or membership.step_id is None:
            return
        self._begin(team, membership, team.steps[membership.step_id], now)

    def _begin(self, team: Team, membership: Membership, step: Step | None, now: int) -> None:
        person = team.people.get(membership.person_id)
        while step is not None and person is not None and self._is_skipped(team, person, step):
            step = self._step_after(team, step)
            self._count_acted_on(team, membership, now)
        if step is None or person is None:
            self.end(team, membership, "completed", now)
            self._world.record_change(team, now, "membership.completed", _of(membership))
            return
        action = self._open_action(team, membership, step, now)
        self._move(team, membership, "active" if membership.acted else "staged", now)
        if action.due_on > now:
            self._world.schedule(action.due_on, partial(self._fall_due, team, membership, action.id))
        else:
            self._fall_due(team, membership, action.id, now)

    def _open_action(self, team: Team, membership: Membership, step: Step, now: int) -> Action:
        first_day = membership.start_day if team.switches.start_step_due == "at once" else 1
        action = Action(
            id=next(self._world.ids.action),
            created_at=now,
            updated_at=now,
            type=step.type,
            due_on=add_business_days(
                membership.added_at, max(step.day - first_day, 0), team.user_zone(membership.user_id)
            ),
            user_id=membership.user_id,
            person_id=membership.person_id,
            cadence_id=membership.cadence_id,
            step_id=step.id,
            membership_id=membership.id,
            details_id=step.details_id,
        )
        team.actions.add(action.id, action)
        membership.step_id = step.id
        membership.open_action_id = action.id
        membership.latest_action_id = action.id
        return action

    def _fall_due(self, team: Team, membership: Membership, action_id: int, now: int) -> None:
        if membership.open_action_id != action_id:
            return
        team.actions.touch(action_id, now)
        step = team.steps[team.actions[action_id].step_id]
        chance = self._chance(team, membership, step)
        zone = team.user_zone(membership.user_id)
        if step.type == "email" and step.automated:
            email = self._draft(team, membership, step, action_id, now)
            email.send_after = working_moment(now, chance.random() * 0.5, zone)
            membership.open_email_id = email.id
            self._count_acted_on(team, membership, now)
            self._move(team, membership, "scheduled", now)
            self._world.schedule(email.send_after, partial(self._send_scheduled, team, membership, email))
        elif team.temperament.reps_work:
            hours = chance.uniform(team.temperament.rep_hours_least, team.temperament.rep_hours_most)
            at = working_moment(working_moment(now, 0.0, zone) + int(hours * HOUR), 0.0, zone)
            self._world.schedule(at, partial(self.do_manual_step, team, membership, action_id))

    def _send_scheduled(self, team: Team, membership: Membership, email: Email, now: int) -> None:
        if membership.open_email_id == email.id and email.status == "scheduled":
            self._send(team, membership, email, now)

    def do_manual_step(self, team: Team, membership: Membership, action_id: int, now: int) -> None:
        """What a rep does with a due action: send the e-mail, make the call, or tick it off."""
        if membership.open_action_id != action_id:
            return
        step = team.steps[team.actions[action_id].step_id]
        if step.type == "email":
            email = self._draft(team, membership, step, action_id, now)
            self._send(team, membership, email, now)
            return
        if step.type == "phone":
            chance = self._chance(team, membership, step)
            connected = chance.random() < 0.4
            log_call(
                self._world,
                team,
                person=team.people[membership.person_id],
                user_id=membership.user_id,
                now=now,
                membership=membership,
                details={
                    "disposition": "Connected" if connected else "No Answer",
                    "duration": chance.randint(40, 900) if connected else chance.randint(5, 35),
                },
            )
        self.complete_step(team, membership, now)

    def _draft(self, team: Team, membership: Membership, step: Step, action_id: int, now: int) -> Email:
        person = team.people[membership.person_id]
        email = Email(
            id=next(self._world.ids.email),
            created_at=now,
            updated_at=now,
            recipient_id=person.id,
            recipient_email_address=person.email_address,
            user_id=membership.user_id,
            status="scheduled",
            membership_id=membership.id,
            cadence_id=membership.cadence_id,
            step_id=step.id,
            action_id=action_id,
            subject=f"{step.name}, {person.details.get('first_name') or 'there'}",
            body=f"<p>{step.name}</p>",
        )
        team.add_email(email)
        return email

    def _send(self, team: Team, membership: Membership, email: Email, now: int) -> None:
        sender = team.users.get(membership.user_id)
        if sender is None or not sender.email_client_configured:
            email.status = "pending"
            team.emails.touch(email.id, now)
            return
        person = team.people[membership.person_id]
        email.status = "sent"
        email.sent_at = now
        team.emails.touch(email.id, now)
        bump(person, "emails_sent")
        person.last_contacted_at, person.last_contacted_type = now, "email"
        person.last_contacted_by_id = membership.user_id
        bump(membership, "sent_emails")
        team.memberships.touch(membership.id, now)
        self._world.add_history(
            team,
            kind="sent_email",
            person_id=person.id,
            now=now,
            user_id=membership.user_id,
            resource_id=email.id,
            static={"email_id": email.id},
            dynamic={"subject": email.subject, "status": "sent", "counts": {"views": 0, "clicks": 0, "replies": 0}},
        )
        self._world.record_change(team, now, "email.sent", {"email_id": email.id, "value": 1, **_of(membership)})
        self.complete_step(team, membership, now)
        self._engagement.follow(team, email, now)

    def _is_skipped(self, team: Team, person: Person, step: Step) -> bool:
        if team.cadences[step.cadence_id].override_contact_restrictions:
            return False
        if step.type == "email" and (not person.email_address or person.bouncing):
            return True
        return _CHANNEL.get(step.type) in person.contact_restrictions

    def _step_after(self, team: Team, step: Step) -> Step | None:
        place = (step.day, step.step_number)
        return next((s for s in team.steps_of(step.cadence_id) if (s.day, s.step_number) > place), None)

    def _count_acted_on(self, team: Team, membership: Membership, now: int) -> None:
        """A cadence counts the people for whom a step was passed over, scheduled or done, each once."""
        if not membership.counted_as_acted_on:
            membership.counted_as_acted_on = True
            team.cadences[membership.cadence_id].people_acted_on += 1
            team.cadences.touch(membership.cadence_id, now)

    def _cancel_email(self, team: Team, membership: Membership, now: int) -> None:
        if membership.open_email_id is not None:
            email = team.emails[membership.open_email_id]
            email.status = "cancelled"
            team.emails.touch(email.id, now)
            membership.open_email_id = None

    def _close_action(self, team: Team, membership: Membership) -> None:
        if membership.open_action_id is not None:
            team.actions.remove(membership.open_action_id)
            membership.open_action_id = None

    def _move(self, team: Team, membership: Membership, state: MembershipState, now: int) -> None:
        membership.state = state
        team.memberships.touch(membership.id, now)
        self._note_state(team, membership, now)

    def _note_state(self, team: Team, membership: Membership, now: int) -> None:
        self._world.record_change(team, now, "membership.state", {"state": membership.state, **_of(membership)})

    def _goes_on(self, membership: Membership, stay: int) -> bool:
        return membership.on_cadence and membership.stay == stay

    def _chance(self, team: Team, membership: Membership, step: Step) -> Random:
        """Randomness that depends on who and what, not on the order in which requests came."""
        person = team.people[membership.person_id]
        who = person.email_address or person.id
        return Random(f"{self._world.seed}/{team.name}/{who}/{step.day}.{step.step_number}/{membership.stay}")


def _of(membership: Membership) -> dict[str, int]:
    return {
        "membership_id": membership.id,
        "added_at_microseconds": membership.added_at,
        "person_id": membership.person_id,
        "cadence_id": membership.cadence_id,
    }
