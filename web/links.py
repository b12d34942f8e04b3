"""What may be asked next, by the API's own document: from a list to its first one, from what was begun to itself.

Whoever reads the document, person or program, sees which answer's value another operation takes.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

__all__ = ["add_links"]


class _Next(NamedTuple):
    """An answer's value, by its JSON pointer, that the parameter of a path takes."""

    method: str
    path: str
    status: str
    pointer: str
    next_path: str


_ROOT: Final = "/api/salesloft"
_FOUND: Final = [
    _Next(method, f"{_ROOT}{path}", status, pointer, f"{_ROOT}{next_path}")
    for method, path, status, pointer, next_path in (
        ("get", "/approvals", "200", "/items/0/enrollment_id", "/approvals/{enrollment_id}"),
        ("get", "/approvals", "200", "/items/0/customer_id", "/customers/{customer_id}"),
        ("get", "/approvals", "200", "/items/0/stakeholder_id", "/people/{stakeholder_id}"),
        ("get", "/cadence-memberships", "200", "/items/0/id", "/cadence-memberships/{membership_id}"),
        ("get", "/cadences", "200", "/items/0/id", "/cadences/{cadence_id}"),
        ("get", "/enrollments", "200", "/items/0/id", "/enrollments/{enrollment_id}"),
        ("get", "/failures", "200", "/items/0/enrollment/id", "/enrollments/{enrollment_id}"),
        ("get", "/mapping-runs", "200", "/runs/0/id", "/mapping-runs/{run_id}"),
        ("get", "/stops", "200", "/stops/0/id", "/stops/{stop_id}"),
        ("get", "/trigger-mappings", "200", "/mappings/0/id", "/trigger-mappings/{mapping_id}"),
        ("post", "/approvals/{enrollment_id}/decision", "202", "/published/0", "/enrollments/{enrollment_id}"),
        ("post", "/cadences/{cadence_id}/add", "202", "/enrollment_id", "/enrollments/{enrollment_id}"),
        ("post", "/mapping-runs", "202", "/id", "/mapping-runs/{run_id}"),
        ("post", "/mapping-trials/back-test", "202", "/id", "/mapping-trials/{trial_id}"),
        ("post", "/mapping-trials/preview", "202", "/id", "/mapping-trials/{trial_id}"),
        ("post", "/stops", "201", "/id", "/stops/{stop_id}"),
        ("post", "/trigger-mappings", "201", "/versions/0/id", "/trigger-mappings/{mapping_id}"),
    )
]


def add_links(paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the links into the responses of a document's paths. KeyError where one of them is not there any more."""
    for one in _FOUND:
        _link(paths[one.path][one.method], one.status, paths[one.next_path]["get"], f"$response.body#{one.pointer}")
    for path, operations in paths.items():
        if path.endswith("}") and "get" in operations:
            for method, operation in _beneath(paths, path):
                _link(operations["get"], "200", operation, f"$request.path.{_parameter(path)}")
                if method != "delete" and "202" in operation["responses"]:
                    _link(operation, "202", operations["get"], f"$request.path.{_parameter(path)}")


def _beneath(paths: Mapping[str, Mapping[str, Any]], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What else may be asked of the same thing, each with its method."""
    for other, operations in paths.items():
        if other == path or other.startswith(f"{path}/"):
            yield from (one for one in operations.items() if (other, one[0]) != (path, "get"))


def _link(operation: dict[str, Any], status: str, target: dict[str, Any], value: str) -> None:
    (parameter,) = (one["name"] for one in target["parameters"] if one["in"] == "path")
    links = operation["responses"][status].setdefault("links", {})
    links[target["operationId"]] = {"operationId": target["operationId"], "parameters": {parameter: value}}


def _parameter(path: str) -> str:
    return path.rpartition("{")[2].rstrip("}")
