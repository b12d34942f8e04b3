"""What can be done about an enrollment that failed or was blocked, by its reason."""

from typing import Final

__all__ = ["remedy"]

_RETRY: Final = "Ask for it again, or add the person by hand, once that is mended."
_FAILED: Final = "Have it retried once that is mended."
_REMEDIES: Final = {
    "do_not_contact": "Salesloft says not to contact the person or their account. Only its users can lift that.",
    "contact_restricted": "The person may not be written to; who said so, the platform or Salesloft, can lift it.",
    "opted_out": "The person has opted out. Nothing is to be done.",
    "bounced": f"The address bounces. Correct it in the directory. {_RETRY}",
    "no_email": f"The stakeholder has no address. Add one in the directory. {_RETRY}",
    "invalid_email": f"The address is none. Correct it in the directory. {_RETRY}",
    "suppressed": "The address or its domain is on the organization's own list of whom it never contacts.",
    "stakeholder_left": "The stakeholder has left the customer. Nothing is to be done.",
    "erased": "The stakeholder was erased. Nothing is to be done.",
    "already_enrolled": "Somebody else has the person on this cadence already: remove that membership, or let it be.",
    "ambiguous_person": f"Several people at Salesloft have the address. Merge them there. {_FAILED}",
    "cadence_unavailable": f"The cadence is gone, archived or takes nobody. Bring it back, or map another. {_FAILED}",
    "owner_unavailable": f"Nobody can send: the sender is not active at Salesloft. Choose another one. {_RETRY}",
    "not_connected": "The organization is not connected to Salesloft. Connect it again.",
    "connection_lost": "The connection to Salesloft was lost. Connect it again.",
    "consent_unknown": f"Salesloft did not tell whether the person may be contacted. {_RETRY}",
    "add_refused": f"Salesloft refused to add the person, and says why. {_FAILED}",
}
_OTHERWISE: Final = f"What Salesloft said last and the history tell what happened. {_RETRY}"


def remedy(reason: str | None) -> str:
    """For people, in a sentence or two."""
    return _REMEDIES.get(reason or "", _OTHERWISE)
