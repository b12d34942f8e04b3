"""One turn of a conversation: what was said is understood, held against the organization's people, and answered."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from pydantic import ValidationError

from storage.pool import Database
from web.chat.book import Book, Directory
from web.chat.book import Caller as Speaker
from web.chat.converse import ask, confirm, converse, seeing
from web.chat.intents import Action, Change, Read
from web.chat.plans import ChangePlan, Confirmed, Confirming, Conversation, Question, ReadPlan, Told, Turn, Wanted
from web.chat.wording import fresh, listed
from web.problems import Problem
from web.security import Caller, CallerRole
from web.talking.answers import MEMBERSHIPS, Answering, read_until
from web.talking.deeds import Deed, Doing
from web.talking.directories import Directories, enrolled, put_on_by_hand
from web.talking.prospects import Prospect, foreseen, why_not
from web.talking.spoken import Answered, Done, Kind, Prevented, Refused, Said
from workflows.clock import Clock
from workflows.credentials import CredentialUnreadable, Keyring
from workflows.memory import OrganizationMemory

__all__ = ["Talk"]

_Speaking = Callable[[Conversation, Book, datetime], Turn]
_KIND = "conversation"
_TURNS = 3
_NOTED = {
    Action.ADD: "Asked for approval of",
    Action.PAUSE: "Will be paused:",
    Action.RESUME: "Will go on:",
    Action.SKIP: "Will go on a step further:",
    Action.REMOVE: "Will be removed:",
    Action.RESTART: "Will begin again:",
    Action.SENDER: "Will be sent by somebody else:",
}


class Talk:
    """Speaks with whoever calls."""

    def __init__(self, database: Database, memory: OrganizationMemory, clock: Clock, keyring: Keyring) -> None:
        self._database = database
        self._memory = memory
        self._clock = clock
        self._keyring = keyring
        self._directories = Directories()

    async def answer(self, said: Said, caller: Caller, operation: UUID, correlation_id: str) -> Answered:
        """One turn. Raises Problem, or storage's errors."""
        conversation = _in_zone(self._opened(caller, said.conversation), said.time_zone)
        answered = await self._take_turn(partial(_turn, said), conversation, caller, operation, correlation_id)
        dropped = _dropped(conversation, answered)
        return answered if dropped is None else answered.model_copy(update={"text": f"{dropped}\n{answered.text}"})

    async def ask(
        self, intent: Change | Read, caller: Caller, correlation_id: str, *, time_zone: str | None
    ) -> Answered:
        """The first turn of a conversation in which a program asks in types. It does nothing. Raises as `answer`."""
        conversation = _in_zone(Conversation(), time_zone)
        return await self._take_turn(partial(ask, intent), conversation, caller, uuid4(), correlation_id)

    async def _take_turn(
        self, speak: _Speaking, conversation: Conversation, caller: Caller, operation: UUID, correlation_id: str
    ) -> Answered:
        zone = _zone(conversation.time_zone)
        now = self._clock.now()
        async with self._database.transaction() as connection:
            facts = (await self._memory.facts(connection, [caller.organization_id], now))[caller.organization_id]
            directory, owners = await self._directories.of(connection, facts, now)
            book = Book(directory=directory, caller=_speaker(caller, owners))
            turn = speak(conversation, book, now.astimezone(zone))
            for _ in range(_TURNS):
                if not isinstance(turn.outcome, Wanted):
                    break
                known = await enrolled(connection, facts, turn.outcome.stakeholder_ids, now)
                others = await put_on_by_hand(connection, facts, turn.outcome.stakeholder_ids)
                book = replace(book, enrolled={**book.enrolled, **known}, by_hand={**book.by_hand, **others})
                turn = speak(conversation, book, now.astimezone(zone))
            if isinstance(turn.outcome, ReadPlan):
                text, read = await Answering(connection, facts, directory, now, zone).answer(turn.outcome)
                return self._told(caller, turn, "read", text, plan=read)
            if isinstance(turn.outcome, Told) and book.enrolled:
                # What is said of where somebody stands is as old as what was read of it.
                as_of = await read_until(connection, caller.organization_id, MEMBERSHIPS)
                told = turn.outcome.model_copy(update={"text": f"{turn.outcome.text} ({fresh(as_of, now)})"})
                turn = turn.model_copy(update={"outcome": told})
        doing = Doing(
            caller=caller,
            database=self._database,
            memory=self._memory,
            operation=operation,
            correlation_id=correlation_id,
            zone=zone,
            now=now,
        )
        return await self._outcome(turn, doing, directory)

    async def _outcome(self, turn: Turn, doing: Doing, directory: Directory) -> Answered:
        caller = doing.caller
        match turn.outcome:
            case Confirmed(plan=plan):
                deeds = await doing.carry_out(plan)
                return self._told(caller, turn, "done", _deeds_told(plan, deeds), plan=plan, done=deeds)
            case ChangePlan() as plan:
                prospects = await doing.rehearse(plan)
                return self._foreseen(caller, turn, plan, prospects, directory, doing.zone)
            case Question() as question:
                labels = [one.label for one in question.choices]
                numbered = [f"{number}. {label}" for number, label in enumerate(labels, start=1)]
                return self._told(caller, turn, "question", "\n".join([question.text, *numbered]), choices=labels)
            case Told() as told:
                return self._told(caller, turn, "told", "\n".join([told.text, *told.near]), near=list(told.near))
        raise AssertionError(f"nothing is answered to {type(turn.outcome).__name__}")

    def _foreseen(
        self,
        caller: Caller,
        turn: Turn,
        plan: ChangePlan,
        prospects: list[Prospect],
        directory: Directory,
        zone: ZoneInfo,
    ) -> Answered:
        """What can be done is shown for a yes; what cannot is told at once, and waits for none."""
        refused, shown = why_not(plan, prospects), foreseen(plan, prospects, directory, zone)
        pending = None if shown is None else Confirming(plan=shown)
        turn = turn.model_copy(update={"conversation": turn.conversation.model_copy(update={"pending": pending})})
        if shown is None:
            return self._told(caller, turn, "told", refused, prevented=prospects)
        text = f"{refused}\n{shown.confirmation}" if refused else shown.confirmation
        return self._told(caller, turn, "change", text, plan=shown, prevented=prospects)

    def _told(
        self,
        caller: Caller,
        turn: Turn,
        kind: Kind,
        text: str,
        *,
        plan: ChangePlan | ReadPlan | None = None,
        choices: list[str] | None = None,
        near: list[str] | None = None,
        done: list[Deed] | None = None,
        prevented: list[Prospect] | None = None,
    ) -> Answered:
        kept = turn.conversation.model_dump_json()
        return Answered(
            kind=kind,
            text=text,
            plan=plan,
            choices=choices or [],
            near=near or [],
            done=[
                Done(
                    stakeholder_id=one.target.stakeholder_id,
                    name=one.target.name,
                    cadence=one.target.cadence,
                    enrollment_id=one.enrollment_id,
                    refusal=one.refusal,
                )
                for one in done or ()
            ],
            prevented=[_prevented(one) for one in prevented or () if one.refusals],
            conversation=self._keyring.sign(_KIND, caller.organization_id, caller.user_id, kept),
        )

    def _opened(self, caller: Caller, sealed: str | None) -> Conversation:
        """What was spoken of before. Raises Problem (400) where it is nothing that this caller was given."""
        if sealed is None:
            return Conversation()
        try:
            kind, organization_id, user_id, kept = self._keyring.signed(sealed)
            if (kind, organization_id, user_id) == (_KIND, caller.organization_id, caller.user_id):
                return Conversation.model_validate(orjson.loads(kept), strict=False)
        except (CredentialUnreadable, ValidationError, ValueError):
            pass
        raise Problem(400, "conversation_unknown", "This conversation is none of yours, or too old: begin a new one.")


