"""People and accounts as Salesloft has them: who is which stakeholder, and what the consent gate reads of them."""

import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from activity.ledger import Ledger
from enrollment.consent import normalised_email
from salesloft_client import Account, Person
from storage import activity_links, people, webhooks
from storage.people import AccountRow, PersonRow
from storage.pool import Connection
from storage.sync import SyncStream
from workflows.activity import Reading
from workflows.domains import bare_domain

__all__ = [
    "AddressDigests",
    "apply_accounts",
    "apply_people",
    "forget_people",
    "miss_people",
    "people_of_new_stakeholders",
    "share_people",
]


@dataclass(frozen=True, slots=True)
class AddressDigests:
    """Keyed digests of addresses: by one a later stakeholder is found, and nobody can read the address from it."""

    key: bytes = field(repr=False)

    def of(self, organization_id: str, email: str) -> bytes:
        """The digest of a normalised address; another organization's of the same address is another one."""
        return hmac.digest(self.key, f"{organization_id}\n{email}".encode(), hashlib.sha256)


async def apply_people(
    connection: Connection, reading: Reading, rows: Sequence[Person], digests: AddressDigests
) -> Ledger:
    """Link people to the stakeholders who have their address, and keep what Salesloft says of those who are linked.

    Of the others nothing is kept but the id and the digest of the address.
    """
    organization_id = reading.organization_id
    emails = {row.id: normalised_email(row.email_address) for row in rows}
    addressed = {person_id: email for person_id, email in emails.items() if email is not None}
    await activity_links.link_by_email(connection, organization_id, addressed, reading.noticed_at)
    linked = await activity_links.linked_people(connection, organization_id, list(emails))
    # What Salesloft leaves out is not known, and a record that says nothing of consent must not read as a yes.
    known = [
        PersonRow(
            organization_id=organization_id,
            person_id=row.id,
            email=emails[row.id],
            account_id=None if row.account is None else row.account.id,
            owner_user_id=None if row.owner is None else row.owner.id,
            do_not_contact=row.do_not_contact,
            contact_restrictions=row.contact_restrictions,
            bouncing=row.bouncing is True,
            salesloft_updated_at=row.updated_at,
        )
        for row in rows
        if row.id in linked and row.do_not_contact is not None and row.contact_restrictions is not None
    ]
    if known:
        await people.keep_people(connection, known, read_at=reading.noticed_at)
    strangers = {
        person_id: None if email is None else digests.of(organization_id, email)
        for person_id, email in emails.items()
        if person_id not in linked
    }
    await activity_links.note_strangers(connection, organization_id, strangers, linked)
    return Ledger(scanned=len(rows))


async def apply_accounts(connection: Connection, reading: Reading, rows: Sequence[Account]) -> Ledger:
    """Keep what the consent gate reads of accounts, which are the team's and nobody's person."""
    known = [
        AccountRow(
            organization_id=reading.organization_id,
            account_id=row.id,
            domain=bare_domain(row.domain),
            do_not_contact=row.do_not_contact,
            salesloft_updated_at=row.updated_at,
        )
        for row in rows
        if row.do_not_contact is not None
    ]
    if known:
        await people.keep_accounts(connection, known, read_at=reading.noticed_at)
    return Ledger(scanned=len(rows))


async def forget_people(connection: Connection, reading: Reading, gone: Collection[int]) -> None:
    """Salesloft no longer has these people: whoever was one of them is nobody, until an address says otherwise."""
    for person_id in sorted(gone):
        await people.unlink(connection, reading.organization_id, person_id)
    await activity_links.forget_strangers(connection, reading.organization_id, gone)


async def miss_people(connection: Connection, reading: Reading, missing: Collection[int]) -> None:
    """Salesloft no longer seems to have these people. Who is a stakeholder is forgotten by who reads hinted records.

    What such a person did last is read first there: nobody is told what is found of people who are nobody's.
    """
    linked = await activity_links.linked_people(connection, reading.organization_id, missing)
    for person_id in sorted(linked):
        await webhooks.hint(connection, reading.organization_id, SyncStream.PEOPLE, person_id, deleted=True)
    await activity_links.forget_strangers(connection, reading.organization_id, set(missing) - linked)


async def people_of_new_stakeholders(
    connection: Connection, organization_id: str, digests: AddressDigests, *, limit: int
) -> Collection[int]:
    """People who were passed over as strangers and whose address a stakeholder has by now."""
    emails = await activity_links.unlinked_emails(connection, organization_id)
    wanted = [digests.of(organization_id, email) for email in emails]
    return await activity_links.strangers_with(connection, organization_id, wanted, limit=limit) if wanted else ()


async def share_people(connection: Connection, reading: Reading) -> None:
    """Link stakeholders who are nobody to people who are another stakeholder already and have their address."""
    emails = await activity_links.unlinked_emails(connection, reading.organization_id)
    shared = await activity_links.known_people_with(connection, reading.organization_id, emails) if emails else {}
    if shared:
        await activity_links.link_by_email(connection, reading.organization_id, shared, reading.noticed_at)
