"""What is told of a person, and how long a turn may take: pure."""

import pytest

from fulfillment.options import Backoff, FulfillmentOptions
from fulfillment.profiles import profile_of, split_name
from schemas.directory import CustomerSnapshot, StakeholderSnapshot

ACME = CustomerSnapshot(id="cus-1", name="Acme")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ann Lee", ("Ann", "Lee")),
        ("  Ann   Lee ", ("Ann", "Lee")),
        ("Lee, Ann", ("Ann", "Lee")),
        ("Ludwig van Beethoven", ("Ludwig", "van Beethoven")),
        ("Ana María de la Cruz", ("Ana María", "de la Cruz")),
        ("Mary Jane Watson", ("Mary Jane", "Watson")),
        ("Van Morrison", ("Van", "Morrison")),
        ("Madonna", ("Madonna", None)),
        ("   ", (None, None)),
        (None, (None, None)),
    ],
)
def test_a_whole_name_is_split(name: str | None, parts: tuple[str | None, str | None]) -> None:
    assert split_name(StakeholderSnapshot(id="sth-1", name=name)) == parts


def test_given_and_family_names_are_not_guessed_again() -> None:
    snapshot = StakeholderSnapshot(id="sth-1", name="Li Na", given_name="Na", family_name="Li")
    assert split_name(snapshot) == ("Na", "Li")


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


def test_a_lease_outlives_what_it_covers() -> None:
    with pytest.raises(ValueError, match="lease"):
        FulfillmentOptions(lease_s=30.0, call_s=10.0)


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(first_s=1.0, longest_s=10.0)
    assert [backoff.pause_s(attempts, 0.0) for attempts in (1, 2, 3, 4, 5, 10_000)] == [1, 2, 4, 8, 10, 10]
    assert backoff.pause_s(3, 0.99) == pytest.approx(2.02)
