"""``/oauth``: authorize, token and revoke, as on Salesloft's accounts host."""

import asyncio
import base64
import binascii
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.types import Receive, Scope, Send

from sandbox.salesloft.answers import HTML, Answer
from sandbox.salesloft.auth import Application, InvalidClientError, InvalidGrantError, TokenPair
from sandbox.salesloft.faults import AFTER_THE_WRITE
from sandbox.salesloft.instants import render_utc
from sandbox.salesloft.parameters import MalformedBodyError, read_body
from sandbox.salesloft.public import fail
from sandbox.salesloft.simulator import Simulator
from sandbox.salesloft.wire import AnswerWriter, read_whole

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
        now = self._simulator.settle()
        method, path = scope["method"], scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        delay, fault = self._simulator.faults.draw(None, method, path)
        if delay:
            await asyncio.sleep(delay)
        if fault is not None and fault.kind not in AFTER_THE_WRITE:
            await fail(writer, fault, {}, now)
            return
        extra: dict[str, str] = {}
        if (method, path) == ("GET", "/oauth/authorize"):
            answer, extra = self._authorize(query, now)
        elif (method, path) == ("POST", "/oauth/token"):
            answer = self._token(headers, body, now)
        elif (method, path) == ("POST", "/oauth/revoke"):
            answer = self._revoke(headers, body)
        else:
            answer = Answer(status=404, body=b"<h1>Page not found</h1>", media_type=HTML)
        if fault is not None:
            await fail(writer, fault, extra, now, answer)
            return
        await writer.send(answer, extra, now)

    def _authorize(self, query: dict[str, str], now: int) -> tuple[Answer, dict[str, str]]:
        """Back to the application at once with a code, for the user who was chosen; a page to choose when none was."""
        application = self._simulator.authority.applications.get(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        if application is None or not _may_redirect(application, redirect_uri):
            return Answer(status=401, body=orjson.dumps({"error": "invalid_client"})), {}
        kept = {"state": query["state"]} if "state" in query else {}
        if query.get("response_type") != "code":
            return _redirect(redirect_uri, {"error": "unsupported_response_type", **kept})
        if self._simulator.consent_is_refused:
            return _redirect(redirect_uri, {"error": "access_denied", **kept})
        user_id = self._chosen_user(application, query)
        team = None if user_id is None else self._simulator.team_of_user(user_id)
        if user_id is None or team is None:
            return self._choices(query), {}
        code = self._simulator.authority.issue_code(
            client_id=application.client_id, redirect_uri=redirect_uri, team_id=team.id, user_id=user_id, now=now
        )
        return _redirect(
            redirect_uri, {"code": code, "context": f"team/{team.id}", "scope": application.scopes, **kept}
        )

    def _chosen_user(self, application: Application, query: dict[str, str]) -> int | None:
        asked = query.get("user_id", "")
        if asked.isdecimal():
            return int(asked)
        if self._simulator.consenting_user is not None:
            return self._simulator.consenting_user
        teams = self._simulator.world.teams
        if application.team_id is not None:
            return teams[application.team_id].admin().id
        return next(iter(teams.values())).admin().id if len(teams) == 1 else None

    def _choices(self, query: dict[str, str]) -> Answer:
        lines = [
            f'<li><a href="/oauth/authorize?{escape(urlencode({**query, "user_id": str(user.id)}))}">'
            f"{escape(team.name)}: {escape(user.first_name)} {escape(user.last_name)}</a></li>"
            for team in self._simulator.world.teams.values()
            for user in team.users
            if user.active
        ]
        page = (
            f"<!DOCTYPE html><html lang=en><title>Salesloft</title><h1>Connect as</h1><ul>{''.join(lines)}</ul></html>"
        )
        return Answer(status=200, body=page.encode(), media_type=HTML)

    def _token(self, headers: dict[str, str], body: bytes, now: int) -> Answer:
        try:
            sent = read_body("", headers.get("content-type", ""), body)
            application = self._client(headers, sent)
            pair = self._grant(application, sent, now)
        except MalformedBodyError:
            return _error(400, "invalid_request", "The request body cannot be read.")
        except InvalidClientError:
            return _error(401, "invalid_client", "Client authentication failed.")
        except InvalidGrantError:
            return _error(400, "invalid_grant", _INVALID_GRANT)
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

    def _revoke(self, headers: dict[str, str], body: bytes) -> Answer:
        try:
            sent = read_body("", headers.get("content-type", ""), body)
            self._client(headers, sent)
        except MalformedBodyError:
            return _error(400, "invalid_request", "The request body cannot be read.")
        except InvalidClientError:
            return _error(401, "invalid_client", "Client authentication failed.")
        self._simulator.authority.revoke(str(sent.get("token", "")))
        return Answer(status=200, body=b"{}")

    def _client(self, headers: dict[str, str], sent: dict[str, Any]) -> Application:
        """The application by the body's id and secret or by HTTP Basic."""
        kind, _, credentials = headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(credentials).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError) as error:
                raise InvalidClientError from error
            return self._simulator.authority.authenticate_client(name, secret)
        return self._simulator.authority.authenticate_client(
            str(sent.get("client_id", "")), str(sent.get("client_secret", ""))
        )


def _may_redirect(application: Application, redirect_uri: str) -> bool:
    return bool(redirect_uri) and (not application.redirect_uris or redirect_uri in application.redirect_uris)


def _redirect(redirect_uri: str, query: dict[str, str]) -> tuple[Answer, dict[str, str]]:
    joint = "&" if "?" in redirect_uri else "?"
    return Answer(status=302, body=b"", media_type=HTML), {"location": f"{redirect_uri}{joint}{urlencode(query)}"}


def _error(status: int, error: str, description: str) -> Answer:
    return Answer(status=status, body=orjson.dumps({"error": error, "error_description": description}))
