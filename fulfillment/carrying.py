"""What carries out a command: a handler for each kind, and what they share."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from enrollment.states import Happening
from fulfillment.options import FulfillmentOptions
from salesloft_client import Lane, SalesloftClient
from schemas.vocabulary import Reason
from storage import commands, connections, directory, enrollments
from storage.commands import Claimed
from storage.directory import CustomerRow
from storage.enrollments import Enrollment
from storage.errors import ConcurrentChange
from storage.pool import Connection, Database
from workflows.clock import Clock
from workflows.memory import OrganizationMemory
from workflows.session import NotConnected, Session, Sessions
from workflows.transitions import Change, transition

__all__ = [
    "OTHER_TEAM_LOOKED_AT_EVERY",
    "Handler",
    "Locked",
    "Outcome",
    "Parked",
    "Workbench",
    "end_call",
    "lock_enrollment",
]

# A refresh of the tokens may hold the connection as long.
_LOCK_WAIT_S = 10.0
OTHER_TEAM_LOOKED_AT_EVERY = timedelta(hours=1)
"""Whoever connects a team has what waits for it looked at at once; this is for when that is not to be seen."""


class Outcome(StrEnum):
    """How a turn at a command ended, for the metrics."""

    DONE = "done"
    RETRIED = "retried"
    PARKED = "parked"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Parked(Exception):
    """The organization lost its connection after the command was claimed, or has another team's: it was given back."""


class Handler(Protocol):
    """Carries out one kind of command."""

    async def carry_out(self, command: Claimed) -> Outcome:
        """Do the work, and finish or release the command in the transaction that records it.

        May be called again after any failure, and takes up where the rows say that the work stands. Raises LeaseLost
        where another worker has taken over, SalesloftError and storage's errors where it has not released the command
        itself, and Parked.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """What handlers work with. `memory` holds organizations' facts."""

    database: Database
    sessions: Sessions
    memory: OrganizationMemory
    clock: Clock
    options: FulfillmentOptions

    async def session(self, command: Claimed) -> Session:
        """The session of a command's organization. Raises Parked where it has none; the command is given back then."""
        try:
            return await self.sessions.of(command.organization_id)
        except NotConnected as error:
            async with self.database.connection() as connection:
                await commands.release(connection, command, error=str(error))
            raise Parked from error

    async def session_of(self, command: Claimed, enrollment: Enrollment) -> Session:
        """The same for what is done about an enrollment. Raises Parked also where another team is connected than its.

        Its ids mean nothing there, or something else: it waits until its own team is back.
        """
        session = await self.session(command)
        if not enrollment.is_of(session.team_id):
            due_at = self.clock.now() + OTHER_TEAM_LOOKED_AT_EVERY
            async with self.database.connection() as connection:
                await commands.release(connection, command, error=Reason.NOT_CONNECTED.value, due_at=due_at)
            raise Parked("another team is connected")
        return session

    async def hold_team(self, connection: Connection, session: Session) -> None:
        """Have no other team connected before the commit. Raises ConcurrentChange where one is by now.

        The caller holds nothing but the command.
        """
        stored = await connections.lock(connection, session.organization_id, wait_s=_LOCK_WAIT_S)
        if stored is None or stored.team_id != session.team_id:
            raise ConcurrentChange("another team was connected meanwhile")

    def client(self, session: Session, command: Claimed) -> SalesloftClient:
        """A client for one command's calls, each of which ends long before the lease."""
        return session.client.using(
            lane=Lane.ENROLLMENT, correlation_id=command.correlation_id, time_budget_s=self.options.call_s
        )


@dataclass(frozen=True, slots=True)
class Locked:
    """An enrollment and its customer, locked until the commit."""

    customer: CustomerRow
    enrollment: Enrollment


async def lock_enrollment(connection: Connection, command: Claimed) -> Locked | None:
    """Begin another lease, then lock the customer and the enrollment; None if the command names none that there is."""
    await commands.hold(connection, command)
    key = (command.organization_id, str(command.payload["customer_id"]))
    customer = (await directory.lock_customers(connection, [key]))[key]
    if command.enrollment_id is None:
        return None
    enrollment = (await enrollments.lock(connection, [command.enrollment_id])).get(command.enrollment_id)
    return Locked(customer, enrollment) if enrollment is not None else None


async def end_call(connection: Connection, change: Change, now: datetime) -> Enrollment:
    """Make a change that leaves no membership behind; an end that was kept while the call was open takes its place."""
    enrollment = change.enrollment
    if enrollment.pending_end is not None and change.happening is not Happening.BLOCK:
        change = Change(
            enrollment=enrollment,
            happening=Happening.WITHDRAW_CALL,
            reason=enrollment.pending_end,
            detail={"instead_of": change.happening.value, "reason": change.reason},
        )
    (moved,) = await transition(connection, [change], now)
    return moved
