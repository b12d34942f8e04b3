"""A person has somebody added to a cadence: the gates, the question to an approver, and what is kept to explain it.

From here on it is an enrollment like any other: approved, read again at its moment, asked again where a bound fact has
changed, carried out. Nobody is contacted before somebody has approved it.

AdditionInvalid   it is no possible addition (`enrollment.additions`)
AdditionRefused   a gate refuses; what each of them says is with it
UnknownParty      the organization has no such stakeholder, or no such cadence
IdTaken           something else was asked for under that id
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from enrollment.additions import (
    Addition,
    AdditionFacts,
    AdditionInvalid,
    GateVerdict,
    JudgedAddition,
    bound_addition,
    is_for_upsell,
    judge_addition,
    policy_of,
)
from enrollment.approval import digest
from enrollment.consent import PersonRecord, email_refusal, known_refusal, normalised_email
from enrollment.decide import OrganizationFacts
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.vocabulary import ActorKind, EnrollmentState, Reason
from storage import additions, directory, evaluations, outbox, policies
from storage.additions import Asker
from storage.directory import CustomerKey, StakeholderRow
from storage.enrollments import NewEnrollment
from storage.outbox import OutboxMessage
from storage.pool import Connection
from workflows.asking import Asked, AskedBy, Asking, ask
from workflows.audit import Action, Done, note
from workflows.events import Origin
from workflows.memory import OrganizationMemory
from workflows.transitions import Actor, changed_event

__all__ = [
    "Added",
    "AdditionRefused",
    "IdTaken",
    "UnknownParty",
    "WantedAddition",
    "add_to_cadence",
    "contact_refusal",
    "try_addition",
]


class UnknownParty(LookupError):
    """The organization has no such stakeholder, or no such cadence: `what`, and its id."""

    def __init__(self, what: Literal["stakeholder", "cadence"], name: object) -> None:
        super().__init__(f"there is no {what} {name}")
        self.what = what
        self.name = name


class IdTaken(ValueError):
    """Something else was asked for under the same id."""


class AdditionRefused(Exception):
    """Nobody is asked. `gates` is what each said; the first refusal is `refusal`."""

    def __init__(self, gates: tuple[GateVerdict, ...], refusal: GateVerdict) -> None:
        super().__init__(refusal.says)
        self.gates = gates
        self.refusal = refusal

    @property
    def reason(self) -> Reason:
        """Of the closed list of reasons."""
        if self.refusal.reason is None:
            raise AssertionError("a refusal has its reason")
        return self.refusal.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedAddition:
    """What somebody asks for, and why. `id` becomes the enrollment's: what is asked again under it is asked once."""

    id: UUID
    addition: Addition
    asked_by: Asker
    note: str
    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """The enrollment that came of it, or would; `request` is the question to the approver, as JSON."""

    enrollment_id: UUID
    customer_id: str
    state: EnrollmentState
    expires_at: datetime
    execute_by: datetime
    request: str
    gates: tuple[GateVerdict, ...]


@dataclass(frozen=True, slots=True)
class _Prepared:
    added: Added
    new: NewEnrollment
    messages: list[OutboxMessage]


