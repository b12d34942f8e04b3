"""Snapshots end in the same state in any order; what is erased is gone everywhere, and nothing older undoes it."""

from datetime import timedelta
from itertools import permutations
from random import Random
from typing import Any

import orjson
import pytest

from enrollment.criteria import parse_criteria
from schemas.topics import stakeholder_key
from schemas.vocabulary import TriggerType
from tests.workflows.scene import ANN, BOB, CUSTOMER, T0, Scene
from workflows.renewal import Renewed, look_again

RENEWAL = TriggerType.RENEWAL_WINDOW
KNOWN = "SELECT data, as_of, from_directory, erased_at FROM directory_{} WHERE {}_id = $1"


async def known(scene: Scene, what: str, id_: str) -> Any:
    (row,) = await scene.rows(KNOWN.format(f"{what}s", what), id_)
    data = orjson.loads(row["data"]) if row["data"] is not None else None
    return (data and data["name"], row["as_of"], row["from_directory"], row["erased_at"])


# Of two that happened at once the directory's counts, and an embedded one that is newer than both.
STEPS = {"E1": (1, False), "D2": (2, True), "E2": (2, False), "D3": (3, True), "E4": (4, False)}


@pytest.mark.parametrize("steps", [("E1", "D2", "E2"), ("D2", "D3", "E2"), ("E1", "D3", "E4"), ("E2", "D2", "E4")])
async def test_an_older_snapshot_never_undoes_a_newer_one(scene: Scene, steps: tuple[str, ...]) -> None:
    await scene.publish_for(RENEWAL)
    scene.later(days=30)
    ends = set()
    for number, order in enumerate(permutations(steps)):
        ids = {"customer": f"cus-{number}", "stakeholder": f"sth-{number}"}
        for step in order:
            days, from_directory = STEPS[step]
            at = T0 + timedelta(days=days)
            customer = CUSTOMER | {"id": ids["customer"], "name": step}
            person = ANN | {"id": ids["stakeholder"], "name": step}
            if from_directory:
                await scene.snapshots(
                    customers=(customer,), stakeholders=(person | {"customer_id": customer["id"]},), at=at
                )
            else:
                await scene.decide(
                    scene.trigger(customer=customer, stakeholders=(person,), at=at, contract_id=f"con-{number}-{step}")
                )
        ends.add(
            (await known(scene, "customer", ids["customer"]), await known(scene, "stakeholder", ids["stakeholder"]))
        )
    ((customer_end, stakeholder_end),) = ends
    newest = max(steps, key=lambda step: STEPS[step])
    assert customer_end[0] == stakeholder_end[0] == newest


