"""What Salesloft says of people and accounts, and which stakeholder is which person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from enrollment.consent import PersonRecord
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "AccountRow",
    "KnownAccount",
    "KnownPerson",
    "PersonRow",
    "account_of_domain",
    "accounts_of_domains",
    "forget_account",
    "keep_accounts",
    "keep_people",
    "link",
    "link_many",
    "person_of",
    "read_account",
    "record_sent",
    "unlink",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A person as Salesloft answered it; `email` is normalised."""

    organization_id: str
    person_id: int
    email: str | None
    account_id: int | None
    owner_user_id: int | None
    do_not_contact: bool
    contact_restrictions: Sequence[str]
    bouncing: bool
    salesloft_updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """An account as Salesloft answered it."""

    organization_id: str
    account_id: int
    domain: str | None
    do_not_contact: bool
    salesloft_updated_at: datetime


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """What is held of an account, and as of when (business time) it was Salesloft's answer."""

    do_not_contact: bool
    read_at: datetime


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """What is held of a stakeholder's person, whose `email` is normalised.

    `linked_by` is "email" while nothing but the address says that it is this one; `sent_digest` is of what we last sent
    of the stakeholder, None if nothing ever.
    """

    record: PersonRecord
    email: str | None
    linked_by: Literal["upsert", "email"]
    account_id: int | None
    account: KnownAccount | None
    sent_digest: str | None


async def keep_people(connection: Connection, people: Sequence[PersonRow], *, read_at: datetime) -> None:
    """Keep what Salesloft answered at `read_at` (business time); an answer older than the kept one is ignored."""
    await queries.keep_people(
        connection,
        read_at=read_at,
        organization_ids=[p.organization_id for p in people],
        person_ids=[p.person_id for p in people],
        emails=[p.email for p in people],
        account_ids=[p.account_id for p in people],
        owner_user_ids=[p.owner_user_id for p in people],
        do_not_contact=[p.do_not_contact for p in people],
        contact_restrictions=[",".join(p.contact_restrictions) for p in people],
        bouncing=[p.bouncing for p in people],
        salesloft_updated_at=[p.salesloft_updated_at for p in people],
    )


async def record_sent(connection: Connection, organization_id: str, sent: Mapping[str, tuple[int, str]]) -> None:
    """Remember what we last sent of stakeholders, as which people, to leave out sending the same again."""
    await queries.record_sent(
        connection,
        organization_id=organization_id,
        stakeholder_ids=list(sent),
        person_ids=[person_id for person_id, _ in sent.values()],
        digests=[digest for _, digest in sent.values()],
    )


async def link(
    connection: Connection,
    organization_id: str,
    stakeholder_id: str,
    person_id: int,
    *,
    by: Literal["upsert", "email"],
    now: datetime,
) -> None:
    """A stakeholder is this person, whoever it was before."""
    await link_many(connection, organization_id, {stakeholder_id: person_id}, by=by, now=now)


async def link_many(
    connection: Connection,
    organization_id: str,
    links: Mapping[str, int],
    *,
    by: Literal["upsert", "email"],
    now: datetime,
) -> None:
    """Stakeholders are these people, whoever they were before."""
    await queries.link_people(
        connection,
        organization_id=organization_id,
        stakeholder_ids=list(links.keys()),
        person_ids=list(links.values()),
        linked_by=by,
        now=now,
    )


async def unlink(connection: Connection, organization_id: str, person_id: int) -> None:
    """Salesloft no longer has the person: whoever was linked to it is linked to nobody."""
    await queries.unlink_person(connection, organization_id=organization_id, person_id=person_id)


async def person_of(connection: Connection, organization_id: str, stakeholder_id: str) -> KnownPerson | None:
    """The person that a stakeholder is linked to."""
    rows = await queries.person_of_stakeholder(
        connection, organization_id=organization_id, stakeholder_id=stakeholder_id
    )
    if not rows:
        return None
    row = rows[0]
    account = None
    if row["account_do_not_contact"] is not None:
        account = KnownAccount(row["account_do_not_contact"], row["account_read_at"])
    record = PersonRecord(
        person_id=row["person_id"],
        do_not_contact=row["do_not_contact"],
        email_restricted=row["email_restricted"],
        bouncing=row["bouncing"],
        has_account=row["account_id"] is not None,
        account_do_not_contact=row["account_do_not_contact"],
        read_at=row["person_read_at"],
    )
    return KnownPerson(record, row["email"], row["linked_by"], row["account_id"], account, row["sent_digest"])


async def keep_accounts(connection: Connection, accounts: Sequence[AccountRow], *, read_at: datetime) -> None:
    """Keep what Salesloft answered at `read_at` (business time); an answer older than the kept one is ignored."""
    await queries.keep_accounts(
        connection,
        read_at=read_at,
        organization_ids=[a.organization_id for a in accounts],
        account_ids=[a.account_id for a in accounts],
        domains=[a.domain for a in accounts],
        do_not_contact=[a.do_not_contact for a in accounts],
        salesloft_updated_at=[a.salesloft_updated_at for a in accounts],
    )


async def account_of_domain(connection: Connection, organization_id: str, domain: str) -> int | None:
    """The account with this bare domain; of several the oldest."""
    return (await accounts_of_domains(connection, organization_id, [domain])).get(domain)


async def accounts_of_domains(connection: Connection, organization_id: str, domains: Sequence[str]) -> dict[str, int]:
    """The accounts with these bare domains, of several with one the oldest; a domain without an account is absent."""
    rows = await queries.accounts_of_domains(connection, organization_id=organization_id, domains=list(domains))
    return {row["domain"]: row["account_id"] for row in rows}


async def forget_account(connection: Connection, organization_id: str, account_id: int) -> None:
    """Salesloft no longer has the account."""
    await queries.forget_account(connection, organization_id=organization_id, account_id=account_id)


async def read_account(connection: Connection, organization_id: str, account_id: int) -> KnownAccount | None:
    """What is held of an account."""
    rows = await queries.read_account(connection, organization_id=organization_id, account_id=account_id)
    return KnownAccount(rows[0]["do_not_contact"], rows[0]["read_at"]) if rows else None
