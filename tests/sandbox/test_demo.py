"""The demo finds what does not agree, takes a person's own events, and runs from end to end."""

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from rich.console import Console

from sandbox.defects import MARK
from sandbox.demo import cli
from sandbox.demo.agreement import Claim, compare, seen
from sandbox.demo.bystander import Bystander
from sandbox.demo.claims import BusEvidence, Evidence, UnitRow, claims, salesloft_units
from sandbox.demo.input_file import read_events
from sandbox.demo.journey import Journey
from sandbox.demo.options import DemoError, DemoOptions, default_organizations
from sandbox.generator import GeneratedRecord, Stream, StreamPlan, as_line, generate
from sandbox.population import Organization
from schemas.registry import APPROVAL_REQUESTED, AT_RISK, ENROLLMENT_CHANGED
from schemas.topics import APPROVAL_REQUEST, DIRECTORY_CUSTOMER, ENROLLMENT, dead_letter_topic
from schemas.topics import AT_RISK as AT_RISK_TOPIC

PROGRAM = Path(sys.executable).parent / "cscx-salesloft-sandbox"
EXAMPLE = Path(__file__).parents[2] / "sandbox/demo/example-events.jsonl"
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ENROLLMENT_ID = "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77"


class TestAgreement:
    def test_witnesses_who_saw_the_same_as_often_agree(self) -> None:
        finding = compare(Claim("both", {"one": seen(["a", "b", "b"]), "other": seen(["b", "a", "b"])}))

        assert finding.agrees
        assert list(finding.lines()) == ["agrees: both: 2 ids by one, other"]

    def test_each_id_that_differs_is_named_with_who_saw_it_how_often(self) -> None:
        finding = compare(Claim("both", {"one": seen(["a", "b", "b"]), "other": seen(["b", "c"])}))

        assert list(finding.lines()) == [
            "DIFFERS: both: 3 of 3 ids by one, other",
            "  a: one 1, other 0",
            "  b: one 2, other 1",
            "  c: one 0, other 1",
        ]

    def test_a_screenful_is_shown_and_the_rest_is_counted(self) -> None:
        lines = list(compare(Claim("both", {"one": seen(map(str, range(50))), "other": Counter()})).lines())

        assert len(lines) == 22
        assert lines[-1] == "  ... and 30 more"


def record(topic: str, mark: str, value: bytes | None = b"{}") -> GeneratedRecord:
    return GeneratedRecord(topic, b"o:c", value, (), NOW, mark, "good")


# One of everything, told by everybody as it should be.
WHOLE = Evidence(
    stream=Stream(
        records=[record(AT_RISK_TOPIC.name, "event-1"), record(DIRECTORY_CUSTOMER.name, "erasure-1", None)],
        good=frozenset({"event-1", "erasure-1"}),
        erased=frozenset({"erasure-1"}),
        malformed={"broken-1": "bad_json"},
        duplicates=0,
    ),
    decided=["decision-1"],
    bus=BusEvidence(
        published={"out-1": APPROVAL_REQUEST.name},
        requests={"out-1": ("enrollment-1", "sha256:2"), "out-0": ("enrollment-1", "sha256:1")},
        changes={("enrollment-1", 1): "requested", ("enrollment-1", 2): "enrolled", ("enrollment-1", 3): "requested"},
        memberships={("enrollment-1", 2): 789},
        decisions={"decision-1"},
        activity={"unit-1": "email-opened", "unit-2": "email-opened"},
        dead_letters={"broken-1": "bad_json"},
    ),
    taken=[
        (AT_RISK_TOPIC.name, "/platform", "event-1"),
        (DIRECTORY_CUSTOMER.name, "tombstone", "topic/0/1"),
    ],
    history=[("enrollment-1", 1, "requested"), ("enrollment-1", 2, "enrolled"), ("enrollment-1", 3, "requested")],
    digests={"enrollment-1": "sha256:2"},
    decisions=["decision-1"],
    memberships=[789],
    # Two stakeholders share the person who opened.
    units=[
        UnitRow(event_id=f"unit-{n}", source="email", source_id="7", metric="email-opened", ordinal=1, person_id=5)
        for n in (1, 2)
    ],
    outbox=[("out-1", APPROVAL_REQUEST.name)],
    erased_people=frozenset({6}),
    writes=[
        {"resource": "cadence_memberships", "method": "POST", "ids": [789]},
        {"resource": "cadence_memberships", "method": "DELETE", "ids": [789]},
        {"resource": "people", "method": "POST", "ids": [5]},
    ],
    life=[
        {"kind": "email.views", "email_id": 7, "value": 1, "person_id": 5},
        {"kind": "email.views", "email_id": 8, "value": 1, "person_id": 6},
        {"kind": "membership.state", "state": "active", "person_id": 5},
    ],
)


