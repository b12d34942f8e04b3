"""From a clause that says what to do to the change that it asks for."""

import re
from dataclasses import replace
from datetime import datetime
from string import ascii_lowercase
from typing import Final

from web.chat.command_patterns import ADD, BACK, RESTART, RESTART_ADDS, STEERING, TARGETS, VERBS
from web.chat.intents import Action, Change, Either, NotUnderstood, Step, When, Why
from web.chat.slots import cadence_of, mentions_of, take_note, take_sender, take_start, take_step, take_until
from web.chat.words import Words, nearest_word

__all__ = ["CONDITION", "command", "plain_verb"]

Told = Change | Either | NotUnderstood

_MISSPELT: Final = (
    *(
        "enroll",
        "include",
        "place",
        "start",
        "pause",
        "suspend",
        "freeze",
        "resume",
        "unpause",
        "continue",
        "reactivate",
    ),
    *("reinstate", "skip", "advance", "move", "remove", "unenroll", "delete", "restart", "reset", "change", "switch"),
    *("cancel", "transfer", "withdraw", "reassign"),
)
_GERUNDS: Final = {
    "adding": "add", "enrolling": "enroll", "putting": "put", "pausing": "pause", "resuming": "resume",
    "removing": "remove", "skipping": "skip", "restarting": "restart", "changing": "change", "moving": "move",
    "taking": "take", "unenrolling": "unenroll", "switching": "switch", "setting": "set", "starting": "start",
}  # fmt: skip
_AGAIN: Final = frozenset({"pause", "resume", "unpause", "remove", "skip", "add", "enroll", "unenroll"})
_TWICE: Final = frozenset((letter, letter) for letter in ascii_lowercase)
# What is said of somebody's record, which is the platform's to change.
_OF_A_RECORD: Final = frozenset({"email", "address", "name", "title", "phone", "number", "role", "company"})
_OWN_ACCOUNT: Final = re.compile(
    r"(?:remove|delete|cancel|close|end|drop) (?:my|our) (?:account|company|organi[sz]ation)"
)
CONDITION: Final = re.compile(
    r"(?:^| )(?:if|unless|when|whenever|once|except|excluding|besides|minus|sans|but|or|either|maybe|whether|only|while"
    r"|instead of|rather than|other than|apart from|aside from|assuming|provided|in case|after|before|as soon as)"
    r"(?= |$)"
)
_NEGATION: Final = re.compile(
    r"(?:^| )(?:not|never|no|without|neither|nor|none|nobody|nothing|avoid|refrain|forget|nevermind|undo"
    r"|(?:stop|hold off|hold off on|hold|skip|cancel|pause|halt|quit|cease|abort) "
    r"(?:adding|enrolling|putting|pausing|resuming|removing|skipping|restarting)"
    r"|leave .+ (?:alone|where|as|in|on)|keep .+ (?:in|where|as))(?= |$)"
)


def command(words: Words, now: datetime) -> Told | None:
    """What a clause says to do, or why it cannot be taken; None where it is no command."""
    verb = _misspelt(words)
    if verb is not None:
        told = command(_beginning_with(verb, words), now)
        return told.model_copy(update={"read_as": ((words[0].text, verb),)}) if isinstance(told, Change) else None
    core, note = take_note(words)
    if _NEGATION.search(_unquoted(core)):
        return NotUnderstood(why=Why.NEGATED)
    if _OWN_ACCOUNT.fullmatch(core.read):
        return NotUnderstood(why=Why.UNKNOWN)
    core, until = take_until(core, now)
    if until is None and note is not None:
        # "he is at Acme, until 31 March": the day is none of the reason's.
        _, until = take_until(words, now)
    if core and core[-1].read == "again" and core[0].read in _AGAIN:
        core = Words(core[:-1])
    if not core or core[0].quoted:
        return None
    told = _Clause(core, note, until, now).told()
    if told is not None and CONDITION.search(_unquoted(core)):
        return NotUnderstood(why=Why.CONDITION)
    return told


def plain_verb(words: Words) -> Words:
    """With the plain form in the place of "adding": how it goes on after "would you mind"."""
    return _beginning_with(_GERUNDS.get(words[0].read, words[0].read), words)


def _beginning_with(verb: str, words: Words) -> Words:
    return Words((replace(words[0], read=verb), *words[1:]))


def _misspelt(words: Words) -> str | None:
    first = words[0]
    if first.quoted or first.read in VERBS or first.read in _GERUNDS:
        return None
    verb = nearest_word(first.read, _MISSPELT)
    if verb is not None and first.read.removesuffix("d") in {verb, f"{verb}e"}:
        # "Paused?" asks, and is no order.
        return None
    # A letter too many is a slip where it is its neighbour again; else it is rather a name: Stuart is not "start".
    is_slip = (
        verb is None
        or len(first.read) <= len(verb)
        or len(set(zip(first.read, first.read[1:], strict=False)) & _TWICE) > 0
    )
    return verb if is_slip else None


def _unquoted(words: Words) -> str:
    return " ".join(word.read for word in words if not word.quoted)


