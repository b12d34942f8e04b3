"""A team in the simulator with people on cadences, its organization connected, and the judge of what was told of them.

The simulator's clock stands still between steps, so that nothing happens while records are read.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import orjson
from cryptography.fernet import Fernet

from producers.activity_poller import ActivityPoller, PollerOptions
from producers.standstill import Backoff
from producers.streams.turn import TurnOptions
from salesloft_client import BudgetSettings, RetrySettings, TransportSettings
from sandbox.salesloft.server import SimulatorClient
from storage import memberships, people
from storage.pool import Database
from workflows.credentials import ApiKey, Keyring
from workflows.salesloft_time import DatedWire
from workflows.session import SessionOptions, Sessions

KEYRING = Keyring({"k1": Fernet.generate_key().decode()}, "k1")
NAMESPACE = UUID("6d0f5a3e-6a0b-5c1e-9d43-2f7c1b8e4a90")
QUICK = PollerOptions(
    address_key=b"a key of the tests",
    organizations=4,
    lease_s=5.0,
    poll_s=0.05,
    turn=TurnOptions(call_s=2.0, backoff=Backoff(first_seconds=0.05, longest_seconds=0.4)),
    neighbour_backoff=Backoff(first_seconds=0.05, longest_seconds=0.2),
)
OPENING: dict[str, Any] = {"view": 0.8, "click": 0.5, "reply": 0.3, "bounce": 0.1, "opt_out": 0.1}


class StillClock:
    """Business time as of the last step; the simulator's stands still with it."""

    speed = 1.0

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant


