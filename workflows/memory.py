"""What deciding reads of organizations, remembered under their decision versions."""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from enrollment.decide import OrganizationFacts
from enrollment.recall import keep_organization
from storage import organization_facts, organizations
from storage.pool import Connection

__all__ = ["OrganizationMemory"]


@dataclass(slots=True)
class _Kept:
    """Under which digest an organization's facts are stored; `text` is theirs until they surely are."""

    of: OrganizationFacts
    digest: str
    text: bytes | None


class OrganizationMemory:
    """Organizations' facts, at most `capacity` of them, each as good as its version.

    The version is read in the transaction that decides, so a decision never rests on what had been replaced before it
    began.
    """

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._facts: OrderedDict[str, OrganizationFacts] = OrderedDict()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def facts(
        self, connection: Connection, organization_ids: Collection[str], now: datetime
    ) -> dict[str, OrganizationFacts]:
        """The facts of some organizations; those never heard of are made first."""
        unseen = [one for one in organization_ids if one not in self._facts]
        made = await organizations.ensure(connection, unseen, now) if unseen else set()
        versions = await organizations.decision_versions(connection, organization_ids)
        found = {
            one: self._facts[one]
            for one in organization_ids
            if one in self._facts and self._facts[one].decision_version == versions[one]
        }
        moved = [one for one in organization_ids if one not in found]
        found |= await organizations.read_facts(connection, moved) if moved else {}
        for one, facts in found.items():
            # An organization made in this transaction may yet be rolled back with it.
            if one not in made:
                self._facts[one] = facts
                self._facts.move_to_end(one)
        while len(self._facts) > self._capacity:
            self._facts.popitem(last=False)
        return found

    def digest(self, facts: OrganizationFacts) -> str:
        """By which digest an evaluation names the organization's facts that it rests on."""
        return self._keeping(facts).digest

    async def keep(self, connection: Connection, of: Iterable[OrganizationFacts], now: datetime) -> None:
        """Have these facts stored once this transaction is committed, for the evaluations that name their digests.

        They are handed over again until they are found to be there: the transaction that first stored them may yet be
        rolled back.
        """
        keeping = [self._keeping(facts) for facts in of]
        unsure = [(kept.of.organization_id, kept.digest, kept.text) for kept in keeping if kept.text is not None]
        if not unsure:
            return
        stored = await organization_facts.keep(connection, unsure, now)
        for kept in keeping:
            if (kept.of.organization_id, kept.digest) in stored:
                kept.text = None

    def _keeping(self, facts: OrganizationFacts) -> _Kept:
        kept = self._kept.get(facts.organization_id)
        if kept is None or kept.of is not facts:
            text, digest = keep_organization(facts)
            kept = self._kept[facts.organization_id] = _Kept(facts, digest, text)
            self._kept.move_to_end(facts.organization_id)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return kept
