"""The slots of an utterance: people, cadences, days, steps, senders and notes, each cut out of its words."""

import re
from datetime import date, datetime, timedelta
from typing import Final

from web.chat.dates import SPAN, ahead, behind, number_of, span_end
from web.chat.intents import EVERY_CADENCE, Mention, Step, When
from web.chat.slot_patterns import (
    AFTER_CADENCE,
    ALL_CADENCES,
    AT,
    BEFORE_CADENCE,
    BEFORE_NAMES,
    CADENCE,
    CADENCE_AND_ACCOUNT,
    EVERYONE,
    FROM,
    LATER,
    NO_CADENCE,
    NO_END,
    NOTE,
    OF,
    OFFICE,
    PRONOUN,
    PURPOSES,
    SENDER,
    SHE_IS_IN,
    STARTING,
    STEP,
    THIS_ACCOUNT,
    UNTIL,
    VAGUE,
    WHOSE,
)
from web.chat.words import POSSESSIVE, QUOTED, Word, Words

__all__ = [
    "CADENCE",
    "PURPOSES",
    "cadence_of",
    "mentions_of",
    "take_note",
    "take_period",
    "take_sender",
    "take_start",
    "take_step",
    "take_until",
    "without",
]


_LISTING: Final = frozenset({",", "and", "/", "plus", ";"})
_AROUND_NAMES: Final = frozenset(
    {",", "and", ".", ":", "-", ";", "/", "please", "?", "!", "(", ")", "also", "both", "plus"}
)


def without(words: Words, found: re.Match[str]) -> Words:
    """What is left when a piece is cut out, without the comma that stood before or behind it."""
    first, last = words.at(*found.span())
    left = words.cut(first, last)
    return Words(_trimmed(list(left)))


def mentions_of(words: Words) -> tuple[Mention, ...]:
    """The people and accounts of a list. An account said behind several people is the account of all of them."""
    whole = _everyone(words)
    if whole is not None:
        return (whole,)
    found: list[Mention] = []
    for piece in _pieces(words):
        behind_a_name = FROM.match(piece.read)
        if behind_a_name is not None and found and found[-1].at is None:
            account = piece.between(behind_a_name.end(), len(piece.read)).typed
            found[-1] = found[-1].model_copy(update={"at": account})
        else:
            found.append(_everyone(piece) or _mention(piece))
    for index in range(len(found) - 2, -1, -1):
        if found[index].at is None and not found[index].refers:
            found[index] = found[index].model_copy(update={"at": found[index + 1].at})
    return tuple(found)


def cadence_of(words: Words) -> tuple[str | None, str | None]:
    """A cadence as typed, EVERY_CADENCE, or None where the words name none; and an account that was said with it."""
    words = Words(_trimmed(list(words)))
    read, at = words.read, None
    behind_it = CADENCE_AND_ACCOUNT.fullmatch(read)
    if behind_it is not None:
        named_behind = words.between(*behind_it.span("at"))
        if re.fullmatch(rf"(?:the )?{PURPOSES}", named_behind.read):
            return cadence_of(named_behind)
        at = named_behind.typed
        words = words.between(*behind_it.span("cadence"))
        read = words.read
    shorter = SHE_IS_IN.sub("", read)
    if shorter != read:
        words, read = words.between(0, len(shorter)), shorter
    if ALL_CADENCES.fullmatch(read):
        return EVERY_CADENCE, at
    if NO_CADENCE.fullmatch(read):
        return None, at
    before = BEFORE_CADENCE.match(read)
    if before is not None and before.end() < len(read):
        words = words.between(before.end(), len(read))
    named = AFTER_CADENCE.fullmatch(words.read)
    if named is not None:
        words = words.between(*named.span("cadence"))
    return words.typed or None, at


def take_note(words: Words) -> tuple[Words, str | None]:
    """The reason that was given, to the end of the utterance."""
    found = NOTE.search(words.read)
    if found is None:
        return words, None
    first, _ = words.at(*found.span("note"))
    note = Words(words[first:]).typed
    return Words(_trimmed(list(words.between(0, found.start())))), note or None


def take_until(words: Words, now: datetime) -> tuple[Words, When | None]:
    """The day on which something ends: "until Monday", "through Friday" (the day after it), "for two weeks"."""
    endless = NO_END.search(words.read)
    if endless is not None:
        words = without(words, endless)
    for index, word in enumerate(words):
        is_two = re.fullmatch(r"up to .*|for the (?:rest|remainder)", Words(words[index : index + 3]).read)
        follows = index + (2 if is_two else 1)
        if word.quoted or not UNTIL.fullmatch(Words(words[index:follows]).read):
            continue
        last, days = _longest(words, follows, now)
        if not days and word.read != "until":
            continue
        if not days:
            # Whatever it is, it is no part of a name: somebody has to be asked.
            return Words(_trimmed(list(words[:index]))), When(text=Words(words[follows:]).typed)
        if word.read == "through":
            days = tuple(day + timedelta(days=1) for day in days)
        return _cut_when(words, index, follows, last, days)
    vague = VAGUE.search(words.read)
    if vague is not None:
        return without(words, vague), When(text=words.between(*vague.span()).typed)
    span = re.search(rf"(?:^|(?<= ))for {SPAN}(?= |$)|(?<= )(?<!in ){SPAN}$", words.read)
    end = span_end(span[0].removeprefix("for "), now.date()) if span is not None else None
    if span is None or end is None:
        return words, None
    return without(words, span), When(text=words.between(*span.span()).typed, days=(end,))


