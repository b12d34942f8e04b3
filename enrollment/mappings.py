"""Mappings: which trigger of which segment leads to which cadence, and for whom.

A published version never changes. `MappingBook` holds an organization's published mappings, compiled and in the one
order in which they are asked: the customer's own segment before any, then priority (lower first), then id.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import CoreSchema, core_schema

from enrollment.criteria import Criteria, Leaf, Test, compile_criteria, fields, leaves
from enrollment.policies import Limits
from schemas.vocabulary import Purpose, TriggerType

__all__ = [
    "CompiledMapping",
    "CustomersOwner",
    "FixedUser",
    "Mapping",
    "MappingBook",
    "Policy",
    "RoundRobin",
    "Sender",
    "compile_mapping",
]


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CustomersOwner(_Value):
    """The customer's owner sends, found among the team's users by e-mail."""

    kind: Literal["customer_owner"] = "customer_owner"


class FixedUser(_Value):
    """Always the same Salesloft user sends."""

    kind: Literal["fixed_user"] = "fixed_user"
    user_id: int


class RoundRobin(_Value):
    """Some users take turns, by customer: all stakeholders of a customer hear from the same one."""

    kind: Literal["round_robin"] = "round_robin"
    user_ids: tuple[int, ...] = Field(min_length=1, max_length=200)


Sender = Annotated[CustomersOwner | FixedUser | RoundRobin, Field(discriminator="kind")]


class Policy(Limits):
    """Limits in time: days, and hours where the name says so; and all other limits.

    A mapping in `shadow` is decided and never requested.
    """

    start_offset_days: int = Field(0, ge=0, le=365)
    start_days_before_term_end: int | None = Field(None, ge=0, le=365)
    expires_after_hours: int = Field(24, ge=1, le=24 * 90)
    execute_within_days: int = Field(7, ge=1, le=90)
    defer_days: int = Field(14, ge=0, le=90)
    shadow: bool = False

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.start_days_before_term_end is not None and self.start_offset_days:
            raise ValueError("start_days_before_term_end and start_offset_days are two starts: say one of them")
        return self

    @property
    def expires_after(self) -> timedelta:
        """How long a request waits for its decision."""
        return timedelta(hours=self.expires_after_hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One version of a mapping.

    `parked` while the organization is connected to another team than the one in which its cadence was seen.
    """

    id: UUID
    version: int
    trigger_type: TriggerType
    segment: str | None
    purpose: Purpose
    cadence_id: int
    start_step_id: int | None
    sender: Sender
    stakeholder_criteria: Criteria
    customer_criteria: Criteria
    policy: Policy
    priority: int
    exclusivity_group: str
    enabled: bool
    parked: bool = False

    def is_about(self, trigger_type: TriggerType, segment: str | None) -> bool:
        """Whether it is asked at all about an event of a customer of that segment."""
        return self.trigger_type is trigger_type and self.segment in {None, segment}


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """A mapping with its criteria made ready to be asked; `fields` are all that they ask about."""

    mapping: Mapping
    customer_holds: Test
    stakeholder_holds: Test
    leaves: tuple[Leaf, ...]
    fields: frozenset[str]

    @property
    def asks_engagement(self) -> bool:
        """Whether it asks about what Salesloft has shown of a stakeholder."""
        return any(field.startswith("engagement.") for field in self.fields)


def compile_mapping(mapping: Mapping) -> CompiledMapping:
    """Make a mapping ready to be asked."""
    return CompiledMapping(
        mapping,
        compile_criteria(mapping.customer_criteria),
        compile_criteria(mapping.stakeholder_criteria),
        (*leaves(mapping.customer_criteria), *leaves(mapping.stakeholder_criteria)),
        fields(mapping.customer_criteria) | fields(mapping.stakeholder_criteria),
    )


