"""`cscx-salesloft people` and `cadences`, as processes of their own: nothing else of the service runs."""

import asyncio
import os
import sys
from pathlib import Path

import orjson

from tests.fulfillment.stage import KEY, Stage
from tests.fulfillment.test_people_sync import listed, somebody


async def command(stage: Stage, *words: str) -> tuple[int, str]:
    """The exit code, and what was printed, on a wide terminal."""
    prefix = "CSCX_SALESLOFT_"
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "cscx-salesloft"), *words,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(prefix)},
            f"{prefix}KAFKA_BOOTSTRAP_SERVERS": "unused",
            f"{prefix}DATABASE_URL": stage.dsn,
            f"{prefix}ENCRYPTION_KEYS": f"k1:{KEY}",
            f"{prefix}ADDRESS_KEY": "unused",
            f"{prefix}SALESLOFT_URL": f"{stage.simulator.base_url}/v2",
            f"{prefix}CLOCK_URL": f"{stage.simulator.base_url}/sandbox/clock",
            "COLUMNS": "200",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, told.decode()


async def test_people_are_synced_from_the_command_line(stage: Stage, tmp_path: Path) -> None:
    await stage.simulator.switch(stage.team_id, bulk_rows_per_second=10_000)
    await listed(stage, somebody(0), somebody(1, email=None), somebody(2, title="CTO"))
    file = tmp_path / "fields.json"
    mapping = {"fields": {"first_name": "stakeholder.first_name"}, "custom_fields": {"Id": "stakeholder.id"}}
    file.write_bytes(orjson.dumps(mapping))
    code, told = await command(stage, "people", "fields", stage.organization_id, "--publish", str(file))
    assert (code, orjson.loads(told)["custom_fields"]) == (0, {"Id": {"first_of": ["stakeholder.id"]}})
    code, told = await command(stage, "people", "sync", stage.organization_id)
    assert code == 0, told
    rows = [[cell.strip() for cell in line.split("│")[1:3]] for line in told.splitlines() if line.startswith("│")]
    assert rows == [["unchanged", "0"], ["told", "2"], ["left out: no_email", "1"]]
    people = await stage.salesloft("GET", "/people")
    assert {one["custom_fields"]["Id"] for one in people} == {"sth-00000", "sth-00002"}
    assert {one["title"] for one in people} == {None}


async def test_cadences_are_listed_with_their_age(stage: Stage) -> None:
    cadence_id = str(stage.cadence["id"])
    code, told = await command(stage, "cadences", "describe", stage.organization_id, cadence_id, "Every renewal")
    assert code == 0, told
    await stage.advance(7 * 3600)
    code, told = await command(stage, "cadences", "list", stage.organization_id)
    assert code == 0, told
    assert all(str(one["id"]) in told for one in stage.team["cadences"])
    assert "Every renewal" in told
    assert "read 7 h ago, which is long" in told
    code, told = await command(stage, "people", "sync", "nobody")
    assert code == 1
    assert told.startswith("NotConnected: ")
