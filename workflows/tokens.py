"""A team's tokens, shared by all processes through their row in the database.

Each refresh revokes every earlier refresh token (Salesloft docs: OAuth authentication), so it runs under the row's
lock, and its result is stored before anybody uses it:

* Whoever waited for the lock reads the row again, and finds the other's tokens.
* A refresh is the one network call inside a transaction. It has ten seconds, and a pool of its own.
* Where the transaction is lost after Salesloft has answered, the new pair is stored again, guarded by its generation:
  a pair that is lost would end the connection.
* An `invalid_grant` ends the connection only if the stored credential is still the one that was refused.
* That our own application is refused (`invalid_client`) says nothing of the grant, which is good again once the setting
  is mended; what waits for a token waits until then.
* Client credentials have no refresh token: under the same lock a new token is asked for, which ends no other.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from salesloft_client import AccessToken, ClientRejected, GrantRevoked, NotSent, Origin, OutcomeUnknown, TokenEndpoint
from schemas.registry import CONNECTION_NEEDS_REAUTHORIZATION
from schemas.topics import organization_key
from storage import connections, organizations, outbox
from storage.connections import EncryptedCredential
from storage.errors import ConcurrentChange, StorageError, StorageUnavailable
from storage.pool import Connection, Database
from workflows.clock import Clock
from workflows.credentials import ApiKey, ClientCredentials, Credential, CredentialUnreadable, Keyring, OAuthTokens
from workflows.events import Origin as EventOrigin
from workflows.events import dumps, outgoing

__all__ = ["Endpoints", "StoredTokens", "needs_reauthorization"]

_log = structlog.get_logger(__name__)

_ORIGIN = Origin(method="POST", path="/oauth/token")
_LOCK_WAIT_S = 10.0
# A call that starts now should not meet the token's end.
_REFRESH_AHEAD = timedelta(minutes=2)
_SAVE_PAUSES_S = (0.0, 0.1, 0.5, 2.0)


@dataclass(frozen=True, slots=True)
class _Held:
    """The credential of a generation."""

    credential: Credential
    generation: int


@dataclass(frozen=True, slots=True)
class _Unsaved:
    """A pair that Salesloft has given in exchange for the credential of a generation, and that is not stored yet."""

    tokens: OAuthTokens | ClientCredentials
    generation: int


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where tokens come from: for our own application, if there is one, and for teams' own applications."""

    ours: TokenEndpoint | None
    of_team: Callable[[str, str], TokenEndpoint]
    """By the application's id and secret."""


