"""Part `mutants`: bugs are planted one by one, and the tests that promise to notice them have to turn red."""

import asyncio
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.proof.findings import Findings
from bench.proof.staging import Task
from tests.mutants.planted import MUTANTS, DoesNotApply, Mutant

__all__ = ["mutants"]

_ROOT = Path(__file__).resolve().parents[2]
_RUN_SECONDS = 900.0
_FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)
_GREEN, _RED = 0, 1


@dataclass(frozen=True, slots=True)
class _Run:
    """How pytest ended, and which test failed first. A test that could not even begin has not noticed anything."""

    exit_code: int | None
    first_failure: str | None
    last_line: str

    @property
    def noticed(self) -> bool:
        return self.exit_code == _RED and self.first_failure is not None


async def mutants(task: Task) -> Findings:
    """Run the tests once without any bug, then once for each bug, in copies of what is committed."""
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="cscx-salesloft-mutants-") as folder:
        healthy = Path(folder) / "healthy"
        await _copy_of_what_is_committed(healthy)
        tests = sorted({name for mutant in MUTANTS for name in mutant.tests})
        task.say(f"{len(tests)} test files without a bug")
        run = await _tests(healthy, tests, task.log)
        findings.holds("Without a bug the tests are green.", run.exit_code == _GREEN, run.last_line)
        if run.exit_code != _GREEN:
            return findings
        for number, mutant in enumerate(MUTANTS, 1):
            task.say(f"bug {number} of {len(MUTANTS)}: {mutant.name}")
            tree = Path(folder) / mutant.name
            await _copy_of_what_is_committed(tree)
            await _judge(mutant, tree, task, findings)
    killed = sum(1 for finding in findings.found[1:] if finding.holds)
    findings.figures |= {"planted": len(MUTANTS), "noticed": killed, "survived": len(MUTANTS) - killed}
    return findings


async def _judge(mutant: Mutant, tree: Path, task: Task, findings: Findings) -> None:
    sentence = f"`{mutant.name}` is noticed: {mutant.bug}."
    try:
        mutant.plant(tree)
    except DoesNotApply as error:
        findings.holds(sentence, condition=False, told=str(error))
        return
    run = await _tests(tree, mutant.tests, task.log)
    findings.holds(sentence, run.noticed, run.first_failure or f"survived: {run.last_line}")


async def _copy_of_what_is_committed(folder: Path) -> None:
    await asyncio.to_thread(folder.mkdir)
    reader, writer = os.pipe()
    archive = await asyncio.create_subprocess_exec("git", "archive", "HEAD", cwd=_ROOT, stdout=writer)
    os.close(writer)
    unpack = await asyncio.create_subprocess_exec("tar", "-x", "-C", str(folder), stdin=reader)
    os.close(reader)
    if await archive.wait() or await unpack.wait():
        raise RuntimeError("what is committed cannot be copied: this needs git and a checkout")


async def _tests(tree: Path, tests: tuple[str, ...] | list[str], log: Path) -> _Run:
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests),
        cwd=tree,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_RUN_SECONDS):
            told, _ = await process.communicate()
    except TimeoutError:
        return _Run(None, None, f"no end within {_RUN_SECONDS:g} s")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = told.decode(errors="replace")
    with log.open("a") as file:
        file.write(f"--- {tree.name}\n{text}\n")
    failure = _FAILED.search(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return _Run(process.returncode, failure.group(1) if failure else None, lines[-1] if lines else "nothing was said")
