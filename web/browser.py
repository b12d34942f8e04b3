"""Browsers as callers: a page's session, which is the caller's token, sealed into a cookie that no script can read.

A browser sends its cookies along with whatever another site makes it send. So a request that changes something also
carries the session's CSRF token in a header, which only a page of ours can know, and comes from our own address where
the browser says where it comes from. The session is good as long as the token is; ending it makes the browser forget.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe

from starlette.requests import Request
from starlette.responses import Response

from web.problems import Problem
from workflows.credentials import CredentialUnreadable, Keyring

__all__ = ["CSRF_HEADER", "BrowserSession", "Browsers"]

CSRF_HEADER = "x-csrf-token"

_KIND = "browser"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_OWN = frozenset({"same-origin", "none"})
# Browsers keep four kilobytes a cookie, its name and attributes included.
_LONGEST_COOKIE = 3800


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """What a browser's cookie holds: the caller's bearer token, and the CSRF token that goes with it."""

    token: str = field(repr=False)
    csrf_token: str = field(repr=False)

    @property
    def binding(self) -> str:
        """Tells this session from every other, and gives nothing of it away."""
        return sha256(self.csrf_token.encode()).hexdigest()

    def check(self, request: Request) -> None:
        """Raises Problem (403) for a request that changes something and may be another site's doing."""
        if request.method in _SAFE:
            return
        if not compare_digest(request.headers.get(CSRF_HEADER, "").encode(), self.csrf_token.encode()):
            raise Problem(403, "csrf_token_required", f"a page sends its session's csrf_token as {CSRF_HEADER}")
        if request.headers.get("sec-fetch-site", "same-origin") not in _OUR_OWN:
            raise Problem(403, "another_site", "this is for our own pages, and the request comes from another site")


class Browsers:
    """Gives browsers their sessions, and reads them again."""

    def __init__(self, keyring: Keyring, *, over_https: bool) -> None:
        """`over_https` is how browsers reach us: the cookie never travels otherwise then."""
        self._keyring = keyring
        self._over_https = over_https
        self._cookie = "__Host-cscx_salesloft" if over_https else "cscx_salesloft"

    def begin(self, response: Response, token: str, *, good_for_s: int) -> BrowserSession:
        """Give the browser that is answered a session. Raises Problem (422) where no cookie can hold the token."""
        session = BrowserSession(token, token_urlsafe(24))
        sealed = self._keyring.sign(_KIND, session.token, session.csrf_token)
        if len(sealed) > _LONGEST_COOKIE:
            raise Problem(422, "token_too_long", "the token is too long for a browser's cookie: give it fewer claims")
        response.set_cookie(
            self._cookie, sealed, max_age=good_for_s, httponly=True, secure=self._over_https, samesite="lax"
        )
        return session

    def end(self, response: Response) -> None:
        """Have the browser that is answered forget its session."""
        response.delete_cookie(self._cookie, httponly=True, secure=self._over_https, samesite="lax")

    def session(self, request: Request) -> BrowserSession | None:
        """The session that the request's browser has; None where it has none that can be read."""
        sealed = request.cookies.get(self._cookie)
        if sealed is None:
            return None
        try:
            kind, *rest = self._keyring.signed(sealed)
        except CredentialUnreadable:
            return None
        return BrowserSession(*rest) if kind == _KIND else None