def differing(evidence: Evidence) -> dict[str, tuple[str, ...]]:
    findings = [compare(claim) for claim in claims(evidence)]
    return {finding.sentence: finding.differences for finding in findings if not finding.agrees}


def bus(**fields: Any) -> Callable[[Evidence], Evidence]:
    return lambda evidence: replace(evidence, bus=replace(evidence.bus, **fields))


def books(**fields: Any) -> Callable[[Evidence], Evidence]:
    return lambda evidence: replace(evidence, **fields)


class TestClaims:
    def test_one_of_everything_agrees(self) -> None:
        assert differing(WHOLE) == {}

    @pytest.mark.parametrize(
        ("planted", "sentence", "told"),
        [
            (books(taken=WHOLE.taken[1:]), "every good event was taken in, each once", "event-1: sent 1, Postgres 0"),
            (
                books(taken=[*WHOLE.taken, WHOLE.taken[0]]),
                "every good event was taken in, each once",
                "event-1: sent 1, Postgres 2",
            ),
            (
                books(taken=WHOLE.taken[:1]),
                "every erasure was taken in",
                f"{DIRECTORY_CUSTOMER.name}: sent 1, Postgres 0",
            ),
            (
                bus(dead_letters={}),
                "every broken record is a dead letter with its reason",
                "broken-1 bad_json: sent 1, Kafka 0",
            ),
            (
                bus(dead_letters={"broken-1": "bad_key"}),
                "every broken record is a dead letter with its reason",
                "broken-1 bad_json: sent 1, Kafka 0",
            ),
            (
                bus(requests={"out-1": ("enrollment-1", "sha256:2")}),
                "every enrollment was asked for, once for each time it was requested",
                "enrollment-1: Postgres 2, Kafka 1",
            ),
            (
                books(digests={"enrollment-1": "sha256:3"}),
                "what was asked last is what is kept",
                "enrollment-1 sha256:3: Postgres 1, Kafka 0",
            ),
            (
                books(decisions=[]),
                "every decision of an approver arrived",
                "decision-1: approval desk 1, Kafka 1, Postgres 0",
            ),
            (
                bus(changes={key: to for key, to in WHOLE.bus.changes.items() if key[1] != 3}),
                "every change of an enrollment was told",
                "enrollment-1#3 requested: Postgres 1, Kafka 0",
            ),
            (
                books(memberships=[]),
                "every enrollment is a membership in Salesloft, and no other was made",
                "789: Postgres 0, Kafka 1, Salesloft 1",
            ),
            (
                books(writes=[*WHOLE.writes, WHOLE.writes[0]]),
                "every enrollment is a membership in Salesloft, and no other was made",
                "789: Postgres 1, Kafka 1, Salesloft 2",
            ),
            (
                books(life=[*WHOLE.life, {"kind": "email.views", "email_id": 7, "value": 2, "person_id": 5}]),
                "every unit of activity was seen, and none made up",
                "email:7:email-opened:2: Salesloft 1, Postgres 0",
            ),
            (
                bus(activity={"unit-1": "email-opened"}),
                "every unit of activity was told to its stakeholder",
                "unit-2 email-opened: Postgres 1, Kafka 0",
            ),
            (
                books(outbox=[]),
                "what was to be told was told",
                f"{APPROVAL_REQUEST.name}/out-1: Postgres 0, Kafka 1",
            ),
        ],
    )
    def test_a_planted_disagreement_is_told_by_its_claim_alone(
        self, planted: Callable[[Evidence], Evidence], sentence: str, told: str
    ) -> None:
        found = differing(planted(WHOLE))

        assert list(found) == [sentence]
        assert told in found[sentence]

    def test_units_are_named_as_the_service_names_them(self) -> None:
        life = [
            {"kind": "email.sent", "email_id": 1, "value": 1, "person_id": 5},
            {"kind": "call.logged", "call_id": 2, "value": 1, "person_id": 5},
            {"kind": "step.completed", "history_id": "completed_action-3", "person_id": 5},
            {"kind": "person.do_not_contact", "history_id": "dnc_event-4", "value": 1, "person_id": 5},
        ]

        assert salesloft_units(life) == [
            "email:1:email-sent:1",
            "call:2:call-logged:1",
            "history:completed_action-3:step-completed:1",
            "history:dnc_event-4:unsubscribed:1",
        ]


