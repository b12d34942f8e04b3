"""From a question, or from what is to be shown, to what is to be read. Nothing of it changes anything."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from web.chat.intents import EVERY_CADENCE, Mention, Read, Topic
from web.chat.question_patterns import (
    AT_END,
    COMPILED,
    DID,
    HELP,
    IN_CADENCE,
    IS,
    SHOWING,
    SHOWN_QUESTION,
    WHERE_IN,
    WHY,
    WHY_BY_US,
)
from web.chat.slots import cadence_of, mentions_of, take_period
from web.chat.words import Words

__all__ = ["question", "shown"]


def question(words: Words, now: datetime) -> Read | None:
    """What a question asks to be told; None where it is none that is understood."""
    words, since = take_period(words, now)
    if not words:
        return None
    if HELP.fullmatch(words.read):
        return Read(topic=Topic.HELP)
    if words[0].read in {"if", "whether"}:
        words = Words(words[1:])
    ended = AT_END.search(words.read)
    if ended is not None:
        words = words.between(0, ended.start())
    found = _patterned(words)
    if found is None or found.topic is Topic.MEMBERSHIP:
        found = _asked(words) or found
    return found if found is None or since is None else found.model_copy(update={"since": since})


def shown(words: Words, now: datetime) -> Read | None:
    """What somebody wants to see: "show me ...", or a thing alone ("activity for Acme")."""
    indirect = SHOWN_QUESTION.fullmatch(words.read)
    if indirect is not None:
        return question(words.between(*indirect.span("what")), now)
    showing = SHOWING.fullmatch(words.read)
    return question(words if showing is None else words.between(*showing.span("what")), now)


def _patterned(words: Words) -> Read | None:
    if WHY.fullmatch(words.read) or WHY_BY_US.fullmatch(words.read):
        return None
    for topic, patterns in COMPILED:
        for pattern in patterns:
            found = pattern.fullmatch(words.read)
            if found is not None:
                return _read(topic, words, found)
    return None


def _read(topic: Topic, words: Words, found: re.Match[str]) -> Read:
    groups = found.groupdict()

    def piece(group: str) -> Words | None:
        return words.between(*found.span(group)) if groups.get(group) else None

    who, cadence, account = piece("who") or piece("about"), piece("cadence"), piece("account")
    about = mentions_of(who) if who is not None else ()
    if account is not None:
        about = tuple(Mention(text=one.text, everyone=True, at=one.text) for one in mentions_of(account))
        about = tuple(one.model_copy(update={"text": ""}) for one in about)
    named, at = (None, None) if cadence is None else cadence_of(cadence)
    if at is not None and not about:
        about = (Mention(at=at, everyone=True),)
    return Read(
        topic=topic,
        about=tuple(one for one in about if one.text or one.at or one.refers),
        cadence=None if named == EVERY_CADENCE else named,
        word=groups.get("word"),
    )


def _asked(words: Words) -> Read | None:
    """Questions that begin with a verb, or with why: the subject ends where what is said of it begins."""
    for pattern, make in _SPOKEN:
        found = pattern.fullmatch(words.read)
        if found is not None:
            return make(words, found)
    return None


def _why(words: Words, found: re.Match[str]) -> Read:
    return _said(Topic.EXPLAIN, words, found)


def _why_by_us(words: Words, found: re.Match[str]) -> Read:
    if found["rest"]:
        return _said(Topic.EXPLAIN, words, found)
    return Read(topic=Topic.EXPLAIN, about=mentions_of(words.between(*found.span("who"))))


def _is(words: Words, found: re.Match[str]) -> Read | None:
    rest = found["rest"]
    if re.match(rf"(?:not |ever |already |been |even |actually )*{DID}(?: |$)", rest) and not re.match(
        r"(?:get|got|back) (?:added|enrolled|put|in|into|on)", rest
    ):
        return _said(Topic.ACTIVITY, words, found)
    return _said(Topic.MEMBERSHIP, words, found)


def _said(topic: Topic, words: Words, found: re.Match[str]) -> Read:
    first, _ = found.span("rest")
    rest = words.between(first, len(words.read))
    pattern = IN_CADENCE if topic is Topic.ACTIVITY else WHERE_IN
    named = pattern.fullmatch(rest.read)
    cadence = None if named is None else cadence_of(rest.between(*named.span("cadence")))[0]
    if cadence is not None and cadence.casefold() in {"hold", "pause", "ice", EVERY_CADENCE}:
        cadence = None
    about = mentions_of(words.between(*found.span("who")))
    return Read(topic=topic, about=about, cadence=cadence, word=rest.read.split()[0] if len(rest) > 0 else None)


_SPOKEN: Final[tuple[tuple[re.Pattern[str], Callable[[Words, re.Match[str]], Read | None]], ...]] = (
    (WHY_BY_US, _why_by_us),
    (WHY, _why),
    (IS, _is),
)
