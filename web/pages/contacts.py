"""A stakeholder, a customer, and everybody on a cadence: how they stand, what can be done, what happened and why."""

from asyncio import gather
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.kit import Kit, changed, form_of, named

__all__ = ["Contacts", "contact_parts", "contact_routes"]

_PAGE_SIZE = 50
_ACTIVITY = 200
_CADENCES = 200
_FAILURES = 5
_CUSTOMERS = 12
_DECISIONS = 5
# What adds the person to the cadence again: the button says so, and to press it is to confirm it.
_ADDING_BACK = frozenset({"resume", "skip", "restart", "sender"})
_STEERING = _ADDING_BACK | {"pause"}
_GROUPS = {
    "active": ["enrolled", "paused"],
    "coming": ["requested", "approved", "scheduled", "enrolling", "unknown", "stale"],
    "trouble": ["failed", "blocked"],
    "over": ["completed", "exited", "removed", "rejected", "expired", "withdrawn"],
}


def contact_routes(kit: Kit) -> list[Route]:
    """`/find`, `/people`, `/stakeholders/{id}` and `/customers/{id}`."""
    contacts = Contacts(kit)
    return [
        Route("/find", contacts.find),
        Route("/people", contacts.everybody),
        Route("/stakeholders/{stakeholder_id}", contacts.stakeholder),
        Route("/customers/{customer_id}", contacts.customer),
        *contact_parts(contacts),
    ]


def contact_parts(contacts: "Contacts") -> list[Route]:
    """What a stakeholder and a customer ask for once they are shown, and what their buttons do."""
    one = "/stakeholders/{stakeholder_id}"
    return [
        Route(f"{one}/history", contacts.more_of_stakeholder),
        Route(f"{one}/decisions", contacts.decisions),
        Route(f"{one}/add", contacts.adding),
        Route(f"{one}/add", contacts.add, methods=["POST"]),
        Route(f"{one}/memberships/{{membership_id:uuid}}/{{action}}", contacts.steer, methods=["POST"]),
        Route(f"{one}/enrollments/{{enrollment_id:uuid}}/withdraw", contacts.withdraw, methods=["POST"]),
        Route(f"{one}/enrollments/{{enrollment_id:uuid}}/retry", contacts.retry, methods=["POST"]),
        Route("/enrollments/{enrollment_id:uuid}/why", contacts.why),
        Route("/customers/{customer_id}/history", contacts.more_of_customer),
    ]


