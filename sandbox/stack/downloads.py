"""What comes as jars of Maven's: fetched once, kept in the cache, and checked against a lock file at every start."""

import fcntl
import hashlib
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sandbox.stack.errors import FetchError, NothingToStartError

__all__ = ["Jar", "JarCache", "locked_jars"]

FETCHES_AT_ONCE = 12
SOCKET_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One line of the lock file."""

    group: str
    artifact: str
    version: str
    sha256: str

    @classmethod
    def parse(cls, line: str) -> Self:
        coordinates, _, sha256 = line.partition(" sha256:")
        group, artifact, version = coordinates.split(":")
        return cls(group=group, artifact=artifact, version=version, sha256=sha256.strip())

    def path(self, repository: Path) -> Path:
        """Where Maven's layout puts it."""
        return repository.joinpath(*self.group.split("."), self.artifact, self.version, self.file_name)

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    def is_whole(self, repository: Path) -> bool:
        try:
            with self.path(repository).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def locked_jars() -> Sequence[Jar]:
    """What `kafka-jars.lock` names."""
    lines = resources.files(__package__).joinpath("kafka-jars.lock").read_text(encoding="utf-8").splitlines()
    return tuple(Jar.parse(line) for line in lines if line and not line.startswith("#"))


class JarCache:
    """A Maven repository in the cache folder. Synchronous: call it in a thread."""

    def __init__(
        self,
        cache: Path,
        *,
        jars: Sequence[Jar] | None = None,
        what: str = "Apache Kafka (43 MB, once)",
        lock: str = "kafka-jars.lock",
    ) -> None:
        """The jars of Kafka where no others are named; `what` they are and which file locks them is for people."""
        self._folder = cache
        self._what = what
        self._lock_name = lock
        self._repository = cache / "maven"
        self._jars = locked_jars() if jars is None else jars

    def ready(self, console: Console | None = None) -> Sequence[Path]:
        """The path of every jar, each just checked (43 MB take 0.1 s); what is missing or damaged is fetched first.

        Raises `FetchError` where something could not be fetched, `NothingToStartError` where `jgo` is missing.
        """
        if self._missing():
            # One process fetches, a second one waits for it and finds everything there.
            with self._lock():
                missing = self._missing()
                if missing:
                    self._fetch(missing, console or Console(quiet=True))
        return tuple(jar.path(self._repository) for jar in self._jars)

    def _missing(self) -> Sequence[Jar]:
        with ThreadPoolExecutor() as pool:
            whole = pool.map(lambda jar: jar.is_whole(self._repository), self._jars)
            return tuple(jar for jar, is_whole in zip(self._jars, whole, strict=True) if not is_whole)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = (self._folder / "maven.lock").open("w")
        except OSError as error:
            raise FetchError(
                f"the cache {self._folder} cannot be written ({error}): set CSCX_SALESLOFT_CACHE"
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _fetch(self, jars: Sequence[Jar], console: Console) -> None:
        for jar in jars:
            jar.path(self._repository).unlink(missing_ok=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with (
            Progress(*columns, console=console, transient=True) as progress,
            ThreadPoolExecutor(FETCHES_AT_ONCE) as pool,
        ):
            task = progress.add_task(f"Fetching {self._what}", total=len(jars))
            fetches = [pool.submit(self._fetch_one, jar) for jar in jars]
            try:
                for fetch in as_completed(fetches):
                    fetch.result()
                    progress.advance(task)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _fetch_one(self, jar: Jar) -> None:
        try:
            from jgo.config import GlobalSettings  # noqa: PLC0415 - of the laptop's extra, and slow to import
            from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415
            from jgo.maven import MavenContext  # noqa: PLC0415
        except ImportError as error:
            raise NothingToStartError(
                f"{self._what} is fetched with the package 'jgo', which is not installed: "
                "pip install 'cscx-salesloft[laptop]', or set CSCX_SALESLOFT_KAFKA_BOOTSTRAP_SERVERS"
            ) from error
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        repositories = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
        context = MavenContext(repo_cache=self._repository, remote_repos=repositories, timeout=SOCKET_SECONDS)
        try:
            context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except (OSError, RuntimeError) as error:
            # requests' errors are OSErrors, an artifact that no repository has is a RuntimeError.
            jar.path(self._repository).unlink(missing_ok=True)
            raise FetchError(
                f"{jar.file_name} could not be fetched ({type(error).__name__}): the first start needs a network, or "
                "set CSCX_SALESLOFT_KAFKA_BOOTSTRAP_SERVERS"
            ) from error
        if not jar.is_whole(self._repository):
            jar.path(self._repository).unlink(missing_ok=True)
            raise FetchError(f"{jar.file_name} is not the file that {self._lock_name} names, and was thrown away")
