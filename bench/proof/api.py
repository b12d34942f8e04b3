"""Part `api`: everything that the API's document describes is asked for, and every answer held against the document.

By an admin, by others who may do less, and by nobody; within and beyond what is described. The service has all its
roles: what is asked for is carried out at Salesloft meanwhile, and told on the bus.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx

from bench.proof.findings import Findings
from bench.proof.load import Load, stream_with
from bench.proof.made_up import Asking, ask, operations, public, there_is
from bench.proof.moments import settle
from bench.proof.staging import Scale, Task
from bench.proof.world import World, WorldPlan, running_world
from sandbox.approval_desk import DeskPolicy
from tests.web.stage import AUDIENCE, ISSUER, TokenIssuer, served
from web.publish import document

__all__ = ["api"]


@dataclass(frozen=True, slots=True)
class _CallerPlan:
    """Who asks, nobody where there is no role, and how much.

    An admin asks for all but that the organization leaves; or, to leave, for nothing else.
    """

    role: str | None
    examples: int
    sequences: int = 0
    bounds: bool = False
    leaves: bool = False

    @property
    def name(self) -> str:
        if self.leaves:
            return f"a leaving {self.role}"
        return f"a caller with the role {self.role}" if self.role else "nobody"

    @property
    def organization_id(self) -> str:
        return _LEAVING if self.leaves else _STAYING

    def described(self) -> dict[str, Any]:
        """The document, as far as they ask for it."""
        whole = document()
        if self.leaves:
            return whole | {"paths": {_DEPARTURE: whole["paths"][_DEPARTURE]}}
        if self.role == "admin":
            told = {_DEPARTURE: {"get": whole["paths"][_DEPARTURE]["get"]}}
            return whole | {"paths": whole["paths"] | told}
        return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """How many events there are before anything is asked, and by whom it is."""

    events: int
    settle_seconds: float
    callers: tuple[_CallerPlan, ...]


_SIZES: Final = {
    Scale.SMALL: _Size(
        events=20,
        settle_seconds=180.0,
        callers=(_CallerPlan("manager", 1), _CallerPlan(None, 1), _CallerPlan("admin", 3, leaves=True)),
    ),
    Scale.FULL: _Size(
        events=400,
        settle_seconds=900.0,
        callers=(
            _CallerPlan("viewer", 10, 30),
            _CallerPlan("csm", 10, 30),
            _CallerPlan("manager", 10, 30),
            _CallerPlan("admin", 50, 300, bounds=True),
            _CallerPlan(None, 5),
            _CallerPlan("admin", 50, 20, bounds=True, leaves=True),
        ),
    ),
}
_DEPARTURE: Final = "/api/salesloft/organization/departure"
# Of an organization that has left there is nothing more to be seen: the document's examples are the one's that may go.
_STAYING: Final = "org-2"
_LEAVING: Final = "org-1"
_TOKEN_SECONDS: Final = 12 * 3600


async def api(task: Task) -> Findings:
    """Ask a service that has been at work, and works on while it is asked."""
    size, findings = _SIZES[task.scale], Findings()
    issuer = TokenIssuer()
    issuer.new_key()
    task.say("starting Kafka, Postgres, Salesloft and the organizations")
    async with served(issuer.app()) as issuer_url, running_world(_plan(task, issuer_url)) as world:
        await world.service.start()
        await world.service.until_ready()
        task.say("waiting until there is something to see")
        await _lived(world, task, size, findings)
        for caller in size.callers:
            await _ask(world, task, caller, issuer, findings)
        running = world.service.is_running
        told = f"{world.service.lives} lives" if running else world.service.last_words()
        findings.holds("The service never ended by itself.", running, told)
        code = await world.service.stop()
        findings.holds("It stops in order when it is asked to.", code == 0, f"exit code {code}")
    return findings


def _plan(task: Task, issuer_url: str) -> WorldPlan:
    desk = DeskPolicy(seed=task.seed, approve=0.5, reject=0.1, quickest=timedelta(0), slowest=timedelta(minutes=1))
    return WorldPlan(
        organizations=2,
        seed=task.seed,
        log=task.log,
        batch=50,
        lease_seconds=5.0,
        fsync=False,
        desk=desk,
        more={
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
            "JWT_KEYS_URL": f"{issuer_url}/keys",
            # As fast as one can: nobody is told to come again later.
            "HTTP_REQUESTS_PER_MINUTE": "0",
        },
    )


async def _lived(world: World, task: Task, size: _Size, findings: Findings) -> None:
    """Let days pass and their work be done, so that there is something to see. Then business time stands still."""
    stream = await asyncio.to_thread(stream_with, size.events, world.organizations, seed=task.seed)
    load = Load(world.kafka.bootstrap_servers, stream)
    await load.publish(load.left)
    try:
        await settle(world, seconds=size.settle_seconds)
    except TimeoutError as error:
        findings.holds("What was published comes to its end.", condition=False, told=str(error))


async def _ask(world: World, task: Task, caller: _CallerPlan, issuer: TokenIssuer, findings: Findings) -> None:
    base_url, described, who = f"http://127.0.0.1:{world.settings.http_port}", caller.described(), caller.name
    asking = Asking(
        base_url=base_url,
        headers=_headers(issuer, caller.organization_id, caller.role) if caller.role else {},
        seed=task.seed,
        known=await there_is(base_url, _headers(issuer, caller.organization_id, "viewer")),
        examples=caller.examples,
        sequences=caller.sequences,
        bounds=caller.bounds,
    )
    answers = await ask(described, asking, task.say)
    findings.same(f"All was asked by {who} that is theirs to ask.", operations(described), answers.operations)
    findings.nothing(
        f"What {who} is answered is what the document says, and no fault of ours.",
        answers.findings,
        answers.asked,
    )
    if caller.leaves:
        # Whether it still does at the end is chance, too: who leaves may have thought better of it.
        left = answers.statuses[f"POST {_DEPARTURE}", httpx.codes.ACCEPTED]
        findings.holds(f"{who.capitalize()} had the organization leave.", left > 0, f"{left} times")
    else:
        async with httpx.AsyncClient(base_url=base_url, headers=_headers(issuer, _STAYING, "viewer")) as http:
            status = (await http.get(_DEPARTURE, timeout=60.0)).status_code
        told = f"Nothing that {who} asked had the organization leave."
        findings.holds(told, status == httpx.codes.NOT_FOUND, str(status))
    if caller.role is None:
        let_in = {label for label, status in answers.statuses if status != 401}
        findings.nothing("Nobody unknown is let in.", let_in - public(described), len(answers.operations))
    findings.figures |= {
        f"asked by {who}": answers.asked,
        f"no HTTP at all, by {who}": answers.not_http,
        f"too deep to be asked, by {who}": answers.given_up,
        f"how, by {who}": dict(answers.phases),
        f"statuses, to {who}": {str(one): number for one, number in sorted(answers.by_status().items())},
    }


def _headers(issuer: TokenIssuer, organization_id: str, role: str) -> Mapping[str, str]:
    token = issuer.token(organization_id, role=role, exp=int(time.time()) + _TOKEN_SECONDS)
    return {"authorization": f"Bearer {token}"}
