"""A page of changes names the records that it cannot make sense of, where they can be named."""

from typing import Any

import httpx
import orjson
import pytest

from salesloft_client import ActivityHistory, Email
from salesloft_client.decoding import Page, read_changes
from salesloft_client.errors import Origin
from salesloft_client.wire import Answer

ORIGIN = Origin(method="GET", path="/list", correlation_id="c")
AT = "2026-03-02T14:00:00.000000Z"


def read(model: Any, *rows: Any) -> Page[Any]:
    answer = Answer(status=200, headers=httpx.Headers(), content=orjson.dumps({"data": list(rows)}))
    return read_changes(model, answer, origin=ORIGIN)


@pytest.mark.parametrize(
    ("shown", "named"),
    [(7, (7,)), ("7", (7,)), (None, ()), (True, ()), ("seven", ()), ("7; DROP", ()), ([7], ()), ("9" * 30, ())],
)
def test_a_whole_number_names_a_record(shown: Any, named: tuple[int, ...]) -> None:
    page = read(Email, {"id": shown, "updated_at": "never"}, {"id": 8, "updated_at": AT})
    assert [row.id for row in page.rows] == [8]
    assert (page.unreadable, page.unreadable_ids) == (1, named)


@pytest.mark.parametrize(
    ("shown", "named"), [("sent_email-722488662", ("sent_email-722488662",)), (722, ("722",)), ("\0", ())]
)
def test_a_text_names_an_entry_of_the_feed(shown: Any, named: tuple[str, ...]) -> None:
    page = read(ActivityHistory, {"id": shown, "updated_at": None}, "nothing")
    assert (page.rows, page.unreadable, page.unreadable_ids) == ((), 2, named)
