"""``/oauth``: authorize, token and revoke, as on Salesloft's accounts host."""

import asyncio
import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.types import Receive, Scope, Send

from sandbox.salesloft.answers import HTML, Answer
from sandbox.salesloft.auth import Application, InvalidClientError, InvalidGrantError, InvalidScopeError, TokenPair
from sandbox.salesloft.consent_page import consent_page, refusal_page
from sandbox.salesloft.faults import AFTER_THE_WRITE
from sandbox.salesloft.instants import render_utc
from sandbox.salesloft.parameters import MalformedBodyError, read_body
from sandbox.salesloft.public import fail
from sandbox.salesloft.simulator import Simulator
from sandbox.salesloft.wire import AnswerWriter, read_whole
from sandbox.salesloft.world import Team

__all__ = ["OAuthServer"]

_INVALID_GRANT = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client."
)


class OAuthServer:
    """The ASGI application of the authorization server."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_whole(receive)
        writer = AnswerWriter(scope, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method, path = scope["method"], scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        try:
            sent = read_body("", headers.get("content-type", ""), body)
        except MalformedBodyError:
            sent = None
        weather = self._simulator.faults.draw(self._team_concerned(headers, query, sent), method, path)
        fault = weather.failure
        if weather.delay:
            await asyncio.sleep(weather.delay)
        now = self._simulator.settle()
        if fault is not None and fault.kind not in AFTER_THE_WRITE:
            await fail(writer, fault, {}, now)
            return
        answer, extra = self._answer(method, path, headers, query, sent, now)
        if weather.delay_of_answer:
            await asyncio.sleep(weather.delay_of_answer)
        if fault is not None:
            await fail(writer, fault, extra, now, answer)
            return
        await writer.send(answer, extra, now)

    def _answer(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        query: dict[str, str],
        sent: dict[str, Any] | None,
        now: int,
    ) -> tuple[Answer, dict[str, str]]:
        if (method, path) == ("GET", "/oauth/authorize"):
            return self._authorize(query, now)
        if (method, path) == ("POST", "/oauth/authorize"):
            return self._authorize({name: str(value) for name, value in (sent or {}).items()}, now)
        if (method, path) not in {("POST", "/oauth/token"), ("POST", "/oauth/revoke")}:
            return Answer(status=404, body=b"<h1>Page not found</h1>", media_type=HTML), {}
        if sent is None:
            return _error(400, "invalid_request", "The request body cannot be read."), {}
        return (self._token if path == "/oauth/token" else self._revoke)(headers, sent, now), {}

    def _team_concerned(
        self, headers: dict[str, str], query: dict[str, str], sent: dict[str, Any] | None
    ) -> int | None:
        """The team that a request is about as far as that can be told, so that a fault may be one team's."""
        fields: dict[str, Any] = {**query, **(sent or {})}
        authority = self._simulator.authority
        behind = authority.team_behind(
            refresh_token=str(fields.get("refresh_token") or fields.get("token") or ""),
            code=str(fields.get("code", "")),
        )
        if behind is not None:
            return behind
        name = str(fields.get("client_id", "")) or (_basic(headers) or ("", ""))[0]
        application = authority.applications.get(name)
        if application is not None and application.team_id is not None:
            return application.team_id
        asked = str(fields.get("user_id") or self._simulator.consenting_user or "")
        named = self._simulator.team_of_user(int(asked)) if asked.isdecimal() else None
        return None if named is None else named.id

    def _authorize(self, query: dict[str, str], now: int) -> tuple[Answer, dict[str, str]]:
        """Back to the application with a code or a refusal, or the page on which somebody decides.

        The page is shown unless it is clear who would be asked: a user named in the query, the one who was told to
        say yes, the admin of the application's own team or of the only team.
        """
        application = self._simulator.authority.applications.get(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        if application is None:
            return refusal_page("No application has this client_id."), {}
        if not _may_redirect(application, redirect_uri):
            return refusal_page("The redirect_uri is not one of the application's."), {}
        kept = {"state": query["state"]} if "state" in query else {}
        if query.get("response_type") != "code":
            return _redirect(redirect_uri, {"error": "unsupported_response_type", **kept})
        decision = query.get("decision")
        if self._simulator.consent_is_refused or decision == "deny":
            return _redirect(redirect_uri, {"error": "access_denied", **kept})
        user_id = self._chosen_user(application, query)
        team = next((t for t in self._teams_of(application) if t.users.get(user_id or 0) is not None), None)
        asks = decision is None and self._simulator.consent_is_asked
        if user_id is None or team is None or asks:
            return consent_page(application, query, self._teams_of(application), user_id), {}
        code = self._simulator.authority.issue_code(
            client_id=application.client_id, redirect_uri=redirect_uri, team_id=team.id, user_id=user_id, now=now
        )
        return _redirect(
            redirect_uri, {"code": code, "context": f"team/{team.id}", "scope": application.scopes, **kept}
        )

    def _teams_of(self, application: Application) -> list[Team]:
        teams = self._simulator.world.teams
        return [team for team in teams.values() if application.team_id in {None, team.id}]

    def _chosen_user(self, application: Application, query: dict[str, str]) -> int | None:
        asked = query.get("user_id", "")
        if asked.isdecimal():
            return int(asked)
        if self._simulator.consenting_user is not None:
            return self._simulator.consenting_user
        teams = self._teams_of(application)
        return teams[0].admin().id if len(teams) == 1 else None

    def _token(self, headers: dict[str, str], sent: dict[str, Any], now: int) -> Answer:
        try:
            application = self._client(headers, sent)
            pair = self._grant(application, sent, now)
        except InvalidClientError:
            return _error(401, "invalid_client", "Client authentication failed.")
        except InvalidGrantError:
            return _error(400, "invalid_grant", _INVALID_GRANT)
        except InvalidScopeError:
            return _error(400, "invalid_scope", "The requested scope is invalid, unknown, or malformed.")
        if pair is None:
            return _error(400, "unsupported_grant_type", "The grant type is not supported.")
        self._simulator.journal.append(
            {
                "at": render_utc(now),
                "team_id": self._simulator.authority.team_of(pair.access_token),
                "method": "POST",
                "path": "/oauth/token",
                "resource": "oauth_tokens",
                "ids": [],
                "body": {"grant_type": sent.get("grant_type"), "client_id": application.client_id},
                "status": 200,
            }
        )
        return Answer(status=200, body=orjson.dumps(pair.as_json()))

    def _grant(self, application: Application, sent: dict[str, Any], now: int) -> TokenPair | None:
        authority, teams = self._simulator.authority, self._simulator.world.teams
        kind = sent.get("grant_type")
        if kind == "authorization_code":
            return authority.exchange_code(
                application, str(sent.get("code", "")), str(sent.get("redirect_uri", "")), now
            )
        if kind == "refresh_token":
            switches = {key: team.switches for key, team in teams.items()}
            return authority.refresh(application, str(sent.get("refresh_token", "")), switches, now)
        if kind == "client_credentials":
            if application.team_id is None:
                raise InvalidClientError
            scope = sent.get("scope")
            admin = teams[application.team_id].admin()
            return authority.client_credentials(application, admin.id, None if scope is None else str(scope), now)
        return None

    def _revoke(self, headers: dict[str, str], sent: dict[str, Any], _now: int) -> Answer:
        try:
            self._client(headers, sent)
        except InvalidClientError:
            return _error(401, "invalid_client", "Client authentication failed.")
        self._simulator.authority.revoke(str(sent.get("token", "")))
        return Answer(status=200, body=b"{}")

    def _client(self, headers: dict[str, str], sent: dict[str, Any]) -> Application:
        """The application by the body's id and secret or by HTTP Basic."""
        basic = _basic(headers)
        if basic is not None:
            return self._simulator.authority.authenticate_client(*basic)
        return self._simulator.authority.authenticate_client(
            str(sent.get("client_id", "")), str(sent.get("client_secret", ""))
        )


def _basic(headers: dict[str, str]) -> tuple[str, str] | None:
    """The id and secret of HTTP Basic; an unreadable one is nobody's."""
    kind, _, credentials = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(credentials).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _may_redirect(application: Application, redirect_uri: str) -> bool:
    return bool(redirect_uri) and (not application.redirect_uris or redirect_uri in application.redirect_uris)


def _redirect(redirect_uri: str, query: dict[str, str]) -> tuple[Answer, dict[str, str]]:
    joint = "&" if "?" in redirect_uri else "?"
    return Answer(status=302, body=b"", media_type=HTML), {"location": f"{redirect_uri}{joint}{urlencode(query)}"}


def _error(status: int, error: str, description: str) -> Answer:
    return Answer(status=status, body=orjson.dumps({"error": error, "error_description": description}))
