"""Having things done over HTTP: an organization that is connected, whose customers are known, and work carried out."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson

from fulfillment.carrying import Workbench
from fulfillment.handlers import all_handlers
from fulfillment.options import Backoff, FulfillmentOptions
from schemas.approval import EnrollmentDecision
from schemas.directory import DirectoryCustomer, DirectoryStakeholder
from storage import commands
from storage.commands import Claim
from tests.web.stage import Api
from workflows.approve import IncomingDecision, take_decisions
from workflows.arbitration import resume
from workflows.credentials import ApiKey
from workflows.memory import OrganizationMemory
from workflows.snapshots import CustomerUpdate, StakeholderUpdate, take_snapshots

__all__ = ["CALM", "Acting", "acting", "refused"]

CALM: dict[str, Any] = {"temperament": {"reps_work": False, "bounce": 0.0, "view": 0.0}}
"""A team at Salesloft in which nobody does anything by chance."""
_OPTIONS = FulfillmentOptions(backoff=Backoff(first_s=3600.0, longest_s=3600.0))
"""What is put off is put off for longer than any test lasts."""


def refused(answer: httpx.Response, status: int, reason_code: str) -> dict[str, Any]:
    """The problem document of an answer."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["reason_code"]) == (status, reason_code), problem
    assert problem["correlation_id"] == answer.headers["x-correlation-id"]
    return problem


@dataclass
class Acting:
    """Customer cus-1 is usr-1's and cus-2 is usr-2's; sth-1 and sth-2 are theirs."""

    api: Api
    memory: OrganizationMemory

    @property
    def cadence(self) -> dict[str, Any]:
        found: dict[str, Any] = next(
            one for one in self.api.team["cadences"] if one["team_cadence"] and not one["draft"]
        )
        return found

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **claims: Any
    ) -> httpx.Response:
        """A request; by default of usr-1, who is a csm."""
        headers = self.api.headers(**{"role": "csm", **claims})
        if key is not None:
            headers["idempotency-key"] = key
        return await self.api.http.request(method, path, json=body, headers=headers)

    async def add(
        self, stakeholder_id: str = "sth-1", *, query: str = "", key: str | None = None, **asked: Any
    ) -> httpx.Response:
        """Ask for somebody by hand; claims go in `claims`."""
        claims = asked.pop("claims", {})
        cadence_id = asked.pop("cadence_id", self.cadence["id"])
        body = {"stakeholder_id": stakeholder_id, "note": "she asked for it"} | asked
        return await self.call("POST", f"/api/salesloft/cadences/{cadence_id}/add{query}", body, key=key, **claims)

    async def approve(self, enrollment_id: str) -> None:
        """Somebody else approves it."""
        (row,) = await self.api.fetch("SELECT * FROM enrollments WHERE id = $1", UUID(enrollment_id))
        decision = EnrollmentDecision.model_validate(
            {
                "organization_id": row["organization_id"],
                "customer_id": row["customer_id"],
                "enrollment_id": row["id"],
                "request_digest": row["request_digest"],
                "decided_by": {"user_id": "usr-9", "name": None},
                "decided_at": self.api.clock.now(),
            }
        )
        incoming = IncomingDecision(
            decision=decision, verdict="approved", event_id=str(uuid4()), event_source="/approvals"
        )
        async with self.api.database.transaction() as connection:
            assert await take_decisions(connection, [incoming], self.memory, self.api.clock.now()) == 1

    @property
    def bench(self) -> Workbench:
        return Workbench(
            database=self.api.database,
            sessions=self.api.sessions,
            memory=self.memory,
            clock=self.api.clock,
            options=_OPTIONS,
        )

    async def carry_out(self) -> None:
        """Every command that is due, and what comes of it, at Salesloft; a minute passes meanwhile."""
        handlers = all_handlers(self.bench, chance=lambda: 0.5)
        claim = Claim(holder=uuid4().hex, kinds=list(handlers), lease_s=60.0, organization_limit=8)
        for _ in range(4):
            # Salesloft takes a moment to have somebody on a cadence, and nobody is added back within a second.
            await self.api.advance(15)
            async with self.api.database.transaction() as connection:
                await resume(connection, limit=100, now=self.api.clock.now())
                await connection.execute("UPDATE commands SET retry_after = '-infinity' WHERE state = 'pending'")
            async with self.api.database.connection() as connection:
                claimed = await commands.claim(connection, claim, limit=1, now=self.api.clock.now())
            for command in claimed:
                await handlers[command.kind].carry_out(command)

    async def enrolled(self, stakeholder_id: str = "sth-1", **claims: Any) -> str:
        """Somebody is asked for, approved and added; answers our id of the membership."""
        answer = await self.add(stakeholder_id, claims={"role": "admin", **claims})
        assert answer.status_code == 202, answer.text
        await self.approve(answer.json()["enrollment_id"])
        await self.carry_out()
        (row,) = await self.api.fetch(
            "SELECT state, reason, membership_id FROM enrollments WHERE id = $1", UUID(answer.json()["enrollment_id"])
        )
        assert row["state"] == "enrolled", tuple(row)
        return str(row["membership_id"])

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.api.fetch("SELECT state FROM enrollments ORDER BY id")]

    async def writes(self, resource: str = "cadence_memberships", method: str = "POST") -> list[dict[str, Any]]:
        """What Salesloft has accepted of one kind."""
        return [
            one
            for one in await self.api.simulator.writes(self.api.team["team_id"])
            if one["resource"] == resource and one["method"] == method
        ]


async def acting(api: Api) -> Acting:
    """Connect the organization, and have the directory tell of its customers."""
    await api.sessions.connect(api.organization_id, ApiKey(api.team["api_key"]), by="usr-1")
    desk = Acting(api, OrganizationMemory())
    now, owner = api.clock.now(), api.team["users"][1]["email"]
    customers = [
        {"id": f"cus-{number}", "name": "Acme", "owner": {"user_id": f"usr-{number}", "email": owner}}
        for number in (1, 2)
    ]
    people = [
        {"id": f"sth-{number}", "customer_id": f"cus-{number}", "name": "Ann Lee", "email": f"{number}@acme.example"}
        for number in (1, 2)
    ]
    async with api.database.transaction() as connection:
        await take_snapshots(
            connection,
            customers=[
                CustomerUpdate(snapshot=_read(DirectoryCustomer, api, one), as_of=now, offset=number)
                for number, one in enumerate(customers)
            ],
            stakeholders=[
                StakeholderUpdate(snapshot=_read(DirectoryStakeholder, api, one), as_of=now, offset=number)
                for number, one in enumerate(people)
            ],
            erased_customers=[],
            erased_stakeholders=[],
            memory=desk.memory,
            now=now,
        )
    return desk


def _read(model: Any, api: Api, document: dict[str, Any]) -> Any:
    return model.model_validate_json(orjson.dumps({"organization_id": api.organization_id, **document}))
