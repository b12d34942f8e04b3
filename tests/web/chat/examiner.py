"""An examination in the chat, written by somebody who saw the contract and none of the grammar, and its judge.

`examination/cast.yaml` is who is spoken of, `examination/utterances.yaml` what is said and what a careful person takes
it for; how replies are judged stands in its head.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from schemas.vocabulary import EnrollmentState
from web.chat.book import Book, Caller, Directory, Enrolled
from web.chat.converse import converse
from web.chat.entities import Cadence, Customer, Stakeholder, User
from web.chat.intents import Topic
from web.chat.plans import ChangePlan, Confirmed, Conversation, Outcome, Question, ReadPlan, Told

__all__ = ["Entry", "Verdict", "entries", "judged"]

_FOLDER = Path(__file__).parent / "examination"
_STATES = {"active": EnrollmentState.ENROLLED, "paused": EnrollmentState.PAUSED}
_TOPICS = {
    Topic.MEMBERSHIP: "which_cadence",
    Topic.MEMBERS: "which_cadence",
    Topic.ACTIVITY: "activity",
    Topic.EXPLAIN: "explain",
    Topic.HELP: "help",
}
_NOTHING = frozenset({"not_understood", "refused"})

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came, whether it is right, and whether it names somebody or some cadence that no accepted reply names."""

    entry: Entry
    outcome: Outcome
    is_right: bool
    is_fatal: bool

    def __str__(self) -> str:
        told = self.outcome.model_dump_json(exclude_defaults=True, exclude={"confirmation", "digest", "note"})
        return f"{self.entry['id']} {self.entry['text']!r}: {told[:400]}"


@cache
def _cast() -> Any:
    return yaml.safe_load((_FOLDER / "cast.yaml").read_text(encoding="utf-8"))


@cache
def entries(examination: str) -> tuple[Entry, ...]:
    """All utterances of an examination, `first` to `fifth`."""
    return tuple(yaml.safe_load((_FOLDER / f"{examination}.yaml").read_text(encoding="utf-8")))


@cache
def _book() -> Book:
    cast = _cast()
    caller = cast["caller"]
    ours = [one for one in cast["customers"] if one["organization_id"] == caller["organization_id"]]
    segments: dict[int, list[tuple[str, str | None]]] = {}
    for purpose, by_segment in cast["mappings"].items():
        for segment, cadence_id in by_segment.items():
            segments.setdefault(cadence_id, []).append((purpose, segment))
    kinds = {(one["cadence"], one["step"]): one["step_type"] for one in cast["memberships"] if "step_type" in one}
    steps = {
        one["id"]: tuple(
            (one["id"] * 100 + n, kinds.get((one["id"], n), f"Step {n}")) for n in range(1, one["steps"] + 1)
        )
        for one in cast["cadences"]
    }
    names = {one["id"]: one["name"] for one in cast["cadences"]}
    purposes = {one["id"]: one["purpose"] for one in cast["cadences"]}
    directory = Directory(
        stakeholders=[
            Stakeholder(
                id=one["id"],
                name=one["name"],
                customer_id=one["customer"],
                email=one["email"],
                title=one["title"],
                role=one["role"],
            )
            for one in cast["stakeholders"]
            if one["customer"] in {known["id"] for known in ours}
        ],
        customers=[
            Customer(id=one["id"], name=one["name"], domain=one["domain"], segment=one["segment"]) for one in ours
        ],
        cadences=[
            Cadence(id=one["id"], name=one["name"], purposes=tuple(segments.get(one["id"], ())), steps=steps[one["id"]])
            for one in cast["cadences"]
            if not one.get("archived")
        ],
        users=[User(id=3, name=caller["name"], email=caller["email"])],
    )
    enrolled: dict[str, list[Enrolled]] = {one.id: [] for one in directory.stakeholder_by_id.values()}
    told = [
        (one["stakeholder"], one["cadence"], _STATES[one["status"]], one["step"])
        for one in cast["memberships"]
        if one["enrollment"] == "approved" and one["status"] in _STATES
    ]
    told += [(one["stakeholder"], one["cadence"], EnrollmentState(one["state"]), None) for one in cast["enrollments"]]
    for number, (stakeholder_id, cadence_id, state, step) in enumerate(told):
        enrolled[stakeholder_id].append(
            Enrolled(
                id=f"enr-{number}",
                stakeholder_id=stakeholder_id,
                cadence_id=cadence_id,
                cadence=names[cadence_id],
                purpose=purposes[cadence_id],
                state=state,
                step=step,
                steps=steps[cadence_id],
            )
        )
    by_hand: dict[str, list[Cadence]] = {}
    for one in cast["memberships"]:
        if one["enrollment"] == "none":
            by_hand.setdefault(one["stakeholder"], []).append(directory.cadence_by_id[one["cadence"]])
    speaker = Caller(
        organization_id=caller["organization_id"],
        user_id=caller["user_id"],
        email=caller["email"],
        may_change=frozenset(one["id"] for one in ours if one["owner"] == caller["user_id"]),
    )
    return Book(
        directory=directory,
        caller=speaker,
        enrolled={one: tuple(those) for one, those in enrolled.items()},
        by_hand={one: tuple(those) for one, those in by_hand.items()},
    )


