"""Salesloft's records, as its API answers them.

Written for what Salesloft really sends: fields that are not here are ignored, fields that are here may be absent or
null, and ids come as numbers or as digits in a string. Only ``id`` is sure, and ``updated_at`` on what is read by
cursor. Timestamps are aware and keep the offset that they came with. ``None`` means that Salesloft did not say; for
consent that is not the same as "no restriction" (:attr:`Person.contact_restrictions` is ``()`` then).

``repr`` of a record shows its id alone, since the rest is about people.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
    "Account",
    "Action",
    "ActivityHistory",
    "Answered",
    "Cadence",
    "CadenceCounts",
    "CadenceMembership",
    "CadenceStats",
    "Call",
    "ChangingRecord",
    "Email",
    "EmailCounts",
    "MembershipCounts",
    "NamedReference",
    "Object",
    "Person",
    "PersonCounts",
    "Record",
    "Reference",
    "Step",
    "Team",
    "Timestamp",
    "UpsertedAccount",
    "UpsertedPerson",
    "User",
]


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _object(value: object) -> object:
    """An empty object may come as an empty array (seen on ``user_relationships``)."""
    return {} if value in (None, []) else value


def _array(value: object) -> object:
    """An array may come as null."""
    return () if value is None else value


Id = Annotated[int, Field(ge=0, lt=2**63)]
Timestamp = Annotated[datetime, AfterValidator(_aware)]
Object = Annotated[dict[str, Any], BeforeValidator(_object)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_array)]


class Answered(BaseModel):
    """What Salesloft answers: frozen, and tolerant of what is not known here."""

    model_config = ConfigDict(
        defer_build=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
    )


class Reference(Answered):
    """Another record: ``{"id": 1, "_href": "…"}``. Records without a public endpoint have no ``href``."""

    id: Id
    href: str | None = Field(default=None, alias="_href", repr=False)


class NamedReference(Answered):
    """A reference whose id may be a word: a role is ``Admin``, ``User`` or a number."""

    id: str
    href: str | None = Field(default=None, alias="_href", repr=False)


References = Annotated[tuple[Reference, ...], BeforeValidator(_array)]


class Record(Answered):
    """What has an id."""

    id: Id
    created_at: Timestamp | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id})"

    __str__ = __repr__


class ChangingRecord(Record):
    """What can be read by ``updated_at``."""

    updated_at: Timestamp


class User(Record):
    """A user of the team; also what ``/me`` answers."""

    updated_at: Timestamp | None = None
    guid: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    sending_email_address: str | None = None
    active: bool | None = None
    team_admin: bool | None = None
    time_zone: str | None = None
    locale_utc_offset: int | None = None
    seat_package: str | None = None
    email_client_configured: bool | None = None
    crm_connected: bool | None = None
    group: Reference | None = None
    team: Reference | None = None
    role: NamedReference | None = None


class Team(Record):
    """The team that the token's user belongs to: budget, cursors and links to people are the team's."""

    updated_at: Timestamp | None = None
    name: str | None = None
    plan: str | None = None
    deactivated: bool | None = None
    license_limit: int | None = None
    email_daily_limit: int | None = None
    group_privacy_setting: str | None = None
    allow_automated_email_steps: bool | None = None


class CadenceCounts(Answered):
    """``cadence_people`` counts everybody who was ever added, not those on it now."""

    cadence_people: int | None = None
    people_acted_on_count: int | None = None
    target_daily_people: int | None = None
    opportunities_created: int | None = None
    meetings_booked: int | None = None


class Cadence(Record):
    """A cadence. ``current_state`` and ``archived`` are absent on older tenants."""

    updated_at: Timestamp | None = None
    archived_at: Timestamp | None = None
    archived: bool | None = None
    name: str | None = None
    current_state: str | None = None
    draft: bool | None = None
    team_cadence: bool | None = None
    shared: bool | None = None
    cadence_function: str | None = None
    external_identifier: str | None = None
    override_contact_restrictions: bool | None = None
    remove_bounces_enabled: bool | None = None
    remove_replies_enabled: bool | None = None
    opt_out_link_included: bool | None = None
    latest_active_date: date | None = None
    tags: Texts = ()
    creator: Reference | None = None
    owner: Reference | None = None
    groups: References = ()
    counts: CadenceCounts | None = None


class CadenceStats(Answered):
    """Counts of a cadence since it was made (``/cadence_stats/{id}``; seen by others, its page is not known)."""

    sent_emails_count: int | None = None
    viewed_count: int | None = None
    replied_count: int | None = None
    calls_count: int | None = None
    meetings_booked_count: int | None = None
    people_acted_on_count: int | None = None


class Step(Record):
    """A step. ``day`` is the business day within the cadence from 1, ``step_number`` the ordinal within that day."""

    updated_at: Timestamp | None = None
    disabled: bool | None = None
    type: str | None = None
    name: str | None = None
    display_name: str | None = None
    day: int | None = None
    step_number: int | None = None
    multitouch_enabled: bool | None = None
    details: Reference | None = None
    cadence: Reference | None = None


class PersonCounts(Answered):
    """Unique e-mails, unlike an e-mail's own counts, which count occurrences."""

    emails_sent: int | None = None
    emails_viewed: int | None = None
    emails_clicked: int | None = None
    emails_replied_to: int | None = None
    emails_bounced: int | None = None
    calls: int | None = None


