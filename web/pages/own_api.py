"""The HTTP API, as our own pages ask it: in this process, as whoever reads the page, with what a program would get."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
from starlette.requests import Request
from starlette.types import ASGIApp

__all__ = ["OwnApi", "Refusal"]

# What says who asks, from where and for which time; the API judges it as if the browser had asked it itself.
_HANDED_ON = ("authorization", "cookie", "x-csrf-token", "sec-fetch-site", "idempotency-key")
_BASE = "http://own"


class Refusal(Exception):
    """The API's problem document, with its status."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail", ""))
        self.status = status
        self.problem = problem


class OwnApi:
    """Asks the application that it is given. A page is as slow as the API is, and knows no more than it tells."""

    def __init__(self, app: ASGIApp) -> None:
        # The transport alone: a client would keep one reader's cookies for the next.
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    async def get(self, request: Request, path: str, **query: Any) -> Any:
        """What `GET /api/salesloft<path>` answers; what is None or empty is not asked. Raises Refusal."""
        told, _ = await self._ask(request, "GET", _with(path, query))
        return told

    async def get_with_state(self, request: Request, path: str) -> tuple[Any, str]:
        """The same with its ETag, for whoever changes it afterwards."""
        told, headers = await self._ask(request, "GET", path)
        return told, headers.get("etag", "")

    async def send(
        self,
        request: Request,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        if_match: str | None = None,
        **query: Any,
    ) -> Any:
        """What a request that changes something answers; None where it has nothing to say. Raises Refusal."""
        more = {"if-match": if_match} if if_match is not None else {}
        told, _ = await self._ask(request, method, _with(path, query), body, more)
        return told

    async def send_with_state(
        self, request: Request, method: str, path: str, body: dict[str, Any], *, if_match: str
    ) -> tuple[Any, str]:
        """The same with the ETag of what is there afterwards."""
        told, headers = await self._ask(request, method, path, body, {"if-match": if_match})
        return told, headers.get("etag", "")

    async def _ask(
        self,
        request: Request,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> tuple[Any, httpx.Headers]:
        headers = {name: value for name in _HANDED_ON if (value := request.headers.get(name)) is not None}
        headers |= {"x-correlation-id": request.state.correlation_id, **(more or {})}
        if body is not None:
            headers["content-type"] = "application/json"
        asked = httpx.Request(
            method,
            f"{_BASE}/api/salesloft{path}",
            headers=headers,
            content=None if body is None else orjson.dumps(body),
        )
        answer = await self._transport.handle_async_request(asked)
        content = await answer.aread()
        if answer.status_code >= 400:
            raise Refusal(answer.status_code, _problem(content))
        return orjson.loads(content) if content else None, answer.headers


def _with(path: str, query: Mapping[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value not in (None, "", [])}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def _problem(content: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError:
        told = None
    return told if isinstance(told, dict) else {"title": "Something went wrong here", "detail": ""}
