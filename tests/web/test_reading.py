"""What can be looked at over HTTP: by whom, of whom, in pages, and what is said of how fresh it is."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from sandbox.salesloft.server import running_simulator
from sandbox.stack import PostgresServer
from storage import activity, budget, cadences, looking, looking_approvals, looking_operations, steering, timeline
from storage.looking import Filters, UnitFilters
from storage.outcomes import DecisionFilters, Span, count_decided, decided, outcomes
from storage.stored_evaluations import About
from tests.fulfillment.account import SAVE
from tests.web.event_stream import Stream
from tests.web.looking_scene import FAILED, NEVER_CONNECTED, PAUSED, WAITING, Scene, scene_set

ROLES = ("csm", "manager", "admin", "viewer")
LISTS = (
    *("/enrollments", "/failures", "/approvals", "/cadence-memberships", "/sync/ledger", "/cadences"),
    "/outcomes/decisions",
)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture(scope="module")
async def scene(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[Scene]:
    async with running_simulator() as simulator, scene_set(simulator, postgres_server, migrated_template) as set_up:
        yield set_up


def timeless(told: list[Any]) -> str:
    """Without what moves by the second."""
    return re.sub(rb'"(age|time_left)_seconds":\d+|"as_of":"[^"]*"', b"", orjson.dumps(told)).decode()


async def named(scene: Scene) -> dict[str, str]:
    """Resources of one thing, with an id of the organization that is looked at."""
    enrollment = scene.enrollments[PAUSED]
    (membership, *_) = (await scene.see("/cadence-memberships"))["items"]
    return {
        "cadence": f"/cadences/{scene.stage.mapping.cadence_id}",
        "person": f"/people/{scene.stakeholder_id}",
        "activity": f"/people/{scene.stakeholder_id}/activity",
        "history": f"/people/{scene.stakeholder_id}/history",
        "customer": f"/customers/{PAUSED}",
        "customer activity": f"/customers/{PAUSED}/activity",
        "customer history": f"/customers/{PAUSED}/history",
        "enrollment": f"/enrollments/{enrollment}",
        "approval": f"/approvals/{enrollment}",
        "membership": f"/cadence-memberships/{membership['id']}",
    }


async def test_everybody_of_the_organization_looks_at_everything(scene: Scene) -> None:
    paths = [*LISTS, *(await named(scene)).values(), f"/decisions?customer_id={PAUSED}"]
    for path in [*paths, "/outcomes", "/connection", "/sync", "/rate-budget"]:
        for role in ROLES:
            answer = await scene.get(path, role=role)
            assert answer.status_code == 200, (path, role, answer.text)
        assert (await scene.http.get(f"/api/salesloft{path}")).status_code == 401, path


async def test_nothing_that_is_looked_at_waits_for_a_thread(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of the framework's that does not say `async` is run in a thread: a tenth of a millisecond each."""

    async def run_sync(function: Any, *_: Any, **__: Any) -> Any:
        pytest.fail(f"{function} is run in a thread")

    monkeypatch.setattr("anyio.to_thread.run_sync", run_sync)
    for path in [*LISTS, *(await named(scene)).values(), "/connection", "/sync", "/rate-budget"]:
        await scene.see(path)