def judged(entry: Entry) -> Verdict:
    """Say it, and judge what comes."""
    now = datetime.fromisoformat(f"{_cast()['today']}T10:00").replace(
        tzinfo=ZoneInfo(_cast()["organization_time_zone"])
    )
    conversation, book = Conversation(), _book()
    if "after" in entry:
        conversation = converse(entry["after"], conversation, book, now).conversation
    outcome = converse(entry["text"], conversation, book, now).outcome
    accepted = list(_accepted(entry))
    is_right = any(_is(outcome, one, entry) for one in accepted)
    return Verdict(entry, outcome, is_right, is_fatal=not is_right and _names_others(outcome, accepted))


def _accepted(entry: Entry) -> Iterator[Entry]:
    yield entry
    for other in entry.get("also_right", ()):
        yield {**entry, **other, "names_person": "person" in other}


def _is(outcome: Outcome, wanted: Entry, entry: Entry) -> bool:
    match outcome:
        case ChangePlan() | Confirmed():
            plan = outcome.plan if isinstance(outcome, Confirmed) else outcome
            is_confirmed = isinstance(outcome, Confirmed) == (wanted["intent"] == "confirm")
            return wanted["outcome"] == ("answer" if isinstance(outcome, Confirmed) else "plan_to_confirm") and (
                is_confirmed and _is_plan(plan, wanted)
            )
        case ReadPlan():
            return wanted["outcome"] == "answer" and _is_answer(outcome, wanted, entry)
        case Question():
            return wanted["outcome"] == "question_with_choices" and _offers(outcome, wanted)
        case Told():
            says_so = wanted["outcome"] == "answer" and (
                entry["outcome"] in _NOTHING or wanted["intent"] in {"none", "cancel", "confirm"}
            )
            return wanted["outcome"] in _NOTHING or says_so
    return False


def _is_plan(plan: ChangePlan, wanted: Entry) -> bool:
    if "parts" in wanted:
        parts = {(one["intent"], one["person"], one["cadence"], one.get("until")) for one in wanted["parts"]}
        return parts == {(plan.action.value, *pair, _iso(plan.until)) for pair in _pairs(plan)}
    cadences = wanted["cadence"] if isinstance(wanted["cadence"], list) else [wanted["cadence"]]
    return (
        wanted["intent"] in {plan.action.value, "confirm"}
        and _pairs(plan) == {(wanted["person"], cadence) for cadence in cadences}
        and _iso(plan.until) == wanted["until"]
    )


def _pairs(plan: ChangePlan) -> set[tuple[str, int]]:
    return {(target.stakeholder_id, target.cadence_id) for target in plan.targets}


def _is_answer(told: ReadPlan, wanted: Entry, entry: Entry) -> bool:
    if entry["outcome"] in _NOTHING and not wanted.get("names_person"):
        return told.topic is Topic.HELP
    if "parts" in wanted and wanted["outcome"] == "answer":
        about = {one.get("person") or one.get("customer") for one in wanted["parts"]}
        kinds = {one["intent"] for one in wanted["parts"]}
        return {_TOPICS.get(told.topic)} == kinds and {*told.stakeholder_ids, *told.customer_ids} == about
    return (
        wanted["intent"] in {None, _TOPICS.get(told.topic)}
        and (wanted["person"] is None or told.stakeholder_ids == (wanted["person"],))
        and (wanted["person"] is not None or wanted["customer"] is None or told.customer_ids == (wanted["customer"],))
        and _is_of_cadence(told.cadence_ids, wanted["cadence"])
    )


def _is_of_cadence(told: tuple[int, ...], wanted: Any) -> bool:
    """What is read of a cadence that is called by its purpose is read of all that have the purpose."""
    return (
        wanted is None or not told or wanted in told or set(told) == (set(wanted) if isinstance(wanted, list) else None)
    )


def _offers(question: Question, wanted: Entry) -> bool:
    offered: set[Any] = set()
    for choice in question.choices:
        settled = choice.settled
        offered |= {*settled.people.values(), *settled.accounts.values(), *settled.whole_accounts.values()}
        offered |= {*settled.cadences.values(), _iso(settled.until)}
        for enrollment_ids in settled.enrollments.values():
            enrollments = [one for those in _book().enrolled.values() for one in those if one.id in enrollment_ids]
            offered |= {one.cadence_id for one in enrollments}
    if set(wanted.get("must_not_offer", ())) & offered:
        return False
    if "must_offer" in wanted:
        return set(wanted["must_offer"]) <= offered
    given = {"people": wanted["person"], "account": wanted["customer"], "cadence": wanted["cadence"]}.get(
        question.asks or ""
    )
    return given is None or not question.choices or given in offered


def _names_others(outcome: Outcome, accepted: list[Entry]) -> bool:
    if not isinstance(outcome, ChangePlan | Confirmed):
        return False
    plan = outcome.plan if isinstance(outcome, Confirmed) else outcome
    people, cadences = set(), set()
    for one in accepted:
        for part in (one, *one.get("parts", ())):
            people.add(part.get("person"))
            cadence = part.get("cadence")
            cadences |= set(cadence) if isinstance(cadence, list) else {cadence}
    return any(person not in people or cadence not in cadences for person, cadence in _pairs(plan))


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
