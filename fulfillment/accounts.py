"""The account of a customer: found by its domain, or made. One that Salesloft has is never changed by us."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from salesloft_client import Account, NewAccount, Refused, SalesloftClient, Unprocessable
from storage import people
from storage.people import AccountRow
from storage.pool import Database
from workflows.clock import Clock
from workflows.domains import bare_domain, spellings

__all__ = ["AccountDesk", "FoundAccount", "account_row"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """An account's id, None where there is none to be had; `read` is what Salesloft answered on the way."""

    id: int | None
    read: Sequence[Account] = ()


class AccountDesk:
    """Finds and makes accounts. What was found is stored at once: a turn that ends early must not seek it again."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of_domain(
        self, client: SalesloftClient, organization_id: str, *, domain: str | None, name: str | None
    ) -> FoundAccount:
        """The account with a bare domain. Raises Salesloft's errors, or storage's.

        No call where it is known, which the stream of accounts sees to; one for a domain that Salesloft does not have;
        one more where it has it and we did not know. An upsert would be one call for either, and would rename the
        account to what we call the customer.
        """
        if domain is None or name is None:
            return FoundAccount(None)
        async with self._database.connection() as connection:
            known = await people.account_of_domain(connection, organization_id, domain)
        if known is not None:
            return FoundAccount(known)
        asked_at = self._clock.now()
        try:
            made = await client.create_account(NewAccount(name=name, domain=domain))
        except Unprocessable as refused:
            if "domain" not in refused.field_errors:
                return self._refused(refused)
            return await self._taken(client, organization_id, domain, asked_at)
        except Refused as refused:
            return self._refused(refused)
        return await self._found(organization_id, [made], asked_at)

    async def gone(self, organization_id: str, account_id: int) -> None:
        """Salesloft does not know an account that we know."""
        async with self._database.connection() as connection:
            await people.forget_account(connection, organization_id, account_id)
        _log.info("salesloft_account_gone", organization_id=organization_id, account_id=account_id)

    async def _taken(
        self, client: SalesloftClient, organization_id: str, domain: str, asked_at: datetime
    ) -> FoundAccount:
        page = await client.accounts(domains=spellings(domain))
        # A filter that Salesloft does not know is ignored in silence, so what came is looked at.
        found = sorted((one for one in page.rows if bare_domain(one.domain) == domain), key=lambda one: one.id)
        if not found:
            _log.warning("salesloft_account_not_visible", domain_is_taken=True)
            return FoundAccount(None)
        return await self._found(organization_id, found, asked_at)

    async def _found(self, organization_id: str, found: Sequence[Account], asked_at: datetime) -> FoundAccount:
        rows = [account_row(organization_id, one) for one in found if one.do_not_contact is not None]
        async with self._database.connection() as connection:
            await people.keep_accounts(connection, rows, read_at=asked_at)
        return FoundAccount(found[0].id, found)

    @staticmethod
    def _refused(refused: Refused) -> FoundAccount:
        # The person needs no account to be enrolled.
        _log.warning("salesloft_account_refused", status=refused.status, fields=sorted(refused.field_errors))
        return FoundAccount(None)


def account_row(organization_id: str, account: Account) -> AccountRow:
    """What is kept of an account that says whether its people may be contacted."""
    return AccountRow(
        organization_id=organization_id,
        account_id=account.id,
        domain=bare_domain(account.domain),
        do_not_contact=account.do_not_contact is True,
        salesloft_updated_at=account.updated_at,
    )
