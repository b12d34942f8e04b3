"""Publish the schemas: `python -m schemas.publish` writes what is missing, `--check` only says what it would.

Under `schemas/published/` each event type has a folder with one file a version. A version that was written is frozen:
its digest is kept in `frozen.json`, and a change of a model becomes the next version if it is compatible with every
version before it, and is refused if it is not. `asyncapi.json` and `schemas/published_versions.py` follow from these.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from schemas.asyncapi import asyncapi_document
from schemas.compatibility import incompatibilities, significant
from schemas.json_schema import published_schema
from schemas.registry import EVENT_TYPES, EventType

__all__ = ["PUBLISHED", "VERSIONS_MODULE", "Plan", "carry_out", "main", "plan"]

PUBLISHED: Final = Path(__file__).parent / "published"
VERSIONS_MODULE: Final = Path(__file__).parent / "published_versions.py"

_FROZEN: Final = "frozen.json"
_MODULE_HEAD: Final = '''\
"""The newest published version of each event type's schema. Written by `python -m schemas.publish`."""

from typing import Final

__all__ = ["PUBLISHED_VERSIONS"]

PUBLISHED_VERSIONS: Final[dict[str, int]] = {
'''


@dataclass(slots=True, kw_only=True)
class Plan:
    """What stands in the way of publishing, and what is to be written where."""

    problems: list[str] = field(default_factory=list)
    writes: dict[Path, bytes] = field(default_factory=dict)


def plan(
    published: Path = PUBLISHED,
    versions_module: Path = VERSIONS_MODULE,
    event_types: Iterable[EventType[Any]] = tuple(EVENT_TYPES.values()),
) -> Plan:
    """Compare the models with what is published. Reads files, writes none."""
    outcome = Plan()
    digests = _read_digests(published)
    versions: dict[str, int] = {}
    by_name = {event_type.name: event_type for event_type in event_types}
    for name in sorted(digests.keys() - by_name.keys()):
        outcome.problems.append(f"{name}: published, but no event type any more; a type that was published stays")
    for name, event_type in sorted(by_name.items()):
        frozen = _read_frozen(published / name, digests.get(name, []), outcome)
        versions[name] = _plan_type(published / name, event_type, frozen, outcome)
    _plan_generated(published, versions_module, by_name, versions, outcome)
    return outcome


def _read_digests(published: Path) -> dict[str, list[str]]:
    """For each event type the digests of its frozen versions, from version 1 on."""
    path = published / _FROZEN
    return orjson.loads(path.read_bytes()) if path.exists() else {}


def _read_frozen(folder: Path, digests: Sequence[str], outcome: Plan) -> list[dict[str, Any]]:
    """The frozen versions in their order. A file that is missing, changed or not registered is a problem."""
    frozen = []
    for version, digest in enumerate(digests, start=1):
        path = folder / f"{version}.json"
        if not path.exists():
            outcome.problems.append(f"{folder.name}: version {version} is frozen, and its file is missing")
        elif _digest(path.read_bytes()) != digest:
            outcome.problems.append(f"{folder.name}: version {version} is frozen, and its file was changed")
        else:
            frozen.append(orjson.loads(path.read_bytes()))
    known = {f"{version}.json" for version in range(1, len(digests) + 1)}
    for path in sorted(folder.glob("*")):
        if path.name not in known:
            outcome.problems.append(f"{folder.name}: {path.name} was not written by this program")
    return frozen


def _plan_type(folder: Path, event_type: EventType[Any], frozen: Sequence[dict[str, Any]], outcome: Plan) -> int:
    """Plan a version file where the model differs from the newest; returns the version that will be the newest."""
    newest = len(frozen)
    following = published_schema(event_type, version=newest + 1)
    if frozen and significant(frozen[-1]) == significant(following):
        return newest
    problems = [
        f"{event_type.name}: {found}"
        for version, schema in enumerate(frozen, start=1)
        for found in incompatibilities(
            event_type.direction, schema, following, old_name=f"version {version}", new_name="the model"
        )
    ]
    if problems:
        outcome.problems += problems
        return newest
    outcome.writes[folder / f"{newest + 1}.json"] = _to_bytes(following)
    return newest + 1


def _plan_generated(
    published: Path,
    versions_module: Path,
    by_name: Mapping[str, EventType[Any]],
    versions: Mapping[str, int],
    outcome: Plan,
) -> None:
    """Plan what follows from the versions: the digests, the module that producers read, the AsyncAPI document."""
    digests = _read_digests(published)
    for path, content in outcome.writes.items():
        digests.setdefault(path.parent.name, []).append(_digest(content))
    lines = "".join(f'    "{name}": {version},\n' for name, version in sorted(versions.items()))
    generated = {
        published / _FROZEN: _to_bytes(dict(sorted(digests.items()))),
        versions_module: f"{_MODULE_HEAD}{lines}}}\n".encode(),
        published / "asyncapi.json": _to_bytes(asyncapi_document(by_name.values(), versions)),
    }
    for path, content in generated.items():
        if not path.exists() or path.read_bytes() != content:
            outcome.writes[path] = content


def carry_out(planned: Plan) -> None:
    """Write what is planned. ValueError where a problem stands in the way: then nothing is written."""
    if planned.problems:
        raise ValueError("; ".join(planned.problems))
    for path, content in planned.writes.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _to_bytes(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when everything is published, 1 when something stands in the way or `--check` finds work."""
    parser = argparse.ArgumentParser(prog="python -m schemas.publish", description="Publish the event schemas.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something would be written")
    check = parser.parse_args(arguments).check
    found = plan()
    lines = list(found.problems)
    if check:
        lines += [f"{_shown(path)}: out of date; run python -m schemas.publish" for path in found.writes]
    elif not found.problems:
        carry_out(found)
        sys.stdout.writelines(f"wrote {_shown(path)}\n" for path in found.writes)
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


def _shown(path: Path) -> str:
    return str(path.relative_to(PUBLISHED.parent.parent))


if __name__ == "__main__":
    sys.exit(main())
