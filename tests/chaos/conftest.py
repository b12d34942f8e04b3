"""The parts of the proof at a size that fits between other tests; scripts/prove runs them at theirs."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bench.proof.findings import Findings
from bench.proof.staging import Scale, Task

Part = Callable[[Task], Awaitable[Findings]]
Prove = Callable[[Part], Awaitable[None]]


@pytest.fixture
def prove(tmp_path: Path) -> Prove:
    """Runs a part at small scale and fails with everything that does not hold."""

    async def run(part: Part) -> None:
        log = tmp_path / "service.log"
        findings = await part(Task(scale=Scale.SMALL, seed=11, log=log, say=print))
        assert findings.found
        assert not findings.failures, f"{findings.failures}\nThe service's last words: {log.read_text()[-4000:]}"

    return run
