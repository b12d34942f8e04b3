"""The published figures over HTTP: a day's three ratios with their counts, the latest day first."""

from datetime import UTC, datetime, timedelta
from typing import Any

from enrollment.accuracy import Counted
from storage import figures, organizations
from storage.figures import FiguresRow
from tests.web.stage import Api

PATH = "/api/salesloft/figures"
DAY = timedelta(days=1)


async def publish(api: Api, day: datetime, *, right: int = 4, organization_id: str | None = None) -> None:
    row = FiguresRow(
        organization_id=organization_id or api.organization_id,
        since=day,
        until=day + DAY,
        accuracy=Counted(right, 4),
        completeness=Counted(7, 7),
        consistency=Counted(0, 0),
    )
    async with api.database.transaction() as connection:
        await organizations.ensure(connection, [row.organization_id], day)
        assert await figures.add(connection, row, day + DAY + timedelta(minutes=5))


async def look(api: Api, query: str) -> dict[str, Any]:
    answer = await api.http.get(f"{PATH}{query}", headers=api.headers(role="viewer"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_each_day_is_told_the_latest_first_a_page_at_a_time(api: Api) -> None:
    first = datetime(2026, 11, 1, tzinfo=UTC)
    for number in range(3):
        await publish(api, first + number * DAY, right=number + 2)
    await publish(api, first, organization_id="org-of-others")
    latest = await look(api, "?limit=2")
    rest = await look(api, f"?limit=2&cursor={latest['next_cursor']}")
    assert rest["next_cursor"] is None
    told = [*latest["items"], *rest["items"]]
    assert [one["accuracy"]["part"] for one in told] == [4, 3, 2]
    assert told[0] == {
        "from": "2026-11-03T00:00:00.000000Z",
        "to": "2026-11-04T00:00:00.000000Z",
        "accuracy": {"ratio": 1.0, "part": 4, "whole": 4},
        "completeness": {"ratio": 1.0, "part": 7, "whole": 7},
        "consistency": {"ratio": None, "part": 0, "whole": 0},
        "counted_at": "2026-11-04T00:05:00.000000Z",
    }
