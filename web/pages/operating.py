"""What leaders and admins look at: what came of the triggers, and whether everything works."""

from asyncio import gather
from collections import Counter
from collections.abc import Container, Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.kit import Kit, changed
from web.pages.mending import wrong

__all__ = ["operating_routes"]

_PAGE_SIZE = 200
_COUNTED = 1000
_REASONS = 8
_CYCLES = 50
_ENTRIES = 50
_FIGURED_DAYS = 30
_TRIGGERS = ("new-customer", "renewal-window", "at-risk", "expansion-signal")
_ENDED = frozenset({"completed", "exited"})
_ENROLLED = _ENDED | {"enrolled", "paused", "removed"}
_LEFT = frozenset({"rejected", "expired", "withdrawn", "stale", "blocked", "failed", "removed"})


def operating_routes(kit: Kit) -> list[Route]:
    """`/overview`, and `/operations` with its audit log."""
    pages = _Operating(kit)
    return [
        Route("/overview", pages.overview),
        Route("/operations", pages.operations),
        Route("/operations/audit-log", pages.audit_log),
    ]


class _Operating:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def overview(self, request: Request) -> Response:
        trigger_type = request.query_params.get("trigger_type")
        return await self._kit.page(
            "overview.html",
            request,
            {
                "told": self._told(request, trigger_type),
                "figures": self._kit.api.get(request, "/figures", limit=_FIGURED_DAYS),
            },
            figured=figured,
            trigger_type=trigger_type,
            triggers=_TRIGGERS,
            changed=lambda **query: changed(request, **query),
        )

    async def operations(self, request: Request) -> Response:
        asked = {
            "connection": self._kit.api.get(request, "/connection"),
            "sync": self._kit.api.get(request, "/sync"),
            "ledger": self._kit.api.get(request, "/sync/ledger", limit=_CYCLES),
            "budget": self._kit.api.get(request, "/rate-budget"),
        }
        return await self._kit.page("operations.html", request, asked | wrong(self._kit, request), done=None, sent=None)

    async def audit_log(self, request: Request) -> Response:
        """Who did what: all of it, or what one user did, or what was done to one thing."""
        asked = {name: request.query_params.get(name) for name in ("actor", "subject", "cursor")}
        page = await self._kit.api.get(request, "/audit-log", limit=_ENTRIES, **asked)
        return self._kit.rendered(
            "_audit_log.html", request, page=page, changed=lambda **query: changed(request, **query)
        )

    async def _told(self, request: Request, trigger_type: str | None) -> dict[str, Any]:
        """The newest enrollments, counted; `more` where there are older ones."""
        (found, more, read_at), (answered, _, _) = await gather(
            self._newest(request, "/enrollments", trigger_type=trigger_type),
            self._newest(request, "/approvals", show="all"),
        )
        approved = {one["enrollment_id"] for one in answered if one["status"] == "approved"}
        left = [one for one in found if one["state"] in _LEFT]
        return {
            "counted": len(found),
            "more": more,
            "since": found[-1]["requested_at"] if found else None,
            "funnel": _funnel(found, approved),
            "reasons": Counter((one["state"], one["reason"] or one["state"]) for one in left).most_common(_REASONS),
            "by_trigger": {
                name: _funnel([one for one in found if one["trigger_type"] == name], approved)
                for name in (*_TRIGGERS, None)
            },
            "line": _line(found, read_at),
            "read_at": read_at,
        }

    async def _newest(self, request: Request, path: str, **query: str | None) -> tuple[list[dict[str, Any]], bool, str]:
        """The newest rows of a list, whether there are older ones, and when it was read."""
        found: list[dict[str, Any]] = []
        page = await self._kit.api.get(request, path, limit=_PAGE_SIZE, **query)
        found += page["items"]
        while page["next_cursor"] is not None and len(found) < _COUNTED:
            page = await self._kit.api.get(request, path, limit=_PAGE_SIZE, cursor=page["next_cursor"], **query)
            found += page["items"]
        return found, page["next_cursor"] is not None, page["read_at"]


def figured(days: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """A figure of all these days together: the counts of each added up, and the share that they make."""
    part, whole = (sum(day[name][of] for day in days) for of in ("part", "whole"))
    return {"part": part, "whole": whole, "ratio": part / whole if whole else None}


def _funnel(found: Sequence[dict[str, Any]], approved: Container[str]) -> list[tuple[str, int]]:
    """Each stage with how many came as far."""
    return [
        ("Asked for", len(found)),
        ("Approved", sum(one["id"] in approved for one in found)),
        ("Enrolled", sum(one["state"] in _ENROLLED for one in found)),
        ("Ran to its end", sum(one["state"] in _ENDED for one in found)),
    ]


def _line(found: Sequence[dict[str, Any]], read_at: str, days: int = 30) -> dict[str, list[int]] | None:
    """Of each of the last days, its first second, how many were asked for and how many came onto a cadence."""
    last = datetime.fromisoformat(read_at).replace(hour=0, minute=0, second=0, microsecond=0)
    times = [last - timedelta(days=days - 1 - back) for back in range(days)]
    line = {"days": [int(at.timestamp()) for at in times], "asked_for": [0] * days, "enrolled": [0] * days}
    for one in found:
        for name, at in (("asked_for", one["requested_at"]), ("enrolled", one["added_at"])):
            index = (datetime.fromisoformat(at) - times[0]).days if at is not None else -1
            if 0 <= index < days:
                line[name][index] += 1
    return line if any(line["asked_for"]) else None
