"""wrk as the load generator: requests from a file, over so many connections, each asking again once it is answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.measure.figures import NotMeasurable

__all__ = ["Answered", "load", "wrk_program"]

_ROOT = Path(__file__).resolve().parent.parent.parent
_LATE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of a load; times in seconds, `bytes` of each answer with its headers."""

    requests: int
    seconds: float
    p50_s: float
    p99_s: float
    slowest_s: float
    bytes_each: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


async def wrk_program() -> str:
    """Where wrk is. Raises NotMeasurable where it cannot be had."""
    process = await asyncio.create_subprocess_exec(
        str(_ROOT / "scripts" / "wrk"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complained = await process.communicate()
    if process.returncode:
        raise NotMeasurable(complained.decode(errors="replace").strip())
    return said.decode().strip()


async def load(
    program: str, base_url: str, asked: Sequence[tuple[str, str]], *, connections: int, seconds: float, file: Path
) -> Answered:
    """Ask for paths by bearer tokens, over and over. NotMeasurable where one request is not answered by 200.

    `file` is where the requests are written for wrk.
    """
    await asyncio.to_thread(file.write_text, "".join(f"{path}\t{token}\n" for path, token in asked))
    process = await asyncio.create_subprocess_exec(
        program,
        *("--threads", "1", "--connections", str(connections), "--duration", f"{seconds:.0f}s", "--timeout", "30s"),
        *("--script", str(Path(__file__).with_suffix(".lua")), base_url, "--", str(file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds + _LATE_SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = said.decode(errors="replace")
    if process.returncode:
        raise NotMeasurable(f"wrk ended with {process.returncode}:\n{told[-2000:]}")
    found = orjson.loads(told.splitlines()[-1])
    if not found["requests"] or found["refused"] or found["failed"]:
        raise NotMeasurable(
            f"of {found['requests']} requests {found['refused']} were refused and {found['failed']} had no answer"
        )
    return Answered(
        requests=found["requests"],
        seconds=found["microseconds"] / 1e6,
        p50_s=found["p50"] / 1e6,
        p99_s=found["p99"] / 1e6,
        slowest_s=found["slowest"] / 1e6,
        bytes_each=found["bytes"] / found["requests"],
    )
