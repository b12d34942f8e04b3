"""A membership's POST or DELETE is made again only where Salesloft has certainly not carried it out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salesloft_client import (
    BusinessClock,
    CursorStuck,
    NotSent,
    Origin,
    OutcomeUnknown,
    SalesloftError,
    Throttled,
    Unauthorized,
    Wire,
)
from salesloft_client.retry import AfterRefresh, AfterTurn, Again, Attempts, GiveUp, Repeat, RetrySettings
from tests.salesloft_client.doubles import ENROLL, FAILED, MEMBERSHIP, NO_TOKEN, SPENT, Refreshing
from tests.salesloft_client.scripted import Reply, Reset, ScriptedServer, client_of, in_turn, json_reply

NOW = datetime(2026, 1, 5, 10, 0, 58, tzinfo=UTC)
ORIGIN = Origin(method="POST", path="/cadence_memberships")
NOT_CARRIED_OUT = (Unauthorized, Throttled, NotSent)


def every_error() -> Iterator[SalesloftError]:
    """One of each class that the client can raise, found by their tree: a new one is held to the rule as well."""
    classes = [SalesloftError]
    while classes:
        kind = classes.pop()
        classes += kind.__subclasses__()
        more: dict[str, Any] = {}
        if issubclass(kind, Throttled):
            more = {"retry_at": NOW, "retry_after_s": 1.0}
        elif issubclass(kind, CursorStuck):
            more = {"instant": NOW}
        else:
            more = {"status": 500}
        yield kind("trouble", origin=ORIGIN, **more)


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: type(error).__name__)
def test_a_write_is_made_again_after_three_kinds_of_failure_alone(error: SalesloftError) -> None:
    verdict = Attempts(Repeat.WRITE, RetrySettings()).after(error)
    assert isinstance(verdict, Again | AfterRefresh | AfterTurn) is isinstance(error, NOT_CARRIED_OUT)


def test_a_second_401_is_final() -> None:
    attempts = Attempts(Repeat.WRITE, RetrySettings())
    refused = Unauthorized("no", origin=ORIGIN, status=401)
    assert attempts.after(refused) == AfterRefresh()
    assert attempts.after(refused) == GiveUp(refused)


TROUBLES: dict[str, Reply | Reset] = {
    "401": NO_TOKEN,
    "429": SPENT,
    "200": MEMBERSHIP,
    "201": Reply(201, MEMBERSHIP.body),
    "302": Reply(302),
    "404": json_reply({"error": "Not Found"}, 404),
    "408": Reply(408),
    "409": json_reply({"error": "conflict"}, 409),
    "422": json_reply({"errors": {"person_id": ["has contact restrictions"]}}, 422),
    "500": FAILED,
    "503": Reply(503, b"<html>"),
    "reset": Reset(),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(st.sampled_from(sorted(TROUBLES)), min_size=1, max_size=6), removes=st.booleans())
async def test_a_membership_is_asked_for_no_more_often_than_it_was_refused_unseen(
    server: ScriptedServer, shared: Wire, answers: list[str], removes: bool
) -> None:
    """However Salesloft answers: the request goes out again only after a 401, once, and after a 429."""
    leading = 0
    for answer in answers:
        if answer != "429" and (answer != "401" or "401" in answers[:leading]):
            break
        leading += 1
    given_up = ["500"]  # behind the list, should it be read to its end
    server.script = in_turn(*(TROUBLES[answer] for answer in [*answers, *given_up]))
    server.asked.clear()
    clock = BusinessClock(now=_moving().__next__, speed=lambda: 1e6, recheck_s=0.0)
    client = client_of(server.url, shared, tokens=Refreshing(), clock=clock)
    try:
        if removes:
            await client.delete_membership(7)
        else:
            await client.create_membership(ENROLL)
        ended: str | None = None
    except SalesloftError as error:
        ended = type(error).__name__
    assert len(server.asked) == leading + 1
    last = [*answers, *given_up][leading]
    if last in {"302", "408", "500", "503", "reset"}:
        assert ended == OutcomeUnknown.__name__
    else:
        assert (ended is None) is (last in {"200", "201"})


def _moving() -> Iterator[datetime]:
    """A clock of which each reading is in another minute, so that a 429 is no wait."""
    instant = NOW.timestamp()
    while True:
        yield datetime.fromtimestamp(instant, UTC)
        instant += 90
