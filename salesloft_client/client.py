"""The client of one Salesloft team."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Self, TypeVar

from pydantic import BaseModel

from salesloft_client import streams
from salesloft_client.auth import TokenSource
from salesloft_client.budget import Lane, TeamBudget, Unlimited, cost_of_page
from salesloft_client.clock import BusinessClock
from salesloft_client.cursor import Batch, ChangeCursor, CursorPosition, CursorSettings
from salesloft_client.decoding import Page, read_changes, read_one, read_one_bare, read_page
from salesloft_client.errors import Origin
from salesloft_client.hooks import NothingObserved, Observer
from salesloft_client.models import (
    Account,
    Action,
    ActivityHistory,
    Cadence,
    CadenceMembership,
    Call,
    ChangingRecord,
    Email,
    Person,
    Step,
    Team,
    UpsertedAccount,
    UpsertedPerson,
    User,
    WebhookSubscription,
)
from salesloft_client.retry import Repeat
from salesloft_client.transport import ApiCall, CallContext, Transport, TransportSettings
from salesloft_client.wire import Wire
from salesloft_client.writes import AccountUpsert, NewMembership, NewWebhookSubscription, PersonUpsert

__all__ = ["SETTLE", "SalesloftClient", "every_page"]

R = TypeVar("R", bound=BaseModel)
S = TypeVar("S", bound=ChangingRecord | ActivityHistory)
Filters = dict[str, str | int | bool | Iterable[str | int] | None]

SETTLE = timedelta(minutes=2)


class SalesloftClient:
    """Calls of one team, with one source of tokens and one budget. The wire may be shared with other teams' clients.

    Reads are repeated within the call's time; a write only where Salesloft has certainly not carried it out. Every
    method raises what :mod:`salesloft_client.errors` says. Lists give one page; :func:`every_page` turns them.
    """

    def __init__(
        self,
        *,
        wire: Wire,
        tokens: TokenSource,
        budget: TeamBudget | None = None,
        clock: BusinessClock | None = None,
        observer: Observer | None = None,
        settings: TransportSettings | None = None,
        context: CallContext | None = None,
    ) -> None:
        self._clock = clock or BusinessClock()
        self._context = context or CallContext()
        self._transport = Transport(
            wire=wire,
            tokens=tokens,
            budget=budget or Unlimited(),
            clock=self._clock,
            observer=observer or NothingObserved(),
            settings=settings or TransportSettings(),
        )

    def using(
        self, *, lane: Lane | None = None, correlation_id: str | None = None, time_budget_s: float | None = None
    ) -> Self:
        """The same client for calls of another lane, correlation id or time; what is not given stays."""
        other = object.__new__(type(self))
        other._clock = self._clock
        other._transport = self._transport
        other._context = replace(
            self._context,
            lane=lane or self._context.lane,
            correlation_id=correlation_id or self._context.correlation_id,
            time_budget_s=time_budget_s or self._context.time_budget_s,
        )
        return other

    # Team, users, cadences: read only.

    async def me(self) -> User:
        """The user behind the token."""
        return await self._show(User, "/me")

    async def team(self) -> Team:
        """The team of the user behind the token."""
        return await self._show(Team, "/team")

    async def users(
        self, *, search: str | None = None, ids: Iterable[int] = (), active: bool | None = None
    ) -> Page[User]:
        """All users that the token's user may see, in one answer: Salesloft pages users only if a page is asked for.

        ``search`` is a part of a name or an address. Not every user may see the others.
        """
        return await self._list(User, "/users", {"search": search, "ids[]": ids, "active": active})

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
        """``people_addable`` leaves out drafts and archived ones."""
        filters: Filters = {
            "ids[]": ids,
            "people_addable": people_addable,
            "team_cadence": team_cadence,
            "archived": archived,
        }
        return await self._list(Cadence, "/cadences", filters, page=page, per_page=per_page)

    async def cadence(self, cadence_id: int) -> Cadence:
        return await self._show(Cadence, f"/cadences/{cadence_id}")

    async def steps(
        self, *, cadence_id: int | None = None, ids: Iterable[int] = (), page: int = 1, per_page: int = 100
    ) -> Page[Step]:
        """Steps in no useful order: sort by ``day`` and ``step_number``."""
        return await self._list(Step, "/steps", {"cadence_id": cadence_id, "ids[]": ids}, page=page, per_page=per_page)

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
        call = ApiCall(method="DELETE", path=f"/cadence_memberships/{membership_id}", repeat=Repeat.WRITE)
        await self._transport.carry(call, self._context, lambda _: None)

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

    async def email(self, email_id: int) -> Email:
        return await self._show(Email, f"/activities/emails/{email_id}")

    async def call(self, call_id: int) -> Call:
        return await self._show(Call, f"/activities/calls/{call_id}")

    # Webhooks: see salesloft_client.webhooks for what is delivered.

    async def webhook_subscriptions(self) -> Page[WebhookSubscription]:
        """The team's subscriptions, all of them and everybody's."""
        return await self._list(WebhookSubscription, "/webhook_subscriptions", {})

    async def create_webhook_subscription(self, subscription: NewWebhookSubscription) -> WebhookSubscription:
        """Subscribe to one event type. What a second one for the same address does is not documented: look first."""
        path = "/webhook_subscriptions"
        origin = self._origin("POST", path)
        call = ApiCall(method="POST", path=path, repeat=Repeat.WRITE, body=subscription.body())
        return await self._transport.carry(
            call, self._context, lambda answer: read_one_bare(WebhookSubscription, answer, origin=origin)
        )

    async def delete_webhook_subscription(self, subscription_id: int) -> None:
        """End one. Repeatable: one that is gone is no error (Salesloft docs: webhooks)."""
        call = ApiCall(method="DELETE", path=f"/webhook_subscriptions/{subscription_id}", repeat=Repeat.READ)
        await self._transport.carry(call, self._context, lambda _: None)

    async def changes(
        self,
        stream: streams.Stream[S],
        since: CursorPosition,
        *,
        where: Filters | None = None,
        settle: timedelta = SETTLE,
        settings: CursorSettings | None = None,
    ) -> AsyncIterator[Batch[S]]:
        """What has changed ``since``, up to ``settle`` before now, oldest first: see :mod:`salesloft_client.cursor`.

        Keep each batch's position in the transaction that keeps what was made of its rows, and begin there next time.
        ``where`` narrows the stream by filters of its list, such as ``{"person_id[]": [1, 2]}``; such a reading has a
        position of its own. ``settle`` covers both late commits and the difference between Salesloft's clock and ours.
        """
        origin = self._origin("GET", stream.path)
        settings = settings or CursorSettings()
        cursor = ChangeCursor[S](since, read_to=self._clock.now() - settle, origin=origin, settings=settings)
        narrowed = _query(where or {})
        while (request := cursor.request) is not None:
            call = ApiCall(
                method="GET",
                path=stream.path,
                repeat=Repeat.READ,
                query=(*request.query(), *narrowed),
                cost=cost_of_page(request.page),
            )
            page = await self._transport.carry(
                call, self._context, lambda answer: read_changes(stream.record, answer, origin=origin)
            )
            before = cursor.position
            batch = cursor.feed(page.rows, has_more=page.has_more(request.per_page))
            if batch.rows or page.unreadable or batch.position != before:
                yield replace(batch, unreadable=page.unreadable)

    def _origin(self, method: str, path: str) -> Origin:
        return Origin(method=method, path=path, correlation_id=self._context.correlation_id)

    async def _show(self, model: type[R], path: str) -> R:
        origin = self._origin("GET", path)
        call = ApiCall(method="GET", path=path, repeat=Repeat.READ)
        return await self._transport.carry(call, self._context, lambda answer: read_one(model, answer, origin=origin))

    async def _list(
        self, model: type[R], path: str, filters: Filters, *, page: int | None = None, per_page: int | None = None
    ) -> Page[R]:
        origin = self._origin("GET", path)
        call = ApiCall(
            method="GET",
            path=path,
            repeat=Repeat.READ,
            query=_query({**filters, "page": page, "per_page": per_page}),
            cost=cost_of_page(page or 1),
        )
        return await self._transport.carry(call, self._context, lambda answer: read_page(model, answer, origin=origin))

    async def _write(self, model: type[R], path: str, body: bytes) -> R:
        origin = self._origin("POST", path)
        call = ApiCall(method="POST", path=path, repeat=Repeat.WRITE, body=body)
        return await self._transport.carry(call, self._context, lambda answer: read_one(model, answer, origin=origin))


async def every_page(fetch: Callable[[int], Awaitable[Page[R]]], *, deepest_page: int = 100) -> AsyncIterator[Page[R]]:
    """The pages of a list, in turn: ``every_page(lambda page: client.cadences(page=page))``.

    For lists that are short and hold still. Ends after ``deepest_page``, beyond which a page costs more; whether
    that was the end, the last page's ``next_page`` tells.
    """
    number: int | None = 1
    while number is not None and number <= deepest_page:
        page = await fetch(number)
        yield page
        number = page.next_page


def _query(filters: Filters) -> tuple[tuple[str, str], ...]:
    """Filters as Salesloft writes them: repeated names ending in ``[]`` for arrays, ``true`` and ``false``."""
    pairs: list[tuple[str, str]] = []
    for name, value in filters.items():
        if value is None:
            continue
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, str | int):
            pairs.append((name, str(value)))
        else:
            pairs.extend((name, str(item)) for item in value)
    return tuple(pairs)
