"""Who calls, by name where it is known, and how much waits in their organization."""

from tests.web.acting import acting
from tests.web.stage import Api
from workflows.organization_settings import change_settings


async def test_the_caller_is_told_by_name_and_what_waits_is_counted_as_far_as_anybody_reads_it(api: Api) -> None:
    desk = await acting(api)
    await desk.add("sth-1", claims={"role": "admin"})
    told = (await desk.call("GET", "/api/salesloft/me", role="csm", sub="usr-1")).json()
    assert (told["user_id"], told["role"], told["organization_id"]) == ("usr-1", "csm", api.organization_id)
    assert told["name"] == api.team["users"][1]["name"]
    assert (told["approvals_waiting"], told["more_approvals_wait"]) == (1, False)
    await api.fetch(
        "INSERT INTO enrollments SELECT made.* FROM enrollments e, generate_series(1, 99) AS n,"
        " LATERAL jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(),"
        " 'correlation_id', n)) AS made"
    )
    told = (await desk.call("GET", "/api/salesloft/me", role="viewer", sub="usr-nobody")).json()
    assert (told["name"], told["approvals_waiting"], told["more_approvals_wait"]) == (None, 99, True)
    elsewhere = (await desk.call("GET", "/api/salesloft/me", organization_id="org-else")).json()
    assert elsewhere["approvals_waiting"] == 0


async def test_what_a_caller_may_decide_about_is_counted_by_itself(api: Api) -> None:
    desk = await acting(api)
    # One is of usr-1's customer, the other of usr-2's, who asked for it.
    await desk.add("sth-1", claims={"role": "admin", "sub": "usr-7"})
    await desk.add("sth-2", claims={"role": "csm", "sub": "usr-2"})

    async def counted(role: str, user_id: str) -> int:
        claims = {"role": role, "sub": user_id}
        told = (await desk.call("GET", "/api/salesloft/me", **claims)).json()
        listed = (await desk.call("GET", "/api/salesloft/approvals", **claims)).json()["items"]
        assert len(listed) == told["approvals_waiting"] == 2
        assert sum(one["may_decide"] for one in listed) == told["approvals_to_decide"]
        assert told["more_to_decide"] is False
        return int(told["approvals_to_decide"])

    callers = (("viewer", "usr-1"), ("csm", "usr-1"), ("csm", "usr-2"), ("manager", "usr-7"), ("admin", "usr-9"))
    assert [await counted(*caller) for caller in callers] == [0, 1, 0, 1, 2]
    async with api.database.transaction() as connection:
        chosen = {"self_approval_allowed": True}
        await change_settings(connection, api.organization_id, chosen, by="usr-1", now=api.clock.now())
    assert [await counted(*caller) for caller in callers] == [0, 1, 1, 2, 2]
    async with api.database.transaction() as connection:
        chosen = {"decided_on_our_page": False}
        await change_settings(connection, api.organization_id, chosen, by="usr-1", now=api.clock.now())
    assert [await counted(*caller) for caller in callers] == [0, 0, 0, 0, 0]
