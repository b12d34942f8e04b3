"""A line of time as people tell it: one thing that happened is one row, whichever records know of it.

The API keeps a row of each record. An approval is one of an approver's word and of a change of state; a pause is what
somebody asked, what was done at Salesloft, a stay that ends there, and a change of state.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from web.pages.changes import changes_told
from web.pages.wording import words

__all__ = ["NO_REASON", "as_told", "users_of"]

NO_REASON: Final = "Done on the person's page; no reason was given."
"""What stands for a reason where none was written. It is our word, and nobody is quoted with it."""

_NEAR: Final = timedelta(minutes=5)
_DONE: Final = frozenset({"enrolled", "paused", "removed"})
_MOVES: Final[Mapping[str, str]] = {
    "skip": "Step skipped",
    "restart": "Started again at another step",
    "change_sender": "Sender changed",
}
_ASKED: Final[Mapping[str, str]] = {
    "pause": "Pause requested",
    "resume": "Resume requested",
    "skip": "Skipping a step requested",
    "restart": "Restart requested",
    "change_sender": "Another sender requested",
    "remove": "Removal requested",
    "retry": "Another try requested",
}
_ENDS: Final[Mapping[str, str]] = {
    "expired": "Request expired before anybody decided",
    "withdrawn": "Request withdrawn",
    "completed": "Cadence finished",
    "exited": "Taken off the cadence",
    "failed": "Failed",
    "blocked": "Blocked",
    "stale": "To be approved again",
    "unknown": "Salesloft did not answer: it is looked up",
}
_ON_THE_WAY: Final[Mapping[str, str]] = {"scheduled": "Waits for its first day", "enrolling": "Being enrolled"}
_TONES: Final[Mapping[str, str]] = {
    "approved": "good",
    "enrolled": "good",
    "completed": "good",
    "paused": "held",
    **dict.fromkeys(("rejected", "failed", "blocked", "unknown"), "bad"),
}
_ACTIVITY: Final[Mapping[str, str]] = {
    "email-sent": "E-mail sent",
    "email-opened": "E-mail opened",
    "email-clicked": "Link clicked",
    "email-replied": "Replied",
    "email-bounced": "E-mail bounced",
    "call-logged": "Call logged",
    "step-completed": "Step completed",
    "unsubscribed": "Unsubscribed",
}
_REPEATED: Final = frozenset({"email-opened", "email-clicked"})
_TOLD_BY_STATES: Final = frozenset({"membership-started", "membership-completed", "membership-removed"})

Entry = Mapping[str, Any]
Row = dict[str, Any]


@dataclass(slots=True)
class _Run:
    """What is known of an enrollment so far. `asked` is the row of what somebody asked and what has not come yet.

    `has_replied` is since they came onto the cadence: Salesloft may take off whoever replies.
    """

    trigger: Entry | None = None
    verdict: str | None = None
    asked: Row | None = None
    has_replied: bool = False


@dataclass(slots=True)
class _Telling:
    """Rows, oldest first."""

    later_states: dict[str, list[str]]
    contacted: dict[tuple[str, Any], list[datetime]]
    rows: list[Row] = field(default_factory=list)
    runs: dict[str, _Run] = field(default_factory=dict)
    last_of: dict[str, Row] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        run = self.runs.setdefault(entry["enrollment_id"] or "", _Run())
        match entry["kind"]:
            case "trigger":
                run.trigger = entry
                if "requested" not in self.later_states.get(entry["enrollment_id"], ()):
                    self._add(_requested(entry, run))
            case "decision":
                self._decision(entry, run)
            case "asked":
                run.asked = self._add(
                    _row(entry, _ASKED.get(entry["what"], entry["what"]), who=entry["who"], note=entry["why"])
                    | {"until": entry["detail"].get("until"), "asked": entry["what"]}
                )
            case "state":
                self._state(entry, run)
            case "attempt":
                if entry["detail"].get("last_error") and entry["why"] not in _DONE:
                    text = f"Salesloft refused: {entry['detail']['last_error']}"
                    self._add(_row(entry, text, tone="held"))
            case "stay":
                if entry["enrollment_id"] is None:
                    self._add(_row(entry, "Added in Salesloft"))
            case _:
                run.has_replied |= entry["what"] == "email-replied"
                self._activity(entry)

    def _decision(self, entry: Entry, run: _Run) -> None:
        text, detail = words(entry["what"]), entry["detail"]
        if entry["why"] is not None:
            self._add(_row(entry, f"{text}, which did not count", who=entry["who"], reason=entry["why"]))
            return
        run.verdict = entry["what"]
        row = _row(entry, text, who=entry["who"], note=detail.get("said"), tone=_TONES[entry["what"]])
        self._add(row | {"first_day": detail.get("start_date")})

    def _state(self, entry: Entry, run: _Run) -> None:
        state = entry["what"]
        newer = self.later_states[entry["enrollment_id"]]
        newer.pop(0)
        if state == "requested":
            is_again = entry["detail"].get("from") == "stale"
            self._add(_asked_again(entry) if is_again else _requested(entry, run))
        elif state in {"approved", "rejected"}:
            if run.verdict != state:
                self._add(_row(entry, words(state), who=entry["who"], tone=_TONES[state]))
        elif state in _ON_THE_WAY:
            if not newer:
                self._add(_row(entry, _ON_THE_WAY[state]))
        elif state != "stale" or newer[:1] != ["requested"]:
            # What is stale is asked again in the same moment, which is told with what has changed.
            self._steered(entry, run)

    def _steered(self, entry: Entry, run: _Run) -> None:
        """A state that somebody may have asked for: whoever is moved is paused for a moment, which nobody asked for."""
        state, asked = entry["what"], run.asked["asked"] if run.asked is not None else None
        tone = _TONES.get(state, "quiet")
        if state == "paused":
            if asked not in _MOVES:
                self._answer(entry, run, "Paused", {"pause"}, tone)
        elif state == "enrolled":
            is_back = entry["detail"].get("from") == "paused"
            text = _MOVES.get(asked or "", "Resumed") if is_back else "Enrolled"
            self._answer(entry, run, text, {"resume", *_MOVES} if is_back else set(), tone)
        elif state == "removed":
            after = " after a reply" if run.has_replied else ""
            text = f"Removed in Salesloft{after}" if entry["why"] is None else "Removed"
            self._answer(entry, run, text, {"remove"}, tone)
        else:
            self._answer(entry, run, _ENDS.get(state, words(state)), {"remove"}, tone)

    def _answer(self, entry: Entry, run: _Run, text: str, answers: set[str], tone: str) -> None:
        """What has come of what somebody asked is told with who asked it, and why, in a row with that."""
        asked = run.asked
        if asked is not None and asked["asked"] in answers:
            self.rows.remove(asked)
            run.asked = None
            row = _row(entry, text, who=asked["who"], note=asked["note"], tone=tone)
            self._add(row | {name: asked[name] for name in ("until", "step", "sender")})
            return
        reason = entry["why"] if entry["why"] != "requested_by_person" else None
        self._add(_row(entry, text, who=entry["who"], reason=reason, tone=tone))

    def _activity(self, entry: Entry) -> None:
        kind = entry["what"]
        if kind in _TOLD_BY_STATES:
            if kind != "membership-started" and entry["enrollment_id"] is None:
                self._add(_row(entry, "Removed in Salesloft" if kind.endswith("removed") else "Cadence finished"))
            return
        step = (entry["step"] or {}).get("number")
        at = datetime.fromisoformat(entry["at"])
        if kind == "step-completed" and any(
            abs(one - at) <= _NEAR for one in self.contacted.get((entry["stakeholder_id"], step), ())
        ):
            return
        row = _row(entry, _ACTIVITY.get(kind, kind), tone="good" if kind == "email-replied" else "quiet")
        row["unsure"] = entry["why"] == "low"
        before = self.last_of.get(entry["stakeholder_id"])
        if kind in _REPEATED and before is not None and _same(before, row):
            row["times"] = before["times"] + 1
            self.rows.remove(before)
        self._add(row)

    def _add(self, row: Row) -> Row:
        self.rows.append(row)
        self.last_of[row["person"]["id"]] = row
        return row


def as_told(entries: Sequence[Entry]) -> list[Row]:
    """Rows of a history's entries, both the newest first. What is asked and what came of it are told once.

    A row's `who` is a user's id, `note` what they wrote, `reason` a reason code; `times` how often it was in a row.
    """
    oldest_first = entries[::-1]
    telling = _Telling(later_states={}, contacted={})
    for entry in oldest_first:
        if entry["kind"] == "state":
            telling.later_states.setdefault(entry["enrollment_id"], []).append(entry["what"])
        if entry["what"] in {"email-sent", "call-logged"}:
            key = (entry["stakeholder_id"], (entry["step"] or {}).get("number"))
            telling.contacted.setdefault(key, []).append(datetime.fromisoformat(entry["at"]))
    for entry in oldest_first:
        telling.take(entry)
    return telling.rows[::-1]


def _requested(entry: Entry, run: _Run) -> Row:
    begun = run.trigger or entry
    by = begun["who"] or entry["who"]
    note = begun["why"] if begun["kind"] == "trigger" else None
    row = _row(entry, "Requested", who=by, note=note, tone="busy")
    if by is None and begun["kind"] == "trigger":
        row["trigger"] = begun["what"]
    return row


def _asked_again(entry: Entry) -> Row:
    """With what has changed, where this is still the latest request; of an earlier one only its reason is known."""
    detail = entry["detail"]
    changed = changes_told(detail.get("changed_since") or (), detail.get("action"), detail.get("why"))
    row = _row(entry, "Asked again", reason=None if changed else entry["why"], tone="busy")
    return row | {"changed": changed}


def _row(
    entry: Entry,
    text: str,
    *,
    who: str | None = None,
    note: str | None = None,
    reason: str | None = None,
    tone: str = "quiet",
) -> Row:
    return {
        "at": entry["at"],
        "kind": entry["kind"],
        "person": {"id": entry["stakeholder_id"], "name": entry["stakeholder_name"] or entry["stakeholder_id"]},
        "cadence": entry["cadence"],
        "step": entry["step"],
        "sender": entry["sender"],
        "text": text,
        "who": who,
        "note": note if note and note != NO_REASON else None,
        "reason": reason,
        "tone": tone,
        "until": None,
        "first_day": None,
        "trigger": None,
        "changed": [],
        "unsure": False,
        "times": 1,
    }


def _same(one: Row, other: Row) -> bool:
    return all(one[name] == other[name] for name in ("text", "cadence", "step", "unsure"))


def users_of(entries: Iterable[Entry]) -> set[str]:
    """Whom entries name among the platform's users."""
    return {entry["who"] for entry in entries if entry["who"] is not None}
