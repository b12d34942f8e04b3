"""Getting a person's present record out of Salesloft: by the upsert that enrolling needs, or from what is held fresh.

AmbiguousPerson   several people have the address, or another one has it: nobody can say who is meant
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from enrollment.consent import PersonRecord, normalised_email
from fulfillment.gates import Admitted, effective_record
from fulfillment.profiles import Profile, profile_of
from salesloft_client import (
    Account,
    AccountUpsert,
    NotFound,
    Person,
    PersonUpsert,
    Refused,
    SalesloftClient,
    Unprocessable,
)
from storage import people
from storage.people import AccountRow, KnownAccount, PersonRow
from storage.pool import Connection, Database
from workflows.clock import Clock

__all__ = ["AmbiguousPerson", "PeopleDesk", "PresentPerson"]

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
        await people.record_sent(connection, organization_id, self.person_id, self.digest)


class PeopleDesk:
    """Upserts people and reads accounts. Nothing is stored but a link that has come to nothing."""

    def __init__(self, database: Database, clock: Clock, fresh_for: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._fresh_for = fresh_for

    async def present(self, client: SalesloftClient, admitted: Admitted) -> PresentPerson:
        """The person's present record, after telling Salesloft what has changed.

        One call for a new or changed person, none for an unchanged and fresh one, one more where the account is seen
        for the first time. Raises AmbiguousPerson, Salesloft's errors, or storage's.
        """
        asked_at = self._clock.now()
        profile = profile_of(admitted.stakeholder, admitted.customer)
        known = admitted.person
        if known is not None and known.synced_digest == profile.digest:
            record = effective_record(known)
            if record.read_at >= asked_at - self._fresh_for and not _account_open(record):
                return PresentPerson(person_id=record.person_id, record=record, asked_at=asked_at)
        person, accounts = await self._upserted(client, admitted, profile)
        return await self._with_account(client, admitted, person, accounts, profile.digest, asked_at)

    async def gone(self, organization_id: str, person_id: int) -> None:
        """Salesloft does not know a person that we are linked to."""
        async with self._database.transaction() as connection:
            await people.unlink(connection, organization_id, person_id)
        _log.info("salesloft_person_gone", organization_id=organization_id, person_id=person_id)

    async def _upserted(
        self, client: SalesloftClient, admitted: Admitted, profile: Profile
    ) -> tuple[Person, Sequence[Account]]:
        if admitted.person is not None:
            person_id = admitted.person.record.person_id
            try:
                return await self._upsert(client, profile.of_person(person_id), profile), ()
            except NotFound:
                await self.gone(admitted.enrollment.organization_id, person_id)
        account_id, accounts = await self._account_of(client, admitted)
        return await self._upsert(client, profile.found_by_email(account_id=account_id), profile), accounts

    @staticmethod
    async def _upsert(client: SalesloftClient, upsert: PersonUpsert, profile: Profile) -> Person:
        try:
            return (await client.upsert_person(upsert)).person
        except Unprocessable as refused:
            # No field tells it for sure, so who has the address is asked: only where the upsert was refused.
            sharing = await client.people(email_addresses=[profile.email], per_page=10)
            others = [one.id for one in sharing.rows if one.id != upsert.id]
            if len(sharing.rows) > 1 or (upsert.id is not None and others):
                raise AmbiguousPerson(f"{len(sharing.rows)} people have the address") from refused
            raise

    async def _account_of(self, client: SalesloftClient, admitted: Admitted) -> tuple[int | None, Sequence[Account]]:
        """The account of the customer's domain, made if Salesloft has none; sought once."""
        customer = admitted.customer
        domain = customer.domain.strip().lower() if customer.domain else None
        if not domain or not customer.name or not customer.name.strip():
            return None, ()
        async with self._database.connection() as connection:
            found = await people.account_of_domain(connection, admitted.enrollment.organization_id, domain)
        if found is not None:
            return found, ()
        try:
            upserted = await client.upsert_account(
                AccountUpsert(upsert_key="domain", name=customer.name, domain=domain)
            )
        except Refused as refused:
            # The person needs no account to be enrolled.
            _log.warning("salesloft_account_refused", status=refused.status, fields=sorted(refused.field_errors))
            return None, ()
        return upserted.account.id, [upserted.account]

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
            row=_row(organization_id, person),
            accounts=[_account_row(organization_id, one) for one in accounts if one.do_not_contact is not None],
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


def _row(organization_id: str, person: Person) -> PersonRow | None:
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


def _account_row(organization_id: str, account: Account) -> AccountRow:
    return AccountRow(
        organization_id=organization_id,
        account_id=account.id,
        domain=account.domain.strip().lower() if account.domain else None,
        do_not_contact=account.do_not_contact is True,
        salesloft_updated_at=account.updated_at,
    )
