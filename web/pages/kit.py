"""What every page is made with: the API to ask, the templates to fill, and what a form sent."""

from asyncio import gather
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from web.pages.own_api import OwnApi
from web.pages.rendering import templates

__all__ = ["PREFIX", "Kit", "all_of", "changed", "form_of", "named", "sent_by"]

PREFIX = "/app"
_NAMES_AT_MOST = 200
_CADENCES = 200


class Kit:
    """The API, and the templates."""

    def __init__(self, api: OwnApi, *, parts: str = PREFIX, under: int = 0) -> None:
        """`parts` is where what is shown asks for more of itself, `under` how many headings of others are above it."""
        self.api = api
        self._parts = parts
        self._under = under
        self._templates = templates()

    async def page(
        self, template: str, request: Request, asked: Mapping[str, Awaitable[Any]], /, **shown: Any
    ) -> Response:
        """A whole page: its frame, and what is asked of the API, all at once. Raises Refusal."""
        session, *answers = await gather(self.frame(request), *asked.values())
        told = dict(zip(asked, answers, strict=True))
        return self.rendered(template, request, session=session, **told, **shown)

    async def frame(self, request: Request) -> dict[str, Any]:
        """The session, with what else is said around every page: who it is by name, and how much waits."""
        session, me = await gather(self.api.get(request, "/session"), self.api.get(request, "/me"))
        return {**me, **session}

    async def names(self, request: Request, user_ids: Iterable[str | None]) -> dict[str, str]:
        """What users of the platform are called, of those of whom it is known."""
        wanted = sorted({one for one in user_ids if one})[:_NAMES_AT_MOST]
        if not wanted:
            return {}
        told = await self.api.get(request, "/users", id=wanted)
        return {one["id"]: one["name"] for one in told["users"]}

    async def cadences(self, request: Request) -> dict[int, str]:
        """What the team's cadences are called, by id."""
        found = await self.api.get(request, "/cadences", limit=_CADENCES)
        return {one["id"]: one["name"] for one in found["items"]}

    def rendered(self, template: str, request: Request, /, *, status: int = 200, **shown: Any) -> HTMLResponse:
        """A filled template. What is personal is kept nowhere on the way."""
        # What is "two hours ago" is so by the service's time, which is not the browser's in a demonstration.
        read_at = next((one["read_at"] for one in shown.values() if isinstance(one, dict) and "read_at" in one), None)
        query = request.url.query
        text = self._templates.get_template(template).render(
            prefix=PREFIX,
            parts=self._parts,
            under=self._under,
            path=request.url.path,
            address=f"{request.url.path}?{query}" if query else request.url.path,
            read_at=read_at,
            **shown,
        )
        return HTMLResponse(text, status_code=status, headers={"cache-control": "no-store"})


def changed(request: Request, **query: str | None) -> str:
    """The query of the request with some of it changed, for a link; None takes it out, and so does the old cursor."""
    kept = {name: value for name, value in request.query_params.items() if name != "cursor"} | query
    return "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in kept.items() if value)


def named(id_: object) -> str:
    """An id as a part of a path."""
    return quote(str(id_), safe="")


async def form_of(request: Request) -> dict[str, str]:
    """What a form sent, without what was left empty; of several values of a name the last."""
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}


async def all_of(request: Request, name: str) -> list[str]:
    """Every value that a form sent under a name."""
    return parse_qs((await request.body()).decode()).get(name, [])


async def sent_by(request: Request) -> dict[str, list[str]]:
    """Everything that a form sent, in its order, with what was left empty."""
    return parse_qs((await request.body()).decode(), keep_blank_values=True)
