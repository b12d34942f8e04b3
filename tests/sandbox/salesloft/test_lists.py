"""Paging, sorting, filtering, and the ways in which Salesloft is odd about them."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam


@pytest.fixture
async def people(simulator: SimulatorClient, team: OwnTeam) -> list[dict[str, Any]]:
    added: list[dict[str, Any]] = (await simulator.call("POST", f"teams/{team.id}/people", {"count": 30}))["people"]
    return added


async def ids(api: httpx.AsyncClient, path: str) -> list[int]:
    answer = await api.get(path)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


async def test_a_list_is_paged_by_25_newest_first_without_counts(
    api: httpx.AsyncClient, people: list[dict[str, Any]]
) -> None:
    told = (await api.get("/people")).json()
    assert told["metadata"] == {
        "filtering": {},
        "paging": {"per_page": 25, "current_page": 1, "next_page": 2, "prev_page": None},
        "sorting": {"sort_by": "updated_at", "sort_direction": "DESC NULLS LAST"},
    }
    stamps = [row["updated_at"] for row in told["data"]]
    assert stamps == sorted(stamps, reverse=True)
    last = (await api.get("/people?page=2")).json()
    assert len(last["data"]) == 5
    assert (last["metadata"]["paging"]["next_page"], last["metadata"]["paging"]["prev_page"]) == (None, 1)
    assert (await api.get("/people?page=9")).json()["data"] == []


@pytest.mark.parametrize(("asked", "given"), [("0", 1), ("-3", 1), ("5000", 100), ("100", 100)])
async def test_per_page_is_clamped_and_echoed(api: httpx.AsyncClient, asked: str, given: int) -> None:
    told = (await api.get(f"/people?per_page={asked}&page=-1")).json()["metadata"]["paging"]
    assert (told["per_page"], told["current_page"]) == (given, 1)


async def test_counts_come_when_asked_for(api: httpx.AsyncClient, people: list[dict[str, Any]]) -> None:
    paging = (await api.get("/people?per_page=7&include_paging_counts=1")).json()["metadata"]["paging"]
    assert (paging["total_pages"], paging["total_count"]) == (5, 30)


async def test_counting_can_be_limited_to_ten_thousand(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.call("POST", f"teams/{team.id}/people", {"count": 10_001})
    path = "/people?per_page=100&include_paging_counts=true"
    assert (await api.get(path)).json()["metadata"]["paging"]["total_count"] == 10_001
    limited = (await api.get(f"{path}&limit_paging_counts=true")).json()["metadata"]["paging"]
    assert (limited["total_count"], limited["total_pages"]) == (10_000, 100)


@pytest.mark.parametrize("spelled", ["ids[]={0}&ids[]={1}", "ids={0}&ids={1}", "ids={0},{1}", "ids%5B%5D={0},{1}"])
async def test_an_array_may_be_spelled_in_every_way(
    api: httpx.AsyncClient, people: list[dict[str, Any]], spelled: str
) -> None:
    wanted = {people[3]["id"], people[17]["id"]}
    assert set(await ids(api, f"/people?{spelled.format(*wanted)}")) == wanted


async def test_unknown_ids_are_left_out(api: httpx.AsyncClient, people: list[dict[str, Any]]) -> None:
    assert await ids(api, f"/people?ids[]=1&ids[]={people[0]['id']}") == [people[0]["id"]]


async def test_an_unknown_filter_is_ignored_and_everything_comes(
    api: httpx.AsyncClient, people: list[dict[str, Any]]
) -> None:
    assert len(await ids(api, f"/people?email_address={people[0]['email_address']}&per_page=100")) == 30
    assert await ids(api, f"/people?email_addresses[]={people[0]['email_address'].upper()}") == [people[0]["id"]]


async def test_a_range_compares_microseconds_and_is_echoed(
    api: httpx.AsyncClient, people: list[dict[str, Any]]
) -> None:
    rows = (await api.get("/people?sort_direction=asc&per_page=100")).json()["data"]
    edge = rows[10]["updated_at"]
    for operator, expected in (("gt", 19), ("gte", 20), ("lt", 10), ("lte", 11)):
        answer = await api.get("/people", params={f"updated_at[{operator}]": edge, "per_page": "100"})
        assert len(answer.json()["data"]) == expected, operator
        assert answer.json()["metadata"]["filtering"] == {"updated_at": {operator: edge}}
    both = await api.get("/people", params={"updated_at[gte]": edge, "updated_at[lte]": edge})
    assert [row["id"] for row in both.json()["data"]] == [rows[10]["id"]]


async def test_a_range_compares_every_column_and_every_operator_alike(
    api: httpx.AsyncClient, people: list[dict[str, Any]]
) -> None:
    rows = (await api.get("/people?sort_by=created_at&sort_direction=asc&per_page=100")).json()["data"]
    edge = rows[10]["created_at"]
    chosen = ",".join(str(row["id"]) for row in rows)
    for operator, expected in (("gt", 19), ("gte", 20), ("lt", 10), ("lte", 11)):
        for query in ({f"created_at[{operator}]": edge}, {f"updated_at[{operator}]": edge, "ids": chosen}):
            answer = await api.get("/people", params={**query, "per_page": "100"})
            assert len(answer.json()["data"]) == expected, query


async def test_ascending_is_told_with_its_nulls_and_sorting_goes_by_other_columns(
    api: httpx.AsyncClient, people: list[dict[str, Any]]
) -> None:
    told = (await api.get("/people?sort_by=name&sort_direction=asc&per_page=100")).json()
    assert told["metadata"]["sorting"] == {"sort_by": "name", "sort_direction": "ASC NULLS FIRST"}
    names = [row["display_name"] for row in told["data"]]
    assert names == sorted(names)


@pytest.mark.parametrize("query", ["sort_by=colour", "sort_direction=UP", "ids[]=abc", "do_not_contact=perhaps"])
async def test_a_bad_value_is_422_and_names_its_field(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/people?{query}")
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [query.partition("=")[0].removesuffix("[]")]


async def test_a_malformed_timestamp_is_a_500(api: httpx.AsyncClient) -> None:
    answer = await api.get("/people?updated_at[gt]=yesterday")
    assert (answer.status_code, answer.json()) == (500, {"status": 500, "error": "Internal Server Error"})


async def test_a_text_may_be_matched_by_its_start_of_three_letters(
    api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await api.put(f"/people/{person['id']}", json={"title": "Director of IT"})
    assert await ids(api, "/people?title[_starts_with]=dir") == [person["id"]]
    assert (await api.get("/people?title[_starts_with]=di")).status_code == 422


async def test_nulls_can_be_asked_for(api: httpx.AsyncClient, person: dict[str, Any]) -> None:
    assert await ids(api, "/people?account_id[]=_is_null") == [person["id"]]
    assert await ids(api, "/people?last_contacted[]=_is_not_null") == []


async def test_custom_fields_filter_by_their_name(api: httpx.AsyncClient, person: dict[str, Any]) -> None:
    await api.put(f"/people/{person['id']}", json={"custom_fields": {"Plan": "gold"}})
    assert await ids(api, "/people?custom_fields[Plan]=gold") == [person["id"]]
    assert await ids(api, "/people?custom_fields[plan]=gold") == []


async def test_users_come_all_at_once_unless_a_page_is_asked_for(api: httpx.AsyncClient) -> None:
    everyone = (await api.get("/users?per_page=1")).json()
    assert len(everyone["data"]) == 4
    assert "paging" not in everyone["metadata"]
    one = (await api.get("/users?per_page=1&page=1")).json()
    assert (len(one["data"]), one["metadata"]["paging"]["next_page"]) == (1, 2)


async def test_deactivated_users_are_shown_only_to_who_asks_for_more_than_the_visible(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.call("PUT", f"teams/{team.id}/users/{team.rep_id}", {"active": False})
    assert team.rep_id not in await ids(api, "/users")
    assert team.rep_id not in await ids(api, "/users?visible_only=true")
    assert team.rep_id in await ids(api, "/users?visible_only=false")
    assert await ids(api, "/users?visible_only=false&active=false") == [team.rep_id]
    assert (await api.get(f"/users/{team.rep_id}")).json()["data"]["active"] is False


async def test_rows_that_share_a_timestamp_can_come_in_another_order_on_each_page(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    cadence = team.cadence("Welcome")
    await simulator.call(
        "POST",
        f"teams/{team.id}/population",
        {"people": 20, "cadence_id": cadence["id"], "emails_each": 2, "same_instant": 10},
    )
    path = "/cadence_memberships?sort_direction=ASC&per_page=10"
    straight = await ids(api, path)
    await simulator.switch(team.id, tie_order="shuffled")
    assert await ids(api, path) != straight
    assert set(await ids(api, path)) == set(straight)
    assert len(await ids(api, "/activities/emails?per_page=100")) == 40


async def test_a_change_can_be_seen_later_than_its_updated_at_says(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.switch(team.id, commit_lag_seconds=60)
    now = await simulator.now()
    stamps = []
    for number in range(10):
        created = (await api.post("/people", json={"email_address": f"late{number}@example.com"})).json()["data"]
        changed = (await api.put(f"/people/{created['id']}", json={"title": "CTO"})).json()["data"]
        assert changed["updated_at"] > created["updated_at"]
        stamps.append(datetime.fromisoformat(changed["updated_at"]))
    assert all(now - timedelta(seconds=60) <= stamp <= now for stamp in stamps)
    assert stamps != sorted(stamps), "every later change came after every earlier one"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/no_such_thing"),
        ("POST", "/cadences"),
        ("PUT", "/cadence_memberships/1"),
        ("PATCH", "/people/1"),
        ("PUT", "/actions/1"),
        ("GET", "/activities"),
        ("GET", "/activity_histories.json"),
    ],
)
async def test_what_does_not_exist_is_a_page_of_html(api: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await api.request(method, path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/me.json", "/people.json", "/activities/emails.json", "/cadences.json?per_page=1"])
async def test_core_paths_work_with_a_suffix(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(path)).status_code == 200


async def test_a_row_of_another_team_is_not_found(simulator: SimulatorClient, api: httpx.AsyncClient) -> None:
    other = await simulator.team("Other")
    answer = await api.get(f"/cadences/{other['cadences'][0]['id']}")
    assert (answer.status_code, answer.json()) == (404, {"status": 404, "error": "Not Found"})
