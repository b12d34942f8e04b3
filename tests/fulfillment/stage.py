"""A stage for fulfillment: a team in the simulator, its organization connected, enrollments approved by the book."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from cryptography.fernet import Fernet

from enrollment.criteria import parse_criteria
from enrollment.mappings import CustomersOwner, Mapping, Policy, Sender
from fulfillment.carrying import Workbench
from fulfillment.handlers import all_handlers
from fulfillment.options import Backoff, FulfillmentOptions
from fulfillment.worker import CommandWorker
from salesloft_client import OAuthApp, RetrySettings, TransportSettings
from sandbox.salesloft.server import SimulatorClient
from schemas.approval import EnrollmentDecision
from schemas.registry import LIFECYCLE_TYPES
from schemas.vocabulary import PURPOSE_OF_TRIGGER, TriggerType
from storage import organizations
from storage.pool import Database
from workflows.approve import IncomingDecision, take_decisions
from workflows.credentials import ApiKey, Keyring
from workflows.memory import OrganizationMemory
from workflows.request import decide_and_request
from workflows.salesloft_time import DatedWire
from workflows.session import SessionOptions, Sessions
from workflows.situations import Trigger

QUICK = FulfillmentOptions(
    concurrency=8,
    organization_limit=4,
    lease_s=30.0,
    call_s=1.2,
    grace_s=0.2,
    poll_s=0.1,
    drain_s=5.0,
    bulk_poll_s=0.05,
    backoff=Backoff(first_s=0.02, longest_s=0.2),
)
KEY = Fernet.generate_key().decode()
KEYRING = Keyring({"k1": KEY}, "k1")


class StageClock:
    """The simulator's time: the machine's, and what the simulator is ahead of it."""

    speed = 1.0

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Stage:
    """One organization with its team."""

    simulator: SimulatorClient
    database: Database
    dsn: str
    clock: StageClock
    sessions: Sessions
    organization_id: str
    team: dict[str, Any]
    memory: OrganizationMemory
    mapping: Mapping

    @property
    def team_id(self) -> int:
        return int(self.team["team_id"])

    @property
    def cadence(self) -> dict[str, Any]:
        return next(one for one in self.team["cadences"] if one["team_cadence"] and not one["draft"])

    async def approved(
        self,
        stakeholder: dict[str, Any] | None = None,
        *,
        customer_id: str = "cus-1",
        trigger_type: TriggerType = TriggerType.AT_RISK,
    ) -> UUID:
        """An enrollment that a trigger asked for and an approver approved, due at once."""
        person = {"id": f"sth-{uuid4().hex[:8]}", "name": "Ann Lee", **(stakeholder or {})}
        person.setdefault("email", f"{person['id']}@acme.example")
        await self.trigger(customer_id, [person], f"epi-{uuid4().hex[:8]}", trigger_type)
        row = await self.fetchrow(
            "SELECT id, request_digest FROM enrollments WHERE stakeholder_id = $1 ORDER BY created_at DESC LIMIT 1",
            person["id"],
        )
        assert row is not None, await self.fetch("SELECT outcomes FROM evaluations")
        await self.approve(row["id"], row["request_digest"], customer_id)
        return UUID(str(row["id"]))

    async def trigger(
        self,
        customer_id: str,
        stakeholders: list[dict[str, Any]],
        key: str,
        trigger_type: TriggerType = TriggerType.AT_RISK,
    ) -> None:
        """A risk by its episode's id, or a signal of expansion by its own."""
        details: dict[str, Any] = {"episode_id": key, "severity": "high", "reasons": []}
        if trigger_type is TriggerType.EXPANSION_SIGNAL:
            details = {"signal_id": key, "kind": "seats", "potential_arr": "30000.00"}
        data = orjson.dumps(
            {
                "organization_id": self.organization_id,
                "customer": {
                    "id": customer_id,
                    "name": "Acme",
                    "domain": "acme.example",
                    "owner": {"user_id": "usr-3", "email": self.team["users"][1]["email"]},
                },
                "stakeholders": stakeholders,
                "trigger": details,
            }
        )
        now = self.clock.now()
        event_type = LIFECYCLE_TYPES[trigger_type]
        trigger = Trigger(
            trigger_type=trigger_type,
            event=event_type.parse(data),
            event_id=key,
            event_source="/test",
            event_type=event_type.name,
            event_time=now,
            correlation_id=f"corr-{key}",
            data=data,
        )
        async with self.database.transaction() as connection:
            await decide_and_request(connection, [trigger], self.memory, now)

    async def approve(self, enrollment_id: Any, digest: str, customer_id: str = "cus-1") -> None:
        now = self.clock.now()
        decision = EnrollmentDecision.model_validate(
            {
                "organization_id": self.organization_id,
                "customer_id": customer_id,
                "enrollment_id": enrollment_id,
                "request_digest": digest,
                "decided_by": {"user_id": "usr-9", "name": "Lea"},
                "decided_at": now,
            }
        )
        incoming = IncomingDecision(
            decision=decision, verdict="approved", event_id=str(uuid4()), event_source="/approvals"
        )
        async with self.database.transaction() as connection:
            assert await take_decisions(connection, [incoming], self.memory, now) == 1

    def worker(self, options: FulfillmentOptions = QUICK, **changes: Any) -> CommandWorker:
        options = replace(options, **changes)
        bench = Workbench(
            database=self.database,
            sessions=self.sessions,
            memory=OrganizationMemory(),
            clock=self.clock,
            options=options,
        )
        return CommandWorker(bench, self.dsn, all_handlers(bench))

    @asynccontextmanager
    async def working(self, options: FulfillmentOptions = QUICK, **changes: Any) -> AsyncIterator[CommandWorker]:
        worker = self.worker(options, **changes)
        async with running(worker):
            yield worker

    async def advance_decision_version(self) -> None:
        async with self.database.transaction() as connection:
            await organizations.advance_decision_version(connection, self.organization_id, self.clock.now())

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        async with self.database.connection() as connection:
            return list(await connection.fetch(query, *arguments))

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        rows = await self.fetch(query, *arguments)
        return rows[0] if rows else None

    async def execute(self, query: str, *arguments: Any) -> None:
        async with self.database.connection() as connection:
            await connection.execute(query, *arguments)

    async def state(self, enrollment_id: UUID) -> tuple[str, str | None]:
        row = await self.fetchrow("SELECT state, reason FROM enrollments WHERE id = $1", enrollment_id)
        return row["state"], row["reason"]

    async def reaches(self, enrollment_id: UUID, state: str, *, within_s: float = 60.0) -> None:
        """Wait until the enrollment is in that state."""

        async def there() -> bool:
            return (await self.state(enrollment_id))[0] == state

        try:
            await until(there, within_s=within_s)
        except TimeoutError:
            history = await self.history(enrollment_id)
            command = await self.fetchrow("SELECT * FROM commands WHERE enrollment_id = $1", enrollment_id)
            raise AssertionError(f"not {state}: {history} {command}") from None

    async def history(self, enrollment_id: UUID) -> list[tuple[str, str | None]]:
        rows = await self.fetch(
            "SELECT to_state, reason FROM enrollment_history WHERE enrollment_id = $1 ORDER BY sequence", enrollment_id
        )
        return [(row["to_state"], row["reason"]) for row in rows]

    async def writes(self, resource: str, method: str = "POST") -> list[dict[str, Any]]:
        """What the simulator has accepted of one kind."""
        return [
            one
            for one in await self.simulator.writes(self.team_id)
            if one["resource"] == resource and one["method"] == method
        ]

    async def advance(self, seconds: float) -> None:
        """Let time pass for the simulator and for the service."""
        now = await self.simulator.advance(seconds)
        self.clock.ahead = now - datetime.now(UTC)

    async def salesloft(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A call to the team's Salesloft by somebody else, with the team's key."""
        answer = await self.simulator._http.request(
            method,
            f"{self.simulator.base_url}/v2{path}",
            json=body,
            headers={"authorization": f"Bearer {self.team['api_key']}"},
        )
        answer.raise_for_status()
        return answer.json()["data"] if answer.content else None

    async def settled(self) -> None:
        """Wait until no command is pending."""

        async def none_pending() -> bool:
            return not await self.fetch("SELECT FROM commands WHERE state = 'pending'")

        await until(none_pending)


async def until(condition: Callable[[], Awaitable[bool]], *, within_s: float = 60.0) -> None:
    """Look again and again; TimeoutError if it does not come true."""
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110  # what is waited for happens in a database
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(*parts: Any) -> AsyncIterator[None]:
    """Background parts for the length of a block; what they raise is raised here."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        for part in parts:
            await asyncio.wait_for(part.ready.wait(), 10)
        yield
    finally:
        for part in parts:
            part.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.gather(*tasks), 15)


