"""What pages make of what the API tells: one thing is one row, a step is done that was logged, a reason is in words."""

from typing import Any

import pytest

from web.pages.histories import NO_REASON, as_told, users_of
from web.pages.journeys import completed_of, journey, summed_up
from web.pages.reasons import denied, judged, turn_of
from web.reason_words import because

RUN = "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77"
CADENCE = {"id": 456, "name": "Renewal 90"}
FIRST = {"number": 1, "name": "Renewal is coming", "type": "email"}


def entries(*told: tuple[str, str, dict[str, Any]]) -> list[dict[str, Any]]:
    """A history, told from its beginning and listed the newest first; a minute and a half lies between two things."""
    listed = [
        {
            "at": f"2026-11-24T09:{place * 3 // 2:02}:{place % 2 * 30:02}.000000Z",
            "kind": kind,
            "stakeholder_id": "sth-9",
            "stakeholder_name": "Ann Lee",
            "enrollment_id": RUN,
            "what": what,
            "who": None,
            "why": None,
            "detail": {},
            "cadence": CADENCE,
            "step": None,
            "sender": None,
        }
        | more
        for place, (kind, what, more) in enumerate(told)
    ]
    return listed[::-1]


def said(found: list[dict[str, Any]]) -> list[tuple[str, str | None, str | None]]:
    return [(row["text"], row["who"], row["note"] or row["reason"] or row["trigger"]) for row in as_told(found)]


BEGUN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("trigger", "renewal-window", {}),
    ("state", "requested", {}),
    ("decision", "approved", {"who": "usr-4"}),
    ("state", "approved", {"who": "usr-4"}),
    ("state", "scheduled", {}),
    ("state", "enrolling", {}),
    ("attempt", "enroll", {"why": "enrolled", "detail": {"last_error": "was away"}}),
    ("state", "enrolled", {"detail": {"from": "enrolling"}}),
    ("stay", "added", {}),
    ("activity", "membership-started", {}),
)


def test_a_run_is_told_in_a_row_of_each_thing() -> None:
    assert said(entries(*BEGUN)) == [
        ("Enrolled", None, None),
        ("Approved", "usr-4", None),
        ("Requested", None, "renewal-window"),
    ]
    assert users_of(entries(*BEGUN)) == {"usr-4"}


@pytest.mark.parametrize(
    ("asked", "states", "told"),
    [
        ("pause", [("paused", "requested_by_person")], "Paused"),
        ("resume", [("enrolled", "pause_ended")], "Resumed"),
        ("skip", [("paused", "requested_by_person"), ("enrolled", "pause_ended")], "Step skipped"),
        ("restart", [("paused", "requested_by_person"), ("enrolled", "pause_ended")], "Started again at another step"),
        ("remove", [("removed", "requested_by_person")], "Removed"),
    ],
)
def test_what_somebody_asked_and_what_came_of_it_are_one_row(
    asked: str, states: list[tuple[str, str]], told: str
) -> None:
    came = [("state", what, {"why": why, "who": None, "detail": {"from": "paused"}}) for what, why in states]
    done = ("asked", asked, {"who": "usr-1", "why": "on holiday"})
    found = entries(done, *came, ("attempt", asked, {"why": "paused"}), ("activity", "membership-removed", {}))
    assert said(found) == [(told, "usr-1", "on holiday")]
    # Until it is done it is what was requested.
    ((requested, who, _),) = said(entries(done))
    assert requested != told
    assert who == "usr-1"


def test_what_an_approver_changed_and_where_somebody_went_on_are_told_with_it() -> None:
    sender = {"user_id": 12, "name": "Kim"}
    changed = {"who": "usr-4", "detail": {"start_date": "2026-12-01"}, "step": FIRST, "sender": sender}
    (row,) = as_told(entries(("decision", "approved", changed)))
    assert (row["first_day"], row["step"], row["sender"]) == ("2026-12-01", FIRST, sender)
    restarted = ("asked", "restart", {"who": "usr-1", "step": FIRST})
    back = ("state", "enrolled", {"why": "pause_ended", "detail": {"from": "paused"}})
    (row,) = as_told(entries(restarted, back))
    assert (row["text"], row["step"]) == ("Started again at another step", FIRST)


def test_nobody_is_quoted_with_a_reason_that_they_did_not_give() -> None:
    assert said(entries(("asked", "pause", {"who": "usr-1", "why": NO_REASON}))) == [("Pause requested", "usr-1", None)]


def test_who_only_requests_has_not_added() -> None:
    by_hand = ("trigger", "added by a person", {"who": "usr-1", "why": "she asked"})
    assert said(entries(by_hand, ("state", "requested", {"who": "usr-1"}))) == [("Requested", "usr-1", "she asked")]


