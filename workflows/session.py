"""An organization's Salesloft session: a client with its tokens, its team's budget, and the wire that all teams share.

NotConnected   the organization has no living connection
TeamTaken      the team is connected to another organization
"""

from dataclasses import dataclass, replace

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
    SalesloftError,
    SharingSettings,
    TeamBudget,
    TokenEndpoint,
    TransportSettings,
)
from storage import commands, connections, holds, organizations, webhooks
from storage.connections import SalesloftConnection
from storage.errors import ConcurrentChange
from storage.pool import Database
from workflows.audit import Action, Done, note
from workflows.budget import TeamBudgets
from workflows.catalogue import Catalogue, keep_catalogue, read_catalogue
from workflows.clock import Clock
from workflows.credentials import ClientCredentials, Credential, CredentialUnreadable, Keyring, OAuthTokens
from workflows.salesloft_time import DatedWire
from workflows.scopes import Need, missing, refuse_lacking, unreadable
from workflows.tokens import Endpoints, StoredTokens, needs_reauthorization
from workflows.webhooks import end_deliveries

__all__ = ["STREAMS", "Connected", "Disconnected", "NotConnected", "Session", "SessionOptions", "Sessions", "TeamTaken"]

_log = structlog.get_logger(__name__)

STREAMS = ("memberships", "emails", "histories", "people", "accounts")
"""The streams of a team's records that are read once it is connected."""


class NotConnected(Exception):
    """The organization has no living connection to Salesloft."""


