"""Which of Salesloft's scopes each feature needs, and what a credential lacks.

Scopes are fixed when the application or the key is registered, so what is missing is mended at Salesloft, not by
connecting again. Source: Salesloft docs, OAuth authentication; that histories need `activities:read` and a removal
`cadences:delete` is practice. Many writes need none in practice: one that is missing is told, and fails on its 403.
"""

import contextlib
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta

from salesloft_client import (
    ACCOUNTS,
    ACTIVITY_HISTORIES,
    CALLS,
    EMAILS,
    MEMBERSHIPS,
    PEOPLE,
    CursorPosition,
    MissingScope,
    SalesloftClient,
    Stream,
)
from workflows.clock import Clock

__all__ = ["SCOPES", "LacksScopes", "Need", "missing", "refuse_lacking", "unreadable"]


@dataclass(frozen=True, slots=True)
class Need:
    """A scope and the feature that it is for; without an `essential` one a team cannot be connected at all."""

    scope: str
    feature: str
    essential: bool = False


SCOPES = (
    Need("team:read", "knowing the team, its users and who sends", essential=True),
    Need("cadences:read", "finding cadences and steps, and seeing who is on them", essential=True),
    Need("cadences:write", "adding people to cadences"),
    Need("cadences:delete", "removing, pausing and skipping people on cadences"),
    Need("people:read", "the consent gate, and linking stakeholders to people"),
    Need("people:write", "creating and updating people"),
    Need("accounts:read", "the consent gate of accounts"),
    Need("accounts:write", "creating the accounts of people"),
    Need("emails:read", "activity: sent, opened, clicked, replied and bounced"),
    Need("calls:read", "activity: calls"),
    Need("activities:read", "activity: completed steps and opt-outs"),
)

_READ_BY: tuple[tuple[str, Stream], ...] = (  # type: ignore[type-arg]  # of any record
    ("people:read", PEOPLE),
    ("accounts:read", ACCOUNTS),
    ("cadences:read", MEMBERSHIPS),
    ("emails:read", EMAILS),
    ("calls:read", CALLS),
    ("activities:read", ACTIVITY_HISTORIES),
)
# A glance is to be answered, not to find anything.
_GLANCE = timedelta(minutes=3)


class LacksScopes(Exception):
    """The credential lacks essential scopes; `needs` are all that it lacks."""

    def __init__(self, needs: Iterable[Need]) -> None:
        self.needs = tuple(needs)
        lacking = ", ".join(need.scope for need in self.needs)
        super().__init__(f"Salesloft gives this credential too little: add {lacking} to the application or key")


def missing(scopes: AbstractSet[str]) -> tuple[Need, ...]:
    """What a credential with these scopes lacks."""
    return tuple(need for need in SCOPES if need.scope not in scopes)


def refuse_lacking(needs: Iterable[Need]) -> None:
    """Raises LacksScopes where something essential is among what is lacking."""
    lacking = tuple(needs)
    if any(need.essential for need in lacking):
        raise LacksScopes(lacking)


async def unreadable(client: SalesloftClient, clock: Clock) -> tuple[Need, ...]:
    """What a credential lacks that does not tell its scopes, as an API key: a glance at each list tells.

    What it may write only a write would tell. Raises the client's errors but for a missing scope.
    """
    lacking: set[str] = set()
    since = CursorPosition(updated_at=clock.now() - _GLANCE)
    for scope, stream in _READ_BY:
        try:
            async with contextlib.aclosing(client.changes(stream, since)) as batches:  # type: ignore[type-var]  # a generator
                async for _ in batches:
                    break
        except MissingScope:
            lacking.add(scope)
    return tuple(need for need in SCOPES if need.scope in lacking)