async def set_stage(
    simulator: SimulatorClient, database: Database, dsn: str, wire: DatedWire, clock: StageClock, **plan: Any
) -> Stage:
    """A team of its own with one connected organization and one published mapping."""
    organization_id = f"org-{uuid4().hex[:8]}"
    # Nobody answers or bounces by chance, for either would take them off their cadence.
    temperament = {"reps_work": False, "bounce": 0.0, "view": 0.0}
    team = await simulator.team(f"Team {organization_id}", temperament=temperament, **plan)
    sessions = sessions_of(simulator, database, wire, clock, team)
    await sessions.connect(organization_id, ApiKey(team["api_key"]), by="usr-1")
    stage = Stage(
        simulator=simulator,
        database=database,
        dsn=dsn,
        clock=clock,
        sessions=sessions,
        organization_id=organization_id,
        team=team,
        memory=OrganizationMemory(),
        mapping=None,  # type: ignore[arg-type]  # published below
    )
    stage.mapping = await publish(stage, stage.cadence["id"], "default")
    return stage


async def publish(
    stage: Stage,
    cadence_id: int,
    group: str,
    sender: Sender | None = None,
    trigger_type: TriggerType = TriggerType.AT_RISK,
    *,
    policy: Policy | None = None,
    stakeholders: str = '{"all": []}',
    priority: int = 1,
) -> Mapping:
    """A mapping for everybody at risk, or of another trigger; `stakeholders` are criteria."""
    mapping = Mapping(
        id=uuid4(),
        version=0,
        trigger_type=trigger_type,
        segment=None,
        purpose=PURPOSE_OF_TRIGGER[trigger_type],
        cadence_id=cadence_id,
        start_step_id=None,
        sender=sender or CustomersOwner(),
        stakeholder_criteria=parse_criteria(stakeholders),
        customer_criteria=parse_criteria('{"all": []}'),
        policy=policy or Policy(),
        priority=priority,
        exclusivity_group=group,
        enabled=True,
    )
    now = stage.clock.now()
    async with stage.database.transaction() as connection:
        published = await organizations.publish_mapping(
            connection, stage.organization_id, mapping, cadence_name="Save", by=None, now=now
        )
        await organizations.advance_decision_version(connection, stage.organization_id, now)
    return published


def sessions_of(
    simulator: SimulatorClient, database: Database, wire: DatedWire, clock: StageClock, team: dict[str, Any]
) -> Sessions:
    app = OAuthApp(
        client_id=team["client_id"],
        client_secret=team["client_secret"],
        redirect_uri="http://localhost/callback",
        auth_host=simulator.base_url,
    )
    transport = TransportSettings(
        base_url=f"{simulator.base_url}/v2", retry=RetrySettings(first_wait_s=0.02, longest_wait_s=0.2)
    )
    return Sessions(
        database=database,
        wire=wire,
        keyring=KEYRING,
        clock=clock,
        options=SessionOptions(app=app, auth_host=simulator.base_url, transport=transport),
    )
