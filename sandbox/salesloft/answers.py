"""What a handler gives back: an answer with bytes, or a refusal in the shapes of Salesloft's errors.

Salesloft docs: request-response-format. 401, 403 and 404 are ``{"error": text}``, 422 is
``{"errors": {field: [text]}}``, 500 is ``{"status": 500, "error": text}``, and an unknown path is an HTML page.
"""

from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["Answer", "Effect", "Refusal", "data"]

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an accepted write did, for the journal."""

    resource: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response without its headers; `effect` is set by what wrote something."""

    status: int
    body: bytes
    media_type: str = JSON
    effect: Effect | None = None


class Refusal(Exception):
    """An error answer, raised by whatever finds the reason."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer

    @classmethod
    def invalid(cls, name: str, message: str) -> "Refusal":
        return cls.invalid_fields({name: [message]})

    @classmethod
    def invalid_fields(cls, errors: dict[str, list[str]]) -> "Refusal":
        return cls(Answer(status=422, body=orjson.dumps({"errors": errors})))

    @classmethod
    def not_found(cls) -> "Refusal":
        return cls(Answer(status=404, body=orjson.dumps({"status": 404, "error": "Not Found"})))

    @classmethod
    def no_such_route(cls) -> "Refusal":
        page = b"<!DOCTYPE html><html><head><title>404</title></head><body><h1>Page not found</h1></body></html>"
        return cls(Answer(status=404, body=page, media_type=HTML))

    @classmethod
    def forbidden(cls, text: str) -> "Refusal":
        return cls(Answer(status=403, body=orjson.dumps({"error": text})))

    @classmethod
    def bad_request(cls, text: str) -> "Refusal":
        return cls(Answer(status=400, body=orjson.dumps({"error": text})))

    @classmethod
    def broken(cls) -> "Refusal":
        return cls(Answer(status=500, body=orjson.dumps({"status": 500, "error": "Internal Server Error"})))


def data(rendered: bytes | dict[str, Any], *, status: int = 200, effect: Effect | None = None) -> Answer:
    """One object in its envelope."""
    body = rendered if isinstance(rendered, bytes) else orjson.dumps(rendered)
    return Answer(status=status, body=b'{"data":%b}' % body, effect=effect)
