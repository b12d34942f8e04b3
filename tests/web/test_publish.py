"""The API's published document: it is what the code serves, and no change of it breaks a caller."""

from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Header, Query
from pydantic import BaseModel

from web.publish import DOCUMENT, breaks, document, main


class Asked(BaseModel):
    name: str
    note: str | None = None


class Answered(BaseModel):
    id: int
    name: str


class AskedMore(Asked):
    reason: str


class AskedAlso(Asked):
    reason: str | None = None


class AnsweredLess(BaseModel):
    id: int


class AnsweredMore(Answered):
    state: str


class AnsweredOtherwise(BaseModel):
    id: str
    name: str


def served(
    *, asked: type[BaseModel] = Asked, answered: type[BaseModel] = Answered, limit: Any = int, path: str = "/things"
) -> dict[str, Any]:
    app = FastAPI()

    @app.post(path, response_model=answered)
    def make(body: asked, at_most: Annotated[limit, Query()] = 1) -> Any:  # type: ignore[valid-type]
        return body

    return app.openapi()


@pytest.mark.parametrize(
    "new",
    [served(), served(asked=AskedAlso), served(answered=AnsweredMore), served(limit=int | None)],
    ids=["nothing", "one may say more", "one is told more", "more is taken"],
)
def test_what_callers_can_live_with_breaks_nothing(new: dict[str, Any]) -> None:
    assert breaks(served(), new) == []


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (served(path="/others"), ["POST /things: is gone"]),
        (served(asked=AskedMore), ["POST /things: the body", "reason"]),
        (served(answered=AnsweredLess), ["POST /things: the answer 200", "name"]),
        (served(answered=AnsweredOtherwise), ["POST /things: the answer 200", "id"]),
        (served(limit=bool), ["POST /things: the query parameter at_most"]),
    ],
    ids=["a path is gone", "more must be said", "less is told", "told otherwise", "something else is taken"],
)
def test_what_breaks_callers_is_named(new: dict[str, Any], told: list[str]) -> None:
    (broken,) = breaks(served(), new)
    for words in told:
        assert words in broken


def test_what_is_newly_required_breaks_callers() -> None:
    app = FastAPI()

    @app.post("/things", response_model=Answered)
    def make(body: Asked, x_key: Annotated[str, Header()], at_most: int = 1) -> Any:
        return body, x_key, at_most

    assert breaks(served(), app.openapi()) == ["POST /things: the header parameter x-key is required now"]


def test_the_published_document_is_what_the_code_serves(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_an_outdated_document_is_told_of_and_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    assert main(["--check"], file=file) == 1
    assert "mend it with: python -m web.publish" in capsys.readouterr().err
    assert not file.exists()
    assert main([], file=file) == 0
    assert file.read_bytes() == DOCUMENT.read_bytes()


def test_a_change_that_breaks_callers_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    text = DOCUMENT.read_bytes().replace(b"/api/salesloft/session", b"/api/salesloft/former")
    file.write_bytes(text)
    assert main([], file=file) == 1
    assert "callers would break: GET /api/salesloft/former: is gone" in capsys.readouterr().err
    assert file.read_bytes() == text


def test_every_operation_says_what_it_does() -> None:
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), f"{method} {path}"
            assert operation.get("tags"), f"{method} {path}"


def test_every_operation_says_how_it_refuses() -> None:
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            refusals = {
                status: told for status, told in operation["responses"].items() if status.startswith(("4", "5"))
            }
            assert refusals.keys() >= {"400", "401", "403", "404", "422", "503"}, f"{method} {path}"
            assert method == "get" or refusals.keys() >= {"409", "413"}, f"{method} {path}"
            for status, told in refusals.items():
                assert list(told["content"]) == ["application/problem+json"], f"{method} {path} {status}"
