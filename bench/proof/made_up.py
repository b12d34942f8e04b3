"""Made-up requests of every operation, by the API's own document, and what is wrong with their answers.

Schemathesis makes them up: from the document's examples, from each bound of each field, at random within and beyond
what is described, and along the document's links. Of names that are made up nobody has any, and all that is ever
answered to them is that; so part of what is asked names what there is.
"""

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import StopReason, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

__all__ = ["Answers", "Asking", "AskingFailed", "ask", "operations", "public", "there_is"]

_ROOT: Final = Path(__file__).resolve().parents[2]
_LONGEST_LINE: Final = 1 << 26
# Of what is named as often what there is as what is made up.
_PROBABILITY: Final = 0.5
_DEEPEST: Final = 20_000
# Every answer of ours has it.
_CORRELATED: Final = "x-correlation-id"
# Of the library's others: that all is refused that is not as described, but "15" is taken for 15 here, which harms
# nobody; that all is taken that is, but of a made-up cadence nothing can be had; that nobody unknown is let in, for
# which nobody asks by themselves; and how methods are refused that a path does not have, which no operation describes,
# and for which a fixed path like /trigger-mappings/plan is the place of an id.
_CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "use_after_free",
    "ensure_resource_availability",
)


class AskingFailed(Exception):
    """Whoever asked ended without a word of what was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How much is asked: `examples` at random of an operation, `sequences` along links; with `bounds` all of those.

    `headers` are the caller's. `known` are values of what there is, by the names that parameters and fields have.
    """

    base_url: str
    headers: Mapping[str, str]
    seed: int
    known: Mapping[str, Sequence[Any]]
    examples: int
    sequences: int
    bounds: bool

    def config(self) -> SchemathesisConfig:
        """The library's own."""
        wanted = {"generation": {"max-examples": self.examples}}
        return SchemathesisConfig.from_dict(
            {
                "base-url": self.base_url,
                "headers": dict(self.headers),
                "seed": self.seed,
                "workers": 1,
                "continue-on-failure": True,
                "request-timeout": 120,
                # The stream of events has no end of its own: it is left after its first.
                "max-stream-events": 1,
                "cache": {"enabled": False},
                "suppress-health-check": ["all"],
                "generation": {
                    "mode": "all",
                    "deterministic": True,
                    "no-shrink": True,
                    "with-security-parameters": False,
                },
                "checks": {"enabled": False} | {name: {"enabled": True} for name in _CHECKS},
                "phases": {
                    "examples": {"enabled": True},
                    "coverage": {"enabled": self.bounds, "unexpected-methods": []},
                    "fuzzing": {"enabled": self.examples > 0} | wanted,
                    "stateful": {"enabled": self.sequences > 0, "generation": {"max-examples": self.sequences}},
                },
                "dictionaries": {name: {"values": list(values)} for name, values in self.known.items()},
                "parameters": {
                    f"{place}{name}": {"dictionary": name, "probability": _PROBABILITY}
                    for name in self.known
                    for place in ("", "body.")
                },
            }
        )


@dataclass(slots=True)
class Answers:
    """What came back: how many by operation and status, and by phase; and what is wrong, each thing once.

    `not_http` were refused by the server before there was a request to be answered. `given_up` were never asked: what
    the library made up was too deep for itself.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)
    not_http: int = 0
    given_up: int = 0

    @property
    def asked(self) -> int:
        """How many requests there were."""
        return sum(self.phases.values())

    @property
    def operations(self) -> set[str]:
        """Those that answered, each as method and path."""
        return {label for label, _ in self.statuses}

    @property
    def findings(self) -> list[str]:
        """What is wrong, each thing with what the library tells of it."""
        return [f"{what}: {told}" for what, told in self.wrong.items()]

    def by_status(self) -> Counter[int]:
        """How many answers there were of each status."""
        counted: Counter[int] = Counter()
        for (_, status), number in self.statuses.items():
            counted[status] += number
        return counted

    def plain(self) -> dict[str, Any]:
        """As plain data, for `read`."""
        statuses = [[label, status, number] for (label, status), number in self.statuses.items()]
        return {"statuses": statuses} | {
            name: getattr(self, name) for name in ("phases", "wrong", "not_http", "given_up")
        }

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> "Answers":
        """From plain data."""
        statuses = Counter({(label, status): number for label, status, number in plain["statuses"]})
        return cls(statuses, Counter(plain["phases"]), dict(plain["wrong"]), plain["not_http"], plain["given_up"])

    def note(self, phase: str, asked: ScenarioRecorder) -> None:
        """Take in a scenario of the library's."""
        for case_id, one in asked.interactions.items():
            label = asked.cases[case_id].value.operation.label if case_id in asked.cases else asked.label
            self.phases[phase] += 1
            if one.response is not None and _CORRELATED not in one.response.headers:
                self.not_http += 1
            elif one.response is not None:
                self.statuses[label, one.response.status_code] += 1
            else:
                self.wrong.setdefault(f"{label}: no answer", str(one.request.uri))
        for case_id, checks in asked.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    label = asked.cases[case_id].value.operation.label
                    failure = check.failure_info.failure
                    self.wrong.setdefault(
                        f"{label}: {check.name}: {failure.title}",
                        f"{failure.message}\n{check.failure_info.code_sample}",
                    )


