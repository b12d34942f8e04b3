"""The answer of the enrollment contract, written rule by rule from its text alone."""

import hashlib
import re
import uuid
import zoneinfo
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache

from bench.proof.oracle.judge_criteria import Json, decimal, fits, instant

__all__ = ["REASONS", "judge"]

REASONS = frozenset(
    {
        "already_enrolled",
        "already_ran",
        "already_requested",
        "bounced",
        "cadence_unavailable",
        "contact_restricted",
        "criteria_not_met",
        "do_not_contact",
        "erased",
        "exclusive_cadence_active",
        "fact_unknown",
        "frequency_capped",
        "held_out",
        "invalid_email",
        "mapping_disabled",
        "no_candidates",
        "no_email",
        "no_mapping",
        "not_connected",
        "opted_out",
        "owner_unavailable",
        "preempted",
        "reentry_capped",
        "requested",
        "segment_not_matched",
        "shadow",
        "stakeholder_left",
        "stale_event",
        "stopped",
        "suppressed",
        "unknown_customer",
    }
)
"""Every reason that the contract knows."""

WAITING = frozenset({"requested", "approved", "scheduled", "stale"})
ACTIVE = frozenset({"enrolling", "unknown", "enrolled", "paused"})
LEFT = frozenset({"completed", "removed", "exited"})
REFUSED = frozenset({"rejected", "blocked", "failed"})
NEVER_COUNT = frozenset({"expired", "withdrawn"})

DEFERRING = frozenset(
    {
        "unknown_customer",
        "no_candidates",
        "no_email",
        "invalid_email",
        "not_connected",
        "cadence_unavailable",
        "owner_unavailable",
        "no_mapping",
        "preempted",
        "frequency_capped",
        "exclusive_cadence_active",
        "stopped",
    }
)


@cache
def _zone_names() -> frozenset[str]:
    # This machine's own setting lies beside the zones, and is none of the data base's.
    return frozenset(zoneinfo.available_timezones() - {"localtime", "posixrules"})


def _is_zone(name: str | None) -> bool:
    return name is not None and name in _zone_names()


def _local_day(now: datetime, stakeholder_zone: str | None, organization_zone: str | None) -> date:
    """The day it is now for the stakeholder: by their zone, else the organization's, else UTC."""
    if stakeholder_zone is not None and _is_zone(stakeholder_zone):
        return now.astimezone(zoneinfo.ZoneInfo(stakeholder_zone)).date()
    if organization_zone is not None and _is_zone(organization_zone):
        return now.astimezone(zoneinfo.ZoneInfo(organization_zone)).date()
    return now.date()


# --- Addresses, stops, runs --------------------------------------------------------------------------------------


def _is_address(address: str) -> bool:
    """Whether mail servers take the (already trimmed) address."""
    if len(address) > 254 or address.count("@") != 1:
        return False
    local, domain = address.split("@")
    if not 1 <= len(local) <= 64:
        return False
    if any(letter.isspace() or letter in '"(),:;<>[]\\' for letter in local):
        return False
    labels = domain.split(".")
    if len(labels) < 2:
        return False
    if not all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", label) for label in labels[:-1]):
        return False
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]", labels[-1]) is not None


def _is_stopped(organization: Json, scope: str, subject: str | None, now: datetime) -> bool:
    """Whether a stop of this scope and subject is in effect; a subject of None is any."""
    for stop in organization["stops"]:
        if stop["scope"] != scope or (subject is not None and stop["subject"] != subject):
            continue
        begun = instant(stop["stopped_at"]) <= now
        over = stop["over_at"] is not None and instant(stop["over_at"]) <= now
        if begun and not over:
            return True
    return False


def _counting(runs: list[Json]) -> list[Json]:
    return [run for run in runs if run["state"] not in NEVER_COUNT]


def _runs_of(case: Json, stakeholder_id: str) -> list[Json]:
    """The runs of a stakeholder that count."""
    return [run for run in _counting(case["runs"]) if run["stakeholder_id"] == stakeholder_id]


