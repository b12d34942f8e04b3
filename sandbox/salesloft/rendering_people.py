"""People and accounts as Salesloft's JSON."""

from typing import Any

from sandbox.salesloft.instants import render, to_datetime
from sandbox.salesloft.records import Account, Person
from sandbox.salesloft.rendering import embed, keep, stamps
from sandbox.salesloft.world import Team

__all__ = ["ACCOUNT_DETAILS", "PERSON_DETAILS", "account", "person"]

PERSON_DETAILS = (
    "first_name",
    "last_name",
    "secondary_email_address",
    "personal_email_address",
    "phone",
    "phone_extension",
    "home_phone",
    "mobile_phone",
    "linkedin_url",
    "title",
    "job_seniority",
    "city",
    "state",
    "country",
    "work_city",
    "work_state",
    "work_country",
    "crm_id",
    "person_company_name",
    "person_company_website",
    "person_company_industry",
    "eu_resident",
    "locale",
    "personal_website",
    "twitter_handle",
)
ACCOUNT_DETAILS = (
    "conversational_name",
    "description",
    "phone",
    "website",
    "linkedin_url",
    "twitter_handle",
    "street",
    "city",
    "state",
    "postal_code",
    "country",
    "locale",
    "industry",
    "company_type",
    "founded",
    "revenue_range",
    "size",
    "crm_id",
)
_LATER_OF_PERSON = ("job_function", "account_crm_id", "hot_lead", "external_source")
_LATER_OF_ACCOUNT = ("prospector_engagement_level", "prospector_engagement_score")


def person(team: Team, row: Person) -> bytes:
    return keep(row, lambda: _person(team, row))


def _person(team: Team, row: Person) -> dict[str, Any]:
    details = {name: row.details.get(name) for name in PERSON_DETAILS}
    first, last = details["first_name"], details["last_name"]
    name = " ".join(part for part in (first, last) if part) or None
    domain = row.email_address.rpartition("@")[2] if row.email_address else None
    offset = to_datetime(row.updated_at, team.zone).utcoffset()
    memberships = team.memberships_of(row.id)
    full: dict[str, Any] = {
        **details,
        "id": row.id,
        **stamps(team, row),
        "last_contacted_at": render(row.last_contacted_at, team.zone),
        "last_replied_at": render(row.last_replied_at, team.zone),
        "display_name": name,
        "email_address": row.email_address,
        "full_email_address": f'"{name}" <{row.email_address}>' if name and row.email_address else row.email_address,
        "person_company_website": details["person_company_website"] or domain,
        "job_function": None,
        "crm_url": None,
        "account_crm_id": None,
        "crm_object_type": None,
        "owner_crm_id": None,
        "do_not_contact": row.do_not_contact,
        "bouncing": row.bouncing,
        "eu_resident": bool(details["eu_resident"]),
        "hot_lead": False,
        "external_source": None,
        "locale_utc_offset": None if offset is None else int(offset.total_seconds() // 60),
        "last_contacted_type": row.last_contacted_type,
        "custom_fields": row.custom_fields,
        "tags": row.tags,
        "contact_restrictions": row.contact_restrictions,
        "success_count": 0,
        "starred": False,
        "untouched": row.last_contacted_at is None,
        "counts": {
            "emails_sent": row.emails_sent,
            "emails_viewed": row.emails_viewed,
            "emails_clicked": row.emails_clicked,
            "emails_replied_to": row.emails_replied_to,
            "emails_bounced": row.emails_bounced,
            "calls": row.calls,
        },
        "account": embed("accounts", row.account_id),
        "owner": embed("users", row.owner_id),
        "last_contacted_by": embed("users", row.last_contacted_by_id),
        "import": None,
        "person_stage": None,
        "most_recent_cadence": embed("cadences", row.most_recent_cadence_id),
        "last_completed_step_cadence": embed("cadences", row.last_completed_step_cadence_id),
        "last_completed_step": embed("steps", row.last_completed_step_id),
        "cadences": [embed("cadences", m.cadence_id) for m in memberships if m.on_cadence],
    }
    if team.switches.schema == 2023:
        for later in _LATER_OF_PERSON:
            del full[later]
    return full


def account(team: Team, row: Account) -> bytes:
    return keep(row, lambda: _account(team, row))


def _account(team: Team, row: Account) -> dict[str, Any]:
    full: dict[str, Any] = {
        **{name: row.details.get(name) for name in ACCOUNT_DETAILS},
        "id": row.id,
        **stamps(team, row),
        "archived_at": render(row.archived_at, team.zone),
        "name": row.name,
        "domain": row.domain,
        "crm_url": None,
        "crm_object_type": None,
        "owner_crm_id": None,
        "last_contacted_at": None,
        "last_contacted_type": None,
        "do_not_contact": row.do_not_contact,
        "custom_fields": row.custom_fields,
        "user_relationships": {},
        "tags": row.tags,
        "counts": {"people": len(team.people_by_account.get(row.id, ()))},
        "owner": embed("users", row.owner_id),
        "creator": embed("users", row.creator_id),
        "last_contacted_by": None,
        "last_contacted_person": None,
        "company_stage": None,
        "account_tier": None,
        "prospector_engagement_level": None,
        "prospector_engagement_score": None,
    }
    if team.switches.schema == 2023:
        for later in _LATER_OF_ACCOUNT:
            del full[later]
    return full
