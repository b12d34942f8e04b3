"""The examples of the documentation do what they say, as programs of their own against the served API."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.web.stage import Api
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
RUN = {
    "1_what_triggers_led_to.py",
    "2_participation_of_a_customer.py",
    "3_how_consistent_outreach_is.py",
    "4_add_somebody_by_hand.py",
    "5_configure_triggers.py",
}
IN_A_BROWSER = {"6_embed_in_a_page.py"}
"""With the pages' tests."""


@pytest.fixture
async def scene(api: Api) -> Scene:
    scene = await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()
    await scene.snapshots(customers=[CUSTOMER], stakeholders=[ANN, BOB])
    return scene


async def run(api: Api, example: str, *arguments: object, **claims: Any) -> tuple[int, list[str], str]:
    """The example's exit code, what it printed, and what it complained of."""
    token = api.headers(**{"role": "manager", **claims})["authorization"].removeprefix("Bearer ")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / example),
        *map(str, arguments),
        env=os.environ | {"CSCX_SALESLOFT_API": api.base_url, "CSCX_SALESLOFT_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complained = await process.communicate()
    return process.returncode or 0, printed.decode().splitlines(), complained.decode()


async def printed_by(api: Api, example: str, *arguments: object, **claims: Any) -> list[str]:
    code, printed, complained = await run(api, example, *arguments, **claims)
    assert code == 0, complained
    return printed


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == RUN | IN_A_BROWSER


async def test_what_is_configured_is_triggered_seen_and_counted(api: Api, scene: Scene) -> None:
    configured = await printed_by(api, "5_configure_triggers.py", "renewal-window", 456, role="admin")
    assert configured == ["renewal-window leads to Renewal 456 (published)"]
    await scene.decide(scene.trigger(stakeholders=[ANN]))
    assert await printed_by(api, "1_what_triggers_led_to.py", "cus-7") == [
        "renewal-window: Ann Lee for Renewal 456 is requested",
        "renewal-window: sth-9 request because requested",
    ]
    assert await printed_by(api, "2_participation_of_a_customer.py", "cus-7") == [
        "Acme, as Salesloft was at no time yet",
        "Ann Lee: Renewal 456, requested, step - of 2",
    ]
    assert await printed_by(api, "3_how_consistent_outreach_is.py") == ["renewal-window: Renewal 456 1 times"]


async def test_somebody_is_added_by_hand_unless_it_would_be_refused(api: Api, scene: Scene) -> None:
    (asked,) = await printed_by(api, "4_add_somebody_by_hand.py", "sth-8", 457)
    (row,) = await scene.rows("SELECT id, stakeholder_id, cadence_id FROM enrollments")
    assert (row["stakeholder_id"], row["cadence_id"]) == ("sth-8", 457)
    assert asked.startswith("requested, to be decided by ")
    assert asked.endswith(f"/api/salesloft/enrollments/{row['id']}")
    code, printed, complained = await run(api, "4_add_somebody_by_hand.py", "sth-8", 457)
    assert (code, printed) == (1, [])
    assert "already" in complained
    assert len(await scene.rows("SELECT id FROM enrollments")) == 1


async def test_a_trigger_that_cannot_be_published_is_not(api: Api, scene: Scene) -> None:
    code, printed, complained = await run(api, "5_configure_triggers.py", "at-risk", 999, role="admin")
    assert (code, printed) == (1, [])
    assert "cadence" in complained
    code, _, complained = await run(api, "5_configure_triggers.py", "at-risk", 456)
    assert (code, "403" in complained) == (1, True)
    assert await scene.value("SELECT count(*) FROM salesloft_cadence_mappings") == 0
