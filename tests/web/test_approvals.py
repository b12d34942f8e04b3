"""Deciding with us: what would count is published like the approval service's, and its consumer does the rest."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from sandbox.salesloft.server import SimulatorClient
from schemas.registry import ENROLLMENT_APPROVED, ENROLLMENT_REJECTED
from schemas.topics import ENROLLMENT_DECISION
from schemas.vocabulary import TriggerType
from storage.pool import Database
from tests.web.stage import Api, running_api
from tests.web.test_connection import refused
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene
from web.approvals import MOST_AT_ONCE
from workflows.approve import IncomingDecision
from workflows.organization_settings import change_settings

RENEWAL = TriggerType.RENEWAL_WINDOW
SEVERAL = "/api/salesloft/approvals/decisions"


@pytest.fixture
async def scene(api: Api) -> Scene:
    """The organization's customers and its published mapping, at the API's own time."""
    scene = await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()
    await scene.publish_for(RENEWAL)
    return scene


async def decide(
    api: Api, enrollment_id: UUID, digest: str, told: str = "approved", *, role: str = "manager", **more: Any
) -> httpx.Response:
    body = {"decision": told, "request_digest": digest, **more.pop("body", {})}
    path = f"/api/salesloft/approvals/{enrollment_id}/decision"
    return await api.http.post(path, json=body, headers=api.headers(role=role, **more))


async def kept_from(api: Api, enrollment_id: UUID | str, *, role: str, **claims: Any) -> str | None:
    """Why a caller may not decide, as they are told beforehand."""
    path = f"/api/salesloft/approvals/{enrollment_id}"
    told = (await api.http.get(path, headers=api.headers(role=role, **claims))).json()["approval"]
    assert told["may_decide"] is (told["may_not_because"] is None)
    because: str | None = told["may_not_because"]
    return because


async def decisions(scene: Scene) -> list[IncomingDecision]:
    """What was published for the decisions' consumer, as it would take it."""
    rows = await scene.rows("SELECT * FROM outbox WHERE topic = $1 ORDER BY position", ENROLLMENT_DECISION.name)
    found = []
    for row in rows:
        approved = row["type"] == ENROLLMENT_APPROVED.name
        event_type = ENROLLMENT_APPROVED if approved else ENROLLMENT_REJECTED
        decision = event_type.parse(row["payload"])
        assert row["key"] == f"{scene.organization_id}:{decision.customer_id}".encode()
        headers = dict(orjson.loads(row["headers"]))
        assert (headers["ce_id"], headers["ce_type"]) == (str(row["id"]), row["type"])
        found.append(
            IncomingDecision(
                decision=decision,
                verdict="approved" if approved else "rejected",
                event_id=headers["ce_id"],
                event_source=headers["ce_source"],
            )
        )
    return found


async def test_an_approval_is_published_and_moves_the_enrollment_when_it_is_taken(api: Api, scene: Scene) -> None:
    (asked,) = await scene.requested()
    start = (scene.now + timedelta(days=2)).date().isoformat()
    answer = await decide(api, asked.enrollment_id, asked.request_digest, body={"changes": {"start_date": start}})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/salesloft/enrollments/{asked.enrollment_id}"
    assert await scene.states() == {"sth-9": ("requested", None)}
    assert await scene.take(*await decisions(scene)) == 1
    assert await scene.states() == {"sth-9": ("scheduled", None)}
    row = (await scene.rows("SELECT start_on, decision FROM enrollments"))[0]
    assert row["start_on"].isoformat() == start
    assert orjson.loads(row["decision"])["decided_by"] == {"user_id": "usr-1", "name": None}


async def test_who_rejects_says_why(api: Api, scene: Scene) -> None:
    (asked,) = await scene.requested()
    refused(await decide(api, asked.enrollment_id, asked.request_digest, "rejected"), 422, "invalid_request")
    answer = await decide(api, asked.enrollment_id, asked.request_digest, "rejected", body={"reason": "on leave"})
    assert answer.status_code == 202, answer.text
    assert await scene.take(*await decisions(scene)) == 1
    assert await scene.states() == {"sth-9": ("rejected", None)}


async def test_a_csm_decides_about_their_own_customers_and_a_viewer_about_none(api: Api, scene: Scene) -> None:
    (asked,) = await scene.requested()
    known = asked.enrollment_id, asked.request_digest
    refused(await decide(api, *known, role="viewer"), 403, "role_required")
    refused(await decide(api, *known, role="csm", sub="usr-8"), 403, "customer_of_another")
    assert await decisions(scene) == []
    assert (await decide(api, *known, role="csm", sub="usr-3")).status_code == 202


