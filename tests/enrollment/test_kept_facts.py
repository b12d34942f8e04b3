"""What is read back as it is written is what the models read, to the last value; and what they refuse is refused."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from enrollment import kept_facts
from enrollment.kept_facts import KeptFacts, read_facts
from schemas.registry import LIFECYCLE_TYPES
from schemas.vocabulary import ContactPreference, EnrollmentState, Reason, TriggerType

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
TRIGGERS: dict[TriggerType, dict[str, Any]] = {
    trigger: LIFECYCLE_TYPES[trigger].examples[0]["trigger"] for trigger in TriggerType
}

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=5)
ids = st.text(st.sampled_from("abc-7é"), min_size=1, max_size=4)
instants = st.integers(946_684_800_000_000, 4_102_444_800_000_000).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
stored_instants = instants.map(lambda at: orjson.loads(orjson.dumps(at)))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
spelt_instants = st.one_of(
    instants.map(lambda at: at.isoformat()),
    instants.map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}Z"),
    instants.map(lambda at: f"{at:%Y-%m-%d %H:%M:%S}.1234567Z"),
    st.tuples(instants, offsets).map(lambda told: told[0].astimezone(told[1]).isoformat(timespec="milliseconds")),
)
days = st.dates(date(1990, 1, 1), date(2100, 1, 1)).map(date.isoformat)
money = st.one_of(
    st.decimals(-(10**9), 10**9, places=2).map(str),
    st.integers(-(10**9), 10**9),
    st.floats(-1e6, 1e6).map(lambda amount: round(amount, 2)),
    st.just("1E+3"),
)
unknown = {"added_later": st.integers(-9, 9), "organization_id": ids}


def fields(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Every field may be absent or null, and there may be one that nobody knows."""
    return st.fixed_dictionaries(
        required, optional={name: st.none() | value for name, value in optional.items()} | unknown
    )


preferences = st.sampled_from([one.value for one in ContactPreference])
customers = fields(
    {"id": ids},
    {
        "name": texts,
        "segment": texts,
        "arr": money,
        "health_score": st.integers(0, 100) | st.floats(0, 100),
        "renewal_date": days,
        "owner": fields({}, {"user_id": ids, "email": texts}),
    },
)
stakeholders = fields(
    {"id": ids},
    {
        "name": texts,
        "email": texts,
        "is_champion": st.booleans(),
        "time_zone": texts,
        "contact_preferences": fields({}, {"email": preferences, "phone": preferences}),
    },
)
triggers: dict[TriggerType, st.SearchStrategy[dict[str, Any]]] = {
    TriggerType.NEW_CUSTOMER: st.fixed_dictionaries({"signed_at": spelt_instants}, optional=unknown),
    TriggerType.RENEWAL_WINDOW: st.fixed_dictionaries(
        {"contract_id": ids, "term_end": days, "days_to_renewal": st.integers(-900, 900)}, optional=unknown
    ),
    TriggerType.AT_RISK: st.fixed_dictionaries(
        {"episode_id": ids, "severity": texts, "reasons": st.lists(texts, max_size=2)}, optional=unknown
    ),
    TriggerType.EXPANSION_SIGNAL: st.fixed_dictionaries(
        {"signal_id": ids, "kind": texts, "potential_arr": money}, optional=unknown
    ),
}
states = st.sampled_from([one.value for one in EnrollmentState])
types = st.sampled_from([one.value for one in TriggerType])
persons = st.fixed_dictionaries(
    {
        "person_id": st.integers(1, 2**63 - 1),
        "do_not_contact": st.booleans(),
        "email_restricted": st.booleans(),
        "bouncing": st.booleans(),
        "has_account": st.booleans(),
        "account_do_not_contact": st.none() | st.booleans(),
        "read_at": stored_instants,
    }
)
counts = {name: st.integers(0, 9) for name in ("sent", "opened", "clicked", "replied", "bounced", "calls")}
engagements = st.fixed_dictionaries(
    {
        "last_contacted_at": st.none() | stored_instants,
        "last_replied_at": st.none() | stored_instants,
        **counts,
        "score": st.integers(0, 100),
        "active_cadences": st.integers(0, 9),
    }
)
past_runs = st.fixed_dictionaries(
    {
        "trigger_type": st.none() | types,
        "exclusivity_group": texts,
        "business_key": st.none() | texts,
        "state": states,
        "begun_at": stored_instants,
        "claimed_at": st.none() | stored_instants,
    }
)
policies = st.fixed_dictionaries(
    {
        "runs": st.dictionaries(ids, st.lists(past_runs, max_size=2), max_size=2),
        "active": st.dictionaries(ids, st.lists(st.tuples(ids, texts), max_size=2), max_size=2),
        "suppressed": st.lists(ids, max_size=2),
    }
)
besides = {
    "event_source": texts,
    "hold_ends": stored_instants,
    "customer": st.none() | customers,
    "stakeholders": st.lists(stakeholders, max_size=2),
    "gone": st.dictionaries(ids, st.sampled_from([one.value for one in Reason]), max_size=2),
    "people": st.dictionaries(ids, persons, max_size=2),
    "engagement": st.dictionaries(ids, engagements, max_size=2),
    "runs": st.lists(st.tuples(ids, types, texts, texts, states), max_size=2),
    "on_cadence": st.lists(st.tuples(ids, st.integers(1, 2**63 - 1)), max_size=2),
    "ended": st.booleans(),
    "ended_for": st.lists(ids, max_size=2),
    "held": st.booleans(),
    "policy": policies,
}


