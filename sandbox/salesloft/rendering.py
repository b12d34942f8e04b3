"""Rows as Salesloft's JSON, each made once and kept until the row changes.

Related records are ``{"id", "_href"}``; `_href` is missing where no public endpoint exists. Timestamps carry the team's
offset, those of the feed a ``Z``. With schema 2023 the fields that came later are left out.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from sandbox.salesloft.instants import render, render_utc, to_datetime
from sandbox.salesloft.records import (
    Action,
    ActivityHistory,
    Cadence,
    Call,
    Email,
    Membership,
    Row,
    Step,
    User,
)
from sandbox.salesloft.world import Team

__all__ = [
    "PERSONALIZATION",
    "action",
    "cadence",
    "call",
    "email",
    "email_object",
    "email_with_contents",
    "embed",
    "history",
    "keep",
    "membership",
    "stamps",
    "step",
    "team_object",
    "user",
]

BASE = "https://api.salesloft.com/v2"
PERSONALIZATION = "13.4"
RowT = TypeVar("RowT", bound=Row)
_LATER = {
    "cadence": (
        "archived",
        "archived_by",
        "current_state",
        "latest_active_date",
        "override_contact_restrictions",
        "knowledge_library_document_ids",
    ),
    "membership": ("step",),
    "user": ("locale_utc_offset", "seat_package"),
    "email": ("message_id", "draft_with_ai", "additional_recipients", "body"),
    "history": ("tags",),
    "call": ("task", "positive", "connected"),
    "action": ("task",),
}


def embed(resource: str, key: int | None) -> dict[str, Any] | None:
    return None if key is None else {"_href": f"{BASE}/{resource}/{key}", "id": key}


def bare(key: int | None) -> dict[str, Any] | None:
    return None if key is None else {"id": key}


def stamps(team: Team, row: Row) -> dict[str, Any]:
    return {"created_at": render(row.created_at, team.zone), "updated_at": render(row.updated_at, team.zone)}


def keep(row: Row, make: Callable[[], dict[str, Any]]) -> bytes:
    """The row's JSON, made now only if the row has changed since."""
    if row.rendered is None:
        row.rendered = orjson.dumps(make())
    return row.rendered


def _aged(team: Team, kind: str, full: dict[str, Any]) -> dict[str, Any]:
    if team.switches.schema == 2023:
        for name in _LATER[kind]:
            full.pop(name, None)
    return full


def team_object(team: Team) -> dict[str, Any]:
    return {
        "id": team.id,
        "name": team.name,
        "plan": "enterprise",
        "license_limit": 50,
        "deactivated": False,
        "email_daily_limit": 1000,
        "group_privacy_setting": "group_public",
        "allow_automated_email_steps": True,
        "call_recording_disabled": False,
        "record_by_default": False,
        "click_tracking_default": True,
        "custom_tracking_domain": None,
        "dispositions_required": team.switches.dispositions_required,
        "sentiments_required": team.switches.sentiments_required,
        "local_dial_enabled": False,
        "plan_features": {},
        "team_visibility_default": "all",
        "created_at": render(team.created_at, team.zone),
        "updated_at": render(team.updated_at, team.zone),
        "_private_fields": {},
    }


def user(team: Team, row: User) -> bytes:
    return keep(row, lambda: _aged(team, "user", _user(team, row)))


