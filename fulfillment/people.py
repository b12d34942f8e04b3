"""Getting a person's present record out of Salesloft: by the upsert that enrolling needs, or from what is held fresh.

AmbiguousPerson   several people have the address, or another one has it: nobody can say who is meant
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from enrollment.consent import PersonRecord, normalised_email
from fulfillment.accounts import AccountDesk, FoundAccount, account_row
from fulfillment.gates import Admitted, effective_record
from fulfillment.profiles import Profile, profile_of
from salesloft_client import Account, NotFound, Person, SalesloftClient, Unprocessable
from storage import people
from storage.people import AccountRow, KnownAccount, KnownPerson, PersonRow
from storage.pool import Connection, Database
from workflows.clock import Clock
from workflows.field_mapping import read_field_mapping

__all__ = ["AmbiguousPerson", "PeopleDesk", "PresentPerson", "named_by_address", "person_row"]

_log = structlog.get_logger(__name__)


class AmbiguousPerson(Exception):
    """Several of the team's people have the address, or another one than the linked has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentPerson:
    """A person as Salesloft has it now. `record` is None where the answer left consent open.

    `row`, `accounts` and `digest` are what was learnt on the way; without a `row` nothing was sent.
    """

    person_id: int
    record: PersonRecord | None
    asked_at: datetime
    row: PersonRow | None = None
    accounts: Sequence[AccountRow] = ()
    digest: str | None = None

    async def keep(self, connection: Connection, organization_id: str, stakeholder_id: str, now: datetime) -> None:
        """Store what was learnt, in the transaction that goes by it."""
        await people.keep_accounts(connection, self.accounts, read_at=self.asked_at)
        if self.row is None or self.digest is None:
            return
        await people.keep_people(connection, [self.row], read_at=self.asked_at)
        await people.link(connection, organization_id, stakeholder_id, self.person_id, by="upsert", now=now)
        await people.record_sent(connection, organization_id, {stakeholder_id: (self.person_id, self.digest)})