async def add_to_cadence(
    connection: Connection, organization_id: str, wanted: WantedAddition, memory: OrganizationMemory, now: datetime
) -> Added:
    """Ask for somebody, or tell what came of it where that was asked before under the same id.

    Raises UnknownParty, AdditionInvalid, AdditionRefused or IdTaken; the caller's transaction is to be given up then.
    """
    if not wanted.note.strip():
        raise AdditionInvalid("note", "say why: it is told to whoever looks at the enrollment")
    customer = await _customer_of(connection, organization_id, wanted.addition.stakeholder_id)
    organization = (await memory.facts(connection, [organization_id], now))[organization_id]
    await directory.lock_customers(connection, [customer])
    stored = await additions.read(connection, organization_id, wanted.id)
    if stored is not None:
        if (stored.addition, stored.asked_by, stored.note) != (wanted.addition, wanted.asked_by, wanted.note):
            raise IdTaken(f"something else was asked for under the id {wanted.id}: ask under another one")
        return Added(
            enrollment_id=stored.enrollment_id,
            customer_id=stored.customer_id,
            state=stored.state,
            expires_at=stored.expires_at,
            execute_by=stored.execute_by,
            request=stored.request,
            gates=stored.gates,
        )
    prepared = await _prepared(connection, customer, wanted, organization, now)
    await additions.add(
        connection,
        prepared.new,
        asked_by=wanted.asked_by,
        note=wanted.note,
        addition=wanted.addition,
        gates=prepared.added.gates,
        is_upsell=is_for_upsell(wanted.addition.cadence_id, organization.mappings),
        now=now,
    )
    await outbox.add(connection, prepared.messages)
    done = Done(
        organization_id,
        Action.ENROLLMENT_REQUESTED,
        f"enrollment/{wanted.id}",
        by=wanted.asked_by.user_id,
        digested=wanted.note,
        detail={"cadence_id": wanted.addition.cadence_id},
        correlation_id=wanted.correlation_id,
    )
    await note(connection, done, now=now)
    return prepared.added


async def try_addition(
    connection: Connection, organization_id: str, wanted: WantedAddition, memory: OrganizationMemory, now: datetime
) -> Added:
    """What would be asked now; nothing is written and nothing locked. Raises as `add_to_cadence` does."""
    customer = await _customer_of(connection, organization_id, wanted.addition.stakeholder_id)
    organization = (await memory.facts(connection, [organization_id], now))[organization_id]
    return (await _prepared(connection, customer, wanted, organization, now)).added


async def contact_refusal(connection: Connection, organization_id: str, stakeholder_id: str) -> Reason | None:
    """Why somebody would not be added back to the cadence that they are on, as far as it is known without Salesloft.

    It is asked again right before they are. Raises UnknownParty.
    """
    _, customer_id = await _customer_of(connection, organization_id, stakeholder_id)
    known = await _contact(connection, (organization_id, stakeholder_id))
    return (
        _gone(known.row, customer_id)
        or email_refusal(known.stakeholder)
        or known_refusal(known.stakeholder, known.person)
        or (Reason.SUPPRESSED if known.is_suppressed else None)
    )


async def _customer_of(connection: Connection, organization_id: str, stakeholder_id: str) -> CustomerKey:
    key = (organization_id, stakeholder_id)
    found = (await directory.read_stakeholders(connection, [key])).get(key)
    if found is None:
        raise UnknownParty("stakeholder", stakeholder_id)
    return organization_id, found.customer_id


async def _prepared(
    connection: Connection,
    customer: CustomerKey,
    wanted: WantedAddition,
    organization: OrganizationFacts,
    now: datetime,
) -> _Prepared:
    addition = wanted.addition
    if organization.connected and addition.cadence_id not in organization.cadences:
        raise UnknownParty("cadence", addition.cadence_id)
    facts = await _facts(connection, customer, addition)
    judged = judge_addition(addition, facts, organization, now)
    if judged.refusal is not None:
        raise AdditionRefused(judged.gates, judged.refusal)
    return _question(customer, wanted, facts, judged, organization, now)


async def _facts(connection: Connection, customer: CustomerKey, addition: Addition) -> AdditionFacts:
    """What the gates ask, as it is known in this transaction."""
    organization_id, customer_id = customer
    known = await _contact(connection, (organization_id, addition.stakeholder_id))
    customer_row = (await directory.read_customers(connection, [customer])).get(customer)
    places = await additions.read_places(connection, organization_id, addition.stakeholder_id)
    risks = await evaluations.open_episodes_of(connection, [customer])
    data = customer_row.data if customer_row is not None else None
    return AdditionFacts(
        customer=CustomerSnapshot.model_validate_json(data) if data is not None else None,
        stakeholder=known.stakeholder,
        gone=_gone(known.row, customer_id),
        person=known.person,
        is_suppressed=known.is_suppressed,
        is_asked_for=addition.cadence_id in places.asked_for,
        is_on_cadence=addition.cadence_id in places.on_cadence,
        busy_groups=places.groups,
        address_groups=places.address_groups,
        at_risk_until=risks.get(customer),
    )


