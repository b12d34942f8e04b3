"""Templates, and the few words and shapes that all of them use."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from web.pages.auditing import deed
from web.pages.changes import changes_told
from web.pages.histories import NO_REASON
from web.pages.journeys import passed_over, standing
from web.pages.mapping_words import labelled, limits, uncounted
from web.pages.reasons import denied, judged, missed, saw, term_end_of, turn_of
from web.pages.rules import asks_of
from web.pages.wording import at_least, percent, reason, sentence, shown, whose, words
from web.reason_words import because

__all__ = ["FOLDER", "templates"]

FOLDER = Path(__file__).parent

_TONES: Mapping[str, str] = {
    "enrolled": "good",
    "connected": "good",
    "published": "good",
    "native": "good",
    "request": "good",
    "completed": "good",
    "approved": "good",
    "scheduled": "busy",
    "requested": "busy",
    "waiting": "busy",
    "enrolling": "busy",
    "paused": "held",
    "defer": "held",
    "emulated": "held",
    "draft": "held",
    "validated": "held",
    "parked": "held",
    "sent_back": "good",
    "too_large": "bad",
    "stale": "held",
    "blocked": "bad",
    "failed": "bad",
    "rejected": "bad",
    "unknown": "bad",
    "needs_reauthorization": "bad",
    "disconnected": "bad",
}
_NOT_DONE: Mapping[str, str] = {
    "take_off": "Not taken off",
    "add_back": "Not added back",
    "remove": "Not removed",
}


def templates() -> Environment:
    """The environment of all templates. What is not defined is an error, and everything is escaped."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "words": words,
        "reason": reason,
        "because": because,
        "denied": denied,
        "missed": missed,
        "judged": judged,
        "saw": saw,
        "when": when,
        "until": until,
        "day_in": day_in,
        "place": place,
        "sentence_case": sentence_case,
        "tone": tone,
        "standing": standing,
        "json": as_json,
        "sentence": sentence,
        "whose": whose,
        "shown": shown,
        "percent": percent,
        "at_least": at_least,
        "deed": deed,
        "limits": limits,
        "fact": labelled,
        "not_done": _NOT_DONE.__getitem__,
        "passed_over": passed_over,
    }
    made.globals |= {
        "asks_of": asks_of,
        "changes_told": changes_told,
        "places": places,
        "turn_of": turn_of,
        "term_end_of": term_end_of,
        "uncounted": uncounted,
        "no_reason": NO_REASON,
    }
    return made


def when(told: str | None, style: str = "moment") -> Markup:
    """An instant, which the page's script puts into the reader's time zone; `style` is `moment`, `ago` or `left`."""
    if not told:
        return Markup("—")
    instant = datetime.fromisoformat(told)
    shown = instant.strftime("%-d %b %Y, %H:%M UTC") if "T" in told else instant.strftime("%-d %b %Y")
    # A list has hundreds of them, and Markup's own way to format is slow.
    return Markup(f'<time datetime="{escape(told)}" data-style="{style}">{shown}</time>')  # noqa: S704  # our own words


def until(begun: str, ended: str) -> str:
    """How long something took, in the largest unit that it fills."""
    seconds = round((datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds())
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}{'' if seconds // size == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}" if seconds else "less than a second"


def day_in(told: str, zone: str) -> str:
    """The day that an instant is on in a time zone."""
    return datetime.fromisoformat(told).astimezone(ZoneInfo(zone)).date().isoformat()


def place(zone: str) -> str:
    """A time zone as people call it, by its city: `America/New_York` is "New York"."""
    return zone.rpartition("/")[2].replace("_", " ")


def sentence_case(told: str) -> str:
    """With a capital in front, and the names in it as they are."""
    return told[:1].upper() + told[1:]


def tone(state: str | None) -> str:
    """Which colour a state has."""
    return _TONES.get(state or "", "quiet")


def places() -> Callable[[Mapping[str, Any]], str]:
    """Where a row says what did not hold, by its evaluation and which of it: the same on a page that is read again."""
    counted: Counter[str] = Counter()

    def place_of(one: Mapping[str, Any]) -> str:
        counted[one["evaluation_id"]] += 1
        return f"unmet-{one['evaluation_id']}-{counted[one['evaluation_id']]}"

    return place_of


def as_json(told: Any, *, indented: bool = False) -> str:
    """For a data attribute; indented for people."""
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 if indented else None).decode()
