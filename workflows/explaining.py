"""Stored decisions made again: for whoever asks why, for the figures, and to try other mappings on what happened."""

from collections.abc import Sequence
from dataclasses import dataclass

from enrollment.decide import OrganizationFacts
from enrollment.explain import Explanation, explain
from enrollment.recall import NotKept, Recalled, organization_digest, recall, recall_organization
from storage import organization_facts, stored_evaluations
from storage.pool import Connection
from storage.stored_evaluations import About, StoredEvaluation

__all__ = ["Explained", "Recollection", "explain_evaluations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An evaluation and its explanation: None where somebody was erased, or it was decided before facts were kept."""

    stored: StoredEvaluation
    explanation: Explanation | None

    @property
    def is_same(self) -> bool | None:
        """Whether deciding again gave the same bytes; None where it cannot be made again."""
        return self.explanation.digest == self.stored.digest if self.explanation is not None else None


class Recollection:
    """Brings evaluations of one organization back, and reads what they rest on together once."""

    def __init__(self, connection: Connection, organization_id: str) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._known: dict[str, OrganizationFacts] = {}

    async def of(self, stored: Sequence[StoredEvaluation]) -> list[Recalled | None]:
        """What each was a function of, in their order; None where that is not to be had any more."""
        named = [organization_digest(one.facts) for one in stored]
        missing = {digest for digest in named if digest is not None and digest not in self._known}
        if missing:
            found = await organization_facts.read(self._connection, self._organization_id, missing)
            self._known |= {digest: recall_organization(text) for digest, text in found.items()}
        return [
            _recalled(one, self._known.get(digest) if digest is not None else None)
            for one, digest in zip(stored, named, strict=True)
        ]


async def explain_evaluations(
    connection: Connection, organization_id: str, about: About, *, limit: int
) -> list[Explained]:
    """The newest decisions about an event, a customer or a stakeholder, each in full."""
    stored = await stored_evaluations.read(connection, organization_id, about, limit=limit)
    recalled = await Recollection(connection, organization_id).of(stored)
    return [
        Explained(stored=one, explanation=explain(again) if again is not None else None)
        for one, again in zip(stored, recalled, strict=True)
    ]


def _recalled(stored: StoredEvaluation, organization: OrganizationFacts | None) -> Recalled | None:
    try:
        return recall(stored.trigger_type, stored.facts, organization, stored.evaluated_at)
    except NotKept:
        return None
