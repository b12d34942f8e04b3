"""The reads of the HTTP API: the `api` role as a process before a full database, loaded by wrk.

The load generator, Postgres and the API share the machine, so beside what came through in a second stands what a
request costs the API's one thread and Postgres: what a core would do that had nothing else to do.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

import httpx

from bench.measure.callers import AUDIENCE, ISSUER, Callers
from bench.measure.children import running_service, seconds_to_ready, service_environment
from bench.measure.filling import Subject, fill
from bench.measure.load import Load
from bench.measure.machine import CpuMeter, peak_rss_mb
from bench.measure.organizations import prepare_organizations
from bench.measure.setting import Setting
from bench.measure.throughput import measure_service
from bench.measure.wrk import Answered, load, wrk_program

__all__ = ["CONNECTIONS", "MIX", "Cost", "Reads", "ReadsPlan", "measure_reads"]

CONNECTIONS = 16
_REQUESTS = 4000
_SEED = 20261127

MIX: Mapping[str, int] = {
    "stakeholder": 25,
    "memberships of a stakeholder": 5,
    "memberships of a customer": 5,
    "memberships by state": 5,
    "memberships of a cadence": 5,
    "activity of a stakeholder": 15,
    "activity of a customer": 10,
    "enrollments of a customer": 5,
    "enrollments by state": 5,
    "history of a stakeholder": 10,
    "approvals that wait": 5,
    "decisions of a customer": 5,
}
"""Of a hundred requests so many ask this, each for a page as large as the API makes them unasked: 50 rows."""

_PATHS: Mapping[str, Callable[[Subject], str]] = {
    "stakeholder": lambda of: f"people/{of.stakeholder_id}",
    "memberships of a stakeholder": lambda of: f"cadence-memberships?stakeholder_id={of.stakeholder_id}",
    "memberships of a customer": lambda of: f"cadence-memberships?customer_id={of.customer_id}",
    "memberships by state": lambda _: "cadence-memberships?status=active&on_cadence=false",
    "memberships of a cadence": lambda _: "cadence-memberships?cadence_id=3&on_cadence=true",
    "activity of a stakeholder": lambda of: f"people/{of.stakeholder_id}/activity",
    "activity of a customer": lambda of: f"customers/{of.customer_id}/activity?kind=email-replied",
    "enrollments of a customer": lambda of: f"enrollments?customer_id={of.customer_id}",
    "enrollments by state": lambda _: "enrollments?state=failed",
    "history of a stakeholder": lambda of: f"people/{of.stakeholder_id}/history",
    "approvals that wait": lambda _: "approvals",
    "decisions of a customer": lambda of: f"decisions?customer_id={of.customer_id}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadsPlan:
    """So many stays on cadences and ten times the activity, of so many organizations; seconds of each load.

    The first events are the service's own work, and what the rest is made of.
    """

    memberships: int = 1_000_000
    organizations: int = 200
    events: int = 4_000
    seconds_of_all: float = 30.0
    seconds_of_each: float = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A load and the microseconds of a core that each request of it took, by process."""

    answered: Answered
    cpu_microseconds: Mapping[str, float]

    @property
    def per_second_of_a_core(self) -> float:
        """What the API's process would answer in a second of a core to itself."""
        return 1e6 / self.cpu_microseconds["api"]

    def told(self) -> dict[str, Any]:
        return {
            "per_second": round(self.answered.per_second),
            "per_second_of_the_apis_core": round(self.per_second_of_a_core),
            "p50_ms": round(self.answered.p50_s * 1e3, 1),
            "p99_ms": round(self.answered.p99_s * 1e3, 1),
            "slowest_ms": round(self.answered.slowest_s * 1e3, 1),
            "cpu_microseconds_per_request": dict(self.cpu_microseconds),
            "answer_bytes": round(self.answered.bytes_each),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """The mix, each of its kinds alone, what was in the database, and what the process came to take of memory."""

    mix: Cost
    each: Mapping[str, Cost]
    rows: Mapping[str, int]
    peak_rss_mb: float


async def measure_reads(setting: Setting, plan: ReadsPlan) -> Reads:
    """Fill a database, start the api role before it, and load its reads. Raises NotMeasurable."""
    program = await wrk_program()
    dsn = await setting.empty_database()
    made = Load(name="reads", events=plan.events, organizations=plan.organizations)
    await prepare_organizations(dsn, made.organization_ids())
    await measure_service(setting.stack, dsn, made, logs=setting.logs, progress=setting.progress)
    began = time()
    filled = await fill(dsn, memberships=plan.memberships)
    setting.say(f"filled in {time() - began:.0f} s: {filled.rows}")
    callers = Callers([*made.organization_ids()])
    asked = _asked(callers, filled.subjects, _decided(made))
    async with callers.published() as keys_url:
        environment = service_environment(
            setting.stack.kafka,
            dsn,
            jwt_issuer=ISSUER,
            jwt_audience=AUDIENCE,
            jwt_keys_url=keys_url,
            # Counted as ever, and never refused.
            http_requests_per_minute=1_000_000,
            http_requests_at_once=100_000,
        )
        base_url = f"http://127.0.0.1:{environment['CSCX_SALESLOFT_HTTP_PORT']}"
        async with running_service(environment, "api", log=setting.logs / "api.log") as api:
            await seconds_to_ready(api, environment)
            # The routes are made when the first request wants them.
            async with httpx.AsyncClient(base_url=base_url, timeout=60.0) as client:
                path, token = asked["approvals that wait"][0]
                (await client.get(path, headers={"authorization": f"Bearer {token}"})).raise_for_status()
            meter = CpuMeter.of(setting.stack, api=api.pid)

            async def measured(requests: Sequence[tuple[str, str]], seconds: float) -> Cost:
                with meter.running():
                    answered = await load(
                        program,
                        base_url,
                        requests,
                        connections=CONNECTIONS,
                        seconds=seconds,
                        file=setting.logs / "asked.txt",
                    )
                cost = {name: each for name, each in meter.per_event(answered.requests).items() if name != "kafka"}
                return Cost(answered=answered, cpu_microseconds=cost)

            mixed = _mixed(asked)
            # Not counted: connections are opened, statements prepared, pages read.
            await measured(mixed, plan.seconds_of_each)
            mix = await measured(mixed, plan.seconds_of_all)
            each = {kind: await measured(asked[kind], plan.seconds_of_each) for kind in MIX}
            memory = peak_rss_mb(api.pid)
    return Reads(mix=mix, each=each, rows=filled.rows, peak_rss_mb=memory)


def _decided(made: Load) -> list[Subject]:
    """The customers of whom the service itself has decided, so that their decisions can be made again."""
    return [
        Subject(
            organization_id=f"org-{number % made.organizations}",
            customer_id=f"{made.name}-{number}",
            stakeholder_id=f"sth-{made.name}-{number}-0",
        )
        for number in range(made.events)
    ]


def _asked(
    callers: Callers, subjects: Sequence[Subject], decided: Sequence[Subject]
) -> dict[str, list[tuple[str, str]]]:
    """Of each kind some thousand requests: who is asked about, and so by whom, as often as there is of them."""
    chance = random.Random(_SEED)
    return {
        kind: [
            (f"/api/salesloft/{path(one)}", chance.choice(callers.tokens[one.organization_id]))
            for one in chance.choices(decided if kind.startswith("decisions") else subjects, k=_REQUESTS)
        ]
        for kind, path in _PATHS.items()
    }


def _mixed(asked: Mapping[str, Sequence[tuple[str, str]]]) -> list[tuple[str, str]]:
    chance = random.Random(_SEED)
    kinds = chance.choices(list(MIX), weights=list(MIX.values()), k=5 * _REQUESTS)
    return [chance.choice(asked[kind]) for kind in kinds]
