"""`stops`, as an operator types them."""

import re

from tests.service.operating import Operator


async def test_stop_list_and_start_again(operator: Operator) -> None:
    code, told = await operator.types("stops", "list", "org-1")
    assert (code, told) == (0, "nothing is stopped")
    code, told = await operator.types("stops", "stop", "org-1", "--reason", "wrong template", "--pause")
    assert code == 0
    stop_id = re.fullmatch(r"stopped: (\S+)", told)
    assert stop_id is not None
    code, told = await operator.types(
        *("stops", "stop", "org-1", "--customer", "cus-7", "--reason", "asked to", "--until", "2099-01-01T00:00:00")
    )
    assert code == 0
    code, told = await operator.types("stops", "list", "org-1")
    assert code == 0
    assert "wrong template" in told
    assert "customer cus-7" in told
    assert "2099-01-01 00:00 UTC" in told
    assert "nothing is stopped" in (await operator.types("stops", "list", "org-2"))[1]
    assert await operator.types("stops", "start", "org-1", stop_id[1]) == (0, "started")
    code, told = await operator.types("stops", "list", "org-1")
    assert "wrong template" not in told
    assert "asked to" in told
    code, told = await operator.types("stops", "start", "org-1", stop_id[1])
    assert code == 1
    assert "StopInvalid" in told


async def test_what_cannot_be_stopped_is_said_in_a_line(operator: Operator) -> None:
    code, told = await operator.types("stops", "stop", "org-1", "--cadence", "9", "--reason", "so")
    assert (code, told) == (1, "StopInvalid: org-1 has no cadence 9")
    code, told = await operator.types(
        "stops", "stop", "org-1", "--cadence", "9", "--customer", "cus-7", "--reason", "so"
    )
    assert code == 2
