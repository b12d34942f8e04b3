"""An organization of which there is much to see, another one that must not be seen, and the API over both."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson

from activity.engagement import CadenceTally, tallies_to_json
from salesloft_client import BudgetSettings, OAuthApp
from sandbox.salesloft.server import SimulatorClient
from sandbox.stack import PostgresServer
from storage.pool import Database, DatabaseOptions
from storage.steering import Steering, SteeringAction
from tests.fulfillment.account import SAVE, Account, opened
from tests.fulfillment.stage import Stage, StageClock, set_stage
from tests.web.stage import AUDIENCE, ISSUER, KEYRING, TokenIssuer, served
from web.api import ApiPorts, api_app
from web.browser import Browsers
from web.pages.signing_in import SigningIn
from web.reading.asking import Looking
from web.reading.feed import EventFeed
from web.security import Callers, Issuer
from workflows.authorization import Authorizations
from workflows.salesloft_time import DatedWire
from workflows.steering import steer

PAUSED, WAITING, FAILED = "cus-1", "cus-2", "cus-3"
NEVER_CONNECTED = "org-empty"


@dataclass
class Scene:
    """`accounts` are of the organization that is looked at, by customer; `foreign` is of the other one."""

    http: httpx.AsyncClient
    issuer: TokenIssuer
    looking: Looking
    stage: Stage
    accounts: dict[str, Account]
    foreign: Account
    enrollments: dict[str, UUID]
    dsn: str
    api: ApiPorts

    def ports(self, callers: Callers, browsers: Browsers, signing_in: SigningIn) -> ApiPorts:
        """What the same API works with where others vouch for its callers."""
        looking = replace(self.looking, callers=callers)
        return replace(self.api, callers=callers, browsers=browsers, signing_in=signing_in, looking=looking)

    @property
    def organization_id(self) -> str:
        return self.stage.organization_id

    @property
    def stakeholder_id(self) -> str:
        """Of the customer who is paused."""
        return str(self.accounts[PAUSED].people[SAVE]["id"])

    def headers(self, organization_id: str | None = None, *, role: str = "viewer", **claims: Any) -> dict[str, str]:
        token = self.issuer.token(organization_id or self.organization_id, role=role, **claims)
        return {"authorization": f"Bearer {token}"}

    async def get(
        self, path: str, organization_id: str | None = None, *, role: str = "viewer", **query: Any
    ) -> httpx.Response:
        given = {name: value for name, value in query.items() if value is not None}
        return await self.http.get(
            f"/api/salesloft{path}", params=given or None, headers=self.headers(organization_id, role=role)
        )

    async def see(self, path: str, organization_id: str | None = None, **query: Any) -> Any:
        answer = await self.get(path, organization_id, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def walk(self, path: str, *, limit: int = 1, **query: Any) -> list[Any]:
        """Every row of a list, a few at a time."""
        found, cursor = [], None
        while True:
            page = await self.see(path, limit=limit, cursor=cursor, **query)
            assert len(page["items"]) <= limit
            found += page["items"]
            assert len(found) < 1000, "it goes round"
            cursor = page["next_cursor"]
            if cursor is None:
                return found


@asynccontextmanager
async def scene_set(
    simulator: SimulatorClient, server: PostgresServer, template: str, *, application: OAuthApp | None = None
) -> AsyncIterator[Scene]:
    name = f"looking_{uuid.uuid4().hex}"
    dsn = await server.create_database(name, template=template)
    clock = StageClock(await simulator.now() - datetime.now(UTC))
    issuer = TokenIssuer()
    issuer.new_key()
    async with (
        Database.connected(DatabaseOptions(dsn=dsn, max_size=20)) as database,
        Database.connected(DatabaseOptions(dsn=dsn, role="cscx_salesloft_api")) as apart,
        DatedWire(clock) as wire,
        httpx.AsyncClient() as outgoing,
        served(issuer.app()) as issuer_url,
    ):
        stage = await set_stage(simulator, database, dsn, wire, clock)
        other = await set_stage(simulator, database, dsn, wire, clock)
        accounts = {customer_id: await opened(stage, customer_id) for customer_id in (PAUSED, WAITING, FAILED)}
        foreign = await opened(other, "cus-foreign")
        await foreign.signal(SAVE)
        await foreign.settle()
        enrollments = await _played(stage, accounts)
        await _observed(stage, accounts[PAUSED])
        browsers = Browsers(KEYRING, over_https=False)
        platform = Issuer(issuer=ISSUER, audience=AUDIENCE, keys_url=f"{issuer_url}/keys")
        callers = Callers(platform, outgoing, browsers)
        looking = Looking(database=apart, callers=callers, clock=clock, budget=BudgetSettings())
        feed = EventFeed(database, dsn)
        ports = ApiPorts(
            database=database,
            sessions=stage.sessions,
            authorizations=Authorizations(apart, KEYRING, application, clock),
            callers=callers,
            browsers=browsers,
            signing_in=SigningIn(None, KEYRING, callers, browsers),
            memory=stage.memory,
            clock=clock,
            looking=looking,
            feed=feed,
        )
        following = asyncio.create_task(feed.run())
        async with served(api_app(ports)) as base_url, httpx.AsyncClient(base_url=base_url, timeout=60.0) as http:
            yield Scene(
                http=http,
                issuer=issuer,
                looking=looking,
                stage=stage,
                accounts=accounts,
                foreign=foreign,
                enrollments=enrollments,
                dsn=dsn,
                api=ports,
            )
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        for one in (stage, other):
            await one.sessions.budgets.close()
    await server.drop_database(name)


async def _played(stage: Stage, accounts: dict[str, Account]) -> dict[str, UUID]:
    """Somebody is paused by hand, somebody's request waits, and somebody's enrollment failed."""
    await accounts[PAUSED].signal(SAVE)
    await accounts[PAUSED].settle()
    asked = Steering(
        id=uuid4(),
        enrollment_id=await accounts[PAUSED].enrollment(SAVE),
        action=SteeringAction.PAUSE,
        asked_by="usr-1",
        note="on holiday",
        until=stage.clock.now() + timedelta(days=1),
    )
    async with stage.database.transaction() as connection:
        await steer(connection, stage.organization_id, asked, stage.memory, stage.clock.now())
    await accounts[PAUSED].settle()
    for customer_id in (WAITING, FAILED):
        await accounts[customer_id].signal(SAVE)
    enrollments = {customer_id: await account.enrollment(SAVE) for customer_id, account in accounts.items()}
    await stage.execute(
        "UPDATE enrollments SET state = 'failed', reason = 'ambiguous_person' WHERE id = $1", enrollments[FAILED]
    )
    return enrollments


async def _observed(stage: Stage, account: Account) -> None:
    """What the person did, and how far Salesloft was read."""
    stakeholder_id, enrollment_id = account.people[SAVE]["id"], await account.enrollment(SAVE)
    await stage.execute(
        "INSERT INTO activity_units (event_id, organization_id, stakeholder_id, enrollment_id, source, source_id,"
        " metric, ordinal, person_id, cadence_id, occurred_from, occurred_to, noticed_at, confidence)"
        " SELECT gen_random_uuid(), e.organization_id, $2, e.id, 'email', '77', m.metric, m.ordinal, 1, e.cadence_id,"
        " e.updated_at + m.ordinal * interval '1 minute' - m.within, e.updated_at + m.ordinal * interval '1 minute',"
        " e.updated_at + interval '1 hour', 'high'"
        " FROM enrollments e, (VALUES ('email-sent', 1, interval '0'), ('email-opened', 2, interval '30 minutes'),"
        " ('email-replied', 3, interval '0'), ('step-completed', 3, interval '0')) AS m (metric, ordinal, within)"
        " WHERE e.id = $1",
        enrollment_id,
        stakeholder_id,
    )
    now = stage.clock.now()
    tallies: dict[int | None, CadenceTally] = {
        account.cadences[SAVE]: CadenceTally(sent=1, opened=1, replied=1, answered=1, last_replied_at=now),
    }
    subject = {"organization_id": stage.organization_id, "customer_id": PAUSED, "stakeholder_id": stakeholder_id}
    await stage.execute(
        "INSERT INTO engagements (organization_id, stakeholder_id, customer_id, data, updated_at, tallies)"
        " VALUES ($1, $2, $3, $4::text::jsonb, $5, $6::text::jsonb) ON CONFLICT (organization_id, stakeholder_id)"
        " DO UPDATE SET data = excluded.data, tallies = excluded.tallies",
        stage.organization_id,
        stakeholder_id,
        PAUSED,
        orjson.dumps(subject | {"active_cadences": []}).decode(),
        now,
        orjson.dumps(tallies_to_json(tallies)).decode(),
    )
    await stage.execute(
        "INSERT INTO sync_streams (organization_id, stream, next_cycle_at)"
        " SELECT $1, s, $2 FROM unnest(ARRAY['people', 'accounts', 'memberships', 'emails', 'calls', 'histories']) AS s"
        " ON CONFLICT DO NOTHING",
        stage.organization_id,
        now,
    )
    await stage.execute(
        "UPDATE sync_streams SET cycle = 3, cycle_started_at = $2, cycle_ended_at = $2 WHERE organization_id = $1",
        stage.organization_id,
        now,
    )
    await stage.execute(
        "INSERT INTO sync_ledger (organization_id, stream, cycle, started_at, ended_at, scanned)"
        " SELECT $1, s, c, $2::timestamptz + c * interval '1 minute', $2, 10 * c"
        " FROM unnest(ARRAY['emails', 'calls']) AS s, generate_series(1, 3) AS c",
        stage.organization_id,
        now,
    )
