"""What people do by themselves: steps, e-mails, counters, and the ends that follow from them."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient, running_simulator
from tests.sandbox.salesloft.conftest import OwnTeam
from tests.sandbox.salesloft.test_memberships import add, read

DAY = 86_400


@pytest.fixture
async def sent(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> dict[str, Any]:
    """The first e-mail of the Welcome cadence, sent, with its membership still on the cadence."""
    await simulator.temper(team.id, reps_work=False)
    await add(api, person["id"], team.cadence("Welcome")["id"])
    await simulator.advance(4 * DAY)
    email: dict[str, Any] = (await api.get("/activities/emails?status[]=sent")).json()["data"][0]
    return email


async def test_a_person_walks_through_every_step_to_completion(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    cadence = team.cadence("Welcome")
    added = await add(api, person["id"], cadence["id"], user_id=team.rep_id)
    await simulator.advance(21 * DAY)
    told = await read(api, added["id"])
    assert (told["current_state"], told["currently_on_cadence"]) == ("completed", False)
    assert (told["counts"]["sent_emails"], told["counts"]["calls"]) == (3, 1)
    changed = (await api.get(f"/people/{person['id']}")).json()["data"]
    assert (changed["counts"]["emails_sent"], changed["counts"]["calls"]) == (3, 1)
    assert changed["cadences"] == []
    assert changed["last_completed_step"]["id"] == cadence["steps"][-1]["id"]
    assert (await api.get("/actions")).json()["data"] == []
    emails = (await api.get(f"/activities/emails?person_id[]={person['id']}")).json()["data"]
    assert {email["step"]["id"] for email in emails} == {s["id"] for s in cadence["steps"] if s["type"] == "email"}
    call = (await api.get("/activities/calls")).json()["data"][0]
    assert (call["called_person"]["id"], call["user"]["id"]) == (person["id"], team.rep_id)
    feed = (await api.get("/activity_histories?per_page=100")).json()["data"]
    assert Counter(line["type"] for line in feed) == {
        "added_to_cadence": 1,
        "sent_email": 3,
        "call": 1,
        "completed_action": 5,
    }
    assert all(line["occurred_at"].endswith("Z") for line in feed)
    assert f"sent_email-{emails[0]['id']}" in {line["id"] for line in feed}


async def test_steps_fall_due_on_business_days_only(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await add(api, person["id"], team.cadence("Renewal 90")["id"])
    await simulator.advance(30 * DAY)
    emails = (await api.get("/activities/emails")).json()["data"]
    assert len(emails) == 4
    assert all(datetime.fromisoformat(email["sent_at"]).weekday() < 5 for email in emails)


async def test_every_open_and_click_counts_on_the_email_and_once_on_the_person(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, sent: dict[str, Any]
) -> None:
    await simulator.advance(1)
    await simulator.act(team.id, "view", email_id=sent["id"], count=3)
    await simulator.act(team.id, "click", email_id=sent["id"], count=2)
    email = (await api.get(f"/activities/emails/{sent['id']}")).json()["data"]
    assert (email["counts"]["views"], email["counts"]["clicks"]) == (3, 2)
    assert email["updated_at"] > sent["updated_at"]
    person = (await api.get(f"/people/{sent['recipient']['id']}")).json()["data"]
    assert (person["counts"]["emails_viewed"], person["counts"]["emails_clicked"]) == (1, 1)
    membership = (await api.get("/cadence_memberships")).json()["data"][0]
    assert (membership["counts"]["views"], membership["counts"]["clicks"]) == (3, 2)
    line = (await api.get("/activity_histories?type[]=sent_email")).json()["data"][0]
    assert line["dynamic_data"]["counts"]["views"] == 3


@pytest.mark.parametrize(("act", "flag"), [("reply", "remove_replies_enabled"), ("bounce", "remove_bounces_enabled")])
@pytest.mark.parametrize("enabled", [True, False])
async def test_a_reply_or_a_bounce_ends_the_membership_if_the_cadence_says_so(
    simulator: SimulatorClient,
    team: OwnTeam,
    api: httpx.AsyncClient,
    sent: dict[str, Any],
    act: str,
    flag: str,
    *,
    enabled: bool,
) -> None:
    await simulator.call("PUT", f"teams/{team.id}/cadences/{sent['cadence']['id']}", {flag: enabled})
    await simulator.act(team.id, act, email_id=sent["id"])
    membership = (await api.get("/cadence_memberships")).json()["data"][0]
    assert (membership["current_state"] == "removed") is enabled
    email = (await api.get(f"/activities/emails/{sent['id']}")).json()["data"]
    person = (await api.get(f"/people/{sent['recipient']['id']}")).json()["data"]
    if act == "reply":
        assert (email["counts"]["replies"], person["counts"]["emails_replied_to"]) == (1, 1)
        assert person["last_replied_at"] is not None
        assert len((await api.get("/activity_histories?type[]=email_reply")).json()["data"]) == 1
    else:
        assert (email["bounced"], person["bouncing"], membership["counts"]["bounces"]) == (True, True, 1)
        assert email["status"] == "sent"


async def test_an_opt_out_forbids_contact_and_a_restriction_only_email(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, sent: dict[str, Any]
) -> None:
    path = f"/people/{sent['recipient']['id']}"
    await simulator.act(team.id, "restrict", email_id=sent["id"])
    person = (await api.get(path)).json()["data"]
    assert (person["contact_restrictions"], person["do_not_contact"]) == (["email"], False)
    await simulator.act(team.id, "opt_out", email_id=sent["id"])
    assert (await api.get(path)).json()["data"]["do_not_contact"] is True
    assert (await api.get("/cadence_memberships")).json()["data"][0]["current_state"] == "removed"


async def test_what_an_address_says_its_person_does(simulator: SimulatorClient, team: OwnTeam) -> None:
    told = await simulator.team("Telling names", temperament={"bounce": 0.0, "opt_out": 0.0, "reply": 0.0})
    cadence = next(one for one in told["cadences"] if one["name"] == "Welcome")
    async with httpx.AsyncClient(
        base_url=f"{simulator.base_url}/v2", headers={"authorization": f"Bearer {told['api_key']}"}
    ) as api:
        people = {}
        for name in ("will-bounce", "will-reply", "optout", "silent"):
            created = await api.post("/people", json={"email_address": f"{name}@example.com"})
            people[name] = created.json()["data"]["id"]
            await add(api, people[name], cadence["id"])
        await simulator.advance(7 * DAY)
        rows = {name: (await api.get(f"/people/{key}")).json()["data"] for name, key in people.items()}
    assert rows["will-bounce"]["bouncing"] is True
    assert rows["will-reply"]["counts"]["emails_replied_to"] == 1
    assert rows["optout"]["do_not_contact"] is True
    assert rows["silent"]["counts"]["emails_viewed"] == 0


async def test_a_phone_step_is_completed_by_a_call_with_its_action(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await simulator.temper(team.id, reps_work=False)
    added = await add(api, person["id"], team.cadence("Save")["id"])
    await simulator.advance(5)
    action = (await api.get("/actions?type=phone")).json()["data"][0]
    sent = {"person_id": person["id"], "action_id": action["id"], "disposition": "Connected", "duration": 60}
    assert (await api.post("/activities/calls", json={**sent, "disposition": "connected"})).status_code == 422
    call = (await api.post("/activities/calls", json=sent)).json()["data"]
    assert (call["action"]["id"], call["step"]["id"]) == (action["id"], action["step"]["id"])
    assert (await api.get(f"/activities/calls/{call['id']}")).json()["data"]["connected"] is True
    assert (await api.get(f"/actions/{action['id']}")).status_code == 404
    assert (await api.post("/activities/calls", json=sent)).status_code == 422
    assert (await read(api, added["id"]))["counts"]["calls"] == 1


async def test_who_is_no_admin_sees_only_their_own_actions_and_user(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await simulator.temper(team.id, reps_work=False)
    await add(api, person["id"], team.cadence("Save")["id"], user_id=team.admin_id)
    await simulator.advance(5)
    key = await simulator.call("POST", f"teams/{team.id}/tokens", {"kind": "api_key", "user_id": team.rep_id})
    rep = {"authorization": f"Bearer {key['api_key']}"}
    assert len((await api.get("/actions")).json()["data"]) == 1
    assert (await api.get("/actions", headers=rep)).json()["data"] == []
    assert [row["id"] for row in (await api.get("/users", headers=rep)).json()["data"]] == [team.rep_id]
    assert (await api.get("/actions?user_guid[]=x", headers=rep)).status_code == 403


async def test_without_a_sender_nothing_is_sent(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await simulator.call("PUT", f"teams/{team.id}/users/{team.admin_id}", {"email_client_configured": False})
    await add(api, person["id"], team.cadence("Welcome")["id"])
    await simulator.advance(7 * DAY)
    assert [email["status"] for email in (await api.get("/activities/emails")).json()["data"]] == ["pending"]


async def test_contents_of_an_email_want_a_scope_and_to_be_asked_for(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, sent: dict[str, Any]
) -> None:
    path = f"/activities/emails/{sent['id']}?scoped_fields[]=subject"
    assert (await api.get(path)).json()["data"]["subject"] is None
    key = await simulator.call(
        "POST", f"teams/{team.id}/tokens", {"kind": "api_key", "scopes": "emails:read email_contents:read"}
    )
    told = (await api.get(path, headers={"authorization": f"Bearer {key['api_key']}"})).json()["data"]
    assert told["subject"]
    assert told["body"] is None


async def test_the_life_journal_adds_up_to_the_counters(
    simulator: SimulatorClient,
) -> None:
    told = await simulator.team("Busy", people=30, accounts=5)
    async with httpx.AsyncClient(
        base_url=f"{simulator.base_url}/v2", headers={"authorization": f"Bearer {told['api_key']}"}
    ) as api:
        for person in (await api.get("/people?per_page=100")).json()["data"]:
            await add(api, person["id"], told["cadences"][0]["id"])
        await simulator.advance(30 * DAY)
        emails = (await api.get("/activities/emails?per_page=100")).json()["data"]
        calls = (await api.get("/activities/calls?per_page=100")).json()["data"]
        memberships = (await api.get("/cadence_memberships?per_page=100")).json()["data"]
    life = await simulator.life(told["team_id"])
    happened = Counter(entry["kind"] for entry in life)
    assert happened["email.sent"] == sum(email["sent_at"] is not None for email in emails) > 30
    for counter in ("views", "clicks", "replies"):
        assert happened[f"email.{counter}"] == sum(email["counts"][counter] for email in emails)
    assert happened["email.bounced"] == sum(email["bounced"] for email in emails)
    assert happened["call.logged"] == len(calls)
    assert happened["membership.completed"] == sum(row["current_state"] == "completed" for row in memberships)
    assert happened["email.views"] > 10
    assert [entry["sequence"] for entry in life] == sorted(entry["sequence"] for entry in life)
    assert life[0]["at"].endswith("Z")


async def test_the_same_seed_makes_the_same_life_whatever_the_order_of_requests() -> None:
    start = datetime.fromisoformat("2026-03-02T14:00:00+00:00")

    async def lived(order: int) -> list[tuple[str, str]]:
        async with running_simulator(seed=3, speed=0, now=start) as simulator:
            told = await simulator.team("Twin", people=12, temperament={"bounce": 0.2, "reply": 0.3})
            async with httpx.AsyncClient(
                base_url=f"{simulator.base_url}/v2", headers={"authorization": f"Bearer {told['api_key']}"}
            ) as api:
                people = (await api.get("/people?sort_direction=ASC&per_page=100")).json()["data"]
                for person in people[::order]:
                    await add(api, person["id"], told["cadences"][0]["id"])
            await simulator.advance(timedelta(days=30).total_seconds())
            entries = await simulator.life(told["team_id"])
            return sorted((entry["at"], entry["kind"]) for entry in entries if "person_id" in entry)

    first = await lived(1)
    assert first == await lived(-1)
    assert "email.replies" in {kind for _, kind in first}
