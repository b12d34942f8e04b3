"""People and customers: how they stand, what can be done for them, what happened and why."""

from asyncio import gather
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.histories import NO_REASON, as_told, users_of
from web.pages.journeys import completed_of, journey, summed_up
from web.pages.kit import Kit, form_of, named
from web.pages.listing import Lists

__all__ = ["Contacts", "contact_parts", "contact_routes"]

_HISTORY = 60
_ACTIVITY = 200
_CADENCES = 200
_FAILURES = 5
_DECISIONS = 5
# With fewer there is no line to see.
_LEAST_OF_A_LINE = 3
# What adds the person to the cadence again: the button says so, and to press it is to confirm it.
_ADDING_BACK = frozenset({"resume", "skip", "restart", "sender"})
_STEERING = _ADDING_BACK | {"pause"}
_ON = frozenset({"enrolled", "paused"})
# How an enrollment stands once it is done; one that was removed is shown no more.
_COMES_TO: Final = {"pause": "paused", "resume": "enrolled", "remove": None}
_COUNTED = ("sent", "opened", "clicked", "replied")


def contact_routes(kit: Kit) -> list[Route]:
    """`/find`, `/people`, `/customers`, `/stakeholders/{id}` and `/customers/{id}`."""
    contacts, lists = Contacts(kit), Lists(kit)
    return [
        Route("/find", lists.find),
        Route("/people", lists.people),
        Route("/customers", lists.customers),
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

    async def stakeholder(self, request: Request) -> Response:
        asked = {"contact": self.contact(request, request.path_params["stakeholder_id"])}
        return await self._kit.page("stakeholder.html", request, asked, done=None)

    async def steer(self, request: Request) -> Response:
        """A quick action; the answer is the contact as they are afterwards."""
        form = await form_of(request)
        action = request.path_params["action"]
        membership = f"/cadence-memberships/{named(request.path_params['membership_id'])}"
        note = form.get("note") or NO_REASON
        if action == "remove":
            done = await self._kit.api.send(request, "DELETE", membership, note=note)
        elif action == "retry":
            done = await self._kit.api.send(request, "POST", f"{membership}/retry", {"note": note})
        elif action in _STEERING:
            done = await self._kit.api.send(request, "PUT", f"{membership}/{action}", _terms(action, form, note))
        else:
            raise HTTPException(404)
        return await self._after(request, {**done, "action": action, "until": form.get("until")})

    async def withdraw(self, request: Request) -> Response:
        form = await form_of(request)
        path = f"/enrollments/{named(request.path_params['enrollment_id'])}/withdraw"
        note = form.get("note") or NO_REASON
        done = await self._kit.api.send(request, "PUT", path, {"note": note})
        return await self._after(request, {**done, "action": "withdraw"})

    async def retry(self, request: Request) -> Response:
        """Have what failed tried again."""
        form = await form_of(request)
        path = f"/enrollments/{named(request.path_params['enrollment_id'])}/retry"
        note = form.get("note") or NO_REASON
        done = await self._kit.api.send(request, "POST", path, {"note": note})
        return await self._after(request, {**done, "action": "retry"})

    async def adding(self, request: Request) -> Response:
        """The form by which an approver is asked for somebody."""
        return await self._adding(request, {}, None)

    async def add(self, request: Request) -> Response:
        """Say what would come of it; or ask, and show the contact as they are afterwards."""
        form = await form_of(request)
        stakeholder_id = request.path_params["stakeholder_id"]
        body = {
            "stakeholder_id": stakeholder_id,
            "start_date": form.get("start_date"),
            "note": form.get("note") or NO_REASON,
        }
        if form.get("sender_user_id", "").isdigit():
            body["sender_user_id"] = int(form["sender_user_id"])
        path = f"/cadences/{named(form.get('cadence_id', 0))}/add"
        if form.get("only") == "try":
            if "cadence_id" not in form:
                return await self._adding(request, form, None)
            tried = await self._kit.api.send(request, "POST", path, body, dry_run="true")
            return await self._adding(request, form, tried)
        done = await self._kit.api.send(request, "POST", path, body)
        return await self._after(request, {"action": "add", "enrollment_id": done["enrollment_id"]})

    async def why(self, request: Request) -> Response:
        """Why an enrollment was requested, who decided, and what would have turned it."""
        path = f"/enrollments/{named(request.path_params['enrollment_id'])}"
        detail, cadences = await gather(self._kit.api.get(request, path), self._kit.cadences(request))
        addition = None
        if detail["enrollment"]["trigger_type"] is None:
            addition = await self._kit.api.get(request, f"{path}/addition")
        users = [word["decided_by"] for word in detail["approvals"]]
        if addition is not None:
            users.append(addition["asked_by"].get("user_id"))
        return self._kit.rendered(
            "_why.html",
            request,
            detail=detail,
            addition=addition if addition is None or addition["note"] != NO_REASON else {**addition, "note": None},
            cadences=cadences,
            names=await self._kit.names(request, users),
        )

    async def decisions(self, request: Request) -> Response:
        """Each decision about somebody, whether they were requested or not, with what it rests on.

        Without those on the events that `but` names: they are told where they led to.
        """
        decided, cadences = await gather(
            self._kit.api.get(
                request, "/decisions", stakeholder_id=request.path_params["stakeholder_id"], limit=_DECISIONS
            ),
            self._kit.cadences(request),
        )
        told_elsewhere = request.query_params.getlist("but")
        return self._kit.rendered(
            "_decisions.html",
            request,
            decided=[one for one in decided["items"] if one["event_id"] not in told_elsewhere],
            cadences=cadences,
        )

    async def more_of_stakeholder(self, request: Request) -> Response:
        return await self._more(request, f"/people/{named(request.path_params['stakeholder_id'])}", is_of_one=True)

    async def more_of_customer(self, request: Request) -> Response:
        return await self._more(request, f"/customers/{named(request.path_params['customer_id'])}", is_of_one=False)

    async def customer(self, request: Request) -> Response:
        return await self._kit.page(
            "customer.html", request, {"account": self.account(request, request.path_params["customer_id"])}
        )

    async def account(self, request: Request, customer_id: str) -> dict[str, Any]:
        """Everything that is shown of a customer. Raises Refusal."""
        path = f"/customers/{named(customer_id)}"
        view, history = await gather(
            self._kit.api.get(request, path), self._kit.api.get(request, f"{path}/history", limit=_HISTORY)
        )
        people = sorted(view["stakeholders"], key=_first_who_is_on_a_cadence)
        engaged = [one["engagement"] for one in people if one["engagement"]]
        return {
            "view": view,
            "read_at": view["read_at"],
            "people": people,
            "on_cadence": sum(_is_on_a_cadence(one) for one in people),
            "waiting": sum(each["state"] == "requested" for one in people for each in one["enrollments"]),
            "counts": {name: sum(one["counts"][name] for one in engaged) for name in _COUNTED},
            "last_contacted_at": max((one["last_contacted_at"] or "" for one in engaged), default=""),
            "last_replied_at": max((one["last_replied_at"] or "" for one in engaged), default=""),
            "history": _told(history),
            "names": await self._kit.names(request, {view["owner_user_id"], *users_of(history["items"])}),
        }

    async def _more(self, request: Request, path: str, *, is_of_one: bool) -> Response:
        """More of a history: as it is told, or every entry of it as it is kept."""
        query = request.query_params
        page = await self._kit.api.get(request, f"{path}/history", cursor=query.get("cursor"), limit=_HISTORY)
        return self._kit.rendered(
            "_more_history.html",
            request,
            history=_told(page),
            entries=page["items"] if query.get("entries") == "all" else None,
            is_of_one=is_of_one,
            names=await self._kit.names(request, users_of(page["items"])),
        )

    async def _adding(self, request: Request, form: dict[str, str], tried: dict[str, Any] | None) -> Response:
        stakeholder_id = request.path_params["stakeholder_id"]
        cadences, capabilities, senders, view = await gather(
            self._kit.api.get(request, "/cadences", people_addable="true", limit=_CADENCES),
            self._capabilities(request),
            self._kit.api.get(request, "/senders", stakeholder_id=stakeholder_id),
            self._kit.api.get(request, f"/people/{named(stakeholder_id)}"),
        )
        return self._kit.rendered(
            "_add.html",
            request,
            stakeholder_id=stakeholder_id,
            now=view["read_at"],
            time_zone=view["stakeholder"]["time_zone"],
            cadences=cadences["items"],
            senders=senders["senders"],
            owner=senders["owner"],
            add=capabilities["add"],
            form=form,
            tried=tried,
        )

    async def _after(self, request: Request, done: dict[str, Any]) -> Response:
        contact = await self.contact(request, request.path_params["stakeholder_id"])
        states = {one["id"]: one["state"] for one in contact["view"]["stakeholder"]["enrollments"]}
        told = {"held_by": None, "is_over": False, **done}
        if done["action"] in _COMES_TO:
            # By now it may be done: whoever is paused is removed at once.
            state = states.get(done["enrollment_id"])
            told["is_over"] = state == _COMES_TO[done["action"]] != done["state"]
        return self._kit.rendered("_contact.html", request, contact=contact, done=told)

    async def _capabilities(self, request: Request) -> dict[str, Any]:
        return {one["action"]: one for one in await self._kit.api.get(request, "/capabilities")}

    async def contact(self, request: Request, stakeholder_id: str) -> dict[str, Any]:
        """Everything that is shown of a stakeholder. Raises Refusal."""
        path = f"/people/{named(stakeholder_id)}"
        view, activity, completed, history, failures, refused, capabilities = await gather(
            self._kit.api.get(request, path),
            self._kit.api.get(request, f"{path}/activity", limit=_ACTIVITY),
            self._kit.api.get(request, f"{path}/activity", kind="step-completed", limit=_ACTIVITY),
            self._kit.api.get(request, f"{path}/history", limit=_HISTORY),
            self._kit.api.get(request, "/failures", stakeholder_id=stakeholder_id, limit=_FAILURES),
            self._kit.api.get(request, "/failures/steering", stakeholder_id=stakeholder_id, limit=_FAILURES),
            self._capabilities(request),
        )
        enrollments = view["stakeholder"]["enrollments"]
        wanted = sorted({one["cadence"]["id"] for one in enrollments})
        found = await gather(
            *(self._kit.api.get(request, f"/cadences/{one}") for one in wanted), return_exceptions=True
        )
        days = {one["id"]: one["days"] for one in found if isinstance(one, dict)}
        journeys = {
            one["id"]: journey(days[one["cadence"]["id"]], one, completed_of(completed["items"], one))
            for one in enrollments
            if one["cadence"]["id"] in days
        }
        users = {view["owner_user_id"], *users_of(history["items"])}
        users |= {one["requested_by_user"] for one in enrollments}
        users |= {one["held"]["by"] for one in enrollments if one["held"]}
        told_above = {one["event_id"] for one in enrollments if one["event_id"]}
        return {
            "view": view,
            "read_at": view["read_at"],
            "capabilities": capabilities,
            "days": days,
            "journeys": journeys,
            "sums": {id_: summed_up(of) for id_, of in journeys.items()},
            "failures": failures["items"],
            "refused": refused["items"],
            "unsure": _unsure(activity["items"]),
            "line": _line(activity["items"], view["read_at"]),
            "told_above": sorted(told_above),
            "decisions": [one for one in view["stakeholder"]["latest_decisions"] if one["event_id"] not in told_above],
            "history": _told(history),
            "names": await self._kit.names(request, users),
        }


def _told(history: dict[str, Any]) -> dict[str, Any]:
    return {"rows": as_told(history["items"]), "next_cursor": history["next_cursor"]}


def _is_on_a_cadence(person: dict[str, Any]) -> bool:
    return bool(person["other_cadences"]) or any(one["state"] in _ON for one in person["enrollments"])


def _first_who_is_on_a_cadence(person: dict[str, Any]) -> tuple[bool, bool, bool, str]:
    """Who is on one comes first, then for whom one is requested, then who was ever written to; each by name."""
    return (
        not _is_on_a_cadence(person),
        not person["enrollments"],
        person["engagement"] is None,
        (person["name"] or person["id"]).lower(),
    )


def _terms(action: str, form: dict[str, str], note: str) -> dict[str, Any]:
    terms: dict[str, Any] = {"note": note}
    if action == "pause" and "until" in form:
        terms["until"] = form["until"] if "T" in form["until"] else f"{form['until']}T00:00:00Z"
    if action in _ADDING_BACK:
        terms["confirm"] = True
    if action == "restart":
        terms["step_id"] = int(form["step_id"]) if form.get("step_id", "").isdigit() else form.get("step_id")
    return terms


def _unsure(units: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many of each kind a machine may have done."""
    found: dict[str, int] = {}
    for one in units:
        if one["confidence"] == "low":
            kind = one["kind"].removeprefix("email-")
            found[kind] = found.get(kind, 0) + 1
    return found


def _line(units: Sequence[dict[str, Any]], read_at: str, days: int = 30) -> dict[str, list[int]] | None:
    """Of each of the last days, its first second, and how much was sent and came back; None where it was too little."""
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
    return line if counted >= _LEAST_OF_A_LINE else None