async def test_what_would_not_count_is_refused_and_not_published(api: Api, scene: Scene) -> None:
    (asked,) = await scene.requested()
    known = asked.enrollment_id, asked.request_digest
    refused(await decide(api, uuid4(), asked.request_digest), 404, "unknown_enrollment")
    refused(await decide(api, *known, organization_id="org-else"), 404, "unknown_enrollment")
    refused(await decide(api, asked.enrollment_id, "sha256:other"), 409, "digest_mismatch")
    for changes, because in (
        ({"start_step_id": 999}, "changed_step_not_in_cadence"),
        ({"sender_user_id": 999}, "changed_sender_unknown"),
        ({"start_date": "2020-01-01"}, "changed_start_date_out_of_range"),
    ):
        refused(await decide(api, *known, body={"changes": changes}), 422, because)
    late = refused(await decide(api, *known, body={"changes": {"start_date": "2030-01-01"}}), 422, because)
    (row,) = await api.fetch("SELECT execute_by FROM enrollments WHERE id::text = $1", str(known[0]))
    assert f"to {row['execute_by'].day} {row['execute_by']:%B %Y}, until when" in late["detail"]
    await scene.execute("UPDATE enrollments SET requested_by_user = 'usr-1'")
    refused(await decide(api, *known), 403, "own_request")
    assert await kept_from(api, known[0], role="manager") == "own_request"
    async with api.database.transaction() as connection:
        chosen = {"self_approval_allowed": True}
        await change_settings(connection, api.organization_id, chosen, by="usr-1", now=scene.now)
    assert await kept_from(api, known[0], role="manager") is None
    await scene.execute("UPDATE enrollments SET requested_by_user = NULL")
    api.clock.instant = asked.expires_at + timedelta(seconds=1)
    refused(await decide(api, *known), 409, "decided_after_expiry")
    await scene.execute("UPDATE enrollments SET state = 'withdrawn'")
    problem = refused(await decide(api, *known), 409, "already_withdrawn")
    assert problem["detail"] == "The enrollment is withdrawn: there is nothing left to decide."
    assert await decisions(scene) == []


async def test_what_the_directory_and_outcomes_say_is_told_with_a_request(api: Api, scene: Scene) -> None:
    async def told() -> tuple[str, str | None, str | None]:
        (one,) = (await api.http.get("/api/salesloft/approvals", headers=api.headers(role="csm"))).json()["items"]
        return one["time_zone"], one["customer_churned_at"], one["may_not_because"]

    (asked,) = await scene.requested()
    await scene.execute("UPDATE organizations SET time_zone = 'Asia/Tokyo'")
    for of_stakeholder, of_customer, time_zone, kept_from in (
        ({"time_zone": "Europe/Berlin"}, {"owner": {"user_id": "usr-1"}}, "Europe/Berlin", None),
        ({"time_zone": "Mars/Base"}, {"owner": {"user_id": "usr-8"}}, "Asia/Tokyo", "customer_of_another"),
        ({}, {}, "Asia/Tokyo", "customer_of_another"),
        (None, None, "Asia/Tokyo", "customer_of_another"),
    ):
        data = [orjson.dumps(one).decode() if one is not None else None for one in (of_stakeholder, of_customer)]
        await scene.execute("UPDATE directory_stakeholders SET data = $1", data[0])
        await scene.execute("UPDATE directory_customers SET data = $1", data[1])
        assert await told() == (time_zone, None, kept_from)
    await scene.execute("DELETE FROM directory_stakeholders")
    await scene.execute("DELETE FROM directory_customers")
    assert await told() == ("Asia/Tokyo", None, "customer_of_another")
    for number, (customer_id, outcome) in enumerate(
        [(asked.customer_id, "churned")] * 2 + [(asked.customer_id, "renewed"), ("cus-else", "churned")], 1
    ):
        await scene.execute(
            "INSERT INTO ended_runs (organization_id, customer_id, event_id, outcome_type, ended_at)"
            " VALUES ($1, $2, $3, $4, $5)",
            *(scene.organization_id, customer_id, f"evt-{number}", outcome, scene.now - timedelta(days=9 - number)),
        )
    (_, churned_at, _) = await told()
    assert churned_at is not None
    assert datetime.fromisoformat(churned_at) == scene.now - timedelta(days=7), "the latest of those of the customer"


async def test_what_expires_first_stands_in_front_of_those_that_wait(api: Api, scene: Scene) -> None:
    async def told(**asked: Any) -> list[str]:
        found: list[str] = []
        while True:
            params = {"limit": 1, **asked}
            page = (await api.http.get("/api/salesloft/approvals", params=params, headers=api.headers())).json()
            found += [one["stakeholder_id"] for one in page["items"]]
            if page["next_cursor"] is None:
                return found
            asked["cursor"] = page["next_cursor"]

    people = [{"id": f"sth-{number}", "email": f"{number}@acme.example"} for number in range(4)]
    requested = await scene.requested(*people)
    for place, one in enumerate([requested[2], requested[0], requested[3], requested[1]]):
        await scene.execute(
            "UPDATE enrollments SET expires_at = $2, customer_id = $3, state = $4 WHERE id = $1",
            *(
                one.enrollment_id,
                scene.later(hours=place),
                f"cus-{place % 2}",
                "expired" if place == 2 else "requested",
            ),
        )
    assert await told() == ["sth-2", "sth-0", "sth-1"]
    assert await told(limit=50) == ["sth-2", "sth-0", "sth-1"]
    assert await told(customer_id="cus-1") == ["sth-0", "sth-1"]
    assert sorted(await told(show="all")) == [f"sth-{number}" for number in range(4)]


