"""What a mapping that is tried says of somebody: whether it takes them, what keeps it from that, and who does instead.

The decisions about them are those of all mappings together: what another one decided says nothing of the tried one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from web.pages.reasons import missed, turn_of
from web.reason_words import because

__all__ = ["Elsewhere", "Verdict", "verdict_of"]

# What comes of asking the mappings: each of them has its own answer.
_OF_MAPPINGS: Final = frozenset(
    {"no_mapping", "mapping_disabled", "segment_not_matched", "criteria_not_met", "fact_unknown"}
)
_SAID: Final[Mapping[str, str]] = {
    "mapping_disabled": "it is switched off",
    "segment_not_matched": "the customer is not of its segment",
    "group_taken": "it fits, but another mapping is asked before it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What another mapping does with them, and what would have turned that."""

    mapping_id: str
    outcome: str
    why: str
    turn: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Of the tried mapping: what it comes to, `outcome` as of a decision, and `why` in words that follow a colon.

    `asked` is what its criteria saw, None where they were not tried. `turn` is the one change that would turn it;
    `others_turn` is one by which another mapping, the first of the two, would request them although none does.
    """

    outcome: str
    why: str
    asked: Mapping[str, Any] | None
    turn: str | None
    others_turn: tuple[str, str] | None
    elsewhere: Sequence[Elsewhere]


def verdict_of(decisions: Sequence[Mapping[str, Any]], mapping_id: str) -> Verdict | None:
    """None where nothing is decided about them."""
    if not decisions:
        return None
    own = next((one for one in decisions if _deciding(one) == mapping_id), None)
    others = [one for one in decisions if _deciding(one) not in {None, mapping_id}]
    told = own or next((one for one in decisions if _deciding(one) is None), decisions[0])
    asked = next((one for one in told["asked"] if one["mapping"]["id"] == mapping_id), None)
    turn, others_turn = _turns(told, mapping_id) if told not in others else (None, None)
    return Verdict(
        outcome=own["outcome"] if own is not None else "skip",
        why=because(own["reason"]) if own is not None else _why(told, asked, is_others=told in others),
        asked=asked,
        turn=turn,
        others_turn=others_turn,
        elsewhere=[
            Elsewhere(
                mapping_id=one["mapping"]["id"],
                outcome=one["outcome"],
                why=because(one["reason"]),
                turn=turn_of(one, {}),
            )
            for one in others
        ],
    )


def _deciding(decision: Mapping[str, Any]) -> str | None:
    return decision["mapping"]["id"] if decision["mapping"] is not None else None


def _why(decision: Mapping[str, Any], asked: Mapping[str, Any] | None, *, is_others: bool) -> str:
    if asked is None or (not is_others and decision["reason"] not in _OF_MAPPINGS):
        return because(decision["reason"])
    if asked["said"] in _SAID:
        return _SAID[asked["said"]]
    parts = [asked["customer_criteria"], asked["stakeholder_criteria"]]
    # What is not known settles nothing beside what does not hold.
    settling = [one for one in parts if one["holds"] is False] or parts
    return "; ".join(sentence for one in settling for sentence in missed(one)) or because(decision["reason"])


def _turns(decision: Mapping[str, Any], mapping_id: str) -> tuple[str | None, tuple[str, str] | None]:
    """The change that turns what the tried mapping says; where none does, the one that has another one request them."""
    turns = [one for one in (decision["would_turn"], *decision["would_also_turn"]) if one is not None]
    if decision["outcome"] == "request":
        return turn_of(decision, {}), None
    own = [one for one in turns if one["mapping_id"] == mapping_id]
    if own:
        return _first_of(decision, own), None
    other = next((one["mapping_id"] for one in turns if one["mapping_id"] is not None), None)
    if other is None:
        return None, None
    told = _first_of(decision, [one for one in turns if one["mapping_id"] == other])
    return None, (other, told)


def _first_of(decision: Mapping[str, Any], turns: Sequence[Mapping[str, Any]]) -> str:
    return turn_of({**decision, "would_turn": turns[0], "would_also_turn": turns[1:]}, {}) or ""
