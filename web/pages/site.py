"""The pages, and what their buttons do. Everything is asked of the API, as the reader."""

from asyncio import gather
from itertools import count
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.browser import Browsers
from web.pages.own_api import OwnApi, Refusal
from web.pages.rendering import FOLDER, templates
from web.pages.signing_in import SigningIn
from web.problems import Problem, told_of

__all__ = ["PREFIX", "pages"]

PREFIX = "/app"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_PAGE_SIZE = 50
_STEERING = frozenset({"pause", "resume", "skip", "restart", "sender"})


def pages(api: ASGIApp, signing_in: SigningIn, browsers: Browsers, public_url: str | None) -> Starlette:
    """The application under `/app`, made of what `api` answers. `public_url` is how browsers reach us, where known."""
    site = _Site(OwnApi(api), signing_in, browsers, public_url)
    return Starlette(
        routes=[
            Route("/", site.home),
            Route("/sign-in", site.sign_in),
            Route("/sign-in/begin", site.begin_to_sign_in),
            Route("/sign-in/callback", site.signed_in),
            Route("/sign-out", site.sign_out, methods=["POST"]),
            Route("/approvals", site.approvals),
            Route("/approvals/{enrollment_id}/decision", site.decide, methods=["POST"]),
            Route("/stakeholders/{stakeholder_id}", site.stakeholder),
            Route("/stakeholders/{stakeholder_id}/memberships/{membership_id}/{action}", site.steer, methods=["POST"]),
            Route("/customers/{customer_id}", site.customer),
            Route("/cadences", site.cadences),
            Route("/cadences/{cadence_id:int}", site.cadence),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ],
        middleware=[Middleware(_Guarded)],
        exception_handlers={Refusal: site.refused, Problem: site.refused, 404: site.absent},
    )


