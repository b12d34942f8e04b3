"""How much a caller may ask in a while: by the bucket alone, and over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.salesloft.server import SimulatorClient
from storage.pool import Database
from tests.web.stage import Api, running_api
from tests.web.test_connection import refused
from web.rate_limits import Buckets, Rate

ANN, BEN = ("org-1", "usr-1"), ("org-1", "usr-2")
PATH = "/api/salesloft/capabilities"
THREE = Rate(per_minute=6, burst=3)


class _Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> _Time:
    return _Time()


@pytest.fixture
async def limited(simulator: SimulatorClient, database: Database, migrated: str, time: _Time) -> AsyncIterator[Api]:
    async with running_api(simulator, database, migrated, buckets=Buckets(THREE, clock=time)) as api:
        yield api


def test_a_burst_may_come_at_once_and_then_one_in_each_interval(time: _Time) -> None:
    buckets = Buckets(THREE, clock=time)
    assert [buckets.take(ANN).left for _ in range(3)] == [2, 1, 0]
    assert buckets.take(ANN).again_in_s == pytest.approx(10)
    # What is refused takes nothing.
    assert buckets.take(ANN).again_in_s == pytest.approx(10)
    assert buckets.take(BEN).left == 2
    time.now += 9
    assert buckets.take(ANN).again_in_s == pytest.approx(1)
    time.now += 1
    assert buckets.take(ANN).again_in_s is None
    assert buckets.take(ANN).again_in_s == pytest.approx(10)
    time.now += 3600
    assert buckets.take(ANN).left == 2


@given(st.lists(st.floats(0, 40), max_size=60), st.integers(1, 5))
def test_nobody_gets_more_than_a_burst_and_what_the_time_brings(pauses: list[float], burst: int) -> None:
    time, rate = _Time(), Rate(per_minute=6, burst=burst)
    buckets, granted = Buckets(rate, clock=time), 0
    began = time.now
    for pause in pauses:
        time.now += pause
        taken = buckets.take(ANN)
        granted += taken.again_in_s is None
        assert granted <= burst + (time.now - began) / rate.interval_s + 1e-3
        assert 0 <= taken.left < burst
        if taken.again_in_s is not None:
            # Whoever waits as long as they are told to is let through.
            time.now += taken.again_in_s
            assert buckets.take(ANN).again_in_s is None
            granted += 1


def test_however_many_callers_there_are_so_many_are_kept(time: _Time) -> None:
    buckets = Buckets(THREE, clock=time, most=100)
    for number in range(1000):
        buckets.take(("org-1", f"usr-{number}"))
        buckets.take(ANN)
    assert len(buckets) == 100
    assert buckets.take(ANN).again_in_s is not None


async def test_who_asks_too_often_is_told_when_to_come_again(limited: Api, time: _Time) -> None:
    first = await limited.http.get(PATH, headers=limited.headers())
    assert first.status_code == 200
    assert (first.headers["ratelimit"], first.headers["ratelimit-policy"]) == (
        '"caller";r=2;t=10',
        '"caller";q=3;w=30',
    )
    # Whatever is asked counts, with whichever of their tokens.
    await limited.http.get("/api/salesloft/nowhere", headers=limited.headers(role="viewer"))
    await limited.http.get(PATH, headers=limited.headers(email="other@cscx.example"))
    answer = await limited.http.get(PATH, headers=limited.headers())
    refused(answer, 429, "too_many_requests")
    assert (answer.headers["retry-after"], answer.headers["ratelimit"]) == ("10", '"caller";r=0;t=30')
    time.now += 10
    assert (await limited.http.get(PATH, headers=limited.headers())).status_code == 200


async def test_one_caller_does_not_use_up_what_is_anothers(limited: Api) -> None:
    answers = [await limited.http.get(PATH, headers=limited.headers()) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    others: list[dict[str, Any]] = [{"sub": "usr-2"}, {"organization_id": "org-else"}]
    for claims in others:
        assert (await limited.http.get(PATH, headers=limited.headers(**claims))).status_code == 200


async def test_who_is_not_known_and_what_salesloft_delivers_is_not_counted(limited: Api) -> None:
    for _ in range(5):
        answer = await limited.http.get(PATH)
        refused(answer, 401, "caller_unknown")
        assert "ratelimit" not in answer.headers
        delivered = await limited.http.post(
            "/api/webhooks/salesloft/00000000-0000-0000-0000-000000000007", headers=limited.headers()
        )
        assert delivered.status_code != 429
        assert "ratelimit" not in delivered.headers


async def test_a_refusal_is_not_kept_under_its_key(limited: Api, time: _Time) -> None:
    """Whoever sends a write again when they are told to has it done."""
    for _ in range(3):
        await limited.http.get(PATH, headers=limited.headers())
    path = "/api/salesloft/organization-settings"
    headers = limited.headers() | {"if-match": "*", "idempotency-key": "k-1"}
    refused(await limited.http.put(path, json={}, headers=headers), 429, "too_many_requests")
    time.now += 10
    assert (await limited.http.put(path, json={}, headers=headers)).status_code == 200