class TeamTaken(Exception):
    """The Salesloft team is connected to another organization: budget, cursors and links to people are the team's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """How Salesloft is reached. Without an `app` only API keys and client credentials can be used.

    `auth_host` is where teams' own applications get their tokens, `farewell_s` how many real seconds a call may take
    that tidies up behind a connection that is over.
    """

    app: OAuthApp | None = None
    auth_host: str = "https://accounts.salesloft.com"
    farewell_s: float = 5.0
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
    """What connecting has found; `missing` are scopes that the credential lacks, with what they are for.

    `parked` are mappings of another team, which decide nothing until they are validated or published anew.
    """

    organization_id: str
    team_id: int
    team_name: str | None
    cadences: int
    users: int
    missing: tuple[Need, ...] = ()
    parked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """What was disconnected; `tidied` says whether Salesloft has ended the deliveries and the tokens, too."""

    team_id: int
    tidied: bool


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
        # A clock that stands still may be set forward at any moment: what waits for it waits as for one that goes on.
        self._business_clock = BusinessClock(now=clock.now, speed=lambda: clock.speed or 1.0)
        app = self._options.app
        self._endpoints = Endpoints(
            TokenEndpoint(app, wire=wire, clock=self._business_clock) if app is not None else None, self._endpoint_of
        )
        self.budgets = TeamBudgets(
            database=database,
            clock=self._business_clock,
            settings=self._options.budget,
            sharing=self._options.sharing,
        )
        self._sessions: dict[str, Session] = {}

    @property
    def keyring(self) -> Keyring:
        """The keys of what is kept secret."""
        return self._keyring

    @property
    def wire(self) -> DatedWire:
        """The connections to Salesloft, and its clock."""
        return self._wire

    async def of(self, organization_id: str) -> Session:
        """An organization's session. Raises NotConnected, or storage's errors."""
        async with self._database.connection() as connection:
            stored = await connections.read(connection, organization_id)
        if stored is None or stored.status != "connected":
            await self._left(organization_id)
            raise NotConnected(f"the organization {organization_id} is not connected to Salesloft")
        session = self._sessions.get(organization_id)
        known = session.tokens.generation if session is not None else None
        # Tokens that another process has refreshed, or a person has connected again, are read anew.
        if session is None or session.team_id != stored.team_id or (known is not None and known != stored.generation):
            await self.budgets.forget(organization_id, but_team=stored.team_id)
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

    async def connect(
        self, organization_id: str, credential: Credential, *, by: str | None, scopes: frozenset[str] = frozenset()
    ) -> Connected:
        """Verify a credential, store it, and read what the team has; work that was parked goes on.

        `scopes` are those that Salesloft told; where it told none, a glance at each list says what may be read.
        Connecting to another team than before forgets the old team's cursors and links to people, and parks what was
        mapped to its cadences. Raises LacksScopes, TeamTaken, Salesloft's errors (nothing is stored then), or
        storage's.
        """
        if scopes:
            refuse_lacking(missing(scopes))
        client = self._client(FixedToken(credential.access().value), MinuteBudget(clock=self._business_clock))
        me, team = await client.me(), await client.team()
        async with self._database.connection() as connection:
            self._refuse_taken(await connections.organization_of_team(connection, team.id), organization_id)
            before = await connections.read(connection, organization_id)
        lacking = missing(scopes) if scopes else await unreadable(client, self._clock)
        refuse_lacking(lacking)
        catalogue = await read_catalogue(client)
        if before is not None and before.team_id != team.id:
            await self._farewell(before)
        found = Connected(
            organization_id=organization_id,
            team_id=team.id,
            team_name=team.name,
            cadences=len(catalogue.cadences),
            users=len(catalogue.users),
            missing=lacking,
        )
        told = scopes or None
        try:
            parked = await self._store(found, credential, by=by, catalogue=catalogue, scopes=told)
        except ConcurrentChange:
            # Another organization may have been faster with this team; else begin again.
            parked = await self._store(found, credential, by=by, catalogue=catalogue, scopes=told)
        self._sessions.pop(organization_id, None)
        _log.info(
            "salesloft_connected",
            organization_id=organization_id,
            team_id=team.id,
            user_id=me.id,
            missing_scopes=[need.scope for need in lacking],
        )
        return replace(found, parked=parked)

    async def connect_with_code(
        self, organization_id: str, code: str, *, by: str | None, scopes: frozenset[str] = frozenset()
    ) -> Connected:
        """The same with the code that an authorization's callback has brought, which is good once.

        `scopes` are the callback's, for where the tokens do not tell theirs. Raises ValueError where no OAuth
        application is configured.
        """
        if self._endpoints.ours is None:
            raise ValueError("no OAuth application is configured")
        grant = await self._endpoints.ours.exchange_code(code)
        return await self.connect(organization_id, OAuthTokens.granted(grant), by=by, scopes=grant.scope or scopes)

    async def connect_with_client(
        self, organization_id: str, client_id: str, client_secret: str, *, by: str | None
    ) -> Connected:
        """The same by client credentials: an application of the team's own, which acts as the admin who made it."""
        grant = await self._endpoint_of(client_id, client_secret).client_credentials()
        credential = ClientCredentials(
            client_id=client_id,
            client_secret=client_secret,
            access_token=grant.access_token,
            expires_at=grant.expires_at,
        )
        return await self.connect(organization_id, credential, by=by, scopes=grant.scope)

    async def disconnect(self, organization_id: str, *, by: str | None) -> Disconnected:
        """Drop the credential; mappings, history and cursors stay, and what waits for Salesloft waits on.

        Deliveries and tokens are ended at Salesloft too, as far as it answers. Raises NotConnected, or storage's
        errors.
        """
        async with self._database.connection() as connection:
            stored = await connections.read(connection, organization_id)
        if stored is None or stored.status == "disconnected":
            raise NotConnected(f"the organization {organization_id} is not connected to Salesloft")
        tidied = await self._farewell(stored)
        async with self._database.transaction() as connection:
            before = await connections.lock(connection, organization_id, wait_s=10.0)
            team_id = await connections.disconnect(connection, organization_id, now=self._clock.now())
            await organizations.advance_decision_version(connection, organization_id, self._clock.now())
            done = Done(organization_id, Action.DISCONNECTED, f"team/{stored.team_id}", by=by)
            await note(connection, done, now=self._clock.now())
        await self._left(organization_id)
        # Only now: a refresh that was under way would have brought another pair.
        tidied = await self._revoke(before) and tidied
        _log.info("salesloft_disconnected", organization_id=organization_id, team_id=team_id, by=by, tidied=tidied)
        return Disconnected(team_id=stored.team_id, tidied=tidied)

    async def _left(self, organization_id: str) -> None:
        self._sessions.pop(organization_id, None)
        await self.budgets.forget(organization_id)

    async def _farewell(self, stored: SalesloftConnection) -> bool:
        """End a connection's deliveries at Salesloft, if it answers: what comes in spite of it is refused."""
        if stored.status != "connected":
            return stored.status == "disconnected"
        async with self._database.connection() as connection:
            receiver = await webhooks.receiver_of(connection, stored.organization_id)
        if receiver is None:
            return True
        session = self._session(stored.organization_id, stored.team_id)
        try:
            await end_deliveries(session.client.using(time_budget_s=self._options.farewell_s), receiver)
        except SalesloftError as error:
            _log.warning("salesloft_webhooks_left", organization_id=stored.organization_id, error=str(error))
            return False
        return True

    async def _revoke(self, stored: SalesloftConnection | None) -> bool:
        if stored is None or stored.credential is None or stored.credential.kind == "api_key":
            return True
        try:
            credential = self._keyring.open(stored.organization_id, stored.credential)
            match credential:
                case OAuthTokens() if self._endpoints.ours is not None:
                    await self._endpoints.ours.revoke(credential.refresh_token)
                case ClientCredentials():
                    endpoint = self._endpoint_of(credential.client_id, credential.client_secret)
                    await endpoint.revoke(credential.access_token)
                case _:
                    return False
        except (SalesloftError, CredentialUnreadable) as error:
            _log.warning("salesloft_tokens_not_revoked", organization_id=stored.organization_id, error=str(error))
            return False
        return True

    def _endpoint_of(self, client_id: str, client_secret: str) -> TokenEndpoint:
        """Where an application of a team's own gets its tokens."""
        app = OAuthApp(
            client_id=client_id, client_secret=client_secret, redirect_uri="", auth_host=self._options.auth_host
        )
        return TokenEndpoint(app, wire=self._wire, clock=self._business_clock)

    async def _store(
        self,
        found: Connected,
        credential: Credential,
        *,
        by: str | None,
        catalogue: Catalogue,
        scopes: frozenset[str] | None,
    ) -> int:
        """Answers how many mappings are parked."""
        now, organization_id, team_id = self._clock.now(), found.organization_id, found.team_id
        sealed = self._keyring.seal(organization_id, credential)
        async with self._database.transaction() as connection:
            await organizations.ensure(connection, [organization_id], now)
            before = await connections.lock(connection, organization_id, wait_s=10.0)
            self._refuse_taken(await connections.organization_of_team(connection, team_id), organization_id)
            if before is not None and before.team_id != team_id:
                await connections.forget_team(connection, organization_id, team_id=before.team_id)
            await connections.put(
                connection,
                organization_id,
                team_id=team_id,
                team_name=found.team_name,
                credential=sealed,
                scopes=scopes,
                by=by,
                now=now,
            )
            await keep_catalogue(connection, organization_id, catalogue, now)
            await connections.ensure_streams(connection, organization_id, STREAMS, now)
            await holds.hasten(connection, organization_id, None, now)
            await commands.wake(connection)
            kept = {"credential": sealed.kind, "team_before": before.team_id if before is not None else None}
            done = Done(organization_id, Action.CONNECTED, f"team/{team_id}", by=by, detail=kept)
            await note(connection, done, now=now)
            return sum(mapping.parked for mapping in await organizations.list_published(connection, organization_id))

    @staticmethod
    def _refuse_taken(holder: str | None, organization_id: str) -> None:
        if holder is not None and holder != organization_id:
            raise TeamTaken(
                "this Salesloft team is connected to another organization, which has to disconnect it first"
            )

    def _session(self, organization_id: str, team_id: int) -> Session:
        tokens = StoredTokens(
            organization_id,
            team_id,
            database=self._database,
            keyring=self._keyring,
            endpoints=self._endpoints,
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
