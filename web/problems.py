"""Refusals as problem documents (RFC 9457): what every error of the HTTP API looks like."""

from collections.abc import Iterable, Mapping

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from salesloft_client import ClientRejected, GrantRevoked, MissingScope, SalesloftError, Throttled, Unauthorized
from storage.errors import RecordRefused, StorageError
from workflows.authorization import NoApplication, StateRefused
from workflows.scopes import LacksScopes
from workflows.session import NotConnected, TeamTaken

__all__ = ["Problem", "absent", "answer_with_problems", "document_of", "problem_of", "told_of"]

_log = structlog.get_logger(__name__)

_TITLES = {
    400: "The request cannot be taken",
    401: "The caller is not known",
    403: "The caller may not do this",
    404: "There is no such thing",
    405: "The method is not allowed",
    409: "The request is in conflict with what is there",
    412: "What is there is not what was looked at",
    413: "The request is too large",
    422: "The request cannot be carried out as it is",
    428: "The request does not say what was looked at",
    429: "The caller asks too often",
    500: "A fault of ours",
    502: "Salesloft does not do its part",
    503: "Not at the moment",
}


class Problem(Exception):
    """A refusal. `errors` are about fields, each with its `field` and its `message`."""

    def __init__(
        self,
        status: int,
        reason_code: str,
        detail: str,
        *,
        errors: Iterable[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason_code = reason_code
        self.detail = detail
        self.errors = [dict(error) for error in errors]
        self.headers = dict(headers or {})


def absent(what: str, name: object) -> Problem:
    """There is no such thing in the caller's organization, whatever others have."""
    return Problem(404, f"{what}_unknown", f"The organization has no {what} {name}.")


def answer_with_problems(app: FastAPI) -> None:
    """Have whatever goes wrong in an application answered as a problem document."""

    @app.exception_handler(Problem)
    async def refused(request: Request, problem: Problem) -> Response:
        return _document(request, problem)

    @app.exception_handler(HTTPException)
    async def refused_by_the_framework(request: Request, error: HTTPException) -> Response:
        return document_of(request, error)

    @app.exception_handler(RequestValidationError)
    async def not_as_described(request: Request, error: RequestValidationError) -> Response:
        # Without the input, which may be a secret.
        fields = [
            {"field": ".".join(str(part) for part in one["loc"]), "message": one["msg"].removeprefix("Value error, ")}
            for one in error.errors()
        ]
        return _document(
            request, Problem(422, "invalid_request", "The request is not as it is described.", errors=fields)
        )

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, _: ClientDisconnect) -> Response:
        return _document(request, Problem(400, "body_incomplete", "The body ended before it was whole."))

    for kind in (NoApplication, StateRefused, LacksScopes, NotConnected, TeamTaken, SalesloftError, StorageError):
        app.add_exception_handler(kind, _expected)
    app.add_exception_handler(Exception, _unexpected)


def document_of(request: Request, error: Exception) -> Response:
    """The document of something that is met outside the routes, as it would be answered within them."""
    if isinstance(error, Problem):
        return _document(request, error)
    if isinstance(error, HTTPException):
        reason_code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(error.status_code, "refused")
        return _document(
            request, Problem(error.status_code, reason_code, str(error.detail), headers=dict(error.headers or {}))
        )
    problem = problem_of(error)
    if problem.status >= 500:
        _log.warning("request_not_carried_out", reason_code=problem.reason_code, error=repr(error))
    return _document(request, problem)


async def _expected(request: Request, error: Exception) -> Response:
    return document_of(request, error)


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("request_failed", exc_info=error)
    return _document(request, Problem(500, "internal_error", "Something went wrong here; the log has its cause."))


def problem_of(error: Exception) -> Problem:
    """What an error that is met in carrying something out is told as."""
    match error:
        case NoApplication():
            return Problem(503, "oauth_not_configured", "The service has no OAuth application of Salesloft's.")
        case StateRefused():
            return Problem(400, "state_refused", f"{error}; begin to connect again.")
        case LacksScopes():
            lacking = [
                {"field": need.scope, "message": f"needed for {need.feature}", "essential": need.essential}
                for need in error.needs
            ]
            return Problem(422, "scopes_missing", str(error), errors=lacking)
        case TeamTaken() | NotConnected():
            return Problem(409, "team_taken" if isinstance(error, TeamTaken) else "not_connected", str(error))
        case StorageError():
            return _of_storage(error)
    return _of_salesloft(error)


def _of_storage(error: StorageError) -> Problem:
    if isinstance(error, RecordRefused):
        told = "A value of the request cannot be kept, such as a NUL character: take it out."
        return Problem(422, "cannot_be_kept", told)
    return Problem(503, "storage_unavailable", "The database does not answer; try again in a moment.")


def _of_salesloft(error: Exception) -> Problem:
    match error:
        case GrantRevoked():
            return Problem(
                400, "grant_refused", "Salesloft no longer takes this code: it is good once, and for minutes."
            )
        case Unauthorized():
            return Problem(422, "credential_refused", "Salesloft does not accept this credential.")
        case ClientRejected():
            return Problem(422, "application_refused", "Salesloft does not accept the application's id and secret.")
        case MissingScope():
            return Problem(422, "scopes_missing", str(error))
        case Throttled():
            headers = {"retry-after": str(max(1, round(error.retry_after_s)))}
            return Problem(
                503, "salesloft_throttled", "The team's Salesloft budget of this minute is spent.", headers=headers
            )
    return Problem(502, "salesloft_unavailable", "Salesloft does not answer as it should; try again in a moment.")


def told_of(request: Request, problem: Problem) -> dict[str, object]:
    """What a problem document says."""
    told: dict[str, object] = {
        "type": f"urn:cscx-salesloft:problem:{problem.reason_code}",
        "title": _TITLES.get(problem.status, "The request was refused"),
        "status": problem.status,
        "detail": problem.detail,
        "reason_code": problem.reason_code,
        "correlation_id": getattr(request.state, "correlation_id", None),
    }
    if problem.errors:
        told["errors"] = problem.errors
    return told


def _document(request: Request, problem: Problem) -> Response:
    return Response(
        orjson.dumps(told_of(request, problem)),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=problem.headers,
    )
