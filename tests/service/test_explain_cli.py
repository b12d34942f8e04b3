"""`explain`, as an operator types it."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson
import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from enrollment.criteria import parse_criteria
from schemas.vocabulary import TriggerType
from service.cli import app
from storage.pool import Database
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene

Typed = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def types(migrated: str) -> Typed:
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": "unused",
        "DATABASE_URL": migrated,
        "ENCRYPTION_KEYS": f"k:{Fernet.generate_key().decode()}",
        "ADDRESS_KEY": "unused",
    }
    environment = {f"CSCX_SALESLOFT_{name}": value for name, value in settings.items()}

    async def typed(*words: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner(env=environment).invoke, app, list(words))
        return result.exit_code, result.output

    return typed


async def test_why_why_not_and_what_would_turn_it(database: Database, types: Typed) -> None:
    scene = await Scene(database).set_up()
    low = parse_criteria(
        b'{"all": [{"field": "customer.health_score", "op": "lt", "value": 60},'
        b' {"field": "customer.id", "op": "exists"}]}'
    )
    (mapping,) = await scene.publish_for(TriggerType.RENEWAL_WINDOW, customer_criteria=low)
    await scene.decide(scene.trigger(stakeholders=(ANN, BOB | {"email": None}), event_id="e-1"))
    scene.later(hours=1)
    healthy = CUSTOMER | {"health_score": 75}
    await scene.decide(scene.trigger(stakeholders=(ANN,), customer=healthy, event_id="e-2", contract_id="con-6"))

    code, told = await types("explain", "org-1", "--event", "e-2")
    assert code == 0, told
    lines = [line.strip() for line in told.splitlines()]
    assert lines == [
        (
            "2026-11-23 10:00:00+00:00  renewal-window of customer cus-7, run con-6/2027-03-31: "
            "event e-2, decided by event"
        ),
        "sth-9: skip, criteria_not_met",
        f"mapping {mapping.id} version 1: criteria not met",
        "all of: no",
        "customer.health_score < 60: no, it is 75",
        'customer.id exists: yes, it is "cus-7"',
        "would turn it: customer.health_score being 59 instead of 75: request, requested",
    ]
    code, told = await types("explain", "org-1", "--stakeholder", "sth-8")
    assert code == 0
    assert "sth-8: defer, no_email" in told
    assert 'would turn it: stakeholder.email being "somebody@example.com" instead of null' in told
    assert "sth-9" not in told
    assert "e-2" not in told

    code, told = await types("explain", "org-1", "--customer", "cus-7", "--json")
    newest, oldest = orjson.loads(told)
    assert (newest["event_id"], oldest["event_id"]) == ("e-2", "e-1")
    assert {one["decided_again"] for one in (newest, oldest)} == {"same"}
    assert [one["reason"] for one in oldest["decisions"]] == ["requested", "no_email"]
    assert oldest["decisions"][0]["request_digest"] == oldest["outcomes"][0]["request_digest"]
    code, told = await types("explain", "org-1", "--customer", "cus-7", "--limit", "1", "--json")
    assert [one["event_id"] for one in orjson.loads(told)] == ["e-2"]


async def test_what_is_not_there_and_what_was_erased(database: Database, types: Typed) -> None:
    scene = await Scene(database).set_up()
    await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    await scene.decide(scene.trigger(event_id="e-1"))
    code, told = await types("explain", "org-1")
    assert code == 2
    assert "--event, --customer or --stakeholder" in told
    assert await types("explain", "org-1", "--event", "e-9") == (0, "nothing was decided about that\n")
    assert await types("explain", "org-2", "--event", "e-1") == (0, "nothing was decided about that\n")
    await scene.snapshots(erased_stakeholders=("sth-9",), at=scene.later(hours=1))
    code, told = await types("explain", "org-1", "--event", "e-1")
    assert code == 0
    assert "erased or never kept" in told
    assert "sth-9: request, requested" in told
    assert "ann@" not in told
    assert orjson.loads((await types("explain", "org-1", "--event", "e-1", "--json"))[1])[0]["decided_again"] == (
        "not_possible"
    )


async def test_a_decision_that_comes_out_differently_is_told(database: Database, types: Typed) -> None:
    """As by a fault in what decides; here what is stored was changed by hand."""
    scene = await Scene(database).set_up()
    await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    await scene.decide(scene.trigger(event_id="e-1"))
    await scene.execute("UPDATE evaluations SET facts = (facts::jsonb || '{\"ended\": true}')::json")
    code, told = await types("explain", "org-1", "--event", "e-1")
    assert code == 1
    assert "DIFFERENT when it is decided again" in told
    assert "sth-9: skip, stale_event" in told


async def test_nothing_can_be_written_while_reading(database: Database) -> None:
    async with database.reading() as connection:
        with pytest.raises(Exception, match="read-only transaction") as refused:
            await connection.execute("DELETE FROM evaluations")
    assert refused.type.__name__ == "ReadOnlySQLTransactionError"
