"""`mappings preview` and `mappings backtest`, as an operator types them."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from schemas.vocabulary import TriggerType
from service.cli import app
from storage.pool import Database
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene


async def types(dsn: str, *words: str) -> tuple[int, str]:
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": "unused",
        "DATABASE_URL": dsn,
        "ENCRYPTION_KEYS": f"k:{Fernet.generate_key().decode()}",
        "ADDRESS_KEY": "unused",
    }
    environment = {f"CSCX_SALESLOFT_{name}": value for name, value in settings.items()}
    result = await asyncio.to_thread(CliRunner(env=environment).invoke, app, list(words))
    return result.exit_code, " ".join(result.output.replace("│", " ").replace("┃", " ").split())


@pytest.fixture
async def change(database: Database, tmp_path: Path) -> Path:
    """A stricter version of a mapping that has asked for two people today."""
    scene = await Scene(database, now=datetime.now(UTC)).set_up()
    (published,) = await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN, BOB))
    await scene.decide(scene.trigger(stakeholders=(ANN, BOB), event_id="e-1"))
    file = tmp_path / "change.json"
    criteria = {"field": "stakeholder.is_champion", "op": "equals", "value": True}
    file.write_bytes(orjson.dumps({"id": str(published.id), "stakeholder_criteria": criteria}))
    return file


async def test_a_change_is_previewed(migrated: str, change: Path) -> None:
    code, told = await types(migrated, "mappings", "preview", "org-1", str(change))
    assert code == 0, told
    assert "request requested 1" in told
    assert "skip criteria_not_met 1" in told
    assert "stakeholder.is_champion = true 1 1 0" in told
    assert "would be asked for: stakeholder sth-9 of customer cus-7" in told
    code, told = await types(migrated, "mappings", "preview", "org-1", str(change), "--stakeholder", "sth-8")
    assert code == 0, told
    assert "sth-8: skip, criteria_not_met" in told
    assert "would turn it: stakeholder.is_champion being true instead of false" in told
    code, told = await types(migrated, "mappings", "preview", "org-1", str(change), "--trigger", "[]")
    assert code == 2
    await asyncio.to_thread(change.write_bytes, b"{}")
    code, told = await types(migrated, "mappings", "preview", "org-1", str(change))
    assert code == 1
    assert told.startswith("CannotTry")


async def test_a_change_is_tried_on_what_happened(migrated: str, change: Path) -> None:
    code, told = await types(migrated, "mappings", "backtest", "org-1", str(change), "--days", "2")
    assert code == 0, told
    assert "request requested 2 1" in told
    assert "skip criteria_not_met 0 1" in told
    assert "usr-3 1" in told
    assert "called 2 times at most" in told
    assert "event e-1, sth-8: skip, criteria_not_met instead of request, requested" in told
    code, told = await types(migrated, "mappings", "backtest", "org-1")
    assert code == 0, told
    assert "request requested 2 2" in told
    assert "0 decisions would have been otherwise" in told
    # As the other commands' files are: YAML.
    mapping_id = orjson.loads(await asyncio.to_thread(change.read_bytes))["id"]
    stricter = change.with_suffix(".yaml")
    criteria = "{field: stakeholder.is_champion, op: equals, value: true}"
    await asyncio.to_thread(stricter.write_text, f"id: {mapping_id}\nstakeholder_criteria: {criteria}\n")
    code, told = await types(migrated, "mappings", "backtest", "org-1", str(stricter), "--days", "2")
    assert code == 0, told
    assert "request requested 2 1" in told


async def test_what_would_wait_for_a_quota_is_told(migrated: str, change: Path) -> None:
    mapping_id = orjson.loads(await asyncio.to_thread(change.read_bytes))["id"]
    quota = {"caps": [{"per": "mapping", "at_most": 1, "within_hours": 24}]}
    await asyncio.to_thread(change.write_bytes, orjson.dumps({"id": mapping_id, "policy": quota}))
    waits = "approved at once, 1 for the mapping's quota would wait; the last is carried out"
    code, told = await types(migrated, "mappings", "backtest", "org-1", str(change), "--days", "2")
    assert code == 0, told
    assert waits in told