def test_what_comes_again_is_counted_and_a_step_is_told_by_what_was_sent() -> None:
    opened = ("activity", "email-opened", {"step": FIRST, "why": "high"})
    found = entries(
        ("activity", "email-sent", {"step": FIRST}),
        ("activity", "step-completed", {"step": FIRST}),
        opened,
        opened,
        ("activity", "email-opened", {"step": FIRST, "why": "low"}),
        ("activity", "email-replied", {"step": FIRST}),
        ("state", "removed", {}),
    )
    rows = as_told(found)
    assert [(row["text"], row["times"], row["unsure"]) for row in rows] == [
        ("Removed in Salesloft after a reply", 1, False),
        ("Replied", 1, False),
        ("E-mail opened", 1, True),
        ("E-mail opened", 2, False),
        ("E-mail sent", 1, False),
    ]
    assert rows[3]["at"] == found[3]["at"]
    assert rows[3]["person"] == {"id": "sth-9", "name": "Ann Lee"}


def test_what_salesloft_refuses_and_what_nobody_here_did_is_told() -> None:
    found = entries(
        ("attempt", "pause", {"why": "pending", "detail": {"last_error": "it is locked"}}),
        ("stay", "added", {"enrollment_id": None}),
        ("activity", "membership-removed", {"enrollment_id": None}),
        ("decision", "rejected", {"who": "usr-4", "why": "digest_differs"}),
        ("state", "exited", {"why": "renewed"}),
        ("activity", "step-completed", {"step": FIRST}),
        ("state", "scheduled", {}),
    )
    assert said(found) == [
        ("Waits for its first day", None, None),
        ("Step completed", None, None),
        ("Taken off the cadence", None, "renewed"),
        ("Rejected, which did not count", "usr-4", "digest_differs"),
        ("Removed in Salesloft", None, None),
        ("Added in Salesloft", None, None),
        ("Salesloft refused: it is locked", None, None),
    ]


def steps(*enabled: bool) -> list[dict[str, Any]]:
    return [
        {"day": place, "steps": [{"id": place, "name": None, "type": "email", "enabled": on}]}
        for place, on in enumerate(enabled, start=1)
    ]


@pytest.mark.parametrize(
    ("at", "completed", "first", "stands"),
    [
        (1, [], 1, "due ahead off ahead ahead"),
        (3, [1], 1, "done unknown off due ahead"),
        (4, [1, 4], 1, "done skipped off done due"),
        (2, [], 2, "skipped due off ahead ahead"),
        (4, [4], 4, "skipped skipped off done due"),
        (None, [], 2, "skipped ahead off ahead ahead"),
    ],
)
def test_a_step_is_done_that_was_logged_as_completed(
    at: int | None, completed: list[int], first: int, stands: str
) -> None:
    units: list[dict[str, Any]] = [
        {"kind": "step-completed", "step_id": one, "enrollment_id": RUN, "cadence_id": 456} for one in completed
    ]
    others: list[dict[str, Any]] = [
        {"kind": "email-sent", "step_id": 2, "enrollment_id": RUN, "cadence_id": 456},
        {"kind": "step-completed", "step_id": 2, "enrollment_id": "another", "cadence_id": 456},
        {"kind": "step-completed", "step_id": 2, "enrollment_id": RUN, "cadence_id": 457},
        {"kind": "step-completed", "step_id": None, "enrollment_id": RUN, "cadence_id": 456},
    ]
    enrollment = {
        "id": RUN,
        "cadence": CADENCE,
        "state": "enrolled" if at is not None else "scheduled",
        "progress": {"step": at, "steps": 4},
        "start_step_id": first,
        "moves": [],
    }
    days = journey(steps(True, True, False, True, True), enrollment, completed_of([*units, *others], enrollment))
    assert " ".join(step["stands"] for day in days for step in day["steps"]) == stands
    assert sum(summed_up(days).values()) == 5


def moved(action: str, *, last_seen_at: int | None = None, to: int | None = None) -> dict[str, Any]:
    return {"action": action, "at": "2026-11-24T09:00:00Z", "from_step_id": last_seen_at, "to_step_id": to}


@pytest.mark.parametrize(
    ("at", "completed", "moves", "stands"),
    [
        (2, [], [moved("skip", last_seen_at=1)], "skipped due ahead ahead"),
        (1, [], [moved("skip", last_seen_at=1)], "due ahead ahead ahead"),
        (3, [1], [moved("skip", last_seen_at=1)], "done skipped due ahead"),
        (3, [], [moved("skip", last_seen_at=2)], "unknown skipped due ahead"),
        (3, [], [moved("skip"), moved("skip")], "skipped skipped due ahead"),
        (4, [1], [moved("restart", last_seen_at=2, to=4)], "done skipped skipped due"),
        (3, [], [moved("restart", to=4), moved("restart", last_seen_at=4, to=2)], "skipped unknown due ahead"),
        (2, [], [moved("restart", last_seen_at=1, to=99)], "unknown due ahead ahead"),
    ],
)
def test_a_step_that_a_person_had_left_out_was_skipped(
    at: int, completed: list[int], moves: list[dict[str, Any]], stands: str
) -> None:
    enrollment = {"state": "enrolled", "progress": {"step": at}, "start_step_id": 1, "moves": moves}
    days = journey(steps(True, True, True, True), enrollment, completed)
    assert " ".join(step["stands"] for day in days for step in day["steps"]) == stands


