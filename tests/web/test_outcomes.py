"""What came of triggers, counted, is what is counted of all that was written down."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from sandbox.salesloft.server import running_simulator
from sandbox.stack import PostgresServer
from tests.web.looking_scene import FAILED, NEVER_CONNECTED, PAUSED, WAITING, Scene, scene_set

ENROLLED = {"completed", "exited", "enrolled", "paused", "removed"}
LEFT = {"rejected", "expired", "withdrawn", "stale", "blocked", "failed", "removed"}
NOT_APPROVED = {"requested", "rejected", "expired", "stale"}
GOALS = {"onboarded", "renewed", "recovered", "expansion-closed"}
SEGMENTS = {PAUSED: "enterprise", WAITING: "smb", FAILED: None}
# Enrollments in each state, of each trigger and of a person, decided and not, over a hundred days; some have answered.
ENROLLMENTS = """
WITH made AS (
  INSERT INTO enrollments SELECT made.* FROM enrollments e,
    unnest(ARRAY['requested', 'approved', 'rejected', 'expired', 'withdrawn', 'failed', 'stale', 'blocked', 'completed',
      'removed', 'exited']) WITH ORDINALITY AS s (state, place),
    unnest(ARRAY['new-customer', 'renewal-window', 'at-risk', NULL]) WITH ORDINALITY AS t (trigger_type, kind),
    generate_series(0, 2) AS n, LATERAL jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(),
      'state', s.state, 'business_key', gen_random_uuid(), 'membership_id', null,
      'decision', CASE n WHEN 0 THEN '{}'::jsonb END, 'trigger_type', t.trigger_type,
      'reason', CASE n WHEN 0 THEN 'renewed' WHEN 1 THEN 'churned' END,
      'created_at', e.created_at - (s.place * t.kind * (n + 1)) * interval '1 day')) AS made
  RETURNING *
)
INSERT INTO activity_units (event_id, organization_id, stakeholder_id, enrollment_id, source, source_id, metric,
  ordinal, person_id, cadence_id, occurred_from, occurred_to, noticed_at, confidence)
SELECT gen_random_uuid(), organization_id, stakeholder_id, id, 'email', id::text, m, o, 1, cadence_id, created_at,
  created_at, created_at, 'high'
FROM made, unnest(ARRAY['email-sent', 'email-replied']) AS m, generate_series(1, 2) AS o
WHERE m = 'email-sent' OR extract(day FROM created_at)::integer % 2 = 0"""
# Evaluations of as many days and triggers, and some that were made of the same triggers later: these count for nothing.
EVALUATIONS = """
INSERT INTO evaluations SELECT made.* FROM evaluations v,
  unnest(ARRAY['new-customer', 'renewal-window', 'at-risk']) WITH ORDINALITY AS t (trigger_type, kind),
  generate_series(0, 33, 3) AS n, generate_series(0, 1) AS again, LATERAL jsonb_populate_record(v, jsonb_build_object(
    'id', gen_random_uuid(), 'event_id', v.event_id || t.trigger_type || n,
    'event_type', 'ai.cscx.lifecycle.' || t.trigger_type || '.v1',
    'cause', CASE again WHEN 0 THEN 'event' ELSE CASE n % 2 WHEN 0 THEN 'deferral' ELSE 'renewal' END END,
    'evaluated_at', v.evaluated_at - n * t.kind * interval '1 day' + again * interval '1 hour',
    'outcomes', CASE again WHEN 0
      THEN '[{"stakeholder_id": "sth-1", "outcome": "defer", "reason": "fact_unknown"},
             {"stakeholder_id": null, "outcome": "skip", "reason": "no_candidates"}]'::jsonb
      ELSE '[{"stakeholder_id": "sth-1", "outcome": "request", "reason": "requested"},
             {"stakeholder_id": "sth-2", "outcome": "skip", "reason": "criteria_not_met"}]'::jsonb END)) AS made
