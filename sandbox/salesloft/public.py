"""``/v2``: what every request goes through before and after its handler.

The order is the real one's where it is known: the token first, even for paths that do not exist, then the team's
budget, then the route, the scope and the handler.
"""

import asyncio
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from sandbox.salesloft.answers import Answer, Refusal
from sandbox.salesloft.api.context import Context
from sandbox.salesloft.api.routes import resolve
from sandbox.salesloft.auth import Grant
from sandbox.salesloft.budget import Charge, page_cost
from sandbox.salesloft.faults import AFTER_THE_WRITE, Fault
from sandbox.salesloft.instants import render_utc
from sandbox.salesloft.parameters import MalformedBodyError, Parameters, read_body
from sandbox.salesloft.retouching import retouched
from sandbox.salesloft.simulator import Simulator
from sandbox.salesloft.wire import AnswerWriter, read_whole
from sandbox.salesloft.world import Team

__all__ = ["PublicApi"]

_NO_TOKEN = "No Bearer Token attached to request, please see documentation at developers.salesloft.com"  # noqa: S105 -- an error text
_UNKNOWN_TOKEN = "Invalid Bearer token"  # noqa: S105 -- an error text
_CORRELATION_HEADERS = ("x-correlation-id", "x-request-id", "traceparent")
_WRITES = frozenset({"POST", "PUT", "DELETE"})
# What a failure on demand says where it is not told what to say.
_TEXTS: dict[int, Any] = {
    401: {"error": _UNKNOWN_TOKEN},
    403: {"error": "The token does not have the required scopes"},
    404: {"status": 404, "error": "Not Found"},
    422: {"errors": {"base": ["is invalid"]}},
    429: {"error": "API rate limit exceeded"},
    500: {"status": 500, "error": "Internal Server Error"},
}


