"""How the chat words what it shows: confirmations say everything that would be done, and to whom."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from web.chat.entities import User
from web.chat.intents import Action, Why
from web.chat.plans import Target

__all__ = ["NOT_UNDERSTOOD", "confirmation", "fresh", "listed", "short_moment", "spoken_day", "spoken_moment"]

_BY_REMOVAL: Final = (
    "Salesloft cannot do that by itself: the person is taken off the cadence and added back, "
    "if nothing is against it then."
)
NOT_UNDERSTOOD: Final = {
    Why.EMPTY: "There was nothing to read.",
    Why.TOO_LONG: "That is too long to be read: one command at a time, please.",
    Why.NEGATED: "Understood as what not to do, so nothing was done.",
    Why.CONDITION: "I cannot do that under a condition, nor leave somebody out: say who and what. Nothing was done.",
    Why.LATER: "I can do that at once, but not on a later day. Nothing was done.",
    Why.SEVERAL: "Those are several things at once, and I did not understand all of them. Nothing was done.",
    Why.UNKNOWN: "I did not understand that. Nothing was done.",
}


def confirmation(
    action: Action,
    targets: Sequence[Target],
    *,
    until: date | None,
    start: date | None,
    step: int | None,
    sender: User | None,
    known: Sequence[str] = (),
) -> str:
    """What will be done if it is confirmed; `known` are sentences of what is known to come with it."""
    whom = listed([f"{one.name} ({one.customer}) · {one.cadence}" for one in targets])
    match action:
        case Action.ADD:
            begins = "" if start is None else f", beginning on {spoken_day(start)}"
            at = "" if step is None else f", at step {step}"
            by = "" if sender is None else f", sent by {sender.name}"
            told = f"Ask for approval to add {whom}{begins}{at}{by}. Nothing is sent before it is approved."
        case Action.PAUSE:
            end = (
                "until somebody resumes it"
                if until is None
                else f"until {spoken_day(until)}, when it goes on by itself"
            )
            told = (
                f"Pause {whom} {end}. Salesloft has no pause: the person is taken off, and added back at the same step."
            )
        case Action.RESUME:
            told = f"Resume {whom}. {_BY_REMOVAL}"
        case Action.SKIP:
            told = f"Skip the next step of {whom}. {_BY_REMOVAL}"
        case Action.RESTART:
            told = f"Begin again at {'the first step' if step is None else f'step {step}'}: {whom}. {_BY_REMOVAL}"
        case Action.SENDER:
            told = f"Have {'nobody' if sender is None else sender.name} send for {whom}. {_BY_REMOVAL}"
        case Action.REMOVE | _:
            told = f"Remove {whom}. What has not been sent is not sent any more."
    return " ".join((told, *known, "Shall I?"))


def spoken_day(day: date) -> str:
    """A day that cannot be misread: "Monday 30 November 2026"."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def spoken_moment(at: datetime) -> str:
    """A day and the time on it: "Tuesday 24 November 2026 at 02:37"."""
    return f"{spoken_day(at.date())} at {at:%H:%M}"


def short_moment(at: datetime) -> str:
    """The same where a line is of many, as on the pages: "24 Nov 2026, 02:37"."""
    return f"{at.day} {at:%b %Y, %H:%M}"


def listed(names: Sequence[str]) -> str:
    """Names as in "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def fresh(as_of: datetime | None, now: datetime) -> str:
    """How fresh an answer is."""
    if as_of is None:
        return "not read from Salesloft yet"
    minutes = max(int((now - as_of).total_seconds() // 60), 0)
    if minutes < 1:
        return "as of this minute"
    if minutes < 120:
        return f"as of {minutes} minute{'s' if minutes > 1 else ''} ago"
    return f"as of {minutes // 60} hours ago" if minutes < 2880 else f"as of {minutes // 1440} days ago"
