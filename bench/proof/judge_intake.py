"""Whether everything that came in was taken once, or put aside with its reason."""

import struct
from collections import Counter, defaultdict

from bench.proof.bus import ReadRecord
from bench.proof.evidence import Evidence
from bench.proof.findings import Findings
from bench.proof.load import TRIGGER_TOPICS, Place
from sandbox.approval_desk import SOURCE as DESK
from sandbox.defects import MARK
from sandbox.generator import STRUCTURED, GeneratedRecord
from schemas.topics import ENROLLMENT_DECISION, GROUP, dead_letter_topic

__all__ = ["judge_intake"]

_BLOCK_BEGINS = "x-dlq-original-topic"


def judge_intake(evidence: Evidence, findings: Findings) -> None:
    """Decisions, marks, dead letters and what waits."""
    good = [record for record in evidence.stream.records if record.kind == "good"]
    _figures(evidence, good, findings)
    _decided_once(evidence, good, findings)
    _marked_once(evidence, good, findings)
    _put_aside(evidence, findings)
    waits = evidence.rest
    findings.holds("No consumer lag is left.", evidence.lag.records == 0, f"{evidence.lag.end} records, {evidence.lag}")
    findings.holds("The outbox is empty.", waits.standing.unsent == 0, f"{waits.standing.sent} rows sent")


def _figures(evidence: Evidence, good: list[GeneratedRecord], findings: Findings) -> None:
    kinds = Counter(record.kind for record in evidence.stream.records)
    findings.figures |= {
        "records sent": len(evidence.stream.records),
        "lifecycle events": sum(1 for record in good if record.topic in TRIGGER_TOPICS),
        "other good events": sum(1 for record in good if record.topic not in TRIGGER_TOPICS),
        "duplicates": kinds["duplicate"],
        "malformed": kinds["malformed"],
        "in structured mode": sum(1 for record in good if _is_structured(record)),
        "key groups that were reordered": _overtaken(good),
    }


def _is_structured(record: GeneratedRecord) -> bool:
    return any(value == STRUCTURED.encode() for _, value in record.headers)


def _overtaken(good: list[GeneratedRecord]) -> int:
    """How many customers have an event that was sent after a later one of theirs on another topic."""
    latest: dict[bytes | None, str] = {}
    late: set[bytes | None] = set()
    for record in good:
        time = next((value.decode() for name, value in record.headers if name == "ce_time"), None)
        if time is None:
            continue
        if time < latest.get(record.key, ""):
            late.add(record.key)
        latest[record.key] = max(time, latest.get(record.key, ""))
    return len(late)


def _decided_once(evidence: Evidence, good: list[GeneratedRecord], findings: Findings) -> None:
    triggers = [record for record in good if record.topic in TRIGGER_TOPICS]
    decided = {row["event_id"]: row["number"] for row in evidence.tables["evaluated_events"]}
    findings.same(
        "Every good lifecycle event was decided, and nothing else was.", {r.id for r in triggers}, set(decided)
    )
    findings.nothing(
        "None was decided twice.", [event for event, number in decided.items() if number > 1], len(decided)
    )
    structured = {record.id for record in triggers if _is_structured(record)}
    findings.same(
        "Those in structured mode were decided like those in binary mode.", structured, structured & set(decided)
    )


def _marked_once(evidence: Evidence, good: list[GeneratedRecord], findings: Findings) -> None:
    """The table's key makes a mark unique, so the sets say it all; a null value is known by its place."""
    rows = evidence.tables["marks"]
    marked = {(row["topic"], row["event_id"]) for row in rows if row["source"] not in {"tombstone", DESK}}
    expected = {(record.topic, record.id) for record in good if record.value is not None}
    findings.same("The inbox holds every good event, and no broken one.", expected, marked)
    erasures = sum(1 for row in rows if row["source"] == "tombstone")
    expected_erasures = len(evidence.stream.erased)
    findings.holds("So it does every null value.", erasures == expected_erasures, f"{erasures} of {expected_erasures}")
    decisions = {record.header("ce_id") for record in evidence.records[ENROLLMENT_DECISION.name]}
    findings.same(
        "So it does every decision of the approvers.",
        decisions,
        {row["event_id"] for row in rows if row["source"] == DESK},
    )


def _put_aside(evidence: Evidence, findings: Findings) -> None:
    sent = {record.id: record for record in evidence.stream.records if record.kind == "malformed"}
    letters: dict[str, list[ReadRecord]] = defaultdict(list)
    strangers = []
    for letter in evidence.dead:
        mark = letter.header(MARK)
        if mark in sent:
            letters[mark].append(letter)
        else:
            strangers.append(f"{letter.topic}/{letter.partition}/{letter.offset} {letter.header('x-dlq-error-code')}")
    findings.same("Every malformed record has a dead letter.", set(sent), set(letters))
    findings.nothing("Nothing else was put aside.", strangers, len(evidence.dead))
    wrong = []
    for mark, found in letters.items():
        # Delivery is at least once, so a dead letter may be there again; then it says the same.
        first = found[0]
        wrong += [f"{mark} differs when it is sent again" for other in found[1:] if not _same_record(first, other)]
        wrong += [
            f"{mark}: {problem}"
            for problem in _problems(first, sent[mark], evidence.broken.get(mark), evidence.stream.malformed[mark])
        ]
    findings.nothing("Dead letters carry original, origin and reason exactly.", wrong, len(letters))
    findings.figures["dead letters by reason"] = dict(
        Counter(found[0].header("x-dlq-error-code") or "" for found in letters.values()).most_common()
    )


def _same_record(one: ReadRecord, other: ReadRecord) -> bool:
    return (one.topic, one.key, one.headers, one.value) == (other.topic, other.key, other.headers, other.value)


def _problems(letter: ReadRecord, sent: GeneratedRecord, place: Place | None, code: str) -> list[str]:
    if place is None:
        return ["nobody knows where it was sent to"]
    count = len(sent.headers)
    original, block = letter.headers[:count], letter.headers[count:]
    told = dict(block)
    expected = {
        "x-dlq-original-topic": place.topic.encode(),
        "x-dlq-original-partition": str(place.partition).encode(),
        "x-dlq-original-offset": str(place.offset).encode(),
        "x-dlq-original-timestamp": str(place.timestamp).encode(),
        "x-dlq-consumer-group": GROUP.encode(),
        "kafka_dlt-original-topic": place.topic.encode(),
        "kafka_dlt-original-partition": struct.pack(">i", place.partition),
        "kafka_dlt-original-offset": struct.pack(">q", place.offset),
        "kafka_dlt-original-timestamp": struct.pack(">q", place.timestamp),
        "kafka_dlt-original-consumer-group": GROUP.encode(),
        "x-dlq-error-code": code.encode(),
        "x-dlq-attempts": b"1",
    }
    problems = [
        f"{name} is {told.get(name)!r}, not {value!r}" for name, value in expected.items() if told.get(name) != value
    ]
    if letter.topic != dead_letter_topic(place.topic):
        problems.append(f"lies in {letter.topic}")
    if (letter.key, letter.value) != (sent.key, sent.value):
        problems.append("key or value are not the original's")
    if original != tuple(sent.headers) or not block or block[0][0] != _BLOCK_BEGINS:
        problems.append("the original's headers are not as they were")
    if told.get("x-dlq-stage") not in {b"decode", b"validate"} or not told.get("x-dlq-error-message"):
        problems.append(f"stage {told.get('x-dlq-stage')!r}, message {told.get('x-dlq-error-message')!r}")
    return problems
