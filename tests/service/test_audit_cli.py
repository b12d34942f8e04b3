"""`audit`, as an operator types it."""

import getpass
import json
from datetime import UTC, datetime
from typing import Any

import asyncpg

from storage import sync
from storage.pool import Database
from tests.service.operating import Operator
from workflows.audit_chain import seal_entries


async def _sealed(database: Database) -> None:
    async with database.transaction() as connection:
        await seal_entries(connection, limit=100)


async def test_from_doing_to_verifying(operator: Operator, database: Database, migrated: str) -> None:
    assert await operator.types("audit", "verify") == (0, "nothing was sealed yet")
    await operator.types("suppressions", "add", "org-1", "ann@acme.example", "--note", "asked us to")
    await operator.types("stops", "stop", "org-1", "--reason", "wrong template")
    code, told = await operator.types("audit", "list", "org-1")
    assert code == 0
    assert told.count("not sealed yet") == told.count("command_line") == 2
    assert told.count(getpass.getuser()) >= 2
    assert "ann@acme.example" not in told
    await _sealed(database)
    assert "stop.set" not in (await operator.types("audit", "list", "org-1", "--action", "suppression.added"))[1]
    code, told = await operator.types("audit", "verify", "--organization", "org-1")
    assert (code, told.startswith("org-1: 2 entries fit, 2:sha256:")) == (0, True)
    checkpoint = told.rsplit(" ", 1)[1]

    code, lines = await operator.types_plainly("audit", "export", "org-1", "--from", "2")
    (line,) = [json.loads(one) for one in lines.splitlines()]
    assert (code, line["entry"]["action"], line["entry"]["sequence"]) == (0, "stop.set", 2)
    assert f"2:{line['hash']}" == checkpoint

    owner = await asyncpg.connect(migrated)
    await owner.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
    await owner.execute("UPDATE audit_entries SET actor = 'somebody' WHERE sequence = 1")
    await owner.close()
    code, told = await operator.types("audit", "verify")
    assert code == 1
    assert "the audit chain of org-1 is broken at entry 1: it, or what is before it, is not what was sealed" in told
    code, told = await operator.types("audit", "verify", "--organization", "org-1", "--checkpoint", checkpoint)
    assert (code, "broken at entry 1" in told) == (1, True)


async def test_what_is_asked_of_the_running_service_is_noted_too(
    operator: Operator, database: Database, team: dict[str, Any]
) -> None:
    await operator.types("connections", "connect", "org-1", standard_input=f"{team['api_key']}\n")
    cadence = str(team["cadences"][0]["id"])
    await operator.types("cadences", "refresh", "org-1")
    await operator.types("cadences", "describe", "org-1", cadence, "for Ann")
    await operator.types("people", "sync", "org-1")
    async with database.transaction() as connection:
        await sync.open_streams(connection, datetime.now(UTC))
    await operator.types("sync", "--organization", "org-1", "--wait", "0")
    code, told = await operator.types("audit", "list", "org-1")
    assert code == 0
    for noted in ("connected", "cadences.refresh_asked", f"cadence/{cadence}", "people_sync.begun", "sync.asked"):
        assert noted in told
    assert told.count("command_line") == told.count(getpass.getuser()) == 5
    assert "for Ann" not in told


async def test_what_cannot_be_verified_is_one_clear_line(operator: Operator) -> None:
    code, told = await operator.types("audit", "verify", "--organization", "org-1", "--checkpoint", "12")
    assert (code, told) == (
        1,
        "CheckpointInvalid: '12' is no checkpoint: it is written as <sequence>:sha256:<64 hex digits>",
    )
    assert (await operator.types("audit", "verify", "--checkpoint", "12"))[0] == 2
    code, told = await operator.types("audit", "verify", "--organization", "org-1", "--to", "3")
    assert (code, "broken at entry 1: it is missing" in told) == (1, True)
