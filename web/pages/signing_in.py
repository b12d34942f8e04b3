"""People sign in at the platform's identity provider: OpenID Connect, the authorization code flow with PKCE.

What comes back is the platform's own token, the one a program would bear; it is checked like any other, and sealed into
the browser's session. The state and the PKCE verifier wait in a cookie of their own, good for one way there and back.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest
from secrets import token_urlsafe
from urllib.parse import urlsplit

import httpx
import structlog
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from pydantic import BaseModel, SecretStr, ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.browser import Browsers
from web.problems import Problem
from web.security import Callers
from workflows.credentials import CredentialUnreadable, Keyring

__all__ = ["IdentityProvider", "SigningIn"]

_log = structlog.get_logger(__name__)

_KIND = "sign-in"
_COOKIE = "cscx_salesloft_sign_in"
_WITHIN_S = 5.0
_SCOPE = "openid profile email"
_TEN_MINUTES = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """Where people are known: `url` is its issuer, under which its configuration is published."""

    url: str
    client_id: str
    client_secret: SecretStr


class _Endpoints(BaseModel):
    """Of its configuration, by OpenID Connect Discovery 1.0."""

    authorization_endpoint: str
    token_endpoint: str


class _Granted(BaseModel):
    """Of the token endpoint's answer, by RFC 6749."""

    access_token: str


class SigningIn:
    """The way to the identity provider and back."""

    def __init__(
        self, provider: IdentityProvider | None, keyring: Keyring, callers: Callers, browsers: Browsers
    ) -> None:
        """Without a provider nobody can sign in here; a page's session is begun over the API then."""
        self._provider = provider
        self._keyring = keyring
        self._callers = callers
        self._browsers = browsers

    @property
    def is_possible(self) -> bool:
        return self._provider is not None

    async def begin(self, request: Request, *, callback: str, after: str) -> Response:
        """Send the browser to the identity provider. Raises Problem (503) where it is not to be reached."""
        provider = self._configured()
        async with httpx.AsyncClient(timeout=_WITHIN_S) as http:
            endpoints = await _endpoints(http, provider)
        state, verifier = token_urlsafe(24), token_urlsafe(48)
        address: str = prepare_grant_uri(
            endpoints.authorization_endpoint,
            client_id=provider.client_id,
            response_type="code",
            redirect_uri=callback,
            scope=_SCOPE,
            state=state,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        response = RedirectResponse(address, status_code=303)
        response.set_cookie(
            _COOKIE,
            self._keyring.sign(_KIND, state, verifier, _local(after)),
            max_age=_TEN_MINUTES,
            path=urlsplit(callback).path,
            httponly=True,
            secure=request.url.scheme == "https",
            samesite="lax",
        )
        return response

    async def finish(self, request: Request, *, callback: str) -> Response:
        """Take what the browser brings back, and begin its session. Raises Problem: 400, 401 or 503."""
        state, verifier, after = self._begun(request)
        if not compare_digest(request.query_params.get("state", "").encode(), state.encode()):
            raise _not_ours()
        if "code" not in request.query_params:
            raise Problem(400, "sign_in_refused", "You were not signed in; try again.")
        provider = self._configured()
        async with httpx.AsyncClient(timeout=_WITHIN_S) as http:
            endpoints = await _endpoints(http, provider)
            try:
                answer = await http.post(
                    endpoints.token_endpoint,
                    content=prepare_token_request(
                        "authorization_code",
                        redirect_uri=callback,
                        code=request.query_params["code"],
                        code_verifier=verifier,
                    ),
                    headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
                    auth=(provider.client_id, provider.client_secret.get_secret_value()),
                )
                granted = _Granted.model_validate_json(answer.raise_for_status().content)
            except (httpx.HTTPError, ValidationError) as error:
                _log.warning("sign_in_failed", error=type(error).__name__)
                raise Problem(400, "sign_in_refused", "The identity provider did not sign you in; try again.") from None
        caller = await self._callers.caller(f"Bearer {granted.access_token}")
        response = RedirectResponse(after, status_code=303)
        left = int((caller.expires_at - datetime.now(UTC)).total_seconds())
        self._browsers.begin(response, granted.access_token, good_for_s=max(1, left))
        response.delete_cookie(_COOKIE, path=urlsplit(callback).path)
        return response

    def _begun(self, request: Request) -> tuple[str, str, str]:
        try:
            kind, *rest = self._keyring.signed(request.cookies.get(_COOKIE, ""))
        except CredentialUnreadable:
            raise _not_ours() from None
        if kind != _KIND:
            raise _not_ours()
        state, verifier, after = rest
        return state, verifier, after

    def _configured(self) -> IdentityProvider:
        if self._provider is None:
            raise Problem(503, "sign_in_not_configured", "The settings name no identity provider.")
        return self._provider


async def _endpoints(http: httpx.AsyncClient, provider: IdentityProvider) -> _Endpoints:
    """Where people are sent, and where codes become tokens. Raises Problem, 503."""
    try:
        answer = await http.get(f"{provider.url.rstrip('/')}/.well-known/openid-configuration")
        return _Endpoints.model_validate_json(answer.raise_for_status().content)
    except (httpx.HTTPError, ValidationError) as error:
        _log.warning("identity_provider_not_read", error=type(error).__name__)
        raise Problem(
            503, "sign_in_not_possible", "The identity provider does not answer; try again in a moment."
        ) from None


def _local(address: str) -> str:
    """Where to go afterwards: a path of ours, whatever the address was made to say."""
    told = urlsplit(address)
    is_ours = not told.scheme and not told.netloc and address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_ours else "/"


def _not_ours() -> Problem:
    return Problem(400, "sign_in_not_begun", "This sign-in was not begun in this browser, or too long ago; try again.")
