"""Settings, from the environment alone: prefix `CSCX_SALESLOFT_`, validated at start."""

import socket
from typing import Annotated, Literal, Self

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = ["PREFIX", "Settings", "SettingsInvalid", "read_settings"]

PREFIX = "CSCX_SALESLOFT_"


class SettingsInvalid(Exception):
    """A setting is missing or wrong; the message names it and says what it takes."""


class Settings(BaseSettings):
    """Everything that differs between one deployment and another. Times in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    # Kafka.
    kafka_bootstrap_servers: Annotated[str, Field(min_length=1)]
    kafka_replication_factor: int = Field(default=1, ge=1, le=9)
    # Stays the same across restarts of a replica and is its own: static members are known by it.
    instance: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9._-]+$")] = Field(
        default_factory=lambda: socket.gethostname().replace(":", "-")
    )
    consume_max_batch: int = Field(default=500, ge=1, le=10_000)

    # Postgres. Whoever logs in must be allowed to assume the roles that the migrations make.
    database_url: SecretStr
    database_statement_cache_size: int = Field(default=256, ge=0, description="0 behind pgbouncer")
    database_pool_size: int = Field(default=16, ge=4, le=200)
    database_statement_timeout: float = Field(default=30.0, gt=0)

    # Salesloft.
    salesloft_url: str = "https://api.salesloft.com/v2"
    salesloft_auth_url: str = "https://accounts.salesloft.com"
    salesloft_client_id: str | None = None
    salesloft_client_secret: SecretStr | None = None
    salesloft_redirect_uri: str | None = None
    # Our HTTP API as Salesloft and browsers reach it; without it nothing is delivered to us, and reading is by cursor.
    public_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+")] | None = None
    # Of each team, all its integrations together; Salesloft may grant a customer another one.
    salesloft_cost_per_minute: int = Field(default=600, ge=60, le=100_000)
    # "id:key,older-id:key": the first encrypts, the others still decrypt.
    encryption_keys: Annotated[dict[str, SecretStr], NoDecode]
    # Keys the digests by which people of a team who are nobody's stakeholder yet are found later; it stays as it is.
    address_key: SecretStr
    poll_interval_seconds: int = Field(default=1800, ge=30, le=24 * 3600)
    # In UTC: from then on each night what we hold is compared with what Salesloft has, one team after another.
    reconcile_hour: int = Field(default=2, ge=0, le=23)
    reconcile_spread_seconds: int = Field(default=3 * 3600, ge=0, le=12 * 3600)
    fulfill_concurrency: int = Field(default=16, ge=1, le=200)

    # Retention. A repetition is known for longer than the slowest consumed topic keeps its records.
    inbox_retention_days: int = Field(default=44, ge=1)
    outbox_retention_days: int = Field(default=3, ge=1)

    # HTTP.
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)

    # Callers of the API: who issues their tokens, for whom, and where its public keys are. All of them or none.
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_keys_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+")] | None = None

    # How often one caller of the API, a user of an organization, may ask; each replica counts for itself. 0: no limit.
    http_requests_per_minute: int = Field(default=1200, ge=0, le=1_000_000)
    http_requests_at_once: int = Field(default=240, ge=1, le=100_000)

    # Where people sign in to the pages, by OpenID Connect: its access tokens are of the issuer above. All or none.
    oidc_url: Annotated[str, Field(pattern=r"^https?://[^\s]+")] | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None

    # Whether requests may be decided over our API and page too, or at the approval service alone.
    decide_here: bool = True

    # Running it.
    clock_url: str | None = Field(default=None, description="where business time is read; the machine's where absent")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    stop_seconds: float = Field(default=20.0, gt=0)
    stuck_seconds: float = Field(default=120.0, ge=5)
    # How long what a killed process held stays its own: the outbox's lanes; commands for twice that, a team's
    # streams for three times. A send, a call or a page has a part of it.
    lease_seconds: float = Field(default=30.0, ge=5, le=300)

    @field_validator("encryption_keys", mode="before")
    @classmethod
    def _parse_keys(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        keys: dict[str, str] = {}
        for pair in filter(None, (part.strip() for part in value.split(","))):
            key_id, separator, key = pair.partition(":")
            if not separator or not key_id or not key:
                raise ValueError("takes key ids and keys, as in 2026-11:KEY,2026-05:OLDER_KEY")
            keys[key_id] = key
        return keys

    @model_validator(mode="after")
    def _parts_come_together(self) -> Self:
        issuer = (self.jwt_issuer, self.jwt_audience, self.jwt_keys_url)
        if any(issuer) and not all(issuer):
            raise ValueError("jwt_issuer, jwt_audience and jwt_keys_url are set together or not at all")
        provider = (self.oidc_url, self.oidc_client_id, self.oidc_client_secret)
        if any(provider) and not all(provider):
            raise ValueError("oidc_url, oidc_client_id and oidc_client_secret are set together or not at all")
        return self

    @property
    def redirect_uri(self) -> str | None:
        """Where Salesloft sends people back to: the setting, or what follows from our own address."""
        if self.salesloft_redirect_uri is not None or self.public_url is None:
            return self.salesloft_redirect_uri
        return f"{self.public_url.rstrip('/')}/api/integrations/salesloft/callback"

    @model_validator(mode="after")
    def _keys_are_keys(self) -> Self:
        if not self.encryption_keys:
            raise ValueError("encryption_keys names at least one key, as in 2026-11:KEY")
        for key_id, key in self.encryption_keys.items():
            try:
                Fernet(key.get_secret_value())
            except ValueError:
                raise ValueError(
                    f"the key {key_id!r} of encryption_keys is not 32 bytes in URL-safe base64;"
                    " `cscx-salesloft encryption-key` makes one"
                ) from None
        return self


def read_settings() -> Settings:
    """The settings of this process. Raises SettingsInvalid with one line."""
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        name = PREFIX + "_".join(str(part) for part in problem["loc"]).upper() if problem["loc"] else ""
        told = "is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        raise SettingsInvalid(f"{name} {told}".strip()) from None
