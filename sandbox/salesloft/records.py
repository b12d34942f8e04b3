"""What a Salesloft team holds, as plain mutable rows. Relations are ids; instants are microseconds in UTC."""

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "Account",
    "Action",
    "ActivityHistory",
    "BulkJob",
    "Cadence",
    "Call",
    "Email",
    "JobData",
    "Membership",
    "MembershipState",
    "Person",
    "Step",
    "StepType",
    "Subscription",
    "User",
]

MembershipState = Literal[
    "processing",
    "staged",
    "active",
    "scheduled",
    "completed",
    "removed",
    "removed_no_action",
    "reassigned",
    "archived",
]
StepType = Literal["email", "phone", "other", "integration"]


@dataclass(slots=True, kw_only=True)
class Row:
    """`rendered` is the row's JSON until it changes again."""

    created_at: int
    updated_at: int
    rendered: bytes | None = None


@dataclass(slots=True, kw_only=True)
class User(Row):
    id: int
    guid: str
    first_name: str
    last_name: str
    email: str
    job_role: str
    time_zone: str
    team_admin: bool = False
    active: bool = True
    email_client_configured: bool = True
    work_country: str | None = None


@dataclass(slots=True, kw_only=True)
class Cadence(Row):
    id: int
    name: str
    owner_id: int
    team_cadence: bool = True
    shared: bool = True
    draft: bool = False
    archived_at: int | None = None
    remove_replies_enabled: bool = True
    remove_bounces_enabled: bool = True
    opt_out_link_included: bool = True
    override_contact_restrictions: bool = False
    cadence_function: str = "outbound"
    external_identifier: str | None = None
    tags: list[str] = field(default_factory=list)
    target_daily_people: int = 10
    cadence_people: int = 0
    people_acted_on: int = 0


@dataclass(slots=True, kw_only=True)
class Step(Row):
    """`day` counts business days from 1; `step_number` is the place within that day."""

    id: int
    cadence_id: int
    type: StepType
    name: str
    day: int
    step_number: int
    automated: bool = False
    disabled: bool = False
    details_id: int = 0


@dataclass(slots=True, kw_only=True)
class Account(Row):
    id: int
    name: str
    domain: str
    owner_id: int | None
    creator_id: int
    do_not_contact: bool = False
    archived_at: int | None = None
    tags: list[str] = field(default_factory=list)
    custom_fields: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Person(Row):
    """`details` holds the plain values that nothing here acts upon: names, title, places, numbers."""

    id: int
    email_address: str | None
    owner_id: int | None
    account_id: int | None = None
    do_not_contact: bool = False
    bouncing: bool = False
    contact_restrictions: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    custom_fields: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    emails_sent: int = 0
    emails_viewed: int = 0
    emails_clicked: int = 0
    emails_replied_to: int = 0
    emails_bounced: int = 0
    calls: int = 0
    last_contacted_at: int | None = None
    last_contacted_type: str | None = None
    last_contacted_by_id: int | None = None
    last_replied_at: int | None = None
    most_recent_cadence_id: int | None = None
    last_completed_step_id: int | None = None
    last_completed_step_cadence_id: int | None = None


@dataclass(slots=True, kw_only=True)
class Membership(Row):
    """One mutable record per person and cadence.

    `stay` counts the additions, so that what an earlier one had planned is recognised and dropped; `acted` says
    whether anything happened in this stay; `counted_as_acted_on` whether the cadence's count has this person.
    """

    id: int
    person_id: int
    cadence_id: int
    user_id: int
    added_at: int
    state: MembershipState = "processing"
    on_cadence: bool = True
    person_deleted: bool = False
    step_id: int | None = None
    latest_action_id: int | None = None
    open_action_id: int | None = None
    open_email_id: int | None = None
    stay: int = 1
    acted: bool = False
    counted_as_acted_on: bool = False
    start_day: int = 1
    views: int = 0
    clicks: int = 0
    replies: int = 0
    calls: int = 0
    sent_emails: int = 0
    bounces: int = 0


@dataclass(slots=True, kw_only=True)
class Action(Row):
    """Something to do for a person at a step. Only open ones exist; a done one is gone.

    `status` is ``pending_activity`` once someone said that it is under way.
    """

    id: int
    type: StepType
    due_on: int
    user_id: int
    person_id: int
    cadence_id: int
    step_id: int
    membership_id: int
    details_id: int
    status: str = "in_progress"


@dataclass(slots=True, kw_only=True)
class Email(Row):
    id: int
    recipient_id: int
    recipient_email_address: str | None
    user_id: int
    status: str
    membership_id: int | None = None
    cadence_id: int | None = None
    step_id: int | None = None
    action_id: int | None = None
    subject: str = ""
    body: str = ""
    error_message: str | None = None
    send_after: int | None = None
    sent_at: int | None = None
    bounced: bool = False
    views: int = 0
    clicks: int = 0
    replies: int = 0


@dataclass(slots=True, kw_only=True)
class Call(Row):
    id: int
    user_id: int
    person_id: int
    to: str | None = None
    duration: int | None = None
    disposition: str | None = None
    sentiment: str | None = None
    note_id: int | None = None
    action_id: int | None = None
    cadence_id: int | None = None
    step_id: int | None = None


@dataclass(slots=True, kw_only=True)
class ActivityHistory(Row):
    """One line of a person's feed; its id is a text such as ``sent_email-722488662``."""

    id: str
    type: str
    person_id: int
    user_guid: str | None
    occurred_at: int
    static_data: dict[str, Any]
    dynamic_data: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class BulkJob(Row):
    """Rows to be written one after the other; open until it is marked ready, then executing, then done."""

    id: int
    type: str
    name: str | None
    state: Literal["open", "executing", "done"] = "open"
    marked_ready_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    processed: int = 0


@dataclass(slots=True, kw_only=True)
class JobData(Row):
    """One row of a bulk job, and what became of it."""

    id: int
    bulk_job_id: int
    record: dict[str, Any]
    status: Literal["pending", "success", "error", "retrying", "cancelled"] = "pending"
    error: str | None = None
    resource: dict[str, Any] | None = None
    started_at: int | None = None
    finished_at: int | None = None


@dataclass(slots=True, kw_only=True)
class Subscription:
    """A webhook subscription: one event, one address, and what its maker was allowed to read."""

    id: int
    event_type: str
    callback_url: str
    callback_token: str
    user_guid: str
    scopes: frozenset[str]
    enabled: bool = True
