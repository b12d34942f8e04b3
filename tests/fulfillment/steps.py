"""What tests of enrolling do besides approving."""

import contextlib
from typing import Any
from uuid import UUID

import orjson

from salesloft_client import Unauthorized
from schemas.directory import DirectoryCustomer, DirectoryStakeholder
from storage import directory, enrollments
from tests.fulfillment.stage import Stage, until
from workflows.credentials import ApiKey
from workflows.outcomes import end_enrollments
from workflows.snapshots import CustomerUpdate, Erasure, StakeholderUpdate, take_snapshots

__all__ = ["ANN", "MEMBERSHIPS", "PERSON_UPSERTS", "end", "erase", "hits", "is_hit", "known", "person", "see_to"]

MEMBERSHIPS = "/v2/cadence_memberships"
PERSON_UPSERTS = "/v2/person_upserts"
ANN: dict[str, Any] = {"id": "sth-1", "customer_id": "cus-1", "name": "Ann Lee", "email": "ann@acme.example"}


async def end(stage: Stage, enrollment_id: UUID, reason: str) -> None:
    """An outcome ends the enrollment, as its consumer does it."""
    async with stage.database.transaction() as connection:
        await directory.lock_customers(connection, [(stage.organization_id, "cus-1")])
        enrollment = (await enrollments.lock(connection, [enrollment_id]))[enrollment_id]
        await end_enrollments(connection, [(enrollment, reason, None)], stage.clock.now())


async def person(stage: Stage, email: str, **fields: Any) -> int:
    """Somebody else makes or changes a person."""
    body = {"upsert_key": "email_address", "email_address": email, **fields}
    return int((await stage.salesloft("POST", "/person_upserts", body))["person"]["id"])


async def hits(stage: Stage) -> list[int]:
    """How often each fault of the team has struck."""
    faults = (await stage.simulator.call("GET", "faults"))["faults"]
    return [one["hits"] for one in faults if one["team_id"] == stage.team_id]


async def is_hit(stage: Stage) -> None:
    """Wait until the team's fault has struck."""

    async def struck() -> bool:
        return any(await hits(stage))

    await until(struck)


async def see_to(stage: Stage, enrollment_id: UUID) -> None:
    """See to what an enrollment's work waits for: the next minute, or a person who connects the team again."""
    # What is put off to the next minute may be the call, or the reading back of what it did.
    if await stage.fetch(
        "SELECT FROM commands WHERE enrollment_id = $1 AND state = 'pending' AND holder IS NULL AND due_at > $2",
        enrollment_id,
        stage.clock.now(),
    ):
        await stage.advance(61)
    row = await stage.fetchrow(
        "SELECT status FROM salesloft_connections WHERE organization_id = $1", stage.organization_id
    )
    if row["status"] == "needs_reauthorization":
        # The work waits for a person to connect again, and this one tries until it is taken.
        with contextlib.suppress(Unauthorized):
            await stage.sessions.connect(stage.organization_id, ApiKey(stage.team["api_key"]), by="lea")


async def known(stage: Stage, as_she_is: dict[str, Any] | None = None) -> None:
    """The directory's word of the customer and of somebody there."""
    now = stage.clock.now()
    her = as_she_is or ANN
    customer = {
        "id": her["customer_id"],
        "name": "Acme",
        "owner": {"user_id": "usr-3", "email": stage.team["users"][1]["email"]},
    }
    belongs = {"organization_id": stage.organization_id}
    async with stage.database.transaction() as connection:
        await take_snapshots(
            connection,
            customers=[
                CustomerUpdate(
                    snapshot=DirectoryCustomer.model_validate_json(orjson.dumps(belongs | customer)),
                    as_of=now,
                    offset=1,
                )
            ],
            stakeholders=[
                StakeholderUpdate(
                    snapshot=DirectoryStakeholder.model_validate_json(orjson.dumps(belongs | her)),
                    as_of=now,
                    offset=1,
                )
            ],
            erased_customers=[],
            erased_stakeholders=[],
            memory=stage.memory,
            now=now,
        )


async def erase(stage: Stage, stakeholder_id: str) -> None:
    """The directory has somebody forgotten."""
    now = stage.clock.now()
    erasure = Erasure(key=(stage.organization_id, stakeholder_id), as_of=now, offset=2, event_id="null/1")
    async with stage.database.transaction() as connection:
        await take_snapshots(
            connection,
            customers=[],
            stakeholders=[],
            erased_customers=[],
            erased_stakeholders=[erasure],
            memory=stage.memory,
            now=now,
        )
