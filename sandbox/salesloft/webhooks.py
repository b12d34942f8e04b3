"""Webhook deliveries: signed, bare, unordered and soon given up (Salesloft docs: webhooks).

The body is the resource itself, signed with hex HMAC-SHA1 under the subscription's token. A delivery that is not
answered with 2xx within five seconds is tried three more times, 15 s apart, and then dropped. A subscription tells only
of what its maker's token may read.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

import httpx
import orjson

from sandbox.salesloft import rendering, rendering_bulk, rendering_people
from sandbox.salesloft.clock import SimulatedClock
from sandbox.salesloft.instants import SECOND
from sandbox.salesloft.journal import Journal
from sandbox.salesloft.records import Email, Row, Subscription
from sandbox.salesloft.tables import Change
from sandbox.salesloft.world import Team, World

__all__ = ["EVENT_TYPES", "Webhooks"]

EVENT_TYPES = frozenset(
    f"{resource}_{change}"
    for resource, changes in {
        "account": "created updated deleted",
        "bulk_job": "completed",
        "cadence": "created updated deleted",
        "cadence_membership": "created updated",
        "call": "created updated",
        "call_data_record": "created updated",
        "conversation": "created recording_created transcript_created",
        "email": "updated with_body_and_subject_updated",
        "link": "swap",
        "meeting": "booked updated",
        "note": "created updated deleted",
        "person": "created updated deleted",
        "step": "created updated deleted",
        "success": "created",
        "task": "created updated completed deleted",
        "user": "created updated",
    }.items()
    for change in changes.split()
)
_MOST_ATTEMPTS = 4
_BETWEEN_ATTEMPTS = 15 * SECOND
_ANSWER_SECONDS = 5.0
_AT_ONCE = 20
_RENDER: dict[str, Callable[[Team, Any], bytes]] = {
    "account": rendering_people.account,
    "bulk_job": rendering_bulk.job,
    "cadence": rendering.cadence,
    "cadence_membership": rendering.membership,
    "call": rendering.call,
    "email": rendering.email,
    "person": rendering_people.person,
    "step": rendering.step,
    "user": rendering.user,
}
_WITH_CONTENTS = "email_with_body_and_subject_updated"
# What the subscription's maker must be allowed to read, by the resource that an event's name begins with.
_WANTED = {
    "account": "accounts:read",
    "cadence": "cadences:read",
    "cadence_membership": "cadences:read",
    "call": "calls:read",
    "email": "emails:read",
    "person": "people:read",
    "step": "cadences:read",
    "user": "team:read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivery:
    team_id: int
    subscription: Subscription
    body: bytes
    attempt: int = 1


class Webhooks:
    """Collects changes as they happen and delivers them from a task of its own; `deliveries` journals every attempt."""

    def __init__(self, world: World, clock: SimulatedClock) -> None:
        self._world = world
        self._clock = clock
        self._chance = Random(world.seed)
        self._changed: dict[tuple[str, int], tuple[Team, str, Row]] = {}
        self._due: asyncio.Queue[_Delivery] = asyncio.Queue()
        self.deliveries = Journal()

    def note(self, team: Team, resource: str, row: Row, change: Change) -> None:
        """A row changed; its look is taken once the change is whole, but at once where the row is going."""
        if resource not in _RENDER or team.switches.webhook_drop >= 1:
            return
        if resource == "email":
            # There is no event for a new e-mail: its first look is an update too.
            change = "updated"
        event_type = f"{resource}_{change}"
        if event_type not in EVENT_TYPES:
            return
        if change == "deleted":
            self._changed.pop((f"{resource}_updated", id(row)), None)
            self._send(team, event_type, _RENDER[resource](team, row), wanted=_WANTED[resource])
        elif change == "created" or (f"{resource}_created", id(row)) not in self._changed:
            self._changed[event_type, id(row)] = (team, resource, row)

    def announce(self, _now: int) -> None:
        """A change is whole: queue what its subscribers get."""
        if not self._changed:
            return
        changed, self._changed = self._changed, {}
        for (event_type, _), (team, resource, row) in changed.items():
            self._send(team, event_type, _RENDER[resource](team, row), wanted=_WANTED.get(resource))
            if isinstance(row, Email):
                whole = orjson.dumps(rendering.email_with_contents(team, row))
                self._send(team, _WITH_CONTENTS, whole, wanted="email_contents:read")

    def _send(self, team: Team, event_type: str, body: bytes, *, wanted: str | None) -> None:
        """Queue a delivery for every subscription to the event whose maker may read what it tells of."""
        for subscription in team.subscriptions.values():
            if not subscription.enabled or subscription.event_type != event_type:
                continue
            if wanted is not None and wanted not in subscription.scopes:
                continue
            if self._chance.random() < team.switches.webhook_drop:
                continue
            delivery = _Delivery(team_id=team.id, subscription=subscription, body=body)
            if self._chance.random() < team.switches.webhook_delay:
                self._later(delivery, self._chance.randrange(30 * SECOND))
                continue
            self._due.put_nowait(delivery)
            if self._chance.random() < team.switches.webhook_duplicate:
                self._due.put_nowait(delivery)

    def _later(self, delivery: _Delivery, delay: int) -> None:
        self._world.schedule(self._clock.now() + delay, partial(self._fall_due, delivery))

    def _fall_due(self, delivery: _Delivery, _now: int) -> None:
        self._due.put_nowait(delivery)

    async def deliver(self) -> None:
        """Send what is due, for ever; several at a time, so that a slow receiver holds up no other."""
        places = asyncio.Semaphore(_AT_ONCE)
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS) as http, asyncio.TaskGroup() as sending:
            while True:
                delivery = await self._due.get()
                await places.acquire()
                task = sending.create_task(self._attempt(http, delivery), name="webhook")
                task.add_done_callback(lambda _task: places.release())

    async def _attempt(self, http: httpx.AsyncClient, delivery: _Delivery) -> None:
        subscription = delivery.subscription
        signature = hmac.new(subscription.callback_token.encode(), delivery.body, hashlib.sha1).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-salesloft-event": subscription.event_type,
            "x-salesloft-signature": signature,
        }
        status: int | None = None
        try:
            answer = await http.post(subscription.callback_url, content=delivery.body, headers=headers)
            status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            status = None
        self.deliveries.append(
            {
                "at_microseconds": self._clock.now(),
                "team_id": delivery.team_id,
                "subscription_id": subscription.id,
                "event_type": subscription.event_type,
                "attempt": delivery.attempt,
                "status": status,
            }
        )
        delivered = status is not None and 200 <= status < 300
        if not delivered and delivery.attempt < _MOST_ATTEMPTS:
            self._later(replace(delivery, attempt=delivery.attempt + 1), _BETWEEN_ATTEMPTS)
