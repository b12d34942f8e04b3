"""Stored decisions made again: for whoever asks why, for the figures, and to try other mappings on what happened."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

from enrollment.decide import OrganizationFacts
from enrollment.explain import Explanation, explain
from enrollment.kept_facts import KeptFacts
from enrollment.recall import NotKept, Recalled, recall, recall_organization
from storage import organization_facts, stored_evaluations
from storage.pool import Connection
from storage.stored_evaluations import About, StoredEvaluation

__all__ = ["Explained", "RecalledOrganizations", "Recollection", "explain_evaluations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An evaluation and its explanation: None where somebody was erased, or it was decided before facts were kept."""

    stored: StoredEvaluation
    explanation: Explanation | None

    @property
    def is_same(self) -> bool | None:
        """Whether deciding again gave the same bytes; None where it cannot be made again."""
        return self.explanation.digest == self.stored.digest if self.explanation is not None else None


class RecalledOrganizations:
    """What decisions rested on of their organizations, as it was recalled last: a digest says the same for good."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._known: OrderedDict[tuple[str, str], OrganizationFacts] = OrderedDict()

    def get(self, organization_id: str, digest: str) -> OrganizationFacts | None:
        """None where it is to be read."""
        known = self._known.get((organization_id, digest))
        if known is not None:
            self._known.move_to_end((organization_id, digest))
        return known

    def keep(self, organization_id: str, digest: str, facts: OrganizationFacts) -> None:
        """Instead of what was asked for the longest ago."""
        self._known[organization_id, digest] = facts
        if len(self._known) > self._most:
            self._known.popitem(last=False)


class Recollection:
    """Brings evaluations of one organization back, and reads what they rest on once. For one task alone.

    `known` is shared between tasks. Of many, one is best done with before the next is brought back: what is let go at
    once costs no collecting.
    """

    def __init__(
        self, connection: Connection, organization_id: str, known: RecalledOrganizations | None = None
    ) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._known = known if known is not None else RecalledOrganizations()
        # The connection does one thing at a time, and the next page is read while others are brought back.
        self._turn = asyncio.Lock()

    async def between(self, since: datetime, until: datetime) -> AsyncGenerator[list[StoredEvaluation]]:
        """The evaluations from `since` until before `until`, oldest first, some hundred at a time.

        The next are fetched while these are worked on. In a transaction; to be closed (`aclosing`) before it ends.
        """
        reading = await stored_evaluations.between(self._connection, self._organization_id, since, until)
        page = await self._next(reading)
        while page:
            ahead = asyncio.create_task(self._next(reading))
            # So that it has been asked for before the working begins, which waits for nothing.
            await asyncio.sleep(0)
            try:
                yield page
            finally:
                await _over(ahead)
            page = ahead.result()

    async def _next(self, reading: stored_evaluations.Reading) -> list[StoredEvaluation]:
        async with self._turn:
            return await reading.page()

    async def recalled(self, stored: StoredEvaluation) -> Recalled | None:
        """What it was a function of, None where that is not to be had any more."""
        facts = KeptFacts.of(stored.facts)
        digest = facts.organization
        organization = await self._organization(digest) if digest is not None else None
        try:
            return recall(stored.trigger_type, facts, organization, stored.evaluated_at)
        except NotKept:
            return None

    async def _organization(self, digest: str) -> OrganizationFacts | None:
        known = self._known.get(self._organization_id, digest)
        if known is not None:
            return known
        async with self._turn:
            found = await organization_facts.read(self._connection, self._organization_id, [digest])
        if digest not in found:
            return None
        known = recall_organization(found[digest])
        self._known.keep(self._organization_id, digest, known)
        return known


async def explain_evaluations(
    connection: Connection, organization_id: str, about: About, *, limit: int
) -> list[Explained]:
    """The newest decisions about an event, a customer or a stakeholder, each in full."""
    stored = await stored_evaluations.read(connection, organization_id, about, limit=limit)
    recollection = Recollection(connection, organization_id)
    return [
        Explained(stored=one, explanation=explain(again) if again is not None else None)
        for one in stored
        for again in [await recollection.recalled(one)]
    ]


async def _over(task: "asyncio.Task[list[StoredEvaluation]]") -> None:
    """Wait until the connection is free again, also for whoever goes away."""
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        raise
