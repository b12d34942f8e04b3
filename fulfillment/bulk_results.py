"""What a bulk job's results say: who is which person now, and why somebody was refused."""

from collections.abc import Sequence

from pydantic import ValidationError

from enrollment.consent import normalised_email
from fulfillment.people import person_row
from fulfillment.telling import NotTold
from salesloft_client import BulkJobRow, Person, SalesloftClient
from schemas.vocabulary import Reason
from storage.people import PersonRow
from storage.people_syncs import ResultKey

__all__ = ["key_of", "people_in", "person_id_of", "reasons_of"]


async def reasons_of(client: SalesloftClient, rows: Sequence[BulkJobRow]) -> dict[int, str]:
    """Why rows were refused, by result. Two calls, for what an error looks like is not documented."""
    refused = {row.id: key_of(row) for row in rows if row.status != "success" or person_id_of(row) is None}
    emails = {key.email for key in refused.values() if key.email is not None}
    ids = {key.person_id for key in refused.values() if key.person_id is not None}
    having: dict[str, set[int]] = {}
    if emails:
        for person in (await client.people(email_addresses=sorted(emails))).rows:
            having.setdefault(normalised_email(person.email_address) or "", set()).add(person.id)
    there = {person.id for person in (await client.people(ids=sorted(ids))).rows} if ids else set()
    reasons: dict[int, str] = {}
    for result_id, key in refused.items():
        others = having.get(key.email or "", set()) - {key.person_id}
        if key.person_id is not None and key.person_id not in there:
            reasons[result_id] = NotTold.PERSON_GONE
        elif len(others) > (0 if key.person_id is not None else 1):
            reasons[result_id] = Reason.AMBIGUOUS_PERSON
        else:
            reasons[result_id] = NotTold.REFUSED
    return reasons


def key_of(row: BulkJobRow) -> ResultKey:
    """By what the result finds whom it is about."""
    by_id = row.record.get("upsert_key") == "id"
    email = row.record.get("email_address")
    return ResultKey(
        result_id=row.id,
        person_id=row.record.get("id") if by_id else None,
        email=normalised_email(email) if isinstance(email, str) else None,
    )


def _resource(row: BulkJobRow) -> dict[str, object]:
    """The person of a result: alone, or under its name as a single upsert answers it."""
    person = row.resource.get("person", row.resource)
    return person if isinstance(person, dict) else {}


def person_id_of(row: BulkJobRow) -> int | None:
    """The person that a row has made or changed; None of one that was refused."""
    person_id = _resource(row).get("id")
    return person_id if row.status == "success" and isinstance(person_id, int) else None


def people_in(organization_id: str, rows: Sequence[BulkJobRow]) -> list[PersonRow]:
    """What is kept of the people, each once; nothing of one whose result has not the whole, which its stream brings."""
    found: dict[int, PersonRow] = {}
    for row in rows:
        if person_id_of(row) is None:
            continue
        try:
            known = person_row(organization_id, Person.model_validate(_resource(row)))
        except ValidationError:
            continue
        if known is not None:
            found[known.person_id] = known
    return list(found.values())
