"""The fields of a form that was sent: what was typed in one of them."""

from collections.abc import Mapping, Sequence

__all__ = ["Sent", "number", "one"]

Sent = Mapping[str, Sequence[str]]
"""What a form sent: every value of each name."""


def one(sent: Sent, name: str) -> str:
    """What was typed in a field, the last of them where it came more than once; nothing where it did not come."""
    found = sent.get(name, ())
    return found[-1].strip() if found else ""


def number(typed: str) -> int | float | str:
    """A number where it is one; what is none goes as it is, and is refused with its field."""
    try:
        return int(typed)
    except ValueError:
        pass
    try:
        return float(typed)
    except ValueError:
        return typed
