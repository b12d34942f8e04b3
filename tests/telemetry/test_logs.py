"""What reaches a log line, from our loggers and from the libraries', and what must never reach one."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import orjson
import pytest
import structlog

from telemetry import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def former_configuration() -> Iterator[None]:
    """Puts the process's logging back, for other tests' sake."""
    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    quieter = {name: logging.getLogger(name).level for name in ("httpx", "httpcore", "uvicorn.access")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, former in quieter.items():
        logging.getLogger(name).setLevel(former)
    logging.captureWarnings(capture=False)
    structlog.configure(**configuration)
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_its_level_logger_and_time() -> None:
    stream = io.StringIO()
    logs.configure_json(stream, level="info")
    structlog.get_logger("consumers.loop").info("batch_committed", records=3)
    (line,) = lines(stream)
    assert line.pop("timestamp", "") != ""
    assert line == {"event": "batch_committed", "records": 3, "level": "info", "logger": "consumers.loop"}


def test_a_librarys_line_passes_the_same_processors() -> None:
    stream = io.StringIO()
    logs.configure_json(stream, level="info")
    with logs.belonging_to(correlation_id="cor-1", organization_id="org-1"):
        logging.getLogger("aiokafka.conn").warning("closing %s for %s", "a:9092", "ann@acme.example", extra={"node": 1})
    (line,) = lines(stream)
    assert line["event"] == "closing a:9092 for [e-mail]"
    assert (line["correlation_id"], line["organization_id"], line["node"]) == ("cor-1", "org-1", 1)
    assert (line["logger"], line["level"]) == ("aiokafka.conn", "warning")


def test_uvicorns_own_handlers_are_taken_off() -> None:
    uvicorn = logging.getLogger("uvicorn")
    uvicorn.addHandler(logging.NullHandler())
    uvicorn.propagate = False
    stream = io.StringIO()
    logs.configure_json(stream, level="info")
    logging.getLogger("uvicorn.error").info("started")
    assert uvicorn.handlers == []
    assert [line["event"] for line in lines(stream)] == ["started"]


def test_what_a_line_belongs_to_ends_with_its_block() -> None:
    stream = io.StringIO()
    logs.configure_json(stream, level="info")
    log = structlog.get_logger("web")
    with logs.belonging_to(correlation_id="cor-1"):
        log.info("inside")
    log.info("outside")
    inside, outside = lines(stream)
    assert inside["correlation_id"] == "cor-1"
    assert "organization_id" not in inside
    assert "correlation_id" not in outside


def test_an_exception_is_redacted_with_its_traceback() -> None:
    stream = io.StringIO()
    logs.configure_json(stream, level="info")
    try:
        int("no connection with postgres://app:hunter2@db:5432/x")
    except ValueError:
        structlog.get_logger("storage").exception("connect_failed")
        logging.getLogger("asyncpg").exception("connect failed")
    ours, theirs = lines(stream)
    for line in (ours, theirs):
        assert "ValueError" in str(line["exception"])
        assert "postgres://app:[redacted]@db:5432/x" in str(line["exception"])
    assert "hunter2" not in stream.getvalue()


def test_below_the_level_nothing_is_written() -> None:
    stream = io.StringIO()
    logs.configure_json(stream, level="WARNING")
    structlog.get_logger("web").info("quiet")
    logging.getLogger("aiokafka").info("quiet")
    logging.getLogger("httpx").info("HTTP Request: GET https://api.example/people?email=ann%40acme.example")
    assert stream.getvalue() == ""


def test_a_request_line_of_the_http_client_is_left_out_and_its_warning_is_not() -> None:
    stream = io.StringIO()
    logs.configure_json(stream, level="info")
    logging.getLogger("httpx").info("HTTP Request: GET https://api.example/people/1")
    logging.getLogger("httpx").warning("pool is full")
    assert [line["event"] for line in lines(stream)] == ["pool is full"]


def test_an_unknown_level_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="loud"):
        logs.configure_json(io.StringIO(), level="loud")


def test_a_terminal_gets_readable_lines_and_no_secret() -> None:
    stream = Terminal()
    logs.configure_for(stream, level="info")
    structlog.get_logger("web").info("signed_in", access_token="s3cr3t", by="ann@acme.example")
    assert "signed_in" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
    assert "s3cr3t" not in stream.getvalue()
    assert "ann@acme.example" not in stream.getvalue()


def test_anything_but_a_terminal_gets_json() -> None:
    stream = io.StringIO()
    logs.configure_for(stream, level="info")
    at = datetime(2026, 11, 23, tzinfo=UTC)
    structlog.get_logger("web").info("signed_in", at=at, by=UUID(int=7), arr=Decimal("1.50"))
    (line,) = lines(stream)
    assert line["at"] == "2026-11-23T00:00:00+00:00"
    assert line["by"] == "00000000-0000-0000-0000-000000000007"
    assert line["arr"] == "1.50"


@pytest.mark.parametrize("value", [2**80, "half \ud800 a pair", float("nan"), object, {1: {2, 3}}])
def test_no_value_costs_a_line(value: object) -> None:
    stream = io.StringIO()
    logs.configure_json(stream, level="info")
    structlog.get_logger("web").info("signed_in", value=value)
    assert json.loads(stream.getvalue())["event"] == "signed_in"


def complaint(created: float, message: str = "node %s is away", name: str = "aiokafka.conn") -> logging.LogRecord:
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, message, (1,), None)
    record.created = created
    return record


def test_a_library_that_repeats_itself_is_written_seldom_and_told_how_often() -> None:
    seldom = logs.SeldomAgain("aiokafka", seconds=10)
    assert [seldom.filter(complaint(at)) for at in (0.0, 0.1, 9.9)] == [True, False, False]
    later = complaint(10.0)
    assert seldom.filter(later)
    assert vars(later)["repeated"] == 2


def test_what_is_another_message_or_another_librarys_is_written() -> None:
    seldom = logs.SeldomAgain("aiokafka", seconds=10)
    records = [
        complaint(0),
        complaint(0, "group %s is lost"),
        complaint(0, name="consumers.loop"),
        complaint(0, name="consumers.loop"),
    ]
    assert all(seldom.filter(record) for record in records)


def test_how_often_it_was_said_is_on_the_line() -> None:
    stream = io.StringIO()
    logs.configure_json(stream, level="info")
    handler = logging.getLogger().handlers[0]
    for at in (100.0, 100.5, 120.0):
        handler.handle(complaint(at))
    assert [line.get("repeated") for line in lines(stream)] == [None, 1]
