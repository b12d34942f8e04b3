"""Results: kept per commit so that a run can be taken up again, and told in docs/proof.md."""

import hashlib
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from bench.measure.machine import machine
from bench.proof.findings import Finding, Findings
from bench.proof.staging import Scale

__all__ = ["Archive", "Result", "document"]

_ROOT = Path(__file__).resolve().parents[2]
_DOCUMENT = "docs/proof.md"
_PROVED = (".", ":!*.md")
_LIBRARIES = ("aiokafka", "asyncpg", "cloudevents", "confluent-kafka")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One part, run to its end."""

    part: str
    scale: Scale
    seed: int
    commit: str
    began_at: datetime
    seconds: float
    machine: dict[str, Any]
    versions: dict[str, str]
    findings: list[Finding]
    figures: dict[str, Any]

    @classmethod
    def of(
        cls, part: str, scale: Scale, seed: int, *, commit: str, began_at: datetime, seconds: float, findings: Findings
    ) -> "Result":
        """What a part has found, and under which circumstances."""
        return cls(
            part=part,
            scale=scale,
            seed=seed,
            commit=commit,
            began_at=began_at,
            seconds=round(seconds, 1),
            machine=machine(),
            versions={"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
            findings=findings.found,
            figures=findings.figures,
        )

    @property
    def holds(self) -> bool:
        """Whether everything does; a part that found nothing shows nothing."""
        return bool(self.findings) and all(finding.holds for finding in self.findings)


class Archive:
    """The results of the tree as it is now, in `.prove/`. Its commit is the last that changed more than documents."""

    def __init__(self, root: Path = _ROOT) -> None:
        self._root = root
        self.commit = self._git("log", "-1", "--format=%h", "--abbrev=12", "--", *_PROVED).strip()
        changes = self._git("diff", "HEAD", "--", *_PROVED)
        if changes:
            self.commit += f"+{hashlib.sha256(changes.encode()).hexdigest()[:8]}"
        self.folder = root / ".prove" / self.commit
        self.folder.mkdir(parents=True, exist_ok=True)

    def find(self, part: str, scale: Scale, seed: int) -> Result | None:
        """The part's result, if it was run to its end and everything held."""
        file = self._file(part, scale)
        if not file.exists():
            return None
        told = orjson.loads(file.read_bytes())
        result = Result(
            **told
            | {
                "scale": Scale(told["scale"]),
                "began_at": datetime.fromisoformat(told["began_at"]),
                "findings": [Finding(**finding) for finding in told["findings"]],
            }
        )
        return result if result.seed == seed else None

    def keep(self, result: Result) -> None:
        self._file(result.part, result.scale).write_bytes(orjson.dumps(asdict(result), option=orjson.OPT_INDENT_2))

    def log(self, part: str, scale: Scale) -> Path:
        """A new file for what the service writes."""
        file = self.folder / f"{part}-{scale}.log"
        file.unlink(missing_ok=True)
        return file

    def publish(self, results: Sequence[Result]) -> Path:
        """Write the document: the one in the repository from full sizes alone."""
        full = all(result.scale is Scale.FULL for result in results)
        file = self._root / _DOCUMENT if full else self.folder / "proof.md"
        file.parent.mkdir(exist_ok=True)
        file.write_text(document(results))
        return file

    def _file(self, part: str, scale: Scale) -> Path:
        return self.folder / f"{part}-{scale}.json"

    def _git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=self._root, check=True, capture_output=True, text=True).stdout  # noqa: S607


def document(results: Sequence[Result]) -> str:
    """The results as Markdown."""
    lines = [
        "# The proof",
        "",
        "Written by `scripts/prove`. The service ran as a process of its own and was judged from the outside: Kafka",
        "read and written by librdkafka, Postgres read directly, and the Salesloft simulator's journal of writes.",
        "",
        "| part | size | verdict | took | seed | commit | at |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        failed = sum(1 for finding in result.findings if not finding.holds)
        verdict = "holds" if result.holds else f"**{failed} of {len(result.findings)} fail**"
        at = result.began_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        lines.append(
            f"| [{result.part}](#{result.part}) | {result.scale} | {verdict} | {result.seconds / 60:.1f} min"
            f" | {result.seed} | `{result.commit}` | {at} |"
        )
    for result in results:
        lines += ["", f"## {result.part}", ""]
        lines += [
            f"- {'holds' if finding.holds else '**FAILS**'}: {finding.sentence} {_plain(finding.told)}".rstrip()
            for finding in result.findings
        ]
        if result.figures:
            lines += ["", "| figure | value |", "|---|---|"]
            lines += [f"| {name} | {_told(value)} |" for name, value in result.figures.items()]
    if results:
        last = results[-1]
        lines += ["", "## Circumstances", ""]
        lines += [f"- {name.replace('_', ' ')}: {_told(value)}" for name, value in last.machine.items()]
        lines += [f"- {name} {number}" for name, number in last.versions.items()]
    return "\n".join(lines) + "\n"


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _plain(told: str) -> str:
    return f"({told.replace('|', '/')})" if told else ""
