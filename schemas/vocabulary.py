"""The closed lists that events, the database and the API share, each value spelt once."""

from enum import StrEnum
from typing import Final

__all__ = [
    "PURPOSE_OF_TRIGGER",
    "TRIGGER_ENDED_BY",
    "ActivityKind",
    "ActorKind",
    "AttentionKind",
    "CandidateOutcome",
    "Confidence",
    "ContactPreference",
    "EnrollmentState",
    "OutcomeType",
    "Purpose",
    "Reason",
    "RequesterKind",
    "TriggerType",
]


class TriggerType(StrEnum):
    """The lifecycle moments that may start a cadence."""

    NEW_CUSTOMER = "new-customer"
    RENEWAL_WINDOW = "renewal-window"
    AT_RISK = "at-risk"
    EXPANSION_SIGNAL = "expansion-signal"


class Purpose(StrEnum):
    """What a cadence is for; each trigger has one."""

    WELCOME = "welcome"
    RENEWAL = "renewal"
    SAVE = "save"
    UPSELL = "upsell"


PURPOSE_OF_TRIGGER: Final[dict[TriggerType, Purpose]] = {
    TriggerType.NEW_CUSTOMER: Purpose.WELCOME,
    TriggerType.RENEWAL_WINDOW: Purpose.RENEWAL,
    TriggerType.AT_RISK: Purpose.SAVE,
    TriggerType.EXPANSION_SIGNAL: Purpose.UPSELL,
}


class OutcomeType(StrEnum):
    """What ends a cadence's purpose."""

    ONBOARDED = "onboarded"
    RENEWED = "renewed"
    CHURNED = "churned"
    RECOVERED = "recovered"
    EXPANSION_CLOSED = "expansion-closed"
    STAKEHOLDER_LEFT = "stakeholder-left"


_EVERY_TRIGGER: Final = frozenset(TriggerType)

TRIGGER_ENDED_BY: Final[dict[OutcomeType, frozenset[TriggerType]]] = {
    OutcomeType.ONBOARDED: frozenset({TriggerType.NEW_CUSTOMER}),
    OutcomeType.RENEWED: frozenset({TriggerType.RENEWAL_WINDOW}),
    OutcomeType.CHURNED: _EVERY_TRIGGER,
    OutcomeType.RECOVERED: frozenset({TriggerType.AT_RISK}),
    OutcomeType.EXPANSION_CLOSED: frozenset({TriggerType.EXPANSION_SIGNAL}),
    OutcomeType.STAKEHOLDER_LEFT: _EVERY_TRIGGER,
}
"""The triggers whose runs an outcome ends: churned all of a customer, stakeholder-left all of a stakeholder."""


class ContactPreference(StrEnum):
    ALLOWED = "allowed"
    BLOCKED = "blocked"


class EnrollmentState(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SCHEDULED = "scheduled"
    ENROLLING = "enrolling"
    ENROLLED = "enrolled"
    UNKNOWN = "unknown"
    FAILED = "failed"
    STALE = "stale"
    BLOCKED = "blocked"
    PAUSED = "paused"
    COMPLETED = "completed"
    REMOVED = "removed"
    EXITED = "exited"


class RequesterKind(StrEnum):
    """Who asked for an enrollment."""

    TRIGGER = "trigger"
    USER = "user"
    CHAT = "chat"


class ActorKind(StrEnum):
    """Who changed an enrollment."""

    SERVICE = "service"
    USER = "user"
    CHAT = "chat"
    APPROVER = "approver"
    SALESLOFT = "salesloft"


class CandidateOutcome(StrEnum):
    """What was decided about one candidate stakeholder."""

    REQUEST = "request"
    DEFER = "defer"
    SKIP = "skip"


class ActivityKind(StrEnum):
    STEP_COMPLETED = "step-completed"
    EMAIL_SENT = "email-sent"
    EMAIL_OPENED = "email-opened"
    EMAIL_CLICKED = "email-clicked"
    EMAIL_REPLIED = "email-replied"
    EMAIL_BOUNCED = "email-bounced"
    UNSUBSCRIBED = "unsubscribed"
    CALL_LOGGED = "call-logged"


class Confidence(StrEnum):
    """How sure the time and the attribution of an activity are."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class AttentionKind(StrEnum):
    """What a person should look at."""

    APPROVAL_EXPIRING = "approval_expiring"
    CONNECTION_FAILING = "connection_failing"
    FAILURES_RISING = "failures_rising"
    SYNC_OWES = "sync_owes"
    DEFERRAL_ENDING = "deferral_ending"
    DEAD_LETTERS = "dead_letters"


class Reason(StrEnum):
    """Why a decision fell, and why an enrollment changed. More may be added; none is renamed or used again."""

    REQUESTED = "requested"
    NO_MAPPING = "no_mapping"
    MAPPING_DISABLED = "mapping_disabled"
    SEGMENT_NOT_MATCHED = "segment_not_matched"
    CRITERIA_NOT_MET = "criteria_not_met"
    NO_CANDIDATES = "no_candidates"
    NO_EMAIL = "no_email"
    INVALID_EMAIL = "invalid_email"
    DO_NOT_CONTACT = "do_not_contact"
    CONTACT_RESTRICTED = "contact_restricted"
    BOUNCED = "bounced"
    OPTED_OUT = "opted_out"
    STAKEHOLDER_LEFT = "stakeholder_left"
    AMBIGUOUS_PERSON = "ambiguous_person"
    CONSENT_UNKNOWN = "consent_unknown"
    FACT_UNKNOWN = "fact_unknown"
    SUPPRESSED = "suppressed"
    STOPPED = "stopped"
    SHADOW = "shadow"
    ALREADY_REQUESTED = "already_requested"
    ALREADY_ENROLLED = "already_enrolled"
    ALREADY_RAN = "already_ran"
    REENTRY_CAPPED = "reentry_capped"
    FREQUENCY_CAPPED = "frequency_capped"
    EXCLUSIVE_CADENCE_ACTIVE = "exclusive_cadence_active"
    PREEMPTED = "preempted"
    QUIET_HOURS = "quiet_hours"
    BLACKOUT = "blackout"
    QUOTA_REACHED = "quota_reached"
    NOT_CONNECTED = "not_connected"
    CADENCE_UNAVAILABLE = "cadence_unavailable"
    OWNER_UNAVAILABLE = "owner_unavailable"
    HELD_OUT = "held_out"
    STALE_EVENT = "stale_event"
    DEFERRAL_ENDED = "deferral_ended"
    ERASED = "erased"
    UNKNOWN_CUSTOMER = "unknown_customer"

    # Of execution: only an enrollment's change has these.
    EXECUTE_BY_PASSED = "execute_by_passed"
    FACT_CHANGED = "fact_changed"
    ADD_REFUSED = "add_refused"
    THROTTLED = "throttled"
    CONNECTION_LOST = "connection_lost"
    RETRIED = "retried"
    REQUESTED_BY_PERSON = "requested_by_person"
    PAUSE_ENDED = "pause_ended"
