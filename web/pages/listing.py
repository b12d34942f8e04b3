"""Lists of people and customers: by name, by how they stand, and whose they are."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from web.pages.kit import Kit, changed

__all__ = ["Lists", "whose"]

_PAGE_SIZE = 50
_CUSTOMERS = 12
_BY_HAND = "by-hand"
_ANY_TRIGGER = "any-trigger"
_REQUESTED_BY = {_BY_HAND: "person", _ANY_TRIGGER: "trigger"}
# What narrows the list to those whom a number of the overview counts.
_NARROWED = ("state", "reason", "segment", "days")
_GROUPS = {
    "active": ["enrolled", "paused"],
    "coming": ["requested", "approved", "scheduled", "enrolling", "unknown", "stale"],
    "trouble": ["failed", "blocked"],
    "over": ["completed", "exited", "removed", "rejected", "expired", "withdrawn"],
}


class Lists:
    """Answers with lists, a page at a time."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def find(self, request: Request) -> Response:
        """People and customers by name."""
        q, cursor = request.query_params.get("q"), request.query_params.get("cursor")
        asked = {"people": self._kit.api.get(request, "/people", q=q, limit=_PAGE_SIZE, cursor=cursor)}
        if cursor is None:
            asked["customers"] = self._kit.api.get(request, "/customers", q=q, limit=_CUSTOMERS)
        return await self._kit.page("find.html", request, asked, q=q, changed=lambda **query: changed(request, **query))

    async def people(self, request: Request) -> Response:
        """Enrollments by how they stand; from a number of the overview just those whom it counts."""
        show = request.query_params.get("show", "active")
        trigger_type, of_whom = request.query_params.get("trigger_type"), await whose(self._kit, request)
        narrowed = {name: request.query_params.get(name) for name in _NARROWED}
        page = self._kit.api.get(
            request,
            "/enrollments",
            **narrowed | {"state": narrowed["state"] or _GROUPS.get(show)},
            trigger_type=trigger_type if trigger_type not in _REQUESTED_BY else None,
            requested_by=_REQUESTED_BY.get(trigger_type or ""),
            owner="me" if of_whom == "mine" else None,
            limit=_PAGE_SIZE,
            cursor=request.query_params.get("cursor"),
        )
        return await self._kit.page(
            "people.html",
            request,
            {"page": page},
            show=show,
            narrowed=narrowed,
            trigger_type=trigger_type,
            whose=of_whom,
            changed=lambda **query: changed(request, **query),
        )

    async def customers(self, request: Request) -> Response:
        """Customers by name, one's own or everybody's."""
        q, of_whom = request.query_params.get("q"), await whose(self._kit, request)
        page: dict[str, Any] = await self._kit.api.get(
            request,
            "/customers",
            q=q,
            owner="me" if of_whom == "mine" else None,
            limit=_PAGE_SIZE,
            cursor=request.query_params.get("cursor"),
        )
        return await self._kit.page(
            "customers.html",
            request,
            {},
            page=page,
            names=await self._kit.names(request, [one["owner_user_id"] for one in page["items"]]),
            q=q,
            whose=of_whom,
            changed=lambda **query: changed(request, **query),
        )


async def whose(kit: Kit, request: Request) -> str:
    """`mine` or `all`, as is asked for; who looks after customers sees their own first."""
    asked = request.query_params.get("whose")
    if asked in {"mine", "all"}:
        return asked
    session = await kit.api.get(request, "/session")
    return "mine" if session["role"] == "csm" else "all"
