"""What tests of enrolling do besides approving."""

from typing import Any
from uuid import UUID

from storage import directory, enrollments
from tests.fulfillment.stage import Stage, until
from workflows.outcomes import end_enrollments

__all__ = ["MEMBERSHIPS", "PERSON_UPSERTS", "end", "hits", "is_hit", "person"]

MEMBERSHIPS = "/v2/cadence_memberships"
PERSON_UPSERTS = "/v2/person_upserts"


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