def operations(document: Mapping[str, Any]) -> set[str]:
    """What a document describes, each as method and path."""
    return {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}


def public(document: Mapping[str, Any]) -> set[str]:
    """Those of them that take no token."""
    return {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation.get("security") == []
    }


async def there_is(base_url: str, headers: Mapping[str, str]) -> dict[str, list[Any]]:
    """Values of what an organization has, by the names that parameters and fields have for them."""
    async with httpx.AsyncClient(base_url=f"{base_url}/api/salesloft", headers=headers, timeout=60.0) as http:

        async def listed(path: str, name: str) -> list[dict[str, Any]]:
            answer = (await http.get(path)).raise_for_status()
            found: list[dict[str, Any]] = answer.json()[name]
            return found

        enrollments = await listed("/enrollments", "items")
        memberships = await listed("/cadence-memberships", "items")
        found = {
            "enrollment_id": [one["id"] for one in enrollments],
            "customer_id": [one["customer_id"] for one in enrollments],
            "stakeholder_id": [one["stakeholder_id"] for one in enrollments],
            "membership_id": [one["id"] for one in memberships],
            "request_digest": [one["request_digest"] for one in await listed("/approvals", "items")],
            "mapping_id": [one["id"] for one in await listed("/trigger-mappings", "mappings")],
            "cadence_id": [one["id"] for one in await listed("/cadences", "items")],
        }
        return {name: sorted(set(values)) for name, values in found.items() if values}


async def ask(document: Mapping[str, Any], asking: Asking, say: Callable[[str], None]) -> Answers:
    """Ask everything. Raises AskingFailed.

    In a process of its own: Hypothesis has its process's chance to itself, and takes it ill if others draw from it.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__),
        cwd=_ROOT,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    complaining = asyncio.create_task(process.stderr.read())
    try:
        process.stdin.write(orjson.dumps({"document": document, "asking": asdict(asking)}))
        process.stdin.close()
        async for line in process.stdout:
            told = orjson.loads(line)
            if "answers" in told:
                return Answers.read(told["answers"])
            say(told["progress"])
        raise AskingFailed((await complaining).decode(errors="replace")[-2000:])
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        complaining.cancel()


def main() -> None:
    """Ask what the standard input says, and write lines of JSON: where it stands, and at last what was answered."""
    told = orjson.loads(sys.stdin.buffer.read())
    # Criteria hold criteria, as deep as chance will have them.
    sys.setrecursionlimit(_DEEPEST)
    schema = schemathesis.openapi.from_dict(told["document"], config=Asking(**told["asking"]).config())
    answers = Answers()
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                answers.note(event.phase.value, event.recorder)
                found = f"{len(answers.wrong)} things wrong" + "".join(f"; {one}" for one in [*answers.wrong][-1:])
                _write({"progress": f"{answers.asked} requests, {found}; {event.phase.value}, {event.recorder.label}"})
            case events.NonFatalError() if isinstance(event.value, RecursionError):
                answers.given_up += 1
            case events.NonFatalError():
                answers.wrong.setdefault(f"{event.label}: {event.info.title}", str(event.value))
            case events.FatalError():
                raise event.exception
            case events.EngineFinished():
                if event.stop_reason is not StopReason.COMPLETED:
                    answers.wrong["the run"] = f"it ended before its end: {event.stop_reason}"
    _write({"answers": answers.plain()})


def _write(line: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
