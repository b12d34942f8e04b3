"""What is said of a mapping that is tried on somebody, of whom all mappings together decide."""

from typing import Any

import pytest

from web.pages.reasons import missed
from web.pages.why_not import verdict_of

TRIED, OTHER = "a-tried", "b-other"
ROLE = {"predicate": "stakeholder.role = executive_sponsor", "value": "champion", "holds": False}
ARR = {"predicate": "customer.arr > 5", "value": None, "holds": None}
CHAMPION = {"predicate": "stakeholder.is_champion = true", "value": True, "holds": True}
EVERYBODY: dict[str, Any] = {"all": [], "holds": True}


def turn(mapping_id: str | None, *, outcome: str = "request") -> dict[str, Any]:
    fact = "stakeholder.is_champion"
    told = {"fact": fact, "was": True, "is": False, "outcome": outcome, "reason": "criteria_not_met"}
    return told | {"mapping_id": mapping_id}


def decided(
    by: str | None, outcome: str, reason: str, *turns: dict[str, Any], said: str = "criteria_not_met"
) -> dict[str, Any]:
    asked = {"said": said, "mapping": {"id": TRIED}, "customer_criteria": EVERYBODY, "stakeholder_criteria": ROLE}
    return {
        "outcome": outcome,
        "reason": reason,
        "mapping": {"id": by} if by else None,
        "asked": [asked],
        "would_turn": turns[0] if turns else None,
        "would_also_turn": list(turns[1:]),
    }


def test_what_another_mapping_decides_is_not_said_of_the_tried_one() -> None:
    verdict = verdict_of([decided(OTHER, "request", "requested", turn(None, outcome="skip"))], TRIED)
    assert verdict is not None
    assert (verdict.outcome, verdict.why) == ("skip", "role is champion, should be executive sponsor")
    assert (verdict.turn, verdict.others_turn) == (None, None)
    (elsewhere,) = verdict.elsewhere
    assert (elsewhere.mapping_id, elsewhere.outcome) == (OTHER, "request")
    assert elsewhere.turn is not None
    assert elsewhere.turn.startswith("If Champion were no instead of yes, they would have been left out")


def test_the_own_decision_is_told_beside_that_of_another_group() -> None:
    others = decided(OTHER, "request", "requested", said="taken")
    own = decided(TRIED, "skip", "no_email", turn(OTHER), turn(TRIED), said="taken")
    verdict = verdict_of([others, own], TRIED)
    assert verdict is not None
    assert (verdict.outcome, verdict.why) == ("skip", "no e-mail address is known")
    assert verdict.turn == "If Champion were no instead of yes, they would have been requested."
    assert [one.mapping_id for one in verdict.elsewhere] == [OTHER]


def test_a_change_by_which_another_mapping_requests_them_is_told_as_that() -> None:
    verdict = verdict_of([decided(None, "skip", "criteria_not_met", turn(OTHER))], TRIED)
    assert verdict is not None
    assert verdict.turn is None
    assert verdict.others_turn == (OTHER, "If Champion were no instead of yes, they would have been requested.")


@pytest.mark.parametrize(
    ("by", "reason", "said", "why"),
    [
        (None, "stakeholder_left", "criteria_not_met", "they have left the customer"),
        (None, "mapping_disabled", "mapping_disabled", "it is switched off"),
        (OTHER, "requested", "group_taken", "it fits, but another mapping is asked before it"),
        (OTHER, "no_email", "criteria_not_met", "role is champion, should be executive sponsor"),
    ],
)
def test_why_not_is_said_of_the_tried_one(by: str | None, reason: str, said: str, why: str) -> None:
    verdict = verdict_of([decided(by, "request" if reason == "requested" else "skip", reason, said=said)], TRIED)
    assert verdict is not None
    assert (verdict.outcome, verdict.why) == ("skip", why)


def test_of_nobody_nothing_is_said() -> None:
    assert verdict_of([], TRIED) is None


@pytest.mark.parametrize(
    ("traced", "says"),
    [
        (CHAMPION, []),
        (ROLE, ["role is champion, should be executive sponsor"]),
        (ARR, ["ARR is not known, should be above 5"]),
        ({"all": [ARR, CHAMPION, ROLE], "holds": False}, ["role is champion, should be executive sponsor"]),
        (
            {"any": [ROLE, ARR], "holds": None},
            ["role is champion, should be executive sponsor, or ARR is not known, should be above 5"],
        ),
        ({"not": CHAMPION, "holds": False}, ["champion is yes, should not be yes"]),
        ({"not": {"all": [CHAMPION], "holds": True}, "holds": False}, ["what may not be so is so"]),
        ({"any": [], "holds": False}, ["nothing is enough"]),
    ],
)
def test_what_keeps_criteria_from_holding_is_said(traced: dict[str, Any], says: list[str]) -> None:
    assert missed(traced) == says
