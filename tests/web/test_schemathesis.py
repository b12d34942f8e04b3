"""Every operation of the API against its own document: made-up requests, by people of several roles and by nobody.

Operations are taken from the document, so that a new one is asked without being named here.
"""

import time
from collections.abc import AsyncIterator

import orjson
import pytest

from bench.proof.made_up import Answers, Asking, ask, operations, public, there_is
from salesloft_client import OAuthApp
from sandbox.salesloft.server import running_simulator
from sandbox.stack import PostgresServer
from tests.web.looking_scene import Scene, scene_set
from tests.web.stage import CALLBACK
from web import publish

# As it is checked in, which is held to what is served: to make it takes each of the tests' processes seconds.
DOCUMENT = orjson.loads(publish.DOCUMENT.read_bytes())
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
async def scene(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[Scene]:
    async with running_simulator() as simulator:
        application = OAuthApp(
            client_id="ours", client_secret="hidden", redirect_uri=CALLBACK, auth_host=simulator.base_url
        )
        async with scene_set(simulator, postgres_server, migrated_template, application=application) as set_up:
            yield set_up


async def asked(scene: Scene, role: str | None, *, examples: int, sequences: int = 0) -> Answers:
    """What all operations answer to somebody of a role, or to nobody."""
    base_url = str(scene.http.base_url)
    asking = Asking(
        base_url=base_url,
        headers=scene.headers(role=role, exp=int(time.time()) + 3600) if role else {},
        seed=7,
        known=await there_is(base_url, scene.headers()),
        examples=examples,
        sequences=sequences,
        bounds=False,
    )
    return await ask(DOCUMENT, asking, print)


async def test_what_is_asked_is_what_is_served(scene: Scene) -> None:
    assert (await scene.http.get("/api/openapi.json")).json() == DOCUMENT


@pytest.mark.parametrize(("role", "examples", "sequences"), [("admin", 3, 8), ("viewer", 1, 0)])
async def test_what_is_answered_is_what_the_document_says(
    scene: Scene, role: str, examples: int, sequences: int
) -> None:
    answers = await asked(scene, role, examples=examples, sequences=sequences)
    assert not answers.findings, "\n\n".join(answers.findings)
    assert {label for label, _ in answers.statuses} == operations(DOCUMENT)
    assert {"fuzzing", *(["stateful"] if sequences else [])} <= answers.phases.keys()


async def test_nobody_is_answered_as_the_document_says_and_never_let_in(scene: Scene) -> None:
    answers = await asked(scene, None, examples=1)
    assert not answers.findings, "\n\n".join(answers.findings)
    assert {label for label, _ in answers.statuses} == operations(DOCUMENT)
    let_in = {label for label, status in answers.statuses if status != 401}
    assert let_in <= public(DOCUMENT)
