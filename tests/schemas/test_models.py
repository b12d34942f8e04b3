"""Every event type: its example is the contract's, and what the contract forbids is refused."""

import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.errors import InvalidDataError, UnknownTypeError, WrongTopicError
from schemas.fields import Consumed, KeptInstant, Produced, format_instant
from schemas.registry import (
    ACTIVITY_TYPES,
    APPROVAL_REQUESTED,
    DIRECTORY_CUSTOMER,
    DIRECTORY_STAKEHOLDER,
    ENROLLMENT_APPROVED,
    ENROLLMENT_CHANGED,
    EVENT_TYPES,
    EXPANSION_SIGNAL,
    FIGURES_PUBLISHED,
    LIFECYCLE_TYPES,
    OUTCOME_TYPES,
    RENEWAL_WINDOW,
    EventType,
    event_type,
)
from schemas.topics import Direction
from schemas.vocabulary import (
    PURPOSE_OF_TRIGGER,
    TRIGGER_ENDED_BY,
    ActivityKind,
    EnrollmentState,
    OutcomeType,
    Purpose,
    Reason,
    TriggerType,
)

EVERY_TYPE = pytest.mark.parametrize("known", EVENT_TYPES.values(), ids=EVENT_TYPES.keys())
CONSUMED = pytest.mark.parametrize(
    "known",
    [known for known in EVENT_TYPES.values() if known.direction is not Direction.OUT],
    ids=lambda known: known.name,
)
Path = tuple[str | int, ...]


def example(known: EventType[Any]) -> dict[str, Any]:
    return copy.deepcopy(known.examples[0])


def parse(known: EventType[Any], data: dict[str, Any]) -> Any:
    return known.parse(orjson.dumps(data))