class TestBystander:
    def test_it_keeps_what_it_reads_by_id_however_often_it_is_delivered(self) -> None:
        bystander = Bystander("nowhere:9092")
        request = orjson.dumps(APPROVAL_REQUESTED.examples[0])
        change = orjson.dumps(ENROLLMENT_CHANGED.examples[0])
        for _ in range(2):
            bystander.read(APPROVAL_REQUEST.name, headers("request-1", APPROVAL_REQUESTED.name), request)
            bystander.read(ENROLLMENT.name, headers("change-1", ENROLLMENT_CHANGED.name, ce_sequence="4"), change)
        found = bystander.evidence()

        assert found.requests == {"request-1": (ENROLLMENT_ID, APPROVAL_REQUESTED.examples[0]["request_digest"])}
        assert found.changes == {(ENROLLMENT_ID, 4): "enrolled"}
        assert found.memberships == {(ENROLLMENT_ID, 4): 789}
        assert found.published == {"request-1": APPROVAL_REQUEST.name, "change-1": ENROLLMENT.name}

    def test_a_dead_letter_goes_by_its_mark_else_by_its_place(self) -> None:
        bystander = Bystander("nowhere:9092")
        dead = dead_letter_topic(AT_RISK_TOPIC.name)
        place = {
            f"x-dlq-original-{part}": value for part, value in (("topic", "t"), ("partition", "1"), ("offset", "2"))
        }
        bystander.read(dead, headers("", "", **place, **{"x-dlq-error-code": "bad_key"}), None)
        bystander.read(dead, headers("", "", **place, **{"x-dlq-error-code": "bad_json", MARK: "broken-1"}), None)

        assert bystander.evidence().dead_letters == {"t/1/2": "bad_key", "broken-1": "bad_json"}


def headers(event_id: str, kind: str, **more: str) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in {"ce_id": event_id, "ce_type": kind, **more}.items()]


def line(event_id: str = "e-1", *, time: str | None = "2026-11-23T09:00:00Z", **changes: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/mine",
        "type": AT_RISK.name,
        "time": time,
        "data": AT_RISK.examples[0],
    }
    return orjson.dumps(event | changes)


