"""A mapping as people write it, and everything that speaks against publishing it.

A draft is held to what a published version is held to, so that nothing is found out only when it is published. All
findings are told at once, each with its field and what to do about it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from enrollment.catalogue import FIELDS
from enrollment.criteria import ALWAYS, Criteria, fields
from enrollment.decide import CadenceFacts, OrganizationFacts
from enrollment.mappings import CustomersOwner, FixedUser, Mapping, Policy, RoundRobin, Sender
from schemas.fields import SalesloftId
from schemas.vocabulary import PURPOSE_OF_TRIGGER, Purpose, TriggerType

__all__ = ["Difference", "Finding", "MappingDocument", "MappingInvalid", "differences", "examine", "parse_document"]

_Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class MappingDocument(BaseModel):
    """What a mapping says, without its version.

    `id` is absent of one that is new, `cadence_id` of one that still has to choose, and `purpose` where it is the
    trigger's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: UUID | None = None
    trigger_type: TriggerType
    segment: _Name | None = None
    purpose: Purpose | None = None
    cadence_id: SalesloftId | None = None
    start_step_id: SalesloftId | None = None
    sender: Sender = CustomersOwner()
    stakeholder_criteria: Criteria = ALWAYS
    customer_criteria: Criteria = ALWAYS
    policy: Policy = Policy()
    priority: int = Field(100, ge=-1_000_000, le=1_000_000)
    exclusivity_group: _Name = "default"
    enabled: bool = True

    @classmethod
    def of(cls, mapping: Mapping) -> "MappingDocument":
        """What a version says."""
        return cls(
            id=mapping.id,
            trigger_type=mapping.trigger_type,
            segment=mapping.segment,
            purpose=mapping.purpose,
            cadence_id=mapping.cadence_id,
            start_step_id=mapping.start_step_id,
            sender=mapping.sender,
            stakeholder_criteria=mapping.stakeholder_criteria,
            customer_criteria=mapping.customer_criteria,
            policy=mapping.policy,
            priority=mapping.priority,
            exclusivity_group=mapping.exclusivity_group,
            enabled=mapping.enabled,
        )

    @property
    def its_purpose(self) -> Purpose:
        """What its cadence is for."""
        return self.purpose or PURPOSE_OF_TRIGGER[self.trigger_type]

    def plain(self) -> dict[str, Any]:
        """As plain data: what a file says, and what two documents are compared by."""
        return self.model_copy(update={"purpose": self.its_purpose}).model_dump(mode="json", by_alias=True)

    def mapping(self, id_: UUID, version: int, cadence_id: int) -> Mapping:
        """The version that it becomes."""
        return Mapping(
            id=id_,
            version=version,
            trigger_type=self.trigger_type,
            segment=self.segment,
            purpose=self.its_purpose,
            cadence_id=cadence_id,
            start_step_id=self.start_step_id,
            sender=self.sender,
            stakeholder_criteria=self.stakeholder_criteria,
            customer_criteria=self.customer_criteria,
            policy=self.policy,
            priority=self.priority,
            exclusivity_group=self.exclusivity_group,
            enabled=self.enabled,
        )


