"""An organization's Salesloft session: a client with its tokens, its team's budget, and the wire that all teams share.

NotConnected   the organization has no living connection
TeamTaken      the team is connected to another organization
"""

from dataclasses import dataclass

import structlog

from salesloft_client import (
    BudgetSettings,
    BusinessClock,
    CallContext,
    FixedToken,
    Lane,
    MinuteBudget,
    OAuthApp,
    Observer,
    SalesloftClient,
    SharingSettings,
    TeamBudget,
    TokenEndpoint,
    TransportSettings,
)
from storage import commands, connections, organizations
from storage.errors import ConcurrentChange
from storage.pool import Database
from workflows.budget import TeamBudgets
from workflows.catalogue import Catalogue, keep_catalogue, read_catalogue
from workflows.clock import Clock
from workflows.credentials import Credential, Keyring, OAuthTokens
from workflows.salesloft_time import DatedWire
from workflows.tokens import StoredTokens, needs_reauthorization

__all__ = ["STREAMS", "Connected", "NotConnected", "Session", "SessionOptions", "Sessions", "TeamTaken"]

_log = structlog.get_logger(__name__)

STREAMS = ("memberships", "emails", "histories", "people", "accounts")
"""The streams of a team's records that are read once it is connected."""


class NotConnected(Exception):
    """The organization has no living connection to Salesloft."""


class TeamTaken(Exception):
    """The Salesloft team is connected to another organization: budget, cursors and links to people are the team's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """How Salesloft is reached. Without an `app` only API keys can be used."""

    app: OAuthApp | None = None
    transport: TransportSettings | None = None
    budget: BudgetSettings | None = None
    sharing: SharingSettings | None = None
    observer: Observer | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One organization's access to its team."""

    organization_id: str
    team_id: int
    client: SalesloftClient
    tokens: StoredTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What connecting has found."""

    organization_id: str
    team_id: int
    team_name: str | None
    cadences: int
    users: int


class Sessions:
    """The sessions of all organizations in this process: one wire, one budget for each team."""

    def __init__(
        self,
        *,
        database: Database,
        wire: DatedWire,
        keyring: Keyring,
        clock: Clock,
        options: SessionOptions | None = None,
    ) -> None:
        """`database` is a pool apart from the others': a refresh holds its connection while Salesloft is asked."""
        self._database = database
        self._wire = wire
        self._keyring = keyring
        self._clock = clock
        self._options = options or SessionOptions()
        self._business_clock = BusinessClock(now=clock.now)
        app = self._options.app
        self._endpoint = TokenEndpoint(app, wire=wire, clock=self._business_clock) if app is not None else None
        self.budgets = TeamBudgets(
            database=database,
            clock=self._business_clock,
            settings=self._options.budget,
            sharing=self._options.sharing,
        )
        self._sessions: dict[str, Session] = {}

    @property
    def wire(self) -> DatedWire:
        """The connections to Salesloft, and its clock."""
        return self._wire

    async def of(self, organization_id: str) -> Session:
        """An organization's session. Raises NotConnected, or storage's errors."""
        async with self._database.connection() as connection:
            stored = await connections.read(connection, organization_id)
        if stored is None or stored.status != "connected":
            self._sessions.pop(organization_id, None)
            raise NotConnected(f"the organization {organization_id} is not connected to Salesloft")
        session = self._sessions.get(organization_id)
        known = session.tokens.generation if session is not None else None
        # Tokens that another process has refreshed, or a person has connected again, are read anew.
        if session is None or session.team_id != stored.team_id or (known is not None and known != stored.generation):
            session = self._session(organization_id, stored.team_id)
            self._sessions[organization_id] = session
        return session

    async def rejected(self, session: Session, reason: str) -> None:
        """Salesloft does not accept the session's credential, also after a refresh: a person has to connect again."""
        generation = session.tokens.generation
        if generation is None:
            return
        async with self._database.transaction() as connection:
            await needs_reauthorization(
                connection, session.organization_id, generation=generation, reason=reason, now=self._clock.now()
            )

    async def connect(self, organization_id: str, credential: Credential, *, by: str | None) -> Connected:
        """Verify a credential, store it, and read what the team has; work that was parked goes on.

        Connecting to another team than before forgets the old team's cursors and links to people. Raises TeamTaken,
        Salesloft's errors (nothing is stored then), or storage's.
        """
        client = self._client(FixedToken(credential.access().value), MinuteBudget(clock=self._business_clock))
        me, team = await client.me(), await client.team()
        async with self._database.connection() as connection:
            self._refuse_taken(await connections.organization_of_team(connection, team.id), organization_id)
        catalogue = await read_catalogue(client)
        try:
            await self._store(organization_id, credential, team.id, team.name, by=by, catalogue=catalogue)
        except ConcurrentChange:
            # Another organization may have been faster with this team; else begin again.
            await self._store(organization_id, credential, team.id, team.name, by=by, catalogue=catalogue)
        self._sessions.pop(organization_id, None)
        _log.info("salesloft_connected", organization_id=organization_id, team_id=team.id, user_id=me.id)
        return Connected(
            organization_id=organization_id,
            team_id=team.id,
            team_name=team.name,
            cadences=len(catalogue.cadences),
            users=len(catalogue.users),
        )

    async def connect_with_code(self, organization_id: str, code: str, *, by: str | None) -> Connected:
        """The same with the code that an authorization's callback has brought, which is good once.

        Raises ValueError where no OAuth application is configured.
        """
        if self._endpoint is None:
            raise ValueError("no OAuth application is configured")
        grant = await self._endpoint.exchange_code(code)
        return await self.connect(organization_id, OAuthTokens.granted(grant), by=by)

    async def _store(
        self,
        organization_id: str,
        credential: Credential,
        team_id: int,
        team_name: str | None,
        *,
        by: str | None,
        catalogue: Catalogue,
    ) -> None:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            await organizations.ensure(connection, [organization_id], now)
            before = await connections.lock(connection, organization_id, wait_s=10.0)
            self._refuse_taken(await connections.organization_of_team(connection, team_id), organization_id)
            if before is not None and before.team_id != team_id:
                await connections.forget_team(connection, organization_id)
            await connections.put(
                connection,
                organization_id,
                team_id=team_id,
                team_name=team_name,
                credential=self._keyring.seal(organization_id, credential),
                by=by,
                now=now,
            )
            await keep_catalogue(connection, organization_id, catalogue, now)
            await connections.ensure_streams(connection, organization_id, STREAMS, now)
            await commands.wake(connection)

    @staticmethod
    def _refuse_taken(holder: str | None, organization_id: str) -> None:
        if holder is not None and holder != organization_id:
            raise TeamTaken(
                "this Salesloft team is connected to another organization, which has to disconnect it first"
            )

    def _session(self, organization_id: str, team_id: int) -> Session:
        tokens = StoredTokens(
            organization_id,
            database=self._database,
            keyring=self._keyring,
            endpoint=self._endpoint,
            clock=self._clock,
        )
        client = self._client(tokens, self.budgets.of(organization_id, team_id))
        return Session(organization_id, team_id, client, tokens)

    def _client(self, tokens: StoredTokens | FixedToken, budget: TeamBudget) -> SalesloftClient:
        return SalesloftClient(
            wire=self._wire,
            tokens=tokens,
            budget=budget,
            clock=self._business_clock,
            observer=self._options.observer,
            settings=self._options.transport,
            context=CallContext(lane=Lane.INTERACTIVE),
        )
