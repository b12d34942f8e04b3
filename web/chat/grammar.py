"""From an utterance to an intent. What is not understood whole is not understood: nothing is guessed, nothing left out.

A clause is a question, something to be shown, or a command, and is asked in that order. Politeness around it is left
out first. Several clauses are several intents, of which somebody chooses one at a time.
"""

import re
from datetime import datetime
from typing import Final

from web.chat.command_patterns import VERBS
from web.chat.commands import CONDITION, command, plain_verb
from web.chat.courtesy_patterns import BEFORE, BEHIND, MINDING, REVERSED, STATED
from web.chat.entities import purpose_of
from web.chat.intents import Action, Change, Either, Intent, NotUnderstood, Read, Topic, Why
from web.chat.questions import question, shown
from web.chat.slots import mentions_of, take_until
from web.chat.words import LONGEST, MOST_WORDS, Word, Words, nearest_word, normalise, words_of

__all__ = ["understand"]

_DIVIDING: Final = frozenset({"and", "then", ",", ".", ";", "also", "plus", "please"})
_NOUNS_TOO: Final = frozenset({"start", "begin", "set", "use", "have", "let", "end", "hold", "close"})
_NEAR: Final = (
    "Add Ann Lee to the renewal cadence",
    "Pause Ann Lee until next Monday",
    "Resume Ann Lee",
    "Skip Ann Lee's next step",
    "Restart Ann Lee at step 2",
    "Change the sender for Ann Lee to Kim Park",
    "Remove Ann Lee from the renewal cadence",
    "What cadence is Ann Lee in?",
    "Show Salesloft activity for Acme",
    "Why is Ann Lee not in the save cadence?",
    "What approvals are waiting?",
)
_LONGEST_HEAD: Final = 5
_SHOW: Final = frozenset({
    "show", "list", "display", "view", "check", "find", "see", "look", "tell", "explain", "fetch", "print",
    "summarize", "report", "review", "approve", "reject",
})  # fmt: skip
_SHOW_WORDS: Final = ("show", "list", "what", "which", "where", "explain", "display")
_QUESTION: Final = re.compile(
    r"(?:what|which|who|whose|where|when|why|how|is|are|was|were|has|did|does|should|am|if|whether)"
)


def understand(text: str, now: datetime) -> Intent:
    """The intent of an utterance; `now` is the caller's, by which days are told."""
    utterance = normalise(text)
    if len(utterance) > LONGEST:
        return NotUnderstood(why=Why.TOO_LONG)
    words = words_of(utterance)
    if len(words) > MOST_WORDS:
        return NotUnderstood(why=Why.TOO_LONG)
    if not words:
        return NotUnderstood(why=Why.EMPTY, near=_NEAR[:3])
    clauses = _clauses(words)
    found = [_clause(clause, now) for clause in clauses]
    if len(found) == 1:
        return found[0]
    return _said_first(clauses, found, now) or _several(found, words)


def _headed(words: Words, now: datetime) -> Intent | None:
    """As in "Acme: show activity", or "Ann Lee, which cadence is she in?": first about whom, then what."""
    for index in range(1, min(len(words), _LONGEST_HEAD + 1)):
        if words[index].read in {":", "-", ","}:
            break
    else:
        return None
    head, rest = Words(words[:index]), Words(words[index + 1 :])
    if not rest or head[0].read in VERBS | _SHOW or _QUESTION.fullmatch(head[0].read) or not _says_only_who(head):
        return None
    told = _clause(rest, now)
    if not isinstance(told, Change | Read) or (isinstance(told, Read) and told.topic in {Topic.CADENCES, Topic.HELP}):
        return None
    about = told.people if isinstance(told, Change) else told.about
    who = mentions_of(head)
    if not about or all(one.refers for one in about):
        named = who
    elif isinstance(told, Read) and told.cadence is None and len(about) == 1 and purpose_of(about[0].text):
        # "Ann Lee - renewal status?"
        return told.model_copy(update={"about": who, "cadence": about[0].text})
    elif words[index].read != "," and len(who) == 1 and not any(one.at or one.refers for one in about):
        named = tuple(one.model_copy(update={"at": who[0].text}) for one in about)
    else:
        return None
    return told.model_copy(update={"people" if isinstance(told, Change) else "about": named})


def _says_only_who(head: Words) -> bool:
    return not (REVERSED.search(head.read) or CONDITION.search(head.read) or STATED.fullmatch(head.read))


def _several(found: list[Intent], words: Words) -> Intent:
    """More than one clause: a choice among them, if each is understood and none says what not to do."""
    refused = next((one for one in found if isinstance(one, NotUnderstood) and one.why is Why.NEGATED), None)
    if refused is not None:
        return refused
    understood = tuple(one for one in found if isinstance(one, Change | Read))
    if len(understood) == len(found):
        return Either(why="Those are several at once: one after the other, please.", choices=understood)
    return NotUnderstood(why=Why.SEVERAL, near=_near(words))


