"""The chat over HTTP: questions are answered, and what changes something is shown, confirmed and done as by the API."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from enrollment.criteria import Predicate
from schemas.vocabulary import OutcomeType, Purpose, TriggerType
from storage import cadences
from tests.web.stage import Api
from tests.web.test_connection import refused
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene

CHAT = "/api/salesloft/chat"
OTHER = CUSTOMER | {"id": "cus-8", "name": "Globex", "owner": {"user_id": "usr-8", "email": "lea@cscx.example"}}


@pytest.fixture
async def scene(api: Api) -> Scene:
    scene = await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()
    await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    await scene.snapshots(customers=[CUSTOMER, OTHER], stakeholders=[ANN, BOB])
    return scene


class Talk:
    """A conversation of one caller's."""

    def __init__(self, api: Api, **claims: Any) -> None:
        self._api = api
        self._claims = {"role": "manager", **claims}
        self.conversation: str | None = None

    async def say(self, text: str, *, key: str | None = None, **more: Any) -> dict[str, Any]:
        headers = self._api.headers(**self._claims) | ({"idempotency-key": key} if key else {})
        body = {"text": text, "conversation": self.conversation, **more}
        answer = await self._api.http.post(CHAT, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        self.conversation = told["conversation"]
        return told


async def requests(scene: Scene) -> list[dict[str, Any]]:
    rows = await scene.rows("SELECT request FROM enrollments ORDER BY created_at, id")
    return [orjson.loads(row["request"]) for row in rows]


async def test_somebody_is_added_once_it_is_confirmed(api: Api, scene: Scene) -> None:
    talk = Talk(api)
    shown = await talk.say("Add Ann Lee to the renewal cadence")
    assert (shown["kind"], shown["plan"]["action"]) == ("change", "add")
    assert [target["stakeholder_id"] for target in shown["plan"]["targets"]] == ["sth-9"]
    assert await requests(scene) == []
    done = await talk.say("yes")
    assert (done["kind"], [one["refusal"] for one in done["done"]]) == ("done", [None])
    (request,) = await requests(scene)
    assert request["requested_by"] == {"kind": "chat", "user_id": "usr-1"}
    assert request["action"]["cadence"]["id"] == 456
    noted = await scene.rows("SELECT way, actor FROM audit_entries WHERE action = 'enrollment.requested'")
    assert [tuple(row) for row in noted] == [("chat", "usr-1")]
    assert (await talk.say("yes"))["kind"] == "told"
    assert len(await requests(scene)) == 1
    again = await talk.say("add her to the renewal cadence")
    (refusal,) = (await talk.say("yes"))["done"] if again["kind"] == "change" else [{"refusal": again["text"]}]
    assert refusal["refusal"]
    assert len(await requests(scene)) == 1


async def test_a_yes_that_is_sent_again_under_its_key_is_done_once(api: Api, scene: Scene) -> None:
    talk = Talk(api)
    await talk.say("Add Ann Lee to the renewal cadence")
    before = talk.conversation
    first = await talk.say("yes", key="yes-1")
    talk.conversation = before
    assert await talk.say("yes", key="yes-1") == first
    assert len(await requests(scene)) == 1


async def test_a_no_and_anything_but_a_plain_yes_do_nothing(api: Api, scene: Scene) -> None:
    for reply in ("no", "yes, but not before Monday", "maybe"):
        talk = Talk(api)
        await talk.say("Add Ann Lee to the renewal cadence")
        assert (await talk.say(reply))["kind"] != "done"
    assert await requests(scene) == []


async def test_what_is_asked_is_answered_with_how_fresh_it_is(api: Api, scene: Scene) -> None:
    talk = Talk(api, role="viewer")
    told = await talk.say("What cadence is Ann Lee in?")
    assert told["kind"] == "read"
    assert told["text"].splitlines() == ["Ann Lee: in no cadence", "(not read from Salesloft yet)"]
    await scene.decide(scene.trigger(stakeholders=[ANN]))
    told = await talk.say("What cadence is she in?")
    assert "Renewal 456 (requested" in told["text"]
    (row,) = await scene.rows("SELECT expires_at FROM enrollments")
    until = f"{row['expires_at']:%A} {row['expires_at'].day} {row['expires_at']:%B %Y at %H:%M}"
    assert (await talk.say("What waits for approval?"))["text"] == f"Ann Lee, until {until}"
    assert "No activity is known." in (await talk.say("Show Salesloft activity for Acme"))["text"]
    assert "Add Ann Lee to the renewal cadence" in (await talk.say("help"))["text"]


async def test_a_reason_is_told_in_the_pages_words(api: Api, scene: Scene) -> None:
    await scene.publish_for(TriggerType.AT_RISK, cadence_id=457, purpose=Purpose.SAVE)
    await scene.end(scene.outcome(OutcomeType.RENEWED))
    late = scene.trigger(stakeholders=[ANN], at=scene.now - timedelta(hours=1))
    assert await scene.decide(late) == {"stale_event": 1}
    told = await Talk(api, role="viewer").say("Why is Ann Lee not in the renewal cadence?")
    assert "The reason: the event came too late." in told["text"]
    # What the one trigger led to says nothing of another one's cadence.
    told = await Talk(api, role="viewer").say("Why is Ann Lee not in the save cadence?")
    assert "No decision about them is on record for save: no trigger of that kind" in told["text"]
    assert "too late" not in told["text"]


async def read_until(scene: Scene, **minutes_ago: int) -> None:
    """Salesloft's streams were read so many minutes ago, and its cadences before that."""
    for stream, minutes in minutes_ago.items():
        ended = scene.now - timedelta(minutes=minutes)
        await scene.execute(
            "INSERT INTO sync_streams (organization_id, stream, next_cycle_at, cycle_started_at, cycle_ended_at)"
            " VALUES ($1, $2, $3, $3, $3)",
            scene.organization_id,
            stream,
            ended,
        )


async def put_on_by_hand(api: Api, scene: Scene) -> None:
    """Somebody has put Ann on a cadence in Salesloft."""
    await scene.execute(
        "INSERT INTO salesloft_memberships (id, organization_id, stakeholder_id, salesloft_person_id, cadence_id,"
        " status, added_at, salesloft_membership_id, currently_on_cadence, current_step, salesloft_updated_at,"
        " created_at) VALUES (gen_random_uuid(), $1, 'sth-9', 9, 456, 'active', $2, 1, true, 2, $2, $2)",
        api.organization_id,
        scene.now,
    )


async def test_each_answer_that_rests_on_salesloft_says_as_of_when(api: Api, scene: Scene) -> None:
    await scene.decide(scene.trigger(stakeholders=[ANN]))
    await read_until(scene, memberships=3, emails=150, calls=5, histories=1)
    async with scene.database.transaction() as connection:
        await cadences.note_read(connection, scene.organization_id, scene.now - timedelta(days=3))
    talk = Talk(api, role="viewer")
    for said, words, ago in (
        ("What cadence is Ann Lee in?", "(as of 3 minutes ago)", timedelta(minutes=3)),
        ("Who is in the renewal cadence?", "(as of 3 minutes ago)", timedelta(minutes=3)),
        ("Why was Ann Lee added?", "(as of 3 minutes ago)", timedelta(minutes=3)),
        ("Show Salesloft activity for Acme", "(as of 2 hours ago)", timedelta(minutes=150)),
        ("Show activity for Ann Lee", "(as of 2 hours ago)", timedelta(minutes=150)),
        ("What cadences are there?", "(as of 3 days ago)", timedelta(days=3)),
    ):
        told = await talk.say(said)
        assert told["text"].splitlines()[-1] == words, said
        assert datetime.fromisoformat(told["plan"]["as_of"]) == scene.now - ago, said
    told = await talk.say("What waits for approval?")
    assert told["plan"]["as_of"] is None
    # A refusal that rests on where somebody stands is an answer as well.
    told = await Talk(api).say("Pause Bob Ray")
    assert told["text"] == "Bob Ray is not in a cadence: there is nothing to be paused. (as of 3 minutes ago)"


async def test_what_somebody_did_in_salesloft_is_told_as_well(api: Api, scene: Scene) -> None:
    await put_on_by_hand(api, scene)
    talk = Talk(api, role="viewer")
    for said, line in (
        ("What cadence is Ann Lee in?", "Ann Lee: Renewal 456 (put on it in Salesloft, step 2 of 2)"),
        ("Who is in the renewal cadence?", "Renewal 456: Ann Lee (put on it in Salesloft, step 2 of 2)"),
        ("Why is Ann Lee in the renewal cadence?", "Ann Lee is in Renewal 456 (put on it in Salesloft, step 2 of 2)."),
    ):
        assert (await talk.say(said))["text"].splitlines()[0] == line


async def test_why_somebody_was_added_or_not_is_answered_in_sentences(api: Api, scene: Scene) -> None:
    await scene.publish_for(
        TriggerType.AT_RISK,
        stakeholder_criteria=Predicate(field="stakeholder.is_champion", op="equals", value=True),
        customer_criteria=Predicate(field="customer.health_score", op="lt", value=60),
    )
    customer = CUSTOMER | {"health_score": 41}
    await scene.decide(scene.trigger(TriggerType.AT_RISK, stakeholders=[ANN, BOB], customer=customer))
    talk = Talk(api)
    at = f"{scene.now:%A} {scene.now.day} {scene.now:%B %Y} at {scene.now:%H:%M}"
    standing, why, _ = (await talk.say("Why was Ann Lee added?"))["text"].splitlines()
    (row,) = await scene.rows("SELECT expires_at FROM enrollments")
    until = f"{row['expires_at']:%A} {row['expires_at'].day} {row['expires_at']:%B %Y at %H:%M}"
    assert standing == f"Ann Lee is not in Renewal 456 yet: waits for approval until {until}."
    assert why == (
        f"Ann Lee was requested for Renewal 456 on {at}, when Acme was found at risk. They fit the mapping:"
        " customer health score < 60 (it was 41) and stakeholder is champion."
    )
    standing, why, _ = (await talk.say("Why was Bob Ray not added?"))["text"].splitlines()
    assert standing == "Bob Ray is in no cadence."
    assert why == (
        f"Bob Ray was not requested on {at}, when Acme was found at risk. They do not fit what any mapping of that"
        " trigger asks for. With stakeholder is champion being yes instead of no they would have been requested."
    )
    await talk.say("Add Bob Ray to the renewal cadence")
    await talk.say("yes")
    assert "usr-1 requested Bob Ray for Renewal 456 by hand on " in (await talk.say("Why was Bob Ray added?"))["text"]


async def test_whoever_is_not_on_a_cadence_yet_is_not_said_to_be_in_it(api: Api, scene: Scene) -> None:
    await scene.decide(scene.trigger(stakeholders=[ANN]))
    (row,) = await scene.rows("SELECT id, start_on FROM enrollments")
    talk = Talk(api, role="viewer")
    begins = f"approved, to begin on {row['start_on']:%A} {row['start_on'].day} {row['start_on']:%B %Y}"
    for state, stands in (
        ("approved", begins),
        ("scheduled", begins),
        ("stale", "to be approved again"),
        ("enrolling", "being added"),
        ("unknown", "being added"),
        ("failed", "adding them failed"),
    ):
        await scene.put_into(state, row["id"])
        (told, *_) = (await talk.say("Why was Ann Lee added?"))["text"].splitlines()
        assert told == f"Ann Lee is not in Renewal 456 yet: {stands}.", state
    await scene.put_into("enrolled", row["id"])
    (told, *_) = (await talk.say("Why was Ann Lee added?"))["text"].splitlines()
    assert told.startswith("Ann Lee is in Renewal 456 (enrolled")


async def test_who_may_not_change_somebody_is_told_so_before_anything_is_shown(api: Api, scene: Scene) -> None:
    for claims in ({"role": "viewer"}, {"role": "csm", "sub": "usr-8"}):
        told = await Talk(api, **claims).say("Add Ann Lee to the renewal cadence")
        assert (told["kind"], told["plan"]) == ("told", None)
    own = Talk(api, role="csm", sub="usr-3")
    assert (await own.say("Add Ann Lee to the renewal cadence"))["kind"] == "change"
    assert (await own.say("yes"))["kind"] == "done"
    assert len(await requests(scene)) == 1


async def test_who_is_no_more_than_a_viewer_by_now_has_nothing_done(api: Api, scene: Scene) -> None:
    talk, viewer = Talk(api), Talk(api, role="viewer")
    await talk.say("Add Ann Lee to the renewal cadence")
    viewer.conversation = talk.conversation
    told = await viewer.say("yes")
    assert [one["refusal"] for one in told["done"]] == ["A viewer has nothing done for anybody."]
    assert await requests(scene) == []


async def test_of_two_who_may_be_meant_somebody_chooses(api: Api, scene: Scene) -> None:
    await scene.snapshots(stakeholders=[ANN | {"id": "sth-7", "name": "Ann Smith", "email": "smith@acme.example"}])
    talk = Talk(api)
    asked = await talk.say("Add Ann to the renewal cadence")
    assert (asked["kind"], len(asked["choices"])) == ("question", 2)
    (place,) = (number for number, label in enumerate(asked["choices"], start=1) if label.startswith("Ann Smith"))
    shown = await talk.say(str(place))
    assert [target["stakeholder_id"] for target in shown["plan"]["targets"]] == ["sth-7"]


async def test_a_pause_is_confirmed_by_its_digest_and_ends_on_its_day(api: Api, scene: Scene) -> None:
    await scene.decide(scene.trigger(stakeholders=[ANN]))
    (row,) = await scene.rows("SELECT id FROM enrollments")
    await scene.put_into("enrolled", row["id"])
    talk = Talk(api)
    shown = await talk.say("Pause Ann Lee for two weeks", time_zone="Europe/Berlin")
    assert (shown["kind"], shown["plan"]["action"]) == ("change", "pause")
    wrong = Talk(api)
    wrong.conversation = talk.conversation
    assert (await wrong.say("", confirm="sha256:other", time_zone="Europe/Berlin"))["kind"] == "told"
    done = await talk.say("", confirm=shown["plan"]["digest"], time_zone="Europe/Berlin")
    assert [one["enrollment_id"] for one in done["done"]] == [str(UUID(bytes=row["id"].bytes))]
    (asked,) = await scene.rows("SELECT action, until, asked_by_kind, asked_by FROM steerings")
    assert (asked["action"], asked["asked_by_kind"], asked["asked_by"]) == ("pause", "chat", "usr-1")
    assert asked["until"].date().isoformat() <= shown["plan"]["until"]


async def test_a_conversation_is_its_callers_alone(api: Api, scene: Scene) -> None:
    talk = Talk(api)
    await talk.say("Add Ann Lee to the renewal cadence")
    for claims in ({"sub": "usr-2"}, {"organization_id": "org-else"}):
        body = {"text": "yes", "conversation": talk.conversation}
        answer = await api.http.post(CHAT, json=body, headers=api.headers(role="manager", **claims))
        refused(answer, 400, "conversation_unknown")
    body = {"text": "yes", "conversation": "k1.made-up"}
    refused(await api.http.post(CHAT, json=body, headers=api.headers()), 400, "conversation_unknown")
    assert await requests(scene) == []


async def test_another_organizations_people_are_nobody(api: Api, scene: Scene) -> None:
    told = await Talk(api, organization_id="org-else").say("What cadence is Ann Lee in?")
    assert told["kind"] != "read"
    assert "sth-9" not in orjson.dumps(told).decode()
    assert await requests(scene) == []


@pytest.mark.usefixtures("scene")
async def test_whatever_is_said_is_answered(api: Api) -> None:
    talk = Talk(api)
    for text in ("", "   ", "<script>alert(1)</script>", "🙂" * 500, "x" * 10_000, "'; DROP TABLE enrollments; --"):
        assert (await talk.say(text))["kind"] in {"told", "question"}
    refused(await api.http.post(CHAT, json={"text": "x" * 20_001}, headers=api.headers()), 422, "invalid_request")
    answer = await api.http.post(CHAT, json={"text": "help", "time_zone": "Mars/Base"}, headers=api.headers())
    refused(answer, 422, "invalid_request")


async def test_who_was_put_on_a_cadence_by_hand_is_left_there_and_that_is_said(api: Api, scene: Scene) -> None:
    await put_on_by_hand(api, scene)
    told = await Talk(api).say("Pause Ann Lee")
    assert told["kind"] == "told"
    assert "in Salesloft itself: only there can they be paused" in told["text"]


async def test_what_a_gate_refuses_is_said_at_once_with_what_would_change_it(api: Api, scene: Scene) -> None:
    await scene.snapshots(
        stakeholders=[ANN | {"contact_preferences": {"email": "blocked", "phone": None}}, BOB | {"email": None}]
    )
    talk = Talk(api)
    told = await talk.say("Add Ann Lee to the renewal cadence")
    assert (told["kind"], told["plan"]) == ("told", None)
    assert told["text"] == (
        "Ann Lee (Acme) cannot be added to Renewal 456. The stakeholder has opted out of e-mail. Only they can allow it"
        " again."
    )
    (prevented,) = told["prevented"]
    assert (prevented["stakeholder_id"], prevented["cadence"]) == ("sth-9", "Renewal 456")
    assert [one["reason_code"] for one in prevented["refusals"]] == ["opted_out"]
    assert "nothing to confirm" in (await talk.say("yes"))["text"]
    told = await talk.say("Add Bob Ray to the renewal cadence")
    assert "has no e-mail address. Add one in the directory, and ask again." in told["text"]
    assert await requests(scene) == []


async def test_of_several_those_are_shown_who_can_be_added_and_the_others_told(api: Api, scene: Scene) -> None:
    await scene.snapshots(stakeholders=[BOB | {"contact_preferences": {"email": "blocked", "phone": None}}])
    talk = Talk(api)
    shown = await talk.say("Add Ann Lee and Bob Ray to the renewal cadence")
    assert (shown["kind"], [one["name"] for one in shown["plan"]["targets"]]) == ("change", ["Ann Lee"])
    assert [one["name"] for one in shown["prevented"]] == ["Bob Ray"]
    refused, confirmation = shown["text"].splitlines()
    assert refused.startswith("Bob Ray (Acme) cannot be added to Renewal 456. The stakeholder has opted out")
    assert "Bob Ray" not in confirmation == shown["plan"]["confirmation"]
    done = await talk.say("", confirm=shown["plan"]["digest"])
    assert [(one["name"], one["refusal"]) for one in done["done"]] == [("Ann Lee", None)]
    assert [one["stakeholder"]["id"] for one in await requests(scene)] == ["sth-9"]


def seventh_of_january(shown: dict[str, Any]) -> str:
    """The next one, in whichever year that is by the service's clock."""
    day = date.fromisoformat(shown["plan"]["start"])
    assert (day.month, day.day) == (1, 7)
    return f"{day:%A} {day.day} {day:%B %Y}"


async def test_the_question_says_what_there_is_to_know_before_a_yes(api: Api, scene: Scene) -> None:
    await scene.snapshots(customers=[CUSTOMER, OTHER | {"owner": {"user_id": "usr-8", "email": "lea@cscx.example"}}])
    cat = {"id": "sth-5", "name": "Cat Moss", "email": "cat@globex.example", "customer_id": "cus-8"}
    await scene.snapshots(stakeholders=[cat])
    talk = Talk(api)
    text = (await talk.say("Add Ann Lee to the renewal cadence"))["text"]
    assert 'It begins as soon as it is approved, with "First". Kim sends.' in text
    assert "It can be approved until " in text
    assert "Salesloft has no record of Ann Lee yet: it is asked right before they are added" in text
    assert text.endswith(" Shall I?")
    text = (await talk.say("Add Ann Lee and Cat Moss to Renewal 457"))["text"]
    assert "Kim sends to Ann Lee and Lea sends to Cat Moss." in text
    shown = await talk.say("Add Ann Lee to the renewal cadence at step 2 from 7 January, sent by Lea")
    assert f"beginning on {seventh_of_january(shown)}, at step 2, sent by Lea." in shown["text"]
    assert "as soon as" not in shown["text"]
    assert "Kim" not in shown["text"]


async def test_that_the_customer_has_churned_is_said_before_a_yes(api: Api, scene: Scene) -> None:
    asked = "Add Ann Lee to the renewal cadence"
    assert "churned" not in (await Talk(api).say(asked))["text"]
    await scene.end(scene.outcome(OutcomeType.CHURNED))
    text = (await Talk(api).say(asked))["text"]
    assert "Acme churned on " in text
    assert text.endswith(" Shall I?")


async def test_a_gate_that_closes_after_the_question_still_refuses(api: Api, scene: Scene) -> None:
    talk = Talk(api)
    assert (await talk.say("Add Ann Lee to the renewal cadence"))["kind"] == "change"
    await scene.snapshots(stakeholders=[ANN | {"contact_preferences": {"email": "blocked", "phone": None}}])
    done = await talk.say("yes")
    assert [one["refusal"] for one in done["done"]] == ["The stakeholder has opted out of e-mail."]
    assert await requests(scene) == []


async def test_nobody_is_taken_off_who_would_not_be_added_back(api: Api, scene: Scene) -> None:
    await scene.decide(scene.trigger(stakeholders=[ANN]))
    (row,) = await scene.rows("SELECT id FROM enrollments")
    await scene.put_into("enrolled", row["id"])
    await scene.snapshots(stakeholders=[ANN | {"contact_preferences": {"email": "blocked", "phone": None}}])
    talk = Talk(api)
    for said in ("Skip Ann Lee's next step", "Restart Ann Lee at step 1", "Change the sender for Ann Lee to Lea"):
        told = await talk.say(said)
        assert told["kind"] == "told", said
        assert "has opted out of e-mail. They would be taken off the cadence, and not added back." in told["text"]
    assert (await talk.say("Pause Ann Lee"))["kind"] == "change"
    assert (await talk.say("Remove Ann Lee from the renewal cadence"))["kind"] == "change"
    assert await scene.rows("SELECT 1 FROM steerings") == []


async def test_what_holds_somebody_is_said_before_a_yes(api: Api, scene: Scene) -> None:
    await scene.decide(scene.trigger(stakeholders=[ANN]))
    (row,) = await scene.rows("SELECT id FROM enrollments")
    await scene.put_into("enrolled", row["id"])
    talk = Talk(api)
    await talk.say("Pause Ann Lee")
    await talk.say("yes")
    shown = await talk.say("Skip Ann Lee's next step")
    assert "For now Ann Lee stays off the cadence: a pause is in force." in shown["text"]
    assert len(await scene.rows("SELECT 1 FROM steerings")) == 1


async def test_her_is_who_is_on_the_screen_until_others_are_named(api: Api, scene: Scene) -> None:
    cat = {"id": "sth-5", "name": "Cat Moss", "email": "cat@globex.example", "customer_id": "cus-8"}
    await scene.snapshots(stakeholders=[cat])
    talk = Talk(api)
    shown = await talk.say("Add her to the renewal cadence", stakeholder_id="sth-9")
    assert [one["name"] for one in shown["plan"]["targets"]] == ["Ann Lee"]
    await talk.say("What cadence is Bob Ray in?", stakeholder_id="sth-9")
    shown = await talk.say("Add him to the renewal cadence", stakeholder_id="sth-9")
    assert [one["name"] for one in shown["plan"]["targets"]] == ["Bob Ray"]
    # Another page is another person; what was shown is still what a yes is said to.
    told = await talk.say("and until Monday", stakeholder_id="sth-9")
    assert told["kind"] == "told"
    done = await talk.say("yes", stakeholder_id="sth-9", customer_id="cus-8")
    assert [one["name"] for one in done["done"]] == ["Bob Ray"]
    assert (await talk.say("Show activity for this account", customer_id="cus-8"))["plan"]["customer_ids"] == ["cus-8"]
    assert (await talk.say("Pause her", customer_id="cus-8"))["kind"] == "question"
    assert (await talk.say("Show activity for this account", customer_id="cus-unknown"))["kind"] == "question"


async def test_a_plan_is_not_made_another_ones_by_the_page_that_comes_up(api: Api, scene: Scene) -> None:
    talk = Talk(api)
    await talk.say("Add Ann Lee to the renewal cadence", stakeholder_id="sth-9")
    assert (await talk.say("from 7 January", stakeholder_id="sth-8"))["kind"] == "told"
    done = await talk.say("yes", stakeholder_id="sth-8")
    assert [one["name"] for one in done["done"]] == ["Ann Lee"]


async def test_a_screen_of_another_organizations_says_nothing(api: Api, scene: Scene) -> None:
    other = Talk(api, organization_id="org-else")
    told = await other.say("Add her to the renewal cadence", stakeholder_id="sth-9")
    assert told["kind"] == "question"
    assert "Ann" not in orjson.dumps(told).decode()


async def test_who_is_in_the_new_plan_no_more_is_said_to_have_nothing_done(api: Api, scene: Scene) -> None:
    talk = Talk(api)
    await talk.say("Add Ann Lee to the renewal cadence")
    shown = await talk.say("and Bob Ray?")
    assert shown["text"].splitlines()[0] == "Nothing was done for Ann Lee."
    assert [one["name"] for one in shown["plan"]["targets"]] == ["Bob Ray"]
    shown = await talk.say("from 7 January")
    assert "Nothing was done" not in shown["text"]
    assert f"beginning on {seventh_of_january(shown)}" in shown["text"]
    await talk.say("yes")
    assert [one["stakeholder"]["id"] for one in await requests(scene)] == ["sth-8"]
    (noted,) = await scene.rows("SELECT note FROM additions")
    assert noted["note"] == "asked in the chat: Add Ann Lee to the renewal cadence; and Bob Ray; from 7 January"
