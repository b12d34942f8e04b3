"""A team whose people are stakeholders: the simulator's side of a day, and what it must have led to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from bench.proof.activity_oracle import UnitName, expected_events
from sandbox.generator import SOURCE, GeneratedRecord
from sandbox.salesloft.server import SimulatorClient
from schemas.fields import format_instant
from schemas.registry import DIRECTORY_STAKEHOLDER
from schemas.topics import stakeholder_key

__all__ = ["LISTS", "ActivityTeam", "Usage"]

LISTS = {
    "people": "people",
    "accounts": "accounts",
    "memberships": "cadence_memberships",
    "emails": "activities/emails",
    "calls": "activities/calls",
    "histories": "activity_histories",
}
"""The streams and the lists that they are read from."""

_CADENCES = ("Welcome", "Renewal 90", "Save", "Upsell", "Quarterly review")
_PEOPLE_AT_ONCE = 2000
_A_CUSTOMER = 20
# Of twenty people one is nobody's stakeholder, one is two, and one becomes somebody's only after the day has begun.
_NOBODY, _TWICE, _LATE = 3, 7, 11
_OF_THE_FEED = frozenset({"step.completed", "person.do_not_contact"})
_COUNTED = ("email.", "call.", "step.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a team's callers have asked for until now. `pages` were answered, of the lists that streams read."""

    requests: int
    refused: int
    cost: int
    pages: int

    def __sub__(self, before: "Usage") -> "Usage":
        return Usage(
            requests=self.requests - before.requests,
            refused=self.refused - before.refused,
            cost=self.cost - before.cost,
            pages=self.pages - before.pages,
        )


@dataclass(slots=True, kw_only=True)
class ActivityTeam:
    """An organization's team. Acts that take something away befall what was settled before `settled_before`.

    `stakeholders` are by Salesloft person; `life` is the simulator's journal as far as it was read.
    """

    simulator: SimulatorClient
    organization_id: str
    team: Mapping[str, Any]
    people: list[dict[str, Any]] = field(default_factory=list)
    stakeholders: dict[int, list[str]] = field(default_factory=dict)
    settled_before: datetime | None = None
    life: list[dict[str, Any]] = field(default_factory=list)
    _bustles: int = 0

    @property
    def team_id(self) -> int:
        return int(self.team["team_id"])

    async def add_people(self, count: int) -> None:
        """People whom nobody of the service's knows yet."""
        while len(self.people) < count:
            body = {"count": min(_PEOPLE_AT_ONCE, count - len(self.people))}
            self.people += (await self.simulator.call("POST", f"teams/{self.team_id}/people", body))["people"]

    def directory(self, now: datetime) -> list[GeneratedRecord]:
        """The snapshots by which the service knows all but some people."""
        first = [(person, "a") for place, person in enumerate(self.people) if place % 20 not in {_NOBODY, _LATE}]
        second = [(person, "b") for place, person in enumerate(self.people) if place % 20 == _TWICE]
        return [self._snapshot(person, letter, now) for person, letter in (*first, *second)]

    def late_directory(self, now: datetime, most: int) -> list[GeneratedRecord]:
        """The snapshots of people who are known later, of which there are so many at most."""
        late = [person for place, person in enumerate(self.people) if place % 20 == _LATE]
        return [self._snapshot(person, "a", now) for person in late[:most]]

    def _snapshot(self, person: Mapping[str, Any], letter: str, now: datetime) -> GeneratedRecord:
        stakeholder_id, event_id = f"sth-{person['id']}-{letter}", str(uuid4())
        self.stakeholders.setdefault(int(person["id"]), []).append(stakeholder_id)
        data = {
            "organization_id": self.organization_id,
            "customer_id": f"cus-{int(person['id']) // _A_CUSTOMER}",
            "id": stakeholder_id,
            "email": person["email_address"],
        }
        key = stakeholder_key(self.organization_id, stakeholder_id)
        headers = {
            "content-type": "application/json",
            "ce_specversion": "1.0",
            "ce_source": SOURCE,
            "ce_type": DIRECTORY_STAKEHOLDER.name,
            "ce_dataschema": DIRECTORY_STAKEHOLDER.dataschema,
            "ce_id": event_id,
            "ce_time": format_instant(now),
            "ce_subject": stakeholder_id,
            "ce_organizationid": self.organization_id,
            "ce_partitionkey": key.decode(),
        }
        return GeneratedRecord(
            topic=DIRECTORY_STAKEHOLDER.topic.name,
            key=key,
            value=orjson.dumps(data),
            headers=tuple((name, value.encode()) for name, value in headers.items()),
            publish_at=now,
            id=event_id,
            kind="good",
        )

    async def bustle(
        self,
        acts: Mapping[str, int],
        *,
        seed: int,
        within: timedelta = timedelta(0),
        ties: Sequence[int] = (1,),
        among: tuple[int, int] = (1, 0),
    ) -> int:
        """Have many people act, of those whose ids leave a remainder; answers how many acts found somebody."""
        self._bustles += 1
        body: dict[str, Any] = {
            "seed": seed * 1000 + self._bustles,
            "acts": acts,
            "within_seconds": within.total_seconds(),
            "ties": ties,
            "among": among,
            "cadence_ids": [one["id"] for one in self.team["cadences"] if one["name"] in _CADENCES],
        }
        if self.settled_before is not None:
            body["settled_before"] = format_instant(self.settled_before)
        planned = (await self.simulator.call("POST", f"teams/{self.team_id}/bustle", body))["planned"]
        return sum(planned.values())

    async def changed(self, since: datetime, until: datetime) -> dict[str, int]:
        """How many rows of each stream have changed within a time, as they stand now.

        Of the activity feed only completed steps and opt-outs are read, and those never change.
        """
        bounds = f"since={format_instant(since)}&until={format_instant(until)}"
        found = (await self.simulator.call("GET", f"teams/{self.team_id}/changed?{bounds}"))["changed"]
        await self.read_life()
        first, last = format_instant(since), format_instant(until)
        lines = sum(1 for entry in self.life if entry["kind"] in _OF_THE_FEED and first <= entry["at"] <= last)
        return {stream: found[path] for stream, path in LISTS.items()} | {"histories": lines}

    async def usage(self) -> Usage:
        told = await self.simulator.usage(self.team_id)
        lists = sum(told["by_endpoint"].get(f"GET {path}", 0) for path in LISTS.values())
        # What is refused is refused of these: little else is asked for.
        return Usage(
            requests=told["requests"],
            refused=told["refused"],
            cost=told["cost"],
            pages=lists - told["refused"],
        )

    async def read_life(self) -> None:
        """Read the journal of the team's life to its end."""
        self.life += await self.simulator.life(self.team_id, self.life[-1]["sequence"] if self.life else 0)

    def expected(self) -> dict[UUID, tuple[str, UnitName]]:
        """The events that the life so far must have led to."""
        return expected_events(self.organization_id, self.life, self.stakeholders)

    @property
    def counter_changes(self) -> int:
        """How many counters have moved."""
        return sum(1 for entry in self.life if entry["kind"].startswith(_COUNTED))

    @property
    def memberships(self) -> int:
        """How many records of memberships there are."""
        return len({entry["membership_id"] for entry in self.life if entry["kind"] == "membership.state"})