class PublicApi:
    """The ASGI application of the public API."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_whole(receive)
        writer = AnswerWriter(scope, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        now = self._simulator.settle()
        known = self._authenticate(headers, now)
        if isinstance(known, Answer):
            await writer.send(known, {}, now)
            return
        team = self._simulator.world.teams[known.team_id]
        path = scope["path"].removeprefix("/v2")
        query = scope["query_string"].decode("latin-1")
        parameters = Parameters.of(query)
        endpoint = _endpoint(scope["method"], path)
        cost = max(page_cost(_page(parameters)), team.switches.endpoint_costs.get(endpoint, 1))
        charge = team.budget.charge(cost, now, team.switches)
        budget_headers = _budget_headers(team, charge)
        team.budget.by_endpoint[endpoint] += 1
        if not charge.accepted:
            await writer.send(Answer(status=429, body=b'{"error":"API rate limit exceeded"}'), budget_headers, now)
            return
        weather = self._simulator.faults.draw(team.id, scope["method"], f"/v2{path}")
        fault = weather.failure
        if fault is not None and fault.kind == "status" and fault.status == 429:
            budget_headers = _budget_headers(team, team.budget.give_back(charge))
        if weather.delay:
            await asyncio.sleep(weather.delay)
            now = self._simulator.settle()
        for rows in weather.churned:
            self._simulator.churn(team, path, rows, now)
        if fault is not None and fault.kind not in AFTER_THE_WRITE:
            await fail(writer, fault, budget_headers, now)
            return
        answer = self._handle(scope["method"], path, known, team, now, parameters, (query, headers, body))
        answer = retouched(answer, weather.retouching)
        self._simulator.world.announce(now)
        entry = self._keep(scope["method"], path, known, now, answer, headers, (query, body))
        if weather.delay_of_answer:
            await asyncio.sleep(weather.delay_of_answer)
        if fault is not None:
            await fail(writer, fault, budget_headers, now, answer)
            return
        seen = await writer.send(answer, budget_headers, now)
        if entry is not None:
            entry["answered"] = seen

    def _authenticate(self, headers: dict[str, str], now: int) -> Grant | Answer:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return Answer(status=401, body=orjson.dumps({"error": _NO_TOKEN}))
        grant = self._simulator.authority.grant_of(token.strip(), now)
        return grant if grant is not None else Answer(status=401, body=orjson.dumps({"error": _UNKNOWN_TOKEN}))

    def _handle(
        self,
        method: str,
        path: str,
        grant: Grant,
        team: Team,
        now: int,
        parameters: Parameters,
        sent: tuple[str, dict[str, str], bytes],
    ) -> Answer:
        query, headers, body = sent
        try:
            endpoint, key = resolve(method, path)
            if endpoint.scope is not None and endpoint.scope not in grant.scopes:
                raise Refusal.forbidden(f"The token does not have the required scopes: {endpoint.scope}")
            context = Context(
                simulator=self._simulator,
                team=team,
                user=team.users[grant.user_id],
                grant=grant,
                now=now,
                key=key,
                parameters=parameters,
                body=read_body(query, headers.get("content-type", ""), body) if method in _WRITES else {},
            )
            return endpoint.handler(context)
        except MalformedBodyError as error:
            return Refusal.bad_request(f"request body is {error}").answer
        except Refusal as refusal:
            return refusal.answer

    def _keep(
        self,
        method: str,
        path: str,
        grant: Grant,
        now: int,
        answer: Answer,
        headers: dict[str, str],
        sent: tuple[str, bytes],
    ) -> dict[str, Any] | None:
        """Journal a write that was accepted; `answered` is completed once the caller has it."""
        if answer.effect is None:
            return None
        query, body = sent
        correlation = next((headers[name] for name in _CORRELATION_HEADERS if name in headers), None)
        return self._simulator.journal.append(
            {
                "at": render_utc(now),
                "team_id": grant.team_id,
                "user_id": grant.user_id,
                "method": method,
                "path": f"/v2{path}",
                "token": grant.kind,
                "resource": answer.effect.resource,
                "ids": list(answer.effect.ids),
                "body": read_body(query, headers.get("content-type", ""), body),
                "status": answer.status,
                "correlation": correlation,
                "answered": False,
            }
        )


async def fail(
    writer: AnswerWriter, fault: Fault, headers: dict[str, str], now: int, answer: Answer | None = None
) -> None:
    """Answer as the fault says, or do not answer."""
    if fault.kind in {"hang", "hang_after_write"}:
        await asyncio.sleep(fault.seconds)
        writer.close()
    elif fault.kind in {"reset", "reset_after_write"}:
        writer.reset()
    elif fault.kind == "reset_mid_body" and answer is not None:
        await writer.send_half(answer, headers, now)
    elif fault.kind == "html_404":
        await writer.send(Refusal.no_such_route().answer, headers, now)
    else:
        shown = fault.body if fault.body is not None else _TEXTS.get(fault.status, {"error": "Service Unavailable"})
        body = shown.encode() if isinstance(shown, str) else orjson.dumps(shown)
        await writer.send(Answer(status=fault.status, body=body), headers, now)


def _page(parameters: Parameters) -> int:
    text = parameters.last("page") or ""
    return int(text) if text.isdecimal() else 1


def _endpoint(method: str, path: str) -> str:
    """``GET cadence_memberships/{id}``: the path with its numbers left out, to count requests by."""
    parts = path.strip("/").removesuffix(".json").split("/")
    return f"{method} {'/'.join('{id}' if part.isdecimal() else part for part in parts)}"


def _budget_headers(team: Team, charge: Charge) -> dict[str, str]:
    headers = {
        "x-ratelimit-endpoint-cost": str(charge.cost),
        "x-ratelimit-remaining-minute": str(charge.remaining),
    }
    if team.switches.limit_header:
        headers["x-ratelimit-limit-minute"] = str(team.switches.cost_per_minute)
    if team.switches.retry_after and not charge.accepted:
        headers["retry-after"] = str(charge.seconds_left)
    return headers
