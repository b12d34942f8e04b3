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

__all__ = ["Context", "optional_flag", "optional_number", "optional_text", "refuse_privileged", "texts_of"]


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


def refuse_privileged(context: Context, kind: str, held: str | None) -> None:
    """A record's id in the CRM is changed only with the scope that is for it (Salesloft docs: oauth-authentication)."""
    wanted = optional_text(context.body, "crm_id")
    scope = f"crm_id_{kind}:write"
    if wanted is not None and wanted != held and scope not in context.grant.scopes:
        raise Refusal.forbidden(f"The token does not have the required scopes: {scope}")
