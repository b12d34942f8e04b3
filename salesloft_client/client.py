"""The client of one Salesloft team."""

from collections.abc import Iterable

from salesloft_client.decoding import Page
from salesloft_client.exports import CadenceExport
from salesloft_client.jobs import BulkJobRequests
from salesloft_client.models import (
    Account,
    Action,
    ActivityHistory,
    Cadence,
    CadenceMembership,
    CadenceStats,
    Call,
    Email,
    Person,
    Step,
    Team,
    UpsertedAccount,
    UpsertedPerson,
    User,
)
from salesloft_client.requests import SETTLE, Filters, every_page
from salesloft_client.subscriptions import SubscriptionRequests
from salesloft_client.writes import AccountUpsert, NewAccount, NewMembership, PersonUpsert

__all__ = ["SETTLE", "SalesloftClient", "every_page"]


_OLDEST_FIRST: Filters = {"sort_by": "created_at", "sort_direction": "ASC"}


class SalesloftClient(BulkJobRequests, SubscriptionRequests):
    """Calls of one team, with one source of tokens and one budget. The wire may be shared with other teams' clients.

    Reads are repeated within the call's time; a write only where Salesloft has certainly not carried it out. Every
    method raises what :mod:`salesloft_client.errors` says. Lists give one page; :func:`every_page` turns them.
    """

    # Team, users, cadences: read only.

    async def me(self) -> User:
        """The user behind the token."""
        return await self._show(User, "/me")

    async def team(self) -> Team:
        """The team of the user behind the token."""
        return await self._show(Team, "/team")

    async def users(
        self,
        *,
        search: str | None = None,
        ids: Iterable[int] = (),
        active: bool | None = None,
        visible_only: bool | None = None,
    ) -> Page[User]:
        """All users that the token's user may see, in one answer: Salesloft pages users only if a page is asked for.

        ``search`` is a part of a name or an address. Not every user may see the others. Those who were deactivated are
        left out unless ``visible_only`` is false (docs: users).
        """
        return await self._list(
            User, "/users", {"search": search, "ids[]": ids, "active": active, "visible_only": visible_only}
        )

    async def user(self, user_id: int) -> User:
        return await self._show(User, f"/users/{user_id}")

    async def cadences(
        self,
        *,
        page: int = 1,
        per_page: int = 100,
        ids: Iterable[int] = (),
        people_addable: bool | None = None,
        team_cadence: bool | None = None,
        archived: bool | None = None,
    ) -> Page[Cadence]:
        """The oldest first, so that one that changes while pages are turned stays on its page.

        ``people_addable`` leaves out drafts and archived ones.
        """
        filters: Filters = {
            "ids[]": ids,
            "people_addable": people_addable,
            "team_cadence": team_cadence,
            "archived": archived,
            **_OLDEST_FIRST,
        }
        return await self._list(Cadence, "/cadences", filters, page=page, per_page=per_page)

    async def cadence(self, cadence_id: int) -> Cadence:
        return await self._show(Cadence, f"/cadences/{cadence_id}")

    async def cadence_stats(self, cadence_id: int) -> CadenceStats:
        return await self._show(CadenceStats, f"/cadence_stats/{cadence_id}")

    async def cadence_export(self, cadence_id: int) -> CadenceExport:
        """A cadence's settings and content. Its steps have no ids: :meth:`steps` has those, by day and order."""
        return await self._show(CadenceExport, f"/cadence_exports/{cadence_id}")

    async def steps(
        self, *, cadence_id: int | None = None, ids: Iterable[int] = (), page: int = 1, per_page: int = 100
    ) -> Page[Step]:
        """The oldest first, as cadences are; their own order is that of ``day`` and ``step_number``."""
        filters: Filters = {"cadence_id": cadence_id, "ids[]": ids, **_OLDEST_FIRST}
        return await self._list(Step, "/steps", filters, page=page, per_page=per_page)

    async def step(self, step_id: int) -> Step:
        return await self._show(Step, f"/steps/{step_id}")

    # People and accounts.

    async def people(
        self,
        *,
        email_addresses: Iterable[str] = (),
        ids: Iterable[int] = (),
        account_ids: Iterable[int] = (),
        page: int = 1,
        per_page: int = 100,
    ) -> Page[Person]:
        """Several people may share an address, where the team allows it."""
        filters: Filters = {"email_addresses[]": email_addresses, "ids[]": ids, "account_id[]": account_ids}
        return await self._list(Person, "/people", filters, page=page, per_page=per_page)

    async def person(self, person_id: int) -> Person:
        return await self._show(Person, f"/people/{person_id}")

    async def upsert_person(self, upsert: PersonUpsert) -> UpsertedPerson:
        """Create or change one person. ``Unprocessable`` if several people have the address."""
        return await self._write(UpsertedPerson, "/person_upserts", upsert.body())

    async def accounts(
        self,
        *,
        ids: Iterable[int] = (),
        domains: Iterable[str] = (),
        page: int = 1,
        per_page: int = 100,
    ) -> Page[Account]:
        """``domains`` are compared with what was once given, which may be a URL."""
        return await self._list(Account, "/accounts", {"ids[]": ids, "domain[]": domains}, page=page, per_page=per_page)

    async def account(self, account_id: int) -> Account:
        return await self._show(Account, f"/accounts/{account_id}")

    async def upsert_account(self, upsert: AccountUpsert) -> UpsertedAccount:
        """Create or change one account."""
        return await self._write(UpsertedAccount, "/account_upserts", upsert.body())

    async def create_account(self, account: NewAccount) -> Account:
        """Make an account. ``Unprocessable`` with a message for ``domain`` if there is one with it."""
        return await self._write(Account, "/accounts", account.body())

    # Memberships.

    async def memberships(
        self,
        *,
        ids: Iterable[int] = (),
        person_ids: Iterable[int] = (),
        cadence_ids: Iterable[int] = (),
        currently_on_cadence: bool | None = None,
        page: int = 1,
        per_page: int = 100,
    ) -> Page[CadenceMembership]:
        """There is no filter for the user or the state."""
        filters: Filters = {
            "ids[]": ids,
            "person_id[]": person_ids,
            "cadence_id[]": cadence_ids,
            "currently_on_cadence": currently_on_cadence,
        }
        return await self._list(CadenceMembership, "/cadence_memberships", filters, page=page, per_page=per_page)

    async def membership(self, membership_id: int) -> CadenceMembership:
        return await self._show(CadenceMembership, f"/cadence_memberships/{membership_id}")

    async def create_membership(self, membership: NewMembership) -> CadenceMembership:
        """Add a person to a cadence. ``OutcomeUnknown`` has to be settled by reading back, never by another call.

        The record may be an old one used again; its ``added_at`` is new. ``Unprocessable`` says why not.
        """
        return await self._write(CadenceMembership, "/cadence_memberships", membership.body())

    async def delete_membership(self, membership_id: int) -> None:
        """Remove a person from a cadence. The record stays, with another state."""
        await self._remove(f"/cadence_memberships/{membership_id}")

    # Work to do, and what was done.

    async def actions(
        self,
        *,
        ids: Iterable[int] = (),
        person_ids: Iterable[int] = (),
        cadence_ids: Iterable[int] = (),
        step_id: int | None = None,
        page: int = 1,
        per_page: int = 100,
    ) -> Page[Action]:
        """Open actions only; those of other users only for an admin."""
        filters: Filters = {
            "ids[]": ids,
            "person_id[]": person_ids,
            "cadence_id[]": cadence_ids,
            "step_id": step_id,
        }
        return await self._list(Action, "/actions", filters, page=page, per_page=per_page)

    async def action(self, action_id: int) -> Action:
        """``NotFound`` once it is done."""
        return await self._show(Action, f"/actions/{action_id}")

    async def emails(
        self,
        *,
        ids: Iterable[int] = (),
        person_ids: Iterable[int] = (),
        cadence_ids: Iterable[int] = (),
        page: int = 1,
        per_page: int = 100,
    ) -> Page[Email]:
        """Latest change first; everything since an instant is read by :meth:`changes`."""
        filters: Filters = {"ids[]": ids, "person_id[]": person_ids, "cadence_id[]": cadence_ids}
        return await self._list(Email, "/activities/emails", filters, page=page, per_page=per_page)

    async def email(self, email_id: int) -> Email:
        return await self._show(Email, f"/activities/emails/{email_id}")

    async def calls(
        self, *, ids: Iterable[int] = (), person_ids: Iterable[int] = (), page: int = 1, per_page: int = 100
    ) -> Page[Call]:
        """As :meth:`emails`."""
        filters: Filters = {"ids[]": ids, "person_id[]": person_ids}
        return await self._list(Call, "/activities/calls", filters, page=page, per_page=per_page)

    async def call(self, call_id: int) -> Call:
        return await self._show(Call, f"/activities/calls/{call_id}")

    async def activity_histories(
        self,
        *,
        types: Iterable[str] = (),
        resource_type: str | None = None,
        resource_ids: Iterable[int] = (),
        page: int = 1,
        per_page: int = 100,
    ) -> Page[ActivityHistory]:
        """Latest first. ``resource_ids`` are people where ``resource_type`` is ``person``, and need it."""
        filters: Filters = {"type[]": types, "resource_type": resource_type, "resource_id[]": resource_ids}
        return await self._list(ActivityHistory, "/activity_histories", filters, page=page, per_page=per_page)