WHERE v.cause = 'event'"""


@pytest.fixture(scope="module")
async def lived(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[Scene]:
    async with running_simulator() as simulator, scene_set(simulator, postgres_server, migrated_template) as scene:
        for customer_id, segment in SEGMENTS.items():
            await scene.stage.execute(
                "UPDATE directory_customers SET data = (data::jsonb || jsonb_build_object('segment', $2::text))::json"
                " WHERE customer_id = $1",
                customer_id, segment,
            )  # fmt: skip
        await scene.stage.execute(ENROLLMENTS)
        await scene.stage.execute(EVALUATIONS)
        await scene.stage.execute(
            "UPDATE salesloft_memberships SET enrollment_id = NULL WHERE organization_id = $1", scene.organization_id
        )
        yield scene


async def written(scene: Scene, table: str) -> list[Any]:
    return await scene.stage.fetch(f"SELECT * FROM {table} WHERE organization_id = $1", scene.organization_id)  # noqa: S608 - named here


async def counted(
    scene: Scene, since: datetime, trigger_type: str | None = None, segment: str | None = None
) -> dict[str, Any]:
    """What there is, told apart here."""

    def is_meant(customer_id: str) -> bool:
        return segment is None or SEGMENTS[customer_id] == segment

    asked_for = [
        one
        for one in await written(scene, "enrollments")
        if one["created_at"] >= since and is_meant(one["customer_id"])
        and (trigger_type is None or one["trigger_type"] == trigger_type)
    ]  # fmt: skip
    events = [
        one
        for one in await written(scene, "evaluations")
        if one["cause"] == "event" and one["evaluated_at"] >= since and is_meant(one["customer_id"])
        and trigger_type in {None, one["event_type"].split(".")[3]}
    ]  # fmt: skip
    decided = [(one, outcome) for one in events for outcome in orjson.loads(one["outcomes"])]
    answered = {
        one["enrollment_id"] for one in await written(scene, "activity_units") if one["metric"] == "email-replied"
    }
    # What a person asks for comes of no decision: it is told by itself alone.
    triggered = [one for one in asked_for if one["trigger_type"] is not None]
    enrolled = [one for one in asked_for if one["state"] in ENROLLED]

    def stages(of_enrollment: Any, of_event: Any, among: list[Any] = triggered) -> dict[str, int]:
        of_it = [one for one in among if of_enrollment(one)]
        return {
            "events": sum(of_event(one) for one in events),
            "decisions": sum(of_event(one) for one, _ in decided),
            "asked_for": len(of_it),
            "approved": sum(
                one["state"] not in NOT_APPROVED and (one["state"] != "withdrawn" or one["decision"] is not None)
                for one in of_it
            ),
            "enrolled": sum(one in enrolled for one in of_it),
            "replied": sum(one in enrolled and one["id"] in answered for one in of_it),
            "reached_goal": sum(one["state"] == "exited" and one["reason"] in GOALS for one in of_it),
        }

    kinds = {*(one["trigger_type"] for one in asked_for), *(one["event_type"].split(".")[3] for one in events)}
    segments = {SEGMENTS[one["customer_id"]] for one in [*triggered, *events]}
    return {
        "stages": stages(lambda _: True, lambda _: True),
        "by_trigger": {
            kind: stages(
                lambda one, kind=kind: one["trigger_type"] == kind,
                lambda one, kind=kind: one["event_type"].split(".")[3] == kind,
                asked_for,
            )
            for kind in kinds
        },
        "by_segment": {of: stages(*(2 * (lambda one, of=of: SEGMENTS[one["customer_id"]] == of,))) for of in segments},
        "asked_for_at_once": sum(outcome["outcome"] == "request" for _, outcome in decided),
        "not_asked_for": Counter(
            (outcome["outcome"], outcome["reason"]) for _, outcome in decided if outcome["outcome"] != "request"
        ),
        "ends": Counter((one["state"], one["reason"]) for one in triggered if one["state"] in LEFT),
        "by_day": {
            day: (many, Counter(one["created_at"].date().isoformat() for one in triggered if one in enrolled)[day])
            for day, many in Counter(one["created_at"].date().isoformat() for one in triggered).items()
        },
        "by_hand": sum(one["trigger_type"] is None for one in asked_for),
    }


def told_apart(told: dict[str, Any]) -> dict[str, Any]:
    """An answer in the shape of `counted`."""
    return {
        "stages": told["stages"],
        "by_trigger": {one.pop("trigger_type"): one for one in told["by_trigger"]},
        "by_segment": {one.pop("segment"): one for one in told["by_segment"]},
        "asked_for_at_once": told["asked_for_at_once"],
        "not_asked_for": {(one["outcome"], one["reason"]): one["count"] for one in told["not_asked_for"]},
        "ends": {(one["state"], one["reason"]): one["count"] for one in told["ends"]},
        "by_day": {one["day"]: (one["asked_for"], one["enrolled"]) for one in told["by_day"] if one["asked_for"]},
        "by_hand": told["besides"]["asked_for_by_hand"],
    }


@pytest.mark.parametrize("days", [7, 30, 90])
@pytest.mark.parametrize("trigger_type", [None, "renewal-window", "at-risk", "expansion-signal"])
@pytest.mark.parametrize("segment", [None, "enterprise", "smb", "nobody's"])
async def test_what_is_told_is_what_was_written_down(
    lived: Scene, days: int, trigger_type: str | None, segment: str | None
) -> None:
    today = lived.stage.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - timedelta(days=days - 1)
    told = await lived.see("/outcomes", days=days, trigger_type=trigger_type, segment=segment)
    assert datetime.fromisoformat(told["since"]) == since
    assert (len(told["by_day"]), told["by_day"][-1]["day"]) == (days, today.date().isoformat())
    assert told["segments"] == ["enterprise", "smb"]
    for name in ("not_asked_for", "ends"):
        counts = [one["count"] for one in told[name]]
        assert counts == sorted(counts, reverse=True)
    assert told_apart(told) == await counted(lived, since, trigger_type, segment)


async def test_there_is_something_of_each_kind_to_be_told(lived: Scene) -> None:
    told = await lived.see("/outcomes", days=90)
    assert all(told["stages"].values())
    assert [one["trigger_type"] for one in told["by_trigger"]] == ["new-customer", "renewal-window", "at-risk", None]
    assert [one["segment"] for one in told["by_segment"]] == ["enterprise", "smb", None]


async def test_the_decisions_are_those_that_asked_and_those_that_did_not(lived: Scene) -> None:
    told = await lived.see("/outcomes", days=90)
    refused = sum(one["count"] for one in told["not_asked_for"])
    assert told["stages"]["decisions"] == told["asked_for_at_once"] + refused
    assert told["asked_for_at_once"] > 0
    assert told["stages"]["asked_for"] == sum(one["asked_for"] for one in told["by_trigger"] if one["trigger_type"])


async def test_what_was_done_besides_the_mappings_is_told(lived: Scene) -> None:
    told = (await lived.see("/outcomes"))["besides"]
    assert (told["added_in_salesloft"], told["steered"]) == (1, {"pause": 1})
    assert (await lived.see("/outcomes", segment="smb"))["besides"] == told | {
        "asked_for_by_hand": told["asked_for_by_hand"] // 3, "added_in_salesloft": 0, "steered": {}
    }  # fmt: skip
    assert (await lived.see("/outcomes", trigger_type="at-risk"))["besides"]["added_in_salesloft"] is None


@pytest.mark.parametrize("days", [7, 90])
@pytest.mark.parametrize("trigger_type", [None, "renewal-window"])
@pytest.mark.parametrize("segment", [None, "smb", "nobody's"])
async def test_who_stands_behind_a_reason_is_listed_and_are_as_many_as_are_counted(
    lived: Scene, days: int, trigger_type: str | None, segment: str | None
) -> None:
    asked: dict[str, Any] = {"days": days, "trigger_type": trigger_type, "segment": segment}
    told = await lived.see("/outcomes", **asked)
    listed = await lived.walk("/outcomes/decisions", limit=7, **asked)
    assert len(listed) == len({(one["evaluation_id"], one["stakeholder_id"]) for one in listed})
    assert [one["evaluated_at"] for one in listed] == sorted((one["evaluated_at"] for one in listed), reverse=True)
    assert len(listed) == told["stages"]["decisions"]
    behind = Counter((one["outcome"], one["reason"]) for one in listed if one["outcome"] != "request")
    assert behind == {(one["outcome"], one["reason"]): one["count"] for one in told["not_asked_for"]}
    for outcome, reason in behind:
        of_it = {"outcome": outcome, "reason": reason}
        page = await lived.see("/outcomes/decisions", limit=200, **of_it, **asked)
        assert page["items"] == [one for one in listed if of_it.items() <= one.items()]
        assert (page["count"], page["since"]) == (behind[outcome, reason], told["since"])


@pytest.mark.parametrize("days", [7, 90])
@pytest.mark.parametrize("trigger_type", [None, "renewal-window"])
@pytest.mark.parametrize("segment", [None, "smb", "nobody's"])
async def test_who_ended_so_is_listed_among_enrollments_by_the_same_filters(
    lived: Scene, days: int, trigger_type: str | None, segment: str | None
) -> None:
    asked: dict[str, Any] = {"days": days, "segment": segment}
    told = await lived.see("/outcomes", trigger_type=trigger_type, **asked)
    asked |= {"trigger_type": trigger_type, "requested_by": "trigger"}
    requested = await lived.walk("/enrollments", limit=50, **asked)
    assert len(requested) == told["stages"]["asked_for"]
    assert days == 7 or segment or trigger_type or None in {end["reason"] for end in told["ends"]}
    for end in told["ends"]:
        of_it = {"state": end["state"], "reason": end["reason"]}
        listed = await lived.walk("/enrollments", limit=50, **asked | of_it | {"reason": end["reason"] or "none"})
        assert listed == [one for one in requested if of_it.items() <= one.items()]
        assert len(listed) == end["count"]
    by_hand = await lived.walk("/enrollments", limit=50, days=days, segment=segment, requested_by="person")
    if trigger_type is None:
        assert len(by_hand) == told["besides"]["asked_for_by_hand"]


async def test_a_page_ends_within_an_evaluation_and_the_next_goes_on_there(lived: Scene) -> None:
    at_once = await lived.see("/outcomes/decisions", limit=200)
    several = Counter(one["evaluation_id"] for one in at_once["items"])
    assert max(several.values()) > 1
    assert await lived.walk("/outcomes/decisions", limit=1) == at_once["items"]


async def test_a_listed_decision_says_whom_it_was_about_and_is_explained_by_its_event(lived: Scene) -> None:
    asked = {"customer_id": PAUSED, "stakeholder_id": lived.stakeholder_id}
    requested = await lived.walk("/outcomes/decisions", limit=50, outcome="request")
    (one,) = (each for each in requested if asked.items() <= each.items())
    person = (await lived.see(f"/people/{lived.stakeholder_id}"))["stakeholder"]
    assert (one["stakeholder_name"], one["segment"]) == (person["name"], "enterprise")
    assert one["customer_name"] == (await lived.see(f"/customers/{PAUSED}"))["name"]
    (explained,) = (await lived.see("/decisions", event_id=one["event_id"], **asked))["items"]
    assert (explained["id"], explained["trigger_type"]) == (one["evaluation_id"], one["trigger_type"])
    nobody = (await lived.see("/outcomes/decisions", reason="no_candidates"))["items"][0]
    assert (nobody["stakeholder_id"], nobody["stakeholder_name"]) == (None, None)


async def test_decisions_about_ones_own_customers_are_listed_by_themselves(lived: Scene) -> None:
    every = await lived.walk("/outcomes/decisions", limit=200)
    await lived.stage.execute(
        "UPDATE directory_customers SET data = jsonb_set(data::jsonb, '{owner,user_id}', '\"usr-mine\"')::json"
        " WHERE organization_id = $1 AND customer_id = $2",
        lived.organization_id, WAITING,
    )  # fmt: skip
    mine = await lived.see("/outcomes/decisions", limit=200, owner="usr-mine")
    assert mine["items"] == [one for one in every if one["customer_id"] == WAITING] != []
    assert mine["count"] == len(mine["items"])
    assert (await lived.see("/outcomes/decisions", owner="usr-nobody"))["items"] == []


async def test_a_cursor_of_one_reason_is_none_of_another(lived: Scene) -> None:
    first = await lived.see("/outcomes/decisions", limit=1, reason="fact_unknown")
    answer = await lived.get("/outcomes/decisions", limit=1, reason="no_candidates", cursor=first["next_cursor"])
    assert (answer.status_code, answer.json()["reason_code"]) == (400, "cursor_refused")
    assert (await lived.get("/outcomes/decisions", reason="no_reason")).status_code == 422


async def test_of_nothing_nothing_is_counted(lived: Scene) -> None:
    told = await lived.see("/outcomes", NEVER_CONNECTED)
    assert not any(told["stages"].values())
    listed = await lived.see("/outcomes/decisions", NEVER_CONNECTED)
    assert (listed["items"], listed["count"], listed["next_cursor"]) == ([], 0, None)
    assert [told[name] for name in ("by_trigger", "by_segment", "not_asked_for", "ends", "segments")] == [[]] * 5


async def test_other_times_are_not_told(lived: Scene) -> None:
    for days in (0, 91, "all"):
        assert (await lived.get("/outcomes", days=days)).status_code == 422