async def test_of_two_who_decide_at_once_the_first_counts(api: Api, scene: Scene) -> None:
    (asked,) = await scene.requested()
    known = asked.enrollment_id, asked.request_digest
    assert (await decide(api, *known, sub="usr-5")).status_code == 202
    assert (await decide(api, *known, "rejected", sub="usr-6", body={"reason": "not now"})).status_code == 202
    assert await scene.take(*await decisions(scene)) == 1
    assert await scene.states() == {"sth-9": ("scheduled", None)}
    ignored = await scene.rows("SELECT decided_by, ignored_because FROM approval_decisions ORDER BY decided_by")
    assert [tuple(row) for row in ignored] == [("usr-5", None), ("usr-6", "already_approved")]


async def test_five_hundred_at_once_have_an_answer_each_and_repeating_them_changes_nothing(
    api: Api, scene: Scene
) -> None:
    customers = [CUSTOMER | {"id": f"cus-{number}"} for number in range(MOST_AT_ONCE - 2)]
    await scene.decide(
        *(
            scene.trigger(stakeholders=[ANN | {"id": f"sth-{one['id']}"}], customer=one, event_id=str(one["id"]))
            for one in customers
        )
    )
    asked = await scene.asked()
    assert len(asked) == len(customers)
    items = [
        {"enrollment_id": str(one.enrollment_id), "decision": "approved", "request_digest": one.request_digest}
        for one in asked
    ]
    unknown = items[0] | {"enrollment_id": str(uuid4())}
    body = {"decisions": [*items, unknown, items[0]]}
    told = (await api.http.post(SEVERAL, json=body, headers=api.headers(role="manager"))).json()
    assert told["published"] == [one["enrollment_id"] for one in items]
    assert [(one["enrollment_id"], one["reason_code"]) for one in told["refused"]] == [
        (unknown["enrollment_id"], "unknown_enrollment"),
        (items[0]["enrollment_id"], "already_answered"),
    ]
    assert await scene.take(*await decisions(scene)) == len(items)
    again = (await api.http.post(SEVERAL, json=body, headers=api.headers(role="manager"))).json()
    assert again["published"] == []
    assert {one["reason_code"] for one in again["refused"]} == {"already_scheduled", "unknown_enrollment"}
    assert len(again["refused"]) == MOST_AT_ONCE
    assert len(await decisions(scene)) == len(items)
    too_many = {"decisions": [items[0]] * (MOST_AT_ONCE + 1)}
    refused(await api.http.post(SEVERAL, json=too_many, headers=api.headers(role="manager")), 422, "invalid_request")


async def test_a_csms_many_are_told_apart_by_whose_customers_they_are(api: Api, scene: Scene) -> None:
    other = CUSTOMER | {"id": "cus-8", "owner": {"user_id": "usr-8", "email": "csm@cscx.example"}}
    await scene.decide(scene.trigger(), scene.trigger(stakeholders=[BOB], customer=other))
    items = [
        {"enrollment_id": str(one.enrollment_id), "decision": "approved", "request_digest": one.request_digest}
        for one in await scene.asked()
    ]
    answer = await api.http.post(SEVERAL, json={"decisions": items}, headers=api.headers(role="csm", sub="usr-3"))
    told = answer.json()
    assert told["published"] == [items[0]["enrollment_id"]]
    assert [one["reason_code"] for one in told["refused"]] == ["customer_of_another"]
    said = [await kept_from(api, one["enrollment_id"], role="csm", sub="usr-3") for one in items]
    assert said == [None, "customer_of_another"]
    assert [await kept_from(api, one["enrollment_id"], role="viewer") for one in items] == ["role_required"] * 2


async def test_where_the_approval_service_alone_decides_nothing_is_published_here(
    simulator: SimulatorClient, database: Database, migrated: str
) -> None:
    async with running_api(simulator, database, migrated, decide_here=False) as api:
        scene = await Scene(database, organization_id=api.organization_id, now=api.clock.now()).set_up()
        await scene.publish_for(RENEWAL)
        (asked,) = await scene.requested()
        refused(await decide(api, asked.enrollment_id, asked.request_digest), 403, "decided_elsewhere")
        assert await kept_from(api, asked.enrollment_id, role="manager") == "decided_elsewhere"
        assert await decisions(scene) == []


async def test_an_organization_may_leave_deciding_to_the_approval_service(api: Api, scene: Scene) -> None:
    (asked,) = await scene.requested()
    assert await kept_from(api, asked.enrollment_id, role="manager") is None
    async with api.database.transaction() as connection:
        chosen = {"decided_on_our_page": False}
        await change_settings(connection, api.organization_id, chosen, by="usr-1", now=scene.now)
    refused(await decide(api, asked.enrollment_id, asked.request_digest), 403, "decided_elsewhere")
    assert await kept_from(api, asked.enrollment_id, role="manager") == "decided_elsewhere"
    assert await decisions(scene) == []