def with_value(data: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(data)
    target: Any = changed
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return changed


def test_the_types_are_those_of_the_contract() -> None:
    lifecycle = "new-customer renewal-window at-risk expansion-signal"
    outcomes = "onboarded renewed churned recovered expansion-closed stakeholder-left"
    activity = (
        "step-completed email-sent email-opened email-clicked email-replied email-bounced unsubscribed call-logged"
    )
    others = "approval-requested approval-withdrawn enrollment-changed engagement"
    operations = "sync-checkpoint figures-published connection-needs-reauthorization mapping-published attention-needed"
    expected = [f"ai.cscx.lifecycle.{name}.v1" for name in f"{lifecycle} {outcomes}".split()]
    expected += ["ai.cscx.directory.customer.v1", "ai.cscx.directory.stakeholder.v1"]
    expected += ["ai.cscx.approvals.enrollment-approved.v1", "ai.cscx.approvals.enrollment-rejected.v1"]
    expected += [f"ai.cscx.salesloft.{name}.v1" for name in f"{activity} {others} {operations}".split()]
    assert set(EVENT_TYPES) == set(expected)


@EVERY_TYPE
def test_the_example_comes_back_unchanged(known: EventType[Any]) -> None:
    data = example(known)
    written = orjson.loads(known.serialize(parse(known, data)))
    if known is ENROLLMENT_APPROVED or known.name.endswith("rejected.v1"):
        assert written["changes"].pop("custom_fields") is None
    assert written == data


@EVERY_TYPE
def test_consumers_ignore_unknown_fields_and_producers_are_closed(known: EventType[Any]) -> None:
    data = example(known) | {"added_later": {"a": 1}}
    if known.direction is Direction.OUT:
        assert issubclass(known.model, Produced)
        with pytest.raises(InvalidDataError, match="added_later"):
            parse(known, data)
    else:
        assert issubclass(known.model, Consumed)
        assert parse(known, data) == parse(known, example(known))


@EVERY_TYPE
def test_every_event_names_its_organization(known: EventType[Any]) -> None:
    for value in ("", "org:1", "org\n1", "a" * 201, None, 7):
        with pytest.raises(InvalidDataError, match="organization_id"):
            parse(known, example(known) | {"organization_id": value})


@CONSUMED
def test_what_the_contract_leaves_out_may_be_absent(known: EventType[Any]) -> None:
    """Whatever validates as null validates as absent."""

    def walk(data: Any, path: Path) -> list[Path]:
        if isinstance(data, dict):
            return [(*path, name) for name in data] + [
                found for name, item in data.items() for found in walk(item, (*path, name))
            ]
        return (
            [found for index, item in enumerate(data) for found in walk(item, (*path, index))]
            if isinstance(data, list)
            else []
        )

    nullable = 0
    for path in walk(example(known), ()):
        try:
            parse(known, with_value(example(known), path, None))
        except InvalidDataError:
            continue
        nullable += 1
        data = example(known)
        target: Any = data
        for part in path[:-1]:
            target = target[part]
        del target[path[-1]]
        parse(known, data)
    assert nullable


def test_only_ids_are_needed_in_snapshots() -> None:
    assert parse(DIRECTORY_CUSTOMER, {"organization_id": "org-1", "id": "cus-7"}).name is None
    bare = {"organization_id": "org-1", "customer_id": "cus-7", "id": "sth-9"}
    assert parse(DIRECTORY_STAKEHOLDER, bare).contact_preferences is None
    nulls = dict.fromkeys(example(DIRECTORY_STAKEHOLDER)) | bare
    assert parse(DIRECTORY_STAKEHOLDER, nulls) == parse(DIRECTORY_STAKEHOLDER, bare)
    lifecycle = example(RENEWAL_WINDOW) | {"customer": {"id": "cus-7"}}
    del lifecycle["stakeholders"]
    assert parse(RENEWAL_WINDOW, lifecycle).stakeholders is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("customer", "id"), "a:b"),
        (("customer", "health_score"), 101),
        (("customer", "health_score"), -1),
        (("customer", "health_score"), 100.5),
        (("customer", "health_score"), "41"),
        (("customer", "arr"), "much"),
        (("customer", "renewal_date"), "31.03.2027"),
        (("customer", "renewal_date"), "2027-03-31T00:00:00Z"),
        (("stakeholders", 0, "is_primary"), "true"),
        (("stakeholders", 0, "contact_preferences", "email"), "maybe"),
        (("stakeholders", 0, "email"), 7),
        (("trigger", "term_end"), None),
        (("trigger", "days_to_renewal"), 2**40),
        (("trigger",), {"signed_at": "2026-11-20T00:00:00Z"}),
    ],
)
def test_lifecycle_faults_are_named_without_their_value(path: Path, value: Any) -> None:
    with pytest.raises(InvalidDataError, match=str(path[0])) as caught:
        parse(RENEWAL_WINDOW, with_value(example(RENEWAL_WINDOW), path, value))
    assert "maybe" not in str(caught.value)
    assert caught.value.code == "invalid_data"


def test_a_fault_tells_no_address_anywhere() -> None:
    data = with_value(example(RENEWAL_WINDOW), ("stakeholders", 0, "email"), {"mail": "secret@acme.example"})
    with pytest.raises(InvalidDataError) as caught:
        parse(RENEWAL_WINDOW, data)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_stakeholder_is_listed_once() -> None:
    data = example(RENEWAL_WINDOW)
    data["stakeholders"] *= 2
    with pytest.raises(InvalidDataError, match="listed twice"):
        parse(RENEWAL_WINDOW, data)


@pytest.mark.parametrize("value", ["not an address", "", "ANN@ACME.EXAMPLE "])
def test_whether_it_is_an_address_is_not_decided_here(value: str) -> None:
    data = with_value(example(RENEWAL_WINDOW), ("stakeholders", 0, "email"), value)
    assert parse(RENEWAL_WINDOW, data).stakeholders[0].email == value


