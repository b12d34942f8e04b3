"""What a handler gets: who calls, for which team, when, and what was said."""

from dataclasses import dataclass
from typing import Any

from sandbox.salesloft.answers import Refusal
from sandbox.salesloft.auth import Grant
from sandbox.salesloft.filters import flag_of
from sandbox.salesloft.parameters import Parameters
from sandbox.salesloft.records import User
from sandbox.salesloft.simulator import Simulator
from sandbox.salesloft.world import Team

__all__ = ["Context", "optional_flag", "optional_number", "optional_text", "texts_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One authenticated, budgeted request. `key` is the id in the path, as text."""

    simulator: Simulator
    team: Team
    user: User
    grant: Grant
    now: int
    key: str
    parameters: Parameters
    body: dict[str, Any]

    @property
    def number(self) -> int:
        """The path's id; what is no number is not found."""
        try:
            return int(self.key)
        except ValueError as error:
            raise Refusal.not_found() from error


def optional_number(body: dict[str, Any], name: str) -> int | None:
    """An id, which may come as text; None when absent or empty."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Refusal.invalid(name, "is invalid")
    try:
        return int(value)
    except ValueError as error:
        raise Refusal.invalid(name, "is invalid") from error


def optional_flag(body: dict[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    return flag_of(name, str(value))


def optional_text(body: dict[str, Any], name: str) -> str | None:
    """A text; an empty one clears the value."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, dict | list):
        raise Refusal.invalid(name, "is invalid")
    return str(value)


def texts_of(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name)
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return list(value)
    raise Refusal.invalid(name, "must be an array")