class _Guarded:
    """Every answer has the policy that lets a page load and ask nothing but what is ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, guarded)


class _Site:
    """A page a method; each asks the API for what it shows, at once where it can."""

    def __init__(self, api: OwnApi, signing_in: SigningIn, browsers: Browsers, public_url: str | None) -> None:
        self._api = api
        self._signing_in = signing_in
        self._browsers = browsers
        self._public_url = public_url
        self._templates = templates()

    async def home(self, _: Request) -> Response:
        return RedirectResponse(f"{PREFIX}/approvals", status_code=303)

    async def sign_in(self, request: Request) -> Response:
        after = request.query_params.get("after", f"{PREFIX}/")
        return self._rendered(
            "sign_in.html", request, session=None, after=after, is_possible=self._signing_in.is_possible
        )

    async def begin_to_sign_in(self, request: Request) -> Response:
        after = request.query_params.get("after", f"{PREFIX}/")
        return await self._signing_in.begin(request, callback=self._callback(request), after=after)

    async def signed_in(self, request: Request) -> Response:
        return await self._signing_in.finish(request, callback=self._callback(request))

    async def sign_out(self, request: Request) -> Response:
        session = self._browsers.session(request)
        if session is not None:
            session.check(request)
        response = Response(status_code=204, headers={"hx-redirect": f"{PREFIX}/sign-in"})
        self._browsers.end(response)
        return response

    async def approvals(self, request: Request) -> Response:
        show = "all" if request.query_params.get("show") == "all" else "waiting"
        cursor, customer_id = request.query_params.get("cursor"), request.query_params.get("customer_id")
        session, page = await gather(
            self._session(request),
            self._api.get(request, "/approvals", show=show, limit=_PAGE_SIZE, cursor=cursor, customer_id=customer_id),
        )
        return self._rendered("approvals.html", request, session=session, page=page, show=show)

    async def decide(self, request: Request) -> Response:
        form = await _form(request)
        enrollment_id = request.path_params["enrollment_id"]
        changes = {"start_date": form["start_date"]} if form.get("start_date") else None
        body = {
            "decision": form.get("decision"),
            "request_digest": form.get("request_digest"),
            "reason": form.get("reason") or None,
            "changes": changes if form.get("decision") == "approved" else None,
        }
        await self._api.send(request, "POST", f"/approvals/{quote(enrollment_id, safe='')}/decision", body)
        return self._rendered("decided.html", request, verdict=form["decision"], name=form.get("name", ""))

    async def stakeholder(self, request: Request) -> Response:
        stakeholder_id = request.path_params["stakeholder_id"]
        session, contact = await gather(self._session(request), self._contact(request, stakeholder_id))
        return self._rendered("stakeholder.html", request, session=session, role=session["role"], **contact)

    async def steer(self, request: Request) -> Response:
        """A quick action; the answer is the contact as they are afterwards."""
        form = await _form(request)
        stakeholder_id, action = request.path_params["stakeholder_id"], request.path_params["action"]
        membership = f"/cadence-memberships/{quote(request.path_params['membership_id'], safe='')}"
        told: dict[str, Any] = {"note": form.get("note") or "Asked for on the contact's page."}
        if action == "remove":
            done = await self._api.send(request, "DELETE", membership)
        elif action in _STEERING:
            if action == "pause" and form.get("until"):
                told["until"] = form["until"]
            if action in {"resume", "restart", "sender"}:
                told["confirm"] = True
            done = await self._api.send(request, "PUT", f"{membership}/{action}", told)
        else:
            raise HTTPException(404)
        session, contact = await gather(self._session(request), self._contact(request, stakeholder_id))
        return self._rendered("_contact.html", request, role=session["role"], **contact | {"done": done})

    async def customer(self, request: Request) -> Response:
        customer_id = request.path_params["customer_id"]
        session, view, capabilities = await gather(
            self._session(request),
            self._api.get(request, f"/customers/{quote(customer_id, safe='')}"),
            self._api.get(request, "/capabilities"),
        )
        return self._rendered("customer.html", request, session=session, view=view, capabilities=capabilities)

    async def cadences(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name) for name in ("q", "state", "step_type", "cursor")}
        session, page = await gather(
            self._session(request), self._api.get(request, "/cadences", limit=_PAGE_SIZE, **asked)
        )
        return self._rendered("cadences.html", request, session=session, page=page, asked=asked)

    async def cadence(self, request: Request) -> Response:
        session, cadence = await gather(
            self._session(request), self._api.get(request, f"/cadences/{request.path_params['cadence_id']}")
        )
        return self._rendered("cadence.html", request, session=session, cadence=cadence)

    async def refused(self, request: Request, error: Exception) -> Response:
        """A refusal, for people; who is not known is asked to sign in."""
        match error:
            case Refusal():
                status, problem = error.status, error.problem
            case Problem():
                status, problem = error.status, told_of(request, error)
            case _:
                raise error
        is_part = "hx-request" in request.headers
        if status == 401:
            here = request.url.path if request.method == "GET" else f"{PREFIX}/"
            sign_in = f"{PREFIX}/sign-in?after={quote(here, safe='')}"
            if is_part:
                return Response(status_code=204, headers={"hx-redirect": sign_in})
            return RedirectResponse(sign_in, status_code=303)
        template = "_problem.html" if is_part else "problem.html"
        return self._rendered(template, request, status=status, session=None, problem=problem)

    async def absent(self, request: Request, _: Exception) -> Response:
        problem = {"title": "There is no such page", "detail": "Or it is not for you to see."}
        return self._rendered("problem.html", request, status=404, session=None, problem=problem)

    async def _contact(self, request: Request, stakeholder_id: str) -> dict[str, Any]:
        named = quote(stakeholder_id, safe="")
        view, capabilities = await gather(
            self._api.get(request, f"/people/{named}"), self._api.get(request, "/capabilities")
        )
        open_ones = [one for one in view["stakeholder"]["enrollments"] if one["on_cadence"] or one["progress"]["steps"]]
        wanted = sorted({one["cadence"]["id"] for one in open_ones})
        found = await gather(*(self._api.get(request, f"/cadences/{one}") for one in wanted), return_exceptions=True)
        days = {one["id"]: _numbered(one["days"]) for one in found if isinstance(one, dict)}
        return {"view": view, "capabilities": {one["action"]: one for one in capabilities}, "days": days, "done": None}

    def _callback(self, request: Request) -> str:
        base = (self._public_url or str(request.base_url.replace(path=""))).rstrip("/")
        return f"{base}{PREFIX}/sign-in/callback"

    async def _session(self, request: Request) -> dict[str, Any]:
        told: dict[str, Any] = await self._api.get(request, "/session")
        return told

    def _rendered(self, template: str, request: Request, *, status: int = 200, **shown: Any) -> HTMLResponse:
        # What is "two hours ago" is so by the service's time, which is not the browser's in a demonstration.
        read_at = next((one["read_at"] for one in shown.values() if isinstance(one, dict) and "read_at" in one), None)
        text = self._templates.get_template(template).render(
            prefix=PREFIX, path=request.url.path, read_at=read_at, **shown
        )
        return HTMLResponse(text, status_code=status, headers={"cache-control": "no-store"})


def _numbered(days: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The days of a cadence, each step with its place among all of them, counted from 1."""
    place = count(1)
    return [{**day, "steps": [{**step, "place": next(place)} for step in day["steps"]]} for day in days]


async def _form(request: Request) -> dict[str, str]:
    sent = parse_qs((await request.body()).decode(), keep_blank_values=True)
    return {name: values[-1] for name, values in sent.items()}
