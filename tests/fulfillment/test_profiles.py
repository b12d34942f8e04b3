"""What is told of a person, and how long a turn may take: pure."""

from datetime import date
from decimal import Decimal

import orjson
import pytest

from enrollment.decide import SenderFacts
from fulfillment.options import Backoff, FulfillmentOptions
from fulfillment.profiles import profile_of
from schemas.directory import CustomerSnapshot, OwnerRef, StakeholderSnapshot
from workflows.field_mapping import parse_field_mapping

ACME = CustomerSnapshot(id="cus-1", name="Acme")


def test_the_digest_is_the_same_by_either_key_and_moves_with_each_field() -> None:
    ann = StakeholderSnapshot(id="sth-1", name="Ann Lee", email="Ann@Acme.example", title="VP", phone="+1")
    told = profile_of(ann, ACME)
    changes = [{"email": "a@acme.example"}, {"name": "Ann Li"}, {"title": "CTO"}, {"phone": "+2"}]
    others = {profile_of(ann.model_copy(update=change), ACME).digest for change in changes}
    others.add(profile_of(ann, CustomerSnapshot(id="cus-1", name="Acme Ltd")).digest)
    assert len(others | {told.digest}) == 6
    assert profile_of(ann.model_copy(update={"email": "ann@acme.example"}), ACME).digest == told.digest
    by_email, by_id = told.found_by_email(account_id=None).model_dump(), told.of_person(7).model_dump()
    assert {name for name in by_email if by_email[name] != by_id[name]} == {"upsert_key", "id"}


def test_an_organization_says_what_is_told_and_in_which_fields() -> None:
    mapping = parse_field_mapping(
        """{"fields": {"last_name": "stakeholder.name", "city": {"value": " Berlin "},
                       "title": {"first_of": ["stakeholder.title", "stakeholder.role"]}},
            "custom_fields": {"Health": "customer.health_score", "ARR": "customer.arr",
                              "Renews": "customer.renewal_date", "Champion": "stakeholder.is_champion",
                              "Segment": "customer.segment"},
            "owner": "as_it_is", "account": "as_it_is"}"""
    )
    ann = StakeholderSnapshot(id="sth-1", name="Ann Lee", email="ann@acme.example", role="champion", is_champion=True)
    acme = CustomerSnapshot(
        id="cus-1", name="Acme", domain="acme.example", health_score=41, arr=Decimal("120000.00"),
        renewal_date=date(2027, 3, 31), owner=OwnerRef(email="kim@cscx.example"),
    )  # fmt: skip
    told = profile_of(ann, acme, mapping, {"kim@cscx.example": SenderFacts(7, "kim@cscx.example", None)})
    assert orjson.loads(told.found_by_email().body()) == {
        "upsert_key": "email_address",
        "email_address": "ann@acme.example",
        "last_name": "Ann Lee",
        "title": "champion",
        "city": "Berlin",
        # What is not known (the segment) is not sent, and neither the account nor the owner is touched.
        "custom_fields": {"Health": "41", "ARR": "120000.00", "Renews": "2027-03-31", "Champion": "true"},
    }
    assert told.domain is None


def test_the_owner_is_the_user_with_the_owners_address_in_any_case() -> None:
    ann = StakeholderSnapshot(id="sth-1", name="Ann Lee", email="ann@acme.example")
    acme = CustomerSnapshot(id="cus-1", name="Acme", owner=OwnerRef(email="Kim@CSCX.example"))
    known = profile_of(ann, acme, users_by_email={"kim@cscx.example": SenderFacts(7, "kim@cscx.example", None)})
    assert known.of_person(1).owner_id == 7
    unknown = profile_of(ann, acme)
    assert b"owner_id" not in unknown.of_person(1).body()
    # Who is made a user later is told then: the digest moves.
    assert known.digest != unknown.digest


def test_a_lease_outlives_what_it_covers() -> None:
    with pytest.raises(ValueError, match="lease"):
        FulfillmentOptions(lease_s=30.0, call_s=10.0)


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(first_s=1.0, longest_s=10.0)
    assert [backoff.pause_s(attempts, 0.0) for attempts in (1, 2, 3, 4, 5, 10_000)] == [1, 2, 4, 8, 10, 10]
    assert backoff.pause_s(3, 0.99) == pytest.approx(2.02)
