"""Whether what went out is what the contract says: CloudEvents, schemas, ids, order, and the outbox's own list."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.exceptions import CloudEventValidationError
from jsonschema import Draft202012Validator

from bench.proof.bus import ReadRecord
from bench.proof.evidence import OUTGOING, Evidence
from bench.proof.findings import Findings
from schemas.topics import APPROVAL_REQUEST, ENROLLMENT

__all__ = ["judge_events"]

_SCHEMAS = Path(str(files("schemas"))) / "published"
# The trace of a hop is not the event.
_OF_THE_HOP = frozenset({"traceparent", "tracestate"})


def judge_events(evidence: Evidence, findings: Findings, *, validated_each: int) -> None:
    """Every event by the `cloudevents` library, and `validated_each` of every type against its published schema."""
    told = [record for record in evidence.outgoing if record.value is not None]
    findings.nothing(
        "Everything on the outgoing topics is a CloudEvent, as the cloudevents library reads it.",
        [problem for record in told if (problem := _no_cloud_event(record)) is not None],
        len(told),
    )
    _follow_their_schemas(told, findings, validated_each=validated_each)
    _same_id_same_event(told, findings)
    _as_the_outbox_says(evidence, findings)
    _in_order(evidence.records[ENROLLMENT.name], evidence.tables["history"], findings)
    _one_request_each(evidence, findings)
    findings.figures["events out"] = {topic: len(evidence.records[topic]) for topic in OUTGOING}


def _no_cloud_event(record: ReadRecord) -> str | None:
    place = f"{record.topic}/{record.partition}/{record.offset}"
    headers = {name: value or b"" for name, value in record.headers}
    message = KafkaMessage(headers=headers, key=record.key, value=record.value or b"")
    try:
        event = from_binary_event(message)
    except (CloudEventValidationError, ValueError, KeyError, TypeError) as error:
        return f"{place}: {type(error).__name__}: {error}"
    if event.get_specversion() != "1.0" or event.get_source() != "/cscx/salesloft" or event.get_time() is None:
        return f"{place}: {event.get_attributes()}"
    if record.header("ce_partitionkey") != (record.key or b"").decode():
        return f"{place}: its partitionkey is not its key"
    return None if record.header("ce_correlationid") else f"{place}: no correlation id"


@cache
def _schema(dataschema: str) -> Any:
    _, _, _, name, version = dataschema.split(":")
    return Draft202012Validator(
        orjson.loads((_SCHEMAS / name / f"{version}.json").read_bytes()),
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def _follow_their_schemas(told: Sequence[ReadRecord], findings: Findings, *, validated_each: int) -> None:
    of_type: dict[str, list[ReadRecord]] = defaultdict(list)
    for record in told:
        of_type[record.header("ce_type") or ""].append(record)
    wrong: list[str] = []
    validated = 0
    for name, records in of_type.items():
        step = max(1, len(records) // validated_each)
        for record in records[::step]:
            validated += 1
            dataschema = record.header("ce_dataschema") or ""
            if name not in dataschema:
                wrong.append(f"{name} names {dataschema}")
                continue
            error = next(_schema(dataschema).iter_errors(orjson.loads(record.value or b"")), None)
            if error is not None:
                wrong.append(f"{name} {record.header('ce_id')}: {error.json_path} {error.message}")
    findings.nothing("Events follow the published schemas that they name.", wrong, validated)
    findings.figures["events by type"] = {name: len(records) for name, records in sorted(of_type.items())}


def _same_id_same_event(told: Sequence[ReadRecord], findings: Findings) -> None:
    seen: dict[tuple[str, str | None], tuple[Any, ...]] = {}
    different = []
    for record in told:
        place = (record.topic, record.header("ce_id"))
        said = (record.key, record.value, [pair for pair in record.headers if pair[0] not in _OF_THE_HOP])
        if seen.setdefault(place, said) != said:
            different.append(place)
    findings.nothing("An event that is sent again is the same event.", different, len(told))
    findings.figures["events sent again"] = len(told) - len(seen)


def _as_the_outbox_says(evidence: Evidence, findings: Findings) -> None:
    stored = {(row["topic"], row["id"]) for row in evidence.tables["outbox_ids"]}
    # An erasure takes the person's request out of the outbox, be it at that moment on its way to Kafka or not.
    erased = {str(row["id"]) for row in evidence.tables["enrollments"] if row["erased"]}
    on_the_bus = {
        (record.topic, record.header("ce_id"))
        for record in evidence.outgoing
        if record.topic != APPROVAL_REQUEST.name
        or record.header("ce_subject") not in erased
        or (record.topic, record.header("ce_id")) in stored
    }
    findings.same("Every row of the outbox is on the bus, and nothing else is.", stored, on_the_bus)


def _in_order(records: Sequence[ReadRecord], history: Sequence[Any], findings: Findings) -> None:
    known = {(row["enrollment_id"], row["sequence"]): row["to_state"] for row in history}
    told: dict[tuple[str, int], tuple[str | None, str]] = {}
    last: dict[str, int] = {}
    wrong = []
    for record in records:
        data = orjson.loads(record.value or b"")
        enrollment, sequence = data["enrollment_id"], int(record.header("ce_sequence") or 0)
        if enrollment is None:
            continue
        said = (record.header("ce_id"), data["to"])
        before = told.setdefault((enrollment, sequence), said)
        if before != said:
            wrong.append(f"{enrollment} has two events of sequence {sequence}")
        elif last.get(enrollment, 0) < sequence - 1:
            wrong.append(f"{enrollment}: {sequence} came after {last.get(enrollment, 0)}")
        last[enrollment] = max(sequence, last.get(enrollment, 0))
    findings.nothing("An enrollment's events come in its order, without a gap.", wrong, len(told))
    findings.same(
        "Every change in the history is on the bus, and no other.",
        set(known.items()),
        {(place, state) for place, (_, state) in told.items()},
    )


def _one_request_each(evidence: Evidence, findings: Findings) -> None:
    asked: dict[str, set[str | None]] = defaultdict(set)
    runs: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for record in evidence.records[APPROVAL_REQUEST.name]:
        if (record.header("ce_type") or "").endswith("approval-requested.v1"):
            asked[orjson.loads(record.value or b"")["enrollment_id"]].add(record.header("ce_id"))
    questions = Counter(row["enrollment_id"] for row in evidence.tables["history"] if row["to_state"] == "requested")
    wrong = []
    for row in evidence.tables["enrollments"]:
        # The request of an erased person is taken out of the outbox where it has not left yet.
        least = 0 if row["erased"] else questions[row["id"]]
        if not least <= len(asked[row["id"]]) <= questions[row["id"]]:
            wrong.append(f"{row['id']} asked {len(asked[row['id']])} times, not {questions[row['id']]}")
        if row["state"] not in {"expired", "withdrawn"}:
            run = ("organization_id", "stakeholder_id", "trigger_type", "exclusivity_group", "business_key")
            runs[tuple(row[name] for name in run)].add(row["id"])
    rows = evidence.tables["enrollments"]
    findings.nothing("An enrollment has one approval request for each time that it asks.", wrong, len(rows))
    findings.same(
        "Nobody is asked about an enrollment that is not there.",
        {row["id"] for row in rows},
        {*asked, *(row["id"] for row in rows if row["erased"])},
    )
    findings.nothing("A run has one enrollment.", [run for run, ids in runs.items() if len(ids) > 1], len(runs))
    findings.figures["enrollments"] = dict(Counter(row["state"] for row in rows).most_common())
    findings.figures["approval requests"] = sum(len(ids) for ids in asked.values())
