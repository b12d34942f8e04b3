"""An organization takes along what was kept of it, and leaves: nobody is on a cadence any more, and nothing is kept."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from consumers.incoming import Incoming
from consumers.present import Present
from sandbox.salesloft.server import SimulatorClient
from storage import departures
from storage.pool import Database
from tests.web.acting import CALM, Acting, acting, refused
from tests.web.stage import Api, running_api
from workflows.audit_chain import seal_entries, verify
from workflows.departures import go_on

EXPORT, DEPARTURE = "/api/salesloft/organization/export", "/api/salesloft/organization/departure"


@pytest.fixture
async def desk(simulator: SimulatorClient, database: Database, migrated: str) -> AsyncIterator[Acting]:
    async with running_api(simulator, database, migrated, **CALM) as api:
        yield await acting(api)


@pytest.fixture
async def other(desk: Acting, simulator: SimulatorClient, database: Database, migrated: str) -> AsyncIterator[Acting]:
    """Another organization of the same database."""
    async with running_api(simulator, database, migrated, **CALM) as api:
        yield await acting(api)


async def kept(api: Api, organization_id: str) -> dict[str, int]:
    """How many rows each table has of an organization."""
    async with api.database.connection() as connection:
        tables = await connection.fetch(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
            " AND a.attname = 'organization_id'"
        )
        counts = {
            name: await connection.fetchval(
                f"SELECT count(*) FROM {name} WHERE organization_id = $1",  # noqa: S608 - a name of the catalogue's
                organization_id,
            )
            for (name,) in tables
        }
    return {name: count for name, count in counts.items() if count}


async def leave(desk: Acting, **claims: Any) -> None:
    body = {"organization_id": desk.api.organization_id, "reason": "the contract ends"}
    answer = await desk.call("POST", DEPARTURE, body, role="admin", **claims)
    assert (answer.status_code, answer.headers["location"]) == (202, DEPARTURE), answer.text


async def goes_on(desk: Acting) -> list[int]:
    """The departures, until nothing more can be done now: how much was done, piece by piece."""
    done: list[int] = []
    while not done or done[-1]:
        async with desk.api.database.transaction() as connection:
            done.append(0)
            for leaving in await departures.under_way(connection, limit=10):
                done[-1] += await go_on(connection, leaving, desk.memory, desk.api.clock.now(), people=1, rows=7)
    return done


async def told(desk: Acting) -> dict[str, Any]:
    answer = await desk.call("GET", DEPARTURE, role="viewer")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def states(desk: Acting) -> list[str]:
    rows = await desk.api.fetch(
        "SELECT state FROM enrollments WHERE organization_id = $1 ORDER BY state", desk.api.organization_id
    )
    return [row["state"] for row in rows]


async def test_whoever_leaves_is_let_go_of_and_forgotten_and_nobody_else(desk: Acting, other: Acting) -> None:
    await desk.enrolled("sth-1")
    assert (await desk.add("sth-2", claims={"role": "admin"})).status_code == 202
    await other.enrolled("sth-1")
    await other.call("POST", "/api/salesloft/stops", {"scope": "organization", "reason": "a quiet week"}, role="admin")
    others = await kept(other.api, other.api.organization_id)

    await leave(desk)
    await goes_on(desk)
    there = await told(desk)
    assert (there["state"], there["customers"], there["on_cadence"], there["rows_deleted"]) == ("leaving", 0, 1, 0)
    assert await states(desk) == ["enrolled", "withdrawn"]
    assert await desk.writes(method="DELETE") == []

    await desk.carry_out()
    assert len(await desk.writes(method="DELETE")) == 1
    assert await states(desk) == ["exited", "withdrawn"]
    await goes_on(desk)
    await desk.carry_out()
    (row,) = await desk.api.fetch(
        "SELECT status, secret FROM salesloft_connections WHERE organization_id = $1", desk.api.organization_id
    )
    assert tuple(row) == ("disconnected", None)
    assert len(await goes_on(desk)) > 3
    there = await told(desk)
    assert (there["state"], there["left_behind"], there["asked_by"]) == ("left", 0, "usr-1")
    assert there["rows_deleted"] > 20
    assert (await kept(desk.api, desk.api.organization_id)).keys() == {"organizations", "departures", "audit_entries"}
    assert await kept(other.api, other.api.organization_id) == others
    assert await states(other) == ["enrolled"]


async def test_what_was_done_stays_in_the_audit_log_whose_chain_holds(desk: Acting) -> None:
    await leave(desk)
    await goes_on(desk)
    await desk.carry_out()
    await goes_on(desk)
    async with desk.api.database.transaction() as connection:
        await seal_entries(connection, limit=1000)
    async with desk.api.database.reading() as connection:
        assert (await verify(connection, desk.api.organization_id)).entries > 3
    rows = await desk.api.fetch("SELECT action, actor FROM audit_entries ORDER BY position")
    assert [tuple(row) for row in rows if row["action"].startswith("organization.")] == [
        ("organization.leaving", "usr-1"),
        ("organization.left", None),
    ]
    assert "the contract ends" not in str(rows)


async def test_where_salesloft_does_not_know_us_any_more_whoever_is_left_on_a_cadence_is_told(desk: Acting) -> None:
    await desk.enrolled("sth-1")
    await desk.api.fetch("UPDATE salesloft_connections SET status = 'needs_reauthorization'")
    await leave(desk)
    await goes_on(desk)
    there = await told(desk)
    assert (there["state"], there["left_behind"]) == ("left", 1)


async def test_a_removal_that_cannot_be_done_keeps_nobody_here_for_ever(desk: Acting) -> None:
    await desk.enrolled("sth-1")
    await leave(desk)
    await goes_on(desk)
    desk.api.pass_time(days=7)
    assert await goes_on(desk) == [0]
    assert not await desk.api.fetch("SELECT FROM commands WHERE kind = 'disconnect'")
    desk.api.pass_time(minutes=1)
    await goes_on(desk)
    assert len(await desk.api.fetch("SELECT FROM commands WHERE kind = 'disconnect'")) == 1


async def test_what_was_to_begin_one_day_holds_no_departure_up(desk: Acting) -> None:
    one_day = (desk.api.clock.now() + timedelta(days=5)).date().isoformat()
    answer = await desk.add("sth-1", claims={"role": "admin"}, start_date=one_day)
    assert answer.status_code == 202, answer.text
    await desk.approve(answer.json()["enrollment_id"])
    assert await states(desk) == ["scheduled"]
    await leave(desk)
    await goes_on(desk)
    assert await states(desk) == ["withdrawn"]
    await desk.carry_out()
    await goes_on(desk)
    there = await told(desk)
    assert (there["state"], there["left_behind"]) == ("left", 0)
    assert await desk.writes() == []


async def test_nothing_is_done_for_who_has_left_until_it_comes_back(desk: Acting) -> None:
    await leave(desk)
    stop = {"scope": "organization", "reason": "a quiet week"}
    refused(await desk.call("POST", "/api/salesloft/stops", stop, role="admin"), 409, "organization_departed")
    refused(await desk.call("DELETE", DEPARTURE, role="admin"), 409, "still_leaving")
    await leave(desk, sub="usr-2")
    assert (await told(desk))["asked_by"] == "usr-1"
    await goes_on(desk)
    await desk.carry_out()
    await goes_on(desk)
    refused(await desk.call("POST", "/api/salesloft/stops", stop, role="admin"), 409, "organization_departed")
    assert (await desk.call("DELETE", DEPARTURE, role="admin")).status_code == 204
    refused(await desk.call("GET", DEPARTURE), 404, "departure_unknown")
    assert (await desk.call("POST", "/api/salesloft/stops", stop, role="admin")).status_code == 201


async def test_it_is_no_mistake_and_what_it_ends_can_be_asked_before(desk: Acting) -> None:
    await desk.enrolled("sth-1")
    before = await kept(desk.api, desk.api.organization_id)
    body = {"organization_id": desk.api.organization_id, "reason": "the contract ends"}
    answer = await desk.call("POST", f"{DEPARTURE}?dry_run=true", body, role="admin")
    assert (answer.status_code, answer.json()) == (200, {"customers": 2, "stakeholders": 2, "on_cadence": 1})
    wrong = body | {"organization_id": "org-of-others"}
    problem = refused(await desk.call("POST", DEPARTURE, wrong, role="admin"), 422, "invalid_request")
    assert problem["errors"][0]["field"] == "body.organization_id"
    assert await kept(desk.api, desk.api.organization_id) == before


async def test_an_export_holds_every_row_of_the_organization_and_nothing_secret(desk: Acting, other: Acting) -> None:
    await desk.enrolled("sth-1")
    await other.enrolled("sth-1")
    answer = await desk.call("GET", EXPORT, role="admin")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    first, *lines, last = map(orjson.loads, answer.text.splitlines())
    assert first["organization_id"] == desk.api.organization_id
    counted: dict[str, int] = {}
    for one in lines:
        assert one["row"]["organization_id"] == desk.api.organization_id
        assert not {"secret", "key_id", "nonce"} & one["row"].keys()
        counted[one["table"]] = counted.get(one["table"], 0) + 1
    assert last == {"end": True, "rows": counted}
    there = await kept(desk.api, desk.api.organization_id)
    assert counted.keys() == there.keys() - {"limit_locks"}
    assert {"enrollments", "enrollment_history", "directory_stakeholders", "audit_entries"} <= counted.keys()
    assert desk.api.team["api_key"] not in answer.text
    rows = await desk.api.fetch("SELECT actor FROM audit_entries WHERE action = 'organization.exported'")
    assert [row["actor"] for row in rows] == ["usr-1"]


class Heard:
    """A handler that remembers whom it has heard of."""

    name = "heard"
    topics: tuple[str, ...] = ("cscx.directory.customer.v1",)

    def __init__(self) -> None:
        self.organizations: list[str] = []

    async def apply(self, _: Any, batch: Any) -> tuple[()]:
        self.organizations += [incoming.organization_id for incoming in batch]
        return ()


def record(organization_id: str, offset: int, now: Any) -> Incoming:
    return Incoming(
        topic="cscx.directory.customer.v1",
        partition=0,
        offset=offset,
        timestamp=now,
        key=f"{organization_id}:cus-1".encode(),
        headers=(),
        value=b"",
        organization_id=organization_id,
        subject_id="cus-1",
        envelope=None,
        event=None,
        data=b"",
    )


async def test_the_bus_is_not_heard_of_who_leaves(desk: Acting) -> None:
    heard, now = Heard(), desk.api.clock.now()
    present = Present(heard)
    mine = desk.api.organization_id
    batch = [record(mine, 1, now), record("org-elsewhere", 2, now), record(mine, 3, now + timedelta(days=1))]
    async with desk.api.database.transaction() as connection:
        await present.apply(connection, batch)
    assert heard.organizations == [mine, "org-elsewhere", mine]
    await leave(desk)
    heard.organizations.clear()
    async with desk.api.database.transaction() as connection:
        await present.apply(connection, batch)
        await present.apply(connection, batch[:1])
    assert heard.organizations == ["org-elsewhere"]
