"""Publishing mappings, and the four defaults that a new organization starts from.

A new customer is led to welcome, a renewal window to renewal, a risk to save, a signal of expansion to upsell: each to
the team's cadence whose name suggests that purpose.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from enrollment.criteria import ALWAYS, Criteria, parse_criteria
from enrollment.decide import CadenceFacts
from enrollment.drafts import Finding, MappingDocument, examine
from enrollment.mappings import CustomersOwner, Mapping, Policy
from schemas.registry import MAPPING_PUBLISHED
from schemas.topics import organization_key
from schemas.vocabulary import PURPOSE_OF_TRIGGER, Purpose, TriggerType
from storage import mappings, organizations, outbox
from storage.mappings import Change
from storage.outbox import OutboxMessage
from storage.pool import Connection
from workflows.audit import Action, Done, note
from workflows.events import Origin, dumps, outgoing

__all__ = [
    "CadenceMissing",
    "Validated",
    "announce",
    "default_mappings",
    "note_change",
    "publish",
    "suggested_cadence",
    "validate",
]


class CadenceMissing(Exception):
    """No cadence of the team suits a purpose; the message says what its name should hold."""


# Words that cadences of a purpose go by, the most telling first.
_WORDS: dict[Purpose, tuple[str, ...]] = {
    Purpose.WELCOME: ("welcome", "onboard", "new customer", "kickoff"),
    Purpose.RENEWAL: ("renewal", "renew"),
    Purpose.SAVE: ("save", "at risk", "at-risk", "win back", "churn"),
    Purpose.UPSELL: ("upsell", "expansion", "cross-sell", "cross sell"),
}

# Whom a purpose concerns: those who use the product are welcomed, those who decide are asked.
_STAKEHOLDERS: dict[Purpose, Criteria] = {
    Purpose.WELCOME: parse_criteria(
        '{"any": [{"field": "stakeholder.is_primary", "op": "equals", "value": true},'
        ' {"field": "stakeholder.is_champion", "op": "equals", "value": true}]}'
    ),
    Purpose.RENEWAL: parse_criteria(
        '{"any": [{"field": "stakeholder.is_champion", "op": "equals", "value": true},'
        ' {"field": "stakeholder.is_decision_maker", "op": "equals", "value": true}]}'
    ),
    Purpose.SAVE: parse_criteria(
        '{"any": [{"field": "stakeholder.is_champion", "op": "equals", "value": true},'
        ' {"field": "stakeholder.role", "op": "in", "value": ["executive_sponsor", "decision_maker"]}]}'
    ),
    Purpose.UPSELL: parse_criteria('{"field": "stakeholder.is_decision_maker", "op": "equals", "value": true}'),
}
_NAMESPACE = uuid.UUID("5f0c1d5e-6f0a-4c6b-9a51-0a4b8c6f7c11")


def suggested_cadence(purpose: Purpose, cadences: Sequence[CadenceFacts]) -> CadenceFacts | None:
    """The team's cadence whose name suggests the purpose and that takes people; None where no name does."""
    usable = sorted(
        (one for one in cadences if one.people_addable and one.team_cadence and one.steps), key=lambda c: c.id
    )
    for word in _WORDS[purpose]:
        for cadence in usable:
            if word in cadence.name.lower():
                return cadence
    return None


def default_mappings(organization_id: str, cadences: Sequence[CadenceFacts]) -> list[tuple[Mapping, CadenceFacts]]:
    """The four defaults for every segment. Their ids follow from the organization, so that they are made once.

    Raises CadenceMissing where the team has no cadence for a purpose.
    """
    found: list[tuple[Mapping, CadenceFacts]] = []
    for trigger_type, purpose in PURPOSE_OF_TRIGGER.items():
        cadence = suggested_cadence(purpose, cadences)
        if cadence is None:
            words = " or ".join(repr(word) for word in _WORDS[purpose])
            raise CadenceMissing(
                f"no team cadence for {purpose.value} takes people: name one with {words},"
                " or publish a mapping of your own"
            )
        found.append((_default(organization_id, trigger_type, purpose, cadence), cadence))
    return found


