"""The cursor's promises against a model of Salesloft's lists: nothing missed, nothing twice."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salesloft_client import ChangeCursor, CursorPosition, CursorSettings, CursorStuck, MalformedResponse, Origin
from salesloft_client.cursor import PageRequest

START = datetime(2026, 1, 1, tzinfo=UTC)
ORIGIN = Origin(method="GET", path="/cadence_memberships")
SETTLE = 5
TICK = timedelta(microseconds=1)


def at(tick: int) -> datetime:
    return START + tick * TICK


@dataclass(frozen=True)
class Row:
    id: int
    updated_at: datetime


@dataclass
class Table:
    """Rows with the tick of their change, seen by readers from the tick of their commit, at most SETTLE later."""

    now: int = 0
    rows: dict[int, int] = field(default_factory=dict)
    pending: list[tuple[int, int, int]] = field(default_factory=list)  # commit tick, id, changed tick
    order: int = 1
    requests: int = 0

    def change(self, row_id: int, late: int) -> None:
        self.pending = [entry for entry in self.pending if entry[1] != row_id]
        self.pending.append((self.now + late, row_id, self.now))
        self._commit()

    def delete(self, row_id: int) -> None:
        self.pending = [entry for entry in self.pending if entry[1] != row_id]
        self.rows.pop(row_id, None)

    def pass_time(self, ticks: int) -> None:
        self.now += ticks
        self._commit()

    def _commit(self) -> None:
        for commit, row_id, changed in sorted(self.pending):
            if commit <= self.now:
                self.rows[row_id] = changed
        self.pending = [entry for entry in self.pending if entry[0] > self.now]

    def read(self, request: PageRequest) -> tuple[list[Row], bool]:
        self.requests += 1
        found = sorted(
            (Row(row_id, at(tick)) for row_id, tick in self.rows.items()),
            key=lambda row: (row.updated_at, row.id * self.order),
        )
        found = [row for row in found if request.updated_from <= row.updated_at <= request.updated_to]
        first = (request.page - 1) * request.per_page
        return found[first : first + request.per_page], len(found) > first + request.per_page


# What may happen between two requests, or between two cycles.
change = st.tuples(st.just("change"), st.integers(1, 12), st.integers(0, SETTLE))
delete = st.tuples(st.just("delete"), st.integers(1, 12), st.just(0))
wait = st.tuples(st.just("wait"), st.just(0), st.integers(1, 4))
restart = st.tuples(st.just("restart"), st.just(0), st.just(0))
happenings = st.lists(st.lists(st.one_of(change, change, delete, wait, restart), max_size=6), max_size=25)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2)), max_size=20),
    script=happenings,
    per=st.integers(1, 4),
)
def test_nothing_is_missed_and_nothing_read_twice(
    before: list[tuple[int, int]], script: list[list[tuple[str, int, int]]], per: int
) -> None:
    table = Table()
    for row_id, ticks in before:
        table.pass_time(ticks)
        table.change(row_id, 0)
    position = CursorPosition(updated_at=START)
    delivered: list[tuple[int, datetime]] = []
    events = iter(script)

    def happen() -> bool:
        restarted = False
        for kind, row_id, ticks in next(events, []):
            if kind == "change":
                table.change(row_id, ticks)
            elif kind == "delete":
                table.delete(row_id)
            elif kind == "wait":
                table.pass_time(ticks)
            else:
                restarted = True
        return restarted

    for last in [False] * 12 + [True]:
        table.pass_time(SETTLE + 1 if last else 0)
        cursor = ChangeCursor[Row](
            position, read_to=at(table.now - SETTLE), origin=ORIGIN, settings=CursorSettings(per_page=per)
        )
        while (request := cursor.request) is not None:
            rows, has_more = table.read(request)
            # The table moves on while the answer is on its way, but not in the last cycle, which has to see all.
            stopped = False if last else happen()
            batch = cursor.feed(rows, has_more=has_more)
            position = CursorPosition.from_json(batch.position.to_json())
            delivered += [(row.id, row.updated_at) for row in batch.rows]
            if stopped:
                break

    alive = {(row_id, at(tick)) for row_id, tick in table.rows.items()}
    assert alive <= set(delivered)
    assert len(delivered) == len(set(delivered))


def read_all(table: Table, per_page: int, **limits: int) -> tuple[list[int], CursorPosition]:
    cursor = ChangeCursor[Row](
        CursorPosition(updated_at=START),
        read_to=at(table.now),
        origin=ORIGIN,
        settings=CursorSettings(per_page=per_page, **limits),
    )
    ids: list[int] = []
    while (request := cursor.request) is not None:
        rows, has_more = table.read(request)
        ids += [row.id for row in cursor.feed(rows, has_more=has_more).rows]
    return ids, cursor.position


def test_reading_costs_the_pages_that_the_rows_fill() -> None:
    table = Table()
    for row_id in range(1, 1001):
        table.pass_time(1)
        table.change(row_id, 0)
    ids, _ = read_all(table, 100)
    assert ids == list(range(1, 1001))
    assert table.requests <= 11  # each page begins with the last row of the one before


def test_a_run_of_one_timestamp_is_read_until_two_readings_agree() -> None:
    table = Table(rows=dict.fromkeys(range(1, 8), 3), now=10)
    table.rows[8] = 4
    cursor = ChangeCursor[Row](
        CursorPosition(updated_at=at(3)), read_to=at(10), origin=ORIGIN, settings=CursorSettings(per_page=3)
    )
    got: list[int] = []
    pages: list[int] = []
    while (request := cursor.request) is not None:
        pages.append(request.page)
        rows, has_more = table.read(request)
        got += [row.id for row in cursor.feed(rows, has_more=has_more).rows]
        if len(pages) == 1:
            table.rows[1] = 5  # leaves page 1, so that row 4 moves onto it unread
    assert pages == [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]
    assert sorted(got) == [1, 1, 2, 3, 4, 5, 6, 7, 8]  # row 1 changed, and both versions were read


def test_ties_without_a_fixed_order_are_not_trusted() -> None:
    class Shuffling(Table):
        def read(self, request: PageRequest) -> tuple[list[Row], bool]:
            self.order = -self.order
            return super().read(request)

    with pytest.raises(CursorStuck) as caught:
        read_all(Shuffling(rows=dict.fromkeys(range(1, 8), 3), now=10), 3, most_readings=4)
    assert caught.value.instant == at(3)


def test_more_ties_than_the_pages_may_hold_are_an_error() -> None:
    with pytest.raises(CursorStuck, match="5 pages"):
        read_all(Table(rows=dict.fromkeys(range(1, 20), 3), now=10), 3, deepest_page=5)


def test_a_finished_run_leaves_no_ids_behind() -> None:
    ids, position = read_all(Table(rows=dict.fromkeys(range(1, 8), 3), now=10), 3)
    assert ids == [1, 2, 3, 4, 5, 6, 7]
    assert position == CursorPosition(updated_at=at(4))


def test_rows_outside_of_what_was_asked_are_refused_or_left() -> None:
    cursor = ChangeCursor[Row](CursorPosition(updated_at=at(5)), read_to=at(8), origin=ORIGIN)
    with pytest.raises(MalformedResponse):
        cursor.feed([Row(1, at(4))], has_more=False)
    with pytest.raises(MalformedResponse):
        cursor.feed([Row(1, at(7)), Row(2, at(6))], has_more=False)
    batch = cursor.feed([Row(1, at(7)), Row(2, at(9))], has_more=True)
    assert [row.id for row in batch.rows] == [1]
    assert cursor.request is None


def test_a_request_has_microseconds_and_its_own_sorting() -> None:
    berlin = datetime.fromisoformat("2026-01-22T01:22:45.587713+01:00")
    request = PageRequest(updated_from=berlin, updated_to=berlin, page=2, per_page=100)
    assert request.query() == (
        ("updated_at[gte]", "2026-01-22T00:22:45.587713Z"),
        ("updated_at[lte]", "2026-01-22T00:22:45.587713Z"),
        ("sort_by", "updated_at"),
        ("sort_direction", "ASC"),
        ("per_page", "100"),
        ("page", "2"),
    )


def test_a_position_keeps_the_type_of_its_ids() -> None:
    position = CursorPosition(updated_at=at(3), seen=frozenset({7, "7", "sent_email-1"}))
    assert CursorPosition.from_json(position.to_json()) == position
    with pytest.raises(ValueError, match="position"):
        CursorPosition.from_json(b"[]")
