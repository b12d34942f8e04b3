"""Who calls, by name where it is known, and how much waits in their organization."""

from tests.web.acting import acting
from tests.web.stage import Api


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