@st.composite
def stored(draw: st.DrawFn) -> tuple[TriggerType, dict[str, Any]]:
    trigger_type = draw(st.sampled_from(list(TriggerType)))
    event = draw(
        st.fixed_dictionaries(
            {"organization_id": ids, "customer": customers, "trigger": triggers[trigger_type]},
            optional={"stakeholders": st.none() | st.lists(stakeholders, max_size=3, unique_by=lambda one: one["id"])},
        )
    )
    told = draw(st.fixed_dictionaries({}, optional=besides))
    return trigger_type, {"event": event, "at": draw(stored_instants), "organization": "aa", **told}


def told(facts: dict[str, Any]) -> KeptFacts:
    return KeptFacts.of(orjson.dumps(facts).decode())


def a_customer(**changes: Any) -> dict[str, Any]:
    event = {"organization_id": "o", "customer": {"id": "c"} | changes, "trigger": TRIGGERS[TriggerType.RENEWAL_WINDOW]}
    return {"event": event, "at": orjson.loads(orjson.dumps(AT)), "organization": "aa"}


@given(stored())
def test_it_is_what_the_models_read(facts: tuple[TriggerType, dict[str, Any]]) -> None:
    trigger_type, plain = facts
    kept = told(plain)
    read: Any = read_facts(trigger_type, kept)
    by_model: Any = kept_facts._model(trigger_type).model_validate_json(kept.text)
    assert read == by_model
    assert read.model_fields_set == by_model.model_fields_set
    # Equal values may still be of different types, or spelt differently.
    assert repr(read.event) == repr(by_model.event)
    assert read.event.model_dump_json() == by_model.event.model_dump_json()
    event, other = read.event, LIFECYCLE_TYPES[trigger_type].parse(orjson.dumps(plain["event"]))
    assert (event, event.business_key) == (other, other.business_key)
    assert event.customer.model_dump(exclude_unset=True) == other.customer.model_dump(exclude_unset=True)


@pytest.mark.parametrize("trigger_type", list(TriggerType))
def test_what_is_spelt_as_we_write_it_needs_no_model(
    trigger_type: TriggerType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would be as slow as before, and nothing would tell."""
    by_model = kept_facts._model(trigger_type)
    monkeypatch.setattr(by_model, "model_validate_json", None)
    read = read_facts(trigger_type, told({**a_customer(), "event": LIFECYCLE_TYPES[trigger_type].examples[0]}))
    assert read.event == LIFECYCLE_TYPES[trigger_type].parse(orjson.dumps(LIFECYCLE_TYPES[trigger_type].examples[0]))


def test_what_is_spelt_otherwise_the_model_reads() -> None:
    read = read_facts(TriggerType.RENEWAL_WINDOW, told(a_customer(arr=120000.1)))
    assert read.event.customer.arr == Decimal("120000.1")
    only = {"mapping_id": "00000000-0000-0000-0000-000000000001", "at_most": 3}
    assert read_facts(TriggerType.RENEWAL_WINDOW, told({**a_customer(), "only": only})).only.at_most == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"event": {}},
        a_customer(owner=3),
        a_customer(renewal_date="soon"),
        a_customer(arr="much"),
        {**a_customer(), "gone": {"a": "whim"}},
        {**a_customer(), "runs": [["a", "b"]]},
        {**a_customer(), "people": {"a": {"person_id": 1}}},
    ],
)
def test_what_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read_facts(TriggerType.RENEWAL_WINDOW, told(wrong))
