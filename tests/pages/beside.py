"""What goes on beside the pages: the directory tells of people, and what was decided on a page arrives on the bus."""

from typing import Literal
from uuid import uuid4

import orjson

from schemas.approval import EnrollmentDecision
from schemas.directory import DirectoryCustomer, DirectoryStakeholder
from schemas.outcomes import Outcome
from schemas.registry import ENROLLMENT_APPROVED
from schemas.topics import ENROLLMENT_DECISION
from schemas.vocabulary import OutcomeType
from tests.web.acting import Acting
from workflows.approve import IncomingDecision, take_decisions
from workflows.outcomes import IncomingOutcome, take_outcomes
from workflows.snapshots import CustomerUpdate, StakeholderUpdate, take_snapshots

__all__ = ["customer_churns", "decisions_arrive", "somebody"]


async def somebody(
    desk: Acting, name: str, *, owner: str = "usr-1", owner_email: str | None = None, time_zone: str | None = None
) -> str:
    """The id of a stakeholder of this name, at a customer of their own, whom a csm looks after."""
    key, now, organization_id = uuid4().hex[:8], desk.api.clock.now(), desk.api.organization_id
    customer = {
        "organization_id": organization_id,
        "id": f"cus-{key}",
        "name": f"{name}'s company",
        "owner": {"user_id": owner, "email": owner_email or desk.api.team["users"][1]["email"]},
    }
    stakeholder = {
        "organization_id": organization_id,
        "id": f"sth-{key}",
        "customer_id": f"cus-{key}",
        "name": name,
        "email": f"{key}@acme.example",
        "time_zone": time_zone,
    }
    async with desk.api.database.transaction() as connection:
        await take_snapshots(
            connection,
            customers=[
                CustomerUpdate(
                    snapshot=DirectoryCustomer.model_validate_json(orjson.dumps(customer)), as_of=now, offset=0
                )
            ],
            stakeholders=[
                StakeholderUpdate(
                    snapshot=DirectoryStakeholder.model_validate_json(orjson.dumps(stakeholder)), as_of=now, offset=0
                )
            ],
            erased_customers=[],
            erased_stakeholders=[],
            memory=desk.memory,
            now=now,
        )
    return f"sth-{key}"


async def customer_churns(desk: Acting, customer_id: str) -> None:
    """An outcome of a customer's arrives: they are a customer no more."""
    now, organization_id = desk.api.clock.now(), desk.api.organization_id
    outcome = {"organization_id": organization_id, "customer_id": customer_id, "reason": "They went elsewhere."}
    incoming = IncomingOutcome(
        outcome=Outcome.model_validate(outcome), type=OutcomeType.CHURNED, event_id=str(uuid4()), time=now
    )
    async with desk.api.database.transaction() as connection:
        await take_outcomes(connection, [incoming], desk.memory, now)


async def decisions_arrive(desk: Acting) -> list[EnrollmentDecision]:
    """What was published on the decisions' topic and has not arrived yet arrives; at least something has to."""
    rows = await desk.api.fetch(
        "DELETE FROM outbox WHERE topic = $1 RETURNING position, id, type, convert_from(payload, 'UTF8') AS payload",
        ENROLLMENT_DECISION.name,
    )
    assert rows, "nothing was decided"
    incoming = [
        _incoming(row["id"], row["type"], row["payload"]) for row in sorted(rows, key=lambda row: row["position"])
    ]
    now = desk.api.clock.now()
    async with desk.api.database.transaction() as connection:
        assert await take_decisions(connection, incoming, desk.memory, now) == len(incoming)
    return [one.decision for one in incoming]


def _incoming(event_id: object, event_type: str, payload: str) -> IncomingDecision:
    verdict: Literal["approved", "rejected"] = "approved" if event_type == ENROLLMENT_APPROVED.name else "rejected"
    decision = EnrollmentDecision.model_validate_json(payload)
    return IncomingDecision(decision=decision, verdict=verdict, event_id=str(event_id), event_source="/approvals")
