"""Every operation of the API by who calls: their role, and their organization.

Operations are those of the application itself, the described ones and the others, so that a new one is asked without
being named here; what may be done by whom is named, so that a new one that anybody may call has to be.
"""

import re
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from fastapi.routing import iter_route_contexts

from tests.web.stage import Api
from tests.web.test_connection import refused
from web.publish import document, unopened
from web.security import CallerRole

# Salesloft's deliveries carry a signature instead, and a browser that comes back from there is known by its state.
UNKNOWN_MAY = {
    ("GET", "/api/openapi.json"),
    ("GET", "/api/integrations/salesloft/callback"),
    ("POST", "/api/webhooks/salesloft/{receiver_id}"),
}
VIEWER, CSM, MANAGER, ADMIN = CallerRole.VIEWER, CallerRole.CSM, CallerRole.MANAGER, CallerRole.ADMIN
RISING = [VIEWER, CSM, MANAGER, ADMIN]
# Who looks is anybody, but for these; who changes something is an admin, but for these. From which role on.
FROM = {
    ("GET", "/api/salesloft/audit-log"): ADMIN,
    ("GET", "/api/salesloft/organization/export"): ADMIN,
    ("GET", "/api/salesloft/mapping-trials/{trial_id}"): MANAGER,
    ("POST", "/api/salesloft/session"): VIEWER,
    ("DELETE", "/api/salesloft/session"): VIEWER,
    # What a viewer asks is answered; of what would change something nothing is even shown.
    ("POST", "/api/salesloft/chat"): VIEWER,
    ("POST", "/api/salesloft/mcp"): VIEWER,
    ("POST", "/api/salesloft/approvals/decisions"): CSM,
    ("POST", "/api/salesloft/approvals/{enrollment_id}/decision"): CSM,
    ("DELETE", "/api/salesloft/cadence-memberships/{membership_id}"): CSM,
    ("PUT", "/api/salesloft/cadence-memberships/{membership_id}/pause"): CSM,
    ("PUT", "/api/salesloft/cadence-memberships/{membership_id}/restart"): CSM,
    ("PUT", "/api/salesloft/cadence-memberships/{membership_id}/resume"): CSM,
    ("PUT", "/api/salesloft/cadence-memberships/{membership_id}/sender"): CSM,
    ("PUT", "/api/salesloft/cadence-memberships/{membership_id}/skip"): CSM,
    ("POST", "/api/salesloft/cadence-memberships/{membership_id}/retry"): CSM,
    ("POST", "/api/salesloft/cadences/{cadence_id}/add"): CSM,
    ("POST", "/api/salesloft/enrollments/{enrollment_id}/retry"): CSM,
    ("PUT", "/api/salesloft/enrollments/{enrollment_id}/withdraw"): CSM,
    ("POST", "/api/salesloft/mapping-trials/back-test"): MANAGER,
    ("POST", "/api/salesloft/mapping-trials/preview"): MANAGER,
    ("POST", "/api/salesloft/mapping-trials/stakeholder"): MANAGER,
    ("DELETE", "/api/salesloft/mapping-trials/{trial_id}"): MANAGER,
    ("POST", "/api/salesloft/stops"): MANAGER,
    ("DELETE", "/api/salesloft/stops/{stop_id}"): MANAGER,
    ("POST", "/api/salesloft/suppressions"): MANAGER,
    ("POST", "/api/salesloft/suppressions/removals"): MANAGER,
}
SOME_ID = str(UUID(int=7))


def operations() -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(unopened().routes):
        assert route.path is not None
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, route.path


def filled(path: str) -> str:
    """The path with ids of nothing."""
    return re.sub(r"\{[^}]+\}", SOME_ID, path)


def token(api: Api, path: str, role: CallerRole) -> dict[str, str]:
    """A caller's; of the stream of events one that has just ended: they are let in, and the stream ends."""
    ends: dict[str, Any] = {"exp": int(time.time())} if path.endswith("/events") else {}
    return api.headers(role=role.value, **ends)


async def test_nobody_unknown_gets_in(shared_api: Api) -> None:
    asked = 0
    for method, path in operations():
        if (method, path) not in UNKNOWN_MAY:
            refused(await shared_api.http.request(method, filled(path)), 401, "caller_unknown")
            asked += 1
    assert asked


async def test_a_role_may_what_it_may_and_nothing_else(shared_api: Api) -> None:
    asked = 0
    for method, path in operations():
        if (method, path) in UNKNOWN_MAY:
            continue
        from_role = FROM.get((method, path), VIEWER if method == "GET" else ADMIN)
        for role in RISING:
            answer = await shared_api.http.request(method, filled(path), headers=token(shared_api, path, role))
            if RISING.index(role) < RISING.index(from_role):
                refused(answer, 403, "role_required")
            else:
                assert answer.status_code < 500, (method, path, answer.text)
                assert "role_required" not in answer.text, (method, path, role)
            asked += 1
    assert asked


def test_nothing_is_served_that_is_not_asked_here() -> None:
    there_are = set(operations())
    described = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert there_are - described == {("GET", "/api/openapi.json"), ("POST", "/api/salesloft/mcp")}
    assert described <= there_are
    assert there_are >= UNKNOWN_MAY | FROM.keys()
