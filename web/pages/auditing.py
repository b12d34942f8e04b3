"""What an entry of the audit log says was done, as people say it."""

import re
from collections.abc import Mapping
from typing import Any

from web.pages.wording import shown, words

__all__ = ["WAYS", "deed"]

# How somebody came, where it was not by the pages or the API.
WAYS: Mapping[str, str] = {
    "chat": "in chat",
    "command_line": "by command line",
    "approver": "as approver",
}
# What was done to somebody, and the word between them and their cadence.
_TO_SOMEBODY: Mapping[str, tuple[str, str]] = {
    "enrollment.requested": ("Requested", "for"),
    "enrollment.approved": ("Approved", "for"),
    "enrollment.rejected": ("Rejected", "for"),
    "pause": ("Paused", "on"),
    "resume": ("Resumed", "on"),
    "skip": ("Skipped a step for", "on"),
    "restart": ("Restarted", "on"),
    "change_sender": ("Changed the sender for", "on"),
    "remove": ("Removed", "from"),
    "retry": ("Retried", "on"),
}
_TO_A_MAPPING: Mapping[str, str] = {
    "drafted": "Drafted",
    "discarded": "Discarded the draft of",
    "published": "Published",
    "enabled": "Switched on",
    "disabled": "Switched off",
    "reordered": "Reordered",
    "retired": "Retired",
    "mapping_run.started": "Started a run of",
    "mapping_run.cancelled": "Cancelled a run of",
}
_OTHERWISE: Mapping[str, str] = {
    "mappings.validated": "Validated mappings for the connected team",
    "stop.ended": "Lifted a stop",
    "suppression.added": "Added to the do-not-contact list",
    "suppression.removed": "Took off the do-not-contact list",
    "connection.authorization_begun": "Began to connect Salesloft",
    "connection.connected": "Connected Salesloft",
    "connection.disconnected": "Disconnected Salesloft",
    "connection.key_rotated": "Encrypted the credential under a new key",
    "cadence.described": "Described",
    "cadences.refresh_asked": "Had the cadences read again",
    "people_sync.begun": "Started a sync of people",
    "sync.asked": "Had Salesloft read again",
    "settings.changed": "Changed settings",
    "dead_letters.sent_back": "Sent dead letters back",
    "organization.leaving": "Began to close the organization",
    "organization.left": "Closed the organization",
    "organization.came_back": "Opened the organization again",
    "organization.exported": "Exported the organization's data",
}
# What the log keeps to be held against something else, and says nothing to a reader.
_FOR_PROOF = frozenset({"request_digest", "asked"})
# What the words that are said of it say already.
_SAID = frozenset({"action", "change", "cadence_id", "changed", "scope", "of", "until"})


def deed(entry: Mapping[str, Any]) -> dict[str, str]:
    """`did` to what the entry is about, which is told `joined` to its cadence; `more` is what else is known of it."""
    action, detail = entry["action"], entry["detail"]
    did, joined = _did(action, detail, entry["subject"])
    if action == "enrollment.approved" and detail.get("changed"):
        did = "Approved with changes"
    told = {
        name: value
        for name, value in detail.items()
        if value not in (None, "", False) and name not in _FOR_PROOF and name not in _SAID
    }
    more = [f"{words(name).lower()} {_value(value)}" for name, value in told.items()]
    return {"did": did, "joined": joined, "more": ", ".join(more)}


def _value(value: Any) -> str:
    """Of words of ours their spaces; ids stay what they are."""
    is_word = isinstance(value, str) and re.fullmatch(r"[a-z]+(_[a-z]+)+", value)
    return value.replace("_", " ") if is_word else shown(value)


def _did(action: str, detail: Mapping[str, Any], subject: str) -> tuple[str, str]:
    what = str(detail.get("action")) if action == "enrollment.steered" else action
    if what in _TO_SOMEBODY:
        return _TO_SOMEBODY[what]
    return _otherwise(action, detail, subject), ""


def _otherwise(action: str, detail: Mapping[str, Any], subject: str) -> str:
    match action:
        case "mapping.changed" if detail.get("change") in _TO_A_MAPPING:
            return _TO_A_MAPPING[detail["change"]]
        case "stop.set" if detail.get("scope") in (None, "organization"):
            return "Stopped everything"
        case "stop.set":
            return f"Stopped the {words(detail['scope']).lower()} {detail.get('of') or ''}".rstrip()
        case "directory.erased":
            return f"Erased a {words(subject.partition('/')[0]).lower()}"
    return _TO_A_MAPPING.get(action) or _OTHERWISE.get(action) or words(action.replace(".", " "))
