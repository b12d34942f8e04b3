"""Every operation of the API against its own document: made-up requests, by people of several roles and by nobody.

Operations are taken from the document, so that a new one is asked without being named here.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from salesloft_client import OAuthApp
from sandbox.salesloft.server import running_simulator
from sandbox.stack import PostgresServer
from tests.web.looking_scene import PAUSED, WAITING, Scene, scene_set
from tests.web.stage import CALLBACK
from web.publish import document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FEW, MANY = 3, 300
# Nothing but the examples themselves depends on chance, and they are the same each time.
BASE = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
OPERATIONS = [(method.upper(), path) for path, methods in document()["paths"].items() for method in methods]


@pytest.fixture(scope="module")
async def scene(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[Scene]:
    async with running_simulator() as simulator:
        application = OAuthApp(
            client_id="ours", client_secret="hidden", redirect_uri=CALLBACK, auth_host=simulator.base_url
        )
        async with scene_set(simulator, postgres_server, migrated_template, application=application) as set_up:
            yield set_up


def described(scene: Scene) -> Any:
    """The document as it is served."""
    schema = schemathesis.openapi.from_dict(
        document(), config=SchemathesisConfig.from_dict({"generation": {"mode": "all"}})
    )
    schema.config.update(base_url=str(scene.http.base_url))
    return schema


def headers(scene: Scene, role: str | None, path: str) -> dict[str, str]:
    """A caller's; of the stream of events one whose token has just ended: they are taken in, and the stream ends."""
    if role is None:
        return {}
    ends: dict[str, Any] = {"exp": int(time.time())} if path.endswith("/events") else {}
    return scene.headers(role=role, **ends)


async def there_is(scene: Scene) -> dict[str, list[str]]:
    """Names of what is there, by the parameters that take them."""
    (membership, *_) = (await scene.see("/cadence-memberships"))["items"]
    (mapping, *_) = (await scene.see("/trigger-mappings"))["mappings"]
    return {
        "enrollment_id": [str(scene.enrollments[WAITING]), str(scene.enrollments[PAUSED])],
        "membership_id": [membership["id"]],
        "mapping_id": [mapping["id"]],
        "cadence_id": [str(scene.stage.mapping.cadence_id)],
        "customer_id": [PAUSED],
        "stakeholder_id": [scene.stakeholder_id],
    }


def ask(scene: Scene, role: str | None, cases: Any, known: dict[str, list[str]], most: int) -> None:
    @settings(BASE, max_examples=most)
    @given(cases, st.data())
    def asked(case: Case[Any], data: st.DataObject) -> None:
        for name in set(case.path_parameters or ()) & set(known):
            case.path_parameters[name] = data.draw(st.sampled_from([case.path_parameters[name], *known[name]]))
        case.call_and_validate(headers=headers(scene, role, case.operation.path), checks=CHECKS, timeout=30)

    asked()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_an_operation_answers_as_its_document_says(scene: Scene, method: str, path: str) -> None:
    cases = described(scene)[path][method].as_strategy()
    known = await there_is(scene)
    for role in ("viewer", None, "admin"):
        await asyncio.to_thread(ask, scene, role, cases, known, FEW)


async def test_what_answers_name_is_asked_for_in_turn(scene: Scene) -> None:
    machine = described(scene).as_state_machine()

    class Visitor(machine):  # type: ignore[misc,valid-type]  # made of the document
        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            return {"headers": headers(scene, "admin", case.operation.path), "timeout": 30}

        def validate_response(self, response: Any, case: Case[Any], **_: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    await asyncio.to_thread(Visitor.run, settings=settings(BASE, max_examples=5, stateful_step_count=6))
