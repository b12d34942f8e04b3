"""`Idempotency-Key`: a write that is sent again under its key has its effect once and is answered as the first time.

It is around all routes but those of pages, which ask the API under the key that they are given. A key is its caller's,
in one organization, for a day. Who sends another request under it is told so (422), who sends the same one while it is
carried out likewise (409).

A process may die between the effect and the answer. Whoever sends the request again then finds that nobody is at it any
more, and that nothing was answered:

- PUT and DELETE are carried out again: by what HTTP says of them that comes to the same.
- A POST is carried out again where its route says that it may be (`repeatable`): it makes nothing twice, or names what
  it makes by the request's own id (`operation_id`), so the second finds what the first has made.
- Any other POST is refused (409, `outcome_unknown`): nobody knows what came of it, and to look is the caller's.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

import orjson
import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage import idempotency
from storage.errors import StorageError
from storage.idempotency import Answered, KeyOf
from storage.pool import Database
from web.problems import Problem, document_of
from web.security import Caller, Callers
from workflows.credentials import CredentialUnreadable, Keyring, Sealed

__all__ = ["IDEMPOTENCY_HEADER", "REPLAYED_HEADER", "Idempotency", "add_operations", "operation_id", "repeatable"]

_log = structlog.get_logger(__name__)

IDEMPOTENCY_HEADER = "idempotency-key"
REPLAYED_HEADER = "idempotency-replayed"
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_NOT_REPEATABLE = frozenset({"POST", "PATCH"})
_LONGEST_KEY = 255
# Longer than a request takes. One that takes longer yet may be carried out twice at a time, which comes to the same.
_LEASE_S = 60.0
_NAMESPACE = UUID("5c1f3b0e-8f0a-5d0a-9f55-2f0c4f6f1a77")
# Of the answer's headers those that tell about it, and not about this transport of it.
_KEPT_HEADERS = frozenset({"content-type", "location", "etag", "retry-after", "cache-control", "referrer-policy"})
# Nothing was done, and the next time the caller may be known, or have time left.
_NOT_KEPT = frozenset({401, 403, 429})
_MARK = "__repeatable__"

F = TypeVar("F", bound=Callable[..., Any])


def repeatable(endpoint: F) -> F:
    """Say of a POST's function that it may be carried out again: it makes nothing twice."""
    setattr(endpoint, _MARK, True)
    return endpoint


async def operation_id(request: Request) -> UUID:
    """A dependency: the id of this request, the same whenever it is sent again under its key; else a new one."""
    known: UUID | None = getattr(request.state, "operation_id", None)
    return known or uuid4()


def add_operations(app: FastAPI, routes: APIRouter) -> None:
    """Make a router's operations the application's own, which refuse what must not be carried out a second time.

    They are taken as they stand. An included router is looked through once to find the operation and once more to carry
    it out, with all that come before it: of some ninety in twenty routers that takes longer than the rest of a short
    answer. Operations made anew would have each validator made twice.
    """
    for route in routes.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route} is no operation of a router's own")
        if _NOT_REPEATABLE.intersection(route.methods or ()) and not getattr(route.endpoint, _MARK, False):
            route.app = _refusing_in_doubt(route.app)
        app.router.routes.append(route)


def _refusing_in_doubt(operation: ASGIApp) -> ASGIApp:
    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        if getattr(Request(scope).state, "in_doubt", False):
            raise Problem(
                409,
                "outcome_unknown",
                "This was begun before under the same key, and it is not known what came of it. Look whether it was"
                " done, and if it was not, ask under another key.",
            )
        await operation(scope, receive, send)

    return asked


@dataclass(frozen=True, slots=True)
class _Turn:
    """Whose turn it is to carry a request out, and whether somebody may have done so before."""

    of: KeyOf
    token: UUID
    in_doubt: bool


