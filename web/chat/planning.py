"""From an intent whose people are found to a plan: which enrollments it changes, and what has to be confirmed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal

from enrollment.states import FINAL
from schemas.vocabulary import EnrollmentState
from web.chat.book import Book, Directory, Enrolled
from web.chat.entities import Cadence, Stakeholder, User, folded, purpose_of
from web.chat.intents import EVERY_CADENCE, Action, Change, Mention, Read, Step, Topic, When
from web.chat.plans import ChangePlan, Choice, Conversation, Outcome, Question, ReadPlan, Settled, Target, Told, Wanted
from web.chat.resolving import Resolver, Unsettled
from web.chat.wording import confirmation, listed, spoken_day

__all__ = ["DONE", "GOOD_FOR", "narrowed", "plan"]

GOOD_FOR: Final = timedelta(minutes=10)
"""How long a plan can be confirmed, and a question be answered."""

_ON_CADENCE: Final = frozenset({EnrollmentState.ENROLLED, EnrollmentState.PAUSED})
_STATES: Final = {
    Action.PAUSE: _ON_CADENCE,
    Action.RESUME: frozenset({EnrollmentState.PAUSED}),
    Action.SKIP: _ON_CADENCE,
    Action.RESTART: _ON_CADENCE,
    Action.SENDER: _ON_CADENCE,
    Action.REMOVE: frozenset(EnrollmentState) - FINAL,
}
DONE: Final = {
    Action.ADD: "added",
    Action.PAUSE: "paused",
    Action.RESUME: "resumed",
    Action.SKIP: "moved on",
    Action.RESTART: "begun again",
    Action.SENDER: "given another sender",
    Action.REMOVE: "removed",
}
"""What becomes of somebody, behind "to be"."""


def plan(
    intent: Change | Read, settled: Settled, book: Book, conversation: Conversation, utterance: str, now: datetime
) -> tuple[Outcome, tuple[Stakeholder, ...]]:
    """The plan of an intent, or what comes instead of it; and the people it turned out to be about.

    `utterance` is kept as the reason of a change for which none was given.
    """
    resolver = Resolver(intent, settled, book, conversation)
    people: tuple[Stakeholder, ...] = ()
    try:
        about = resolver.about()
        people = about.people
        if isinstance(intent, Read):
            return _reading(intent, resolver, people, tuple(one.id for one in about.accounts)), people
        return _Planning(intent, settled, book, resolver, conversation, utterance, now).planned(people), people
    except Unsettled as unsettled:
        return unsettled.outcome, people


def narrowed(plan: ChangePlan, targets: Sequence[Target], known: Sequence[str], directory: Directory) -> ChangePlan:
    """The plan for some of its targets, with sentences of what is known of it; it is another one for a confirmation."""
    sender = None if plan.sender_user_id is None else directory.user_by_id.get(plan.sender_user_id)
    told = confirmation(
        plan.action, targets, until=plan.until, start=plan.start, step=plan.step, sender=sender, known=known
    )
    return plan.model_copy(update={"targets": tuple(targets), "confirmation": told}).sealed()


def _reading(intent: Read, resolver: Resolver, people: Sequence[Stakeholder], accounts: tuple[str, ...]) -> Outcome:
    needs_somebody = {Topic.MEMBERSHIP, Topic.ACTIVITY, Topic.EXPLAIN}
    if intent.topic in needs_somebody and not people and not accounts:
        return Question(text="About whom, or about which account?", asks="people")
    cadences: tuple[int, ...] = ()
    if intent.cadence is not None and intent.topic is not Topic.CADENCES:
        cadences = tuple(one.id for one in resolver.cadence(intent.cadence, None))
    return ReadPlan(
        topic=intent.topic,
        stakeholder_ids=tuple(one.id for one in people),
        customer_ids=accounts,
        cadence_ids=cadences,
        purpose=None if intent.cadence is None else purpose_of(intent.cadence),
        since=intent.since,
        word=intent.word,
    )


class _Planning:
    """One change's way to its plan."""

    def __init__(
        self,
        intent: Change,
        settled: Settled,
        book: Book,
        resolver: Resolver,
        conversation: Conversation,
        utterance: str,
        now: datetime,
    ) -> None:
        self._intent, self._settled, self._book, self._resolver = intent, settled, book, resolver
        self._conversation, self._utterance, self._now = conversation, utterance, now

    def planned(self, people: tuple[Stakeholder, ...]) -> Outcome:
        """Raises Unsettled."""
        if not people:
            raise self._whom()
        self._slips()
        self._may(people)
        until = self._day("until", self._intent.until, self._settled.until)
        start = self._day("start", self._intent.start, self._settled.start)
        sender = self._sender()
        if self._intent.action is Action.ADD:
            targets = tuple(self._adding(one) for one in people)
        else:
            missing = tuple(one.id for one in people if one.id not in self._book.enrolled)
            if missing:
                return Wanted(stakeholder_ids=missing)
            targets = tuple(target for one in people for target in self._steering(one, among=len(people)))
        if not targets:
            raise Unsettled(Told(text=f"Nobody of them could be {DONE[self._intent.action]}: nothing was done."))
        step = None if self._intent.step is None else self._intent.step.number
        return ChangePlan(
            organization_id=self._book.caller.organization_id,
            user_id=self._book.caller.user_id,
            action=self._intent.action,
            targets=targets,
            until=until,
            start=start,
            step=step,
            sender_user_id=None if sender is None else sender.id,
            note=self._intent.note or f"asked in the chat: {self._utterance}",
            confirmation=confirmation(
                self._intent.action,
                targets,
                until=until,
                start=start,
                step=step,
                sender=sender,
            ),
            expires_at=self._now + GOOD_FOR,
        ).sealed()

    def _whom(self) -> Unsettled:
        """Those who were spoken of, or are on the screen, can be chosen, and are never taken as said."""
        choices = tuple(
            Choice(
                label=one.name,
                intent=self._intent.model_copy(update={"people": (Mention(text=one.name),)}),
                settled=self._settled.model_copy(update={"people": {0: one.id}}),
            )
            for one in self._conversation.people
        )
        return Unsettled(Question(text="Whom do you mean?", choices=choices, asks="people"))

    def _slips(self) -> None:
        """A misspelt command word that is somebody's name is no command word."""
        for written, read in self._intent.read_as:
            if self._book.directory.people.has_word(written):
                raise Unsettled(
                    Told(text=f'"{written}" is a name here, and may have been meant for "{read}": nothing was done.')
                )

    def _may(self, people: Sequence[Stakeholder]) -> None:
        allowed = self._book.caller.may_change
        others = [one.name for one in people if allowed is not None and one.customer_id not in allowed]
        if others:
            raise Unsettled(Told(text=f"You may not change enrollments of {listed(others)}: ask the account's owner."))

    def _day(self, slot: Literal["until", "start"], said: When | None, settled: date | None) -> date | None:
        if said is None:
            return None
        days = (settled,) if settled is not None else said.days
        if not days:
            raise Unsettled(Question(text=f'Which day is "{said.text}"? Say it like "7 December".', asks=slot))
        if len(days) > 1:
            choices = tuple(
                Choice(label=spoken_day(day), intent=self._intent, settled=self._settled.model_copy(update={slot: day}))
                for day in days
            )
            raise Unsettled(Question(text=f'Which day is "{said.text}"?', choices=choices, asks=slot))
        if days[0] <= self._now.date():
            raise Unsettled(Told(text=f"{spoken_day(days[0])} is not in the future: nothing was done."))
        return days[0]

    def _sender(self) -> User | None:
        if self._intent.sender is None:
            if self._intent.action is Action.SENDER:
                raise Unsettled(Question(text="Who is to send?", asks="sender"))
            return None
        return self._resolver.sender(self._intent.sender)

    def _adding(self, person: Stakeholder) -> Target:
        if self._intent.cadence is None or self._intent.cadence == EVERY_CADENCE:
            raise Unsettled(Question(text=f"To which cadence is {person.name} to be added?", asks="cadence"))
        (cadence,) = self._resolver.cadence(self._intent.cadence, person)
        step = None if self._intent.step is None else _step(self._intent.step, cadence.steps, cadence.name)
        return self._target(person, cadence.id, cadence.name, step_id=step)

    def _steering(self, person: Stakeholder, *, among: int) -> tuple[Target, ...]:
        allowed = _STATES[self._intent.action]
        known = [one for one in self._book.enrolled[person.id] if one.state not in FINAL]
        known = [one for one in known if self._is_said(one)]
        fitting = sorted((one for one in known if one.state in allowed), key=lambda one: one.id)
        chosen = self._settled.enrollments.get(person.id)
        if chosen is not None:
            fitting = [one for one in fitting if one.id in chosen]
        if not fitting:
            if among > 1:
                return ()
            raise Unsettled(Told(text=self._why_not(person, known)))
        if len(fitting) > 1 and chosen is None and self._intent.cadence != EVERY_CADENCE:
            self._which(person, fitting)
        return tuple(
            self._target(person, one.cadence_id, one.cadence, one.id, self._at(one, person)) for one in fitting
        )

    def _is_said(self, one: Enrolled) -> bool:
        said = self._intent.cadence
        if said is None or said == EVERY_CADENCE:
            return True
        purpose = purpose_of(said)
        if purpose is not None and one.purpose == purpose:
            return True
        return any(one.cadence_id == cadence.id for cadence in self._resolver.cadence(said, None))

    def _which(self, person: Stakeholder, fitting: Sequence[Enrolled]) -> None:
        def choice(label: str, ids: tuple[str, ...]) -> Choice:
            chosen = {**self._settled.enrollments, person.id: ids}
            return Choice(
                label=label, intent=self._intent, settled=self._settled.model_copy(update={"enrollments": chosen})
            )

        single = tuple(choice(one.cadence, (one.id,)) for one in fitting)
        every = choice("all of them", tuple(one.id for one in fitting))
        can_be_all = self._intent.action in {Action.PAUSE, Action.RESUME, Action.REMOVE, Action.SENDER}
        choices = (*single, every) if can_be_all else single
        raise Unsettled(Question(text=f"{person.name} is in several cadences. Which one?", choices=choices))

    def _why_not(self, person: Stakeholder, known: Sequence[Enrolled]) -> str:
        said = self._intent.cadence
        elsewhere = self._by_hand(person)
        if not known and elsewhere:
            cadences = listed([one.name for one in elsewhere])
            done = DONE[self._intent.action]
            return f"{person.name} was put on {cadences} in Salesloft itself: only there can they be {done}."
        where = "a cadence" if said is None or said == EVERY_CADENCE else f'"{said}"'
        if not known:
            return f"{person.name} is not in {where}: there is nothing to be {DONE[self._intent.action]}."
        states = listed([f"{one.cadence} ({one.state.value})" for one in known])
        return f"{person.name} cannot be {DONE[self._intent.action]} as things stand: {states}."

    def _by_hand(self, person: Stakeholder) -> list[Cadence]:
        """Of the cadences that somebody else put the person on those that were said, or all."""
        theirs = self._book.by_hand.get(person.id, ())
        said = self._intent.cadence
        if said is None or said == EVERY_CADENCE or not theirs:
            return list(theirs)
        named = {one.id for one in self._resolver.cadence(said, None)}
        return [one for one in theirs if one.id in named]

    def _at(self, one: Enrolled, person: Stakeholder) -> int | None:
        """The step at which a restart begins. A step that is to be skipped must be the one where the person stands."""
        said = self._intent.step
        if said is None or self._intent.action not in {Action.RESTART, Action.SKIP}:
            if self._intent.action is Action.RESTART:
                raise Unsettled(Question(text="At which step?", asks="step"))
            return None
        if said.number is None and self._intent.action is Action.SKIP:
            self._skipping_kind(said.text, one, person)
            return None
        step = _step(said, one.steps, one.cadence)
        if self._intent.action is Action.SKIP:
            if one.step is None or said.number != one.step:
                stands = "nobody knows at which step" if one.step is None else f"at step {one.step}"
                raise Unsettled(
                    Told(text=f"{person.name} is {stands} of {one.cadence}; only the step that is next can be skipped.")
                )
            return None
        return step

    def _skipping_kind(self, kind: str, one: Enrolled, person: Stakeholder) -> None:
        """The next step is the one that is skipped, so it has to be of the kind that was said: "skip the call"."""
        name = "" if one.step is None or one.step > len(one.steps) else one.steps[one.step - 1][1]
        if kind not in folded(name).replace("e mail", "email"):
            stands = (
                f'the next step of {person.name} is "{name}"'
                if name
                else f"nobody knows the next step of {person.name}"
            )
            raise Unsettled(Told(text=f'I cannot tell that it is a {kind}: {stands}. Say "skip the next step".'))

    def _target(
        self,
        person: Stakeholder,
        cadence_id: int,
        cadence: str,
        enrollment_id: str | None = None,
        step_id: int | None = None,
    ) -> Target:
        customer = self._book.directory.customer_by_id.get(person.customer_id)
        return Target(
            stakeholder_id=person.id,
            name=person.name,
            customer_id=person.customer_id,
            customer=person.customer_id if customer is None else customer.name,
            cadence_id=cadence_id,
            cadence=cadence,
            enrollment_id=enrollment_id,
            step_id=step_id,
        )


def _step(said: Step, steps: Sequence[tuple[int, str]], cadence: str) -> int:
    """The step's id. Raises Unsettled where the cadence has none of that number."""
    if said.number is None or not 1 <= said.number <= len(steps):
        told = (
            listed([f"{number} {name}".strip() for number, (_, name) in enumerate(steps, start=1)])
            or "none that is known"
        )
        raise Unsettled(Told(text=f"{cadence} has no such step. Its steps: {told}."))
    return steps[said.number - 1][0]
