"""What a reason code is in words, wherever people read it: on the pages and in the chat."""

from collections.abc import Mapping
from typing import Final

__all__ = ["because"]

_REASONS: Final[Mapping[str, str]] = {
    "no_mapping": "no mapping is for this trigger",
    "mapping_disabled": "the mapping is switched off",
    "segment_not_matched": "no mapping is for this segment",
    "criteria_not_met": "the criteria are not met",
    "no_candidates": "the customer has nobody to write to",
    "no_email": "no e-mail address is known",
    "invalid_email": "the e-mail address cannot be written to",
    "do_not_contact": "Salesloft says not to contact them",
    "contact_restricted": "Salesloft restricts contact with them",
    "bounced": "e-mails to them bounce",
    "opted_out": "they opted out",
    "stakeholder_left": "they have left the customer",
    "ambiguous_person": "Salesloft has several people with this address",
    "consent_unknown": "it is not known whether they may be contacted",
    "fact_unknown": "something that the criteria ask is not known",
    "suppressed": "they are on the suppression list",
    "stopped": "it is stopped at the moment",
    "shadow": "the mapping only watches, and requests nobody",
    "already_requested": "they were requested for this already",
    "already_enrolled": "they are on a cadence for this already",
    "already_ran": "they went through this before",
    "reentry_capped": "they were on it too recently",
    "frequency_capped": "they were on too many cadences lately",
    "exclusive_cadence_active": "another cadence has them at the moment",
    "preempted": "the customer is at risk, which goes first",
    "quiet_hours": "it is outside of the hours for contact",
    "blackout": "no contact is made on these days",
    "quota_reached": "the day's limit is reached",
    "not_connected": "Salesloft is not connected",
    "cadence_unavailable": "this cadence cannot be used for them",
    "owner_unavailable": "the customer's owner cannot send in Salesloft",
    "held_out": "they are left out for comparison",
    "stale_event": "the event came too late",
    "deferral_ended": "what was missing did not come in time",
    "erased": "they were erased",
    "unknown_customer": "the customer is not known",
    "execute_by_passed": "it was too late to begin",
    "fact_changed": "something it rests on has changed",
    "add_refused": "Salesloft refused to add them",
    "throttled": "Salesloft takes no more for now",
    "connection_lost": "Salesloft could not be reached",
    "retried": "tried again",
    "requested_by_person": "a person asked for it",
    "pause_ended": "the pause is over",
    "requested": "requested",
}


def because(code: str | None) -> str:
    """A reason code in words that follow a colon."""
    return _REASONS.get(code or "", (code or "").replace("_", " ").replace("-", " ").lower())