class Idempotency:
    """Around the application, within what gives each request its correlation id."""

    def __init__(
        self, app: ASGIApp, *, database: Database, callers: Callers, keyring: Keyring, pages: tuple[str, ...] = ()
    ) -> None:
        """Answers are kept encrypted under `keyring`: they may hold what is nobody else's business.

        `pages` are what the paths of pages begin with.
        """
        self._app = app
        self._database = database
        self._callers = callers
        self._keyring = keyring
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _WRITES or scope["path"].startswith(self._pages):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        key = request.headers.get(IDEMPOTENCY_HEADER)
        if key is None or request.query_params.get("dry_run", "").lower() in {"true", "1"}:
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._callers.of(request)
        except Problem:
            # Whether a caller is needed is the route's to say.
            await self._app(scope, receive, send)
            return
        try:
            body = await request.body()
            turn = await self._turn(request, caller, key, body)
        except (Problem, StorageError, HTTPException) as error:
            await document_of(request, error)(scope, receive, send)
            return
        if isinstance(turn, _Turn):
            await self._carry_out(turn, request, body, send)
        else:
            await _replay(turn, send)

    async def _turn(self, request: Request, caller: Caller, key: str, body: bytes) -> "_Turn | _Answer":
        """The right to carry the request out, or what was answered. Raises Problem, or storage's errors."""
        if not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
            raise Problem(400, "invalid_idempotency_key", f"a key is 1 to {_LONGEST_KEY} printable ASCII characters")
        of = KeyOf(caller.organization_id, caller.user_id, key)
        fingerprint, token = _fingerprint(request, body), uuid4()
        async with self._database.transaction() as connection:
            if await idempotency.begin(connection, of, fingerprint=fingerprint, token=token, lease_s=_LEASE_S):
                return _Turn(of, token, in_doubt=False)
            known = await idempotency.read(connection, of)
            if known is not None and known.fingerprint != fingerprint:
                raise Problem(
                    422, "idempotency_key_reused", "Another request came under this key: send this one under its own."
                )
            if known is None or (known.answered is None and known.is_running):
                # What is not there has just been given up: whoever asks again soon begins it.
                raise Problem(
                    409, "still_running", "The same request is being carried out.", headers={"retry-after": "1"}
                )
            if known.answered is not None:
                return self._opened(of, known.answered)
            await idempotency.take_over(connection, of, token=token, lease_s=_LEASE_S)
        _log.warning("request_taken_over", organization_id=of.organization_id, path=request.url.path)
        return _Turn(of, token, in_doubt=True)

    async def _carry_out(self, turn: _Turn, request: Request, body: bytes, send: Send) -> None:
        """Have the application answer, keep its answer, and only then send it."""
        answer = _Answer()
        request.state.operation_id = uuid5(_NAMESPACE, _name(turn.of))
        request.state.in_doubt = turn.in_doubt
        try:
            await self._app(request.scope, _again(body, request.receive), answer.take)
        finally:
            await self._keep(turn, answer)
        await answer.send(send)

    async def _keep(self, turn: _Turn, answer: "_Answer") -> None:
        """An answer that cannot be kept is given all the same: the effect is there, and the next finds it in doubt."""
        try:
            async with self._database.transaction() as connection:
                if not answer.is_whole or answer.status >= 500 or (answer.status in _NOT_KEPT and turn.in_doubt):
                    await idempotency.give_back(connection, turn.of, turn.token)
                elif answer.status in _NOT_KEPT:
                    await idempotency.forget(connection, turn.of, turn.token)
                else:
                    await idempotency.answer(connection, turn.of, turn.token, self._sealed(turn.of, answer))
        except StorageError as error:
            _log.warning("answer_not_kept", organization_id=turn.of.organization_id, error=str(error))

    def _sealed(self, of: KeyOf, answer: "_Answer") -> Answered:
        headers = orjson.dumps(answer.kept_headers()).decode()
        sealed = self._keyring.seal_parts(of.organization_id, headers, answer.body.decode("latin-1"))
        return Answered(answer.status, sealed.secret, sealed.key_id)

    def _opened(self, of: KeyOf, answered: Answered) -> "_Answer":
        try:
            headers, body = self._keyring.open_parts(of.organization_id, Sealed(answered.sealed, answered.key_id))
        except CredentialUnreadable as error:
            raise Problem(
                409, "answer_unreadable", "It was done, and its answer can be read no more: look what came of it."
            ) from error
        kept = [(name.encode(), value.encode("latin-1")) for name, value in orjson.loads(headers)]
        return _Answer(answered.status, kept, body.encode("latin-1"))


class _Answer:
    """An answer of the application's, held back."""

    def __init__(self, status: int = 500, headers: list[tuple[bytes, bytes]] | None = None, body: bytes = b"") -> None:
        self.status = status
        self.headers = headers or []
        self.body = body
        self.is_whole = False

    async def take(self, message: Message) -> None:
        """Take it as the application sends it."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            self.is_whole = not message.get("more_body", False)

    async def send(self, send: Send) -> None:
        """Send it on."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    def kept_headers(self) -> list[tuple[str, str]]:
        """Those that are answered again."""
        named = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in self.headers]
        return [(name, value) for name, value in named if name in _KEPT_HEADERS]


async def _replay(answer: _Answer, send: Send) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    answer.headers += [(REPLAYED_HEADER.encode(), b"true"), length]
    await answer.send(send)


def _fingerprint(request: Request, body: bytes) -> bytes:
    told = hashlib.sha256()
    for part in (request.method.encode(), request.url.path.encode(), request.url.query.encode(), body):
        told.update(len(part).to_bytes(8, "big") + part)
    return told.digest()


def _again(body: bytes, receive: Receive) -> Receive:
    """The body again for the application, and then whatever else comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return messages.pop() if messages else await receive()

    return receiving


def _name(of: KeyOf) -> str:
    return orjson.dumps((of.organization_id, of.user_id, of.key)).decode()