def _user(team: Team, row: User) -> dict[str, Any]:
    name = f"{row.first_name} {row.last_name}"
    offset = to_datetime(row.updated_at, team.user_zone(row.id)).utcoffset()
    return {
        "id": row.id,
        "guid": row.guid,
        **stamps(team, row),
        "name": name,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "job_role": row.job_role,
        "active": row.active,
        "time_zone": row.time_zone,
        "locale_utc_offset": None if offset is None else int(offset.total_seconds() // 60),
        "slack_username": None,
        "twitter_handle": None,
        "email": row.email,
        "email_client_email_address": row.email if row.email_client_configured else None,
        "sending_email_address": row.email if row.email_client_configured else None,
        "from_address": None,
        "full_email_address": f'"{name}" <{row.email}>',
        "bcc_email_address": None,
        "work_country": row.work_country,
        "seat_package": "premier",
        "email_signature": None,
        "email_signature_type": "plain",
        "email_signature_click_tracking_disabled": False,
        "team_admin": row.team_admin,
        "local_dial_enabled": False,
        "click_to_call_enabled": True,
        "email_client_configured": row.email_client_configured,
        "crm_connected": False,
        "external_feature_flags": {},
        "_private_fields": {},
        "phone_client": {"id": row.id},
        "phone_number_assignment": None,
        "group": None,
        "team": {"_href": f"{BASE}/team", "id": team.id},
        "role": {"id": "Admin" if row.team_admin else "User"},
    }


def cadence(team: Team, row: Cadence) -> bytes:
    return keep(row, lambda: _aged(team, "cadence", _cadence(team, row)))


def _cadence(team: Team, row: Cadence) -> dict[str, Any]:
    state = "archived" if row.archived_at is not None else "draft" if row.draft else "active"
    owner = embed("users", row.owner_id)
    return {
        "id": row.id,
        **stamps(team, row),
        "archived_at": render(row.archived_at, team.zone),
        "archived": row.archived_at is not None,
        "archived_by": owner if row.archived_at is not None else None,
        "latest_active_date": None if row.draft else to_datetime(row.updated_at, team.zone).date().isoformat(),
        "team_cadence": row.team_cadence,
        "shared": row.shared,
        "remove_bounces_enabled": row.remove_bounces_enabled,
        "remove_replies_enabled": row.remove_replies_enabled,
        "opt_out_link_included": row.opt_out_link_included,
        "draft": row.draft,
        "override_contact_restrictions": row.override_contact_restrictions,
        "cadence_framework_id": None,
        "cadence_function": row.cadence_function,
        "name": row.name,
        "external_identifier": row.external_identifier,
        "tags": row.tags,
        "current_state": state,
        "knowledge_library_document_ids": [],
        "creator": owner,
        "owner": owner,
        "added_stage": None,
        "bounced_stage": None,
        "replied_stage": None,
        "finished_stage": None,
        "cadence_priority": {"id": 3},
        "groups": [],
        "counts": {
            "cadence_people": row.cadence_people,
            "people_acted_on_count": row.people_acted_on,
            "target_daily_people": row.target_daily_people,
            "opportunities_created": 0,
            "meetings_booked": 0,
        },
    }


def step(team: Team, row: Step) -> bytes:
    return keep(row, lambda: _step(team, row))


def _step(team: Team, row: Step) -> dict[str, Any]:
    details = {"email": "email_details", "phone": "call_instructions"}.get(row.type, "other_instructions")
    return {
        "id": row.id,
        **stamps(team, row),
        "disabled": row.disabled,
        "type": row.type,
        "name": row.name,
        "display_name": f"Day {row.day}: Step {row.step_number} - {row.type.capitalize()}",
        "day": row.day,
        "step_number": row.step_number,
        "multitouch_enabled": False,
        "details": embed(f"action_details/{details}", row.details_id),
        "cadence": embed("cadences", row.cadence_id),
    }


def membership(team: Team, row: Membership) -> bytes:
    return keep(row, lambda: _aged(team, "membership", _membership(team, row)))


def _membership(team: Team, row: Membership) -> dict[str, Any]:
    return {
        "id": row.id,
        "added_at": render(row.added_at, team.zone),
        **stamps(team, row),
        "person_deleted": row.person_deleted,
        "currently_on_cadence": row.on_cadence,
        "current_state": row.state,
        "cadence": embed("cadences", row.cadence_id),
        "step": embed("steps", row.step_id),
        "person": embed("people", row.person_id),
        "user": embed("users", row.user_id),
        "latest_action": bare(row.latest_action_id),
        "counts": {
            "views": row.views,
            "clicks": row.clicks,
            "replies": row.replies,
            "calls": row.calls,
            "sent_emails": row.sent_emails,
            "bounces": row.bounces,
        },
    }


def action(team: Team, row: Action, now: int) -> bytes:
    """An action says whether it is due, which no change of the row tells: it is made anew each time."""
    details = {"email": "email_details", "phone": "call_instructions"}.get(row.type, "other_instructions")
    full = {
        "id": row.id,
        "due": row.due_on <= now,
        **stamps(team, row),
        "type": row.type,
        "status": row.status,
        "due_on": render(row.due_on, team.zone),
        "multitouch_group_id": None,
        "action_details": embed(f"action_details/{details}", row.details_id),
        "user": embed("users", row.user_id),
        "person": embed("people", row.person_id),
        "cadence": embed("cadences", row.cadence_id),
        "step": embed("steps", row.step_id),
        "task": None,
    }
    return orjson.dumps(_aged(team, "action", full))


def email(team: Team, row: Email) -> bytes:
    return keep(row, lambda: email_object(team, row))


def email_object(team: Team, row: Email) -> dict[str, Any]:
    """An e-mail without its contents, which want a scope and `scoped_fields[]` (Salesloft docs: emails)."""
    full = {
        "id": row.id,
        **stamps(team, row),
        "recipient_email_address": row.recipient_email_address,
        "status": row.status,
        "bounced": row.bounced,
        "send_after": render(row.send_after, team.zone),
        "sent_at": render(row.sent_at, team.zone),
        "view_tracking": True,
        "click_tracking": True,
        "message_id": f"<{row.id}@mail.salesloft.test>" if row.sent_at is not None else None,
        "headers": {"cc": None, "bcc": None},
        "personalization": PERSONALIZATION,
        "draft_with_ai": False,
        "subject": None,
        "body": None,
        "error_message": None,
        "additional_recipients": [],
        "counts": {
            "clicks": row.clicks,
            "views": row.views,
            "replies": row.replies,
            "unique_devices": min(row.views, 1),
            "unique_locations": min(row.views, 1),
            "attachments": 0,
        },
        "user": embed("users", row.user_id),
        "recipient": embed("people", row.recipient_id),
        "mailing": bare(row.id),
        "action": bare(row.action_id),
        "task": None,
        "crm_activity": None,
        "cadence": embed("cadences", row.cadence_id),
        "step": embed("steps", row.step_id),
        "email_template": embed("email_templates", row.step_id),
    }
    return _aged(team, "email", full)


def email_with_contents(team: Team, row: Email) -> dict[str, Any]:
    """An e-mail for those who may read what it says."""
    return {**email_object(team, row), "subject": row.subject, "body": row.body, "error_message": row.error_message}


def call(team: Team, row: Call) -> bytes:
    return keep(row, lambda: _aged(team, "call", _call(team, row)))


def _call(team: Team, row: Call) -> dict[str, Any]:
    return {
        "id": row.id,
        **stamps(team, row),
        "to": row.to,
        "duration": row.duration,
        "sentiment": row.sentiment,
        "disposition": row.disposition,
        "positive": row.sentiment == "Interested",
        "connected": row.disposition == "Connected",
        "recordings": [],
        "user": embed("users", row.user_id),
        "action": bare(row.action_id),
        "called_person": embed("people", row.person_id),
        "crm_activity": None,
        "note": embed("notes", row.note_id),
        "cadence": embed("cadences", row.cadence_id),
        "step": embed("steps", row.step_id),
        "task": None,
    }


def history(team: Team, row: ActivityHistory) -> bytes:
    return keep(row, lambda: _aged(team, "history", _history(row)))


def _history(row: ActivityHistory) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "resource_type": "person",
        "resource_id": row.person_id,
        "user_guid": row.user_guid,
        "occurred_at": render_utc(row.occurred_at),
        "pinned_at": None,
        "created_at": render_utc(row.created_at),
        "updated_at": render_utc(row.updated_at),
        "static_data": row.static_data,
        "dynamic_data": row.dynamic_data,
        "failed_dynamic_resources": [],
        "tags": [],
    }