def take_start(words: Words, now: datetime) -> tuple[Words, When | None]:
    """The day on which something begins: "starting Dec 1", "from Monday", "tomorrow"."""
    for index in range(1, len(words)):
        for behind_it in (index + 2, index + 1):
            lead = Words(words[index:behind_it])
            if lead.read in {"", POSSESSIVE} or not STARTING.fullmatch(lead.read) or any(one.quoted for one in lead):
                continue
            last, days = _longest(words, behind_it, now)
            if days:
                return _cut_when(words, index, behind_it, last, days)
    ahead_of_now = re.search(rf"(?<= )in {SPAN}(?= |$)", words.read)
    day = None if ahead_of_now is None else span_end(ahead_of_now[0].removeprefix("in "), now.date())
    if ahead_of_now is not None and day is not None:
        return without(words, ahead_of_now), When(text=words.between(*ahead_of_now.span()).typed, days=(day,))
    later = re.search(rf"(?<= )(?:{LATER.pattern})$", words.read)
    if later is None:
        return words, None
    days = ahead(later[0].removeprefix("on "), now)
    return without(words, later), When(text=words.between(*later.span()).typed, days=days)


def take_step(words: Words) -> tuple[Words, Step | None]:
    """A step by its number: "at step 3", "the third step", "from the beginning"."""
    found = STEP.search(words.read)
    if found is None:
        return words, None
    left = without(words, found)
    if found["beginning"]:
        return left, Step(number=1, text="the beginning")
    said = found["number"] or found["nth"]
    number = number_of(said)
    return left, Step(number=number, text=words.between(*found.span()).typed)


def take_sender(words: Words) -> tuple[Words, str | None]:
    """Who is to send: "with Kim as sender", "sent by Kim"."""
    found = SENDER.search(words.read)
    if found is None:
        return words, None
    name = next(group for group in ("one", "two", "three", "four", "five", "six") if found[group])
    return without(words, found), words.between(*found.span(name)).typed


def take_period(words: Words, now: datetime) -> tuple[Words, date | None]:
    """Since when something is asked for: "in the last 30 days", "since Monday"."""
    for first in range(len(words)):
        for last in range(len(words), first, -1):
            piece = Words(words[first:last])
            since = None if any(one.quoted for one in piece) else behind(piece.read, now)
            if since is not None:
                return Words(_trimmed(list(words.cut(first, last)))), since
    return words, None


def _longest(words: Words, first: int, now: datetime) -> tuple[int, tuple[date, ...]]:
    """The longest phrase from a word on that says a day, by the word after its last."""
    for last in range(min(len(words), first + 7), first, -1):
        piece = Words(words[first:last])
        if any(word.quoted for word in piece):
            continue
        days = ahead(" ".join(word.read for word in piece if word.read not in {",", "."}), now)
        if days:
            return last, days
    return first, ()


def _cut_when(words: Words, first: int, day: int, last: int, days: tuple[date, ...]) -> tuple[Words, When]:
    return Words(_trimmed(list(words.cut(first, last)))), When(text=Words(words[day:last]).typed, days=days)


def _trimmed(words: list[Word]) -> list[Word]:
    while words and words[0].read in {",", ".", ":", "-", ";", "and", "!", "?"}:
        words = words[1:]
    while words and words[-1].read in {",", ".", ":", "-", ";", "and", "!", "?"}:
        words = words[:-1]
    return words


def _pieces(words: Words) -> list[Words]:
    pieces: list[list[Word]] = [[]]
    for word in words:
        if word.read in _LISTING:
            pieces.append([])
        else:
            pieces[-1].append(word)
    bare = [_bare(Words(piece)) for piece in pieces]
    return [piece for piece in bare if piece]


def _bare(words: Words) -> Words:
    """A name without what stands around it: commas, "the stakeholder", a possessive at its end."""
    left = list(words)
    while left and left[0].read in _AROUND_NAMES - {"both"}:
        left = left[1:]
    while left and left[-1].read in {*_AROUND_NAMES - {"both", ")"}, POSSESSIVE}:
        left = left[:-1]
    if len(left) > 1 and left[0].read == "both" and not PRONOUN.fullmatch(Words(left).read):
        left = left[1:]
    before = BEFORE_NAMES.match(Words(left).read)
    return Words(left).between(before.end(), len(Words(left).read)) if before is not None else Words(left)


def _everyone(words: Words) -> Mention | None:
    words = _bare(words)
    found = EVERYONE.fullmatch(words.read)
    if found is None or any(word.quoted for word in words[:1]):
        return None
    at = "at" if found["at"] else "whose"
    if not found[at]:
        return Mention(everyone=True)
    account = _bare(words.between(*found.span(at)))
    return Mention(everyone=True, at=account.typed, refers=bool(_refers(account.read)))


def _mention(words: Words) -> Mention:
    if _refers(words.read):
        return Mention(text=words.typed, refers=True)
    found = AT.fullmatch(words.read)
    if found is not None:
        who, at = ("who", "at") if found["who"] else ("who2", "at2")
    else:
        found = WHOSE.fullmatch(words.read) or (None if OFFICE.fullmatch(words.read) else OF.fullmatch(words.read))
        who, at = "who", "at"
    if found is None:
        return Mention(text=words.typed)
    name, account = _bare(words.between(*found.span(who))), _bare(words.between(*found.span(at)))
    if len(account) == 1 and "@" in account[0].read:
        # "Ann (ann@acme.example)": the address says who it is.
        return Mention(text=account.typed)
    return Mention(text=name.typed, at=account.typed, refers=bool(PRONOUN.fullmatch(name.read)))


def _refers(read: str) -> bool:
    return not read.startswith(QUOTED) and bool(PRONOUN.fullmatch(read) or THIS_ACCOUNT.fullmatch(read))
