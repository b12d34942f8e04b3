"""The authorization code flow from our side: whom a callback is for, and that it comes once and in time.

`state` is signed and names the organization, the user, a nonce and the browser that it was begun in, where it was one.
The nonce is stored, so that each authorization comes back once, and only the last one that its user has begun.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from salesloft_client import OAuthApp, authorization_url
from storage import authorizations, organizations
from storage.pool import Database
from workflows.audit import Action, Done, note
from workflows.clock import Clock
from workflows.credentials import CredentialUnreadable, Keyring

__all__ = ["GOOD_FOR", "Authorizations", "Begun", "NoApplication", "StateRefused"]

GOOD_FOR = timedelta(minutes=10)


class NoApplication(Exception):
    """The settings name no OAuth application: an organization can be connected by API key or client credentials."""


class StateRefused(Exception):
    """The state is none of ours, or its authorization was used, overtaken by another one, or is over."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the user, and until when (business time) the answer is awaited."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Who began the authorization, for which organization, and in which browser, where it was in one."""

    organization_id: str
    user_id: str
    browser: str | None


class Authorizations:
    """Begins authorizations and takes their callbacks."""

    def __init__(self, database: Database, keyring: Keyring, app: OAuthApp | None, clock: Clock) -> None:
        """`database` may act as the api role: each transaction is one organization's."""
        self._database = database
        self._keyring = keyring
        self._app = app
        self._clock = clock

    @property
    def is_possible(self) -> bool:
        """Whether there is an application to authorize: without one nothing can be begun."""
        return self._app is not None

    async def begin(self, organization_id: str, user_id: str, browser: str | None = None) -> Begun:
        """Begin one; the user's one before is good no more. Raises NoApplication, or storage's errors."""
        if self._app is None:
            raise NoApplication("no OAuth application is configured")
        now = self._clock.now()
        nonce, expires_at = secrets.token_urlsafe(24), now + GOOD_FOR
        async with self._database.organization_transaction(organization_id) as connection:
            await organizations.ensure(connection, [organization_id], now)
            await authorizations.begin(connection, organization_id, user_id, nonce=nonce, expires_at=expires_at)
            done = Done(organization_id, Action.AUTHORIZATION_BEGUN, f"user/{user_id}", by=user_id)
            await note(connection, done, now=now)
        state = self._keyring.sign(organization_id, user_id, nonce, browser or "")
        return Begun(authorization_url(self._app, state=state), expires_at)

    async def redeem(self, state: str | None) -> Redeemed:
        """Take a callback's state, which is good for nothing then. Raises StateRefused, or storage's errors."""
        try:
            organization_id, user_id, nonce, browser = self._keyring.signed(state or "")
        except (CredentialUnreadable, ValueError):
            raise StateRefused("the state is none of ours") from None
        async with self._database.organization_transaction(organization_id) as connection:
            good = await authorizations.redeem(connection, organization_id, user_id, nonce=nonce, now=self._clock.now())
        if not good:
            raise StateRefused("the authorization was used, overtaken by another one, or took longer than ten minutes")
        return Redeemed(organization_id, user_id, browser or None)
