"""The reference load is what the budgets say it is."""

from datetime import UTC, datetime

from bench.measure.bus import TakenRecord
from bench.measure.load import LIFECYCLE, ORGANIZATIONS, Load
from bench.measure.throughput import produced_like
from consumers.incoming import Sound, read
from schemas.topics import RENEWAL_WINDOW


class _Record:
    """As the client hands it over."""

    topic = RENEWAL_WINDOW.name
    partition = 0
    offset = 0
    timestamp = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1000)

    def __init__(self, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self.key, self.value, self.headers = key, value, headers


def test_every_event_is_one_that_the_service_takes() -> None:
    for record in Load(name="r1", events=3).records():
        assert isinstance(read(_Record(record.key, record.value, list(record.headers))), Sound)


def test_an_event_has_about_a_kilobyte_and_three_stakeholders_of_whom_one_is_the_champion() -> None:
    (record,) = Load(name="r1", events=1).records()
    event = LIFECYCLE.parse(record.value)
    assert 900 < len(record.value) < 1400
    assert [bool(one.is_champion) for one in event.stakeholders or ()] == [True, False, False]


def test_every_event_is_another_customers_and_the_organizations_take_turns() -> None:
    events = [LIFECYCLE.parse(record.value) for record in Load(name="r1", events=200).records()]
    assert len({event.customer.id for event in events}) == 200
    assert len({event.organization_id for event in events}) == ORGANIZATIONS
    segments = {event.customer.segment for event in events if event.organization_id == "org-0"}
    assert segments == {"smb", "mid-market"}


def test_two_rounds_share_no_event() -> None:
    first, second = ({dict(r.headers)["ce_id"] for r in Load(name=name, events=50).records()} for name in ("r1", "r2"))
    assert len(first) == len(second) == 50
    assert not first & second


def test_what_others_are_to_produce_is_the_record_of_middle_size() -> None:
    taken = [TakenRecord(b"key", b"x" * size, [("ce_id", b"1")], 0.0) for size in (10, 1000, 20)]
    output = produced_like("topic", taken)
    assert len(output["value"]) == 28
    assert output["headers"] == [["ce_id", "MQ=="]]