@dataclass
class Stage:
    """One organization with its team. `people` are ids and addresses of the team's people, `sth-<n>` the n-th's."""

    simulator: SimulatorClient
    database: Database
    dsn: str
    clock: StillClock
    sessions: Sessions
    organization_id: str
    team: dict[str, Any]
    people: list[dict[str, Any]] = field(default_factory=list)

    @property
    def team_id(self) -> int:
        return int(self.team["team_id"])

    def cadence(self, name: str) -> dict[str, Any]:
        return next(one for one in self.team["cadences"] if one["name"] == name)

    async def add_people(self, count: int) -> list[dict[str, Any]]:
        added: list[dict[str, Any]] = (
            await self.simulator.call("POST", f"teams/{self.team_id}/people", {"count": count})
        )["people"]
        self.people += added
        return added

    async def know(self, number: int, *, stakeholder_id: str | None = None) -> str:
        """Have the directory know the team's person of that number."""
        stakeholder_id = stakeholder_id or f"sth-{number}"
        email = self.people[number]["email_address"]
        await self.execute(
            "INSERT INTO directory_stakeholders (organization_id, stakeholder_id, customer_id, email, data, as_of,"
            " as_of_offset, from_directory) VALUES ($1, $2, 'cus-1', $3, '{}', $4, 0, true)",
            self.organization_id,
            stakeholder_id,
            email,
            self.clock.now(),
        )
        return stakeholder_id

    async def salesloft(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A call to the team's Salesloft by somebody else."""
        answer = await self.simulator._http.request(
            method,
            f"{self.simulator.base_url}/v2{path}",
            json=body,
            headers={"authorization": f"Bearer {self.team['api_key']}"},
        )
        answer.raise_for_status()
        return answer.json()["data"] if answer.content else None

    async def put_on_cadence(self, number: int, cadence: str = "Welcome") -> dict[str, Any]:
        body = {
            "person_id": self.people[number]["id"],
            "cadence_id": self.cadence(cadence)["id"],
            "user_id": self.team["users"][0]["id"],
        }
        made: dict[str, Any] = await self.salesloft("POST", "/cadence_memberships", body)
        return made

    async def enroll(self, number: int, cadence: str = "Welcome") -> UUID:
        """An enrollment of ours for the stakeholder of that number, with the membership that it made."""
        enrollment_id, person = uuid4(), self.people[number]
        made = await self.put_on_cadence(number, cadence)
        await self.execute(
            "INSERT INTO enrollments (id, organization_id, customer_id, stakeholder_id, state, sequence,"
            " exclusivity_group, correlation_id, cadence_id, request, request_digest, requested_at, expires_at,"
            " execute_by, start_on, start_step_id, sender_user_id, salesloft_person_id, created_at, updated_at)"
            " VALUES ($1, $2, 'cus-1', $3, 'enrolled', 5, 'default', $4, $5, '{}', '', now(), now(), now(), now(),"
            " 1, 1, $6, now(), now())",
            enrollment_id,
            self.organization_id,
            f"sth-{number}",
            f"corr-{number}",
            self.cadence(cadence)["id"],
            person["id"],
        )
        async with self.database.transaction() as connection:
            await people.link(
                connection, self.organization_id, f"sth-{number}", person["id"], by="upsert", now=self.clock.now()
            )
            stay_id, _ = await memberships.put(connection, self._row(made, number, enrollment_id), self.clock.now())
            await memberships.record_membership(connection, enrollment_id, stay_id)
        return enrollment_id

    def _row(self, made: dict[str, Any], number: int, enrollment_id: UUID) -> memberships.MembershipRow:
        return memberships.MembershipRow(
            organization_id=self.organization_id,
            stakeholder_id=f"sth-{number}",
            person_id=made["person"]["id"],
            cadence_id=made["cadence"]["id"],
            cadence_name=None,
            status="processing",
            current_step=1,
            added_at=datetime.fromisoformat(made["added_at"]),
            salesloft_membership_id=made["id"],
            salesloft_state=made["current_state"],
            currently_on_cadence=True,
            user_id=None,
            step_id=made["step"]["id"],
            enrollment_id=enrollment_id,
            salesloft_updated_at=datetime.fromisoformat(made["updated_at"]),
        )

    async def command_at_work(self, enrollment_id: UUID, kind: str = "remove") -> None:
        """A command of ours is being carried out."""
        await self.execute(
            "INSERT INTO commands (id, organization_id, kind, subject, enrollment_id, correlation_id, state, due_at,"
            " attempts, created_at) VALUES ($1, $2, $3, 'stakeholder:x', $4, 'c', 'pending', now(), 1, now())",
            uuid4(),
            self.organization_id,
            kind,
            enrollment_id,
        )

    async def state(self, enrollment_id: UUID) -> str:
        return str((await self.fetch("SELECT state FROM enrollments WHERE id = $1", enrollment_id))[0]["state"])

    async def advance(self, **duration: float) -> None:
        self.clock.instant = await self.simulator.advance(timedelta(**duration).total_seconds())

    async def live(self, *, days: int) -> None:
        """Let days pass, and then be quiet."""
        await self.advance(days=days)
        await self.be_quiet()

    async def live_until_told_of(self, *numbers: int) -> None:
        """Let days pass until something has happened that is told of these people: each team has days of its own."""
        links = self.links(*numbers)
        before = await self.expected(links)
        for _ in range(30):
            await self.live(days=1)
            if await self.expected(links) != before:
                return
        raise AssertionError("nothing happens to these people")

    async def emails_of_different_instants(self) -> list[dict[str, Any]]:
        """Let days pass, a weekend too, until the first and the last e-mail have changed at instants of their own."""
        for _ in range(30):
            await self.live(days=1)
            emails: list[dict[str, Any]] = await self.salesloft("GET", "/activities/emails?sort_direction=ASC")
            if emails and emails[0]["updated_at"] < emails[-1]["updated_at"]:
                return emails
        raise AssertionError("no two e-mails change at different instants")

    async def be_quiet(self) -> None:
        """Let time pass until nothing has happened for a while: what happened in the last minutes is not read yet."""
        for _ in range(200):
            entries = await self.simulator.life(self.team_id)
            if not entries or self.clock.now() - _instant(entries[-1]) > timedelta(minutes=5):
                return
            await self.advance(minutes=10)
        raise AssertionError("the team does not come to rest")

    # --- What the poller does ---------------------------------------------------------------------------------------

    def poller(self, options: PollerOptions = QUICK, **changes: Any) -> ActivityPoller:
        return ActivityPoller(
            self.database, self.dsn, self.sessions, self.clock, replace(options, holder=uuid4().hex, **changes)
        )

    async def poll(self, *pollers: ActivityPoller, within_s: float = 15.0) -> None:
        """Have all streams read to their ends, once all that happened can be read."""
        await self.be_quiet()
        await self.make_due()
        async with running(*(pollers or (self.poller(),))):
            await until(self.is_read, within_s=within_s)

    async def make_due(self) -> None:
        """All streams are due, and whoever held them is dead."""
        await self.execute(
            "UPDATE sync_streams SET next_cycle_at = '-infinity', retry_after = '-infinity', leased_until = '-infinity'"
        )

    async def is_read(self) -> bool:
        rows = await self.fetch(
            "SELECT next_cycle_at > $2 AS waits FROM sync_streams WHERE organization_id = $1 ",
            self.organization_id,
            self.clock.now(),
        )
        return len(rows) == 6 and all(row["waits"] for row in rows)

    async def read_again_from_the_start(self) -> None:
        await self.execute("UPDATE sync_streams SET position_at = NULL, position_ids = '{}'")

    # --- What came of it --------------------------------------------------------------------------------------------

    async def told(self, topic: str = "cscx.salesloft.activity.v1") -> list[dict[str, Any]]:
        """What the outbox holds of the organization, in its order: ids, keys, headers and data."""
        rows = await self.fetch(
            "SELECT id, headers, payload FROM outbox"
            " WHERE topic = $1 AND split_part(convert_from(key, 'UTF8'), ':', 1) = $2 ORDER BY position",
            topic,
            self.organization_id,
        )
        return [
            {
                "id": str(row["id"]),
                "headers": dict(orjson.loads(row["headers"])),
                "data": orjson.loads(row["payload"]) if row["payload"] else None,
            }
            for row in rows
        ]

    async def expected(self, stakeholders: dict[int, list[str]], *, after: int = 0) -> set[str]:
        """The ids of all that the team's journal says, for people (by id) who are these stakeholders."""
        found: set[str] = set()
        for entry in await self.simulator.life(self.team_id, after):
            unit = _unit(entry)
            if unit is not None:
                for stakeholder_id in stakeholders.get(entry["person_id"], ()):
                    found.add(self.event_id(stakeholder_id, *unit))
        return found

    def event_id(self, stakeholder_id: str, source: str, source_id: str, metric: str, ordinal: int) -> str:
        name = [self.organization_id, stakeholder_id, source, source_id, metric, ordinal]
        return str(uuid5(NAMESPACE, json.dumps(name, separators=(",", ":"))))

    def links(self, *numbers: int) -> dict[int, list[str]]:
        return {self.people[number]["id"]: [f"sth-{number}"] for number in numbers}

    async def owed(self) -> int:
        """What the last cycles of all streams ended owing."""
        rows = await self.fetch(
            "SELECT coalesce(sum(owed), 0) AS owed FROM (SELECT DISTINCT ON (stream) owed FROM sync_ledger"
            " WHERE organization_id = $1 AND ended_at IS NOT NULL ORDER BY stream, cycle DESC) AS last",
            self.organization_id,
        )
        return int(rows[0]["owed"])

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        async with self.database.connection() as connection:
            return list(await connection.fetch(query, *arguments))

    async def execute(self, query: str, *arguments: Any) -> None:
        async with self.database.connection() as connection:
            await connection.execute(query, *arguments)


_COUNTED = {
    "email.sent": "email-sent",
    "email.views": "email-opened",
    "email.clicks": "email-clicked",
    "email.replies": "email-replied",
    "email.bounced": "email-bounced",
}


def _unit(entry: dict[str, Any]) -> tuple[str, str, str, int] | None:
    kind = entry["kind"]
    if kind in _COUNTED:
        return "email", str(entry["email_id"]), _COUNTED[kind], entry["value"]
    if kind == "call.logged":
        return "call", str(entry["call_id"]), "call-logged", 1
    if kind == "step.completed":
        return "history", entry["history_id"], "step-completed", 1
    if kind == "person.do_not_contact":
        return "history", entry["history_id"], "unsubscribed", 1
    return None


def _instant(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])


