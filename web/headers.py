"""Headers that an answer is given on its way out."""

from collections.abc import Iterable

from starlette.types import Message, Send

__all__ = ["adding"]


def adding(send: Send, headers: Iterable[tuple[str, str]]) -> Send:
    """Send on what an application answers, with these headers besides its own."""
    added = [(name.encode(), value.encode()) for name, value in headers]

    async def with_them(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *added]
        await send(message)

    return with_them
