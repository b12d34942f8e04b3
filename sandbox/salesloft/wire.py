"""Answers on the socket: sent whole, sent in half, never sent, or the connection cut."""

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.salesloft.answers import Answer
from sandbox.salesloft.instants import to_datetime

__all__ = ["AnswerWriter", "SimulatorProtocol", "read_whole"]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class SimulatorProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which shows the application its transport, so that it can cut the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn's own
        super().connection_made(transport)
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None:
            # A head and its body are two writes; Nagle would hold the second for 40 ms.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


async def read_whole(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


class AnswerWriter:
    """Writes one request's answer, or fails to in the way that is asked for."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._transport: asyncio.Transport | None = scope.get("state", {}).get("transport")

    async def send(self, answer: Answer, headers: dict[str, str], now: int) -> bool:
        """Send it whole; False when the caller has gone."""
        await self._send(self._start(answer, headers, now))
        await self._send({"type": "http.response.body", "body": answer.body})
        return self._transport is None or not self._transport.is_closing()

    async def send_half(self, answer: Answer, headers: dict[str, str], now: int) -> None:
        """Send the head and half of the body, then cut the connection."""
        await self._send(self._start(answer, headers, now))
        half = answer.body[: len(answer.body) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        # Without a pause the reset would overtake the half that is still in the socket's buffer.
        await asyncio.sleep(0.02)
        self.reset()

    def reset(self) -> None:
        """Cut the connection so that the other side sees a reset, not an orderly end."""
        if self._transport is None:
            return
        opened: socket.socket | None = self._transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    @staticmethod
    def _start(answer: Answer, headers: dict[str, str], now: int) -> dict[str, Any]:
        sent = {
            "content-type": answer.media_type,
            # The date is the simulator's, so that a client that counts seconds to the next minute counts right.
            "date": to_datetime(now).strftime("%a, %d %b %Y %H:%M:%S GMT"),
            **headers,
        }
        if answer.status != 204:
            sent["content-length"] = str(len(answer.body))
        else:
            del sent["content-type"]
        return {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
