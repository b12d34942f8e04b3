"""What every request passes through, and what is served in every role."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.types import Message
from structlog.testing import capture_logs

from tests.web.acting import acting
from tests.web.stage import Api
from tests.web.test_connection import refused
from web.problems import answer_with_problems
from web.publish import document
from web.requests import LARGEST_BODY, EveryRequest


async def test_the_callers_correlation_id_comes_back(shared_api: Api) -> None:
    given = await shared_api.http.get("/api/nothing", headers={"x-correlation-id": "journey-1"})
    assert refused(given, 404, "not_found")["correlation_id"] == "journey-1"
    unfit = await shared_api.http.get("/api/nothing", headers={"x-correlation-id": "two words"})
    assert refused(unfit, 404, "not_found")["correlation_id"] not in {"two words", ""}


async def test_a_request_that_is_not_as_described_says_where_and_repeats_no_secret(shared_api: Api) -> None:
    answer = await shared_api.connect({"method": "api_key", "api_key": "", "key": "ak_secret"})
    problem = refused(answer, 422, "invalid_request")
    assert {one["field"] for one in problem["errors"]} == {"body.api_key.api_key", "body.api_key.key"}
    assert "ak_secret" not in answer.text
    refused(await shared_api.connect({"method": "telepathy"}), 422, "invalid_request")
    refused(await shared_api.http.delete("/api/integrations/salesloft/connect"), 405, "method_not_allowed")


async def test_a_body_is_bounded_whether_it_tells_its_size_or_not(shared_api: Api) -> None:
    async def chunks() -> object:
        for _ in range(LARGEST_BODY // 65536 + 2):
            yield b"x" * 65536

    path = "/api/webhooks/salesloft/00000000-0000-0000-0000-000000000000"
    for content in (b"x" * (LARGEST_BODY + 1), chunks()):
        try:
            refused(await shared_api.http.post(path, content=content), 413, "too_large")  # type: ignore[arg-type]
        except httpx.WriteError:
            continue  # the server has answered and closed before all of it was sent


async def test_of_whom_nobody_knows_the_body_is_not_read(shared_api: Api) -> None:
    for path in ("/api/salesloft/suppressions", "/api/salesloft/chat", "/api/integrations/salesloft/connect"):
        for content in (b"{", b"\xff", b"[" * 100_000, b"x" * (LARGEST_BODY + 1)):
            headers = {"content-type": "application/json"}
            refused(await shared_api.http.post(path, content=content, headers=headers), 401, "caller_unknown")


async def test_the_api_describes_itself_as_published(shared_api: Api) -> None:
    described = (await shared_api.http.get("/api/openapi.json")).json()
    assert described == document()


async def test_who_goes_away_amid_a_body_is_nobody_s_fault() -> None:
    app = FastAPI(middleware=[Middleware(EveryRequest)])
    answer_with_problems(app)

    @app.post("/")
    async def take_in(request: Request) -> int:
        return len(await request.body())

    answers: list[Message] = []
    arriving: list[Message] = [
        {"type": "http.request", "body": b"half of", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return arriving.pop(0)

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    with capture_logs() as logs:
        await app(scope, receive, send)
    assert answers[0]["status"] == 400
    assert logs == []


def nul_at_each_place(value: Any) -> Iterator[Any]:
    """A document with a NUL character in one of its strings, for each of them."""
    match value:
        case str():
            yield f"{value}\x00"
        case list():
            for place, one in enumerate(value):
                yield from ([*value[:place], other, *value[place + 1 :]] for other in nul_at_each_place(one))
        case dict():
            for name, one in value.items():
                yield from (value | {name: other} for other in nul_at_each_place(one))


def examples(described: Mapping[str, Any], operation: Mapping[str, Any]) -> list[Any]:
    """Bodies that an operation takes, as its description shows them; None where it takes none."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    shown = [one["value"] for one in body.get("examples", {}).values()]
    for schema in body.get("schema", {}).get("anyOf", [body.get("schema", {})]):
        named = schema.get("$ref", "").rpartition("/")[2]
        shown += described["components"]["schemas"].get(named, schema).get("examples", [])
    return shown or [None]


def with_nul(described: Mapping[str, Any], path: str, operation: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """An operation's addresses and bodies with a NUL character somewhere."""
    bodies = examples(described, operation)
    plain = path
    for one in operation.get("parameters", []):
        if one["in"] == "path":
            value = "1" if one["schema"].get("type") == "integer" else str(UUID(int=1))
            plain = plain.replace(f"{{{one['name']}}}", value)
    for one in operation.get("parameters", []):
        if one["in"] == "path":
            yield path.replace(f"{{{one['name']}}}", "a%00"), bodies[0]
        elif one["in"] == "query":
            yield f"{plain}?{one['name']}=a%00", bodies[0]
    for body in bodies:
        yield from ((plain, other) for other in nul_at_each_place(body))


async def test_a_character_that_cannot_be_kept_is_refused_wherever_it_is(api: Api) -> None:
    await acting(api)
    described = document()
    faults, asked = [], 0
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            for address, body in with_nul(described, path, operation):
                headers = api.headers(role="admin") | {"if-match": "*", "idempotency-key": str(uuid4())}
                answer = await api.http.request(method, address, json=body, headers=headers)
                asked += 1
                # Where nothing is asked of the database it may be one that no name has.
                if answer.status_code >= 500 or (answer.status_code != 200 and answer.is_success):
                    faults.append(f"{method} {address} {body}: {answer.text}")
    assert faults == []
    assert asked > 150, "hardly anything was asked"
