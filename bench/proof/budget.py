"""Replicas at full speed against one team whose minute another integration shares, each a process, in real time."""

import asyncio
import sys
from collections import Counter
from dataclasses import asdict
from typing import Any

import asyncpg
import orjson

from bench.measure.figures import NotMeasurable
from bench.proof.budget_replica import Plan, Told
from bench.proof.findings import Findings
from bench.proof.staging import Scale, Task
from sandbox.salesloft.server import SimulatorClient, running_simulator
from sandbox.stack import StackOptions, local_postgres
from storage.migrate import migrate

__all__ = ["budget"]

_REPLICAS = 3
_OTHERS_A_MINUTE = 200
_APPROVALS_A_MINUTE = 60
_SECONDS = {Scale.SMALL: 75.0, Scale.FULL: 300.0}
# Salesloft's own time; an enrollment's three calls may take a second beyond it.
_ANSWER_MILLISECONDS = 100.0
_MOST_SECONDS = 1.0 + 3 * _ANSWER_MILLISECONDS / 1000


async def budget(task: Task) -> Findings:
    """Fewer than one call in a hundred is refused, and enrollments keep their time beside a poll and a backfill."""
    findings = Findings()
    async with local_postgres(StackOptions.from_environment(fsync=False)) as postgres, running_simulator() as simulator:
        dsn = await postgres.create_database("budget")
        await migrate(dsn)
        team = await simulator.team("Shared", switches={"other_integration_per_minute": _OTHERS_A_MINUTE})
        await simulator.add_fault(kind="latency", team_id=team["team_id"], milliseconds=_ANSWER_MILLISECONDS)
        await _organization(dsn, team)
        plan = Plan(
            dsn=dsn,
            organization_id="org-1",
            team_id=team["team_id"],
            key=team["api_key"],
            base_url=simulator.base_url,
            seconds=_SECONDS[task.scale],
            approvals_a_minute=_APPROVALS_A_MINUTE / _REPLICAS,
        )
        task.say(f"{_REPLICAS} replicas for {plan.seconds:.0f} s")
        told = await asyncio.gather(*(_replica(plan, task) for _ in range(_REPLICAS)))
        await _judge(findings, simulator, team, told, plan)
    return findings


async def _judge(
    findings: Findings, simulator: SimulatorClient, team: dict[str, Any], told: list[Told], plan: Plan
) -> None:
    usage = await simulator.usage(team["team_id"])
    answers: Counter[str] = sum((one.answers for one in told), Counter())
    took = sorted(seconds for one in told for seconds in one.enrollments)
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    a_minute = usage["cost"] / plan.seconds * 60
    findings.figures = {
        "calls": answers.total(),
        "cost": usage["cost"],
        "answered 429": answers["429"],
        "enrollments": len(took),
        "enrollment p50 s": round(p50, 3),
        "enrollment p99 s": round(p99, 3),
        "paced calls put off": sum(one.put_off for one in told),
    }
    findings.holds(
        "The replicas wanted more than there was, and got most of it.",
        sum(one.put_off for one in told) > 0 and a_minute > (600 - _OTHERS_A_MINUTE) * 0.7,
        f"{usage['cost']} of cost in {plan.seconds:.0f} s, beside {_OTHERS_A_MINUTE} a minute of another's",
    )
    findings.holds(
        "Salesloft and the replicas count the same refusals.",
        usage["refused"] == answers["429"],
        f"{usage['refused']} and {answers['429']}",
    )
    findings.holds(
        "Fewer than one call in a hundred is answered 429.",
        answers["429"] * 100 < answers.total(),
        f"{answers['429']} of {answers.total()}",
    )
    findings.holds(
        "An enrollment takes less than a second beyond Salesloft's own time, in 99 of 100.",
        p99 < _MOST_SECONDS,
        f"p99 {p99:.2f} s, of which {3 * _ANSWER_MILLISECONDS / 1000:.1f} are Salesloft's, of {len(took)}",
    )


async def _organization(dsn: str, team: dict[str, Any]) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "INSERT INTO organizations (organization_id, created_at, updated_at) VALUES ('org-1', now(), now())"
    )
    await connection.execute(
        """INSERT INTO salesloft_connections
             (organization_id, team_id, status, status_since, credential_kind, connected_at)
           VALUES ('org-1', $1, 'connected', now(), 'api_key', now())""",
        team["team_id"],
    )
    await connection.close()


async def _replica(plan: Plan, task: Task) -> Told:
    with task.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.proof.budget_replica"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        answer, _ = await process.communicate(orjson.dumps(asdict(plan)))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise NotMeasurable(f"a replica ended with {process.returncode}: see {task.log}")
    told = orjson.loads(answer)
    return Told(answers=Counter(told["answers"]), enrollments=told["enrollments"], put_off=told["put_off"])