class TestInput:
    def test_good_lines_are_sent_as_they_are_written_to_their_topic_under_their_key(self) -> None:
        read = read_events([b"# a remark", b"", line(), line("e-2")])

        assert read.complaints == ()
        assert [(r.topic, r.key, r.value, r.id) for r in read.stream.records] == [
            (AT_RISK_TOPIC.name, b"org-1:cus-7", line(), "e-1"),
            (AT_RISK_TOPIC.name, b"org-1:cus-7", line("e-2"), "e-2"),
        ]
        assert read.owners == {"org-1": {"csm@cscx.example"}}

    @pytest.mark.parametrize(
        ("bad", "told"),
        [
            (b"{oops", r"line 2: not JSON"),
            (b'["an array"]', r"line 2: not a JSON object"),
            (
                line(data={"customer": {"id": "c"}}),
                r"line 2: it does not say whom it is about: give data.organization_id",
            ),
            (line(data=None), r"line 2: it does not say whom it is about"),
            (line(data={"organization_id": "a:b", "customer": {"id": "c"}}), r"line 2: it does not say whom"),
        ],
    )
    def test_what_cannot_be_keyed_is_told_and_not_sent(self, bad: bytes, told: str) -> None:
        read = read_events([line(), bad])

        assert read.unsent == 1
        assert len(read.stream.records) == 1
        assert re.match(told, read.complaints[0])
        assert read.complaints[0].endswith("It was not sent")

    @pytest.mark.parametrize(
        ("bad", "code", "told"),
        [
            (line(type="ai.cscx.gossip.v1"), "unknown_type", "is not known"),
            (line(type="ai.cscx.salesloft.engagement.v1"), "wrong_topic", "belongs on"),
            (line(data=AT_RISK.examples[0] | {"trigger": {}}), "invalid_data", "trigger.episode_id: Field required"),
            (line(id=""), "missing_attribute", "id is absent or empty"),
            (line(data=AT_RISK.examples[0] | {"stakeholders": []}), "id_reused", "used by an earlier line"),
        ],
    )
    def test_what_can_be_keyed_is_told_and_sent_to_become_a_dead_letter(self, bad: bytes, code: str, told: str) -> None:
        read = read_events([line(), bad])

        assert read.stream.malformed == {"line-2": code}
        assert dict(read.stream.records[1].headers)[MARK] == b"line-2"
        assert read.stream.records[1].value == bad
        assert told in read.complaints[0]
        assert "dead letters of" in read.complaints[0]
        assert read.unsent == 0

    def test_the_same_line_twice_is_a_duplicate(self) -> None:
        read = read_events([line(), line()])

        assert [record.kind for record in read.stream.records] == ["good", "duplicate"]
        assert read.stream.duplicates == 1

    def test_each_waits_for_its_own_time_in_the_order_of_the_lines(self) -> None:
        read = read_events(
            [
                line("e-1", time="2026-11-23T10:00:00Z"),
                line("e-2", time="2026-11-23T09:00:00Z"),
                line("e-3", time=None),
                line("e-4", time="2026-11-24T10:00:00Z"),
            ]
        )

        assert read.start == datetime(2026, 11, 23, 9, tzinfo=UTC)
        assert [record.publish_at.day for record in read.stream.records] == [23, 23, 23, 24]
        assert [record.publish_at.hour for record in read.stream.records] == [10, 10, 10, 10]

    def test_events_of_a_year_do_not_take_a_year(self) -> None:
        read = read_events([line("e-1", time="2025-11-23T10:00:00Z"), line("e-2")])

        assert read.start == datetime(2026, 11, 23, 9, tzinfo=UTC)
        assert all(record.publish_at < read.start for record in read.stream.records)

    def test_the_example_is_without_fault(self) -> None:
        read = read_events(EXAMPLE.read_bytes().splitlines())

        assert read.complaints == ()
        assert len(read.stream.good) == 13

    def test_what_the_generator_prints_is_taken(self) -> None:
        made = generate(
            StreamPlan(organizations=(Organization(id="o", owners=("a@o.example",)),), events=300, start=NOW)
        )
        printed = [as_line(r) for r in made.records if r.kind != "malformed" and r.value is not None]
        read = read_events(printed)

        assert read.complaints == ()
        assert read.stream.good == made.good - made.erased


def test_the_journey_is_told_in_one_line() -> None:
    journey = Journey(
        now=NOW,
        phase="the stream begins",
        sent=3,
        to_send=5,
        lag=1,
        taken=2,
        decisions=[("request", "requested", 2), ("skip", "no_email", 1)],
        deferred=0,
        requests=2,
        answers=1,
        states={"requested": 1, "enrolled": 1},
        activity={"email-sent": 4},
        dead_letters={},
        salesloft={"requests": 9},
    )

    assert journey.line() == (
        "Mon 23 Nov 08:00 the stream begins: events 3/5 lag 1; decided request 2 skip 1; asked 2 answered 1;"
        " enrollments requested 1 enrolled 1; activity 4; dead letters 0; Salesloft calls 9"
    )