async def test_nobody_of_another_organization_does(scene: Scene) -> None:
    other = scene.foreign.stage.organization_id
    for path in (await named(scene)).values():
        answer = await scene.get(path, other)
        assert answer.status_code == 404, (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["reason_code"].endswith("_unknown")
    ours = (scene.organization_id, PAUSED, WAITING, FAILED, str(scene.enrollments[PAUSED]))
    for path in (
        *LISTS,
        "/connection",
        "/sync",
        f"/decisions?customer_id={PAUSED}",
        f"/enrollments?customer_id={PAUSED}",
    ):
        answer = await scene.get(path, other)
        assert answer.status_code == 200, (path, answer.text)
        assert not [one for one in ours if f'"{one}"' in answer.text], path


async def test_an_unknown_id_is_answered_like_a_foreign_one(scene: Scene) -> None:
    for path in ("/people/nobody", "/customers/nobody", f"/enrollments/{uuid4()}", f"/cadence-memberships/{uuid4()}"):
        assert (await scene.get(path)).status_code == 404, path
    for cadence_id in (-1, 2**63 - 1, 2**63, 10**40):
        assert (await scene.get(f"/cadences/{cadence_id}")).status_code == 404, cadence_id
    assert (await scene.get("/enrollments/no-uuid")).status_code == 422


async def test_the_database_itself_shows_nothing_foreign(scene: Scene) -> None:
    """Everything that is asked, asked of one organization while the transaction is another one's."""
    ours, now, people = scene.organization_id, scene.stage.clock.now(), [scene.stakeholder_id]
    enrollment, about = scene.enrollments[PAUSED], About(customer_id=PAUSED)
    span = Span(since=now - timedelta(days=30))

    async def seen(connection: Any) -> dict[str, Any]:
        return {
            "enrollments": await looking.enrollments(ours, Filters(), limit=9, now=now).asked_of(connection),
            "waiting": await looking_approvals.waiting(connection, ours, limit=9),
            "requests": await looking_approvals.requests(connection, ours, [enrollment], limit=9),
            "decisions": await looking_approvals.decisions_on(connection, ours, enrollment),
            "history": await looking.history(connection, ours, enrollment),
            "evaluations": await looking.evaluations(connection, ours, about, limit=9),
            "memberships": await looking.memberships(ours, limit=9).asked_of(connection),
            "activity": await looking.activity(ours, people, UnitFilters(), limit=9).asked_of(connection),
            "known": [
                one
                for one in await looking.people(ours, people).asked_of(connection)
                if one.data or one.engagement or one.organization_zone
            ],
            "people": await looking.people_of(connection, ours, PAUSED, limit=9),
            "stakeholder": await looking.is_stakeholder_known(connection, ours, scene.stakeholder_id),
            "customer": await looking.is_customer_known(connection, ours, PAUSED),
            "freshness": [
                one for one in await looking.freshness(ours).asked_of(connection) if one.status or one.stream
            ],
            "connection": await looking_operations.connection_of(connection, ours),
            "streams": await looking_operations.streams(connection, ours),
            "ledger": await looking_operations.ledger(
                connection, ours, stream=None, before=(None, None, None), limit=9
            ),
            "timeline": await timeline.read(connection, ours, customer_id=PAUSED, limit=9),
            "steerings": await steering.list_of(connection, ours, enrollment),
            "outcomes": (await outcomes(connection, ours, span)).enrollments,
            "decided": await decided(connection, ours, span, DecisionFilters(), limit=9),
            "count of decided": await count_decided(connection, ours, span, DecisionFilters()),
            "cadences": await cadences.show(connection, ours),
            "observed": (await cadences.observed(connection, ours))[0],
            "goals": await cadences.goals(connection, ours),
            "catalogue": await cadences.catalogue_state(connection, ours),
            "engagement": await activity.read_engagements(connection, [(ours, scene.stakeholder_id)]),
            "budget": await budget.read(connection, ours),
        }

    async with scene.looking.database.organization_reading(ours) as connection:
        own = await seen(connection)
        assert [name for name, found in own.items() if not found] == []
    for organization_id in (scene.foreign.stage.organization_id, ""):
        async with scene.looking.database.organization_reading(organization_id) as connection:
            assert [name for name, found in (await seen(connection)).items() if found] == []


async def test_where_nothing_is_there_is_nothing_to_see(scene: Scene) -> None:
    for path in (*LISTS, "/decisions?customer_id=cus-1"):
        assert (await scene.see(path, NEVER_CONNECTED))["items"] == [], path
    assert (await scene.see("/connection", NEVER_CONNECTED))["status"] == "never_connected"
    assert (await scene.see("/sync", NEVER_CONNECTED))["streams"] == []
    assert (await scene.see("/rate-budget", NEVER_CONNECTED))["team_id"] is None
    assert (await scene.see("/enrollments", NEVER_CONNECTED))["freshness"] == {
        "connected": False,
        "as_of": None,
        "streams": {"memberships": None},
    }


async def test_pages_put_together_are_the_whole(scene: Scene) -> None:
    person, customer = f"/people/{scene.stakeholder_id}", f"/customers/{PAUSED}"
    lists = (*LISTS, f"{person}/activity", f"{customer}/activity", f"{person}/history", f"{customer}/history")
    for path in lists:
        whole = (await scene.see(path, limit=200))["items"]
        assert len(whole) >= 1, path
        assert timeless(await scene.walk(path)) == timeless(whole), path
        assert timeless(await scene.walk(path, limit=2)) == timeless(whole), path
    assert len((await scene.see(f"{person}/activity"))["items"]) == 4
    decided = (await scene.see("/decisions", customer_id=PAUSED))["items"]
    assert await scene.walk("/decisions", customer_id=PAUSED) == decided != []


async def test_what_comes_while_somebody_turns_pages_moves_nothing(scene: Scene) -> None:
    first = await scene.see("/enrollments", limit=1)
    before = (await scene.see("/enrollments"))["items"]
    late = scene.accounts[WAITING]
    await late.signal(SAVE, key="once more")
    rest: list[Any] = []
    cursor = first["next_cursor"]
    while cursor is not None:
        page = await scene.see("/enrollments", limit=1, cursor=cursor)
        rest, cursor = [*rest, *page["items"]], page["next_cursor"]
    assert [one["id"] for one in [*first["items"], *rest]] == [one["id"] for one in before]
    newest = (await scene.see("/enrollments", limit=1))["items"][0]
    assert newest["id"] not in {one["id"] for one in before}


async def test_a_cursor_is_good_for_its_question_alone(scene: Scene) -> None:
    cursor = (await scene.see("/enrollments", limit=1))["next_cursor"]
    for query in ({"cursor": cursor, "customer_id": PAUSED}, {"cursor": "made up"}, {"cursor": "e30"}):
        answer = await scene.get("/enrollments", **query)
        assert (answer.status_code, answer.json()["reason_code"]) == (400, "cursor_refused"), query
    other = await scene.get("/enrollments", scene.foreign.stage.organization_id, cursor=cursor)
    assert other.status_code == 400
    for limit in (0, 201):
        assert (await scene.get("/enrollments", limit=limit)).status_code == 422


@pytest.mark.parametrize(
    ("reason", "held", "let_go"),
    [
        (
            "stopped",
            """INSERT INTO stops (id, organization_id, scope, subject, reason, pauses_active, stopped_by, stopped_at)
               SELECT id, organization_id, 'customer', customer_id, 'audit', false, 'usr-1', created_at
               FROM enrollments WHERE id = $1""",
            "DELETE FROM stops WHERE id = $1",
        ),
        (
            "preempted",
            """WITH held AS (UPDATE enrollments SET is_upsell = true WHERE id = $1 RETURNING *)
               INSERT INTO risk_episodes (organization_id, customer_id, episode_id, opened_at, holds_until)
               SELECT organization_id, customer_id, 'a', now(), 'infinity' FROM held""",
            """WITH held AS (UPDATE enrollments SET is_upsell = false WHERE id = $1 RETURNING *)
               DELETE FROM risk_episodes r USING held WHERE r.customer_id = held.customer_id AND r.episode_id = 'a'""",
        ),
        (
            "requested_by_person",
            """INSERT INTO pauses (enrollment_id, organization_id, reason, asked_at, asked_by)
               SELECT id, organization_id, 'requested_by_person', created_at, 'usr-1' FROM enrollments WHERE id = $1""",
            "DELETE FROM pauses WHERE enrollment_id = $1",
        ),
    ],
)
async def test_an_enrollment_tells_what_holds_it(scene: Scene, reason: str, held: str, let_go: str) -> None:
    id_ = scene.enrollments[WAITING]
    assert (await scene.see(f"/enrollments/{id_}"))["enrollment"]["held"] is None
    await scene.stage.execute(held, id_)
    told = (await scene.see(f"/enrollments/{id_}"))["enrollment"]["held"]
    await scene.stage.execute(let_go, id_)
    assert told is not None
    assert told["reason"] == reason


async def test_an_enrollment_tells_where_it_stands_and_why(scene: Scene) -> None:
    told = await scene.see(f"/enrollments/{scene.enrollments[PAUSED]}")
    enrollment = told["enrollment"]
    assert (enrollment["state"], enrollment["stakeholder_name"]) == ("paused", "Ann Lee")
    assert (enrollment["held"]["reason"], enrollment["held"]["by"]) == ("requested_by_person", "usr-1")
    assert INSTANT.fullmatch(enrollment["held"]["until"])
    assert 1 == enrollment["progress"]["step"] <= enrollment["progress"]["steps"]
    states = [one["to"] for one in told["history"]]
    assert states == ["requested", "approved", "scheduled", "enrolling", "enrolled", "paused"]
    assert [one["counted"] for one in told["approvals"]] == [True]
    assert [(one["action"], one["note"]) for one in told["asked"]] == [("pause", "on holiday")]
    (why,) = [one for one in told["why"] if one["cause"] == "event"]
    assert why["decided_again"] == "same"
    (decision,) = why["decisions"]
    assert (decision["outcome"], decision["reason"]) == ("request", "requested")
    assert [one["said"] for one in decision["asked"]] == ["taken"]
    assert decision["would_turn"] is not None
    assert told["freshness"]["as_of"] is not None


async def test_failures_say_what_can_be_done(scene: Scene) -> None:
    (found,) = (await scene.see("/failures"))["items"]
    assert found["enrollment"]["id"] == str(scene.enrollments[FAILED])
    assert found["enrollment"]["reason"] == "ambiguous_person"
    assert "Merge them" in found["what_can_be_done"]


async def test_approvals_tell_how_much_time_is_left(scene: Scene) -> None:
    waiting = (await scene.see("/approvals", customer_id=WAITING))["items"]
    first = waiting[0]
    assert {one["status"] for one in waiting} == {"waiting"}
    assert first["enrollment_id"] == str(scene.enrollments[WAITING])
    assert 0 < first["time_left_seconds"] <= 24 * 3600
    assert first["action"]["cadence"]["id"] == scene.stage.mapping.cadence_id
    assert first["expires_at"] == min(one["expires_at"] for one in waiting)
    every = (await scene.see("/approvals", show="all", customer_id=PAUSED))["items"]
    assert [(one["status"], one["time_left_seconds"]) for one in every] == [("approved", None)]


async def test_a_stakeholder_is_seen_in_one_place(scene: Scene) -> None:
    told = await scene.see(f"/people/{scene.stakeholder_id}")
    stakeholder = told["stakeholder"]
    assert (stakeholder["name"], stakeholder["customer_id"]) == ("Ann Lee", PAUSED)
    assert stakeholder["at_salesloft"]["person_id"] > 0
    assert [one["state"] for one in stakeholder["enrollments"]] == ["paused"]
    engagement = stakeholder["engagement"]
    assert engagement["counts"]["replied"] == 1
    assert engagement["score"] == sum(part["points"] for part in engagement["score_parts"]) > 0
    assert stakeholder["latest_decisions"][0]["reason"] == "requested"
    assert [one["kind"] for one in told["history"]][:2] == ["activity", "activity"]
    customer = await scene.see(f"/customers/{PAUSED}")
    assert [one for one in customer["stakeholders"] if one["id"] == scene.stakeholder_id] == [stakeholder]


async def test_activity_tells_when_it_was_and_how_sure_that_is(scene: Scene) -> None:
    path = f"/people/{scene.stakeholder_id}/activity"
    page = await scene.see(path)
    assert [one["kind"] for one in page["items"]][-2:] == ["email-opened", "email-sent"]
    opened, sent = page["items"][-2:]
    assert sent["occurred_between"] is None
    assert INSTANT.fullmatch(sent["occurred_at"])
    assert opened["occurred_at"] is None
    assert opened["occurred_between"][0] < opened["occurred_between"][1]
    assert sent["noticed_at"] > sent["occurred_at"]
    assert page["freshness"]["as_of"] is not None
    assert [one["kind"] for one in (await scene.see(path, kind="email-opened"))["items"]] == ["email-opened"]
    assert (await scene.see(path, until=sent["occurred_at"]))["items"] == []
    assert (await scene.see(path, cadence_id=1))["items"] == []


async def test_a_membership_is_told_with_the_enrollment_that_made_it(scene: Scene) -> None:
    (one,) = (await scene.see("/cadence-memberships", stakeholder_id=scene.stakeholder_id))["items"]
    assert (one["enrollment_id"], one["customer_id"]) == (str(scene.enrollments[PAUSED]), PAUSED)
    assert one["on_cadence"] is False
    assert (await scene.see(f"/cadence-memberships/{one['id']}"))["membership"] == one
    assert (await scene.see("/cadence-memberships", on_cadence=True))["items"] == []


async def test_cadences_are_found_by_what_is_known_of_them(scene: Scene) -> None:
    every = (await scene.see("/cadences"))["items"]
    one = next(found for found in every if found["id"] == scene.stage.mapping.cadence_id)
    assert one["step_count"] == sum(one["step_types"].values()) > 0
    assert {figure["source"] for figure in one["success"]} <= {"salesloft", "cscx"}
    assert one["description"] is None
    found = (await scene.see("/cadences", q=one["name"].upper()))["items"]
    assert one["id"] in {each["id"] for each in found}
    assert all(one["name"].lower() in each["name"].lower() for each in found)
    assert {each["people_addable"] for each in (await scene.see("/cadences", people_addable=False))["items"]} <= {False}
    detail = await scene.see(f"/cadences/{one['id']}")
    assert sum(step["enabled"] for day in detail["days"] for step in day["steps"]) == one["step_count"]
    assert INSTANT.fullmatch(detail["catalogue"]["as_of"])


async def test_operations_are_told(scene: Scene) -> None:
    connection = await scene.see("/connection")
    assert (connection["status"], connection["team_id"]) == ("connected", scene.stage.team_id)
    assert "secret" not in connection
    sync = await scene.see("/sync")
    assert {one["stream"] for one in sync["streams"]} >= {"emails", "memberships"}
    assert sync["as_of"] is not None
    ledger = (await scene.see("/sync/ledger", stream="emails"))["items"]
    assert [(one["cycle"], one["counts"]["scanned"]) for one in ledger] == [(3, 30), (2, 20), (1, 10)]
    minute = await scene.see("/rate-budget")
    assert minute["team_id"] == scene.stage.team_id
    assert 0 <= minute["left"] <= minute["limit"]


async def test_decisions_need_a_name(scene: Scene) -> None:
    answer = await scene.get("/decisions")
    assert (answer.status_code, answer.json()["reason_code"]) == (400, "filter_needed")


async def test_the_document_describes_what_is_answered(scene: Scene) -> None:
    document = (await scene.http.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    mine = {path: item["get"] for path, item in document["paths"].items() if "get" in item and "/salesloft/" in path}
    reading = [item for item in mine.values() if "404" in item["responses"]]
    assert len(reading) >= 19
    for item in reading:
        assert "application/problem+json" in item["responses"]["404"]["content"]
        assert "200" in item["responses"]
    assert "note" in document["components"]["schemas"]["CadenceSummary"]["properties"]["description"]["description"]


async def test_a_change_is_seen_once_the_stream_has_told_of_it(scene: Scene) -> None:
    """An approver's word, from its commit to whoever looks: told, and what is read after that shows it."""
    enrollment_id = scene.enrollments[WAITING]
    before = await scene.see(f"/approvals/{enrollment_id}")
    assert before["approval"]["status"] == "waiting"
    query = {"customer_id": WAITING}
    async with scene.http.stream(
        "GET", "/api/salesloft/events", params=query, headers=scene.headers(), timeout=60
    ) as answer:
        stream = Stream(answer)
        await stream.begin()
        await scene.stage.approve(enrollment_id, before["approval"]["request_digest"], WAITING)
        event = await stream.next()
        assert (event.name, event.data["data"]["enrollment_id"]) == ("enrollment", str(enrollment_id))
        assert event.data["data"]["to"] == "approved"
        told = await scene.see(f"/enrollments/{enrollment_id}")
        assert [one["to"] for one in told["history"]][:2] == ["requested", "approved"]
        assert [one["counted"] for one in told["approvals"]] == [True]
        waiting = (await scene.see("/approvals", customer_id=WAITING))["items"]
        assert str(enrollment_id) not in {one["enrollment_id"] for one in waiting}
        assert (await scene.see(f"/approvals/{enrollment_id}"))["approval"]["status"] == "approved"


async def test_senders_are_the_teams_active_users(scene: Scene) -> None:
    await scene.stage.execute(
        "INSERT INTO salesloft_users VALUES ($1, 999, NULL, 'gone@cscx.example', 'Gone', false, now())",
        scene.organization_id,
    )
    told = (await scene.see("/senders"))["senders"]
    assert told
    assert [one["name"] for one in told] == sorted((one["name"] for one in told), key=str.casefold)
    active = await scene.stage.fetch(
        "SELECT user_id FROM salesloft_users WHERE organization_id = $1 AND active", scene.organization_id
    )
    assert {one["user_id"] for one in told} == {row["user_id"] for row in active}
    assert (await scene.see("/senders", NEVER_CONNECTED))["senders"] == []


async def test_of_somebody_it_is_told_who_sends_to_them_where_none_is_named(scene: Scene) -> None:
    kim = (await scene.see("/senders"))["senders"][0]
    stakeholder_id = (await scene.see(f"/customers/{WAITING}"))["stakeholders"][0]["id"]
    question = "FROM directory_customers WHERE organization_id = $1 AND customer_id = $2"
    ((before,),) = await scene.stage.fetch(f"SELECT data::text {question}", scene.organization_id, WAITING)
    change = "UPDATE directory_customers SET data = $3::text::json WHERE organization_id = $1 AND customer_id = $2"
    for email, user_id in ((f" {kim['email'].upper()}", kim["user_id"]), ("gone@left.example", None)):
        changed = orjson.dumps(orjson.loads(before) | {"owner": {"user_id": "usr-1", "email": email}}).decode()
        await scene.stage.execute(change, scene.organization_id, WAITING, changed)
        told = (await scene.see("/senders", stakeholder_id=stakeholder_id))["owner"]
        assert told == {"email": email, "user_id": user_id}
    await scene.stage.execute(change, scene.organization_id, WAITING, before)
    assert (await scene.see("/senders", stakeholder_id="sth-nobody"))["owner"] is None
    assert (await scene.see("/senders", NEVER_CONNECTED, stakeholder_id=stakeholder_id))["owner"] is None
    assert (await scene.see("/senders"))["owner"] is None


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ("2026-03-02 10:00:00+00", "2026-03-02T10:00:00.000000Z"),
        ("2026-03-02 10:00:00.12+00", "2026-03-02T10:00:00.120000Z"),
        ("2026-03-02 10:00:00.000001+01", "2026-03-02T09:00:00.000001Z"),
    ],
)
async def test_a_history_spells_every_instant_alike(scene: Scene, seen: str, told: str) -> None:
    await scene.stage.execute(
        "UPDATE activity_units SET noticed_at = $2::text::timestamptz WHERE organization_id = $1",
        scene.organization_id,
        seen,
    )
    items = (await scene.see(f"/customers/{PAUSED}/history"))["items"]
    assert {one["detail"]["noticed_at"] for one in items if one["kind"] == "activity"} == {told}


async def test_a_history_names_the_person_the_cadence_and_the_step(scene: Scene) -> None:
    account = scene.accounts[PAUSED]
    await scene.stage.execute(
        "UPDATE activity_units u SET step_id = (c.steps -> 1 ->> 'id')::bigint FROM salesloft_cadences c"
        " WHERE c.cadence_id = u.cadence_id AND u.metric = 'step-completed' AND u.organization_id = $1",
        scene.organization_id,
    )
    items = (await scene.see(f"/customers/{PAUSED}/history"))["items"]
    assert {one["stakeholder_name"] for one in items} == {"Ann Lee"}
    assert {one["cadence"]["id"] for one in items} == {account.cadences[SAVE]}
    (done,) = [one for one in items if one["what"] == "step-completed"]
    assert (done["step"]["number"], done["step"]["type"]) == (2, "phone")
    assert [one["step"] for one in items if one["what"] == "email-sent"] == [None]
