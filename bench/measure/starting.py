"""How long the service takes from its start to being ready, after a clean stop."""

from pathlib import Path

from bench.measure.children import running_service, seconds_to_ready, service_environment
from sandbox.stack import LocalStack

__all__ = ["measure_start"]


async def measure_start(stack: LocalStack, dsn: str, *, times: int, logs: Path) -> list[float]:
    """Seconds of so many starts with all roles, each after the one before has stopped in order; unsorted.

    One start before them is not counted: after it the group's offsets and the service's lanes are there.
    """
    environment = service_environment(stack.kafka, dsn)
    found = []
    for _ in range(times + 1):
        async with running_service(environment, log=logs / "start.log") as service:
            found.append(await seconds_to_ready(service, environment))
    return found[1:]