async def test_a_preference_of_somebody_nobody_asked_for_is_not_lost_to_an_older_snapshot(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    opted_out = ANN | {"contact_preferences": {"email": "blocked"}}
    scene.later(days=2)
    await scene.decide(scene.trigger(stakeholders=(opted_out,), at=T0 + timedelta(days=1), contract_id="con-1"))
    await scene.snapshots(stakeholders=(ANN,), at=T0)
    await scene.decide(scene.trigger(stakeholders=None, at=T0 + timedelta(days=2), contract_id="con-2"))
    assert await scene.asked() == []
    assert await scene.reasons() == ["opted_out", "opted_out"]


async def test_of_equal_times_the_directorys_later_offset_counts(scene: Scene) -> None:
    await scene.snapshots(stakeholders=(ANN | {"name": "first"},))
    await scene.snapshots(stakeholders=(ANN | {"name": "second"},))
    assert (await known(scene, "stakeholder", "sth-9"))[0] == "second"


async def test_a_decision_rests_on_the_newer_of_the_events_and_the_directorys_snapshot(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.snapshots(stakeholders=(ANN | {"email": "new@acme.example"},), at=T0 + timedelta(hours=1))
    scene.later(hours=2)
    await scene.decide(scene.trigger(at=T0))
    (asked,) = await scene.asked()
    assert asked.stakeholder.email == "new@acme.example"


async def test_who_moved_to_another_customer_is_no_candidate_of_the_former(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN, BOB))
    await scene.snapshots(stakeholders=(ANN | {"customer_id": "cus-8"},), at=T0 + timedelta(hours=1))
    scene.later(days=1)
    assert await scene.decide(scene.trigger(stakeholders=None)) == {"requested": 1}
    assert [one.stakeholder.id for one in await scene.asked()] == ["sth-8"]


# Where a personal value may be: every text, JSON and binary column of every table.
COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type IN ('text', 'json', 'jsonb', 'bytea', 'ARRAY', 'character varying')"""


async def places(scene: Scene, *needles: str) -> list[str]:
    """Tables and columns in which one of the values stands."""
    found = []
    for row in await scene.rows(COLUMNS):
        if row["table_name"] in {"schema_migrations", "redrive_plans"}:
            continue
        table, column = row["table_name"], row["column_name"]
        for value in await scene.rows(f"SELECT {column} AS v FROM {table}"):  # noqa: S608  # names of the catalogue
            text = value["v"].decode("latin-1") if isinstance(value["v"], bytes) else str(value["v"])
            if any(needle.lower() in text.lower() for needle in needles):
                found.append(f"{table}.{column}")
    return sorted(set(found))


ASKS = parse_criteria(
    b'{"all": [{"field": "stakeholder.email", "op": "matches", "value": "@"},'
    b' {"field": "stakeholder.name", "op": "exists"}]}'
)


async def erasable(scene: Scene) -> None:
    """Ann is known everywhere where somebody can be known, and Bob waits for an address."""
    await scene.publish_for(RENEWAL, stakeholder_criteria=ASKS)
    await scene.publish_for(TriggerType.AT_RISK)
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN,))
    await scene.decide(
        scene.trigger(stakeholders=(ANN, BOB)),
        scene.trigger(TriggerType.AT_RISK, stakeholders=(ANN, BOB | {"email": None, "id": "sth-7"})),
    )
    await scene.execute(
        "INSERT INTO salesloft_people (organization_id, person_id, email, do_not_contact, contact_restrictions,"
        " bouncing, salesloft_updated_at, read_at) VALUES ('org-1', 1, 'ann@acme.example', false, '{}', false, $1, $1)",
        T0,
    )
    await scene.execute("INSERT INTO stakeholder_people VALUES ('org-1', 'sth-9', 1, 'upsert', $1)", T0)
    await scene.execute("INSERT INTO engagements VALUES ('org-1', 'sth-9', 'cus-7', '{}', $1)", T0)


async def test_an_erasure_leaves_nothing_personal_and_keeps_the_ids(scene: Scene) -> None:
    await erasable(scene)
    assert len(await places(scene, "Ann Lee", "ann@acme.example")) >= 6
    ids = await scene.rows("SELECT id, stakeholder_id, request_digest FROM enrollments ORDER BY id")
    scene.later(hours=1)
    await scene.snapshots(erased_stakeholders=("sth-9",))
    assert await places(scene, "Ann Lee", "ann@acme.example") == []
    assert await scene.rows("SELECT id, stakeholder_id, request_digest FROM enrollments ORDER BY id") == ids
    assert (await known(scene, "stakeholder", "sth-9"))[3] == scene.now
    assert await places(scene, "sth-9") != []


async def test_an_erasure_withdraws_what_is_pending_and_tells_the_engagements_readers(scene: Scene) -> None:
    await erasable(scene)
    scene.later(hours=1)
    await scene.snapshots(erased_stakeholders=("sth-9",))
    states = await scene.states()
    assert states["sth-9"] == ("withdrawn", "erased")
    assert states["sth-8"] == ("requested", None)
    messages = await scene.rows("SELECT type, key, payload FROM outbox WHERE type LIKE '%engagement%'")
    assert [(row["key"], row["payload"]) for row in messages] == [(stakeholder_key("org-1", "sth-9"), None)]
    withdrawn = [data for name, data in await scene.published() if name == "approval-withdrawn"]
    assert [one.reason.value for one in withdrawn] == ["erased", "erased"]
    assert [one.stakeholder.id for one in await scene.asked()] == ["sth-8"]


async def test_an_erasure_has_the_enrolled_removed(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    (asked,) = await scene.requested()
    await scene.put_into("enrolled", asked.enrollment_id)
    scene.later(hours=1)
    await scene.snapshots(erased_stakeholders=("sth-9",))
    (command,) = await scene.rows("SELECT kind, payload FROM commands")
    assert (command["kind"], orjson.loads(command["payload"])["reason"]) == ("remove", "erased")


@pytest.mark.parametrize(
    "erased",
    [
        {"erased_stakeholders": ("sth-9",)},
        {"erased_customers": ("cus-8",)},
        {"erased_customers": ("cus-7",)},
    ],
    ids=["the person", "their customer", "the former customer"],
)
async def test_an_erasure_has_removed_who_was_enrolled_before_they_moved(scene: Scene, erased: Any) -> None:
    """The cadence is the former customer's, and nobody else would ever take them off it."""
    await scene.publish_for(RENEWAL)
    ann, bob = await scene.requested(ANN, BOB)
    await scene.put_into("enrolled", ann.enrollment_id)
    await scene.put_into("enrolled", bob.enrollment_id)
    await scene.snapshots(stakeholders=(ANN | {"customer_id": "cus-8"},), at=scene.later(hours=1))
    scene.later(hours=1)
    await scene.snapshots(**erased)
    commands = await scene.rows("SELECT kind, enrollment_id, payload FROM commands ORDER BY position")
    assert {(one["kind"], orjson.loads(one["payload"])["reason"]) for one in commands} == {("remove", "erased")}
    # Bob has not moved, and goes with his customer alone, once.
    removed = [ann.enrollment_id, *([bob.enrollment_id] if "cus-7" in erased.get("erased_customers", ()) else [])]
    assert sorted(one["enrollment_id"] for one in commands) == sorted(removed)


@pytest.mark.parametrize("moved_first", [False, True], ids=["was the former customer's", "is named by another's event"])
async def test_an_erasure_finds_what_other_customers_events_say(scene: Scene, *, moved_first: bool) -> None:
    """Nobody was asked for there: what names the person is the evaluation alone."""
    nobody = parse_criteria(b'{"all": [{"field": "stakeholder.name", "op": "equals", "value": "nobody"}]}')
    await scene.publish_for(RENEWAL, stakeholder_criteria=nobody)
    event = scene.trigger()
    if not moved_first:
        await scene.decide(event)
    await scene.snapshots(stakeholders=(ANN | {"customer_id": "cus-8"},), at=scene.later(hours=1))
    if moved_first:
        await scene.decide(event)
    scene.later(hours=1)
    assert "evaluations.facts" in await places(scene, "Ann Lee")
    await scene.snapshots(erased_stakeholders=("sth-9",))
    assert await places(scene, "Ann Lee", "ann@acme.example") == []


async def test_an_erasure_of_one_leaves_the_others_deferrals_and_approvals(scene: Scene) -> None:
    """Bob's colleague at the same customer is forgotten; what waits for Bob's address goes on waiting."""
    await erasable(scene)
    scene.later(hours=1)
    await scene.snapshots(erased_stakeholders=("sth-9",))
    assert await scene.value("SELECT reasons FROM deferrals") == ["no_email"]
    scene.later(hours=1)
    await scene.snapshots(stakeholders=(BOB | {"id": "sth-7"},))
    assert (await scene.states())["sth-7"] == ("requested", None)
    bobs = next(one for one in await scene.asked() if one.stakeholder.id == "sth-8")
    async with scene.database.transaction() as connection:
        organization = (await scene.memory.facts(connection, ["org-1"], scene.now))["org-1"]
        found = await look_again(
            connection, await scene.enrollment(connection, bobs.enrollment_id), organization, scene.now
        )
    assert isinstance(found, Renewed)
    assert found.differences == []


async def test_all_that_a_deferral_names_may_be_erased_at_once(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    nobody = ANN | {"email": None}, BOB | {"email": None, "name": "Bob Ray"}
    assert await scene.decide(scene.trigger(stakeholders=nobody)) == {"no_email": 2}
    scene.later(hours=1)
    await scene.snapshots(erased_stakeholders=("sth-9", "sth-8"))
    assert await places(scene, "Ann Lee", "Bob Ray") == []


async def test_nothing_older_brings_the_erased_back(scene: Scene) -> None:
    await erasable(scene)
    scene.later(hours=1)
    await scene.snapshots(erased_stakeholders=("sth-9",))
    await scene.snapshots(stakeholders=(ANN,), at=T0)
    older = scene.trigger(at=T0, term_end="2028-03-31")
    assert await scene.decide(older) == {"erased": 1}
    assert (await known(scene, "stakeholder", "sth-9"))[0] is None
    await scene.snapshots(stakeholders=(ANN,), at=scene.later(hours=1))
    assert (await known(scene, "stakeholder", "sth-9"))[0] == "Ann Lee"


async def test_an_older_event_that_names_the_erased_is_kept_without_them(scene: Scene) -> None:
    await scene.publish_for(TriggerType.AT_RISK)
    scene.later(hours=1)
    await scene.snapshots(customers=(CUSTOMER,), erased_stakeholders=("sth-9",))
    others = (BOB, {"id": "sth-7", "name": "Cy Dee"})
    late = scene.trigger(TriggerType.AT_RISK, stakeholders=(ANN, *others), at=T0)
    assert await scene.decide(late) == {"erased": 1, "requested": 1, "no_email": 1}
    assert await places(scene, "Ann Lee", "ann@acme.example") == []
    assert {"evaluations.facts", "deferrals.data"} <= set(await places(scene, "Cy Dee"))
    scene.later(hours=1)
    await scene.snapshots(stakeholders=({"id": "sth-7", "email": "cy@acme.example"},))
    assert (await scene.states())["sth-7"] == ("requested", None)


async def test_an_erasure_of_somebody_never_heard_of_is_remembered(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    scene.later(hours=1)
    await scene.snapshots(erased_stakeholders=("sth-9",), erased_customers=("cus-1",))
    assert await scene.decide(scene.trigger(at=T0)) == {"erased": 1}
    bare = scene.trigger(at=T0, customer=CUSTOMER | {"id": "cus-1"}, stakeholders=(BOB,))
    assert await scene.decide(bare) == {"unknown_customer": 1}


async def test_the_erasure_of_a_customer_forgets_everybody_there(scene: Scene) -> None:
    await erasable(scene)
    scene.later(hours=1)
    assert "enrollments.request" in await places(scene, "Acme")
    await scene.snapshots(erased_customers=("cus-7",))
    assert await places(scene, "Ann Lee", "ann@acme.example", "Bob Ray", "bob@acme.example", "Acme") == []
    assert {state for state, _ in (await scene.states()).values()} == {"withdrawn"}
    assert await scene.value("SELECT data FROM directory_customers WHERE customer_id = 'cus-7'") is None


async def test_an_erasure_that_is_older_than_what_is_known_erases_nothing(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.decide(scene.trigger(stakeholders=(ANN, BOB | {"email": None}), at=T0))
    await scene.snapshots(erased_customers=("cus-7",), at=T0 - timedelta(hours=1))
    assert (await known(scene, "customer", "cus-7"))[0] == "Acme"
    assert (await known(scene, "stakeholder", "sth-9"))[0] == "Ann Lee"
    assert (await scene.states())["sth-9"] == ("requested", None)
    assert await scene.value("SELECT count(*) FROM deferrals") == 1


async def test_whatever_an_event_may_say_at_its_longest_is_kept(scene: Scene) -> None:
    # Characters of four bytes each in a disorder that nothing compresses, and an address all of which may be one.
    letters = Random(7).choices([chr(code) for code in range(0x20000, 0x2A000)], k=3000)
    long = "".join(letters)
    scene.organization_id = long[:200]
    customer = CUSTOMER | {"id": long[200:400], "name": long[:2000], "segment": long[:2000]}
    person = ANN | {"id": long[400:600], "name": long[:2000], "email": long[600:1190] + "@x.example"}
    await scene.snapshots(customers=(customer,), stakeholders=(person | {"customer_id": customer["id"]},))
    (kept,) = await scene.rows("SELECT data FROM directory_stakeholders WHERE stakeholder_id = $1", person["id"])
    assert orjson.loads(kept["data"])["email"] == person["email"]
