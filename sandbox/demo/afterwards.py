"""What is left for whoever opens the pages of a demo that goes on: requests that wait, something that failed.

The approvers go home once they have answered what came in the morning, one addition of which Salesloft refuses to each
team. What comes after that is for the reader to decide.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from sandbox.demo.scene import Scene
from sandbox.demo.settle import Rest
from sandbox.generator import Stream, StreamPlan, generate
from sandbox.publishing import publish_on_time

__all__ = ["another_day"]

_EVENTS_OF_AN_ORGANIZATION = 14
_TOLD_WITHIN = timedelta(hours=2)
# The approvers' slowest answer, and somewhat more.
_ANSWERED_AFTER = timedelta(hours=5)
_MEMBERSHIPS = "/v2/cadence_memberships"
_REFUSED = {"errors": {"person": ["cannot be added to this cadence"]}}
_LOOK_SECONDS = 0.1


async def another_day(
    scene: Scene,
    told: Stream,
    rest: Rest,
    *,
    seed: int,
    speed: float,
    go_home: Callable[[], None],
    settle_seconds: float,
) -> None:
    """Other customers' events, half of them answered and half left; the clock then goes by the time of day.

    `told` is what was published before, and `go_home` has the approvers answer nothing any more.
    """
    for team_id in scene.team_ids:
        await scene.simulator.add_fault(
            kind="status", team_id=team_id, method="POST", path=_MEMBERSHIPS, count=1, status=422, body=_REFUSED
        )
    await scene.simulator.run_at(speed)
    next_customer = await _publish(scene, rest, seed, told.next_customer)
    await rest.until_caught_up(monotonic() + settle_seconds)
    until = rest.clock.now() + _ANSWERED_AFTER
    while rest.clock.now() < until:  # noqa: ASYNC110 - business time gives no signal
        await asyncio.sleep(_LOOK_SECONDS)
    await rest.until_caught_up(monotonic() + settle_seconds)
    go_home()
    await scene.simulator.run_at(1.0)
    await scene.simulator.clear_faults()
    await _publish(scene, rest, seed, next_customer)
    await rest.until_caught_up(monotonic() + settle_seconds)


async def _publish(scene: Scene, rest: Rest, seed: int, first_customer: int) -> int:
    """Events that have come by now; answers the number of the next customer."""
    now = rest.clock.now()
    plan = StreamPlan(
        organizations=scene.organizations,
        events=_EVENTS_OF_AN_ORGANIZATION * len(scene.organizations),
        start=now - _TOLD_WITHIN,
        seed=seed,
        span=_TOLD_WITHIN,
        duplicates=0,
        malformed=0,
        reorder=timedelta(0),
        first_customer=first_customer,
    )
    stream = generate(plan)
    records = [record for record in stream.records if record.publish_at <= now]
    await publish_on_time(scene.stack.kafka.bootstrap_servers, records, rest.clock)
    return stream.next_customer