class PeopleDesk:
    """Upserts people and reads accounts. Nothing is stored but a link that has come to nothing."""

    def __init__(self, database: Database, clock: Clock, fresh_for: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._fresh_for = fresh_for
        self._accounts = AccountDesk(database, clock)

    async def present(self, client: SalesloftClient, admitted: Admitted) -> PresentPerson:
        """The person's present record, after telling Salesloft what has changed.

        One call for a new or changed person, none for an unchanged and fresh one; what an account costs that is seen
        for the first time, `AccountDesk` says. Raises AmbiguousPerson, Salesloft's errors, or storage's.
        """
        asked_at = self._clock.now()
        async with self._database.connection() as connection:
            mapping = await read_field_mapping(connection, admitted.enrollment.organization_id)
        profile = profile_of(admitted.stakeholder, admitted.customer, mapping, admitted.organization.senders_by_email)
        profile = profile.with_custom_fields(admitted.custom_fields)
        known = admitted.person
        if known is not None and known.sent_digest == profile.digest:
            record = effective_record(known)
            if record.read_at >= asked_at - self._fresh_for and not _account_open(record):
                return PresentPerson(person_id=record.person_id, record=record, asked_at=asked_at)
        told, person, accounts = await self._upserted(client, admitted, profile)
        return await self._with_account(client, admitted, person, accounts, told.digest, asked_at)

    async def gone(self, organization_id: str, person_id: int) -> None:
        """Salesloft does not know a person that we are linked to."""
        async with self._database.transaction() as connection:
            await people.unlink(connection, organization_id, person_id)
        _log.info("salesloft_person_gone", organization_id=organization_id, person_id=person_id)

    async def _upserted(
        self, client: SalesloftClient, admitted: Admitted, profile: Profile
    ) -> tuple[Profile, Person, Sequence[Account]]:
        """What was told, the person that came back, and the accounts that were read on the way."""
        organization_id, known = admitted.enrollment.organization_id, admitted.person
        if known is not None and not named_by_address(known, profile):
            try:
                return await self._told(client, organization_id, profile, known)
            except NotFound:
                await self.gone(organization_id, known.record.person_id)
                known = None
        return await self._told(client, organization_id, profile, known)

    async def _told(
        self, client: SalesloftClient, organization_id: str, profile: Profile, known: KnownPerson | None
    ) -> tuple[Profile, Person, Sequence[Account]]:
        account = FoundAccount(None)
        if known is None or known.account_id is None:
            # An account that the person has already is a salesperson's choice.
            account = await self._account_of(client, organization_id, profile)
        try:
            return profile, await self._upsert(client, profile, known, account.id), account.read
        except Unprocessable as refused:
            if account.id is not None and "account_id" in refused.field_errors:
                await self._accounts.gone(organization_id, account.id)
                account = await self._account_of(client, organization_id, profile)
            elif profile.owner_id is not None and "owner_id" in refused.field_errors:
                # A user who has left since the users were read: the person is told, and the owner stays.
                profile = profile.without_owner()
            else:
                raise
        return profile, await self._upsert(client, profile, known, account.id), account.read

    async def _account_of(self, client: SalesloftClient, organization_id: str, profile: Profile) -> FoundAccount:
        return await self._accounts.of_domain(client, organization_id, domain=profile.domain, name=profile.company)

    @staticmethod
    async def _upsert(
        client: SalesloftClient, profile: Profile, known: KnownPerson | None, account_id: int | None
    ) -> Person:
        if known is None or named_by_address(known, profile):
            upsert = profile.found_by_email(account_id=account_id)
        else:
            upsert = profile.of_person(known.record.person_id, account_id=account_id)
        try:
            return (await client.upsert_person(upsert)).person
        except Unprocessable as refused:
            if {"account_id", "owner_id"} & refused.field_errors.keys():
                raise
            # No field tells it for sure, so who has the address is asked: only where the upsert was refused.
            sharing = await client.people(email_addresses=[profile.email], per_page=10)
            others = [one.id for one in sharing.rows if one.id != upsert.id]
            if len(sharing.rows) > 1 or (upsert.id is not None and others):
                raise AmbiguousPerson(f"{len(sharing.rows)} people have the address") from refused
            raise

    async def _with_account(
        self,
        client: SalesloftClient,
        admitted: Admitted,
        person: Person,
        accounts: Sequence[Account],
        digest: str,
        asked_at: datetime,
    ) -> PresentPerson:
        organization_id = admitted.enrollment.organization_id
        if person.do_not_contact is None or person.contact_restrictions is None or person.bouncing is None:
            person = await client.person(person.id)
        account_id = person.account.id if person.account is not None else None
        account = await self._fresh_account(organization_id, account_id, asked_at)
        if account is None and account_id is not None and account_id not in {one.id for one in accounts}:
            try:
                accounts = [*accounts, await client.account(account_id)]
            except NotFound:
                # Not to be seen by this user: what it says of consent stays unknown.
                _log.warning("salesloft_account_not_visible", organization_id=organization_id, account_id=account_id)
        read = next((one for one in accounts if one.id == account_id), None)
        account_refuses = account.do_not_contact if account is not None else (read.do_not_contact if read else None)
        return PresentPerson(
            person_id=person.id,
            record=_record(person, account_refuses, asked_at),
            asked_at=asked_at,
            row=person_row(organization_id, person),
            accounts=[account_row(organization_id, one) for one in accounts if one.do_not_contact is not None],
            digest=digest,
        )

    async def _fresh_account(
        self, organization_id: str, account_id: int | None, asked_at: datetime
    ) -> KnownAccount | None:
        if account_id is None:
            return None
        async with self._database.connection() as connection:
            known = await people.read_account(connection, organization_id, account_id)
        return known if known is not None and known.read_at >= asked_at - self._fresh_for else None


def named_by_address(known: KnownPerson, profile: Profile) -> bool:
    """Whether nothing but the address says which person it is.

    Several may have it, and the link is to one of them: Salesloft, asked by the address, refuses to guess.
    """
    return known.linked_by == "email" and known.email == profile.email


def _account_open(record: PersonRecord) -> bool:
    return record.has_account and record.account_do_not_contact is None


def _record(person: Person, account_refuses: bool | None, asked_at: datetime) -> PersonRecord | None:  # noqa: FBT001  # a fact that may be unknown, not a switch
    """None where Salesloft did not say: that is not the same as no restriction."""
    if person.do_not_contact is None or person.contact_restrictions is None or person.bouncing is None:
        return None
    return PersonRecord(
        person_id=person.id,
        do_not_contact=person.do_not_contact,
        email_restricted="email" in person.contact_restrictions,
        bouncing=person.bouncing,
        has_account=person.account is not None,
        account_do_not_contact=account_refuses,
        read_at=asked_at,
    )


def person_row(organization_id: str, person: Person) -> PersonRow | None:
    """What is kept of the person; nothing while consent is open, for the row would say that there is one."""
    if person.do_not_contact is None or person.contact_restrictions is None or person.bouncing is None:
        return None
    return PersonRow(
        organization_id=organization_id,
        person_id=person.id,
        email=normalised_email(person.email_address),
        account_id=person.account.id if person.account is not None else None,
        owner_user_id=person.owner.id if person.owner is not None else None,
        do_not_contact=person.do_not_contact,
        contact_restrictions=person.contact_restrictions,
        bouncing=person.bouncing,
        salesloft_updated_at=person.updated_at,
    )
