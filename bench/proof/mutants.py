"""Part `mutants`: each bug is planted in a copy, and a test that is green without it has to turn red."""

import asyncio
import compileall
import itertools
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.proof.findings import Findings
from bench.proof.staging import Task
from tests.mutants.planted import MUTANTS, DoesNotApply, Mutant

__all__ = ["mutants"]

_ROOT = Path(__file__).resolve().parents[2]
_VENDOR = Path("web/pages/static/vendor")
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


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether a bug was noticed, and by which test or why not."""

    noticed: bool
    told: str

    @property
    def test(self) -> str:
        """Which function of which file has noticed it, whatever it was called with."""
        return self.told.partition("[")[0]


async def mutants(task: Task) -> Findings:
    """Run the tests of each bug with it, in a copy of what is committed, and what has noticed one without any bug.

    Two at a time for each processor, each with servers of its own: a test waits for more than half of its time.
    """
    findings = Findings()
    at_once = 2 * (os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="cscx-salesloft-mutants-") as folder:
        healthy = Path(folder) / "healthy"
        await _copy_of_what_is_committed(healthy)
        # Once for all: a copy keeps the files' times, so only what is planted is compiled anew.
        await asyncio.to_thread(compileall.compile_dir, healthy, quiet=1, workers=0)
        places = asyncio.Semaphore(at_once)
        begun = itertools.count(1)

        async def judge(mutant: Mutant) -> _Verdict:
            async with places:
                task.say(f"bug {next(begun)} of {len(MUTANTS)}: {mutant.name}")
                tree = Path(folder) / mutant.name
                await asyncio.to_thread(shutil.copytree, healthy, tree)
                return await _judge(mutant, tree, task.log)

        async with asyncio.TaskGroup() as group:
            judging = [group.create_task(judge(mutant), name=mutant.name) for mutant in MUTANTS]
        verdicts = [judged.result() for judged in judging]
        tests = sorted({verdict.test for verdict in verdicts if verdict.noticed})
        task.say(f"{len(tests)} tests without a bug")
        run = await _tests(healthy, ["-n", str(at_once), "--dist", "loadfile", *tests], task.log)
        findings.holds("Without a bug the tests that noticed one are green.", run.exit_code == _GREEN, run.last_line)
    for mutant, verdict in zip(MUTANTS, verdicts, strict=True):
        findings.holds(f"`{mutant.name}` is noticed: {mutant.bug}.", verdict.noticed, verdict.told)
    killed = sum(1 for finding in findings.found[1:] if finding.holds)
    findings.figures |= {"planted": len(MUTANTS), "noticed": killed, "survived": len(MUTANTS) - killed}
    return findings


async def _judge(mutant: Mutant, tree: Path, log: Path) -> _Verdict:
    try:
        mutant.plant(tree)
    except DoesNotApply as error:
        return _Verdict(noticed=False, told=str(error))
    run = await _tests(tree, mutant.tests, log)
    return _Verdict(noticed=run.noticed, told=run.first_failure or f"survived: {run.last_line}")


async def _copy_of_what_is_committed(folder: Path) -> None:
    await asyncio.to_thread(folder.mkdir)
    reader, writer = os.pipe()
    archive = await asyncio.create_subprocess_exec("git", "archive", "HEAD", cwd=_ROOT, stdout=writer)
    os.close(writer)
    unpack = await asyncio.create_subprocess_exec("tar", "-x", "-C", str(folder), stdin=reader)
    os.close(reader)
    if await archive.wait() or await unpack.wait():
        raise RuntimeError("what is committed cannot be copied: this needs git and a checkout")
    # What the pages load of others is fetched at set-up, not committed.
    await asyncio.to_thread(shutil.copytree, _ROOT / _VENDOR, folder / _VENDOR)


async def _tests(tree: Path, arguments: Sequence[str], log: Path) -> _Run:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(tree)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *arguments),
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
