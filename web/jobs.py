"""Work that takes longer than an answer may, for one caller: begun, asked about until it is done, then told.

A job lives in the process that began it and no longer than its bounds say: what it makes can be made again, and nothing
that it does is written. Whoever asks another process, or after a restart, is answered as if it never was.

TooManyJobs   the organization has as many under way as it may
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import structlog

from storage.errors import StorageError

__all__ = ["Job", "JobBounds", "JobRefused", "JobState", "Jobs", "Owner", "TooManyJobs", "Work"]

_log = structlog.get_logger(__name__)


class TooManyJobs(Exception):
    """Another one begins when one of these is done."""


class JobRefused(Exception):
    """Raised by a job's work: it cannot be done as asked, and the message says why. `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class JobState(StrEnum):
    """Where a job stands; waiting is for others of this process to be done."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobBounds:
    """How many at once, and for how long, in seconds of real time."""

    of_organization: int = 2
    at_once: int = 4
    longest_s: float = 900.0
    kept_s: float = 900.0
    kept_of_organization: int = 20


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a job is: nobody else hears of it."""

    organization_id: str
    user_id: str


@dataclass(slots=True, kw_only=True)
class Job:
    """One job. `done` of `total` is its progress, in the units of its kind; `result` is there once it is done.

    `refusal` is a code and what is said of it where it failed.
    """

    id: UUID
    owner: Owner
    kind: str
    state: JobState = JobState.WAITING
    done: int = 0
    total: int | None = None
    result: Any = None
    refusal: tuple[str, str] | None = None
    ended_s: float | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing comes of it any more."""
        return self.ended_s is not None

    def expect(self, total: int) -> None:
        """So much there is to do."""
        self.total = total

    def advance(self, many: int) -> None:
        """So much more is done."""
        self.done += many


Work = Callable[[Job], Awaitable[Any]]
"""Does the job and answers its result; raises JobRefused where it cannot be done as asked."""


class Jobs:
    """The jobs of one process. As a context it has none any more when it ends."""

    def __init__(self, bounds: JobBounds = JobBounds()) -> None:
        self.bounds = bounds
        self._jobs: dict[UUID, Job] = {}
        self._turns = asyncio.Semaphore(bounds.at_once)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        tasks = [job.task for job in self._jobs.values() if job.task is not None and not job.is_over]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._jobs.clear()

    def begin(self, id_: UUID, owner: Owner, kind: str, work: Work) -> Job:
        """Begin a job, or answer the one that has begun under this id. Raises TooManyJobs."""
        known = self.of(owner, id_)
        if known is not None:
            return known
        of_organization = [one for one in self._jobs.values() if one.owner.organization_id == owner.organization_id]
        if sum(not one.is_over for one in of_organization) >= self.bounds.of_organization:
            raise TooManyJobs(f"{self.bounds.of_organization} of the organization's are under way already")
        over = [one for one in of_organization if one.is_over]
        for oldest in over[: max(0, len(over) + 1 - self.bounds.kept_of_organization)]:
            del self._jobs[oldest.id]
        job = Job(id=id_, owner=owner, kind=kind)
        job.task = asyncio.create_task(self._carry_out(job, work), name=f"job {kind} {id_}")
        self._jobs[id_] = job
        return job

    def of(self, owner: Owner, id_: UUID) -> Job | None:
        """The owner's job of that id; None where there is none any more, or where it is another one's."""
        now = monotonic()
        for one in list(self._jobs.values()):
            if one.ended_s is not None and now - one.ended_s > self.bounds.kept_s:
                del self._jobs[one.id]
        found = self._jobs.get(id_)
        return found if found is not None and found.owner == owner else None

    async def cancel(self, job: Job) -> None:
        """Have it end, and forget it."""
        if job.task is not None and not job.is_over:
            job.task.cancel()
            await asyncio.gather(job.task, return_exceptions=True)
        self._jobs.pop(job.id, None)

    async def _carry_out(self, job: Job, work: Work) -> None:
        try:
            async with asyncio.timeout(self.bounds.longest_s), self._turns:
                job.state = JobState.RUNNING
                job.result = await work(job)
            job.state = JobState.DONE
        except asyncio.CancelledError:
            job.state = JobState.CANCELLED
            raise
        except JobRefused as error:
            job.state, job.refusal = JobState.FAILED, (error.code, str(error))
        except TimeoutError:
            told = f"It took longer than {self.bounds.longest_s:g} seconds."
            job.state, job.refusal = JobState.FAILED, ("took_too_long", told)
        except StorageError as error:
            _log.warning("job_failed", kind=job.kind, error=repr(error))
            told = "The database does not answer; try again in a moment."
            job.state, job.refusal = JobState.FAILED, ("storage_unavailable", told)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one job's
            _log.exception("job_failed", kind=job.kind, error=type(error).__name__)
            told = "Something went wrong here; the log has its cause."
            job.state, job.refusal = JobState.FAILED, ("internal_error", told)
        finally:
            job.ended_s = monotonic()
