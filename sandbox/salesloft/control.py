"""``/sandbox``: the HTTP surface over which tests and the demo steer the simulator and read what it saw.

It is not part of the imitated API: no token, no budget, no faults. Errors are 422 ``{"error": text}``, 404 for what
does not exist.
"""

import inspect
from dataclasses import asdict
from typing import Any, get_args

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.salesloft.auth import ALL_SCOPES, Application
from sandbox.salesloft.clock import ClockWouldGoBackError
from sandbox.salesloft.faults import Fault, FaultKind
from sandbox.salesloft.instants import SECOND, parse, render_utc
from sandbox.salesloft.journal import Journal
from sandbox.salesloft.simulator import Simulator
from sandbox.salesloft.switches import Switches, Temperament

__all__ = ["ControlSurface", "fields_of", "reply"]

_MOST_ENTRIES = 10_000


def reply(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


async def fields_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request; an empty body is an empty one. Raises ValueError for anything else."""
    body = await request.body()
    fields = orjson.loads(body) if body.strip() else {}
    if not isinstance(fields, dict):
        raise ValueError("the body is a JSON object")  # noqa: TRY004 -- all bad bodies are one kind of error here
    return fields


async def _refuse(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=422)


async def _not_there(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"there is no {error}"}, status_code=404)


class ControlSurface:
    """Clock, faults, journals, applications and consent."""

    exception_handlers = {ValueError: _refuse, TypeError: _refuse, KeyError: _not_there}  # noqa: RUF012 -- read only

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        return [
            Route("/sandbox", self.describe, methods=["GET"]),
            Route("/sandbox/clock", self.read_clock, methods=["GET"]),
            Route("/sandbox/clock", self.set_clock, methods=["PUT"]),
            Route("/sandbox/faults", self.list_faults, methods=["GET"]),
            Route("/sandbox/faults", self.add_fault, methods=["POST"]),
            Route("/sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/sandbox/faults/{fault_id:int}", self.remove_fault, methods=["DELETE"]),
            Route("/sandbox/journal", self.read_journal, methods=["GET"]),
            Route("/sandbox/life-journal", self.read_life_journal, methods=["GET"]),
            Route("/sandbox/deliveries", self.read_deliveries, methods=["GET"]),
            Route("/sandbox/applications", self.register_application, methods=["POST"]),
            Route("/sandbox/consent", self.set_consent, methods=["PUT"]),
        ]

    async def describe(self, request: Request) -> Response:
        """What can be asked and steered here, the switches and temperaments of a team, and the kinds of faults."""
        routes = [
            {
                "path": route.path,
                "methods": sorted((route.methods or set()) - {"HEAD"}),
                "what": " ".join((inspect.getdoc(route.endpoint) or "").split()),
            }
            for route in request.app.routes
            if isinstance(route, Route) and route.path.startswith("/sandbox")
        ]
        return reply(
            {
                "routes": routes,
                "switches": {"what": inspect.getdoc(Switches), "defaults": asdict(Switches())},
                "temperament": {"what": inspect.getdoc(Temperament), "defaults": asdict(Temperament())},
                "faults": {"what": inspect.getdoc(Fault), "kinds": get_args(FaultKind)},
            }
        )

    async def read_clock(self, _request: Request) -> Response:
        """The simulated time and its speed."""
        return self._clock(self._simulator.settle())

    async def set_clock(self, request: Request) -> Response:
        """Takes `now`, `advance_seconds` and `speed`, in that order, and lets life catch up before it answers."""
        fields = await fields_of(request)
        clock = self._simulator.clock
        if unknown := set(fields) - {"now", "advance_seconds", "speed"}:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        speed = float(fields.get("speed", clock.speed))
        if speed < 0:
            raise ClockWouldGoBackError("the clock only goes forward")
        if "now" in fields:
            clock.jump_to(parse(str(fields["now"])))
        if "advance_seconds" in fields:
            clock.advance(int(float(fields["advance_seconds"]) * SECOND))
        clock.run_at(speed)
        return self._clock(self._simulator.settle())

    def _clock(self, now: int) -> Response:
        return reply({"now": render_utc(now), "speed": self._simulator.clock.speed})

    async def list_faults(self, _request: Request) -> Response:
        """The faults that are switched on, with how often each has hit."""
        return reply({"faults": self._simulator.faults.as_json()})

    async def add_fault(self, request: Request) -> Response:
        """Switches a fault on."""
        return reply(asdict(self._simulator.faults.add(await fields_of(request))), 201)

    async def clear_faults(self, request: Request) -> Response:
        """Switches off the faults of `team_id`, or all."""
        self._simulator.faults.clear(_number(request, "team_id"))
        return Response(status_code=204)

    async def remove_fault(self, request: Request) -> Response:
        """Switches one fault off."""
        self._simulator.faults.remove(request.path_params["fault_id"])
        return Response(status_code=204)

    async def read_journal(self, request: Request) -> Response:
        """Accepted writes after a sequence number, of one team (`team_id`) or of all."""
        return self._page_of(self._simulator.journal, request)

    async def read_life_journal(self, request: Request) -> Response:
        """Changes of counters and states that life made, in the same form."""
        self._simulator.settle()
        return self._page_of(self._simulator.world.life_journal, request)

    async def read_deliveries(self, request: Request) -> Response:
        """Every attempt to deliver a webhook; `status` is null where no answer came."""
        return self._page_of(self._simulator.webhooks.deliveries, request)

    def _page_of(self, journal: Journal, request: Request) -> Response:
        """Entries after a sequence, `limit` at most; `next_after` is what to ask for next, `more` if it is there."""
        after = _number(request, "after") or 0
        limit = _number(request, "limit")
        if limit is not None and limit < 1:
            raise ValueError("limit is at least 1")
        entries, more = journal.after(after, team_id=_number(request, "team_id"), limit=limit or _MOST_ENTRIES)
        return reply(
            {
                "entries": [_readable(entry) for entry in entries],
                "last_sequence": journal.last_sequence,
                "next_after": entries[-1]["sequence"] if entries else after,
                "more": more,
            }
        )

    async def register_application(self, request: Request) -> Response:
        """An OAuth application with `client_id`, `client_secret`, `redirect_uris` and `scopes`."""
        fields = await fields_of(request)
        application = Application(
            client_id=str(fields["client_id"]),
            client_secret=str(fields["client_secret"]),
            redirect_uris=tuple(fields.get("redirect_uris", ())),
            scopes=str(fields.get("scopes", ALL_SCOPES)),
        )
        return reply(asdict(self._simulator.authority.register(application)), 201)

    async def set_consent(self, request: Request) -> Response:
        """Who says yes at the next authorizations: `user_id`, or null to be asked on a page where it is not clear.

        `refuse` says no instead; `ask` shows the page even where it is clear who would be asked.
        """
        fields = await fields_of(request)
        user_id = fields.get("user_id")
        if user_id is not None and self._simulator.team_of_user(int(user_id)) is None:
            raise KeyError(f"user {user_id}")
        self._simulator.consenting_user = None if user_id is None else int(user_id)
        self._simulator.consent_is_refused = fields.get("refuse") is True
        self._simulator.consent_is_asked = fields.get("ask") is True
        return reply(
            {
                "user_id": self._simulator.consenting_user,
                "refuse": self._simulator.consent_is_refused,
                "ask": self._simulator.consent_is_asked,
            }
        )


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    return None if text is None else int(text)


def _readable(entry: dict[str, Any]) -> dict[str, Any]:
    """Instants as RFC 3339 texts in UTC."""
    suffix = "_microseconds"
    return {
        name.removesuffix(suffix): render_utc(value) if name.endswith(suffix) else value
        for name, value in entry.items()
    }