class StoredTokens:
    """A `salesloft_client.TokenSource` over an organization's row, of one team. One for each in a process."""

    def __init__(
        self,
        organization_id: str,
        team_id: int,
        *,
        database: Database,
        keyring: Keyring,
        endpoints: Endpoints,
        clock: Clock,
    ) -> None:
        """`database` is a pool apart: a refresh holds its connection while Salesloft is asked.

        Once another team is connected there are none: what is under way knows the ids of this one.
        """
        self._organization_id = organization_id
        self._team_id = team_id
        self._database = database
        self._keyring = keyring
        self._endpoints = endpoints
        self._clock = clock
        self._held: _Held | None = None
        self._unsaved: _Unsaved | None = None
        self._refreshing = asyncio.Lock()

    @property
    def generation(self) -> int | None:
        """Of the credential that was last given out."""
        return self._held.generation if self._held is not None else None

    async def access_token(self) -> AccessToken:
        """The token to use now, refreshed beforehand if it is about to expire.

        Raises GrantRevoked where a person has to connect again, NotSent where no token can be had at the moment.
        """
        held = self._held or await self._read()
        token = held.credential.access()
        left = _left(token, self._clock.now())
        if left is None or left > _REFRESH_AHEAD:
            return token
        try:
            return await self.refreshed(token)
        except NotSent:
            if left > timedelta():
                return token
            raise

    async def refreshed(self, rejected: AccessToken) -> AccessToken:
        """A token other than the rejected one; see `salesloft_client.TokenSource`."""
        async with self._refreshing:
            held = self._held
            if held is not None and held.credential.access().value != rejected.value:
                return held.credential.access()
            try:
                return await self._refresh(rejected)
            except StorageError as error:
                raise NotSent("the tokens' store does not answer", origin=_ORIGIN) from error

    async def _read(self) -> _Held:
        try:
            async with self._database.connection() as connection:
                return self._keep(await connections.read(connection, self._organization_id))
        except StorageError as error:
            raise NotSent("the tokens' store does not answer", origin=_ORIGIN) from error

    def _keep(self, stored: connections.SalesloftConnection | None) -> _Held:
        if stored is None or stored.credential is None or stored.status != "connected":
            raise GrantRevoked("the organization's team is not connected", origin=_ORIGIN)
        if stored.team_id != self._team_id:
            raise GrantRevoked("another team of the organization's is connected", origin=_ORIGIN)
        try:
            credential = self._keyring.open(self._organization_id, stored.credential)
        except CredentialUnreadable as error:
            _log.exception("salesloft_credential_unreadable", organization_id=self._organization_id)
            raise NotSent("the stored credential cannot be read", origin=_ORIGIN) from error
        self._held = _Held(credential, stored.generation)
        return self._held

    async def _refresh(self, rejected: AccessToken) -> AccessToken:
        await self._save()
        refusal: GrantRevoked | ClientRejected
        try:
            async with self._database.transaction() as connection:
                held = self._keep(await connections.lock(connection, self._organization_id, wait_s=_LOCK_WAIT_S))
                credential = held.credential
                if credential.access().value != rejected.value or isinstance(credential, ApiKey):
                    return credential.access()
                tokens = await self._granted(credential)
                # From here to the commit the pair exists nowhere but here.
                self._unsaved = _Unsaved(tokens, held.generation)
                sealed = self._keyring.seal(self._organization_id, tokens)
                generation = await self._put(connection, sealed, held.generation)
        except (GrantRevoked, ClientRejected) as error:
            refusal = error
        except StorageUnavailable:
            if self._unsaved is None:
                raise
            await self._save()
            return (self._held or await self._read()).credential.access()
        else:
            self._unsaved = None
            self._held = _Held(tokens, generation) if generation is not None else None
            return tokens.access()
        return await self._refused(refusal)

    async def _granted(self, credential: OAuthTokens | ClientCredentials) -> OAuthTokens | ClientCredentials:
        try:
            if isinstance(credential, ClientCredentials):
                endpoint = self._endpoints.of_team(credential.client_id, credential.client_secret)
                return credential.granted(await endpoint.client_credentials())
            if self._endpoints.ours is None:
                raise NotSent("no OAuth application is configured", origin=_ORIGIN)
            return OAuthTokens.granted(await self._endpoints.ours.refresh(credential.refresh_token))
        except OutcomeUnknown as error:
            # No call is made without a token, so to the caller this is a call that never left.
            raise NotSent("whether the token was refreshed is unknown", origin=_ORIGIN) from error
        except ClientRejected as error:
            if isinstance(credential, ClientCredentials):
                raise
            _log.exception("salesloft_application_refused", organization_id=self._organization_id)
            raise NotSent("Salesloft refuses the OAuth application of the settings", origin=_ORIGIN) from error

    async def _put(self, connection: Connection, sealed: EncryptedCredential, generation: int) -> int | None:
        return await connections.put_credential(
            connection, self._organization_id, sealed, generation=generation, now=self._clock.now()
        )

    async def _save(self) -> None:
        """Store a pair whose transaction was lost. Raises StorageUnavailable, and will be asked again."""
        if self._unsaved is None:
            return
        unsaved = self._unsaved
        generation = await self._saved(unsaved)
        self._unsaved = None
        # Without a generation the row has moved on: either the lost commit was none, or somebody connected again.
        self._held = _Held(unsaved.tokens, generation) if generation is not None else None

    async def _saved(self, unsaved: _Unsaved) -> int | None:
        sealed = self._keyring.seal(self._organization_id, unsaved.tokens)
        pauses = list(_SAVE_PAUSES_S)
        while True:
            await asyncio.sleep(pauses.pop(0))
            try:
                async with self._database.transaction() as connection:
                    return await self._put(connection, sealed, unsaved.generation)
            except (StorageUnavailable, ConcurrentChange):
                if not pauses:
                    _log.exception("salesloft_tokens_not_saved", organization_id=self._organization_id)
                    raise

    async def _refused(self, refusal: GrantRevoked | ClientRejected) -> AccessToken:
        held = self._held
        self._held = None
        if held is not None:
            async with self._database.transaction() as connection:
                given_up = await needs_reauthorization(
                    connection,
                    self._organization_id,
                    generation=held.generation,
                    reason="invalid_grant" if isinstance(refusal, GrantRevoked) else "invalid_client",
                    now=self._clock.now(),
                )
                stored = None if given_up else await connections.read(connection, self._organization_id)
            if stored is not None and stored.generation != held.generation:
                return self._keep(stored).credential.access()
        if isinstance(refusal, GrantRevoked):
            raise refusal
        raise GrantRevoked(refusal.summary, origin=_ORIGIN) from refusal


async def needs_reauthorization(
    connection: Connection, organization_id: str, *, generation: int, reason: str, now: datetime
) -> bool:
    """Note that the credential of a generation is refused, and say so on the bus; false if that was known or is over.

    What waits for Salesloft stays as it is until the team is connected again.
    """
    team_id = await connections.give_up(connection, organization_id, generation=generation, reason=reason, now=now)
    if team_id is None:
        return False
    await organizations.advance_decision_version(connection, organization_id, now)
    data = {"organization_id": organization_id, "team_id": team_id, "since": now, "reason": reason}
    event_id = uuid4()
    await outbox.add(
        connection,
        [
            outgoing(
                CONNECTION_NEEDS_REAUTHORIZATION,
                id=event_id,
                organization_id=organization_id,
                key=organization_key(organization_id),
                subject=organization_id,
                data=dumps(data),
                time=now,
                origin=EventOrigin(str(event_id)),
            )
        ],
    )
    _log.warning("salesloft_needs_reauthorization", organization_id=organization_id, team_id=team_id, reason=reason)
    return True


def _left(token: AccessToken, now: datetime) -> timedelta | None:
    return None if token.expires_at is None else token.expires_at - now
