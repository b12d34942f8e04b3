"""Who may have what done: viewers nothing, a csm for their own customers, managers and admins for everybody's.

An organization sees its own alone: another one's id is answered like one that does not exist.
"""

from collections.abc import Awaitable, Callable

from fastapi import Request

from storage import directory
from storage.pool import Connection
from web.problems import Problem
from web.security import Caller, CallerRole, Callers, having_role

__all__ = ["acting", "check_customer", "may_act_for"]


def acting(callers: Callers) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: a caller who may have something done for somebody. Raises Problem: 401, 403 or 503."""
    return having_role(callers, CallerRole.CSM, CallerRole.MANAGER, CallerRole.ADMIN)


async def check_customer(connection: Connection, caller: Caller, customer_id: str | None) -> None:
    """Raises Problem, 403, where the customer is not the caller's to act for, by the owner that the directory names.

    A customer whom nobody knows is nobody's, and a viewer acts for none: they may have been more when they asked.
    """
    if caller.role is CallerRole.VIEWER:
        raise Problem(403, "role_required", "A viewer has nothing done for anybody.")
    if caller.role is not CallerRole.CSM:
        return
    if customer_id is None:
        raise _another()
    key = (caller.organization_id, customer_id)
    row = (await directory.read_customers(connection, [key])).get(key)
    if not may_act_for(caller, row.owner_user_id if row is not None else None):
        raise _another()


def may_act_for(caller: Caller, owner_user_id: str | None) -> bool:
    """Whether the caller may have something done for a customer of whom this is the owner."""
    match caller.role:
        case CallerRole.VIEWER:
            return False
        case CallerRole.CSM:
            return owner_user_id == caller.user_id
    return True


def _another() -> Problem:
    return Problem(403, "customer_of_another", "A csm acts for the customers that they own, and this is none of them.")
