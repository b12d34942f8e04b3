"""Whether Salesloft was told what was approved, once; the judge is the simulator's journal of what it accepted."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from bench.proof.evidence import Evidence
from bench.proof.findings import Findings
from bench.proof.journal import Place, is_membership_made
from schemas.registry import ENROLLMENT_APPROVED
from schemas.topics import APPROVAL_REQUEST

__all__ = ["judge_salesloft"]

_NEVER_SENT = frozenset({"do_not_contact", "contact_restrictions"})
_MADE_FROM = frozenset({"enrolling", "unknown"})


def judge_salesloft(evidence: Evidence, findings: Findings, *, memberships_at_least: int) -> None:
    """Memberships, people and approvals; with fewer memberships than that the part has shown nothing."""
    approved = _approved(evidence)
    _one_membership_each(evidence, findings, at_least=memberships_at_least)
    _only_the_approved(evidence, approved, findings)
    _only_their_people(evidence, approved, findings)
    _nothing_left_open(evidence, findings)


def _approved(evidence: Evidence) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The approvals that the approvers sent, by enrollment and digest, as they stand on the bus."""
    return {
        (data["enrollment_id"], data["request_digest"]): data
        for record in evidence.decisions
        if record.header("ce_type") == ENROLLMENT_APPROVED.name
        for data in [orjson.loads(record.value or b"")]
    }


def _one_membership_each(evidence: Evidence, findings: Findings, *, at_least: int) -> None:
    made: Counter[Place] = Counter()
    taken_off: Counter[Place] = Counter()
    of_membership: dict[tuple[str, int], Place] = {}
    for organization, entries in evidence.journal.items():
        for entry in entries:
            if is_membership_made(entry):
                body = entry["body"]
                place = organization, int(body["person_id"]), int(body["cadence_id"])
                made[place] += 1
                of_membership |= {(organization, id_): place for id_ in entry["ids"]}
            elif entry["resource"] == "cadence_memberships" and entry["method"] == "DELETE":
                known = [(organization, id_) for id_ in entry["ids"]]
                taken_off.update(of_membership[one] for one in known if one in of_membership)
    rows = evidence.tables["enrolled_counts"]
    enrolled = Counter({_place(row): row["number"] for row in rows})
    again = Counter({_place(row): row["again"] for row in rows if row["again"]})
    findings.nothing(
        "Salesloft made one membership each time that an enrollment got one, and no other.",
        [
            f"{place}: {made[place]} made, {enrolled[place]} enrolled"
            for place in made.keys() | enrolled.keys()
            if made[place] != enrolled[place]
        ],
        len(made),
    )
    early = [
        f"{place}: taken off {taken_off[place]} times, added again {times} times"
        for place, times in again.items()
        if taken_off[place] < times
    ]
    findings.holds(
        "Who was paused and is added again had been taken off.",
        not early,
        "; ".join(early) or f"{again.total()} added again",
    )
    total = sum(made.values())
    findings.holds(f"At least {at_least} memberships were made.", total >= at_least, f"{total} made")
    findings.figures["memberships made"] = total


def _place(row: Mapping[str, Any]) -> Place:
    return row["organization_id"], row["person_id"], row["cadence_id"]


def _only_the_approved(
    evidence: Evidence, approved: Mapping[tuple[str, str], Mapping[str, Any]], findings: Findings
) -> None:
    counted: dict[str, list[Mapping[str, Any]]] = {}
    for row in evidence.tables["decisions"]:
        if row["ignored_because"] is None and row["verdict"] == "approved":
            counted.setdefault(row["enrollment_id"], []).append(row)
    enrolled = Counter(
        row["enrollment_id"]
        for row in evidence.tables["history"]
        if row["to_state"] == "enrolled" and row["from_state"] in _MADE_FROM
    )
    wrong = []
    for enrollment, times in enrolled.items():
        decisions = counted.get(enrollment, [])
        if times != 1:
            wrong.append(f"{enrollment} was enrolled {times} times")
        if not any((enrollment, row["request_digest"]) in approved for row in decisions):
            wrong.append(f"{enrollment} was enrolled without an approval on the bus")
    findings.nothing("Who was enrolled was approved, and was enrolled once.", wrong, len(enrolled))
    digests = Counter(
        (row["enrollment_id"], row["request_digest"])
        for row in evidence.tables["decisions"]
        if row["ignored_because"] is None
    )
    findings.nothing(
        "A request is decided once.", [place for place, times in digests.items() if times > 1], len(digests)
    )
    kept = {(row["enrollment_id"], row["event_id"]) for row in evidence.tables["decisions"]}
    sent = {
        (orjson.loads(record.value or b"")["enrollment_id"], record.header("ce_id")) for record in evidence.decisions
    }
    findings.same("Every decision that was sent is kept.", sent, kept)
    findings.figures["approvals that counted"] = sum(len(rows) for rows in counted.values())


def _only_their_people(
    evidence: Evidence, approved: Mapping[tuple[str, str], Mapping[str, Any]], findings: Findings
) -> None:
    addresses = set()
    for record in evidence.records[APPROVAL_REQUEST.name]:
        data = orjson.loads(record.value or b"")
        if (data["enrollment_id"], data["request_digest"]) in approved and "stakeholder" in data:
            addresses.add((data["organization_id"], (data["stakeholder"]["email"] or "").strip().lower()))
    wrong = []
    upserts = 0
    for organization, entries in evidence.journal.items():
        for entry in entries:
            if entry["resource"] != "people":
                continue
            upserts += 1
            body = entry["body"]
            if (organization, str(body.get("email_address", "")).lower()) not in addresses:
                wrong.append(f"{organization} {entry['method']} {entry['path']} without an approval")
            if _NEVER_SENT & body.keys() or any(value in (None, "") for value in body.values()):
                wrong.append(f"{organization} {entry['path']} sends {sorted(body)}")
    findings.nothing("No person was written whom nobody approved, and no consent with any.", wrong, upserts)


def _nothing_left_open(evidence: Evidence, findings: Findings) -> None:
    standing = evidence.rest.standing
    findings.holds(
        "No enrollment is left in enrolling or unknown.", standing.calls_open == 0, f"{standing.done} commands done"
    )
    findings.holds(
        "No command that is due is left.",
        standing.due == 0 and standing.held == 0,
        f"{standing.due} due, {standing.held} held",
    )
    findings.nothing(
        "Nothing approved waits without a command that carries it on.",
        [f"{row['id']} is {row['state']}" for row in evidence.tables["enrollments_without_work"]],
        len(evidence.tables["enrollments"]),
    )
