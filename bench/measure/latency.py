"""Approval to membership: all roles in one process, before a Salesloft that takes 150 ms for every answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from rich.progress import Progress

from bench.measure import bus
from bench.measure.bus import TakenRecord
from bench.measure.children import Child, running_service, seconds_to_ready, service_environment
from bench.measure.figures import NotMeasurable
from bench.measure.load import EventRecord, lifecycle_record
from bench.measure.machine import peak_rss_mb
from bench.measure.reading import until_read
from bench.measure.salesloft_teams import Team, calls, connected_teams, memberships_made
from sandbox.salesloft.server import SimulatorClient, running_simulator
from sandbox.stack import LocalStack
from schemas.approval import ApprovalRequested, EnrollmentDecision, UserRef
from schemas.envelope import Envelope, encode
from schemas.registry import APPROVAL_REQUESTED, ENROLLMENT_APPROVED
from schemas.topics import APPROVAL_REQUEST, ENROLLMENT_DECISION, RENEWAL_WINDOW, customer_key

__all__ = ["SALESLOFT_MS", "ApprovalPlan", "MembershipDelays", "measure_approvals"]

SALESLOFT_MS = 150
_CALLS_FOR_A_NEW_PERSON = 2
_SETTLE_SECONDS = 60.0
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPlan:
    """So many teams, each with so many approvals a minute; `history` people a team have a past that is read beside."""

    teams: int = 4
    per_minute: int = 60
    approvals: int = 240
    history: int = 2000
    poll_seconds: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipDelays:
    """Seconds from the approval's record in Kafka to the membership at Salesloft, one an approval."""

    seconds: Sequence[float]
    peak_rss_mb: float
    salesloft_calls: dict[str, int]

    def beyond_salesloft(self) -> list[float]:
        """The same without the time that Salesloft itself took for the calls of a new person."""
        return [one - _CALLS_FOR_A_NEW_PERSON * SALESLOFT_MS / 1000 for one in self.seconds]


async def measure_approvals(
    stack: LocalStack, dsn: str, plan: ApprovalPlan, *, logs: Path, progress: Progress
) -> MembershipDelays:
    """Ask for enrollments, approve them at a steady pace, and see in Salesloft's own journal when each was made."""
    servers = stack.kafka.bootstrap_servers
    start = await asyncio.to_thread(bus.end_positions, servers, APPROVAL_REQUEST.name)
    async with running_simulator() as simulator:
        environment = service_environment(
            stack.kafka, dsn, salesloft_url=f"{simulator.base_url}/v2", poll_interval_seconds=plan.poll_seconds
        )
        teams = await connected_teams(simulator, dsn, environment, teams=plan.teams, history=plan.history)
        await simulator.add_fault(kind="latency", milliseconds=SALESLOFT_MS, path="/v2")
        async with running_service(environment, log=logs / "all-roles.log") as service:
            await seconds_to_ready(service, environment)
            with bus.reading(servers, APPROVAL_REQUEST.name, start, keep=plan.approvals) as requests:
                await asyncio.to_thread(bus.publish, servers, RENEWAL_WINDOW.name, _events(teams, plan))
                await until_read(requests, plan.approvals, service, progress, "latency: approval requests")
            approved_at = await _approve(servers, requests.kept, plan, service, progress)
            made_at = await _until_made(simulator, teams, approved_at, service, progress)
            asked = await calls(simulator, teams)
            memory = peak_rss_mb(service.pid)
    return MembershipDelays(
        seconds=[made_at[address] - at for address, at in approved_at.items()],
        peak_rss_mb=memory,
        salesloft_calls=asked,
    )


def _events(teams: Sequence[Team], plan: ApprovalPlan) -> list[EventRecord]:
    """One event for each approval, the teams in turn."""
    now = datetime.now(UTC)
    in_turn = [(number, teams[number % len(teams)]) for number in range(plan.approvals)]
    return [
        lifecycle_record(
            organization_id=team.organization_id,
            customer_id=f"latency-{number}",
            owner_email=team.owner_email,
            now=now,
        )
        for number, team in in_turn
    ]


async def _approve(
    servers: str, requests: Sequence[TakenRecord], plan: ApprovalPlan, service: Child, progress: Progress
) -> dict[str, float]:
    """Approve at the plan's pace, the teams in turn; answers when each address was approved, by Kafka's timestamp."""
    asked: list[ApprovalRequested] = [APPROVAL_REQUESTED.parse(request.value) for request in requests]
    asked.sort(key=lambda request: int(request.customer_id.rpartition("-")[2]))
    start = await asyncio.to_thread(bus.end_positions, servers, ENROLLMENT_DECISION.name)
    task = progress.add_task("latency: approvals", total=len(asked))
    apart = 60.0 / (plan.per_minute * plan.teams)
    begun = monotonic()
    with (
        bus.reading(servers, ENROLLMENT_DECISION.name, start, keep=len(asked)) as decisions,
        bus.sending(servers) as send,
    ):
        for number, request in enumerate(asked):
            await asyncio.sleep(max(0.0, begun + number * apart - monotonic()))
            service.check()
            send(ENROLLMENT_DECISION.name, _approval(request))
            progress.update(task, completed=number + 1)
        await until_read(decisions, len(asked), service, progress, "latency: decisions in Kafka")
    address_of = {_key(request): str(request.stakeholder.email) for request in asked}
    return {address_of[decision.key]: decision.timestamp for decision in decisions.kept}


def _approval(request: ApprovalRequested) -> EventRecord:
    now = datetime.now(UTC)
    decision = EnrollmentDecision(
        organization_id=request.organization_id,
        customer_id=request.customer_id,
        enrollment_id=request.enrollment_id,
        request_digest=request.request_digest,
        decided_by=UserRef(user_id="usr-901", name="Lea"),
        decided_at=now,
    )
    envelope = Envelope(
        id=str(uuid4()),
        source="/cscx/approvals",
        type=ENROLLMENT_APPROVED.name,
        time=now,
        dataschema=ENROLLMENT_APPROVED.dataschema,
        organization_id=request.organization_id,
    )
    return EventRecord(_key(request), ENROLLMENT_APPROVED.serialize(decision), encode(envelope))


def _key(request: ApprovalRequested) -> bytes:
    return customer_key(request.organization_id, request.customer_id)


async def _until_made(
    simulator: SimulatorClient, teams: Sequence[Team], approved: dict[str, Any], service: Child, progress: Progress
) -> dict[str, float]:
    task = progress.add_task("latency: memberships", total=len(approved))
    late = monotonic() + _SETTLE_SECONDS
    while True:
        service.check()
        made = await memberships_made(simulator, teams)
        missing = approved.keys() - made.keys()
        progress.update(task, completed=len(approved) - len(missing))
        if not missing:
            return made
        if monotonic() > late:
            raise NotMeasurable(
                f"{len(missing)} of {len(approved)} approvals led to no membership\n{service.last_words()}"
            )
        await asyncio.sleep(_LOOK_SECONDS)
