"""What went wrong, on the page of operations: what failed is tried again, and dead letters are sent back."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.journeys import standing
from web.pages.kit import Kit, form_of, named

__all__ = ["mending_routes", "wrong"]

_SHOWN = 20
_REDRIVES = 5


def wrong(kit: Kit, request: Request) -> dict[str, Any]:
    """What the page asks of the API about it."""
    return _failures(kit, request) | _letters(kit, request)


def mending_routes(kit: Kit) -> list[Route]:
    """What the buttons of `/operations` do."""
    pages = _Mending(kit)
    letters = "/operations/dead-letters"
    return [
        Route("/operations/enrollments/{id:uuid}/retry", pages.retry, methods=["POST"]),
        Route("/operations/memberships/{id:uuid}/retry", pages.retry_stay, methods=["POST"]),
        Route("/operations/enrollments/{id:uuid}/retried", pages.retried),
        Route(f"{letters}/plan", pages.plan, methods=["POST"]),
        Route(f"{letters}/redrives", pages.redrives, methods=["GET"]),
        Route(f"{letters}/redrives", pages.send_back, methods=["POST"]),
        Route(f"{letters}/{{id:uuid}}", pages.letter),
    ]


class _Mending:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def retry(self, request: Request) -> Response:
        """Have an enrollment tried again, and show what is still wrong."""
        # Whatever it is but on its way came of it.
        tried = await self._ask_again(request, "/enrollments")
        return await self._left(request, tried, was="")

    async def retry_stay(self, request: Request) -> Response:
        """The same for what Salesloft refused to do about a stay on a cadence."""
        tried = await self._ask_again(request, "/cadence-memberships")
        return await self._left(request, tried, was=standing(tried))

    async def retried(self, request: Request) -> Response:
        """What has come of it so far; `was` is how a stay stood when it was asked for."""
        detail = await self._kit.api.get(request, f"/enrollments/{named(request.path_params['id'])}")
        was = request.query_params.get("was")
        return self._kit.rendered("_retried.html", request, tried=detail["enrollment"], was=was)

    async def plan(self, request: Request) -> Response:
        """What would be sent back of what was chosen; nothing is."""
        wanted = _wanted(await form_of(request))
        plan = await self._kit.api.send(request, "POST", "/dead-letters/plan", wanted)
        return self._kit.rendered("_redrive_plan.html", request, plan=plan, wanted=wanted)

    async def send_back(self, request: Request) -> Response:
        """Send back exactly what the plan said, and show what is left."""
        form = await form_of(request)
        body = _wanted(form) | {"plan": form.get("plan")}
        sent = await self._kit.api.send(request, "POST", "/dead-letters/redrives", body)
        return await self._kit.page("_letters.html", request, _letters(self._kit, request), sent=sent)

    async def redrives(self, request: Request) -> Response:
        """How far what was sent back is."""
        told = await self._kit.api.get(request, "/dead-letters/redrives", limit=_REDRIVES)
        return self._kit.rendered("_redrives.html", request, redrives=told)

    async def letter(self, request: Request) -> Response:
        """What a record says, without what is personal."""
        detail = await self._kit.api.get(request, f"/dead-letters/{named(request.path_params['id'])}")
        return self._kit.rendered("_letter.html", request, detail=detail)

    async def _ask_again(self, request: Request, what: str) -> dict[str, Any]:
        """Have it tried again; answers its enrollment as it stands afterwards. Raises Refusal."""
        form = await form_of(request)
        note = form.get("note") or "Tried again on the page of operations."
        path = f"{what}/{named(request.path_params['id'])}/retry"
        done = await self._kit.api.send(request, "POST", path, {"note": note})
        detail = await self._kit.api.get(request, f"/enrollments/{named(done['enrollment_id'])}")
        tried: dict[str, Any] = detail["enrollment"]
        return tried

    async def _left(self, request: Request, tried: dict[str, Any], *, was: str) -> Response:
        return await self._kit.page("_failures.html", request, _failures(self._kit, request), tried=tried, was=was)


def _failures(kit: Kit, request: Request) -> dict[str, Any]:
    return {
        "failures": kit.api.get(request, "/failures", limit=_SHOWN),
        "refused": kit.api.get(request, "/failures/steering", limit=_SHOWN),
    }


def _letters(kit: Kit, request: Request) -> dict[str, Any]:
    return {
        "letters": kit.api.get(request, "/dead-letters", limit=_SHOWN),
        "redrives": kit.api.get(request, "/dead-letters/redrives", limit=_REDRIVES),
    }


def _wanted(form: dict[str, str]) -> dict[str, Any]:
    """Which dead letters were chosen: of one topic or all, for one reason or any."""
    wanted: dict[str, Any] = {}
    if "topic" in form:
        wanted["topic"] = form["topic"]
    if "reason_code" in form:
        wanted["reason_codes"] = [form["reason_code"]]
    return wanted
