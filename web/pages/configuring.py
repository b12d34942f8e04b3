"""Cadences to choose from, and the mappings that lead triggers to them."""

from asyncio import gather
from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from web.pages.kit import PREFIX, Kit, changed, form_of, named, sent_by
from web.pages.mapping_form import segment_in
from web.pages.mapping_words import as_named, order_of
from web.problems import Problem

__all__ = ["configuring_routes"]

_PAGE_SIZE = 50
_CADENCES = 200
_FILTERS = ("q", "state", "step_type", "people_addable", "team_cadence")
_TRIGGERS = {
    "new-customer": "welcome",
    "renewal-window": "renewal",
    "at-risk": "save",
    "expansion-signal": "upsell",
}
"""In the order of a customer's life, each with the purpose that its default mapping has."""
_STEERING = {
    "publish": "POST",
    "enable": "POST",
    "disable": "POST",
    "retire": "POST",
    "priority": "PUT",
    "draft": "DELETE",
}


def configuring_routes(kit: Kit) -> list[Route]:
    """`/cadences` and `/mappings`."""
    pages = _Configuring(kit)
    return [
        Route("/cadences", pages.cadences),
        Route("/cadences/{cadence_id:int}", pages.cadence),
        Route("/mappings", pages.board),
        Route("/mappings", pages.create, methods=["POST"]),
        Route("/mappings/new", pages.creating),
        Route("/mappings/{mapping_id:uuid}", pages.mapping),
        Route("/mappings/{mapping_id:uuid}/publication", pages.publication, methods=["POST"]),
        Route("/mappings/{mapping_id:uuid}/{action}", pages.steer, methods=["POST"]),
    ]


class _Configuring:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def cadences(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name) for name in _FILTERS}
        page = self._kit.api.get(
            request, "/cadences", limit=_PAGE_SIZE, cursor=request.query_params.get("cursor"), **asked
        )
        return await self._kit.page(
            "cadences.html",
            request,
            {"page": page},
            asked=asked,
            changed=lambda **query: changed(request, **query),
        )

    async def cadence(self, request: Request) -> Response:
        cadence_id = request.path_params["cadence_id"]
        asked = {
            "cadence": self._kit.api.get(request, f"/cadences/{cadence_id}"),
            "mappings": self._kit.api.get(request, "/trigger-mappings"),
        }
        return await self._kit.page("cadence.html", request, asked)

    async def board(self, request: Request) -> Response:
        session_and_more = {"listed": self._kit.api.get(request, "/trigger-mappings")}
        return await self._kit.page("board.html", request, session_and_more, triggers=_TRIGGERS, board_of=_board)

    async def mapping(self, request: Request) -> Response:
        path = f"/trigger-mappings/{named(request.path_params['mapping_id'])}"
        found = await self._kit.api.get_with_state(request, path)
        users = {one[name] for one in found[0]["versions"] for name in ("created_by", "published_by")}
        asked = {
            "listed": self._kit.api.get(request, "/trigger-mappings"),
            "users": self._kit.names(request, users),
        }
        done = request.query_params.get("done")
        return await self._kit.page("mapping.html", request, asked, found=found, done=done, order_of=order_of)

    async def creating(self, request: Request) -> Response:
        """The form by which an admin drafts a mapping."""
        cadences, told = await gather(self._cadences(request), self._kit.api.get(request, "/trigger-mappings/segments"))
        return self._kit.rendered(
            "_map.html", request, cadences=cadences, segments=told["segments"], triggers=_TRIGGERS
        )

    async def create(self, request: Request) -> Response:
        sent = await sent_by(request)
        form = await form_of(request)
        cadence_id = form.get("cadence_id", "")
        document = {
            "trigger_type": form.get("trigger_type"),
            "segment": segment_in(sent),
            "cadence_id": int(cadence_id) if cadence_id.isdigit() else None,
        }
        drafted = await self._kit.api.send(request, "POST", "/trigger-mappings", document)
        return _then(request, f"{PREFIX}/mappings/{drafted['versions'][-1]['id']}/edit")

    async def publication(self, request: Request) -> Response:
        """What publishing the draft would change, and for whom; with the button that publishes just that."""
        path = f"/trigger-mappings/{named(request.path_params['mapping_id'])}"
        (found, state), listed = await gather(
            self._kit.api.get_with_state(request, path), self._kit.api.get(request, "/trigger-mappings")
        )
        plan = await self._kit.api.send(request, "POST", f"{path}/publication-plan")
        names = {one["mapping"]["cadence_id"]: one["cadence_name"] for one in found["versions"]}
        return self._kit.rendered(
            "_publication.html",
            request,
            mapping_id=request.path_params["mapping_id"],
            plan=plan,
            state=state,
            names=names,
            mapping_names=as_named(listed["mappings"]),
            order=order_of(listed["mappings"], plan["mapping"], plan["id"]),
        )

    async def _cadences(self, request: Request) -> list[dict[str, Any]]:
        page = await self._kit.api.get(request, "/cadences", people_addable="true", limit=_CADENCES)
        items: list[dict[str, Any]] = page["items"]
        return items

    async def steer(self, request: Request) -> Response:
        """What becomes of a mapping, as it was when it was looked at."""
        form = await form_of(request)
        mapping_id, action = request.path_params["mapping_id"], request.path_params["action"]
        if action not in _STEERING:
            raise HTTPException(404)
        body = None
        if action == "priority":
            told = form.get("priority", "")
            body = {"priority": int(told) if told.removeprefix("-").isdigit() else told}
        if action == "publish" and "plan" not in form:
            raise Problem(422, "plan_required", "A draft is published by a plan that was looked at.")
        path = f"/trigger-mappings/{named(mapping_id)}/{action}"
        left = await self._kit.api.send(
            request, _STEERING[action], path, body, if_match=form.get("state", ""), plan=form.get("plan")
        )
        is_gone = left is not None and not left["versions"]
        return _then(request, f"{PREFIX}/mappings" if is_gone else f"{PREFIX}/mappings/{mapping_id}?done={action}")


