"""What is said behind something else and says little by itself: "and Bob?", "until Tuesday instead", "why not?".

It is the intent before it with one thing changed, and a plan of it is shown anew like any other.
"""

import re
from datetime import datetime
from typing import Final

from web.chat.book import Book
from web.chat.intents import EVERY_CADENCE, Action, Change, Intent, Mention, NotUnderstood, Read, Topic
from web.chat.plans import Confirming, Conversation, Settled, Spoken
from web.chat.slots import mentions_of, take_start, take_until
from web.chat.words import Words, words_of

__all__ = ["followed"]

_ALSO: Final = re.compile(
    r"(?:(?:and|also|plus|then|what about|how about|(?:the )?same (?:thing )?(?:for|with)|ditto for|likewise|for) )+"
    r"(?P<who>.+?)(?: (?:too|as well|also))?(?: please)?"
    r"|(?P<too>.+?) (?:too|as well)(?: please)?"
)
_ABOUT: Final = re.compile(r"(?:and )?(?:what|how) about .+")
_INSTEAD: Final = re.compile(
    r"(?:(?:no|nope|sorry|wait|actually|oh) (?:[,.:-] )?)+(?:i (?:mean|meant) )?(?P<who>.+?)(?: instead)?"
    r"|i (?:mean|meant) (?P<meant>.+?)(?: instead)?"
)
_WHY: Final = re.compile(r"(?:(?:and|but|so|ok|okay|oh|hm) (?:, )?)?(?:why|how come|why is that|what for)(?: not| so)?")
_WHY_WHO: Final = re.compile(r"(?:(?:and|but|so) )?(?:why|how come)(?: not)? (?P<who>.+)")
_AMENDS: Final = re.compile(
    r"(?:(?:no|nope|yes|yep|ok|okay|sure|but|sorry|wait|actually|rather|better|oh|hm|well|or) (?:[,.:-] )?)*"
    r"(?P<how>(?:make|change|set) (?:it|that)(?: to)?|until|through|to|from|starting|on|say|better|rather)? ?"
    r"(?P<day>.+?)(?: (?:instead|rather|then|please|,|\.))*"
)
_ONLY_ENDS: Final = frozenset({"until", "through"})
_ONLY_BEGINS: Final = frozenset({"from", "starting", "on"})


def followed(words: Words, intent: Intent, conversation: Conversation, book: Book, now: datetime) -> Spoken | None:
    """What it comes to behind what was said before; None where it is nothing of the kind.

    `intent` is what it is by itself: what says enough goes on from nothing.
    """
    before = conversation.spoken
    if before is None or any(word.quoted for word in words):
        return None
    if _WHY.fullmatch(words.read):
        return _why(before, conversation)
    amended = _amended(words, before, conversation, now)
    if amended is not None:
        return amended
    says_little = isinstance(intent, NotUnderstood) or bool(_ABOUT.fullmatch(words.read))
    return _others(words, before, book) if says_little else None


def _why(before: Spoken, conversation: Conversation) -> Spoken | None:
    """About those who were spoken of, and the cadence that was."""
    if not conversation.people:
        return None
    pinned, settled = _pinned(before, conversation)
    return Spoken(intent=_explaining(before, pinned), settled=settled, said=before.said)


def _explaining(before: Spoken, about: tuple[Mention, ...]) -> Read:
    cadence = None if before.intent.cadence == EVERY_CADENCE else before.intent.cadence
    return Read(topic=Topic.EXPLAIN, about=about, cadence=cadence)


def _amended(words: Words, before: Spoken, conversation: Conversation, now: datetime) -> Spoken | None:
    """Another day for the plan that is shown."""
    found, change = _AMENDS.fullmatch(words.read), before.intent
    if found is None or not isinstance(conversation.pending, Confirming) or not isinstance(change, Change):
        return None
    day, how = words.between(*found.span("day")).typed, found["how"] or ""
    pinned, settled = _pinned(before, conversation)
    if change.action is Action.PAUSE and how not in _ONLY_BEGINS:
        left, until = take_until(words_of(f"x {how if how in _ONLY_ENDS else 'until'} {day}"), now)
        told = {"people": pinned, "until": until}
        settled = settled.model_copy(update={"until": None})
    elif change.action is Action.ADD and how not in _ONLY_ENDS:
        left, until = take_start(words_of(f"x on {day}"), now)
        told = {"people": pinned, "start": until}
        settled = settled.model_copy(update={"start": None})
    else:
        return None
    if left.read != "x" or until is None or not until.days:
        return None
    return Spoken(intent=change.model_copy(update=told), settled=settled, said=f"{before.said}; {words.typed}")


def _others(words: Words, before: Spoken, book: Book) -> Spoken | None:
    """The same for somebody else, and for them alone: what was shown before and had no yes is not done by it."""
    why = _WHY_WHO.fullmatch(words.read)
    found = why or _ALSO.fullmatch(words.read) or _INSTEAD.fullmatch(words.read)
    if found is None:
        return None
    place = next(name for name, text in found.groupdict().items() if text is not None)
    others = mentions_of(words.between(*found.span(place)))
    if not others or not all(_is_known(one, book) for one in others):
        return None
    said = f"{before.said}; {words.typed}"
    if why is not None:
        return Spoken(intent=_explaining(before, others), settled=_without_people(before.settled), said=said)
    if isinstance(before.intent, Read):
        read = before.intent.model_copy(update={"about": others})
        return Spoken(intent=read, settled=_without_people(before.settled), said=said)
    # The reason that was given was the others'.
    change = before.intent.model_copy(update={"people": others, "note": None})
    return Spoken(intent=change, settled=_without_people(before.settled), said=said)


def _is_known(mention: Mention, book: Book) -> bool:
    """Whether it names anybody: else the words were about something else."""
    names = [mention.text] if mention.text else []
    names += [mention.at] if mention.at else []
    directory = book.directory
    return mention.refers or any(
        directory.people.resolve(one).found or directory.customers.resolve(one).found for one in names
    )


def _pinned(before: Spoken, conversation: Conversation) -> tuple[tuple[Mention, ...], Settled]:
    """Those who were spoken of, as mentions that mean them and nobody else."""
    people = {place: one.id for place, one in enumerate(conversation.people)}
    settled = _without_people(before.settled).model_copy(
        update={"people": people, "enrollments": before.settled.enrollments}
    )
    return tuple(Mention(text=one.name) for one in conversation.people), settled


def _without_people(settled: Settled) -> Settled:
    return Settled(cadences=settled.cadences, sender=settled.sender, until=settled.until, start=settled.start)
