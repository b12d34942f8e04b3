"""The oracle of activity, asked about single stories whose end is known."""

from typing import Any

from bench.proof.activity_oracle import expected_events, units

ADDED = "2026-03-05T14:00:00.000001Z"
STAY = "9@2026-03-05T14:00:00.000001+00:00"


def email(counter: str, value: int) -> dict[str, Any]:
    return {"kind": f"email.{counter}", "email_id": 7, "person_id": 1, "value": value}


def state(name: str) -> dict[str, Any]:
    return {"kind": "membership.state", "membership_id": 9, "person_id": 1, "added_at": ADDED, "state": name}


def names(*entries: dict[str, Any]) -> list[tuple[str, int]]:
    return [(metric, ordinal) for _, (_, _, metric, ordinal) in units(entries)]


def test_a_count_that_falls_and_rises_again_says_nothing_twice() -> None:
    told = names(*(email("views", value) for value in (1, 2, 3, 1, 2, 4)))
    assert told == [("email-opened", ordinal) for ordinal in (1, 2, 3, 4)]


def test_each_kind_counts_for_itself() -> None:
    told = names(email("sent", 1), email("views", 1), email("clicks", 1), email("replies", 1), email("bounced", 1))
    assert told == [(f"email-{what}", 1) for what in ("sent", "opened", "clicked", "replied", "bounced")]


def test_a_stay_begins_once_and_ends_once() -> None:
    again = state("active") | {"added_at": "2026-03-05T15:00:00.000000Z"}
    told = names(state("processing"), state("active"), state("completed"), state("archived"), again)
    assert told == [("membership-started", 1), ("membership-completed", 1), ("membership-started", 1)]
    assert [name[1] for _, name in units([state("active")])] == [STAY]


def test_everybody_who_is_the_person_is_told_and_nobody_else() -> None:
    life = [email("sent", 1), email("sent", 1) | {"person_id": 2, "email_id": 8}]
    told = expected_events("org-1", life, {1: ["sth-a", "sth-b"]})
    assert sorted(stakeholder_id for stakeholder_id, _ in told.values()) == ["sth-a", "sth-b"]


def test_the_ids_are_those_of_the_contract() -> None:
    """Once written down, an id stays: whoever consumes these events knows them by it."""
    (event_id,) = expected_events("org-1", [email("views", 1)], {1: ["sth-9"]})
    assert str(event_id) == "d877d3ce-f20e-5d46-bd8c-db9f65a0a277"
