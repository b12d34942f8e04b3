"""Salesloft credentials, and how they are kept: encrypted under a key that has an id, so that keys can be rotated."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson
from cryptography.fernet import Fernet, InvalidToken

from salesloft_client import AccessGrant, AccessToken, TokenGrant
from storage.connections import CredentialKind, EncryptedCredential

__all__ = ["ApiKey", "ClientCredentials", "Credential", "CredentialUnreadable", "Keyring", "OAuthTokens", "Sealed"]


# Stands where a stored secret names its organization, whose id has no colon: neither passes for the other.
_HANDED_OUT = "handed:out"


class CredentialUnreadable(Exception):
    """A stored credential cannot be decrypted: its key is missing, or it belongs to another organization."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthTokens:
    """A pair of tokens. The refresh token is good once, and its use revokes all earlier ones."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime

    @classmethod
    def granted(cls, grant: TokenGrant) -> "OAuthTokens":
        """The pair that Salesloft has given."""
        return cls(access_token=grant.access_token, refresh_token=grant.refresh_token, expires_at=grant.expires_at)

    def access(self) -> AccessToken:
        """What goes with a call."""
        return AccessToken(self.access_token, self.expires_at)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that acts as the user who made it, until that user takes it back."""

    value: str = field(repr=False)

    def access(self) -> AccessToken:
        """What goes with a call."""
        return AccessToken(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """A team's own application, and the token it was last given; a new one is asked for, since none is refreshed."""

    client_id: str
    client_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    expires_at: datetime

    def granted(self, grant: AccessGrant) -> "ClientCredentials":
        """The same application with its next token."""
        return replace(self, access_token=grant.access_token, expires_at=grant.expires_at)

    def access(self) -> AccessToken:
        """What goes with a call."""
        return AccessToken(self.access_token, self.expires_at)


Credential = OAuthTokens | ApiKey | ClientCredentials


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret under the key of that id."""

    secret: bytes = field(repr=False)
    key_id: str


class Keyring:
    """The keys under which credentials are kept, by id. New ones are encrypted under the current key.

    A key is a Fernet key: 32 bytes in URL-safe base64. To rotate, add a key and make it current; each credential moves
    to it when it is next stored, and a key may go once no row names it.
    """

    def __init__(self, keys: Mapping[str, str], current: str) -> None:
        """Raises ValueError for a key that is not one, or a current id that has no key."""
        if current not in keys:
            raise ValueError("the current key's id names none of the keys")
        self._keys = {key_id: Fernet(key) for key_id, key in keys.items()}
        self._current = current

    @property
    def current(self) -> str:
        """The id of the key under which secrets are encrypted from now on."""
        return self._current

    def seal(self, organization_id: str, credential: Credential) -> EncryptedCredential:
        """The credential as it is stored. The organization is sealed in with it: a row that is moved cannot be read."""
        expires_at: datetime | None = None
        kind: CredentialKind
        match credential:
            case OAuthTokens():
                kind, expires_at = "oauth", credential.expires_at
                parts = [credential.access_token, credential.refresh_token]
            case ClientCredentials():
                kind, expires_at = "client_credentials", credential.expires_at
                parts = [credential.client_id, credential.client_secret, credential.access_token]
            case _:
                kind, parts = "api_key", [credential.value]
        sealed = self.seal_parts(organization_id, *parts)
        return EncryptedCredential(kind=kind, secret=sealed.secret, key_id=sealed.key_id, expires_at=expires_at)

    def open(self, organization_id: str, stored: EncryptedCredential) -> Credential:
        """The credential again. Raises CredentialUnreadable."""
        parts = self.open_parts(organization_id, Sealed(stored.secret, stored.key_id))
        if stored.kind == "api_key":
            return ApiKey(parts[0])
        if stored.expires_at is None:
            raise CredentialUnreadable("the token has no end")
        if stored.kind == "client_credentials":
            return ClientCredentials(
                client_id=parts[0], client_secret=parts[1], access_token=parts[2], expires_at=stored.expires_at
            )
        return OAuthTokens(access_token=parts[0], refresh_token=parts[1], expires_at=stored.expires_at)

    def seal_parts(self, organization_id: str, *parts: str) -> Sealed:
        """Texts under the current key, readable for this organization alone."""
        return Sealed(self._keys[self._current].encrypt(orjson.dumps([organization_id, *parts])), self._current)

    def open_parts(self, organization_id: str, sealed: Sealed) -> list[str]:
        """The texts again. Raises CredentialUnreadable."""
        content = self._decrypted(sealed)
        if content[0] != organization_id:
            raise CredentialUnreadable("the credential is another organization's")
        return content[1:]

    def sign(self, *parts: str) -> str:
        """Texts to be handed out and known again, unreadable on the way."""
        return f"{self._current}.{self._keys[self._current].encrypt(orjson.dumps([_HANDED_OUT, *parts])).decode()}"

    def signed(self, text: str) -> list[str]:
        """What was signed. Raises CredentialUnreadable where this is nothing that was handed out as it is."""
        key_id, _, token = text.rpartition(".")
        content = self._decrypted(Sealed(token.encode(), key_id))
        if content[0] != _HANDED_OUT:
            raise CredentialUnreadable("this was never handed out")
        return content[1:]

    def resealed(self, organization_id: str, sealed: Sealed) -> Sealed:
        """The same secret under the current key. Raises CredentialUnreadable."""
        return self.seal_parts(organization_id, *self.open_parts(organization_id, sealed))

    def _decrypted(self, sealed: Sealed) -> list[str]:
        try:
            content: list[str] = orjson.loads(self._keys[sealed.key_id].decrypt(sealed.secret))
        except KeyError:
            raise CredentialUnreadable(f"the key {sealed.key_id} is not among the keys") from None
        except InvalidToken:
            raise CredentialUnreadable(f"the credential does not open with the key {sealed.key_id}") from None
        return content