async def set_stage(
    simulator: SimulatorClient,
    database: Database,
    dsn: str,
    wire: DatedWire,
    clock: StillClock,
    *,
    prefix: str = "org",
    **temperament: Any,
) -> Stage:
    """A connected organization with a team of its own; its id begins with `prefix`."""
    organization_id = f"{prefix}-{uuid4().hex[:8]}"
    team = await simulator.team(f"Team {organization_id}", temperament=OPENING | temperament)
    transport = TransportSettings(
        base_url=f"{simulator.base_url}/v2", retry=RetrySettings(first_wait_s=0.02, longest_wait_s=0.1)
    )
    # A pace is real time: a call that waits for it longer than it may is put off to an instant of a clock that stands.
    options = SessionOptions(transport=transport, budget=BudgetSettings(paced=frozenset()))
    sessions = Sessions(database=database, wire=wire, keyring=KEYRING, clock=clock, options=options)
    await sessions.connect(organization_id, ApiKey(team["api_key"]), by="usr-1")
    async with database.connection() as connection:
        # Nights pass by in tests: what is compared in them is compared where a test says so.
        await connection.execute(
            "INSERT INTO reconciliations (organization_id, due_at) VALUES ($1, '2126-01-01')", organization_id
        )
    return Stage(
        simulator=simulator,
        database=database,
        dsn=dsn,
        clock=clock,
        sessions=sessions,
        organization_id=organization_id,
        team=team,
    )


async def until(condition: Callable[[], Any], *, within_s: float = 20.0) -> None:
    """Look again and again; TimeoutError if it does not come true."""
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110  # what is waited for happens in a database
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(*parts: ActivityPoller) -> AsyncIterator[None]:
    """Pollers for the length of a block; what they raise is raised here."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for part in parts:
            part.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.gather(*tasks), 15)