@dataclass(frozen=True, slots=True)
class _Contact:
    """Somebody as the directory, Salesloft's record and the organization's own list have them."""

    row: StakeholderRow
    stakeholder: StakeholderSnapshot
    person: PersonRecord | None
    is_suppressed: bool


async def _contact(connection: Connection, key: tuple[str, str]) -> _Contact:
    row = (await directory.read_stakeholders(connection, [key]))[key]
    if row.data is None:
        return _Contact(row, StakeholderSnapshot(id=key[1]), None, is_suppressed=False)
    stakeholder = StakeholderSnapshot.model_validate_json(row.data)
    email = normalised_email(stakeholder.email)
    linked = (await directory.read_people(connection, [(*key, email)])).get(key)
    suppressed = await policies.suppressed(connection, {key: stakeholder.email})
    return _Contact(row, stakeholder, linked.record if linked is not None else None, is_suppressed=key in suppressed)


def _gone(row: StakeholderRow, customer_id: str) -> Reason | None:
    if row.data is None:
        return Reason.ERASED
    return Reason.STAKEHOLDER_LEFT if row.left or row.customer_id != customer_id else None


def _question(
    customer: CustomerKey,
    wanted: WantedAddition,
    facts: AdditionFacts,
    judged: JudgedAddition,
    organization: OrganizationFacts,
    now: datetime,
) -> _Prepared:
    action = judged.action
    if action is None or facts.customer is None:
        raise AssertionError("what no gate refuses has an action, and its customer is known")
    organization_id, customer_id = customer
    bound = digest(bound_addition(facts.stakeholder, action, wanted.addition.custom_fields, judged.exclusivity_group))
    origin = Origin(wanted.correlation_id)
    asked = ask(
        Asking(
            enrollment_id=wanted.id,
            customer=customer,
            customer_name=facts.customer.name,
            stakeholder=facts.stakeholder,
            action=action,
            mapping=None,
            policy=policy_of(judged.exclusivity_group, organization.mappings),
            exclusivity_group=judged.exclusivity_group,
            digest=bound,
            event_type=None,
            event_id=None,
            business_key=None,
            verdicts=(),
            considered=(),
            origin=origin,
            sequence=1,
            requested_by=AskedBy(wanted.asked_by.kind, wanted.asked_by.user_id),
            custom_fields=wanted.addition.custom_fields,
        ),
        now,
    )
    new = NewEnrollment(
        id=wanted.id,
        organization_id=organization_id,
        customer_id=customer_id,
        stakeholder_id=facts.stakeholder.id,
        trigger_type=None,
        exclusivity_group=judged.exclusivity_group,
        business_key=None,
        event_id=None,
        event_time=None,
        evaluation_id=None,
        correlation_id=wanted.correlation_id,
        mapping_id=None,
        mapping_version=None,
        cadence_id=action.cadence.id,
        request=asked.request,
        request_digest=bound,
        expires_at=asked.expires_at,
        execute_by=asked.execute_by,
        start_on=action.start_date,
        start_step_id=action.start_step.id,
        sender_user_id=action.sender.user_id,
        team_id=organization.team_id,
    )
    told = changed_event(
        organization_id=organization_id,
        customer_id=customer_id,
        stakeholder_id=facts.stakeholder.id,
        enrollment_id=wanted.id,
        sequence=1,
        from_state=None,
        to_state=EnrollmentState.REQUESTED,
        reason=None,
        actor=Actor(ActorKind(wanted.asked_by.kind.value), wanted.asked_by.user_id),
        cadence=(action.cadence.id, action.cadence.name, None),
        membership=None,
        expected_at=None,
        now=now,
        origin=origin,
    )
    return _Prepared(_added(wanted.id, customer_id, asked, judged), new, [asked.message, told])


def _added(enrollment_id: UUID, customer_id: str, asked: Asked, judged: JudgedAddition) -> Added:
    return Added(
        enrollment_id=enrollment_id,
        customer_id=customer_id,
        state=EnrollmentState.REQUESTED,
        expires_at=asked.expires_at,
        execute_by=asked.execute_by,
        request=asked.request,
        gates=judged.gates,
    )