# --- The whole trigger -------------------------------------------------------------------------------------------


def _speaks_of(mapping: Json, segment: str | None) -> bool:
    return bool(mapping["segment"] is None or mapping["segment"] == segment)


def _enabled(organization: Json, trigger_type: str) -> list[Json]:
    return [
        mapping
        for mapping in organization["mappings"]
        if mapping["trigger_type"] == trigger_type and mapping["enabled"]
    ]


def _reason_for_everybody(organization: Json, case: Json) -> str | None:
    now = instant(case["now"])
    if case["ended"]:
        return "stale_event"
    if _is_stopped(organization, "organization", None, now):
        return "stopped"
    if _is_stopped(organization, "customer", case["customer"]["id"], now):
        return "stopped"
    if not case["customer_known"]:
        return "unknown_customer"
    of_type = [mapping for mapping in organization["mappings"] if mapping["trigger_type"] == case["trigger_type"]]
    enabled = _enabled(organization, case["trigger_type"])
    if of_type and not enabled:
        return "mapping_disabled"
    if not of_type:
        return "no_mapping"
    if not any(_speaks_of(mapping, case["customer"].get("segment")) for mapping in enabled):
        return "segment_not_matched"
    return None


def _mappings_in_order(organization: Json, case: Json) -> list[Json]:
    """The enabled mappings that speak of the customer's segment, in the order in which they are asked."""
    speaking = [
        mapping
        for mapping in _enabled(organization, case["trigger_type"])
        if _speaks_of(mapping, case["customer"].get("segment"))
    ]
    return sorted(
        speaking,
        key=lambda mapping: (mapping["segment"] is None, mapping["priority"], uuid.UUID(mapping["id"]).bytes),
    )


# --- One mapping that fits ---------------------------------------------------------------------------------------


def _reason_of_address(candidate: Json) -> str | None:
    address = (candidate["stakeholder"].get("email") or "").strip()
    if address == "":
        return "no_email"
    if not _is_address(address):
        return "invalid_email"
    return None


def _reason_of_consent(candidate: Json) -> str | None:
    if candidate["stakeholder"].get("email_preference") == "blocked":
        return "opted_out"
    person = candidate.get("person")
    if person is None:
        return None
    if person["do_not_contact"] or person["account_do_not_contact"] is True:
        return "do_not_contact"
    if person["email_restricted"]:
        return "contact_restricted"
    if person["bouncing"]:
        return "bounced"
    return None


def _reason_of_own_run(mapping: Json, case: Json, stakeholder_id: str) -> str | None:
    for run in _runs_of(case, stakeholder_id):
        if (
            run["trigger_type"] == case["trigger_type"]
            and run["exclusivity_group"] == mapping["exclusivity_group"]
            and run["business_key"] == case["business_key"]
        ):
            if run["state"] in ACTIVE:
                return "already_enrolled"
            if run["state"] in LEFT or run["state"] in REFUSED:
                return "already_ran"
            return "already_requested"
    if [stakeholder_id, mapping["cadence_id"]] in [list(pair) for pair in case["on_cadence"]]:
        return "already_enrolled"
    return None


def _is_reentry_refused(reentry: Json, others: list[Json], now: datetime) -> bool:
    if reentry["kind"] == "once":
        return len(others) > 0
    if reentry["kind"] == "if_not_active":
        return any(run["state"] in WAITING or run["state"] in ACTIVE for run in others)
    if reentry["kind"] == "at_most":
        since = now - timedelta(days=reentry["within_days"])
        return bool(len([run for run in others if instant(run["begun_at"]) > since]) >= reentry["times"])
    raise ValueError(f"no such kind of reentry: {reentry['kind']}")


def _is_exclusively_taken(exclusive_by: str, mapping: Json, case: Json, stakeholder_id: str) -> bool:
    group = mapping["exclusivity_group"]
    if any(run["exclusivity_group"] == group and run["state"] in ACTIVE for run in _runs_of(case, stakeholder_id)):
        return True
    if exclusive_by == "email":
        return any(group in groups for groups in case["active_by_email"].get(stakeholder_id, []))
    return False


