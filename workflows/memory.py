"""What deciding reads of organizations, remembered under their decision versions."""

from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime

from enrollment.decide import OrganizationFacts
from storage import organizations
from storage.pool import Connection

__all__ = ["OrganizationMemory"]


class OrganizationMemory:
    """Organizations' facts, at most `capacity` of them, each as good as its version.

    The version is read in the transaction that decides, so a decision never rests on what had been replaced before it
    began.
    """

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._facts: OrderedDict[str, OrganizationFacts] = OrderedDict()

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
