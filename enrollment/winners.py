"""Which mapping would have a stakeholder, if a trigger came: the order of deciding without an event.

What a trigger alone knows is unknown here, so a mapping that asks about it may or may not win. It is told beside the
one that surely does.
"""

from dataclasses import dataclass
from typing import Any

from enrollment.catalogue import FIELDS, Facts
from enrollment.mappings import Mapping, MappingBook
from schemas.vocabulary import TriggerType

__all__ = ["Winner", "winners"]


@dataclass(frozen=True, slots=True)
class Winner:
    """Of one exclusivity group: the mapping that wins, None where none surely does, and what may win before it."""

    surely: Mapping | None
    perhaps: tuple[Mapping, ...]

    def leads_to(self) -> tuple[Any, ...]:
        """What would be done: two winners that are led alike are equal in this."""
        return (*(_leads_to(one) for one in self.perhaps), _leads_to(self.surely) if self.surely is not None else None)


def winners(book: MappingBook, trigger_type: TriggerType, facts: Facts) -> dict[str, Winner]:
    """The winner of each exclusivity group in which there is, or may be, one."""
    found: dict[str, Winner] = {}
    for compiled in book.for_segment(trigger_type, facts.customer.segment):
        group = compiled.mapping.exclusivity_group
        before = found.get(group, _NOBODY)
        # What only stands in the shadow takes nobody's place.
        if before.surely is not None or compiled.mapping.policy.shadow:
            continue
        answers = (compiled.stakeholder_holds(facts), compiled.customer_holds(facts))
        if False in answers:
            continue
        if None in answers:
            # Unknown for another reason than that there is no event: it would be unknown then too.
            if not any(FIELDS[field].triggers for field in compiled.fields):
                continue
            found[group] = Winner(None, (*before.perhaps, compiled.mapping))
        else:
            found[group] = Winner(compiled.mapping, before.perhaps)
    return found


_NOBODY = Winner(None, ())


def _leads_to(mapping: Mapping) -> tuple[Any, ...]:
    return (
        mapping.id,
        mapping.purpose,
        mapping.cadence_id,
        mapping.start_step_id,
        mapping.sender,
        mapping.policy,
        mapping.parked,
    )
