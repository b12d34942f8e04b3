"""Answers, and stand-ins for the client's ports, that several tests use."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from salesloft_client import (
    AccessToken,
    NewMembership,
)
from tests.salesloft_client.scripted import (
    json_reply,
)

ME = json_reply({"data": {"id": 51550, "email": "rep@example.com"}})
MEMBERSHIP = json_reply(
    {"data": {"id": 7, "updated_at": "2026-01-22T01:22:45.587713-05:00", "current_state": "processing"}}
)
ENROLL = NewMembership(person_id=1, cadence_id=2, user_id=3)
FAILED = json_reply({"status": 500, "error": "Internal Server Error"}, 500)
SPENT = json_reply({"error": "API rate limit exceeded"}, 429)
NO_TOKEN = json_reply({"error": "Invalid Bearer token"}, 401)


@dataclass
class Clock:
    instant: datetime = datetime(2026, 1, 5, 10, 0, 58, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant


@dataclass
class Seen:
    responses: list[tuple[str, str, int, int, int | None]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    retries: list[str] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def on_response(
        self, *, method: str, path_template: str, status: int, cost: int, remaining: int | None, elapsed_s: float
    ) -> None:
        assert elapsed_s >= 0
        self.responses.append((method, path_template, status, cost, remaining))
        self.told.set()

    def on_failure(self, *, method: str, path_template: str, problem: str, elapsed_s: float) -> None:
        del elapsed_s
        self.failures.append((f"{method} {path_template}", problem))
        self.told.set()

    def on_retry(self, *, method: str, path_template: str, attempt: int, reason: str, wait_s: float) -> None:
        del method, path_template, attempt, wait_s
        self.retries.append(reason)


@dataclass
class Refreshing:
    """A token source that counts its refreshes."""

    value: str = "token-0"
    refreshes: int = 0

    async def access_token(self) -> AccessToken:
        return AccessToken(self.value)

    async def refreshed(self, rejected: AccessToken) -> AccessToken:
        assert rejected.value == self.value
        self.refreshes += 1
        self.value = f"token-{self.refreshes}"
        return AccessToken(self.value)
