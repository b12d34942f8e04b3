"""Mappings tried over HTTP before they count: what comes of it is what the command line says, and is its caller's."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from schemas.vocabulary import TriggerType
from tests.web.stage import Api
from tests.web.test_connection import refused
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene
from web.jobs import Jobs, Owner, TooManyJobs

PATH = "/api/salesloft/mapping-trials"
CHAMPIONS = {"field": "stakeholder.is_champion", "op": "equals", "value": True}
UNSEEN = {"field": "engagement.sent", "op": "gt", "value": 3}
BY_SEVERITY = {"field": "trigger.severity", "op": "equals", "value": "high"}


@pytest.fixture
async def published(api: Api) -> UUID:
    """A mapping that has asked for two people today."""
    scene = await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()
    (mapping,) = await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN, BOB))
    await scene.decide(scene.trigger(stakeholders=(ANN, BOB), event_id="e-1"))
    api.pass_time(minutes=1)
    return mapping.id


def stricter(published: UUID) -> dict[str, Any]:
    return {"mapping": {"id": str(published), "stakeholder_criteria": CHAMPIONS}}


async def send(api: Api, what: str, body: dict[str, Any], **claims: Any) -> httpx.Response:
    headers = api.headers(**{"role": "manager", **claims})
    return await api.http.post(f"{PATH}/{what}", json=body, headers=headers)


async def over(api: Api, what: str, body: dict[str, Any]) -> dict[str, Any]:
    """Begun, and asked about until it is over."""
    answer = await send(api, what, body)
    assert answer.status_code == 202, answer.text
    while True:
        trial = await api.http.get(answer.headers["location"], headers=api.headers(role="manager"))
        assert trial.status_code == 200, trial.text
        found: dict[str, Any] = trial.json()
        if found["state"] not in {"waiting", "running"}:
            return found


async def test_everybody_is_previewed(api: Api, published: UUID) -> None:
    found = await over(api, "preview", stricter(published))
    assert (found["state"], found["kind"], found["progress"]) == ("done", "preview", {"done": 1, "total": 1})
    assert (found["kept_seconds"], found["survives_restart"]) == (900, False)
    told = found["preview"]
    # Both were asked for today: that keeps nobody out whose run is another one.
    assert {(one["outcome"], one["reason"]): one["decisions"] for one in told["counts"]} == {
        ("request", "requested"): 1,
        ("skip", "criteria_not_met"): 1,
    }
    assert told["fallout"] == [{"predicate": "stakeholder.is_champion = true", "holds": 1, "fails": 1, "unknown": 0}]
    assert told["requested"] == [
        {"customer_id": "cus-7", "customer_name": "Acme", "stakeholder_id": "sth-9", "stakeholder_name": "Ann Lee"}
    ]
    assert [one["stakeholder_id"] for one in told["left_out"]] == ["sth-8"]
    owners = [{"owner_user_id": "usr-3", "owner_name": "Kim", "requests": 1}]
    assert (told["requests"], told["requests_by_owner"]) == (1, owners)
    assert (told["segment_customers"], told["fit"], told["kept_out"], told["passed_on"]) == (1, 1, [], [])


async def test_a_change_is_tried_on_what_happened(api: Api, published: UUID) -> None:
    found = await over(api, "back-test", stricter(published) | {"days": 2})
    assert found["state"] == "done", found
    told = found["back_test"]
    assert {(one["outcome"], one["reason"]): (one["was"], one["would_be"]) for one in told["counts"]} == {
        ("request", "requested"): (2, 1),
        ("skip", "criteria_not_met"): (0, 1),
    }
    assert (told["evaluations"], told["not_possible"], told["calls_at_most"], told["differing"]) == (1, 0, 2, 1)
    day = api.clock.now().date().isoformat()
    assert told["requests_by_day"] == [{"day": day, "requests": 1, "were": 2, "kept_back": 0}]
    (difference,) = told["differences"]
    assert (difference["stakeholder_id"], difference["would_be"]["reason"]) == ("sth-8", "criteria_not_met")
    assert (difference["stakeholder_name"], difference["customer_name"]) == ("Bob Ray", "Acme")
    own = told["own"]
    assert (own["events"], own["were"], own["requests"], own["differing"]) == (1, 2, 1, 1)
    assert own["requests_by_day"] == told["requests_by_day"]
    assert [(one["reason"], one["by_another"], one["was"], one["would_be"]) for one in own["counts"]] == [
        ("requested", False, 2, 1),
        ("criteria_not_met", False, 0, 1),
    ]
    as_it_was = (await over(api, "back-test", {"days": 2}))["back_test"]
    assert (as_it_was["differing"], as_it_was["requests"], as_it_was["own"]) == (0, 2, None)


async def test_one_stakeholder_is_explained_at_once(api: Api, published: UUID) -> None:
    answer = await send(api, "stakeholder", stricter(published) | {"stakeholder_id": "sth-8"})
    assert answer.status_code == 200, answer.text
    (decision,) = answer.json()["decisions"]
    assert (decision["outcome"], decision["reason"]) == ("skip", "criteria_not_met")
    assert decision["would_turn"]["fact"] == "stakeholder.is_champion"
    as_published = await send(api, "stakeholder", {"mapping_id": str(published), "stakeholder_id": "sth-8"})
    assert as_published.json()["decisions"][0]["outcome"] == "request"


async def test_a_draft_is_tried_before_what_is_published(api: Api, published: UUID) -> None:
    path = f"/api/salesloft/trigger-mappings/{published}"
    shown = await api.http.get(path, headers=api.headers())
    document = shown.json()["versions"][-1]["mapping"] | {"stakeholder_criteria": CHAMPIONS}
    headers = api.headers() | {"if-match": "*"}
    assert (await api.http.put(f"{path}/draft", json=document, headers=headers)).status_code == 200
    answer = await send(api, "stakeholder", {"mapping_id": str(published), "stakeholder_id": "sth-8"})
    assert answer.json()["decisions"][0]["reason"] == "criteria_not_met"


async def test_nothing_is_written(api: Api, published: UUID) -> None:
    count = (
        "SELECT (SELECT count(*) FROM evaluations), (SELECT count(*) FROM outbox), (SELECT count(*) FROM enrollments)"
    )
    before = tuple((await api.fetch(count))[0])
    await over(api, "preview", stricter(published))
    await over(api, "back-test", stricter(published))
    assert tuple((await api.fetch(count))[0]) == before


async def test_a_trial_is_its_callers_alone(api: Api, published: UUID) -> None:
    begun = await send(api, "preview", stricter(published))
    path = begun.headers["location"]
    for claims in ({"sub": "usr-2"}, {"organization_id": "org-of-others"}):
        refused(await api.http.get(path, headers=api.headers(role="admin", **claims)), 404, "trial_unknown")
        refused(await api.http.delete(path, headers=api.headers(role="admin", **claims)), 404, "trial_unknown")
    mine = api.headers(role="manager")
    assert (await api.http.get(path, headers=mine)).status_code == 200
    assert (await api.http.delete(path, headers=mine)).status_code == 204
    refused(await api.http.get(path, headers=mine), 404, "trial_unknown")


async def test_another_organizations_mapping_and_people_are_answered_like_none(api: Api, published: UUID) -> None:
    foreign = {"organization_id": "org-of-others"}
    await Scene(api.database, organization_id="org-of-others", now=api.clock.now()).set_up()
    answer = await send(api, "preview", {"mapping_id": str(published)}, **foreign)
    refused(answer, 404, "mapping_unknown")
    mapping = {"trigger_type": "renewal-window", "cadence_id": 456}
    answer = await send(api, "stakeholder", {"mapping": mapping, "stakeholder_id": "sth-9"}, **foreign)
    refused(answer, 404, "stakeholder_unknown")


async def test_what_cannot_be_tried_is_refused(api: Api, published: UUID) -> None:
    refused(await send(api, "preview", {"mapping": {"trigger_type": "at-risk"}}), 422, "cannot_try")
    refused(await send(api, "preview", {}), 422, "invalid_request")
    refused(await send(api, "preview", stricter(published) | {"mapping_id": str(published)}), 422, "invalid_request")
    refused(await send(api, "preview", stricter(published), role="csm"), 403, "role_required")
    # Only once it is decided does it show that the event has to say something.
    at_risk = {"mapping": {"trigger_type": "at-risk", "cadence_id": 456, "customer_criteria": BY_SEVERITY}}
    found = await over(api, "preview", at_risk)
    assert (found["state"], found["refusal"]["reason_code"], found["preview"]) == ("failed", "cannot_try", None)
    told = await over(api, "preview", at_risk | {"trigger": {"severity": "high"}})
    assert told["preview"]["requests"] == 2, orjson.dumps(told)


async def test_a_trial_that_is_sent_again_under_its_key_is_one(api: Api, published: UUID) -> None:
    headers = api.headers(role="manager") | {"idempotency-key": "once"}
    answers = [await api.http.post(f"{PATH}/preview", json=stricter(published), headers=headers) for _ in range(2)]
    assert answers[0].headers["location"] == answers[1].headers["location"]


async def test_an_organization_has_so_many_at_once_and_holds_nobody_else_up() -> None:
    async with Jobs() as jobs:
        go_on = asyncio.Event()

        async def work(_: object) -> str:
            await go_on.wait()
            return "done"

        mine, others = Owner("org-1", "usr-1"), Owner("org-2", "usr-1")
        begun = [jobs.begin(UUID(int=number), mine, "preview", work) for number in (1, 2)]
        with pytest.raises(TooManyJobs):
            jobs.begin(UUID(int=3), mine, "preview", work)
        begun.append(jobs.begin(UUID(int=4), others, "preview", work))
        go_on.set()
        await asyncio.gather(*(job.task for job in begun if job.task is not None))
        assert {job.result for job in begun} == {"done"}
        assert jobs.begin(UUID(int=3), mine, "preview", work).id == UUID(int=3)


async def test_a_funnel_leads_from_everybody_to_whom_it_fits(api: Api, published: UUID) -> None:
    """Each part of the criteria, the customer's first, is asked of whom those before it have left."""
    narrow = {
        "mapping": {
            "id": str(published),
            "customer_criteria": {"field": "customer.health_score", "op": "exists", "value": True},
            "stakeholder_criteria": {"all": [{"not": CHAMPIONS}, UNSEEN]},
        }
    }
    told = (await over(api, "preview", narrow))["preview"]
    assert told["candidates"] == 2
    assert [(one["of"], one["fails"], one["unknown"], one["left"]) for one in told["funnel"]] == [
        ("customer_criteria", 0, 0, 2),
        ("stakeholder_criteria", 1, 0, 1),
        ("stakeholder_criteria", 0, 1, 0),
    ]
    assert [one["criteria"] for one in told["funnel"][1:]] == [{"not": CHAMPIONS}, UNSEEN]
    assert (told["requests"], told["requested"]) == (0, [])
    assert {(one["stakeholder_name"], one["customer_name"], one["reason"]) for one in told["left_out"]} == {
        ("Ann Lee", "Acme", "criteria_not_met"),
        ("Bob Ray", "Acme", "fact_unknown"),
    }
