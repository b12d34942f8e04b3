"""What only goes on from what was said before, and that nobody is changed by it who was never named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.chat.samples import NOW, book
from tests.web.chat.test_converse import Talk, whom
from web.chat.converse import converse
from web.chat.entities import folded
from web.chat.intents import Action, Topic
from web.chat.plans import ChangePlan, Confirmed, Conversation, Told


def test_the_same_for_somebody_else_goes_on_from_what_was_asked() -> None:
    talk = Talk()
    talk.change("pause Priya until Monday because she is on leave")
    plan = talk.change("and Bob?")
    assert (plan.action, whom(plan), str(plan.until)) == (
        Action.PAUSE,
        [("Bob Ortiz", "Renewal Enterprise")],
        "2026-11-30",
    )
    assert plan.note == "asked in the chat: pause Priya until Monday because she is on leave; and Bob"
    assert talk.say("yes") == Confirmed(plan=plan)
    assert whom(talk.change("same for Tom")) == [("Tom Tran", "Renewal 90")]
    assert whom(talk.change("no, Ludwig")) == [("Ludwig van der Berg", "Renewal 90")]
    talk.read("show activity for Acme")
    assert talk.read("what about Globex?").customer_ids == ("cus-2",)
    assert talk.read("and Priya?").stakeholder_ids == ("sth-3",)


def test_the_cadence_of_the_same_is_the_one_for_the_other_one() -> None:
    talk = Talk()
    assert whom(talk.change("add Bob to the renewal cadence")) == [("Bob Ortiz", "Renewal Enterprise")]
    assert whom(talk.change("Tom as well")) == [("Tom Tran", "Renewal 90")]


@pytest.mark.parametrize("said", ["and Bob?", "why?", "why not?", "until Monday", "same for Bob", "make it Tuesday"])
def test_behind_nothing_nothing_follows(said: str) -> None:
    assert isinstance(Talk().say(said), Told)


@pytest.mark.parametrize("said", ["and lunch?", "thanks and bye", "and when?", "no idea", "same here", "and nobody"])
def test_what_names_nobody_is_no_more_of_the_same(said: str) -> None:
    talk = Talk()
    talk.change("pause Priya")
    assert isinstance(talk.say(said), Told)


def test_whom_a_question_has_settled_stays_settled_when_the_day_is_changed() -> None:
    talk = Talk()
    talk.question("pause Lee until next Friday")
    talk.question("2")
    talk.change("1")
    plan = talk.change("no, make it 3 December")
    assert (whom(plan), str(plan.until)) == ([("Lee Wong", "Renewal 90")], "2026-12-03")
    assert whom(talk.change("until Tuesday")) == [("Lee Wong", "Renewal 90")]
    talk = Talk()
    talk.change("add Bob to welcome")
    assert str(talk.change("from 7 December").start) == "2026-12-07"
    assert isinstance(talk.say("until 9 December"), Told)
    talk.change("pause Bob")
    assert isinstance(talk.say("from 7 December"), Told)


def test_why_asks_about_whom_and_what_was_spoken_of() -> None:
    talk = Talk()
    talk.read("is Bob in the save cadence?")
    why = talk.read("why not?")
    assert (why.topic, why.stakeholder_ids, why.cadence_ids) == (Topic.EXPLAIN, ("sth-2",), (3,))


def test_who_was_spoken_of_can_be_chosen_where_nobody_is_named() -> None:
    talk = Talk()
    talk.read("what cadence is Priya in?")
    assert talk.question("pause until Monday") == ["Priya Natarajan"]
    assert whom(talk.change("yes")) == [("Priya Natarajan", "Renewal 90")]


def test_in_so_many_weeks_is_a_first_day_and_no_end() -> None:
    talk = Talk()
    assert str(talk.change("add Bob to welcome in 3 weeks").start) == "2026-12-17"
    assert "not on a later day" in talk.told("pause Priya in 2 weeks")


def test_a_sender_that_is_not_named_is_asked_for() -> None:
    talk = Talk()
    assert talk.question("change the sender for Priya") == []
    assert talk.change("Kim Park").sender_user_id == 7


def test_stopping_to_write_to_somebody_names_them() -> None:
    for said in ("stop emailing Tom", "stop contacting Tom", "stop writing to Tom"):
        assert Talk().question(said) == ["pause Tom", "remove Tom"]


def test_a_yes_with_another_day_is_shown_anew_and_confirms_nothing() -> None:
    talk = Talk()
    talk.change("pause Priya")
    assert str(talk.change("yes but until 4 December").until) == "2026-12-04"


def test_what_would_be_understood_is_said_of_who_was_spoken_of() -> None:
    talk = Talk()
    talk.read("what cadence is Priya in?")
    outcome = talk.say("blurb the cadence")
    assert isinstance(outcome, Told)
    assert outcome.near
    assert all("Ann Lee" not in one and "Acme" not in one for one in outcome.near)
    assert any("Priya Natarajan" in one for one in outcome.near)


@given(
    st.lists(
        st.sampled_from(
            [
                *("pause Lee", "pause Priya until Monday", "add Bob to renewal", "remove Tom", "pause", "add Maria"),
                *("1", "2", "yes", "no", "save", "why?", "and Bob?", "same for Ludwig", "no, Tom", "I meant Priya"),
                *("pause her", "resume them", "until Tuesday", "from Monday", "make it Friday", "what about Acme?"),
                *("what cadence is Tom in?", "and everyone at Initech", "Siobhán too", "and lunch?"),
            ]
        ),
        min_size=2,
        max_size=7,
    )
)
def test_in_a_conversation_nobody_is_changed_who_was_never_named(said: list[str]) -> None:
    conversation, named = Conversation(), set[str]()
    for utterance in said:
        asked = conversation.pending
        turn = converse(utterance, conversation, book(), NOW)
        named |= set(folded(utterance.replace("Initech", "Initech Stuart Lee")).split())
        # A choice that was shown names whom it is about.
        named |= set(
            folded(" ".join(one.label for one in getattr(getattr(asked, "question", None), "choices", ()))).split()
        )
        if isinstance(turn.outcome, ChangePlan):
            for target in turn.outcome.targets:
                assert named & set(folded(target.name).split()), (said, target.name)
        conversation = turn.conversation


def test_why_is_asked_in_many_ways() -> None:
    for said in (
        "why can't I add Bob to save?",
        "why didn't you add Bob to the save cadence",
        "how come we enrolled Bob in save",
    ):
        why = Talk().read(said)
        assert (why.topic, why.stakeholder_ids, why.cadence_ids) == (Topic.EXPLAIN, ("sth-2",), (3,)), said
    assert Talk().read("why didn't you add Bob").stakeholder_ids == ("sth-2",)
    assert Talk().read("can you tell me why Priya got added?").stakeholder_ids == ("sth-3",)
    talk = Talk()
    talk.read("is Priya in the save cadence?")
    why = talk.read("why not Bob?")
    assert (why.topic, why.stakeholder_ids, why.cadence_ids) == (Topic.EXPLAIN, ("sth-2",), (3,))


def test_holding_off_is_a_pause_of_who_was_named() -> None:
    for said in (
        "Tom is on vacation until 3 Dec, hold off",
        "Tom is on vacation until 3 Dec, please hold off on emailing him",
    ):
        plan = Talk().change(said)
        assert (plan.action, whom(plan), str(plan.until)) == (Action.PAUSE, [("Tom Tran", "Renewal 90")], "2026-12-03")
    assert Talk().question("hold off") == []


def test_who_is_to_come_back_is_asked_how() -> None:
    talk = Talk()
    talk.read("what cadence is Priya in?")
    assert talk.question("add her back") == ["resume her", "add her"]