def _then(request: Request, there: str) -> Response:
    """Send the browser on, once something is done."""
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"hx-redirect": there})
    return RedirectResponse(there, status_code=303)


def _board(listed: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mappings by segment and trigger, in the order in which they are asked, each with what it means beside the others.

    The customer's own segment is asked before any, and of each group of exclusivity the first that fits wins: so of the
    published ones that count, whoever has another of the same group before it only gets whom that one leaves over.
    """
    segments = sorted({one["mapping"]["segment"] for one in listed if one["mapping"]["segment"]})
    cells: dict[tuple[str | None, str], list[dict[str, Any]]] = {}
    for one in listed:
        cells.setdefault((one["mapping"]["segment"], one["mapping"]["trigger_type"]), []).append(one)
    places: dict[tuple[str, int], dict[str, Any]] = {}
    for (segment, trigger), found in cells.items():
        before: dict[str, str] = {}
        for one in found:
            group = one["mapping"]["exclusivity_group"]
            counts = one["status"] == "published" and one["mapping"]["enabled"] and not one["parked"]
            places[one["id"], one["version"]] = {
                "counts": counts,
                "wins": counts and group not in before,
                # Where nothing else of its group is tried, there is no order to tell of.
                "competes": _counted(cells, segment, trigger, group) > 1,
                "after": before.get(group) if counts else None,
                "before_any": counts and segment is not None and _has(cells, None, trigger, group),
            }
            if counts:
                before.setdefault(group, one["cadence_name"] or "the one before")
    has_own = {trigger: any(_has(cells, one, trigger) for one in segments) for trigger in _TRIGGERS}
    return {"segments": [*segments, None], "cells": cells, "places": places, "has_own": has_own}


def _counted(
    cells: dict[tuple[str | None, str], list[dict[str, Any]]], segment: str | None, trigger: str, group: str
) -> int:
    """How many mappings of a trigger and a group count that are tried on a segment's customers, or on any."""
    return sum(
        one["status"] == "published"
        and one["mapping"]["enabled"]
        and not one["parked"]
        and one["mapping"]["exclusivity_group"] == group
        for (whose, of), found in cells.items()
        if of == trigger and (segment is None or whose in {segment, None})
        for one in found
    )


def _has(
    cells: dict[tuple[str | None, str], list[dict[str, Any]]],
    segment: str | None,
    trigger: str,
    group: str | None = None,
) -> bool:
    """Whether some mapping of a segment counts, of one group or of any."""
    return any(
        one["status"] == "published"
        and one["mapping"]["enabled"]
        and group in {None, one["mapping"]["exclusivity_group"]}
        for one in cells.get((segment, trigger), [])
    )