def _said_first(clauses: list[Words], found: list[Intent], now: datetime) -> Intent | None:
    """As in "Ann is on leave, pause her": a reason, and what it is the reason for."""
    if len(clauses) != 2 or not isinstance(found[1], Change) or not isinstance(found[0], NotUnderstood | Read):
        return None
    bare, _ = _polite(clauses[0])
    stated = STATED.fullmatch(bare.read)
    if stated is None or REVERSED.search(bare.read) or CONDITION.search(bare.read):
        return None
    change = found[1]
    who = mentions_of(bare.between(*stated.span("who")))
    is_about_them = not change.people or (len(change.people) == 1 and change.people[0].refers)
    if is_about_them and len(who) == 1:
        change = change.model_copy(update={"people": who})
    if change.action is Action.PAUSE and change.until is None:
        # "asked for a break until March, pause him": the day that was said is the pause's.
        change = change.model_copy(update={"until": take_until(bare, now)[1]})
    return change.model_copy(update={"note": change.note or bare.typed})


def _clause(words: Words, now: datetime) -> Intent:
    bare, is_minding = _polite(words)
    if not bare:
        return Read(topic=Topic.HELP)
    if is_minding:
        bare = plain_verb(bare)
    first = bare[0]
    if not first.quoted:
        told = _headed(bare, now) or _told(bare, now, first)
        if told is not None:
            return told
    return NotUnderstood(why=Why.UNKNOWN, near=_near(words))


def _told(words: Words, now: datetime, first: Word) -> Intent | None:
    if first.read == "could":
        asked = command(words, now)
        if isinstance(asked, Change):
            return asked
    if _QUESTION.fullmatch(first.read):
        return question(words, now) or shown(words, now)
    if first.read in {"have", "do", "had"} and not words.read.startswith("do not "):
        asked = command(words, now) if first.read == "have" else None
        return asked if isinstance(asked, Change) else question(words, now)
    if first.read in _SHOW or re.match(r"(?:give|get|open|pull) (?:me|us|up) ", words.read):
        told = shown(words, now)
        if told is not None:
            return told
    done = command(words, now)
    if done is not None or first.read in VERBS:
        return done
    read = nearest_word(first.read, _SHOW_WORDS) or first.read
    again = Words((Word(first.text, read, first.start, first.end), *words[1:]))
    return question(again, now) or shown(again, now)


def _polite(words: Words) -> tuple[Words, bool]:
    """Without what is said for politeness, and whether a gerund is to follow."""
    minding = False
    before = BEFORE.match(words.read + " ")
    if before is not None:
        words = words.between(before.end(), len(words.read)) if before.end() < len(words.read) else Words()
    minded = MINDING.match(words.read)
    if minded is not None:
        words, minding = words.between(minded.end(), len(words.read)), True
        before = BEFORE.match(words.read + " ")
        words = words if before is None else words.between(before.end(), len(words.read))
    behind = BEHIND.search(words.read)
    if behind is not None:
        words = words.between(0, behind.start())
    return words, minding


def _clauses(words: Words) -> list[Words]:
    """The parts of an utterance that each begin with a verb of their own."""
    parts, begun = [], 0
    for index in range(1, len(words)):
        word = words[index]
        if word.quoted or word.read not in VERBS | {"show", "list", "what", "why"} or index == begun:
            continue
        if words[index - 1].read in _DIVIDING and index - 1 > begun and _begins(words, index):
            parts.append(Words(words[begun:index]))
            begun = index
    parts.append(Words(words[begun:]))
    stripped = [_stripped(part) for part in parts]
    return [part for part in stripped if part and _polite(part)[0]] or [words]


def _begins(words: Words, index: int) -> bool:
    """Whether a verb begins a command: it is no noun, and something was said before it but "can you please"."""
    following = words[index + 1].read if index + 1 < len(words) else ""
    if words[index].read in _NOUNS_TOO and following in {"at", "on", "from", "", "the"}:
        return words[index].read in {"set", "use", "have", "let"}
    return bool(_polite(Words(words[:index]))[0])


def _stripped(words: Words) -> Words:
    left = list(words)
    while left and left[-1].read in _DIVIDING - {"please"}:
        left = left[:-1]
    return Words(left)


def _near(words: Words) -> tuple[str, ...]:
    """Examples that share words with what was said, three at most."""
    said = {word.read for word in words}
    scored = sorted(_NEAR, key=lambda example: -len(said & {word.read for word in words_of(example)}))
    return tuple(scored[:3])
