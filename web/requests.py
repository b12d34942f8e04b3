"""What every request of the API passes through: a correlation id, a bound for its body, and the count of its time."""

import re
from time import monotonic
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry.logs import belonging_to
from telemetry.metrics import HTTP_SERVER_DURATION
from workflows.audit import Way, coming_by

__all__ = ["CORRELATION_HEADER", "ENDLESS", "LARGEST_BODY", "EveryRequest"]

CORRELATION_HEADER = "x-correlation-id"
ENDLESS = "endless"
"""Set in the state of a request whose answer has no end of its own: its time is that until it began."""
LARGEST_BODY = 1024 * 1024
"""Bytes. The largest record that Salesloft delivers is an account with its custom fields, some kilobytes."""

_CORRELATION = re.compile(r"[\x21-\x7e]{1,128}")


class EveryRequest:
    """Around the application. The caller's correlation id is kept where it is fit for a header, and always answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(CORRELATION_HEADER.encode(), b"").decode("latin-1")
        correlation_id = given if _CORRELATION.fullmatch(given) else str(uuid4())
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        began = answered = monotonic()
        status = 500

        async def answering(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], monotonic()
                message["headers"] = [*message["headers"], (CORRELATION_HEADER.encode(), correlation_id.encode())]
            await send(message)

        try:
            with belonging_to(correlation_id=correlation_id), coming_by(Way.API, correlation_id):
                await self._app(scope, _bounded(receive), answering)
        finally:
            route = getattr(scope.get("route"), "path", "")
            took = (answered if scope["state"].get(ENDLESS) else monotonic()) - began
            HTTP_SERVER_DURATION.labels(scope["method"], route, str(status)).observe(took)


def _bounded(receive: Receive) -> Receive:
    """Messages of a body up to its bound; reading on raises HTTPException."""
    size = 0

    async def reading() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            raise HTTPException(413, f"a body has {LARGEST_BODY} bytes at most")
        return message

    return reading
