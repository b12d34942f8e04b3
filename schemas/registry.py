"""Every event type: its model, its topic, its key and the schema that it names."""

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from schemas import topics
from schemas.activity import Activity
from schemas.approval import ApprovalRequested, ApprovalWithdrawn, EnrollmentDecision
from schemas.directory import DirectoryCustomer, DirectoryStakeholder
from schemas.engagement import Engagement
from schemas.enrollment_events import EnrollmentChanged
from schemas.errors import InvalidDataError, UnknownTypeError, WrongTopicError
from schemas.lifecycle import AtRisk, ExpansionSignal, NewCustomer, RenewalWindow
from schemas.operations import (
    AttentionNeeded,
    ConnectionNeedsReauthorization,
    FiguresPublished,
    MappingPublished,
    SyncCheckpoint,
)
from schemas.outcomes import Outcome, StakeholderLeft
from schemas.published_versions import PUBLISHED_VERSIONS
from schemas.topics import Direction, KeyKind, Topic
from schemas.vocabulary import ActivityKind, OutcomeType, TriggerType

__all__ = [
    "ACTIVITY_TYPES",
    "APPROVAL_REQUESTED",
    "APPROVAL_WITHDRAWN",
    "ATTENTION_NEEDED",
    "AT_RISK",
    "CONNECTION_NEEDS_REAUTHORIZATION",
    "DIRECTORY_CUSTOMER",
    "DIRECTORY_STAKEHOLDER",
    "ENGAGEMENT",
    "ENROLLMENT_APPROVED",
    "ENROLLMENT_CHANGED",
    "ENROLLMENT_REJECTED",
    "EVENT_TYPES",
    "EXPANSION_SIGNAL",
    "FIGURES_PUBLISHED",
    "LIFECYCLE_TYPES",
    "MAPPING_PUBLISHED",
    "NEW_CUSTOMER",
    "OUTCOME_TYPES",
    "RENEWAL_WINDOW",
    "SYNC_CHECKPOINT",
    "EventType",
    "dataschema_id",
    "event_type",
]

_LONGEST_MESSAGE: Final = 800

M = TypeVar("M", bound=BaseModel)


def dataschema_id(name: str, version: int) -> str:
    """The `$id` of a published schema, and the `ce_dataschema` of the events that follow it."""
    return f"urn:cscx:schemas:{name}:{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType(Generic[M]):
    """One type of event, named as in `ce_type`."""

    name: str
    model: type[M]
    topic: Topic

    @property
    def direction(self) -> Direction:
        return self.topic.direction

    @property
    def key(self) -> KeyKind:
        return self.topic.key

    @property
    def dataschema(self) -> str:
        """The newest published schema's id."""
        return dataschema_id(self.name, PUBLISHED_VERSIONS.get(self.name, 1))

    @property
    def examples(self) -> list[dict[str, Any]]:
        """Payloads that show the type, as they are on the bus."""
        extra: Any = self.model.model_config["json_schema_extra"]
        examples: list[dict[str, Any]] = extra["examples"]
        return examples

    def parse(self, data: bytes) -> M:
        """Validate JSON bytes. InvalidDataError names each field that is wrong and never its value."""
        try:
            return self.model.__pydantic_validator__.validate_json(data)  # type: ignore[no-any-return]
        except ValidationError as error:
            # Its text holds the values, and a traceback would carry them into the log.
            raise InvalidDataError(_explain(error)) from None

    def serialize(self, event: M) -> bytes:
        """The event's data as JSON bytes, in the order of the model's fields."""
        return self.model.__pydantic_serializer__.to_json(event, by_alias=True)


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    told = "; ".join(f"{'.'.join(map(str, problem['loc'])) or 'data'}: {problem['msg']}" for problem in problems)
    return told[:_LONGEST_MESSAGE]


NEW_CUSTOMER: Final = EventType(name="ai.cscx.lifecycle.new-customer.v1", model=NewCustomer, topic=topics.NEW_CUSTOMER)
RENEWAL_WINDOW: Final = EventType(
    name="ai.cscx.lifecycle.renewal-window.v1", model=RenewalWindow, topic=topics.RENEWAL_WINDOW
)
AT_RISK: Final = EventType(name="ai.cscx.lifecycle.at-risk.v1", model=AtRisk, topic=topics.AT_RISK)
EXPANSION_SIGNAL: Final = EventType(
    name="ai.cscx.lifecycle.expansion-signal.v1", model=ExpansionSignal, topic=topics.EXPANSION_SIGNAL
)
LIFECYCLE_TYPES: Final[dict[TriggerType, EventType[Any]]] = {
    TriggerType.NEW_CUSTOMER: NEW_CUSTOMER,
    TriggerType.RENEWAL_WINDOW: RENEWAL_WINDOW,
    TriggerType.AT_RISK: AT_RISK,
    TriggerType.EXPANSION_SIGNAL: EXPANSION_SIGNAL,
}

