"""What an approver wanted otherwise than it was asked, by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from storage import naming
from storage.naming import StepNamed
from storage.pool import Connection
from web.reading.asking import Looked

__all__ = ["ChangedTerms", "Naming", "terms_named"]


class ChangedStep(Looked):
    """A step, `number` of those of its cadence; all but its id is null where the cadence has it no more."""

    id: int
    number: int | None
    name: str | None
    type: str | None


class ChangedSender(Looked):
    """A user of Salesloft's; the name is null of one whom Salesloft has no more."""

    user_id: int
    name: str | None


class ChangedTerms(Looked):
    """What is otherwise than asked; what stayed as it was asked is null."""

    start_date: date | None
    start_step: ChangedStep | None
    sender: ChangedSender | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What steps and senders are called, by Salesloft's ids."""

    steps: Mapping[int, StepNamed]
    senders: Mapping[int, str]

    def changed(self, decision: Mapping[str, Any] | None) -> ChangedTerms | None:
        """What a decision, as it arrived, changed; None where it changed nothing."""
        changes = _changes(decision)
        if changes is None:
            return None
        start_on, step_id, sender_id = (changes.get(name) for name in ("start_date", "start_step_id", "sender_user_id"))
        return ChangedTerms(
            start_date=date.fromisoformat(start_on) if start_on is not None else None,
            start_step=self._step(step_id) if step_id is not None else None,
            sender=ChangedSender(user_id=sender_id, name=self.senders.get(sender_id))
            if sender_id is not None
            else None,
        )

    def _step(self, id_: int) -> ChangedStep:
        step = self.steps.get(id_)
        if step is None:
            return ChangedStep(id=id_, number=None, name=None, type=None)
        return ChangedStep(id=id_, number=step.number, name=step.name, type=step.type)


async def terms_named(
    connection: Connection, organization_id: str, decided: Iterable[tuple[int | None, Mapping[str, Any] | None]]
) -> Naming:
    """What is called how that some decisions changed, each given with its cadence; asks nothing where none did."""
    changed = [(cadence_id, found) for cadence_id, one in decided if (found := _changes(one)) is not None]
    steps = {one["start_step_id"] for _, one in changed if one.get("start_step_id") is not None}
    senders = {one["sender_user_id"] for _, one in changed if one.get("sender_user_id") is not None}
    cadences = {cadence_id for cadence_id, _ in changed if cadence_id is not None}
    return Naming(
        steps=await naming.steps(connection, organization_id, cadences, steps) if steps else {},
        senders=await naming.senders(connection, organization_id, senders) if senders else {},
    )


def _changes(decision: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    changes: Mapping[str, Any] = (decision or {}).get("changes") or {}
    return changes if any(value is not None for value in changes.values()) else None
