"""The queue of what waits for a decision, and deciding: one by one, changed, or many at once."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.kit import PREFIX, Kit, all_of, changed, form_of, named

__all__ = ["approving_routes"]

# With its scripts and styles a first view of so many cards is well below 150 kB.
_PAGE_SIZE = 40
_NEWER_AT_MOST = 200
_CADENCES = 200


def approving_routes(kit: Kit) -> list[Route]:
    """`/approvals`, and what its buttons do."""
    desk = _Desk(kit)
    one = "/approvals/{enrollment_id:uuid}"
    return [
        Route("/approvals", desk.queue),
        Route("/approvals/newer", desk.newer),
        Route("/approvals/decisions", desk.decide_several, methods=["POST"]),
        Route(one, desk.one),
        Route(f"{one}/change", desk.changing),
        Route(f"{one}/decision", desk.decide, methods=["POST"]),
    ]


class _Desk:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def queue(self, request: Request) -> Response:
        show = "all" if request.query_params.get("show") == "all" else "waiting"
        customer_id = request.query_params.get("customer_id")
        page = await self._kit.api.get(
            request,
            "/approvals",
            show=show,
            limit=_PAGE_SIZE,
            cursor=request.query_params.get("cursor"),
            customer_id=customer_id,
        )
        return await self._kit.page(
            "approvals.html",
            request,
            {"names": self._kit.names(request, _askers(page["items"])), "sizes": self._sizes(request)},
            page=page,
            show=show,
            customer_id=customer_id,
            changed=lambda **query: changed(request, **query),
        )

    async def newer(self, request: Request) -> Response:
        """How many were asked for since the queue was shown: it does not move under the hand of whoever decides.

        One that was shown and is asked anew since it was decided is among them.
        """
        known = request.query_params.get("known", "").split(",")
        after, read_at = request.query_params.get("after", ""), request.query_params.get("read", "")
        customer_id = request.query_params.get("customer_id")
        page = await self._kit.api.get(
            request, "/approvals", show="waiting", limit=_NEWER_AT_MOST, customer_id=customer_id
        )
        found = [
            one for one in page["items"] if one["requested_at"] > (read_at if one["enrollment_id"] in known else after)
        ]
        return self._kit.rendered("_newer.html", request, many=len(found), customer_id=customer_id)

    async def one(self, request: Request) -> Response:
        """A request as a card of its own, which the queue shows again once it has changed."""
        path = f"/approvals/{named(request.path_params['enrollment_id'])}"
        detail = await self._kit.api.get(request, path)
        deciders = {word["decided_by"] for word in detail["decisions"]}
        names = self._kit.names(request, _askers([detail["approval"]]) | deciders)
        asked = {"names": names, "sizes": self._sizes(request)}
        return await self._kit.page("approval.html", request, asked, detail=detail)

    async def _sizes(self, request: Request) -> dict[int, tuple[int, int]]:
        """Of cadences, by id, how many steps each has and over how many business days."""
        found = await self._kit.api.get(request, "/cadences", limit=_CADENCES)
        return {one["id"]: (one["step_count"], one["duration_business_days"]) for one in found["items"]}

    async def changing(self, request: Request) -> Response:
        """What can be otherwise than asked: the date, the step to begin at, the sender."""
        enrollment_id = request.path_params["enrollment_id"]
        detail = await self._kit.api.get(request, f"/approvals/{named(enrollment_id)}")
        approval = detail["approval"]
        cadence_id = approval["action"]["cadence"]["id"]
        cadence = await self._kit.api.get(request, f"/cadences/{named(cadence_id)}")
        everybody = await self._kit.api.get(request, "/senders")
        return self._kit.rendered(
            "_approve_changed.html",
            request,
            one=approval,
            asked_at=detail["read_at"],
            steps=[(day["day"], step) for day in cadence["days"] for step in day["steps"] if step["enabled"]],
            senders=_senders(approval, cadence, everybody["senders"]),
            is_personal=not cadence["team_cadence"],
        )

    async def decide(self, request: Request) -> Response:
        form = await form_of(request)
        enrollment_id = request.path_params["enrollment_id"]
        approved = form.get("decision") == "approved"
        body = {
            "decision": form.get("decision"),
            "request_digest": form.get("request_digest"),
            "reason": form.get("reason"),
            "changes": (_changes(form) or None) if approved else None,
        }
        done = await self._kit.api.send(request, "POST", f"/approvals/{named(enrollment_id)}/decision", body)
        return self._kit.rendered(
            "decided.html", request, verdict=form["decision"], name=form.get("name", ""), done=done
        )

    async def decide_several(self, request: Request) -> Response:
        """The chosen ones, each with the digest of what was on the screen."""
        form = await form_of(request)
        chosen = [[*one.split(" ", 2), ""][:3] for one in await all_of(request, "chosen")]
        decisions = [
            {
                "enrollment_id": enrollment_id,
                "request_digest": digest,
                "decision": form.get("decision"),
                "reason": form.get("reason"),
            }
            for enrollment_id, digest, _ in chosen
        ]
        done = await self._kit.api.send(request, "POST", "/approvals/decisions", {"decisions": decisions})
        return self._kit.rendered(
            "_decided_several.html",
            request,
            verdict=form["decision"],
            done=done,
            who={enrollment_id: name for enrollment_id, _, name in chosen},
            back=f"{PREFIX}/approvals",
        )


def _askers(approvals: list[dict[str, Any]]) -> set[str | None]:
    return {(one["requested_by"] or {}).get("user_id") for one in approvals}


def _changes(form: dict[str, str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "start_date" in form:
        changes["start_date"] = form["start_date"]
    for name in ("start_step_id", "sender_user_id"):
        if name in form:
            changes[name] = int(form[name]) if form[name].isdigit() else form[name]
    return changes


def _senders(
    approval: dict[str, Any], cadence: dict[str, Any], everybody: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Who else can send: any active user of the team; of a personal cadence its owner alone."""
    asked = (approval["action"].get("sender") or {}).get("user_id")
    owner = (cadence["owner"] or {}).get("user_id")
    may = [one for one in everybody if cadence["team_cadence"] or one["user_id"] == owner]
    return [one for one in may if one["user_id"] != asked]
