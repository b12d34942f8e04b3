"""Who stands behind a count of the overview: the decisions of some days, by what they came to and why."""

from asyncio import gather
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.kit import Kit, changed
from web.pages.listing import whose

__all__ = ["SPANS", "TRIGGERS", "asked_of_outcomes", "decision_pages"]

TRIGGERS: Final = ("new-customer", "renewal-window", "at-risk", "expansion-signal")
SPANS: Final = ("7", "30", "90")
"""Of how many days what came of triggers is shown."""
_PAGE_SIZE = 50
# Of one event: the decision on it, and those that were made of it again.
_DECISIONS = 5


def decision_pages(kit: Kit) -> list[Route]:
    """`/overview/decisions`, and why one of them fell."""
    pages = _Decisions(kit)
    return [
        Route("/overview/decisions", pages.listed),
        Route("/overview/decisions/unmet", pages.unmet),
        Route("/overview/decisions/why", pages.why),
    ]


def asked_of_outcomes(request: Request) -> dict[str, str | None]:
    """Which triggers, of whose customers and since when a page is about: what is counted and what is listed agree."""
    asked = {name: request.query_params.get(name) for name in ("trigger_type", "segment", "days")}
    return asked | {"days": asked["days"] or SPANS[1]}


class _Decisions:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def listed(self, request: Request) -> Response:
        """Each with whom it was about, the newest first."""
        which = asked_of_outcomes(request)
        came_to = {name: request.query_params.get(name) for name in ("outcome", "reason")}
        of_whom = await whose(self._kit, request)
        asked = {
            "page": self._page(request, of_whom),
            "known": self._kit.api.get(request, "/trigger-mappings/segments"),
        }
        return await self._kit.page(
            "decisions.html",
            request,
            asked,
            **which,
            **came_to,
            whose=of_whom,
            spans=SPANS,
            triggers=TRIGGERS,
            cursor=request.query_params.get("cursor"),
            changed=lambda **query: changed(request, **query),
        )

    async def unmet(self, request: Request) -> Response:
        """Of a page's decisions that criteria have settled, what did not hold: decided again once the page is there."""
        page = await self._page(request, await whose(self._kit, request), because="true")
        return self._kit.rendered("_unmet.html", request, page=page)

    async def _page(self, request: Request, of_whom: str, **more: str) -> Any:
        came_to = {name: request.query_params.get(name) for name in ("outcome", "reason")}
        return await self._kit.api.get(
            request,
            "/outcomes/decisions",
            **asked_of_outcomes(request),
            **came_to,
            owner="me" if of_whom == "mine" else None,
            limit=_PAGE_SIZE,
            cursor=request.query_params.get("cursor"),
            **more,
        )

    async def why(self, request: Request) -> Response:
        """What a decision rests on, and what became of it when it was made again later."""
        asked = {name: request.query_params.get(name) for name in ("event_id", "customer_id", "stakeholder_id")}
        decided, cadences = await gather(
            self._kit.api.get(request, "/decisions", limit=_DECISIONS, **asked), self._kit.cadences(request)
        )
        return self._kit.rendered(
            "_decision.html",
            request,
            decided=decided["items"],
            cadences=cadences,
            stakeholder_id=asked["stakeholder_id"],
            name=request.query_params.get("name"),
        )
