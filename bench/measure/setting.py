"""Where everything is measured: one Kafka and one Postgres, started for the run, with what they need to begin."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from rich.progress import Progress

from bench.measure.load import Load
from bench.measure.organizations import prepare_organizations
from sandbox.stack import LocalStack, StackOptions, local_stack
from service.topics import create_topics
from storage.migrate import migrate

__all__ = ["Setting", "running_setting"]

_EMPTY = "bench_empty"
_PREPARED = "bench_prepared"


@dataclass(slots=True)
class Setting:
    """The neighbours, and databases that are copies: empty ones with the schema, and such with organizations."""

    stack: LocalStack
    logs: Path
    progress: Progress
    _numbers: "count[int]"

    async def empty_database(self) -> str:
        """The owner's DSN of a new database that has its schema and nothing else."""
        return await self._copy(_EMPTY)

    async def prepared_database(self) -> str:
        """The owner's DSN of a new database with the organizations of the reference load."""
        return await self._copy(_PREPARED)

    async def _copy(self, template: str) -> str:
        return await self.stack.postgres.create_database(f"bench_{next(self._numbers)}", template=template)

    def say(self, text: str) -> None:
        """A line above the progress."""
        self.progress.console.print(text)


@asynccontextmanager
async def running_setting(progress: Progress) -> AsyncIterator[Setting]:
    """Kafka and Postgres with fsync, as settings name them or as children of this run; all is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cscx-bench-") as logs:
        async with local_stack(StackOptions.from_environment(), progress.console) as stack:
            for name in (_EMPTY, _PREPARED):
                await stack.postgres.drop_database(name)
            await migrate(await stack.postgres.create_database(_EMPTY))
            prepared = await stack.postgres.create_database(_PREPARED, template=_EMPTY)
            await prepare_organizations(prepared, Load(name="", events=0).organization_ids())
            await create_topics(stack.kafka.bootstrap_servers, replication_factor=1)
            yield Setting(stack, Path(logs), progress, count(1))
