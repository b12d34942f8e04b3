"""Whom an organization never contacts, over HTTP: a list that everybody sees and managers and admins change."""

from typing import Any

import httpx

from tests.web.stage import Api
from tests.web.test_connection import refused

PATH = "/api/salesloft/suppressions"


async def listed(api: Api, query: str = "", **claims: Any) -> tuple[list[str], str | None]:
    answer = await api.http.get(f"{PATH}{query}", headers=api.headers(**{"role": "viewer", **claims}))
    assert answer.status_code == 200, answer.text
    return [one["value"] for one in answer.json()["items"]], answer.json()["next_cursor"]


async def send(api: Api, *entries: str, path: str = PATH, claims: Any = None, **more: Any) -> httpx.Response:
    headers = api.headers(**{"role": "manager", **(claims or {})})
    return await api.http.post(path, json={"entries": entries, **more}, headers=headers)


async def test_addresses_and_domains_are_listed_with_who_put_them_there_and_why(api: Api) -> None:
    answer = await send(api, " Ann@Acme.example", "@globex.example", note="by letter", claims={"sub": "usr-4"})
    assert (answer.status_code, answer.json()) == (200, {"added": [0, 1], "already_listed": []})
    found = (await api.http.get(PATH, headers=api.headers(role="csm"))).json()["items"]
    assert [(one["kind"], one["value"], one["note"], one["added_by"]) for one in found] == [
        ("domain", "globex.example", "by letter", "usr-4"),
        ("email", "ann@acme.example", "by letter", "usr-4"),
    ]
    again = await send(api, "ann@acme.example", "bob@acme.example")
    assert again.json() == {"added": [1], "already_listed": [0]}


async def test_what_is_taken_off_is_gone_and_both_are_in_the_audit_log_without_an_address(api: Api) -> None:
    await send(api, "ann@acme.example")
    answer = await send(api, "ann@acme.example", "bob@acme.example", path=f"{PATH}/removals", claims={"sub": "usr-5"})
    assert (answer.status_code, answer.json()) == (200, {"removed": [0], "not_listed": [1]})
    assert await listed(api) == ([], None)
    rows = await api.fetch(
        "SELECT * FROM audit_entries WHERE organization_id = $1 ORDER BY position", api.organization_id
    )
    assert [(row["action"], row["actor"]) for row in rows] == [
        ("suppression.added", "usr-1"),
        ("suppression.removed", "usr-5"),
    ]
    assert "ann@" not in str(rows)


async def test_what_is_taken_off_may_be_put_on_again_at_once(api: Api) -> None:
    for _ in range(3):
        assert (await send(api, "ann@acme.example")).json() == {"added": [0], "already_listed": []}
        answer = await send(api, "ann@acme.example", path=f"{PATH}/removals")
        assert (answer.status_code, answer.json()) == (200, {"removed": [0], "not_listed": []})
    rows = await api.fetch("SELECT removed_by FROM suppressions WHERE organization_id = $1", api.organization_id)
    assert [row["removed_by"] for row in rows] == ["usr-1"] * 3


async def test_one_bad_entry_keeps_all_off_the_list(api: Api) -> None:
    problem = refused(await send(api, "ann@acme.example", "nobody", "a b@acme.example"), 422, "invalid_request")
    assert [one["field"] for one in problem["errors"]] == ["body.entries.1", "body.entries.2"]
    assert await listed(api) == ([], None)


async def test_the_list_is_told_a_page_at_a_time(api: Api) -> None:
    await send(api, *(f"{name}.example" for name in "edcba"), "x@y.example")
    pages, cursor = [], ""
    for _ in range(3):
        pages.append(await listed(api, f"?limit=2{cursor}"))
        cursor = f"&cursor={pages[-1][1]}"
    assert [page for page, _ in pages] == [
        ["a.example", "b.example"],
        ["c.example", "d.example"],
        ["e.example", "x@y.example"],
    ]
    assert pages[-1][1] is None


async def test_neither_a_csm_nor_another_organization_changes_or_sees_it(api: Api) -> None:
    await send(api, "ann@acme.example")
    refused(await send(api, "bob@acme.example", claims={"role": "csm"}), 403, "role_required")
    refused(await send(api, "ann@acme.example", path=f"{PATH}/removals", claims={"role": "csm"}), 403, "role_required")
    foreign = {"organization_id": "org-of-others"}
    assert await listed(api, **foreign) == ([], None)
    assert (await send(api, "ann@acme.example", path=f"{PATH}/removals", claims=foreign)).json()["removed"] == []
    assert await listed(api) == (["ann@acme.example"], None)
