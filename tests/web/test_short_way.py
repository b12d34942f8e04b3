"""The short way answers as FastAPI does, and is what a read takes."""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Cookie, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from web.reading.routes import reading_routes
from web.short_way import shorten_reads


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Taken(BaseModel):
    """What an operation was called with."""

    name: str
    number: int
    page: str
    colours: list[Colour] | None
    since: AwareDatetime | None
    flag: bool | None
    who: str
    text: str = Field(alias="asText")


class Filter(BaseModel):
    name: str = "all"


async def _page(
    limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: Annotated[str | None, Query(max_length=5)] = None
) -> str:
    return f"{limit} {cursor}"


async def _who(request: Request) -> str:
    return request.headers.get("authorization", "nobody")


def _reads() -> APIRouter:
    routes = APIRouter()

    @routes.get("/things/{name}/{number}")
    async def things(
        name: str,
        number: Annotated[int, Path(ge=0)],
        who: Annotated[str, Depends(_who)],
        page: Annotated[str, Depends(_page)],
        text: Annotated[str, Query(min_length=1, alias="asText")],
        colour: Annotated[list[Colour] | None, Query()] = None,
        since: Annotated[AwareDatetime | None, Query()] = None,
        *,
        flag: Annotated[bool | None, Query()] = None,
    ) -> Taken:
        return Taken(name=name, number=number, page=page, colours=colour, since=since, flag=flag, who=who, asText=text)

    return routes


async def _asked(app: ASGIApp, url: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        answer = await client.get(url, headers={"authorization": "Bearer one"})
        return answer.status_code, answer.content, answer.headers.raw


def _whole() -> FastAPI:
    app = FastAPI()
    app.include_router(_reads())
    return app


def _shortened() -> FastAPI:
    app = FastAPI()
    routes = _reads()
    shorten_reads(routes)
    app.router.routes += routes.routes
    return app


TAKEN = Taken(name="ann", number=7, page="1", colours=None, since=None, flag=None, who="one", asText="x")
WHOLE, SHORTENED = _whole(), _shortened()
_VALUES = st.sampled_from(
    [
        "",
        "1",
        "0",
        "201",
        "red",
        "blue",
        "green",
        "true",
        "off",
        "2026-11-28T10:00:00Z",
        "2026-11-28",
        "%00",
        "a b",
        "ä",
    ]
)
_NAMES = st.sampled_from(["limit", "cursor", "asText", "text", "colour", "since", "flag", "name", "unknown"])


@given(
    path=st.tuples(st.sampled_from(["ann", "%20", "ä", "a.b"]), st.sampled_from(["0", "7", "-1", "x", "1.0"])),
    query=st.lists(st.tuples(_NAMES, _VALUES), max_size=6),
)
async def test_whatever_is_asked_is_answered_as_fastapi_answers_it(
    path: tuple[str, str], query: list[tuple[str, str]]
) -> None:
    url = f"/things/{path[0]}/{path[1]}?{'&'.join(f'{name}={value}' for name, value in query)}"

    assert await _asked(SHORTENED, url) == await _asked(WHOLE, url)


async def test_a_good_request_goes_the_short_way_and_one_with_something_amiss_the_whole() -> None:
    routes = _reads()
    _of(routes).app = _whole_way
    shorten_reads(routes)

    assert (await _asked(routes, "/things/ann/7?asText=x&colour=red&colour=blue"))[0] == 200
    for amiss in ("/things/ann/7", "/things/ann/-7?asText=x", "/things/ann/7?asText=x&colour=red&colour=green"):
        assert (await _asked(routes, amiss))[1] == b"the whole way"


def test_what_takes_more_than_a_read_is_left_as_it_is() -> None:
    routes = APIRouter()

    @routes.get("/header")
    async def header(given: Annotated[str, Header()]) -> Taken:
        return TAKEN

    @routes.get("/cookie")
    async def cookie(given: Annotated[str, Cookie()]) -> Taken:
        return TAKEN

    @routes.get("/response")
    async def response(given: Response) -> Taken:
        return TAKEN

    @routes.get("/of-a-dependency")
    async def of_a_dependency(given: Annotated[Taken, Depends(header)]) -> Taken:
        return TAKEN

    @routes.get("/filter")
    async def filtered(given: Annotated[Filter, Query()]) -> Taken:
        return TAKEN

    @routes.get("/made-anew")
    async def made_anew(given: Annotated[list[str], Query(default_factory=list)]) -> Taken:
        return TAKEN

    @routes.get("/in-a-thread")
    def in_a_thread() -> Taken:
        return TAKEN

    @routes.get("/closed")
    async def closed(given: Annotated[int, Depends(_closed)]) -> Taken:
        return TAKEN

    assert not _shortened_of(routes)


def test_what_answers_otherwise_than_a_read_is_left_as_it_is() -> None:
    routes = APIRouter()

    @routes.get("/no-model")
    async def no_model() -> dict[str, str]:
        return {}

    @routes.get("/created", status_code=201)
    async def created() -> Taken:
        return TAKEN

    @routes.get("/text", response_class=PlainTextResponse)
    async def text() -> Taken:
        return TAKEN

    @routes.get("/in-part", response_model_exclude_none=True)
    async def in_part() -> Taken:
        return TAKEN

    @routes.post("/write")
    async def write() -> Taken:
        return TAKEN

    assert not _shortened_of(routes)


def test_everything_that_is_looked_at_goes_the_short_way_but_the_stream() -> None:
    looking: Any = type("Anything", (), {"__getattr__": lambda self, _: self})()
    routes = reading_routes(looking, looking)
    of_all = {route.path for route in routes.routes if isinstance(route, APIRoute)}

    assert of_all - _shortened_of(routes) == {"/api/salesloft/events"}


def _shortened_of(routes: APIRouter) -> set[str]:
    """The paths of the operations that answer otherwise than before."""
    before = [(route, route.app) for route in routes.routes if isinstance(route, APIRoute)]
    shorten_reads(routes)
    return {route.path for route, app in before if route.app is not app}


def _of(routes: APIRouter) -> APIRoute:
    (route,) = routes.routes
    assert isinstance(route, APIRoute)
    return route


async def _closed() -> AsyncIterator[int]:
    yield 1


async def _whole_way(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("the whole way")(scope, receive, send)
