"""The HTTP API's contract: `python -m web.publish` writes `docs/openapi.json`, `--check` only says what it would.

The document that is checked in is what callers rely on. A change that they can live with takes its place; one that
breaks them is refused, and named: what they send must still be taken, and what they are answered must still be what
they were promised. A path, an operation or a successful answer that was promised stays.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import orjson
from fastapi import FastAPI

from schemas.compatibility import incompatibilities
from schemas.topics import Direction
from web.api import ApiPorts, api_app

__all__ = ["DOCUMENT", "breaks", "document", "main", "unopened"]

DOCUMENT: Final = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_COMPONENTS: Final = b"#/components/schemas/"
_NOTHING: Final[Mapping[str, Any]] = {}


class _Unopened:
    """Stands where a port would be: a document is of the routes, and calls none of them."""

    def __getattr__(self, name: str) -> "_Unopened":
        return self


def unopened() -> FastAPI:
    """The application with nothing behind it, for who looks at its routes."""
    return api_app(cast("ApiPorts", _Unopened()))


def document() -> dict[str, Any]:
    """The OpenAPI document of the API as it is now."""
    return unopened().openapi()


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What callers who rely on the old document would miss in the new one, each with its operation."""
    found: list[str] = []
    old, new = _standing_alone(old), _standing_alone(new)
    for path, operations in old.get("paths", _NOTHING).items():
        for method in (one for one in _METHODS if one in operations):
            where = f"{method.upper()} {path}"
            now = new.get("paths", _NOTHING).get(path, _NOTHING).get(method)
            if now is None:
                found.append(f"{where}: is gone")
                continue
            found += [
                f"{where}: {broken}" for broken in _broken(_Operation(old, operations[method]), _Operation(new, now))
            ]
    return found


def _standing_alone(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document, whose schemas refer to definitions that lie beside them. Made once: it is large."""
    alone: dict[str, Any] = orjson.loads(orjson.dumps(document).replace(_COMPONENTS, b"#/$defs/"))
    return alone


class _Operation:
    """One operation, with what its schemas refer to."""

    def __init__(self, whole: Mapping[str, Any], operation: Mapping[str, Any]) -> None:
        self._definitions = whole.get("components", _NOTHING).get("schemas", _NOTHING)
        self.parameters = {(one["in"], one["name"]): one for one in operation.get("parameters", ())}
        self.body: Mapping[str, Any] = operation.get("requestBody", _NOTHING)
        self.answers = {
            status: answer for status, answer in operation.get("responses", _NOTHING).items() if status.startswith("2")
        }

    def schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A schema that stands by itself."""
        return {**schema, "$defs": self._definitions}


def _broken(old: _Operation, new: _Operation) -> Iterator[str]:
    for key, parameter in old.parameters.items():
        if key not in new.parameters:
            yield f"the {key[0]} parameter {key[1]} is gone"
        else:
            yield from _differs(
                f"the {key[0]} parameter {key[1]}",
                Direction.IN,
                old.schema(parameter.get("schema", _NOTHING)),
                new.schema(new.parameters[key].get("schema", _NOTHING)),
            )
    for key, parameter in new.parameters.items():
        if parameter.get("required") and not old.parameters.get(key, _NOTHING).get("required"):
            yield f"the {key[0]} parameter {key[1]} is required now"
    if new.body.get("required") and not old.body.get("required"):
        yield "a body is required now"
    yield from _content_differs("the body", Direction.IN, old, new, old.body, new.body)
    for status, answer in old.answers.items():
        if status not in new.answers:
            yield f"the answer {status} is gone"
        else:
            yield from _content_differs(f"the answer {status}", Direction.OUT, old, new, answer, new.answers[status])


def _content_differs(
    what: str,
    direction: Direction,
    old: _Operation,
    new: _Operation,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> Iterator[str]:
    for media_type, told in before.get("content", _NOTHING).items():
        now = after.get("content", _NOTHING).get(media_type)
        if now is None:
            yield f"{what} is no longer {media_type}"
        else:
            yield from _differs(
                what, direction, old.schema(told.get("schema", _NOTHING)), new.schema(now.get("schema", _NOTHING))
            )


def _differs(what: str, direction: Direction, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for one in incompatibilities(direction, old, new, old_name="the published document", new_name="the code"):
        yield f"{what}, {one.field or 'the whole'}: {one.why}"


def main(arguments: Sequence[str] | None = None, *, file: Path = DOCUMENT) -> int:
    """Write or check the document; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where something would be written")
    check = parser.parse_args(arguments).check
    made = document()
    text = orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    published = file.read_bytes() if file.exists() else b"{}"
    if text == published:
        return 0
    broken = breaks(orjson.loads(published), made)
    for one in broken:
        print(f"callers would break: {one}", file=sys.stderr)  # noqa: T201  # a command's answer
    if broken or check:
        mend = "give what changes a path of its own" if broken else "mend it with: python -m web.publish"
        print(f"{file.name} is not what the code serves; {mend}", file=sys.stderr)  # noqa: T201
        return 1
    file.write_bytes(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
