"""A cadence as ``/v2/cadence_exports`` gives it: settings inside the content, step groups as in an import, no ids.

Automated groups carry the keys of both ways to time an e-mail, of which an import would take only one's.
"""

from typing import Any

from sandbox.salesloft.records import Cadence, Step
from sandbox.salesloft.world import Team

__all__ = ["cadence_export"]


def cadence_export(team: Team, row: Cadence) -> dict[str, Any]:
    owner = team.users.get(row.owner_id)
    steps = sorted(team.steps_by_cadence.get(row.id, ()), key=lambda step: (step.day, step.step_number))
    return {
        "cadence_content": {
            "settings": {
                "name": row.name,
                "target_daily_people": row.target_daily_people,
                "remove_replied": row.remove_replies_enabled,
                "remove_bounced": row.remove_bounces_enabled,
                "remove_people_when_meeting_booked": False,
                "reschedule_from_pause_enabled": False,
                "external_identifier": row.external_identifier,
                "cadence_function": row.cadence_function,
                "cadence_priority": "Medium",
                "cadence_owner": None if owner is None else owner.email,
                "added_stage_setting": None,
                "bounced_stage_setting": None,
                "replied_stage_setting": None,
                "finished_stage_setting": None,
                "tags": ",".join(row.tags),
            },
            "sharing_settings": {"team_cadence": row.team_cadence, "shared": row.shared},
            "step_groups": [_group(step, number) for number, step in enumerate(steps, start=1)],
        }
    }


def _group(step: Step, reference: int) -> dict[str, Any]:
    return {
        "day": step.day,
        "due_immediately": step.day == 1 and step.step_number == 1,
        "reference_id": reference,
        "automated": step.automated,
        "automated_settings": _timing() if step.automated else None,
        "steps": [
            {
                "enabled": not step.disabled,
                "name": step.name,
                "type": step.type.capitalize(),
                "type_settings": _type_settings(step),
            }
        ],
    }


def _timing() -> dict[str, Any]:
    return {
        "send_type": "after_time_delay",
        "delay_time": 0,
        "allow_send_on_weekends": False,
        "time_of_day": None,
        "timezone_mode": None,
    }


def _type_settings(step: Step) -> dict[str, Any]:
    if step.type == "email":
        template = {
            "title": step.name,
            "subject": f"{step.name}, {{{{first_name}}}}",
            "body": f"<p>{step.name}</p>",
            "open_tracking": True,
            "click_tracking": True,
        }
        return {"previous_email_step_group_reference_id": None, "email_template": template}
    if step.type == "integration":
        return {"integration_id": 1, "integration_step_type_guid": None, "instructions": step.name}
    return {"instructions": step.name}