OUTCOME_TYPES: Final[dict[OutcomeType, EventType[Any]]] = {
    outcome: EventType(
        name=f"ai.cscx.lifecycle.{outcome}.v1",
        model=StakeholderLeft if outcome is OutcomeType.STAKEHOLDER_LEFT else Outcome,
        topic=topics.OUTCOME,
    )
    for outcome in OutcomeType
}

DIRECTORY_CUSTOMER: Final = EventType(
    name="ai.cscx.directory.customer.v1", model=DirectoryCustomer, topic=topics.DIRECTORY_CUSTOMER
)
DIRECTORY_STAKEHOLDER: Final = EventType(
    name="ai.cscx.directory.stakeholder.v1", model=DirectoryStakeholder, topic=topics.DIRECTORY_STAKEHOLDER
)

ENROLLMENT_APPROVED: Final = EventType(
    name="ai.cscx.approvals.enrollment-approved.v1", model=EnrollmentDecision, topic=topics.ENROLLMENT_DECISION
)
ENROLLMENT_REJECTED: Final = EventType(
    name="ai.cscx.approvals.enrollment-rejected.v1", model=EnrollmentDecision, topic=topics.ENROLLMENT_DECISION
)
APPROVAL_REQUESTED: Final = EventType(
    name="ai.cscx.salesloft.approval-requested.v1", model=ApprovalRequested, topic=topics.APPROVAL_REQUEST
)
APPROVAL_WITHDRAWN: Final = EventType(
    name="ai.cscx.salesloft.approval-withdrawn.v1", model=ApprovalWithdrawn, topic=topics.APPROVAL_REQUEST
)
ENROLLMENT_CHANGED: Final = EventType(
    name="ai.cscx.salesloft.enrollment-changed.v1", model=EnrollmentChanged, topic=topics.ENROLLMENT
)
ACTIVITY_TYPES: Final[dict[ActivityKind, EventType[Activity]]] = {
    kind: EventType(name=f"ai.cscx.salesloft.{kind}.v1", model=Activity, topic=topics.ACTIVITY) for kind in ActivityKind
}
ENGAGEMENT: Final = EventType(name="ai.cscx.salesloft.engagement.v1", model=Engagement, topic=topics.ENGAGEMENT)

SYNC_CHECKPOINT: Final = EventType(
    name="ai.cscx.salesloft.sync-checkpoint.v1", model=SyncCheckpoint, topic=topics.OPERATIONS
)
FIGURES_PUBLISHED: Final = EventType(
    name="ai.cscx.salesloft.figures-published.v1", model=FiguresPublished, topic=topics.OPERATIONS
)
CONNECTION_NEEDS_REAUTHORIZATION: Final = EventType(
    name="ai.cscx.salesloft.connection-needs-reauthorization.v1",
    model=ConnectionNeedsReauthorization,
    topic=topics.OPERATIONS,
)
MAPPING_PUBLISHED: Final = EventType(
    name="ai.cscx.salesloft.mapping-published.v1", model=MappingPublished, topic=topics.OPERATIONS
)
ATTENTION_NEEDED: Final = EventType(
    name="ai.cscx.salesloft.attention-needed.v1", model=AttentionNeeded, topic=topics.OPERATIONS
)

_ALL: Final[tuple[EventType[Any], ...]] = (
    *LIFECYCLE_TYPES.values(),
    *OUTCOME_TYPES.values(),
    DIRECTORY_CUSTOMER,
    DIRECTORY_STAKEHOLDER,
    ENROLLMENT_APPROVED,
    ENROLLMENT_REJECTED,
    APPROVAL_REQUESTED,
    APPROVAL_WITHDRAWN,
    ENROLLMENT_CHANGED,
    *ACTIVITY_TYPES.values(),
    ENGAGEMENT,
    SYNC_CHECKPOINT,
    FIGURES_PUBLISHED,
    CONNECTION_NEEDS_REAUTHORIZATION,
    MAPPING_PUBLISHED,
    ATTENTION_NEEDED,
)

EVENT_TYPES: Final[dict[str, EventType[Any]]] = {registered.name: registered for registered in _ALL}
"""Every event type by its `ce_type`."""


def event_type(name: str, *, topic: str) -> EventType[Any]:
    """The event type of a record. UnknownTypeError; WrongTopicError for a type that belongs on another topic."""
    found = EVENT_TYPES.get(name)
    if found is None:
        raise UnknownTypeError(f"type {name[:100]!r} is not known")
    if found.topic.name != topic:
        raise WrongTopicError(f"type {name!r} belongs on {found.topic.name}")
    return found