@pytest.mark.parametrize(
    ("sent", "text"), [("120000.00", "120000.00"), (120000, "120000"), (0.5, "0.5"), ("1E+3", "1000")]
)
def test_money_is_text_and_numbers_are_taken(sent: Any, text: str) -> None:
    event = parse(EXPANSION_SIGNAL, with_value(example(EXPANSION_SIGNAL), ("trigger", "potential_arr"), sent))
    assert event.trigger.potential_arr == Decimal(text)
    assert orjson.loads(EXPANSION_SIGNAL.serialize(event))["trigger"]["potential_arr"] == text


@pytest.mark.parametrize("score", [0, 41, 41.5, 100])
def test_health_scores_stay_as_they_were_sent(score: float) -> None:
    event = parse(RENEWAL_WINDOW, with_value(example(RENEWAL_WINDOW), ("customer", "health_score"), score))
    assert event.customer.health_score == score
    assert type(event.customer.health_score) is type(score)


def test_business_keys() -> None:
    keys = {}
    for trigger, known in LIFECYCLE_TYPES.items():
        keys[trigger] = parse(known, example(known)).business_key
    assert keys == {
        TriggerType.NEW_CUSTOMER: "cus-7",
        TriggerType.RENEWAL_WINDOW: "con-5/2027-03-31",
        TriggerType.AT_RISK: "epi-2",
        TriggerType.EXPANSION_SIGNAL: "sig-4",
    }


def test_stakeholder_left_names_a_stakeholder() -> None:
    left = OUTCOME_TYPES[OutcomeType.STAKEHOLDER_LEFT]
    with pytest.raises(InvalidDataError, match="stakeholder_id"):
        parse(left, example(left) | {"stakeholder_id": None})
    renewed = OUTCOME_TYPES[OutcomeType.RENEWED]
    assert parse(renewed, example(renewed) | {"business_key": None}).business_key is None


@pytest.mark.parametrize("changes", [None, {}, {"custom_fields": {"tone": "warm"}}, {"start_step_id": 77, "other": 1}])
def test_an_approver_may_change_some_or_nothing(changes: Any) -> None:
    parse(ENROLLMENT_APPROVED, example(ENROLLMENT_APPROVED) | {"changes": changes})


@pytest.mark.parametrize("step", [0, 2**63, "77", 7.5, True])
def test_ids_of_salesloft_are_integers_of_64_bits(step: Any) -> None:
    with pytest.raises(InvalidDataError, match="start_step_id"):
        parse(ENROLLMENT_APPROVED, example(ENROLLMENT_APPROVED) | {"changes": {"start_step_id": step}})


def test_a_decision_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidDataError, match="decided_at"):
        parse(ENROLLMENT_APPROVED, example(ENROLLMENT_APPROVED) | {"decided_at": "2026-11-23T09:00:00"})
    with pytest.raises(InvalidDataError, match="decided_at"):
        parse(ENROLLMENT_APPROVED, example(ENROLLMENT_APPROVED) | {"decided_at": "0001-01-01T00:00:00+10:00"})


def test_instants_leave_in_utc_with_microseconds() -> None:
    data = example(ENROLLMENT_APPROVED) | {"decided_at": "2026-11-23T10:00:00+01:00"}
    decision = parse(ENROLLMENT_APPROVED, data)
    assert decision.decided_at == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert orjson.loads(ENROLLMENT_APPROVED.serialize(decision))["decided_at"] == "2026-11-23T09:00:00.000000Z"
    with pytest.raises(ValueError, match="zone"):
        format_instant(datetime(2026, 1, 1))  # noqa: DTZ001  # the fault under test


