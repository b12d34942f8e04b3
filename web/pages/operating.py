"""What leaders and admins look at: what came of the triggers, and whether everything works."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.auditing import WAYS
from web.pages.decisions import SPANS, TRIGGERS, asked_of_outcomes
from web.pages.kit import Kit, changed
from web.pages.mending import wrong

__all__ = ["operating_routes"]

_REASONS = 8
_CYCLES = 50
_ENTRIES = 50
_FIGURED_DAYS = 30
_STAGES = {
    "decisions": "Decisions",
    "asked_for": "Requested",
    "approved": "Approved",
    "enrolled": "Enrolled",
    "replied": "Replied",
    "reached_goal": "Reached the goal",
}
_SHARES_OF = {
    "asked_for": "decisions",
    "approved": "asked_for",
    "enrolled": "approved",
    "replied": "enrolled",
    "reached_goal": "enrolled",
}
# On which list of people somebody is who ended so.
_SHOWS = {"stale": "coming", "blocked": "trouble", "failed": "trouble"} | dict.fromkeys(
    ("rejected", "expired", "withdrawn", "removed"), "over"
)
_STEERED = {
    "pause": "paused",
    "resume": "resumed",
    "skip": "moved on a step",
    "restart": "restarted",
    "change_sender": "given another sender",
    "remove": "removed",
    "retry": "tried again",
}


def operating_routes(kit: Kit) -> list[Route]:
    """`/overview`, `/operations` with its audit log, and what every page says of how much waits."""
    pages = _Operating(kit)
    return [
        Route("/overview", pages.overview),
        Route("/operations", pages.operations),
        Route("/operations/audit-log", pages.audit_log),
        Route("/waiting", pages.waiting),
    ]


class _Operating:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def overview(self, request: Request) -> Response:
        asked = asked_of_outcomes(request)
        return await self._kit.page(
            "overview.html",
            request,
            {
                "told": self._kit.api.get(request, "/outcomes", **asked),
                "figures": self._kit.api.get(request, "/figures", limit=_FIGURED_DAYS),
            },
            figured=figured,
            line_of=_line,
            **asked,
            spans=SPANS,
            triggers=TRIGGERS,
            stages=_STAGES,
            columns={"events": "Triggers"} | _STAGES,
            shares_of=_SHARES_OF,
            reasons=_REASONS,
            shows=_SHOWS,
            steered=_STEERED,
            changed=lambda **query: changed(request, **query),
        )

    async def operations(self, request: Request) -> Response:
        connection = await self._kit.api.get(request, "/connection")
        asked = {
            "names": self._kit.names(request, {connection["connected_by"]}),
            "sync": self._kit.api.get(request, "/sync"),
            "ledger": self._kit.api.get(request, "/sync/ledger", limit=_CYCLES),
            "budget": self._kit.api.get(request, "/rate-budget"),
        }
        asked |= wrong(self._kit, request)
        return await self._kit.page("operations.html", request, asked, connection=connection, tried=None, sent=None)

    async def audit_log(self, request: Request) -> Response:
        """Who did what: all of it, or what one user did, or what was done to one thing."""
        asked = {name: request.query_params.get(name) for name in ("actor", "subject", "cursor")}
        page = await self._kit.api.get(request, "/audit-log", limit=_ENTRIES, **asked)
        return self._kit.rendered(
            "_audit_log.html", request, page=page, ways=WAYS, changed=lambda **query: changed(request, **query)
        )

    async def waiting(self, request: Request) -> Response:
        """How many requests wait, shown anew where the pages are named."""
        return self._kit.rendered("_waiting.html", request, session=await self._kit.api.get(request, "/me"))


def figured(days: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """A figure of all these days together: the counts of each added up, and the share that they make."""
    part, whole = (sum(day[name][of] for day in days) for of in ("part", "whole"))
    return {"part": part, "whole": whole, "ratio": part / whole if whole else None}


def _line(days: Sequence[dict[str, Any]]) -> dict[str, list[int]] | None:
    """Of each of the days, its first second and what was counted; None where nothing was asked for."""
    if not any(day["asked_for"] for day in days):
        return None
    firsts = [datetime.fromisoformat(day["day"]).replace(tzinfo=UTC) for day in days]
    counted = {name: [day[name] for day in days] for name in ("asked_for", "enrolled")}
    return {"days": [int(first.timestamp()) for first in firsts], **counted}
