"""The oracle's plain forms, read into what deciding takes, and decisions told in its form."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter

from enrollment.catalogue import EngagementFacts
from enrollment.consent import PersonRecord, normalised_email
from enrollment.decide import (
    CadenceFacts,
    Candidate,
    Decision,
    OrganizationFacts,
    SenderFacts,
    Situation,
    StepFacts,
)
from enrollment.mappings import Mapping, MappingBook
from enrollment.policies import PastRun, PolicyFacts
from enrollment.stops import Stop, StopScope
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.lifecycle import (
    AtRiskTrigger,
    ExpansionSignalTrigger,
    LifecycleTrigger,
    NewCustomerTrigger,
    RenewalWindowTrigger,
)
from schemas.vocabulary import EnrollmentState, Purpose, Reason, TriggerType

__all__ = ["organization_facts", "situation", "told"]

_TRIGGERS: dict[TriggerType, type[LifecycleTrigger]] = {
    TriggerType.NEW_CUSTOMER: NewCustomerTrigger,
    TriggerType.RENEWAL_WINDOW: RenewalWindowTrigger,
    TriggerType.AT_RISK: AtRiskTrigger,
    TriggerType.EXPANSION_SIGNAL: ExpansionSignalTrigger,
}
# What a trigger has that no decision looks at, and what every one of its kind has.
_BESIDES: dict[TriggerType, dict[str, Any]] = {
    TriggerType.NEW_CUSTOMER: {"signed_at": "2026-01-01T00:00:00Z"},
    TriggerType.RENEWAL_WINDOW: {"contract_id": "con-1"},
    TriggerType.AT_RISK: {"episode_id": "epi-1", "severity": "high", "reasons": []},
    TriggerType.EXPANSION_SIGNAL: {"signal_id": "sig-1", "kind": "seats", "potential_arr": "0"},
}

_READ_AT = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def _mapping() -> TypeAdapter[Mapping]:
    return TypeAdapter(Mapping)


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


def organization_facts(plain: dict[str, Any]) -> OrganizationFacts:
    """An organization in the form in which deciding reads it."""
    mappings = [
        _mapping().validate_json(orjson.dumps({"purpose": Purpose.WELCOME} | mapping)) for mapping in plain["mappings"]
    ]
    senders = [SenderFacts(one["user_id"], normalised_email(one["email"]) or "", None) for one in plain["senders"]]
    cadences = [
        CadenceFacts(
            id=one["id"],
            name="",
            people_addable=one["people_addable"],
            team_cadence=one["team_cadence"],
            owner_user_id=one["owner_user_id"],
            steps=tuple(StepFacts(step["id"], None, step["day"], "email") for step in one["steps"]),
        )
        for one in plain["cadences"]
    ]
    return OrganizationFacts(
        organization_id="org-1",
        decision_version=1,
        time_zone=plain["time_zone"],
        connected=plain["connected"],
        self_approval_allowed=False,
        mappings=MappingBook(mappings),
        cadences={one.id: one for one in cadences},
        senders={one.user_id: one for one in senders},
        senders_by_email={one.email: one for one in senders},
        stops=[
            Stop(
                StopScope(stop["scope"]),
                stop["subject"],
                datetime.fromisoformat(stop["stopped_at"]),
                _at(stop["over_at"]),
            )
            for stop in plain["stops"]
        ],
    )


def situation(plain: dict[str, Any]) -> Situation:
    """A case in the form in which deciding reads it."""
    runs: dict[str, list[PastRun]] = {}
    keyed: dict[str, dict[tuple[TriggerType, str, str], EnrollmentState]] = {}
    for run in plain["runs"]:
        state, trigger_type = EnrollmentState(run["state"]), TriggerType(run["trigger_type"])
        if state in {EnrollmentState.EXPIRED, EnrollmentState.WITHDRAWN}:
            keyed.setdefault(run["stakeholder_id"], {}).setdefault(
                (trigger_type, run["exclusivity_group"], run["business_key"]), state
            )
            continue
        keyed.setdefault(run["stakeholder_id"], {})[trigger_type, run["exclusivity_group"], run["business_key"]] = state
        runs.setdefault(run["stakeholder_id"], []).append(
            PastRun(
                trigger_type=trigger_type,
                exclusivity_group=run["exclusivity_group"],
                business_key=run["business_key"],
                state=state,
                begun_at=datetime.fromisoformat(run["begun_at"]),
                claimed_at=_at(run["claimed_at"]),
            )
        )
    trigger_type = TriggerType(plain["trigger_type"])
    return Situation(
        trigger_type=trigger_type,
        trigger=_trigger(trigger_type, plain["trigger"]),
        business_key=plain["business_key"],
        customer=CustomerSnapshot.model_validate_json(orjson.dumps(plain["customer"])),
        customer_known=plain["customer_known"],
        candidates=[_candidate(one) for one in plain["candidates"]],
        runs=keyed,
        on_cadence={(stakeholder_id, cadence_id) for stakeholder_id, cadence_id in plain["on_cadence"]},
        ended=plain["ended"],
        ended_for=set(plain["ended_for"]),
        held=plain["held"],
        policy=PolicyFacts(
            runs=runs,
            active={
                stakeholder_id: [("another", group) for cadence in cadences for group in cadence]
                for stakeholder_id, cadences in plain["active_by_email"].items()
            },
            suppressed=plain["suppressed"],
        ),
    )


def _trigger(trigger_type: TriggerType, plain: dict[str, Any]) -> LifecycleTrigger:
    model = _TRIGGERS[trigger_type]
    present = {name: value for name, value in plain.items() if value is not None}
    read = model.model_validate_json(orjson.dumps(_BESIDES[trigger_type] | present))
    # The bus lets no trigger in without these; a rule about one that is missing is to be unknown all the same.
    absent = {
        name: None
        for name in {"severity", "kind", "potential_arr"} & set(_BESIDES[trigger_type])
        if name not in present
    }
    return read.model_copy(update=absent)


def _candidate(plain: dict[str, Any]) -> Candidate:
    told_of = {name: value for name, value in plain["stakeholder"].items() if name != "email_preference"}
    preference = plain["stakeholder"].get("email_preference")
    # Not to know what somebody prefers is to have been told of no preference.
    if preference not in {None, "unknown"}:
        told_of["contact_preferences"] = {"email": preference}
    person, engagement = plain["person"], plain["engagement"]
    record = PersonRecord(person_id=1, has_account=True, read_at=_READ_AT, **person) if person is not None else None
    return Candidate(
        StakeholderSnapshot.model_validate_json(orjson.dumps(told_of)),
        record,
        Reason(plain["gone"]) if plain["gone"] is not None else None,
        EngagementFacts(
            **engagement | {name: _at(engagement.get(name)) for name in ("last_contacted_at", "last_replied_at")}
        )
        if engagement is not None
        else None,
    )


def told(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """Decisions in the oracle's form."""
    return [_told(decision) for decision in decisions]


def _told(decision: Decision) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "stakeholder_id": decision.stakeholder_id,
        "outcome": str(decision.outcome),
        "reason": str(decision.reason),
        "mapping_id": str(decision.mapping.id) if decision.mapping is not None else None,
    }
    if decision.action is not None:
        plain |= {
            "start_step_id": decision.action.start_step.id,
            "start_date": decision.action.start_date.isoformat(),
            "sender_user_id": decision.action.sender.user_id,
        }
    return plain
