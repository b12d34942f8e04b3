"""From an HTTP answer that is not a success to an error of :mod:`salesloft_client.errors`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson

from salesloft_client.budget import minute_turn
from salesloft_client.errors import (
    ClientRejected,
    Forbidden,
    GrantRevoked,
    MalformedResponse,
    MissingScope,
    NotFound,
    Origin,
    Refused,
    SalesloftError,
    ServerError,
    Throttled,
    Unauthorized,
    UnknownRoute,
    Unprocessable,
)
from salesloft_client.wire import Answer

__all__ = ["oauth_refusal", "refusal"]


def refusal(answer: Answer, *, origin: Origin, now: datetime) -> SalesloftError:
    """The error for an answer of the API that is not 2xx.

    Bodies seen: ``{"error": text}`` (401, 403, 404, 429), ``{"status": n, "error": text}`` (404, 500),
    ``{"errors": {field: [text]}}`` (422), and an HTML page for a route that does not exist (404).
    """
    status = answer.status
    body = _object(answer)
    text = _text(body, status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return throttled(answer, origin=origin, now=now)
    if status == HTTPStatus.NOT_FOUND:
        kind = UnknownRoute if body is None else NotFound
        return kind(text, origin=origin, status=status)
    return _kind(status, text)(text, origin=origin, status=status, field_errors=_field_errors(body))


def _kind(status: int, text: str) -> type[SalesloftError]:
    kinds: dict[int, type[SalesloftError]] = {
        401: Unauthorized,
        403: MissingScope if "scope" in text.lower() else Forbidden,
        408: ServerError,
        409: Unprocessable,
        422: Unprocessable,
    }
    by_class: dict[int, type[SalesloftError]] = {4: Refused, 5: ServerError}
    return kinds.get(status) or by_class.get(status // 100, MalformedResponse)


def throttled(answer: Answer, *, origin: Origin, now: datetime) -> Throttled:
    """A 429. No Retry-After is documented; without one the team's next clock minute is the time to come back."""
    retry_at = _retry_after(answer.headers.get("retry-after"), now=now) or minute_turn(now)
    return Throttled(
        "the team's budget of this minute is spent",
        origin=origin,
        status=answer.status,
        retry_at=retry_at,
        retry_after_s=(retry_at - now).total_seconds(),
    )


def oauth_refusal(answer: Answer, *, origin: Origin, now: datetime) -> SalesloftError:
    """The error for an answer of the token endpoint that is not 2xx (RFC 6749, section 5.2)."""
    code = (_object(answer) or {}).get("error")
    match code:
        case "invalid_grant":
            return GrantRevoked("invalid_grant: connect the team again", origin=origin, status=answer.status)
        case "invalid_client" | "unauthorized_client":
            return ClientRejected(f"{code}: client id or secret is wrong", origin=origin, status=answer.status)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return ClientRejected("client id or secret is wrong", origin=origin, status=answer.status)
    return refusal(answer, origin=origin, now=now)


def _object(answer: Answer) -> dict[str, Any] | None:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _text(body: Mapping[str, Any] | None, status: int) -> str:
    if body is not None and isinstance(text := body.get("error"), str):
        return text[:300]
    fields = _field_errors(body)
    if fields:
        # A message may quote what was sent, so the summary names the fields only.
        return "fields: " + ", ".join(sorted(fields))
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unnamed status"


def _field_errors(body: Mapping[str, Any] | None) -> dict[str, list[str]]:
    errors = (body or {}).get("errors")
    if isinstance(errors, list):
        errors = {"base": errors}
    if not isinstance(errors, dict):
        return {}
    return {
        str(field): [str(text)[:300] for text in (texts if isinstance(texts, list) else [texts])]
        for field, texts in errors.items()
    }


def _retry_after(value: str | None, *, now: datetime) -> datetime | None:
    """Seconds or an HTTP date (RFC 9110); None where it is absent or unreadable."""
    if value is None:
        return None
    try:
        return now + timedelta(seconds=max(0.0, float(value)))
    except (ValueError, OverflowError):
        pass
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(now, date if date.tzinfo else date.replace(tzinfo=UTC))
