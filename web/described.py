"""What every operation has in common, in its document: how callers are known, and the problems that it may answer.

A route says only what is its own: what it answers, `problems` of its own, and `openapi_extra` with `PUBLIC` where it
takes no token.
"""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

__all__ = ["PUBLIC", "ProblemDocument", "describe", "problems"]


class ProblemDocument(BaseModel):
    """A refusal, by RFC 9457. `reason_code` is for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    reason_code: str
    correlation_id: str | None
    errors: list[dict[str, Any]] | None = None


PUBLIC: Final[dict[str, Any]] = {"security": []}
"""For a route's `openapi_extra`: whoever calls is not known by a token."""

_MEANINGS: Final = {
    400: "The request cannot be read, or what its parts say together cannot be taken.",
    401: "The token is missing, not the platform's, or no longer good.",
    403: "The caller's role may not do this.",
    404: "The caller's organization has no such thing; another organization's is answered alike.",
    409: "The request is in conflict with what is there.",
    412: "It has changed since it was looked at.",
    413: "The body is too large.",
    422: "The request is not as it is described, or cannot be carried out as it is.",
    428: "If-Match is missing: it says what was looked at.",
    429: "The caller asks too often: `Retry-After` says, in seconds, when to come again.",
    503: "The database, Salesloft, or whoever vouches for callers does not answer.",
}
# 405 is of a method that a path does not have, so of no operation.
_EVERY: Final = (400, 401, 403, 404, 422, 429, 503)
_WRITES: Final = (409, 413)
_SINCE_LOOKED_AT: Final = (412, 428)
_METHODS: Final = frozenset({"get", "put", "post", "patch", "delete"})
_DOCUMENT: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
# The framework's own refusal, which is never answered.
_NOT_ANSWERED: Final = ("HTTPValidationError", "ValidationError")


def problems(meanings: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Problems by their status, with what each means of this route, for `responses`."""
    return {status: {"description": meaning, "content": _DOCUMENT} for status, meaning in meanings.items()}


def describe(app: FastAPI) -> None:
    """Have the application's document say of every operation what it does not say itself."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(plain())
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # the framework's own way to extend the document


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _NOT_ANSWERED:
        schemas.pop(name, None)
    schemas["ProblemDocument"] = ProblemDocument.model_json_schema()
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The platform's token."}
    }
    document["security"] = [{"bearer": []}]
    for operations in document["paths"].values():
        for method, operation in operations.items():
            if method in _METHODS:
                _complete(method, operation)
    return document


def _complete(method: str, operation: dict[str, Any]) -> None:
    statuses = [*_EVERY, *(_WRITES if method != "get" else ())]
    if any(one["in"] == "header" and one["name"] == "if-match" for one in operation.get("parameters", ())):
        statuses += _SINCE_LOOKED_AT
    told = operation["responses"]
    if "application/json" in told.get("422", {}).get("content", {}):
        del told["422"]
    for status, response in problems({status: _MEANINGS[status] for status in statuses}).items():
        told.setdefault(str(status), response)
    operation["responses"] = dict(sorted(told.items()))
