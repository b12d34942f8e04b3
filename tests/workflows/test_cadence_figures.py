"""Figures about cadences: pure. Each says who counted and how long ago, and none is made up."""

from datetime import UTC, datetime, timedelta
from typing import Any

from storage.cadences import CadenceRow, Goals, Stays
from workflows.cadence_figures import Figure, Observed, people_figures, success_figures

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)
HOUR = timedelta(hours=1)


def cadence(**changes: Any) -> CadenceRow:
    values: dict[str, Any] = {
        "cadence_id": 456, "name": "Renewal 90", "people_addable": True, "team_cadence": True,
        "current_state": "active", "owner_user_id": None, "owner_name": None, "owner_email": None,
        "owner_active": None, "steps": [],
        "record": {"counts": {"cadence_people": 50, "meetings_booked": 5, "people_acted_on_count": 20}},
        "refreshed_at": NOW - HOUR, "description": None,
        "stats": {"sent_emails_count": 200, "replied_count": 30, "viewed_count": 120}, "stats_read_at": NOW - 2 * HOUR,
    }  # fmt: skip
    return CadenceRow(**values | changes)


def observed(**changes: Any) -> Observed:
    values: dict[str, Any] = {
        "stays": {456: Stays(people=10, people_now=4, ended=8, completed=6)},
        "people": {(456, "email-sent"): 8, (456, "email-replied"): 2, (456, "email-opened"): 6, (7, "email-sent"): 99},
        "goals": {456: Goals(enrollments=5, reached=4)},
        "ends": {"memberships": NOW - 3 * HOUR, "emails": NOW - 4 * HOUR},
        "now": NOW,
    }
    return Observed(**values | changes)


def told(figures: tuple[Figure, ...]) -> dict[str, tuple[float | None, str, timedelta | None]]:
    return {figure.name: (figure.value, figure.source, figure.age) for figure in figures}


def test_what_salesloft_counts_and_what_we_have_seen_stand_apart() -> None:
    assert told(people_figures(cadence(), observed())) == {
        "people_ever": (50.0, "salesloft", HOUR),
        "people_acted_on": (20.0, "salesloft", HOUR),
        "people_known_ever": (10.0, "cscx", 3 * HOUR),
        "people_known_now": (4.0, "cscx", 3 * HOUR),
    }
    assert told(success_figures(cadence(), observed())) == {
        "meeting_rate": (0.1, "salesloft", HOUR),
        "email_reply_rate": (0.15, "salesloft", 2 * HOUR),
        "email_view_rate": (0.6, "salesloft", 2 * HOUR),
        "goal_rate": (0.8, "cscx", timedelta()),
        "reply_rate": (0.25, "cscx", 4 * HOUR),
        "open_rate": (0.75, "cscx", 4 * HOUR),
        "bounce_rate": (0.0, "cscx", 4 * HOUR),
        "completion_rate": (0.75, "cscx", 3 * HOUR),
    }


def test_what_nobody_counts_is_no_figure_and_nothing_is_divided_by_nothing() -> None:
    older = cadence(record={"counts": None}, stats=None, stats_read_at=None)
    nothing = observed(stays={}, people={}, goals={}, ends={})
    assert told(people_figures(older, nothing)) == {
        "people_known_ever": (0.0, "cscx", None),
        "people_known_now": (0.0, "cscx", None),
    }
    rates = told(success_figures(older, nothing))
    assert {value for value, _, _ in rates.values()} == {None}
    assert "email_reply_rate" not in rates
    assert "meeting_rate" not in rates