def _is_cap_reached(cap: Json, runs: list[Json], now: datetime) -> bool:
    room: int = cap["at_most"] - len([run for run in runs if run["state"] in WAITING])
    if room <= 0:
        return True
    since = now - timedelta(hours=cap["within_hours"])
    claimed = [
        run
        for run in runs
        if (run["state"] in ACTIVE or run["state"] in LEFT)
        and run["claimed_at"] is not None
        and instant(run["claimed_at"]) > since
    ]
    return len(claimed) >= room


def _reason_of_limits(mapping: Json, case: Json, stakeholder_id: str) -> str | None:
    policy = mapping["policy"]
    now = instant(case["now"])
    mine = _runs_of(case, stakeholder_id)
    others = [
        run
        for run in mine
        if run["trigger_type"] == case["trigger_type"]
        and run["exclusivity_group"] == mapping["exclusivity_group"]
        and run["business_key"] != case["business_key"]
    ]
    reentry = policy.get("reentry")
    if reentry is not None and _is_reentry_refused(reentry, others, now):
        return "reentry_capped"
    exclusive_by = policy.get("exclusive_by")
    if exclusive_by is not None and _is_exclusively_taken(exclusive_by, mapping, case, stakeholder_id):
        return "exclusive_cadence_active"
    for cap in policy.get("caps") or []:
        if cap["per"] == "stakeholder" and _is_cap_reached(cap, mine, now):
            return "frequency_capped"
        if cap["per"] == "account" and _is_cap_reached(cap, _counting(case["runs"]), now):
            return "frequency_capped"
    return None


def _sender_of(organization: Json, mapping: Json, customer: Json) -> int | None:
    """The user who would send, or None where there is no such user."""
    sender = mapping["sender"]
    senders = organization["senders"]
    if sender["kind"] == "customer_owner":
        address = ((customer.get("owner") or {}).get("email") or "").strip().lower()
        for each in senders:
            if address != "" and (each["email"] or "").strip().lower() == address:
                return int(each["user_id"])
        return None
    known = {int(each["user_id"]) for each in senders}
    if sender["kind"] == "fixed_user":
        return int(sender["user_id"]) if sender["user_id"] in known else None
    if sender["kind"] == "round_robin":
        present = [int(user_id) for user_id in sender["user_ids"] if user_id in known]

        def digest(user_id: int) -> bytes:
            return hashlib.blake2b(f"{user_id}/{customer['id']}".encode(), digest_size=16).digest()

        return max(present, key=digest) if present else None
    raise ValueError(f"no such kind of sender: {sender['kind']}")


def _cadence_of(organization: Json, mapping: Json) -> Json | None:
    for cadence in organization["cadences"]:
        if cadence["id"] == mapping["cadence_id"]:
            found: Json = cadence
            return found
    return None


