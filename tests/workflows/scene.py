"""One organization with its team in a real database, and everything that can happen to its customers."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from enrollment.mappings import Mapping
from schemas.approval import ApprovalRequested, EnrollmentDecision
from schemas.directory import DirectoryCustomer, DirectoryStakeholder
from schemas.registry import EVENT_TYPES, LIFECYCLE_TYPES, OUTCOME_TYPES
from schemas.vocabulary import OutcomeType, TriggerType
from storage import directory, enrollments, organizations
from storage.enrollments import Enrollment
from storage.evaluations import customers_to_decide_again
from storage.organizations import CadenceRecord, UserRecord
from storage.pool import Connection, Database
from tests.enrollment.samples import mapping
from workflows.approve import IncomingDecision, take_decisions
from workflows.mappings import publish
from workflows.memory import OrganizationMemory
from workflows.outcomes import IncomingOutcome, take_outcomes
from workflows.request import decide_again, decide_and_request
from workflows.situations import Trigger
from workflows.snapshots import CustomerUpdate, Erasure, StakeholderUpdate, take_snapshots

T0 = datetime(2026, 11, 23, 9, tzinfo=UTC)
DETAILS: dict[TriggerType, dict[str, Any]] = {
    TriggerType.NEW_CUSTOMER: {"signed_at": "2026-11-20T15:04:05.000000Z"},
    TriggerType.RENEWAL_WINDOW: {"contract_id": "con-5", "term_end": "2027-03-31", "days_to_renewal": 90},
    TriggerType.AT_RISK: {"episode_id": "epi-2", "severity": "high", "reasons": ["Ann Lee stopped logging in"]},
    TriggerType.EXPANSION_SIGNAL: {"signal_id": "sig-4", "kind": "seats", "potential_arr": "30000.00"},
}
CUSTOMER = {
    "id": "cus-7",
    "name": "Acme",
    "segment": "mid-market",
    "tier": "enterprise",
    "health_score": 41,
    "owner": {"user_id": "usr-3", "email": "csm@cscx.example"},
}
ANN = {"id": "sth-9", "name": "Ann Lee", "email": "ann@acme.example", "title": "VP", "is_champion": True}
BOB = {"id": "sth-8", "name": "Bob Ray", "email": "bob@acme.example", "title": "CTO", "is_champion": False}


@dataclass
class Scene:
    """`now` is business time; it stands still until a test moves it."""

    database: Database
    organization_id: str = "org-1"
    now: datetime = T0
    memory: OrganizationMemory = field(default_factory=OrganizationMemory)
    offset: int = 0

    async def set_up(self, *, connected: bool = True) -> "Scene":
        async with self.database.transaction() as connection:
            await organizations.ensure(connection, [self.organization_id], self.now)
            await self.keep_team(connection)
            if connected:
                await self.connect(connection)
        return self

    async def keep_team(self, connection: Connection, *, cadences: Sequence[int] = (456, 457)) -> None:
        steps = [
            {"id": 77, "name": "First", "day": 1, "step_number": 1, "type": "email", "disabled": False},
            {"id": 78, "name": "Second", "day": 3, "step_number": 2, "type": "phone", "disabled": False},
        ]
        await organizations.keep_cadences(
            connection,
            self.organization_id,
            [
                CadenceRecord(
                    cadence_id=one,
                    name=f"Renewal {one}",
                    people_addable=True,
                    team_cadence=True,
                    current_state="active",
                    owner_user_id=12,
                    steps=steps,
                    record=b"{}",
                )
                for one in cadences
            ],
            self.now,
        )
        users = [(12, "csm@cscx.example", "Kim"), (13, "lea@cscx.example", "Lea")]
        await organizations.keep_users(
            connection,
            self.organization_id,
            [UserRecord(user_id=id_, guid=None, email=email, name=name, active=True) for id_, email, name in users],
            self.now,
        )

    async def connect(self, connection: Connection) -> None:
        await connection.execute(
            "INSERT INTO salesloft_connections"
            " (organization_id, team_id, status, status_since, credential_kind, connected_at)"
            " VALUES ($1, $2, 'connected', $3, 'api_key', $3)",
            self.organization_id,
            zlib.crc32(self.organization_id.encode()),
            self.now,
        )
        await organizations.advance_decision_version(connection, self.organization_id, self.now)

    async def publish(self, *mappings: Mapping) -> list[Mapping]:
        async with self.database.transaction() as connection:
            return await publish(
                connection, self.organization_id, [(one, "Renewal 90") for one in mappings], by="usr-1", now=self.now
            )

    async def publish_for(self, *triggers: TriggerType, **changes: Any) -> list[Mapping]:
        """One mapping for everybody of each trigger."""
        return await self.publish(
            *(mapping(trigger_type=one, **{"id": uuid4(), "version": 0, **changes}) for one in triggers)
        )

    def trigger(
        self,
        trigger_type: TriggerType = TriggerType.RENEWAL_WINDOW,
        stakeholders: Sequence[dict[str, Any]] | None = (ANN,),
        *,
        at: datetime | None = None,
        customer: dict[str, Any] | None = None,
        event_id: str | None = None,
        **details: Any,
    ) -> Trigger:
        document: dict[str, Any] = {
            "organization_id": self.organization_id,
            "customer": CUSTOMER if customer is None else customer,
            "trigger": DETAILS[trigger_type] | details,
        }
        if stakeholders is not None:
            document["stakeholders"] = list(stakeholders)
        data = orjson.dumps(document)
        event_type = LIFECYCLE_TYPES[trigger_type]
        event_id = event_id or str(uuid4())
        return Trigger(
            trigger_type=trigger_type,
            event=event_type.parse(data),
            event_id=event_id,
            event_source="/cscx/test",
            event_type=event_type.name,
            event_time=at or self.now,
            correlation_id=f"journey-{event_id}",
            data=data,
        )

    async def decide(self, *triggers: Trigger) -> dict[str, int]:
        """Decide them in one transaction; how many met with which reason."""
        async with self.database.transaction() as connection:
            decided = await decide_and_request(connection, triggers, self.memory, self.now)
        return {reason.value: count for (_, reason), count in decided.counts.items()}

    async def decide_again(self) -> dict[str, int]:
        """What the timer does with whatever is due."""
        async with self.database.transaction() as connection:
            due = await customers_to_decide_again(connection, now=self.now, limit=100)
            decided = await decide_again(connection, due, self.memory, self.now)
        return {reason.value: count for (_, reason), count in decided.counts.items()}

    async def snapshots(
        self,
        *,
        customers: Sequence[dict[str, Any]] = (),
        stakeholders: Sequence[dict[str, Any]] = (),
        erased_customers: Sequence[str] = (),
        erased_stakeholders: Sequence[str] = (),
        at: datetime | None = None,
    ) -> None:
        """The directory's records, each at the next offset."""
        at = at or self.now
        owner = {"organization_id": self.organization_id}
        belongs = owner | {"customer_id": "cus-7"}

        def offset() -> int:
            self.offset += 1
            return self.offset

        def erasure(one: str) -> Erasure:
            return Erasure(key=(self.organization_id, one), as_of=at, offset=offset(), event_id=f"null/{one}")

        async with self.database.transaction() as connection:
            await take_snapshots(
                connection,
                customers=[
                    CustomerUpdate(snapshot=_parsed(DirectoryCustomer, owner | one), as_of=at, offset=offset())
                    for one in customers
                ],
                stakeholders=[
                    StakeholderUpdate(snapshot=_parsed(DirectoryStakeholder, belongs | one), as_of=at, offset=offset())
                    for one in stakeholders
                ],
                erased_customers=[erasure(one) for one in erased_customers],
                erased_stakeholders=[erasure(one) for one in erased_stakeholders],
                memory=self.memory,
                now=self.now,
            )

    def outcome(self, type_: OutcomeType, *, at: datetime | None = None, **changes: Any) -> IncomingOutcome:
        document = {"organization_id": self.organization_id, "customer_id": "cus-7", "reason": "so it is"} | changes
        return IncomingOutcome(
            outcome=_parsed(OUTCOME_TYPES[type_].model, document),
            type=type_,
            event_id=str(uuid4()),
            time=at or self.now,
        )

    async def end(self, *outcomes: IncomingOutcome) -> None:
        async with self.database.transaction() as connection:
            await take_outcomes(connection, outcomes, self.memory, self.now)

    def decision(
        self, asked: ApprovalRequested, verdict: Any = "approved", *, event_id: str | None = None, **changes: Any
    ) -> IncomingDecision:
        document = {
            "organization_id": asked.organization_id,
            "customer_id": asked.customer_id,
            "enrollment_id": str(asked.enrollment_id),
            "request_digest": asked.request_digest,
            "decided_by": {"user_id": "usr-4", "name": "Lea"},
            "decided_at": self.now.isoformat(),
        }
        return IncomingDecision(
            decision=_parsed(EnrollmentDecision, document | changes),
            verdict=verdict,
            event_id=event_id or str(uuid4()),
            event_source="/approvals",
        )

    async def take(self, *decisions: IncomingDecision) -> int:
        async with self.database.transaction() as connection:
            return await take_decisions(connection, decisions, self.memory, self.now)

    async def asked(self) -> list[ApprovalRequested]:
        """Every approval request that left, in order, held to the contract."""
        return [
            ApprovalRequested.model_validate_json(row["payload"], strict=False)
            for row in await self.rows(
                "SELECT payload FROM outbox WHERE type LIKE '%approval-requested%' ORDER BY position"
            )
        ]

    async def published(self) -> list[tuple[str, Any]]:
        """Every message that left, each parsed by its own type's model."""
        rows = await self.rows("SELECT type, payload FROM outbox ORDER BY position")
        return [
            (row["type"].split(".")[-2], EVENT_TYPES[row["type"]].parse(row["payload"]) if row["payload"] else None)
            for row in rows
        ]

    async def requested(self, *stakeholders: dict[str, Any]) -> list[ApprovalRequested]:
        """A renewal's requests for some stakeholders."""
        await self.decide(self.trigger(stakeholders=stakeholders or (ANN,)))
        return await self.asked()

    async def states(self) -> dict[str, tuple[str, str | None]]:
        """State and reason of each stakeholder's newest enrollment."""
        rows = await self.rows(
            "SELECT stakeholder_id, state, reason FROM enrollments ORDER BY created_at, updated_at, id"
        )
        return {row["stakeholder_id"]: (row["state"], row["reason"]) for row in rows}

    async def reasons(self) -> list[str]:
        """The reason of every outcome of every evaluation, in order."""
        rows = await self.rows("SELECT outcomes FROM evaluations ORDER BY evaluated_at, event_id")
        return [one["reason"] for row in rows for one in orjson.loads(row["outcomes"])]

    async def put_into(self, state: str, enrollment_id: UUID) -> None:
        await self.execute("UPDATE enrollments SET state = $1 WHERE id = $2", state, enrollment_id)

    async def enrollment(self, connection: Connection, enrollment_id: UUID) -> Enrollment:
        await directory.lock_customers(connection, [(self.organization_id, "cus-7")])
        return (await enrollments.lock(connection, [enrollment_id]))[enrollment_id]

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        async with self.database.connection() as connection:
            return list(await connection.fetch(query, *arguments))

    async def value(self, query: str, *arguments: Any) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> None:
        async with self.database.connection() as connection:
            await connection.execute(query, *arguments)

    def later(self, **delta: float) -> datetime:
        """Move business time on."""
        self.now += timedelta(**delta)
        return self.now


def _parsed(model: Any, document: dict[str, Any]) -> Any:
    return model.model_validate_json(orjson.dumps(document))