_DOCUMENT: TypeAdapter[MappingDocument] = TypeAdapter(MappingDocument)
# Where pydantic's own words do not say it.
_WHAT_TO_DO = {
    "missing": "is missing: give it",
    "extra_forbidden": "is not known here: take it out, or mend its name",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a field, and what to do."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class MappingInvalid(Exception):
    """A mapping cannot be taken, or not be published, and why: all of it."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(str(finding) for finding in self.findings))


def parse_document(data: Any) -> MappingDocument:
    """A document from plain data. Raises MappingInvalid with everything that cannot be read."""
    try:
        return _DOCUMENT.validate_json(orjson.dumps(data))
    except ValidationError as error:
        raise MappingInvalid(
            Finding(
                ".".join(str(part) for part in one["loc"]) or "the mapping",
                _WHAT_TO_DO.get(one["type"]) or one["msg"].removeprefix("Value error, "),
            )
            for one in error.errors(include_url=False)
        ) from None
    except TypeError as error:
        raise MappingInvalid([Finding("the mapping", str(error))]) from None


def examine(document: MappingDocument, organization: OrganizationFacts) -> tuple[Finding, ...]:
    """Everything that speaks against publishing a document for an organization, as its team is known now."""
    return tuple(_examine(document, organization))


def _examine(document: MappingDocument, organization: OrganizationFacts) -> Iterator[Finding]:
    if not organization.connected:
        yield Finding("organization", "is not connected to Salesloft: connect it first")
    cadence = organization.cadences.get(document.cadence_id) if document.cadence_id is not None else None
    if document.cadence_id is None:
        yield Finding("cadence_id", "is missing: choose one of the team's cadences")
    elif cadence is None:
        yield Finding("cadence_id", f"the team has no cadence {document.cadence_id}: choose one that it has")
    else:
        yield from _of_cadence(document, cadence, organization)
    yield from _of_sender(document.sender, cadence, organization)
    yield from _of_criteria(document)
    if document.policy.start_days_before_term_end is not None and document.trigger_type is not _WITH_A_TERM:
        yield Finding(
            "policy.start_days_before_term_end", f"only {_WITH_A_TERM.value} has a term: use start_offset_days instead"
        )


_WITH_A_TERM = TriggerType.RENEWAL_WINDOW


def _of_cadence(document: MappingDocument, cadence: CadenceFacts, organization: OrganizationFacts) -> Iterator[Finding]:
    told = f"{cadence.name!r} ({cadence.id})"
    if not cadence.people_addable:
        yield Finding("cadence_id", f"{told} takes no people now: activate it in Salesloft, or choose another")
    if not cadence.steps:
        yield Finding("cadence_id", f"{told} has no step that is switched on: switch one on, or choose another")
    if cadence.owner_user_id is None or cadence.owner_user_id not in organization.senders:
        yield Finding("cadence_id", f"the owner of {told} is no active user: give it to one, or choose another")
    step_id = document.start_step_id
    if step_id is not None and all(step.id != step_id for step in cadence.steps):
        steps = ", ".join(f"{step.id} ({step.name or step.type})" for step in cadence.steps) or "none"
        yield Finding("start_step_id", f"{step_id} is no step of {told} that is switched on; those are {steps}")


def _of_sender(sender: Sender, cadence: CadenceFacts | None, organization: OrganizationFacts) -> Iterator[Finding]:
    field, asked = _named(sender)
    for user_id in asked:
        if user_id not in organization.senders:
            yield Finding(field, f"{user_id} is no active user of the team: choose one who is")
    if len(set(asked)) < len(asked):
        yield Finding(field, "somebody is named twice: name everybody once")
    if cadence is not None and not cadence.team_cadence and set(asked) != {cadence.owner_user_id}:
        yield Finding(
            field,
            f"{cadence.name!r} ({cadence.id}) is one user's own and only {cadence.owner_user_id} can send it:"
            " make that user the sender, or share the cadence with the team",
        )


def _named(sender: Sender) -> tuple[str, tuple[int, ...]]:
    match sender:
        case FixedUser(user_id=user_id):
            return "sender.user_id", (user_id,)
        case RoundRobin(user_ids=user_ids):
            return "sender.user_ids", user_ids
    return "sender", ()


def _of_criteria(document: MappingDocument) -> Iterator[Finding]:
    for name in ("customer_criteria", "stakeholder_criteria"):
        for field in sorted(fields(getattr(document, name))):
            triggers = FIELDS[field].triggers
            if triggers and document.trigger_type not in triggers:
                yield Finding(
                    name,
                    f"{field} is never known of {document.trigger_type.value}, only of"
                    f" {', '.join(triggers)}: ask for something else",
                )


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that two documents say differently, as plain data."""

    field: str
    was: Any
    is_: Any


def differences(was: MappingDocument, is_: MappingDocument) -> tuple[Difference, ...]:
    """Field by field; a policy's, and a sender's, by their own fields."""
    before, after = _flat(was.plain()), _flat(is_.plain())
    names = dict.fromkeys([*before, *after])
    return tuple(
        Difference(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def _flat(plain: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in plain.items():
        if name in {"policy", "sender"}:
            flat |= {f"{name}.{inner}": of_it for inner, of_it in value.items()}
        else:
            flat[name] = value
    return flat
