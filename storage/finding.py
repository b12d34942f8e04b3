"""People and customers by name. Nothing here writes."""

import re
from dataclasses import dataclass
from typing import Final

from storage.pool import Connection
from storage.queries import queries
from storage.rows import rows_as

__all__ = ["CustomerFound", "PersonFound", "find_customers", "find_people"]

# What stands for anything in a pattern of SQL's.
_WILD: Final = re.compile(r"[\\%_]")


@dataclass(slots=True)
class PersonFound:
    """A stakeholder who has the name that is looked for; `left` is whether they are with the customer no more."""

    stakeholder_id: str
    name: str
    customer_id: str
    customer_name: str | None
    title: str | None
    role: str | None
    left: bool


@dataclass(slots=True)
class CustomerFound:
    """A customer that has the name that is looked for, and how many people of it are on a cadence, or paused there."""

    customer_id: str
    name: str
    segment: str | None
    owner_user_id: str | None
    people_on_cadence: int


async def find_people(
    connection: Connection,
    organization_id: str,
    sought: str | None,
    *,
    email: str | None,
    after: tuple[str | None, str | None],
    limit: int,
) -> list[PersonFound]:
    """Stakeholders in whose name each word of `sought` is, or who have an address; by name and id."""
    return rows_as(
        PersonFound,
        await queries.look_for_people(
            connection,
            organization_id=organization_id,
            patterns=_patterns(sought),
            email=email,
            after_name=after[0],
            after_id=after[1],
            at_most=limit,
        ),
    )


async def find_customers(
    connection: Connection,
    organization_id: str,
    sought: str | None,
    *,
    owner_user_id: str | None,
    after: tuple[str | None, str | None],
    limit: int,
) -> list[CustomerFound]:
    """Customers in whose name each word of `sought` is, a user's own where one is given; by name and id."""
    return rows_as(
        CustomerFound,
        await queries.look_for_customers(
            connection,
            organization_id=organization_id,
            patterns=_patterns(sought),
            owner_user_id=owner_user_id,
            after_name=after[0],
            after_id=after[1],
            at_most=limit,
        ),
    )


def _patterns(sought: str | None) -> list[str] | None:
    words = sought.split() if sought is not None else []
    return ["%" + _WILD.sub(r"\\\g<0>", word) + "%" for word in words] or None
