"""One customer with a mapping for upsell and one for save, and everything that may happen to it, one step at a time.

No part runs by itself: commands are carried out and timed duties done when a test says so.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from fulfillment.carrying import Workbench
from fulfillment.handlers import all_handlers
from fulfillment.resuming import ADDED_JUST_NOW
from schemas.registry import OUTCOME_TYPES
from schemas.vocabulary import OutcomeType, TriggerType
from storage import commands, evaluations, holds
from storage.commands import Claim
from tests.fulfillment.stage import QUICK, Stage, publish
from workflows.arbitration import resume
from workflows.outcomes import IncomingOutcome, take_outcomes
from workflows.request import decide_again, hold_back_and_decide

__all__ = ["Account", "opened"]

# Longer than a story can put a command off, one step at a time.
_PUT_OFF_AT_MOST = timedelta(minutes=10)
SAVE, UPSELL = TriggerType.AT_RISK, TriggerType.EXPANSION_SIGNAL


@dataclass
class Account:
    """`people` are who is asked about for save and for upsell, maybe the same."""

    stage: Stage
    customer_id: str
    people: dict[TriggerType, dict[str, Any]]
    cadences: dict[TriggerType, int]

    async def signal(self, trigger_type: TriggerType, key: str | None = None) -> None:
        """A trigger arrives; the same key again is the same event again."""
        key = f"{self.customer_id}-{key or trigger_type.value}"
        await self.stage.trigger(self.customer_id, [self.people[trigger_type]], key, trigger_type)

    async def outcome(self, type_: OutcomeType, key: str | None = None) -> None:
        document = {
            "organization_id": self.stage.organization_id,
            "customer_id": self.customer_id,
            "business_key": f"{self.customer_id}-{key}" if key is not None else None,
        }
        incoming = IncomingOutcome(
            outcome=OUTCOME_TYPES[type_].model.model_validate_json(orjson.dumps(document | {"reason": "so it is"})),
            type=type_,
            event_id=f"{self.customer_id}-{type_.value}",
            time=self.stage.clock.now(),
        )
        async with self.stage.database.transaction() as connection:
            await take_outcomes(connection, [incoming], self.stage.memory, self.stage.clock.now())

    async def approve(self) -> None:
        """Every open request of the customer is approved."""
        for row in await self.stage.fetch(
            "SELECT id, request_digest FROM enrollments WHERE customer_id = $1 AND state = 'requested' ORDER BY id",
            self.customer_id,
        ):
            await self.stage.approve(row["id"], row["request_digest"], self.customer_id)

    async def carry_out(self) -> bool:
        """The oldest due command is carried out; False where there is none.

        A story lasts for less than the seconds for which nobody is added back; those are waited for.
        """
        bench = Workbench(
            database=self.stage.database,
            sessions=self.stage.sessions,
            memory=self.stage.memory,
            clock=self.stage.clock,
            options=QUICK,
        )
        handlers = all_handlers(bench, chance=lambda: 0.5)
        claim = Claim(holder=uuid4().hex, kinds=list(handlers), lease_s=60.0, organization_limit=8)
        async with self.stage.database.connection() as connection:
            claimed = await commands.claim(connection, claim, limit=1, now=self.stage.clock.now())
        for command in claimed:
            await handlers[command.kind].carry_out(command)
        if await self.stage.fetch("SELECT FROM commands WHERE state = 'pending' AND last_error = $1", ADDED_JUST_NOW):
            await self._pauses_end()
            return await self.carry_out()
        return bool(claimed)

    async def put_off(self, kind: str | None = None, *, seconds: int = 20) -> None:
        """The oldest pending command, or the oldest of a kind, is late; by less than nothing it is in time again."""
        await self.stage.execute(
            "UPDATE commands SET due_at = due_at + make_interval(secs => $2) WHERE position = ("
            "SELECT min(position) FROM commands WHERE state = 'pending' AND kind = coalesce($1, kind))",
            kind,
            float(seconds),
        )

    async def timers(self) -> None:
        """The timed duties that bear on it, once."""
        now = self.stage.clock.now()
        async with self.stage.database.transaction() as connection:
            again = await evaluations.customers_to_decide_again(connection, now=now, limit=100)
            await decide_again(connection, again, self.stage.memory, now)
        async with self.stage.database.transaction() as connection:
            held = await holds.customers_to_hold_back(connection, now=now, limit=100)
            if held:
                await hold_back_and_decide(connection, held, self.stage.memory, now)
        async with self.stage.database.transaction() as connection:
            await resume(connection, limit=100, now=now)

    async def settle(self) -> None:
        """Everything that can happen without another word from outside, requests approved.

        What is still tried again after some rounds is let be.
        """
        await self._what_was_put_off_comes()
        idle = rounds = 0
        while idle < 2 and rounds < 12:
            await self.approve()
            await self.timers()
            await self._pauses_end()
            carried_out = [await self.carry_out()]
            while carried_out[-1] and len(carried_out) < 20:
                carried_out.append(await self.carry_out())
            idle = 0 if carried_out[0] else idle + 1
            rounds += 1
            # What is put off for a moment comes, and so does what Salesloft needs a moment for.
            self.stage.clock.ahead += timedelta(seconds=31)

    async def _what_was_put_off_comes(self) -> None:
        """However often a command was put off, it is due now."""
        now = self.stage.clock.now()
        row = await self.stage.fetchrow(
            "SELECT max(due_at) AS due_at FROM commands WHERE state = 'pending' AND due_at BETWEEN $1 AND $2",
            now,
            now + _PUT_OFF_AT_MOST,
        )
        if row["due_at"] is not None:
            self.stage.clock.ahead += row["due_at"] - now

    async def _pauses_end(self) -> None:
        """The pause of what failed is over; pauses are real time, by the database's clock."""
        row = await self.stage.fetchrow(
            "SELECT extract(epoch FROM max(retry_after) - clock_timestamp())::double precision AS seconds"
            " FROM commands WHERE state = 'pending' AND retry_after > clock_timestamp()"
        )
        await asyncio.sleep(row["seconds"] or 0.0)

    async def on_cadence(self) -> set[TriggerType]:
        """What Salesloft itself shows the customer's people to be on."""
        found = set()
        for trigger_type, cadence_id in self.cadences.items():
            rows = await self.stage.salesloft(
                "GET", f"/cadence_memberships?cadence_id[]={cadence_id}&currently_on_cadence=true&per_page=100"
            )
            ours = await self.stage.fetch(
                "SELECT person_id AS id FROM stakeholder_people WHERE stakeholder_id = $1",
                self.people[trigger_type]["id"],
            )
            if {row["person"]["id"] for row in rows} & {row["id"] for row in ours}:
                found.add(trigger_type)
        return found

    async def state(self, trigger_type: TriggerType) -> tuple[str, str | None] | None:
        """State and reason of the newest enrollment of that trigger."""
        row = await self.stage.fetchrow(
            "SELECT state, reason FROM enrollments WHERE customer_id = $1 AND trigger_type = $2 ORDER BY id DESC",
            self.customer_id,
            trigger_type.value,
        )
        return (row["state"], row["reason"]) if row is not None else None

    async def enrollment(self, trigger_type: TriggerType) -> UUID:
        row = await self.stage.fetchrow(
            "SELECT id FROM enrollments WHERE customer_id = $1 AND trigger_type = $2 ORDER BY id DESC LIMIT 1",
            self.customer_id,
            trigger_type.value,
        )
        return UUID(str(row["id"]))

    async def deferred(self) -> list[str]:
        rows = await self.stage.fetch("SELECT reasons FROM deferrals WHERE customer_id = $1", self.customer_id)
        return [reason for row in rows for reason in row["reasons"]]


async def opened(stage: Stage, customer_id: str, *, share_a_person: bool = False) -> Account:
    """A customer of the stage's organization; the first one also has upsell published."""
    cadence_id = stage.team["cadences"][1]["id"]
    if not await stage.fetch("SELECT FROM salesloft_cadence_mappings WHERE trigger_type = $1", UPSELL.value):
        await publish(stage, cadence_id, "upsell", trigger_type=UPSELL)
        await stage.simulator.switch(stage.team_id, processing_seconds=0.0)
    people = {}
    for trigger_type in (SAVE, UPSELL):
        name = f"sth-{customer_id}" + ("" if share_a_person else f"-{trigger_type.value}")
        people[trigger_type] = {"id": name, "name": "Ann Lee", "email": f"{name}@acme.example"}
    return Account(stage, customer_id, people, {SAVE: stage.mapping.cadence_id, UPSELL: cadence_id})
