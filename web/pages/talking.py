"""The chat, on every page: what is said goes to the API, and what it answers is shown with its yes and its choices."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.kit import Kit, form_of

__all__ = ["talking_routes"]


def talking_routes(kit: Kit) -> list[Route]:
    """`POST /chat`."""

    async def say(request: Request) -> Response:
        form = await form_of(request)
        told = ("text", "conversation", "confirm", "time_zone", "stakeholder_id", "customer_id")
        body: dict[str, str] = {name: form[name] for name in told if name in form}
        answered = await kit.api.send(request, "POST", "/chat", body)
        return kit.rendered("_said.html", request, said=form.get("shown") or form.get("text", ""), answered=answered)

    return [Route("/chat", say, methods=["POST"])]
