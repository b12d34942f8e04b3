"""Why somebody was requested or not, as somebody who is asked in the chat would say it."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from enrollment.additions import REFUSAL_WORDS
from enrollment.criteria import Verdict
from enrollment.explain import ExplainedDecision
from schemas.vocabulary import CandidateOutcome, Reason, TriggerType
from web.chat.wording import listed, spoken_moment
from web.reason_words import because

__all__ = ["asked_by_hand", "decided"]

_CAME: Final = {
    TriggerType.NEW_CUSTOMER: "became a customer",
    TriggerType.RENEWAL_WINDOW: "came into its renewal window",
    TriggerType.AT_RISK: "was found at risk",
    TriggerType.EXPANSION_SIGNAL: "showed that it may expand",
}
_REFUSED: Final = REFUSAL_WORDS | {
    Reason.CRITERIA_NOT_MET: "They do not fit what any mapping of that trigger asks for.",
    Reason.FACT_UNKNOWN: "Something that a mapping asks for is not known of them.",
    Reason.NO_MAPPING: "No mapping is published for that trigger.",
    Reason.MAPPING_DISABLED: "The mapping for it is switched off.",
    Reason.SEGMENT_NOT_MATCHED: "The mapping is for another segment.",
}
_INSTEAD: Final = {
    CandidateOutcome.REQUEST: "would have been requested",
    CandidateOutcome.DEFER: "would have been put off",
    CandidateOutcome.SKIP: "would have been left out",
}


def decided(
    explained: ExplainedDecision, trigger_type: TriggerType, at: datetime, *, name: str, customer: str, cadence: str
) -> str:
    """What was decided about somebody, when, and what it rests on; `at` is in the reader's zone."""
    decision = explained.decision
    when = f"on {spoken_moment(at)}, when {customer} {_CAME[trigger_type]}"
    if decision.outcome is CandidateOutcome.REQUEST:
        fits = _held(decision.verdicts)
        return f"{name} was requested for {cadence} {when}.{f' They fit the mapping: {fits}.' if fits else ''}"
    was = "put off" if decision.outcome is CandidateOutcome.DEFER else "not requested"
    why = _REFUSED.get(decision.reason) or f"The reason: {because(decision.reason.value)}."
    return f"{name} was {was} {when}. {why}{_turned(explained)}"


def asked_by_hand(at: datetime, *, by: str, name: str, cadence: str) -> str:
    """That a person asked for it, and no trigger did; `at` is in the reader's zone."""
    return f"{by} requested {name} for {cadence} by hand on {spoken_moment(at)}."


def _held(verdicts: Sequence[Verdict]) -> str:
    return listed([_spaced(one.predicate).removesuffix(" = true") + _seen(one) for one in verdicts if one.holds])


def _seen(verdict: Verdict) -> str:
    """What was seen, where the predicate does not say it."""
    return "" if " = " in verdict.predicate else f" (it was {_value(verdict.value)})"


def _turned(explained: ExplainedDecision) -> str:
    turn = explained.turn
    if turn is None:
        return ""
    said = turn.told()
    change = f"{_spaced(turn.fact)} being {_value(said['is'])} instead of {_value(said['was'])}"
    return f" With {change} they {_INSTEAD[turn.outcome]}."


def _spaced(told: str) -> str:
    days = re.sub(r"\bnow([+-])(\d+)d\b", r"today \1 \2 days", told)
    return re.sub(r"(?<=[a-z])[._](?=[a-z])", " ", days)


def _value(told: Any) -> str:
    match told:
        case None:
            return "unknown"
        case bool():
            return "yes" if told else "no"
    return str(told)