def _dropped(before: Conversation, answered: Answered) -> str | None:
    """That others whose plan was shown are not in the one that is shown now, and a yes is not about them."""
    if not isinstance(before.pending, Confirming) or answered.kind != "change":
        return None
    shown = {one.stakeholder_id for one in answered.plan.targets} if isinstance(answered.plan, ChangePlan) else set()
    shown |= {one.stakeholder_id for one in answered.prevented}
    others = {one.stakeholder_id: one.name for one in before.pending.plan.targets if one.stakeholder_id not in shown}
    return f"Nothing was done for {listed(list(others.values()))}." if others else None


def _prevented(prospect: Prospect) -> Prevented:
    return Prevented(
        stakeholder_id=prospect.target.stakeholder_id,
        name=prospect.target.name,
        cadence=prospect.target.cadence,
        refusals=[Refused(reason_code=one.reason, says=one.says, remedy=one.remedy) for one in prospect.refusals],
    )


def _turn(said: Said, conversation: Conversation, book: Book, now: datetime) -> Turn:
    conversation = seeing(conversation, book, stakeholder_id=said.stakeholder_id, customer_id=said.customer_id)
    if said.confirm is None:
        return converse(said.text, conversation, book, now)
    pending = conversation.pending
    if not isinstance(pending, Confirming):
        return Turn(outcome=Told(text="There is nothing to confirm."), conversation=conversation)
    outcome = confirm(pending.plan, said.confirm, book, now)
    return Turn(outcome=outcome, conversation=conversation.model_copy(update={"pending": None}))


def _speaker(caller: Caller, owners: dict[str, str | None]) -> Speaker:
    """Viewers may change nothing, csms what concerns the customers that they own."""
    may_change: frozenset[str] | None = None
    if caller.role is CallerRole.VIEWER:
        may_change = frozenset()
    elif caller.role is CallerRole.CSM:
        may_change = frozenset(customer_id for customer_id, owner in owners.items() if owner == caller.user_id)
    return Speaker(
        organization_id=caller.organization_id, user_id=caller.user_id, email=caller.email, may_change=may_change
    )


def _in_zone(conversation: Conversation, time_zone: str | None) -> Conversation:
    """A zone that was said holds until another one is: what is confirmed ends on the day that was shown."""
    return conversation if time_zone is None else conversation.model_copy(update={"time_zone": time_zone})


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Problem(422, "invalid_request", f"There is no time zone {name!r}: give its IANA name.") from None


def _deeds_told(plan: ChangePlan, deeds: list[Deed]) -> str:
    done = [f"{one.target.name} in {one.target.cadence}" for one in deeds if one.refusal is None]
    lines = [f"{_NOTED[plan.action]} {', '.join(done)}."] if done else []
    lines += [f"Not done for {one.target.name}: {one.refusal}" for one in deeds if one.refusal is not None]
    return "\n".join(lines)