def _is_held_out(mapping: Json, stakeholder_id: str) -> bool:
    percent = mapping["policy"].get("hold_out_percent") or 0
    if percent <= 0:
        return False
    digest = hashlib.sha256(f"hold-out/{mapping['id']}/{stakeholder_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < Fraction(decimal(percent)) / 100 * 2**64


def _start_date(organization: Json, mapping: Json, case: Json, candidate: Json) -> date:
    policy = mapping["policy"]
    today = _local_day(instant(case["now"]), candidate["stakeholder"].get("time_zone"), organization.get("time_zone"))
    days_before = policy.get("start_days_before_term_end")
    term_end = (case.get("trigger") or {}).get("term_end")
    if days_before is not None and term_end is not None:
        return max(today, date.fromisoformat(term_end) - timedelta(days=days_before))
    return today + timedelta(days=policy.get("start_offset_days") or 0)


def _decision(stakeholder_id: str | None, reason: str, mapping_id: str | None) -> Json:
    if reason == "requested":
        outcome = "request"
    elif reason in DEFERRING:
        outcome = "defer"
    else:
        outcome = "skip"
    return {"stakeholder_id": stakeholder_id, "outcome": outcome, "reason": reason, "mapping_id": mapping_id}


def _decide(organization: Json, mapping: Json, case: Json, candidate: Json) -> Json:
    """The decision of a mapping that fits: the first reason that applies."""
    stakeholder_id: str = candidate["stakeholder"]["id"]
    now = instant(case["now"])

    def because(reason: str) -> Json:
        return _decision(stakeholder_id, reason, mapping["id"])

    # 1
    if mapping["parked"]:
        return because("cadence_unavailable")
    # 2
    reason = _reason_of_address(candidate)
    if reason is not None:
        return because(reason)
    # 3
    reason = _reason_of_consent(candidate)
    if reason is not None:
        return because(reason)
    # 4
    if stakeholder_id in case["suppressed"]:
        return because("suppressed")
    # 5
    reason = _reason_of_own_run(mapping, case, stakeholder_id)
    if reason is not None:
        return because(reason)
    # 6
    if case["held"] and case["trigger_type"] == "expansion-signal":
        return because("preempted")
    # 7
    if _is_stopped(organization, "mapping", mapping["id"], now):
        return because("stopped")
    if _is_stopped(organization, "cadence", str(mapping["cadence_id"]), now):
        return because("stopped")
    # 8
    reason = _reason_of_limits(mapping, case, stakeholder_id)
    if reason is not None:
        return because(reason)
    # 9
    if not organization["connected"]:
        return because("not_connected")
    cadence = _cadence_of(organization, mapping)
    if cadence is None or not cadence["people_addable"] or not cadence["steps"]:
        return because("cadence_unavailable")
    step_ids = [step["id"] for step in cadence["steps"]]
    start_step_id = step_ids[0] if mapping["start_step_id"] is None else mapping["start_step_id"]
    if start_step_id not in step_ids:
        return because("cadence_unavailable")
    sender_user_id = _sender_of(organization, mapping, case["customer"])
    if sender_user_id is None:
        return because("owner_unavailable")
    if not cadence["team_cadence"] and cadence["owner_user_id"] != sender_user_id:
        return because("cadence_unavailable")
    # 10
    if _is_held_out(mapping, stakeholder_id):
        return because("held_out")
    # 11
    decision = because("shadow" if mapping["policy"].get("shadow") else "requested")
    decision["start_step_id"] = start_step_id
    decision["start_date"] = _start_date(organization, mapping, case, candidate).isoformat()
    decision["sender_user_id"] = sender_user_id
    return decision


# --- One candidate, and the case ---------------------------------------------------------------------------------


def _decisions_about(organization: Json, case: Json, candidate: Json) -> list[Json]:
    stakeholder_id: str = candidate["stakeholder"]["id"]
    if candidate["gone"] is not None:
        return [_decision(stakeholder_id, candidate["gone"], None)]
    if stakeholder_id in case["ended_for"]:
        return [_decision(stakeholder_id, "stale_event", None)]
    decisions: list[Json] = []
    taken: set[str] = set()
    some_unknown = False
    for mapping in _mappings_in_order(organization, case):
        if mapping["exclusivity_group"] in taken:
            continue
        answer = fits(mapping, case, candidate)
        if answer is None:
            some_unknown = True
        if answer is not True:
            continue
        decisions.append(_decide(organization, mapping, case, candidate))
        if not mapping["policy"].get("shadow"):
            taken.add(mapping["exclusivity_group"])
    if decisions:
        return decisions
    return [_decision(stakeholder_id, "fact_unknown" if some_unknown else "criteria_not_met", None)]


def judge(organization: Json, case: Json) -> list[Json]:
    """The decisions that the contract asks for about one lifecycle event, in its order."""
    reason = _reason_for_everybody(organization, case)
    if not case["candidates"]:
        return [_decision(None, reason or "no_candidates", None)]
    if reason is not None:
        return [_decision(candidate["stakeholder"]["id"], reason, None) for candidate in case["candidates"]]
    return [
        decision for candidate in case["candidates"] for decision in _decisions_about(organization, case, candidate)
    ]