class _Clause:
    """One clause without its note and its end: the patterns are tried in their order, and the first that fits tells."""

    def __init__(self, words: Words, note: str | None, until: When | None, now: datetime) -> None:
        self._words, self._note, self._until, self._now = words, note, until, now

    def told(self) -> Told | None:
        for name, patterns in STEERING:
            for pattern in patterns:
                found = pattern.fullmatch(self._words.read)
                if found is not None:
                    return self._made(name, found)
            if name == "pause":
                # Behind what names steps itself, before what would take "at step 3" for a part of a name.
                restarted = self._restarted()
                if restarted is not None:
                    return restarted
            elif name == "stop":
                added = self._added()
                if added is not None:
                    return added
        return None

    def _made(self, name: str, found: re.Match[str]) -> Told | None:
        match name:
            case "pause":
                return self._paused(found)
            case "stop":
                choices = (self._change(Action.PAUSE, found, until=self._until), self._change(Action.REMOVE, found))
                return Either(why="Stopping could be two things.", choices=choices)
            case "move":
                return self._moved(found)
            case "skip":
                return self._skipped(found)
            case "sender":
                to = self._piece("to", found)
                own = "me" if self._words[0].read == "be" else None
                sender = own if to is None else re.sub(r"(?i)^(?:be|the user|user) (?=.)", "", to.typed)
                return self._at_once(self._change(Action.SENDER, found, sender=sender))
            case _:
                return self._at_once(self._change(Action(name), found))

    def _at_once(self, change: Change) -> Told:
        """What has no day of its own is done at once, so a day that was said is not to be passed over."""
        is_later = self._until is not None or take_start(self._words, self._now)[1] is not None
        return NotUnderstood(why=Why.LATER) if is_later else change

    def _paused(self, found: re.Match[str]) -> Told:
        if take_start(self._words, self._now)[1] is not None:
            return NotUnderstood(why=Why.LATER)
        return self._change(Action.PAUSE, found, until=self._until)

    def _skipped(self, found: re.Match[str]) -> Told | None:
        _, step = take_step(self._words)
        if step is not None and not found.groupdict().get("number"):
            return self._restarted()
        kind = found.groupdict().get("kind")
        if step is None and kind in {"call", "email", "task"}:
            step = Step(text=kind)
        return self._at_once(self._change(Action.SKIP, found, step=step))

    def _moved(self, found: re.Match[str]) -> Told:
        restarted = self._restarted()
        if restarted is not None:
            return restarted
        added, came_from = self._change(Action.ADD, found), self._piece("from", found)
        if any(one.text.casefold() in _OF_A_RECORD for one in added.people):
            return NotUnderstood(why=Why.UNKNOWN)
        left = None if came_from is None else cadence_of(came_from)[0]
        removed = Change(action=Action.REMOVE, people=added.people, cadence=left, note=self._note)
        return Either(why="Moving is two commands, one after the other.", choices=(removed, added))

    def _restarted(self) -> Told | None:
        left, step = take_step(self._words)
        if step is None:
            return self._restarted_somewhere()
        is_back = "back" in self._words.read.split() and self._words[0].read not in {"add", "enroll"}
        if RESTART_ADDS.fullmatch(left.read) and not is_back:
            return None
        for pattern in RESTART:
            found = pattern.fullmatch(left.read)
            if found is not None:
                return self._at_once(self._change(Action.RESTART, found, words=left, step=step))
        return None

    def _restarted_somewhere(self) -> Told | None:
        """Without a step it may be that a pause is to end, or that the cadence is to begin anew."""
        found = re.fullmatch(r"(?:restart|reset|redo|rerun) (?P<target>.+)", self._words.read) or re.fullmatch(
            r"start (?P<target>.+?) (?:all )?over(?: again)?", self._words.read
        )
        if found is None:
            return None
        first = self._change(Action.RESTART, found, step=Step(number=1, text="the beginning"))
        return Either(why="Restarting could be two things.", choices=(first, self._change(Action.RESUME, found)))

    def _added(self) -> Told | None:
        """An add, of which day, step and sender are cut before its cadence is looked for."""
        left, start, step, sender = self._words, None, None, None
        for _ in range(2):
            # They stand in any order, and each is found at the end.
            if sender is None:
                left, sender = take_sender(left)
            if start is None:
                left, start = take_start(left, self._now)
            if step is None:
                left, step = take_step(left)
        for patterns in (BACK, ADD):
            for pattern in patterns:
                found = pattern.fullmatch(left.read)
                if found is None:
                    continue
                if self._until is not None:
                    return NotUnderstood(why=Why.LATER)
                added = self._change(Action.ADD, found, words=left, start=start, step=step, sender=sender)
                if patterns is ADD:
                    return added
                resumed = self._change(Action.RESUME, found, words=left)
                return Either(why="Putting back could be two things.", choices=(resumed, added))
        return None

    def _piece(self, group: str, found: re.Match[str], words: Words | None = None) -> Words | None:
        if not found.groupdict().get(group):
            return None
        return (self._words if words is None else words).between(*found.span(group))

    def _change(
        self,
        action: Action,
        found: re.Match[str],
        *,
        words: Words | None = None,
        until: When | None = None,
        start: When | None = None,
        step: Step | None = None,
        sender: str | None = None,
    ) -> Change:
        """The change, with whom and which cadence the pattern found."""
        target = self._piece("target", found, words)
        if target is not None:
            who, cadence = _divided(target)
        else:
            who, cadence = self._piece("who", found, words), self._piece("cadence", found, words)
        named, at = (None, None) if cadence is None else cadence_of(cadence)
        people = () if who is None else mentions_of(who)
        if at is not None:
            people = tuple(one if one.at or one.refers else one.model_copy(update={"at": at}) for one in people)
        return Change(
            action=action,
            people=people,
            cadence=named,
            until=until,
            start=start,
            step=step,
            sender=sender,
            note=self._note,
        )


def _divided(target: Words) -> tuple[Words | None, Words | None]:
    """People and cadence of a target."""
    for pattern in TARGETS:
        found = pattern.fullmatch(target.read)
        if found is not None:
            cadence = target.between(*found.span("cadence")) if found.groupdict().get("cadence") else None
            return target.between(*found.span("who")), cadence
    return None, None
