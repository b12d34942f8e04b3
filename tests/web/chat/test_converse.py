"""Turns of conversations: what comes to a plan, what is asked back, and what a yes does."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import EnrollmentState
from tests.web.chat.samples import CALLER, EVERYBODY, NOW, STAKEHOLDERS, book, enrolled, enrolled_of
from web.chat.book import Book, Caller
from web.chat.converse import confirm, converse
from web.chat.entities import Cadence, folded
from web.chat.intents import Action, Topic
from web.chat.plans import ChangePlan, Confirmed, Conversation, Outcome, Question, ReadPlan, Told, Turn, Wanted

LATER = NOW + timedelta(minutes=11)


class Talk:
    """A conversation that is kept as text between its turns, as its route will."""

    def __init__(self, of: Book | None = None) -> None:
        self.book = book() if of is None else of
        self.kept = Conversation().model_dump_json()

    def say(self, utterance: str, now: datetime = NOW) -> Outcome:
        turn = converse(utterance, Conversation.model_validate_json(self.kept), self.book, now)
        assert Turn.model_validate_json(turn.model_dump_json()) == turn
        self.kept = turn.conversation.model_dump_json()
        return turn.outcome

    def change(self, utterance: str) -> ChangePlan:
        outcome = self.say(utterance)
        assert isinstance(outcome, ChangePlan), outcome
        return outcome

    def read(self, utterance: str) -> ReadPlan:
        outcome = self.say(utterance)
        assert isinstance(outcome, ReadPlan), outcome
        return outcome

    def question(self, utterance: str) -> list[str]:
        outcome = self.say(utterance)
        assert isinstance(outcome, Question), outcome
        return [choice.label for choice in outcome.choices]

    def told(self, utterance: str) -> str:
        outcome = self.say(utterance)
        assert isinstance(outcome, Told), outcome
        return outcome.text


def whom(plan: ChangePlan) -> list[tuple[str, str]]:
    return [(target.name, target.cadence) for target in plan.targets]


def test_an_add_is_confirmed_and_then_once() -> None:
    talk = Talk()
    plan = talk.change("Add Bob to the renewal cadence")
    assert plan.action is Action.ADD
    assert whom(plan) == [("Bob Ortiz", "Renewal Enterprise")]
    assert "Bob Ortiz (Acme Inc.)" in plan.confirmation
    assert "approval" in plan.confirmation
    assert talk.say("yes, please") == Confirmed(plan=plan)
    assert "nothing to confirm" in talk.told("yes")


@pytest.mark.parametrize(
    "yes", ["yes", "Yes!", "y", "ok", "yes please", "do it", "go ahead", "Sure, go ahead", "confirm"]
)
def test_a_plain_yes_confirms(yes: str) -> None:
    talk = Talk()
    plan = talk.change("pause Bob")
    assert talk.say(yes) == Confirmed(plan=plan)


@pytest.mark.parametrize(
    "other",
    [
        "yes but only until Monday",
        "no",
        "No thanks",
        "never mind",
        "yes?? no",
        "please",
        "thanks",
        "not yet",
        "yes and no",
        '"yes"',
        "👍",
    ],
)
def test_what_is_no_plain_yes_confirms_nothing(other: str) -> None:
    talk = Talk()
    talk.change("pause Bob")
    assert not isinstance(talk.say(other), Confirmed | ChangePlan)


def test_a_no_ends_it() -> None:
    talk = Talk()
    talk.change("pause Bob")
    assert talk.told("no") == "Nothing was done."
    assert not isinstance(talk.say("yes"), Confirmed)


def test_no_with_another_command_is_the_other_command() -> None:
    talk = Talk()
    talk.change("pause Bob")
    assert whom(talk.change("no, pause Priya")) == [("Priya Natarajan", "Renewal 90")]


def test_a_yes_too_late_does_nothing() -> None:
    talk = Talk()
    talk.change("pause Bob")
    assert isinstance(talk.say("yes", LATER), Told)


def test_a_plan_that_was_altered_is_not_confirmed() -> None:
    talk = Talk()
    plan = talk.change("pause Bob")
    talk.kept = talk.kept.replace("sth-2", "sth-3")
    assert isinstance(talk.say("yes"), Told)
    altered = plan.model_copy(update={"action": Action.REMOVE})
    assert isinstance(confirm(altered, altered.digest, book(), NOW), Told)
    assert isinstance(confirm(plan, "sha256:0", book(), NOW), Told)
    assert isinstance(confirm(plan, plan.digest, book(), LATER), Told)
    other = Caller(organization_id="org-2", user_id="usr-1")
    assert isinstance(confirm(plan, plan.digest, book(caller=other), NOW), Told)
    assert confirm(plan, plan.digest, book(), NOW) == Confirmed(plan=plan)


def test_somebody_ambiguous_is_asked_about_and_chosen() -> None:
    for answer in ("2", "the second one", "Lee Wong", "wong", "the one at Initech", "last"):
        talk = Talk()
        assert talk.question("pause Lee") == ["Ann Lee (VP Engineering, Acme Inc.)", "Lee Wong (Initech)"]
        assert whom(talk.change(answer)) == [("Lee Wong", "Renewal 90")], answer


@pytest.mark.parametrize("answer", ["yes", "3", "Lee", "hm", "the other", "0"])
def test_an_answer_that_picks_no_one_choice_changes_nothing(answer: str) -> None:
    talk = Talk()
    talk.question("pause Lee")
    assert not isinstance(talk.say(answer), ChangePlan | Confirmed)


def test_who_is_only_similar_is_asked_about() -> None:
    talk = Talk()
    assert talk.question("pause Priya Natarajn") == ["Priya Natarajan (CFO, Globex)"]
    assert whom(talk.change("yes")) == [("Priya Natarajan", "Renewal 90")]


def test_somebody_unknown_is_never_changed() -> None:
    talk = Talk()
    assert 'no stakeholder "Zoe Quux"' in talk.told("pause Zoe Quux until Monday")
    assert 'no stakeholder "Zoe Quux"' in talk.told("add Ann Lee and Zoe Quux to renewal")
    assert "no stakeholder" in talk.told("remove table stakeholders")


def test_an_account_in_a_persons_place_is_asked_about() -> None:
    talk = Talk()
    assert talk.question("pause Globex")[0] == "everyone at Globex (4)"
    plan = talk.change("everyone")
    assert len(plan.targets) == 4
    assert all(target.customer == "Globex" for target in plan.targets)


def test_an_account_narrows_who_is_meant() -> None:
    talk = Talk()
    assert whom(talk.change("pause the CFO at Globex")) == [("Priya Natarajan", "Renewal 90")]
    assert "at Acme Inc." in talk.told("pause Priya at Acme")


def test_her_is_who_was_spoken_of() -> None:
    talk = Talk()
    talk.read("what cadence is Priya in?")
    assert whom(talk.change("pause her until next Monday")) == [("Priya Natarajan", "Renewal 90")]
    assert talk.read("show her activity").stakeholder_ids == ("sth-3",)
    assert talk.read("show activity for this account").customer_ids == ("cus-2",)


def test_her_is_asked_about_where_it_may_be_two_or_nobody() -> None:
    talk = Talk()
    assert talk.question("pause her") == []
    talk.read("what cadences are Priya and Tom in?")
    assert talk.question("pause her") == ["Priya Natarajan (CFO, Globex)", "Tom Tran (Globex)"]
    assert len(talk.change("pause them").targets) == 2


def test_the_answer_to_who_may_be_a_name() -> None:
    talk = Talk()
    talk.question("pause her")
    assert whom(talk.change("Priya")) == [("Priya Natarajan", "Renewal 90")]


def test_of_several_cadences_one_is_chosen() -> None:
    talk = Talk()
    assert talk.question("remove Ann Lee") == ["Renewal Enterprise", "Red Accounts", "all of them"]
    assert whom(talk.change("Red Accounts")) == [("Ann Lee", "Red Accounts")]
    talk.question("remove Ann Lee")
    assert len(talk.change("all of them").targets) == 2
    assert len(talk.change("remove Ann Lee from all cadences").targets) == 2
    assert whom(talk.change("remove Ann Lee from the save cadence")) == [("Ann Lee", "Red Accounts")]


def test_what_cannot_be_done_as_things_stand_is_said() -> None:
    talk = Talk(book(enrolled_of(enrolled(1, 2, 1, EnrollmentState.ENROLLED))))
    assert "cannot be resumed" in talk.told("resume Bob")
    assert "is not in" in talk.told("pause Priya")
    assert 'is not in "save"' in talk.told("remove Bob from save")
    assert 'no cadence "Foo"' in talk.told("remove Bob from the Foo cadence")


def test_the_enrollments_that_are_needed_are_asked_for() -> None:
    talk = Talk(book({}))
    before = talk.kept
    assert talk.say("pause Bob and Priya") == Wanted(stakeholder_ids=("sth-2", "sth-3"))
    assert talk.kept == before


def test_steps_are_those_of_the_cadence() -> None:
    talk = Talk()
    assert talk.change("restart Priya at step 2").targets[0].step_id == 12
    assert "no such step" in talk.told("restart Priya at step 9")
    assert talk.change("skip step 1 for Priya").targets[0].enrollment_id == "enr-3"
    assert "at step 1" in talk.told("skip step 2 for Priya")
    assert "cannot tell that it is a call" in talk.told("skip the call for Priya")
    assert talk.change("skip the call for Ludwig").targets[0].enrollment_id == "enr-5"
    assert talk.change("add Tom to the save cadence at step 2").targets[0].step_id == 32


def test_days_are_to_come_and_are_asked_about_where_they_may_be_two() -> None:
    talk = Talk()
    assert talk.question("pause Priya until next Friday") == ["Friday 27 November 2026", "Friday 4 December 2026"]
    assert str(talk.change("the second").until) == "2026-12-04"
    talk.question("pause Priya until she is back")
    assert str(talk.change("7 December").until) == "2026-12-07"
    assert "not in the future" in talk.told("pause Priya until 2020-01-01")


def test_a_missing_slot_is_asked_for() -> None:
    talk = Talk()
    assert talk.question("add Bob") == []
    assert whom(talk.change("renewal")) == [("Bob Ortiz", "Renewal Enterprise")]


def test_senders_are_users_of_salesloft() -> None:
    talk = Talk()
    assert talk.change("change the sender for Priya to Kim Park").sender_user_id == 7
    assert talk.change("make me the sender for Priya").sender_user_id == 8
    assert talk.question("change the sender for Priya to Kim") == [
        "Kim Park (kim@cscx.example)",
        "Lea Kim (lea@cscx.example)",
    ]


def test_the_confirmation_says_that_people_are_added_back() -> None:
    talk = Talk()
    for command in (
        "resume Ann Lee",
        "skip Priya's next step",
        "restart Priya at step 1",
        "change the sender for Priya to Kim Park",
    ):
        assert "added back" in talk.change(command).confirmation


def test_a_reason_is_kept_and_else_what_was_said() -> None:
    talk = Talk()
    assert talk.change("pause Priya because she is on leave").note == "she is on leave"
    assert talk.change("pause Priya").note == "asked in the chat: pause Priya"


def test_the_reason_is_what_was_asked_and_not_the_answer_to_a_question() -> None:
    talk = Talk()
    talk.question("pause Lee")
    assert talk.change("2").note == "asked in the chat: pause Lee"
    talk = Talk()
    talk.question("pause Lee until next Friday")
    talk.question("Lee Wong")
    assert talk.change("the second").note == "asked in the chat: pause Lee until next Friday"
    talk.question("add Bob")
    assert talk.change("renewal").note == "asked in the chat: add Bob"
    talk.question("pause Priya and remove Tom from the renewal cadence")
    assert talk.change("1").note == "asked in the chat: pause Priya and remove Tom from the renewal cadence"
    # A new command is no answer, and has its own words.
    talk.question("pause Lee")
    assert talk.change("pause Priya").note == "asked in the chat: pause Priya"


def test_nobody_changes_what_is_not_theirs() -> None:
    viewer = Caller(organization_id="org-1", user_id="usr-2", may_change=frozenset())
    csm = Caller(organization_id="org-1", user_id="usr-2", may_change=frozenset({"cus-1"}))
    assert "may not" in Talk(book(caller=viewer)).told("pause Bob")
    assert "may not" in Talk(book(caller=csm)).told("pause Bob and Priya")
    assert whom(Talk(book(caller=csm)).change("pause Bob")) == [("Bob Ortiz", "Renewal Enterprise")]
    assert Talk(book(caller=viewer)).read("what cadence is Bob in?").stakeholder_ids == ("sth-2",)


def test_a_misspelt_word_that_is_a_name_is_no_command() -> None:
    talk = Talk(book())
    assert isinstance(talk.say("Stuart in the renewal cadence"), ReadPlan | Question | Told)


def test_readings_say_what_is_to_be_read() -> None:
    talk = Talk()
    assert talk.read("Show Salesloft activity for Acme").customer_ids == ("cus-1",)
    why = talk.read("why is Bob not in the save cadence?")
    assert (why.topic, why.stakeholder_ids, why.cadence_ids, why.purpose) == (Topic.EXPLAIN, ("sth-2",), (3,), "save")
    assert talk.read("who is in the renewal cadence?").cadence_ids == (1, 2)
    assert talk.read("what approvals are waiting?").topic is Topic.APPROVALS
    assert talk.read("help").topic is Topic.HELP


def test_two_commands_are_chosen_from() -> None:
    talk = Talk()
    assert talk.question("pause Priya and remove Tom from the renewal cadence") == [
        "pause Priya",
        "remove Tom · renewal",
    ]
    assert whom(talk.change("the second one")) == [("Tom Tran", "Renewal 90")]


def test_what_is_said_after_a_plan_replaces_it() -> None:
    talk = Talk()
    talk.change("pause Bob")
    other = talk.change("pause Priya")
    assert talk.say("yes") == Confirmed(plan=other)
    talk.change("pause Bob")
    talk.told("don't pause Bob")
    assert not isinstance(talk.say("yes"), Confirmed)


def test_the_digest_covers_all_that_would_be_done() -> None:
    plans = [
        Talk().change(said)
        for said in ("pause Bob", "pause Bob until Monday", "pause Tom", "remove Bob", "pause Bob because of leave")
    ]
    assert len({plan.digest for plan in plans}) == len(plans)
    assert Talk().change("pause Bob").digest == plans[0].digest


NAMES = st.sampled_from(
    [word for one in STAKEHOLDERS for word in one.name.split()] + ["Zoe", "not", "Acme", "all", "her", "everyone"]
)
SAID = st.lists(NAMES | st.text(max_size=6), min_size=1, max_size=4).map(" ".join)


@given(SAID, st.sampled_from(["pause {}", "remove {} from renewal", "add {} to renewal", "resume {}", "skip {}"]))
def test_nobody_is_changed_whom_the_words_do_not_name(said: str, command: str) -> None:
    outcome = converse(command.format(said), Conversation(), book(), NOW).outcome
    if isinstance(outcome, ChangePlan) and not any(word in said.casefold() for word in ("everyone", "all", "acme")):
        words = set(folded(said).split()) | set(said.split("@"))
        for target in outcome.targets:
            assert words & set(folded(target.name).split()), (said, target.name)


@given(
    st.lists(
        st.sampled_from(
            [
                "yes",
                "no",
                "2",
                "pause Lee",
                "add Bob",
                "Priya",
                "renewal",
                "pause her",
                "stop Bob's cadence",
                "the second one",
                "ok",
            ]
        )
        | st.text(max_size=12),
        max_size=6,
    )
)
def test_only_a_yes_right_after_a_plan_confirms_it(said: list[str]) -> None:
    conversation = Conversation()
    last: Outcome | None = None
    for utterance in said:
        turn = converse(
            utterance, conversation, Book(directory=book().directory, caller=CALLER, enrolled=EVERYBODY), NOW
        )
        if isinstance(turn.outcome, Confirmed):
            assert isinstance(last, ChangePlan)
            assert turn.outcome.plan == last
            assert utterance in {"yes", "ok"} or utterance.strip(" .,!").casefold() in {"y", "k", "ja"}
        conversation = turn.conversation
        if not isinstance(turn.outcome, Told):
            last = turn.outcome


def test_what_somebody_did_at_salesloft_is_told_of_and_left_alone() -> None:
    by_hand = {"sth-2": (Cadence(id=5, name="Enterprise Win-Back"),)}
    nobody = enrolled_of()
    talk = Talk(Book(directory=book().directory, caller=CALLER, enrolled=nobody, by_hand=by_hand))
    for said in ("pause Bob", "remove Bob from enterprise win-back"):
        assert "put on Enterprise Win-Back in Salesloft itself" in talk.told(said)
    assert 'not in "renewal"' in talk.told("remove Bob from renewal")


def test_a_day_behind_a_reason_is_the_pauses() -> None:
    talk = Talk()
    plan = talk.change("Please pause Bob, he's at Acme, until 10 December.")
    assert (plan.until or NOW.date()).isoformat() == "2026-12-10"
    assert talk.question("Bob asked for a break until 31 November, please pause him") == []


def test_a_title_behind_a_name_is_that_persons() -> None:
    assert whom(Talk().change("pause Bob (CFO)")) == whom(Talk().change("pause Bob"))
    assert not isinstance(Talk().say("pause Bob (VP Engineering)"), ChangePlan)


def test_a_question_is_answered_with_an_address() -> None:
    talk = Talk()
    assert len(talk.question("pause the CFO")) == 2
    assert whom(talk.change("priya@globex.example")) == [("Priya Natarajan", "Renewal 90")]