@pytest.mark.parametrize("wrong", [{"events": 0}, {"speed": 0.0}, {"speed": 1e9}])
def test_options_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DemoError, match="--"):
        DemoOptions(**wrong)


def test_there_are_only_so_many_organizations() -> None:
    assert default_organizations(2) == ("northwind", "bluefin")
    with pytest.raises(DemoError, match="between 1 and 8"):
        default_organizations(9)


async def run(*arguments: str, told: bytes | None = None, seconds: float = 400) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            out, errors = await process.communicate(told)
    except BaseException:
        process.kill()
        raise
    return process.returncode or 0, out.decode(), errors.decode()


@pytest.mark.timeout(420)
async def test_a_small_demo_agrees() -> None:
    code, out, errors = await run("demo", "--events", "60", "--speed", "14400", "--seed", "11")

    assert code == 0, out + errors
    assert "12 claims, all agree" in out
    (enrolled,) = re.findall(
        r"agrees: every enrollment is a membership in Salesloft, and no other was made: (\d+) ids", out
    )
    (units,) = re.findall(r"agrees: every unit of activity was seen, and none made up: (\d+) ids", out)
    (dead,) = re.findall(r"agrees: every broken record is a dead letter with its reason: (\d+) ids", out)
    assert int(enrolled) >= 1
    assert int(units) >= 1
    assert int(dead) == 1


@pytest.mark.timeout(420)
async def test_events_of_ones_own_are_run_and_what_is_wrong_with_them_is_told() -> None:
    given = EXAMPLE.read_bytes() + b"not an event\n" + line("bad", data=AT_RISK.examples[0] | {"trigger": {}}) + b"\n"
    code, out, errors = await run("demo", "--input", "-", "--speed", "14400", told=given)

    assert code == 3, out + errors
    assert re.search(r"^line \d+: not JSON .* It was not sent$", out, re.MULTILINE)
    assert re.search(r"^line \d+: trigger.episode_id: Field required.*dead letters of", out, re.MULTILINE)
    assert "agrees: every broken record is a dead letter with its reason: 1 ids" in out
    assert "all agree" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--input", "/nowhere/events.jsonl"), "/nowhere/events.jsonl cannot be read: No such file or directory"),
        (("--events", "0"), "--events is at least 1"),
        (("--organizations", "50"), "between 1 and 8"),
    ],
)
async def test_what_cannot_be_run_is_one_line(arguments: tuple[str, ...], told: str) -> None:
    code, _, errors = await run("demo", *arguments, seconds=60)

    assert code == 2
    assert told in errors
    assert "Traceback" not in errors


async def test_an_input_without_events_is_one_line() -> None:
    code, out, errors = await run("demo", "--input", "-", told=b"oops\n", seconds=60)

    assert code == 2
    assert "line 1: not JSON" in out
    assert "holds no event" in errors


async def test_what_goes_wrong_while_it_stops_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C reaches the parts too, and one that is gone first may be missed by what is being put away."""
    begun = asyncio.Event()

    async def stopped_half_way(*_: Any) -> int:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise DemoError("a part of the demo stopped answering") from None
        return 0

    monkeypatch.setattr(cli, "run_demo", stopped_half_way)
    running = asyncio.create_task(cli.run_until_stopped(DemoOptions(), Console()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.timeout(420)
async def test_ctrl_c_stops_everything() -> None:
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "demo",
        "--organizations",
        "1",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(400):
            async for said in process.stdout:
                if b"records for 1 organization:" in said:
                    break
            began = psutil.Process(process.pid).children(recursive=True)
            os.killpg(process.pid, signal.SIGINT)
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    # The guardians of Kafka, Postgres and the service, what they guard, and the simulator.
    assert len(began) >= 7
    assert process.returncode == 130
    assert b"stopped" in out
    assert b"Traceback" not in out + errors
    assert [child for child in began if child.is_running()] == []