def _default(organization_id: str, trigger_type: TriggerType, purpose: Purpose, cadence: CadenceFacts) -> Mapping:
    return Mapping(
        id=uuid.uuid5(_NAMESPACE, f"{organization_id}/{trigger_type.value}"),
        version=0,
        trigger_type=trigger_type,
        segment=None,
        purpose=purpose,
        cadence_id=cadence.id,
        start_step_id=None,
        sender=CustomersOwner(),
        stakeholder_criteria=_STAKEHOLDERS[purpose],
        customer_criteria=ALWAYS,
        policy=Policy(),
        priority=100,
        exclusivity_group="default",
        enabled=True,
    )


async def publish(
    connection: Connection,
    organization_id: str,
    named: Sequence[tuple[Mapping, str | None]],
    *,
    by: str,
    now: datetime,
) -> list[Mapping]:
    """Publish mappings, given with their cadences' names, and tell the platform; what was deferred is decided again."""
    published = [
        await organizations.publish_mapping(connection, organization_id, mapping, cadence_name=name, by=by, now=now)
        for mapping, name in named
    ]
    await announce(connection, organization_id, published, by=by, now=now)
    return published


async def announce(
    connection: Connection,
    organization_id: str,
    published: Sequence[Mapping],
    *,
    by: str,
    now: datetime,
    detail: str | None = None,
) -> None:
    """Let versions that were just published count, keep who published them, and tell the platform."""
    await organizations.advance_decision_version(connection, organization_id, now)
    for mapping in published:
        await note_change(
            connection, organization_id, mapping.id, mapping.version, "published", by=by, now=now, detail=detail
        )
    await outbox.add(connection, [_told(organization_id, mapping, by, now) for mapping in published])


async def note_change(
    connection: Connection,
    organization_id: str,
    id_: uuid.UUID,
    version: int,
    change: Change,
    *,
    by: str,
    now: datetime,
    detail: str | None = None,
) -> None:
    """Keep who did what to a mapping, beside it and in the audit log."""
    await mappings.note(connection, organization_id, id_, version, change, by=by, now=now, detail=detail)
    told = {"version": version, "change": change, "detail": detail}
    done = Done(organization_id, Action.MAPPING_CHANGED, f"mapping/{id_}", by=by, detail=told)
    await note(connection, done, now=now)


def _told(organization_id: str, mapping: Mapping, by: str, now: datetime) -> OutboxMessage:
    event_id = uuid.uuid4()
    return outgoing(
        MAPPING_PUBLISHED,
        id=event_id,
        organization_id=organization_id,
        key=organization_key(organization_id),
        subject=str(mapping.id),
        data=dumps(
            {
                "organization_id": organization_id,
                "mapping_id": mapping.id,
                "version": mapping.version,
                "published_by": by,
                "published_at": now,
            }
        ),
        time=now,
        origin=Origin(str(event_id)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """Mappings that were parked: those that count again, and those that do not, with what speaks against each."""

    counting: Sequence[Mapping]
    parked: Sequence[Mapping]
    findings: dict[uuid.UUID, tuple[Finding, ...]]


async def validate(connection: Connection, organization_id: str, *, now: datetime, by: str | None = None) -> Validated:
    """Take up again the parked mappings that fit the team that is connected now; what was deferred is decided again.

    A mapping fits where it could be published. One that does not is published anew, with a cadence of this team.
    """
    facts = (await organizations.read_facts(connection, [organization_id])).get(organization_id)
    if facts is None:
        return Validated(counting=(), parked=(), findings={})
    parked = {mapping.id: mapping for mapping in facts.mappings.all() if mapping.parked}
    findings = {id_: examine(MappingDocument.of(mapping), facts) for id_, mapping in parked.items()}
    fitting = [mapping for id_, mapping in parked.items() if not findings[id_]]
    if fitting:
        await organizations.validate_mappings(connection, organization_id, [mapping.id for mapping in fitting])
        await organizations.advance_decision_version(connection, organization_id, now)
        detail = {"mappings": len(fitting)}
        done = Done(organization_id, Action.MAPPINGS_VALIDATED, "mappings/parked", by=by, detail=detail)
        await note(connection, done, now=now)
    return Validated(
        counting=fitting, parked=[mapping for id_, mapping in parked.items() if findings[id_]], findings=findings
    )