@pytest.mark.parametrize(
    ("instant", "told"),
    [
        ("2026-11-23T09:00:00+00:00", "2026-11-23T09:00:00.000000Z"),
        ("2026-11-23T09:00:00.120000+00:00", "2026-11-23T09:00:00.120000Z"),
        ("2026-11-23T09:00:00.000001+05:30", "2026-11-23T03:30:00.000001Z"),
        ("0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_an_instant_is_told_in_utc_with_every_digit(instant: str, told: str) -> None:
    at = datetime.fromisoformat(instant)
    assert format_instant(at) == told
    assert TypeAdapter(KeptInstant).dump_json(at) == f'"{told}"'.encode()


def test_fields_named_like_python_words_are_written_by_their_contract_name() -> None:
    event = parse(ENROLLMENT_CHANGED, example(ENROLLMENT_CHANGED))
    assert event.from_ is EnrollmentState.ENROLLING
    asked = example(APPROVAL_REQUESTED) | {"changed_since": [{"field": "stakeholder.email", "was": "a", "is": None}]}
    assert orjson.loads(APPROVAL_REQUESTED.serialize(parse(APPROVAL_REQUESTED, asked))) == asked


@pytest.mark.parametrize("reason", ["throttled", "renewed", "expansion-closed", "pause_ended", None])
def test_a_change_has_a_known_reason(reason: str | None) -> None:
    assert parse(ENROLLMENT_CHANGED, example(ENROLLMENT_CHANGED) | {"reason": reason}).reason == reason
    with pytest.raises(InvalidDataError, match="reason"):
        parse(ENROLLMENT_CHANGED, example(ENROLLMENT_CHANGED) | {"reason": "because"})


BETWEEN = ["2026-11-25T10:00:00Z", "2026-11-25T10:30:00Z"]


@pytest.mark.parametrize(
    ("at", "between", "fits"),
    [
        (None, BETWEEN, True),
        (BETWEEN[0], None, True),
        (None, None, False),
        (BETWEEN[0], BETWEEN, False),
        (None, BETWEEN[::-1], False),
        (None, BETWEEN[:1], False),
    ],
)
def test_an_activity_has_exactly_one_time(at: Any, between: Any, fits: bool) -> None:
    known = ACTIVITY_TYPES[ActivityKind.EMAIL_OPENED]
    data = example(known) | {"occurred_at": at, "occurred_between": between}
    if fits:
        parse(known, data)
    else:
        with pytest.raises(InvalidDataError):
            parse(known, data)


def test_figures_run_forward() -> None:
    data = example(FIGURES_PUBLISHED)
    with pytest.raises(InvalidDataError, match="ends before"):
        parse(FIGURES_PUBLISHED, data | {"from": data["to"], "to": data["from"]})


def test_a_model_of_ours_cannot_be_made_with_a_wrong_field() -> None:
    known = ACTIVITY_TYPES[ActivityKind.EMAIL_SENT]
    fields = parse(known, example(known)).model_dump()
    assert known.model(**fields) == parse(known, example(known))
    with pytest.raises(ValidationError):
        known.model(**(fields | {"extra": 1}))


def test_a_record_is_of_a_known_type_on_its_own_topic() -> None:
    assert event_type(RENEWAL_WINDOW.name, topic=RENEWAL_WINDOW.topic.name) is RENEWAL_WINDOW
    with pytest.raises(WrongTopicError, match="renewal-window"):
        event_type(RENEWAL_WINDOW.name, topic=ENROLLMENT_CHANGED.topic.name)
    with pytest.raises(UnknownTypeError):
        event_type("ai.cscx.lifecycle.renewal-window.v2", topic=RENEWAL_WINDOW.topic.name)


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{", b"\xff", b"[" * 10_000])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidDataError):
        RENEWAL_WINDOW.parse(data)


def test_vocabulary_belongs_together() -> None:
    assert PURPOSE_OF_TRIGGER[TriggerType.AT_RISK] is Purpose.SAVE
    assert set(PURPOSE_OF_TRIGGER.values()) == set(Purpose)
    assert TRIGGER_ENDED_BY[OutcomeType.RENEWED] == {TriggerType.RENEWAL_WINDOW}
    assert TRIGGER_ENDED_BY[OutcomeType.CHURNED] == set(TriggerType)
    assert set(TRIGGER_ENDED_BY) == set(OutcomeType)
    assert not {reason.value for reason in Reason} & {outcome.value for outcome in OutcomeType}
    assert len(EnrollmentState) == 16