class Person(ChangingRecord):
    """A person. ``do_not_contact`` stops everything; ``contact_restrictions`` names channels (call, email, message)."""

    first_name: str | None = None
    last_name: str | None = None
    display_name: str | None = None
    email_address: str | None = None
    secondary_email_address: str | None = None
    personal_email_address: str | None = None
    phone: str | None = None
    mobile_phone: str | None = None
    title: str | None = None
    person_company_name: str | None = None
    person_company_website: str | None = None
    locale: str | None = None
    crm_id: str | None = None
    do_not_contact: bool | None = None
    contact_restrictions: tuple[str, ...] | None = None
    bouncing: bool | None = None
    eu_resident: bool | None = None
    last_contacted_at: Timestamp | None = None
    last_replied_at: Timestamp | None = None
    custom_fields: Object = Field(default_factory=dict)
    tags: Texts = ()
    counts: PersonCounts | None = None
    account: Reference | None = None
    owner: Reference | None = None
    person_stage: Reference | None = None
    most_recent_cadence: Reference | None = None
    last_completed_step: Reference | None = None
    last_completed_step_cadence: Reference | None = None
    cadences: References = ()


class Account(ChangingRecord):
    """An account. Its ``do_not_contact`` stops everybody in it. ``domain`` is kept as it was given, a URL at times."""

    archived_at: Timestamp | None = None
    name: str | None = None
    domain: str | None = None
    website: str | None = None
    crm_id: str | None = None
    do_not_contact: bool | None = None
    last_contacted_at: Timestamp | None = None
    custom_fields: Object = Field(default_factory=dict)
    user_relationships: Object = Field(default_factory=dict)
    tags: Texts = ()
    owner: Reference | None = None
    company_stage: Reference | None = None
    account_tier: Reference | None = None


class MembershipCounts(Answered):
    """Occurrences within this membership."""

    views: int | None = None
    clicks: int | None = None
    replies: int | None = None
    calls: int | None = None
    sent_emails: int | None = None
    bounces: int | None = None


class CadenceMembership(ChangingRecord):
    """A person on a cadence: one record for both, used again when the person is added again (``added_at`` moves).

    ``current_state``: processing, staged, active, scheduled; then completed, removed, removed_no_action, reassigned,
    archived. There is no paused state and no reason for a removal.
    """

    added_at: Timestamp | None = None
    currently_on_cadence: bool | None = None
    current_state: str | None = None
    person_deleted: bool | None = None
    cadence: Reference | None = None
    step: Reference | None = None
    person: Reference | None = None
    user: Reference | None = None
    latest_action: Reference | None = None
    counts: MembershipCounts | None = None


class Action(Record):
    """An open piece of work of a step. It can no longer be read once it is done."""

    updated_at: Timestamp | None = None
    due: bool | None = None
    type: str | None = None
    status: str | None = None
    due_on: Timestamp | None = None
    multitouch_group_id: Id | None = None
    action_details: Reference | None = None
    user: Reference | None = None
    person: Reference | None = None
    cadence: Reference | None = None
    step: Reference | None = None
    task: Reference | None = None


class EmailCounts(Answered):
    """Occurrences: every view and click, cumulative."""

    clicks: int | None = None
    views: int | None = None
    replies: int | None = None
    unique_devices: int | None = None
    unique_locations: int | None = None
    attachments: int | None = None


class Email(ChangingRecord):
    """An e-mail to one person, who is its ``recipient``. Subject and body are not asked for."""

    status: str | None = None
    bounced: bool | None = None
    sent_at: Timestamp | None = None
    send_after: Timestamp | None = None
    recipient_email_address: str | None = None
    view_tracking: bool | None = None
    click_tracking: bool | None = None
    counts: EmailCounts | None = None
    user: Reference | None = None
    recipient: Reference | None = None
    action: Reference | None = None
    mailing: Reference | None = None
    cadence: Reference | None = None
    step: Reference | None = None


class Call(ChangingRecord):
    """A logged call to ``called_person``."""

    to: str | None = None
    duration: int | None = None
    sentiment: str | None = None
    disposition: str | None = None
    connected: bool | None = None
    positive: bool | None = None
    user: Reference | None = None
    called_person: Reference | None = None
    action: Reference | None = None
    cadence: Reference | None = None
    step: Reference | None = None


class ActivityHistory(Answered):
    """An entry of the activity feed. ``id`` is text such as ``sent_email-722488662``; older entries had a number."""

    id: str
    updated_at: Timestamp
    created_at: Timestamp | None = None
    occurred_at: Timestamp | None = None
    type: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    user_guid: str | None = None
    static_data: Object = Field(default_factory=dict)
    dynamic_data: Object = Field(default_factory=dict)

    def __repr__(self) -> str:
        return f"ActivityHistory(id={self.id!r})"

    __str__ = __repr__


class UpsertedPerson(Answered):
    """``upsert_type`` is ``create`` or ``update``; ``person`` is the whole record as it is now."""

    upsert_type: str | None = None
    person: Person


class UpsertedAccount(Answered):
    """As :class:`UpsertedPerson`."""

    upsert_type: str | None = None
    account: Account