def _compiled(mapping: Mapping, ready: CompiledMapping | None) -> CompiledMapping:
    if ready is None:
        return compile_mapping(mapping)
    if ready.mapping is mapping:
        return ready
    asks_the_same = (
        ready.mapping.customer_criteria is mapping.customer_criteria
        and ready.mapping.stakeholder_criteria is mapping.stakeholder_criteria
    )
    return replace(ready, mapping=mapping) if asks_the_same else compile_mapping(mapping)


class MappingBook:
    """An organization's published mappings, ready to be asked.

    `ask_history` tells whether some policy needs past runs, `counted` of what some policy caps the enrollments, and
    `exclusive_by` by what some policy keeps cadences apart.
    """

    def __init__(self, mappings: Iterable[Mapping], *, ready: dict[UUID, CompiledMapping] | None = None) -> None:
        """What is `ready` for the same criteria is not made ready again."""
        ready = ready or {}
        self._mappings = tuple(sorted(mappings, key=lambda m: (m.segment is None, m.priority, m.id)))
        self._by_trigger: dict[TriggerType, list[CompiledMapping]] = {}
        self._disabled: set[TriggerType] = set()
        for mapping in self._mappings:
            if mapping.enabled:
                compiled = _compiled(mapping, ready.get(mapping.id))
                self._by_trigger.setdefault(mapping.trigger_type, []).append(compiled)
            else:
                self._disabled.add(mapping.trigger_type)
        self._by_id = {compiled.mapping.id: compiled for found in self._by_trigger.values() for compiled in found}
        self._selections: dict[tuple[TriggerType, str | None], tuple[CompiledMapping, ...]] = {}
        policies = [mapping.policy for mapping in self._mappings if mapping.enabled]
        self.counted = frozenset(cap.per for policy in policies for cap in policy.caps)
        self.exclusive_by = frozenset(policy.exclusive_by for policy in policies if policy.exclusive_by is not None)
        self._asking_engagement = frozenset(
            trigger_type
            for trigger_type, found in self._by_trigger.items()
            if any(compiled.asks_engagement for compiled in found)
        )
        self.ask_history = any(policy.ask_history for policy in policies)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: Any) -> CoreSchema:
        """A book is kept as its mappings."""
        mappings = handler.generate_schema(tuple[Mapping, ...])
        return core_schema.no_info_after_validator_function(
            cls,
            mappings,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.all, return_schema=mappings),
        )

    def having(self, mapping: Mapping) -> "MappingBook":
        """This book with a mapping besides, or in place of the version of it that it has."""
        return MappingBook([*(one for one in self._mappings if one.id != mapping.id), mapping], ready=self._by_id)

    def all(self) -> tuple[Mapping, ...]:
        """All of them, also those that are switched off, in the order in which they are asked."""
        return self._mappings

    def for_segment(self, trigger_type: TriggerType, segment: str | None) -> tuple[CompiledMapping, ...]:
        """The enabled mappings that speak of this segment or of any, in the order in which they are asked."""
        key = (trigger_type, segment)
        selection = self._selections.get(key)
        if selection is None:
            of_trigger = self._by_trigger.get(trigger_type, ())
            selection = tuple(c for c in of_trigger if c.mapping.segment is None or c.mapping.segment == segment)
            self._selections[key] = selection
        return selection

    def published(self, mapping_id: UUID) -> CompiledMapping | None:
        """The version of a mapping that counts now, None where it is switched off or gone."""
        return self._by_id.get(mapping_id)

    def speaks_of(self, trigger_type: TriggerType) -> bool:
        """Whether some segment has an enabled mapping of this trigger."""
        return trigger_type in self._by_trigger

    def asks_engagement(self, trigger_type: TriggerType) -> bool:
        """Whether some enabled mapping of this trigger asks about what Salesloft has shown of a stakeholder."""
        return trigger_type in self._asking_engagement

    def only_disabled(self, trigger_type: TriggerType) -> bool:
        """Whether the trigger has mappings, all of them switched off."""
        return trigger_type in self._disabled and trigger_type not in self._by_trigger
