"""The audit log over HTTP: an organization's admins read what was done in its name, and by whom."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from tests.web.acting import acting, refused
from tests.web.stage import Api
from workflows.audit import Action, Done, Way, coming_by, digest_of, note
from workflows.audit_chain import seal_entries

PATH = "/api/salesloft/audit-log"
NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)


async def read(api: Api, query: str = "", **claims: Any) -> httpx.Response:
    return await api.http.get(f"{PATH}{query}", headers=api.headers(**{"role": "admin", **claims}))


async def entries(api: Api, query: str = "", **claims: Any) -> list[dict[str, Any]]:
    """All of them, page after page."""
    found: list[dict[str, Any]] = []
    answer = await read(api, query, **claims)
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if not page["next_cursor"]:
            return found
        answer = await read(api, f"{query}{'&' if query else '?'}cursor={page['next_cursor']}", **claims)


async def done(api: Api, *many: Done) -> None:
    """Noted in one transaction, by one caller of the API."""
    with coming_by(Way.API, "cor-7"):
        async with api.database.transaction() as connection:
            await note(connection, *many, now=api.clock.now())


def stopped(organization_id: str, number: int, by: str | None = "usr-1", **more: Any) -> Done:
    return Done(organization_id, Action.STOPPED, f"stop/{number}", by=by, detail={"n": number}, **more)


async def test_what_was_done_is_told_by_whom_how_and_when_and_its_seal_once_it_has_one(api: Api) -> None:
    await done(api, stopped(api.organization_id, 1, digested="wrong prices"))
    (before,) = await entries(api)
    assert (before["sequence"], before["hash"]) == (None, None)
    async with api.database.transaction() as connection:
        await seal_entries(connection, limit=10)
    (told,) = await entries(api)
    assert told == before | {"sequence": 1, "hash": told["hash"]}
    assert told["hash"].startswith("sha256:")
    assert {name: told[name] for name in ("action", "subject", "actor", "way", "correlation_id", "detail")} == {
        "action": "stop.set",
        "subject": "stop/1",
        "actor": "usr-1",
        "way": "api",
        "correlation_id": "cor-7",
        "detail": {"n": 1},
    }
    # Of the reason there is its digest alone.
    assert "wrong prices" not in str(told)
    assert told["digest"] == digest_of(UUID(told["id"]), "wrong prices")


async def test_what_somebody_does_over_http_is_there(api: Api) -> None:
    body = {"scope": "organization", "reason": "wrong prices"}
    answer = await api.http.post("/api/salesloft/stops", json=body, headers=api.headers(role="manager", sub="usr-4"))
    assert answer.status_code == 201, answer.text
    (told,) = await entries(api, "?action=stop.set")
    assert (told["subject"], told["actor"]) == (f"stop/{answer.json()['id']}", "usr-4")
    assert told["correlation_id"] == answer.headers["x-correlation-id"]


async def test_pages_tell_each_once_the_latest_first_though_they_were_noted_at_once(api: Api) -> None:
    await done(api, *(stopped(api.organization_id, number) for number in range(7)))
    found = [one["detail"]["n"] for one in await entries(api, "?limit=2")]
    assert found == [6, 5, 4, 3, 2, 1, 0]


async def test_what_is_noted_while_somebody_pages_moves_nothing(api: Api) -> None:
    await done(api, *(stopped(api.organization_id, number) for number in range(4)))
    first = (await read(api, "?limit=2")).json()
    await done(api, stopped(api.organization_id, 9))
    second = (await read(api, f"?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["detail"]["n"] for one in (*first["items"], *second["items"])] == [3, 2, 1, 0]
    assert second["next_cursor"] is None


async def test_it_is_asked_by_who_did_it_what_was_done_and_to_what(api: Api) -> None:
    started = Done(api.organization_id, Action.STARTED, "stop/1", by="usr-2", detail={"n": 8})
    by_itself = stopped(api.organization_id, 3, by=None)
    await done(api, stopped(api.organization_id, 1), stopped(api.organization_id, 2), by_itself, started)
    for query, expected in {
        "": [8, 3, 2, 1],
        "?actor=usr-1": [2, 1],
        "?actor=usr-2": [8],
        "?action=stop.set": [3, 2, 1],
        "?subject=stop/1": [8, 1],
        "?subject=stop/1&actor=usr-1": [1],
        "?actor=nobody": [],
    }.items():
        assert [one["detail"]["n"] for one in await entries(api, query)] == expected, query


async def test_a_cursor_of_one_question_is_refused_for_another(api: Api) -> None:
    await done(api, *(stopped(api.organization_id, number) for number in range(3)))
    cursor = (await read(api, "?limit=1&actor=usr-1")).json()["next_cursor"]
    refused(await read(api, f"?limit=1&cursor={cursor}"), 400, "cursor_refused")


async def test_who_it_was_and_whom_it_is_about_is_told_by_name_as_long_as_it_is_known(api: Api) -> None:
    desk = await acting(api)
    added = await desk.add("sth-1", claims={"role": "admin", "sub": "usr-1"})
    enrollment_id = added.json()["enrollment_id"]
    async with api.database.transaction() as connection:
        await note(connection, Done(api.organization_id, Action.STOPPED, "enrollment/no-id", by="usr-9"), now=NOW)
        await note(connection, Done(api.organization_id, Action.CADENCE_DESCRIBED, "cadence/7"), now=NOW)
    unknown, odd, requested, *_ = await entries(api)
    assert [one["about"] for one in (unknown, odd)] == [None, None]
    assert (odd["actor"], odd["actor_name"]) == ("usr-9", None)
    assert (requested["actor"], requested["actor_name"]) == ("usr-1", api.team["users"][1]["name"])
    assert requested["subject"] == f"enrollment/{enrollment_id}"
    assert requested["about"] == {
        "stakeholder_id": "sth-1",
        "stakeholder_name": "Ann Lee",
        "cadence_id": desk.cadence["id"],
        "cadence_name": desk.cadence["name"],
        "mapping_id": None,
        "trigger_type": None,
        "segment": None,
    }
    await api.fetch("UPDATE directory_stakeholders SET data = NULL, erased_at = now()")
    (requested,) = await entries(api, "?action=enrollment.requested")
    assert (requested["about"]["stakeholder_id"], requested["about"]["stakeholder_name"]) == ("sth-1", None)


async def test_nobody_reads_it_but_their_own_organizations_admins(api: Api) -> None:
    others = f"org-{uuid4().hex[:8]}"
    await done(api, stopped(api.organization_id, 1), stopped(others, 2))
    assert [one["detail"]["n"] for one in await entries(api)] == [1]
    assert [one["detail"]["n"] for one in await entries(api, organization_id=others)] == [2]
    for role in ("viewer", "csm", "manager"):
        refused(await read(api, role=role), 403, "role_required")
