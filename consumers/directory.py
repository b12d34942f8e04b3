"""The directory's snapshots of customers and stakeholders; a null value erases."""

from collections.abc import Sequence
from datetime import datetime

from consumers.incoming import Incoming
from consumers.settling import Refusal
from schemas.directory import DirectoryCustomer, DirectoryStakeholder
from schemas.topics import DIRECTORY_CUSTOMER, DIRECTORY_STAKEHOLDER
from storage.pool import Connection
from workflows.clock import Clock
from workflows.memory import OrganizationMemory
from workflows.snapshots import CustomerUpdate, Erasure, StakeholderUpdate, take_snapshots

__all__ = ["DirectoryHandler"]


class DirectoryHandler:
    """Projects the directory, and decides again what waited for it."""

    name = "directory"
    topics: tuple[str, ...] = (DIRECTORY_CUSTOMER.name, DIRECTORY_STAKEHOLDER.name)

    def __init__(self, memory: OrganizationMemory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def apply(self, connection: Connection, batch: Sequence[Incoming]) -> Sequence[Refusal]:
        """Apply a batch: of each key the newest record alone, for a compacted topic promises no more."""
        newest: dict[tuple[str, bytes | None], Incoming] = {}
        for incoming in batch:
            held = newest.setdefault((incoming.topic, incoming.key), incoming)
            if (_as_of(incoming), incoming.offset) > (_as_of(held), held.offset):
                newest[incoming.topic, incoming.key] = incoming
        customers, stakeholders = [], []
        erased: dict[str, list[Erasure]] = {topic: [] for topic in self.topics}
        for incoming in newest.values():
            match incoming.event:
                case DirectoryCustomer() as snapshot:
                    customers.append(CustomerUpdate(snapshot=snapshot, as_of=_as_of(incoming), offset=incoming.offset))
                case DirectoryStakeholder() as snapshot:
                    update = StakeholderUpdate(snapshot=snapshot, as_of=_as_of(incoming), offset=incoming.offset)
                    stakeholders.append(update)
                case None:
                    erased[incoming.topic].append(_erasure(incoming))
        await take_snapshots(
            connection,
            customers=customers,
            stakeholders=stakeholders,
            erased_customers=erased[DIRECTORY_CUSTOMER.name],
            erased_stakeholders=erased[DIRECTORY_STAKEHOLDER.name],
            memory=self._memory,
            now=self._clock.now(),
        )
        return ()


def _as_of(incoming: Incoming) -> datetime:
    time = incoming.envelope.time if incoming.envelope is not None else None
    return time or incoming.timestamp


def _erasure(incoming: Incoming) -> Erasure:
    return Erasure(
        key=(incoming.organization_id, incoming.subject_id),
        as_of=_as_of(incoming),
        offset=incoming.offset,
        event_id=f"{incoming.topic}/{incoming.partition}/{incoming.offset}",
    )
