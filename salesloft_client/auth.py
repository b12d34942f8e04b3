"""Where access tokens come from."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

__all__ = ["AccessToken", "FixedToken", "TokenSource"]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token. ``repr`` never shows it. ``expires_at`` is None for an API key."""

    value: str = field(repr=False)
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        # A line break or a space would end in another header, or in an HTTP library's message with the token in it.
        if not self.value or not self.value.isascii() or not self.value.isprintable() or " " in self.value:
            raise ValueError("an access token is printable ASCII without spaces")


class TokenSource(Protocol):
    """Gives the token for one team, and a newer one when Salesloft refuses it.

    Both may do I/O and are called from many tasks at once. They run in tasks of their own that are never cancelled, so
    that a refresh and the storing of its result stay one step. They raise this package's errors: ``GrantRevoked`` when
    a person has to connect again.
    """

    async def access_token(self) -> AccessToken:
        """The token to use now, refreshed beforehand if it is about to expire."""
        ...

    async def refreshed(self, rejected: AccessToken) -> AccessToken:
        """A token other than ``rejected``, which got a 401.

        If somebody else has refreshed meanwhile, theirs is given, without another refresh. A source that cannot refresh
        gives ``rejected`` back, and the call ends as ``Unauthorized``.
        """
        ...


class FixedToken:
    """A :class:`TokenSource` for an API key, which does not expire and cannot be refreshed."""

    def __init__(self, value: str) -> None:
        self._token = AccessToken(value)

    async def access_token(self) -> AccessToken:
        return self._token

    async def refreshed(self, rejected: AccessToken) -> AccessToken:
        return rejected
