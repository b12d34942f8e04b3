"""Salesloft credentials, and how they are kept: encrypted under a key that has an id, so that keys can be rotated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from cryptography.fernet import Fernet, InvalidToken

from salesloft_client import AccessToken, TokenGrant
from storage.connections import CredentialKind, EncryptedCredential

__all__ = ["ApiKey", "Credential", "CredentialUnreadable", "Keyring", "OAuthTokens"]


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


Credential = OAuthTokens | ApiKey


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

    def seal(self, organization_id: str, credential: Credential) -> EncryptedCredential:
        """The credential as it is stored. The organization is sealed in with it: a row that is moved cannot be read."""
        expires_at: datetime | None = None
        kind: CredentialKind
        if isinstance(credential, OAuthTokens):
            kind, expires_at = "oauth", credential.expires_at
            content = [organization_id, credential.access_token, credential.refresh_token]
        else:
            kind, content = "api_key", [organization_id, credential.value]
        secret = self._keys[self._current].encrypt(orjson.dumps(content))
        return EncryptedCredential(kind=kind, secret=secret, key_id=self._current, expires_at=expires_at)

    def open(self, organization_id: str, stored: EncryptedCredential) -> Credential:
        """The credential again. Raises CredentialUnreadable."""
        try:
            content = orjson.loads(self._keys[stored.key_id].decrypt(stored.secret))
        except KeyError:
            raise CredentialUnreadable(f"the key {stored.key_id} is not among the keys") from None
        except InvalidToken:
            raise CredentialUnreadable(f"the credential does not open with the key {stored.key_id}") from None
        if content[0] != organization_id:
            raise CredentialUnreadable("the credential is another organization's")
        if stored.kind == "api_key":
            return ApiKey(content[1])
        if stored.expires_at is None:
            raise CredentialUnreadable("the tokens have no end")
        return OAuthTokens(access_token=content[1], refresh_token=content[2], expires_at=stored.expires_at)
