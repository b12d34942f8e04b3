"""The reference load: about a kilobyte an event, three stakeholders of whom one is requested, forty organizations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import orjson

from schemas.envelope import Envelope, Headers, encode
from schemas.registry import LIFECYCLE_TYPES
from schemas.topics import customer_key
from schemas.vocabulary import TriggerType

__all__ = ["LIFECYCLE", "ORGANIZATIONS", "OWNER_EMAIL", "STAKEHOLDERS", "EventRecord", "Load", "lifecycle_record"]

LIFECYCLE = LIFECYCLE_TYPES[TriggerType.RENEWAL_WINDOW]
ORGANIZATIONS = 40
OWNER_EMAIL = "csm@cscx.example"
_SOURCE = "/cscx/platform"
_NAMESPACE = UUID("7d8a3f0e-52d4-4a8e-9a55-7f5c0b7c6a11")
_SEGMENTS = ("smb", "mid-market")
STAKEHOLDERS = 3


class EventRecord(NamedTuple):
    """A record to publish."""

    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many events, every one of a customer of its own. The same `name` makes the same ids."""

    name: str
    events: int
    organizations: int = ORGANIZATIONS
    stakeholders: int = STAKEHOLDERS

    def organization_ids(self) -> list[str]:
        """Those among whom the events go round."""
        return [f"org-{number}" for number in range(self.organizations)]

    def records(self) -> Iterator[EventRecord]:
        """The events, all of this moment."""
        now = datetime.now(UTC)
        for number in range(self.events):
            yield lifecycle_record(
                organization_id=f"org-{number % self.organizations}",
                customer_id=f"{self.name}-{number}",
                owner_email=OWNER_EMAIL,
                now=now,
                segment=_SEGMENTS[number // self.organizations % 2],
                stakeholders=self.stakeholders,
            )


def lifecycle_record(
    *,
    organization_id: str,
    customer_id: str,
    owner_email: str,
    now: datetime,
    segment: str = "mid-market",
    stakeholders: int = STAKEHOLDERS,
) -> EventRecord:
    """A renewal window that opens; of its customer's stakeholders the champion alone is one to ask."""
    data = {
        "organization_id": organization_id,
        "customer": {
            "id": customer_id,
            "name": "Acme",
            "domain": "acme.example",
            "segment": segment,
            "tier": "enterprise",
            "arr": "120000.00",
            "health_score": 41,
            "renewal_date": "2027-03-31",
            "owner": {"user_id": "usr-3", "email": owner_email},
        },
        "stakeholders": _stakeholders(customer_id, stakeholders),
        "trigger": {"contract_id": f"con-{customer_id}", "term_end": "2027-03-31", "days_to_renewal": 90},
    }
    key = customer_key(organization_id, customer_id)
    envelope = Envelope(
        id=str(uuid5(_NAMESPACE, customer_id)),
        source=_SOURCE,
        type=LIFECYCLE.name,
        time=now,
        subject=customer_id,
        dataschema=LIFECYCLE.dataschema,
        partition_key=key.decode(),
        organization_id=organization_id,
    )
    return EventRecord(key, orjson.dumps(data), encode(envelope))


def _stakeholders(customer_id: str, number: int) -> Sequence[dict[str, Any]]:
    return [
        {
            "id": f"sth-{customer_id}-{place}",
            "name": "Ann Lee",
            "given_name": "Ann",
            "family_name": "Lee",
            "email": f"ann.{place}@{customer_id}.example",
            "phone": None,
            "title": "VP Engineering",
            "role": "champion" if place == 0 else "technical",
            "is_primary": place == 0,
            "is_champion": place == 0,
            "is_decision_maker": False,
            "time_zone": "Europe/Berlin",
            "contact_preferences": {"email": "allowed", "phone": "blocked"},
        }
        for place in range(number)
    ]