class Contacts:
    """Answers about people, and has things done to them."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def find(self, request: Request) -> Response:
        """People and customers by name."""
        q, cursor = request.query_params.get("q"), request.query_params.get("cursor")
        asked = {"people": self._kit.api.get(request, "/people", q=q, limit=_PAGE_SIZE, cursor=cursor)}
        if cursor is None:
            asked["customers"] = self._kit.api.get(request, "/customers", q=q, limit=_CUSTOMERS)
        return await self._kit.page("find.html", request, asked, q=q, changed=lambda **query: changed(request, **query))

    async def everybody(self, request: Request) -> Response:
        """Enrollments by how they stand."""
        show = request.query_params.get("show", "active")
        trigger_type = request.query_params.get("trigger_type")
        page = self._kit.api.get(
            request,
            "/enrollments",
            state=_GROUPS.get(show),
            trigger_type=trigger_type,
            limit=_PAGE_SIZE,
            cursor=request.query_params.get("cursor"),
        )
        return await self._kit.page(
            "people.html",
            request,
            {"page": page},
            show=show,
            trigger_type=trigger_type,
            changed=lambda **query: changed(request, **query),
        )

    async def stakeholder(self, request: Request) -> Response:
        asked = {"contact": self.contact(request, request.path_params["stakeholder_id"])}
        return await self._kit.page("stakeholder.html", request, asked, done=None)

    async def steer(self, request: Request) -> Response:
        """A quick action; the answer is the contact as they are afterwards."""
        form = await form_of(request)
        action = request.path_params["action"]
        membership = f"/cadence-memberships/{named(request.path_params['membership_id'])}"
        note = form.get("note") or "Asked for on the contact's page."
        if action == "remove":
            done = await self._kit.api.send(request, "DELETE", membership, note=note)
        elif action == "retry":
            done = await self._kit.api.send(request, "POST", f"{membership}/retry", {"note": note})
        elif action in _STEERING:
            done = await self._kit.api.send(request, "PUT", f"{membership}/{action}", _terms(action, form, note))
        else:
            raise HTTPException(404)
        return await self._after(request, done)

    async def withdraw(self, request: Request) -> Response:
        form = await form_of(request)
        path = f"/enrollments/{named(request.path_params['enrollment_id'])}/withdraw"
        note = form.get("note") or "Asked for on the contact's page."
        return await self._after(request, await self._kit.api.send(request, "PUT", path, {"note": note}))

    async def retry(self, request: Request) -> Response:
        """Have what failed tried again."""
        form = await form_of(request)
        path = f"/enrollments/{named(request.path_params['enrollment_id'])}/retry"
        note = form.get("note") or "Asked for on the contact's page."
        return await self._after(request, await self._kit.api.send(request, "POST", path, {"note": note}))

    async def adding(self, request: Request) -> Response:
        """The form by which an approver is asked for somebody."""
        cadences, capabilities = await gather(
            self._kit.api.get(request, "/cadences", people_addable="true", limit=_CADENCES),
            self._capabilities(request),
        )
        return self._kit.rendered(
            "_add.html",
            request,
            stakeholder_id=request.path_params["stakeholder_id"],
            cadences=cadences["items"],
            add=capabilities["add"],
            form={},
            tried=None,
        )

    async def add(self, request: Request) -> Response:
        """Say what would come of it; or ask, and show the contact as they are afterwards."""
        form = await form_of(request)
        stakeholder_id = request.path_params["stakeholder_id"]
        body = {
            "stakeholder_id": stakeholder_id,
            "start_date": form.get("start_date"),
            "note": form.get("note") or "Asked for on the contact's page.",
        }
        path = f"/cadences/{named(form.get('cadence_id', 0))}/add"
        if form.get("only") == "try":
            tried, cadences, capabilities = await gather(
                self._kit.api.send(request, "POST", path, body, dry_run="true"),
                self._kit.api.get(request, "/cadences", people_addable="true", limit=_CADENCES),
                self._capabilities(request),
            )
            return self._kit.rendered(
                "_add.html",
                request,
                stakeholder_id=stakeholder_id,
                cadences=cadences["items"],
                add=capabilities["add"],
                form=form,
                tried=tried,
            )
        await self._kit.api.send(request, "POST", path, body)
        return await self._after(
            request, {"does": "Asked: an approver decides, and nothing is sent before.", "held_by": None}
        )

    async def why(self, request: Request) -> Response:
        """Why an enrollment was asked for, who decided, and what would have turned it."""
        path = f"/enrollments/{named(request.path_params['enrollment_id'])}"
        detail = await self._kit.api.get(request, path)
        addition = None
        if detail["enrollment"]["trigger_type"] is None:
            addition = await self._kit.api.get(request, f"{path}/addition")
        return self._kit.rendered("_why.html", request, detail=detail, addition=addition)

    async def decisions(self, request: Request) -> Response:
        """Each decision about somebody, whether they were asked for or not, with what it rests on."""
        decided = await self._kit.api.get(
            request, "/decisions", stakeholder_id=request.path_params["stakeholder_id"], limit=_DECISIONS
        )
        return self._kit.rendered("_decisions.html", request, decided=decided["items"])

    async def more_of_stakeholder(self, request: Request) -> Response:
        return await self._more(request, f"/people/{named(request.path_params['stakeholder_id'])}/history")

    async def more_of_customer(self, request: Request) -> Response:
        return await self._more(request, f"/customers/{named(request.path_params['customer_id'])}/history")

    async def customer(self, request: Request) -> Response:
        asked = {"view": self._kit.api.get(request, f"/customers/{named(request.path_params['customer_id'])}")}
        return await self._kit.page("customer.html", request, asked)

    async def _more(self, request: Request, path: str) -> Response:
        page = await self._kit.api.get(request, path, cursor=request.query_params.get("cursor"), limit=_PAGE_SIZE)
        return self._kit.rendered("_more_history.html", request, page=page)

    async def _after(self, request: Request, done: dict[str, Any]) -> Response:
        contact = await self.contact(request, request.path_params["stakeholder_id"])
        return self._kit.rendered("_contact.html", request, contact=contact, done=done)

    async def _capabilities(self, request: Request) -> dict[str, Any]:
        return {one["action"]: one for one in await self._kit.api.get(request, "/capabilities")}

    async def contact(self, request: Request, stakeholder_id: str) -> dict[str, Any]:
        """Everything that is shown of a stakeholder. Raises Refusal."""
        path = f"/people/{named(stakeholder_id)}"
        view, activity, failures, refused, capabilities = await gather(
            self._kit.api.get(request, path),
            self._kit.api.get(request, f"{path}/activity", limit=_ACTIVITY),
            self._kit.api.get(request, "/failures", stakeholder_id=stakeholder_id, limit=_FAILURES),
            self._kit.api.get(request, "/failures/steering", stakeholder_id=stakeholder_id, limit=_FAILURES),
            self._capabilities(request),
        )
        wanted = sorted({one["cadence"]["id"] for one in view["stakeholder"]["enrollments"]})
        found = await gather(
            *(self._kit.api.get(request, f"/cadences/{one}") for one in wanted), return_exceptions=True
        )
        days = {one["id"]: _numbered(one["days"]) for one in found if isinstance(one, dict)}
        return {
            "view": view,
            "read_at": view["read_at"],
            "capabilities": capabilities,
            "days": days,
            "failures": failures["items"],
            "refused": refused["items"],
            "unsure": _unsure(activity["items"]),
            "line": _line(activity["items"], view["read_at"]),
        }


def _terms(action: str, form: dict[str, str], note: str) -> dict[str, Any]:
    terms: dict[str, Any] = {"note": note}
    if action == "pause" and "until" in form:
        terms["until"] = form["until"] if "T" in form["until"] else f"{form['until']}T00:00:00Z"
    if action in _ADDING_BACK:
        terms["confirm"] = True
    if action == "restart":
        terms["step_id"] = int(form["step_id"]) if form.get("step_id", "").isdigit() else form.get("step_id")
    return terms


def _numbered(days: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The days of a cadence, each enabled step with its place among them, counted from 1."""
    place = count(1)
    return [
        {**day, "steps": [{**step, "place": next(place) if step["enabled"] else None} for step in day["steps"]]}
        for day in days
    ]


def _unsure(units: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many of each kind a machine may have done."""
    found: dict[str, int] = {}
    for one in units:
        if one["confidence"] == "low":
            kind = one["kind"].removeprefix("email-")
            found[kind] = found.get(kind, 0) + 1
    return found


def _line(units: Sequence[dict[str, Any]], read_at: str, days: int = 30) -> dict[str, list[int]] | None:
    """Of each of the last days, its first second, and how much was sent and came back; None where nothing was."""
    last = datetime.fromisoformat(read_at).replace(hour=0, minute=0, second=0, microsecond=0)
    times = [last - timedelta(days=days - 1 - back) for back in range(days)]
    kinds = {"email-sent": "sent", "email-opened": "opened", "email-clicked": "clicked", "email-replied": "replied"}
    line = {"days": [int(at.timestamp()) for at in times], **{name: [0] * days for name in kinds.values()}}
    counted = 0
    for one in units:
        at = one["occurred_at"] or one["occurred_between"][1]
        index = (datetime.fromisoformat(at) - times[0]).days
        if one["kind"] in kinds and 0 <= index < days:
            line[kinds[one["kind"]]][index] += 1
            counted += 1
    return line if counted else None
