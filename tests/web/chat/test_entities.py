"""Who is meant by a slot: one, several to choose from, or nobody."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.chat.samples import CUSTOMERS, DIRECTORY, STAKEHOLDERS
from web.chat.entities import Customer, Index, Stakeholder, folded, purpose_of

PEOPLE = DIRECTORY.people


def people(*names: str) -> Index[Stakeholder]:
    known = [Stakeholder(id=f"sth-{number:03}", name=name, customer_id="cus-1") for number, name in enumerate(names)]
    return Index(known, key=lambda one: one.id, titles=lambda one: (one.title,))


@pytest.mark.parametrize(
    ("text", "name", "how"),
    [
        ("Ann Lee", "Ann Lee", "name"),
        ("ann lee", "Ann Lee", "name"),
        ("Lee, Ann", "Ann Lee", "name"),
        ("ANN@ACME.example", "Ann Lee", "email"),
        ("ann", "Ann Lee", "part"),
        ("Dr. Ann Lee", "Ann Lee", "name"),
        ("Ms. Natarajan", "Priya Natarajan", "part"),
        ("Siobhan OConnor", "Siobhán O'Connor", "name"),
        ("siobhan", "Siobhán O'Connor", "part"),
        ("van der Berg", "Ludwig van der Berg", "part"),
        ("L. van der Berg", "Ludwig van der Berg", "part"),
        ("Ann L.", "Ann Lee", "part"),
        ("王芳", "王芳", "name"),
        ("Maria Jose Garcia", "María José García", "name"),
        ("the VP of Engineering", "Ann Lee", "title"),
        ("champion", "Ann Lee", "title"),
    ],
)
def test_one_is_meant(text: str, name: str, how: str) -> None:
    found = PEOPLE.resolve(text)
    assert found.one is not None
    assert (found.one.name, found.how) == (name, how)


@pytest.mark.parametrize("text", ["Lee", "the CFO", "Maria"])
def test_several_are_asked_about(text: str) -> None:
    found = PEOPLE.resolve(text)
    assert found.one is None
    assert len(found.found) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [("Priya Natarajn", "Priya Natarajan"), ("Ludwik", "Ludwig van der Berg"), ("OBK", "Omar bin Khalid")],
)
def test_who_is_only_similar_is_asked_about(text: str, name: str) -> None:
    found = PEOPLE.resolve(text)
    assert found.one is None
    assert [one.name for one in found.found] == [name]


@pytest.mark.parametrize(
    "text", ["Ann Smith", "Ann not", "Ann Lee Bob", "everybody", "Zoe", "", "🙂", "a", "Ann after her call"]
)
def test_nobody_is_meant(text: str) -> None:
    assert PEOPLE.resolve(text).found == ()


def test_who_comes_nearest_is_told() -> None:
    assert [one.name for one in PEOPLE.resolve("Ann Smith").near] == ["Ann Lee"]
    assert [one.name for one in PEOPLE.resolve("Ludwig Smith").near] == ["Ludwig van der Berg"]


def test_of_several_the_account_that_is_spoken_of_goes_first() -> None:
    found = PEOPLE.resolve("Lee", lambda one: one.customer_id == "cus-1")
    assert found.one is not None
    assert found.one.name == "Ann Lee"
    # Nobody of the name is there: it may still be somebody elsewhere, unless the account was said.
    assert PEOPLE.resolve("Priya", lambda one: one.customer_id == "cus-1").one is not None
    assert PEOPLE.resolve("Priya", lambda one: one.customer_id == "cus-1", only=True).found == ()


def test_a_name_written_just_so_goes_before_one_that_is_alike() -> None:
    known = people("Jose Diaz", "José Díaz")
    assert [one.name for one in known.resolve("José Díaz").found] == ["José Díaz"]
    assert [one.name for one in known.resolve("jose diaz").found] == ["Jose Diaz"]


def test_a_single_name_is_not_preferred_to_the_given_name_of_others() -> None:
    assert people("Ann", "Ann Lee").resolve("Ann").one is None
    assert people("Ann Lee", "Ann Lee Smith").resolve("Ann Lee").one is not None


def test_choices_are_few_and_say_how_many_more_there_are() -> None:
    found = people(*(f"Ann {letter}son" for letter in "abcdefghij")).resolve("Ann")
    assert (len(found.found), found.more) == (6, 4)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Acme", "Acme Inc."),
        ("acme corp", "Acme Inc."),
        ("ACME.example", "Acme Inc."),
        ("Muller", "Müller GmbH"),
        ("globex", "Globex"),
    ],
)
def test_an_account_is_found_without_its_legal_form(text: str, name: str) -> None:
    found = DIRECTORY.customers.resolve(text)
    assert found.one is not None
    assert found.one.name == name


def test_two_accounts_that_differ_in_their_legal_form_are_two() -> None:
    known = Index(
        [Customer(id="1", name="Acme Inc."), Customer(id="2", name="Acme GmbH")], key=lambda one: one.id, legal=True
    )
    assert len(known.resolve("Acme").found) == 2
    assert known.resolve("Acme GmbH").one == Customer(id="2", name="Acme GmbH")


@pytest.mark.parametrize(
    ("text", "purpose"),
    [("renewal", "renewal"), ("Onboarding", "welcome"), ("at-risk", "save"), ("Renewal 90", None), ("Ann", None)],
)
def test_a_cadence_may_be_called_by_its_purpose(text: str, purpose: str | None) -> None:
    assert purpose_of(text) == purpose


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text(max_size=40))
def test_any_text_is_resolved_to_somebody_known(text: str) -> None:
    found = PEOPLE.resolve(text)
    assert set(found.found) | set(found.near) <= set(STAKEHOLDERS)
    assert not (found.found and found.near)


@given(
    st.permutations(range(len(STAKEHOLDERS))),
    st.sampled_from(["Lee", "the CFO", "Maria", "Ludwik", "Ann Leee Bob", "van"]),
)
def test_the_order_of_the_candidates_changes_nothing(order: list[int], text: str) -> None:
    shuffled = Index(
        [STAKEHOLDERS[position] for position in order],
        key=lambda one: one.id,
        emails=lambda one: one.email,
        titles=lambda one: (one.title, one.role),
    )
    assert shuffled.resolve(text) == PEOPLE.resolve(text)


def test_somebody_is_found_among_thousands() -> None:
    chance = random.Random(7)
    syllables = [first + vowel + last for first in "bdfgklmnprstvz" for vowel in "aeiou" for last in "nrsl"]

    def word() -> str:
        return "".join(chance.choices(syllables, k=chance.choice((2, 2, 3)))).title()

    known = [
        Stakeholder(id=f"sth-{number:05}", name=f"{word()} {word()}", customer_id=f"cus-{number % 500}")
        for number in range(5_000)
    ]
    index = Index(known, key=lambda one: one.id)
    asked = [known[4711].name, known[815].name.split()[0], known[99].name[:-2] + "xq", "Nobody Atall", "Qqqqq Wwwwwwww"]
    found = [index.resolve(text) for text in asked]
    assert [one.id for one in found[0].found] == [one.id for one in known if one.name == asked[0]]
    assert {one.id for one in found[1].found} >= {known[815].id}
    assert (found[3].found, found[4].found) == ((), ())


def test_accounts_are_not_people() -> None:
    assert all(PEOPLE.resolve(one.name).one is None for one in CUSTOMERS)