@pytest.mark.parametrize(
    ("predicate", "value", "holds", "says"),
    [
        ("stakeholder.is_champion = true", False, False, "Champion: should be yes, is no"),
        ("stakeholder.is_champion = true", True, True, "Champion: is yes"),
        ("customer.health_score < 60", "71", False, "Health score: should be below 60, is 71"),
        ("customer.health_score <= 60", None, None, "Health score: should be at most 60, is not known"),
        ("stakeholder.role in [decision_maker, champion]", "champion", True, None),
        ("customer.owner.email exists", None, False, "Owner's e-mail address: should be known, is not known"),
        ("customer.domain is missing", "acme.example", False, "Domain: should be unknown, is acme.example"),
        (
            "customer.renewal_date before now+90d",
            "2027-03-31",
            False,
            "Renewal date: should be before 90 days after that day, is 31 Mar 2027",
        ),
        ("something new", 7, False, "something new: should be so, is 7"),
    ],
)
def test_a_predicate_is_told_in_words(predicate: str, value: Any, holds: bool | None, says: str | None) -> None:
    found = judged({"predicate": predicate, "value": value, "holds": holds})
    says = says or "Role: is champion, as it should be: one of decision maker, champion"
    assert (f"{found['fact']}: {found['says']}", found["holds"]) == (says, holds)


def test_what_must_not_be_is_told_so() -> None:
    one = {"predicate": "stakeholder.role = technical", "value": "technical", "holds": True}
    assert denied(one) == {"fact": "Role", "says": "should not be technical, is technical", "holds": False}
    other = one | {"value": "champion", "holds": False}
    assert denied(other) == {"fact": "Role", "says": "is champion, as it should be: not technical", "holds": True}


@pytest.mark.parametrize(
    ("fact", "was", "is_", "outcome", "reason", "says"),
    [
        (
            "cadence.456.people_addable",
            True,
            False,
            "defer",
            "cadence_unavailable",
            "If Renewal 90 took nobody, the decision would have waited: this cadence cannot be used for them.",
        ),
        (
            "customer.health_score",
            71,
            59,
            "request",
            "requested",
            "If Health score were 59 instead of 71, they would have been requested.",
        ),
        (
            "stakeholder.title",
            "VP",
            None,
            "skip",
            "fact_unknown",
            "If Job title were not known, they would have been left",
        ),
        ("stakeholder.on_cadence.999", True, False, "request", "requested", "If they were not on the cadence already,"),
        ("mapping.b8f7.enabled", True, False, "skip", "mapping_disabled", "If the mapping were switched off, they"),
        ("run.at-risk:default:epi-1", "exited", None, "request", "requested", "If they had not been through it before"),
    ],
)
def test_what_would_have_turned_it_is_told_without_ids(
    fact: str, was: Any, is_: Any, outcome: str, reason: str, says: str
) -> None:
    turn = {"fact": fact, "was": was, "is": is_, "outcome": outcome, "reason": reason}
    told = turn_of({"would_turn": turn, "would_also_turn": [], "asked": []}, {456: "Renewal 90"})
    assert told is not None
    assert told.startswith(says)


def test_of_what_would_have_turned_it_that_is_told_which_the_criteria_asked() -> None:
    turns = [
        {"fact": fact, "was": True, "is": False, "outcome": "skip", "reason": "criteria_not_met"}
        for fact in ("cadence.456.people_addable", "stakeholder.is_primary", "stakeholder.is_champion")
    ]
    champions = {"any": [{"not": {"predicate": "stakeholder.is_champion = true", "value": True, "holds": True}}]}
    asked = [{"customer_criteria": {"all": []}, "stakeholder_criteria": champions}]
    decision = {"would_turn": turns[0], "would_also_turn": turns[1:], "asked": asked}
    told = turn_of(decision, {456: "Renewal 90"})
    assert told == "If Champion were no instead of yes, they would have been left out: the criteria are not met."
    assert turn_of({**decision, "would_turn": None}, {}) is None


def test_every_reason_has_words() -> None:
    assert because("no_email") == "no e-mail address is known"
    assert because("something_new") == "something new"
    assert because(None) == ""
