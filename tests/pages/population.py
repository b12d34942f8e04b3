"""Customers and stakeholders of whom enough is known that criteria tell them apart."""

from datetime import timedelta
from typing import Any

import orjson

from schemas.directory import DirectoryCustomer, DirectoryStakeholder
from tests.web.acting import Acting
from workflows.snapshots import CustomerUpdate, StakeholderUpdate, take_snapshots

__all__ = ["SCRIPT", "known_people", "snapshots"]

SCRIPT = "<script>document.title = 'taken'</script>"
_OFFSET = 10


async def known_people(desk: Acting) -> None:
    """Five customers, each with a champion and a technical contact.

    Their health is 20, 40, 60, 80 and not known, their contracts end in 10, 30, 50, 70 and 90 days; the first three are
    enterprise. One champion is called like a script.
    """
    now, owner = desk.api.clock.now(), desk.api.team["users"][1]["email"]
    customers: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for place in range(5):
        customers.append(
            {
                "id": f"pop-{place}",
                "name": f"Firm {place}",
                "tier": "enterprise" if place < 3 else "growth",
                "health_score": 20 * (place + 1) if place < 4 else None,
                "renewal_date": (now + timedelta(days=10 + 20 * place)).date().isoformat(),
                "owner": {"user_id": f"usr-{place % 2 + 1}", "email": owner},
            }
        )
        for role in ("champion", "technical"):
            name = SCRIPT if (place, role) == (1, "champion") else f"{role.title()} {place}"
            people.append(
                {
                    "id": f"{role}-{place}",
                    "customer_id": f"pop-{place}",
                    "name": name,
                    "email": f"{role}{place}@firm.example",
                    "role": role,
                    "is_champion": role == "champion",
                }
            )
    await snapshots(desk, customers=customers, stakeholders=people)


async def snapshots(desk: Acting, *, customers: list[dict[str, Any]], stakeholders: list[dict[str, Any]]) -> None:
    """What the directory says of some at this moment."""
    now = desk.api.clock.now()
    async with desk.api.database.transaction() as connection:
        await take_snapshots(
            connection,
            customers=[
                CustomerUpdate(snapshot=_read(DirectoryCustomer, desk, one), as_of=now, offset=_OFFSET + place)
                for place, one in enumerate(customers)
            ],
            stakeholders=[
                StakeholderUpdate(snapshot=_read(DirectoryStakeholder, desk, one), as_of=now, offset=_OFFSET + place)
                for place, one in enumerate(stakeholders)
            ],
            erased_customers=[],
            erased_stakeholders=[],
            memory=desk.memory,
            now=now,
        )


def _read(model: Any, desk: Acting, document: dict[str, Any]) -> Any:
    return model.model_validate_json(orjson.dumps({"organization_id": desk.api.organization_id, **document}))
