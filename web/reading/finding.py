"""Looking for people and customers by name, and what users are called."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict

from enrollment.consent import normalised_email
from schemas.engagement import ActiveCadence
from schemas.fields import Id
from storage import activity, naming
from storage.finding import find_customers, find_people
from web.paging import LARGEST_PAGE, Paging, paging
from web.reading.asking import Looked, Looking, OwnerFilter, Page, anybody, owner_asked_for
from web.security import Caller

__all__ = ["finding_routes"]


class PersonListed(Looked):
    """A stakeholder. `left` says that they are with the customer no more, `cadences` which they are on now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "sth-2",
                    "name": "Ann Lee",
                    "title": "VP Engineering",
                    "role": "champion",
                    "customer_id": "cus-7",
                    "customer_name": "Acme",
                    "left": False,
                    "cadences": [{"id": 456, "name": "Renewal 90", "step": 2, "steps": 7}],
                }
            ]
        }
    )

    id: str
    name: str
    title: str | None
    role: str | None
    customer_id: str
    customer_name: str | None
    left: bool
    cadences: list[ActiveCadence]


class CustomerListed(Looked):
    """A customer, and the user of the platform who looks after it.

    `people_on_cadence` counts those whom an approver let onto one, also those who are paused there.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "cus-7",
                    "name": "Acme",
                    "segment": "enterprise",
                    "owner_user_id": "usr-3",
                    "people_on_cadence": 2,
                }
            ]
        }
    )

    id: str
    name: str
    segment: str | None
    owner_user_id: str | None
    people_on_cadence: int


class UserNamed(Looked):
    """What a user of the platform is called: as an approver, or as Salesloft knows the owner of a customer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "usr-3", "name": "Kim Olsen"}]})

    id: str
    name: str


class UsersNamed(Looked):
    """Those of whom any record says it; the others are not among them."""

    users: list[UserNamed]


Sought = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Only those in whose name each of these words is, also as a part of a word, in capitals or not.",
    ),
]


def finding_routes(looking_: Looking) -> APIRouter:
    """`GET /api/salesloft/people`, `.../customers` and `.../users`."""
    routes = APIRouter(prefix="/api/salesloft", tags=["people"])
    who = anybody(looking_)

    @routes.get("/people")
    async def people(
        caller: Annotated[Caller, Depends(who)], page: Annotated[Paging, Depends(paging)], q: Sought = None
    ) -> Page[PersonListed]:
        """Stakeholders by name; by their address, too, where `q` is the whole of it. Nobody erased is among them."""
        question = ("people", caller.organization_id, q)
        after = page.after(question, str, str)
        async with looking_.of(caller) as connection:
            rows = await find_people(
                connection,
                caller.organization_id,
                q,
                email=normalised_email(q),
                after=(after[0], after[1]),
                limit=page.limit + 1,
            )
            found, following = page.cut(question, rows, lambda one: (one.name, one.stakeholder_id))
            on = await activity.active_cadences(
                connection, caller.organization_id, [one.stakeholder_id for one in found]
            )
        return Page[PersonListed](
            items=[
                PersonListed(
                    id=one.stakeholder_id,
                    name=one.name,
                    title=one.title,
                    role=one.role,
                    customer_id=one.customer_id,
                    customer_name=one.customer_name,
                    left=one.left,
                    cadences=on.get(one.stakeholder_id, []),
                )
                for one in found
            ],
            next_cursor=following,
            read_at=looking_.clock.now(),
        )

    @routes.get("/customers")
    async def customers(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        q: Sought = None,
        owner: OwnerFilter = None,
    ) -> Page[CustomerListed]:
        """Customers by name. None erased is among them."""
        owner_user_id = owner_asked_for(caller, owner)
        question = ("customers", caller.organization_id, q, owner_user_id)
        after = page.after(question, str, str)
        async with looking_.of(caller) as connection:
            rows = await find_customers(
                connection,
                caller.organization_id,
                q,
                owner_user_id=owner_user_id,
                after=(after[0], after[1]),
                limit=page.limit + 1,
            )
        found, following = page.cut(question, rows, lambda one: (one.name, one.customer_id))
        return Page[CustomerListed](
            items=[
                CustomerListed(
                    id=one.customer_id,
                    name=one.name,
                    segment=one.segment,
                    owner_user_id=one.owner_user_id,
                    people_on_cadence=one.people_on_cadence,
                )
                for one in found
            ],
            next_cursor=following,
            read_at=looking_.clock.now(),
        )

    @routes.get("/users")
    async def users(
        caller: Annotated[Caller, Depends(who)],
        id_: Annotated[list[Id], Query(alias="id", max_length=LARGEST_PAGE, description="Of these users.")],
    ) -> UsersNamed:
        """What users of the platform are called, as far as it is known here."""
        async with looking_.of(caller) as connection:
            names = await naming.users(connection, caller.organization_id, id_)
        return UsersNamed(users=[UserNamed(id=user_id, name=name) for user_id, name in sorted(names.items())])

    return routes
