"""One turn of a conversation: an utterance and what is remembered, to an outcome and what is remembered then.

What changes something is shown first, and becomes `Confirmed` by a plain yes to what was shown, within its time.
Whatever is more than a yes ("yes, but ...") is none. A question is answered by its number, its place, or words that one
choice alone has; anything else is taken for a new command.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from web.chat.answer_patterns import BEFORE, NO, PLACE, POLITE_ALONE, YES
from web.chat.book import Book
from web.chat.dates import number_of
from web.chat.entities import Stakeholder, folded
from web.chat.following import followed
from web.chat.grammar import understand
from web.chat.intents import Action, Change, Either, Mention, NotUnderstood, Read, Why
from web.chat.planning import GOOD_FOR, plan
from web.chat.plans import (
    Asking,
    ChangePlan,
    Choice,
    Confirmed,
    Confirming,
    Conversation,
    Outcome,
    Question,
    Settled,
    Spoken,
    Subject,
    Told,
    Turn,
    Wanted,
)
from web.chat.slots import cadence_of, mentions_of, take_step, take_until
from web.chat.wording import NOT_UNDERSTOOD, listed
from web.chat.words import LONGEST, Words, normalise, words_of

__all__ = ["ask", "confirm", "converse", "seeing"]


def converse(utterance: str, conversation: Conversation, book: Book, now: datetime) -> Turn:
    """The next turn; `now` is the caller's, in their own time zone.

    With the outcome `Wanted` the conversation is as it was: the same is to be asked again with those enrollments.
    """
    words = Words(word for word in words_of(normalise(utterance)[: LONGEST + 1]) if word.read != "?")
    pending, answered = conversation.pending, None
    if isinstance(pending, Confirming):
        answered = _to_plan(words, pending, conversation, now)
    elif isinstance(pending, Asking):
        answered = _to_question(words, pending, conversation, book, utterance, now)
    if answered is not None:
        return answered
    if _is_alone(YES, words) and not POLITE_ALONE.fullmatch(words.read):
        return _told("There is nothing to confirm.", conversation)
    if _is_alone(NO, words):
        return _told("Nothing was done.", conversation.model_copy(update={"pending": None}))
    before = BEFORE.match(words.read)
    spoken = (
        utterance if before is None else normalise(utterance)[words.between(before.end(), len(words.read))[0].start :]
    )
    return _understood(words, spoken, conversation, book, utterance, now)


def seeing(
    conversation: Conversation, book: Book, *, stakeholder_id: str | None, customer_id: str | None
) -> Conversation:
    """With whom the speaker has on the screen: whoever came onto it is who is meant by "her", until others are named.

    A screen that stays as it was says nothing new, and one of somebody who is not known here means nobody.
    """
    screen = stakeholder_id or customer_id
    if screen is None or screen == conversation.screen:
        return conversation
    person = book.directory.stakeholder_by_id.get(stakeholder_id or "")
    customer = book.directory.customer_by_id.get(person.customer_id if person is not None else customer_id or "")
    told: dict[str, object] = {
        "screen": screen,
        "people": () if person is None else (Subject(id=person.id, name=person.name),),
        "customer": None if customer is None else Subject(id=customer.id, name=customer.name),
        # What was asked of others goes on with nobody who came on the screen since.
        "spoken": None,
    }
    return conversation.model_copy(update=told)


def ask(intent: Change | Read, conversation: Conversation, book: Book, now: datetime) -> Turn:
    """The turn of an intent that comes in types, from a program instead of somebody who types; else as `converse`."""
    forgotten = conversation.model_copy(update={"pending": None})
    return _planned(intent, Settled(), forgotten, book, _said(intent), now)


def confirm(pending: ChangePlan, digest: str, book: Book, now: datetime) -> Confirmed | Told:
    """Whether a plan may be carried out now: by who it was shown to, unchanged, and within its time."""
    is_theirs = (pending.organization_id, pending.user_id) == (book.caller.organization_id, book.caller.user_id)
    if not is_theirs or digest != pending.digest or pending.digest != pending.expected_digest():
        return Told(text="That is not what was shown: nothing was done. Say it again, please.")
    if now >= pending.expires_at:
        return Told(text="That was shown too long ago: nothing was done. Say it again, please.")
    return Confirmed(plan=pending)


def _understood(
    words: Words, spoken: str, conversation: Conversation, book: Book, utterance: str, now: datetime
) -> Turn:
    """The turn of what is no answer: a new command or question, or one that goes on from what was said before."""
    intent = understand(spoken, now)
    forgotten = conversation.model_copy(update={"pending": None})
    following = followed(words, intent, conversation, book, now)
    if following is not None:
        before, settled, said = following.intent, following.settled, following.said
        return _planned(before, settled, forgotten, book, said, now, asked_again=conversation)
    if isinstance(intent, NotUnderstood):
        return _not_understood(intent, conversation)
    if isinstance(intent, Either):
        choices = tuple(Choice(label=_said(one), intent=one) for one in intent.choices)
        question = Question(text=f"{intent.why} Which one?", choices=choices)
        return _asked(question, None, Settled(), forgotten, utterance, now)
    return _planned(intent, Settled(), forgotten, book, utterance, now)


def _to_plan(words: Words, pending: Confirming, conversation: Conversation, now: datetime) -> Turn | None:
    """What is said to a plan that was shown; None where it is neither yes nor no."""
    done = conversation.model_copy(update={"pending": None})
    if _is_alone(NO, words):
        return _told("Nothing was done.", done)
    if not _is_alone(YES, words) or POLITE_ALONE.fullmatch(words.read):
        return None
    if now >= pending.plan.expires_at:
        return _told("That was shown too long ago: nothing was done. Say it again, please.", done)
    if pending.plan.digest != pending.plan.expected_digest():
        return _told("That is not what was shown: nothing was done. Say it again, please.", done)
    return Turn(outcome=Confirmed(plan=pending.plan), conversation=done)


def _to_question(
    words: Words, pending: Asking, conversation: Conversation, book: Book, utterance: str, now: datetime
) -> Turn | None:
    """What is said to a question; None where it is no answer to it."""
    done = conversation.model_copy(update={"pending": None})
    if _is_alone(NO, words):
        return _told("Nothing was done.", done)
    if now >= pending.expires_at:
        return None
    began = pending.said or utterance
    choice = _chosen(words, pending.question.choices) or _addressed(words, pending.question.choices, book)
    if choice is not None:
        return _planned(choice.intent, choice.settled, done, book, began, now, asked_again=conversation)
    is_new = not isinstance(understand(utterance, now), NotUnderstood)
    if is_new or pending.intent is None or pending.question.asks is None:
        return None
    filled = _filled(words, pending, now)
    if filled is None:
        return None
    return _planned(filled, pending.settled, done, book, began, now, asked_again=conversation)


def _chosen(words: Words, choices: Sequence[Choice]) -> Choice | None:
    """The choice that an answer picks: by number or place, or by words that are in its label alone."""
    if not choices or not words:
        return None
    if _is_alone(YES, words) and not POLITE_ALONE.fullmatch(words.read):
        return choices[0] if len(choices) == 1 else None
    number = _place(words.read, len(choices))
    if number is not None:
        return choices[number - 1] if 1 <= number <= len(choices) else None
    said = [word for word in folded(words.typed).split() if word not in _FILLING]
    fitting = [one for one in choices if said and set(said) <= set(folded(one.label).split())]
    exact = [one for one in fitting if folded(one.label.split(" (")[0]).split() == said]
    found = exact or fitting
    return found[0] if len(found) == 1 else None


def _addressed(words: Words, choices: Sequence[Choice], book: Book) -> Choice | None:
    """The choice of somebody whose e-mail address the answer is."""
    found = book.directory.people.resolve(words.typed) if len(words) == 1 and "@" in words[0].read else None
    if found is None or found.one is None:
        return None
    theirs = [one for one in choices if found.one.id in one.settled.people.values()]
    return theirs[0] if len(theirs) == 1 else None


_FILLING: Final = frozenset(
    {"the", "one", "at", "from", "i", "mean", "meant", "in", "of", "please", "a", "that", "it", "is", "s"}
)


def _place(read: str, last: int) -> int | None:
    """The number that an answer says: "2", "the second one", "option 2", "last"."""
    bare = re.sub(r"[,.!]| (?:please|one|thanks|option)$", "", read).strip()
    lead = PLACE.match(bare)
    place = (bare if lead is None else bare[lead.end() :]).strip().removesuffix(" one")
    if place in {"a", "an"}:
        return None
    return last if place == "last" else number_of(place)


def _filled(words: Words, pending: Asking, now: datetime) -> Change | Read | None:
    """The intent with the slot that was asked for; None where the answer does not say it."""
    intent, asks = pending.intent, pending.question.asks
    if intent is None:
        return None
    if asks == "people":
        mentions = tuple(one for one in mentions_of(words) if not one.refers)
        return _with_people(intent, mentions) if mentions else None
    if asks == "account":
        return _with_people(intent, _at(intent, words.typed))
    if not isinstance(intent, Change):
        return None
    said: dict[str, object] = {}
    if asks == "cadence":
        named, _ = cadence_of(words.between(3, len(words.read)) if words.read.startswith("to ") else words)
        said = {} if named is None else {"cadence": named}
    elif asks == "sender":
        said = {"sender": words.typed}
    elif asks == "step":
        _, step = take_step(words_of(f"x at {words.typed}" if "step" in words.read else f"x at step {words.typed}"))
        said = {} if step is None else {"step": step}
    elif asks in {"until", "start"}:
        day = words.typed if words.read.startswith(("until", "for ", "through")) else f"until {words.typed}"
        _, when = take_until(words_of(f"x {day}"), now)
        said = {} if when is None or not when.days else {str(asks): when}
    return intent.model_copy(update=said) if said else None


def _with_people(intent: Change | Read, mentions: tuple[Mention, ...]) -> Change | Read:
    slot = "people" if isinstance(intent, Change) else "about"
    return intent.model_copy(update={slot: mentions})


def _at(intent: Change | Read, account: str) -> tuple[Mention, ...]:
    mentions = intent.people if isinstance(intent, Change) else intent.about
    return tuple(
        one.model_copy(update={"at": account, "refers": False, "everyone": one.everyone or one.refers})
        for one in mentions
    )


def _planned(
    intent: Change | Read,
    settled: Settled,
    conversation: Conversation,
    book: Book,
    utterance: str,
    now: datetime,
    *,
    asked_again: Conversation | None = None,
) -> Turn:
    """The turn of an intent. `asked_again` is what the conversation was before an answer, where it is one."""
    outcome, people = plan(intent, settled, book, conversation, normalise(utterance), now)
    if isinstance(outcome, Wanted):
        return Turn(outcome=outcome, conversation=conversation if asked_again is None else asked_again)
    spoken = Spoken(intent=intent, settled=settled, said=normalise(utterance))
    conversation = _remembering(outcome, people, conversation, book).model_copy(update={"spoken": spoken})
    if isinstance(outcome, Question):
        return _asked(outcome, intent, settled, conversation, utterance, now)
    pending = Confirming(plan=outcome) if isinstance(outcome, ChangePlan) else None
    return Turn(outcome=outcome, conversation=conversation.model_copy(update={"pending": pending}))


def _asked(
    question: Question,
    intent: Change | Read | None,
    settled: Settled,
    conversation: Conversation,
    utterance: str,
    now: datetime,
) -> Turn:
    said = normalise(utterance)
    pending = Asking(question=question, intent=intent, settled=settled, said=said, expires_at=now + GOOD_FOR)
    return Turn(outcome=question, conversation=conversation.model_copy(update={"pending": pending}))


def _remembering(
    outcome: Outcome, people: Sequence[Stakeholder], conversation: Conversation, book: Book
) -> Conversation:
    """With whom it was about, and at which account, where it was one."""
    accounts = {one.customer_id for one in people}
    if not people and outcome.kind == "read":
        accounts = set(outcome.customer_ids)
    customer = book.directory.customer_by_id.get(min(accounts)) if len(accounts) == 1 else None
    told = {
        "people": tuple(Subject(id=one.id, name=one.name) for one in people) or conversation.people,
        "customer": conversation.customer if customer is None else Subject(id=customer.id, name=customer.name),
    }
    return conversation.model_copy(update=told)


def _not_understood(intent: NotUnderstood, conversation: Conversation) -> Turn:
    """A plan that was shown can still be confirmed, and is shown again, unless what was said speaks against it."""
    text, near = NOT_UNDERSTOOD[intent.why], tuple(_of_them(one, conversation) for one in intent.near)
    if isinstance(conversation.pending, Confirming):
        if intent.why is not Why.UNKNOWN:
            return _told(text, conversation.model_copy(update={"pending": None}), near)
        return _told(f"{text} Still open: {conversation.pending.plan.confirmation}", conversation, near)
    return _told(text, conversation, near)


def _of_them(example: str, conversation: Conversation) -> str:
    """An example with those who were spoken of in it: what is offered can be said as it stands."""
    if conversation.people:
        example = example.replace("Ann Lee", conversation.people[0].name)
    return example if conversation.customer is None else example.replace("Acme", conversation.customer.name)


def _told(text: str, conversation: Conversation, near: tuple[str, ...] = ()) -> Turn:
    return Turn(outcome=Told(text=text, near=near), conversation=conversation)


def _is_alone(pattern: re.Pattern[str], words: Words) -> bool:
    return bool(words) and not any(word.quoted for word in words) and bool(pattern.fullmatch(words.read))


def _said(intent: Change | Read) -> str:
    """An intent as a choice is shown."""
    if isinstance(intent, Read):
        return " ".join(
            filter(None, (intent.topic.value, listed([_mention(one) for one in intent.about]), intent.cadence))
        )
    verb = {Action.SENDER: "change the sender for", Action.SKIP: "skip the next step for"}.get(
        intent.action, intent.action.value
    )
    whom = listed([_mention(one) for one in intent.people]) or "whom you say"
    cadence = "" if intent.cadence is None else f" · {'all cadences' if intent.cadence == '*' else intent.cadence}"
    at = "" if intent.step is None else f" at step {intent.step.number}"
    until = "" if intent.until is None else f" until {intent.until.text}"
    return f"{verb} {whom}{cadence}{at}{until}"


def _mention(mention: Mention) -> str:
    return " at ".join(filter(None, ("everyone" if mention.everyone else mention.text, mention.at)))
