"""Structured logs: one line an event, JSON in production and readable on a terminal.

Our own loggers (``structlog.get_logger(__name__)``) and the libraries' (aiokafka, asyncpg, uvicorn, httpx through the
standard library's ``logging``) end in one handler and pass the same processors, redaction last, so that nothing a
library writes goes around it. What a line belongs to is bound once with :func:`belonging_to` and found on every line
under it.
"""

import json
import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.typing import Processor

from telemetry.redaction import redact_value

__all__ = ["LEVELS", "SeldomAgain", "belonging_to", "configure_console", "configure_for", "configure_json"]

LEVELS: Final = ("debug", "info", "warning", "error", "critical")

# Chattier than what they tell: a request's line names its whole URL, and the metrics count requests already.
_QUIETER: Final = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "mcp": logging.WARNING,
    "uvicorn.access": logging.WARNING,
}
_REPETITIVE: Final = ("aiokafka",)
_AGAIN_AFTER_SECONDS: Final = 10.0
# uvicorn hangs handlers of its own on these when it is started with its default configuration.
_REROUTED: Final = ("uvicorn", "uvicorn.error", "uvicorn.access")


class SeldomAgain(logging.Filter):
    """Lets a library say the same thing once in ``seconds``; ``repeated`` then tells how often it said it meanwhile.

    A client whose broker is away complains some hundred times a second, and what else happens drowns in it. The same is
    what has the same logger, level and message before its arguments; of records that come late, ``created`` decides.
    """

    def __init__(self, *prefixes: str, seconds: float) -> None:
        super().__init__()
        self._prefixes = prefixes
        self._seconds = seconds
        self._told: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(self._prefixes):
            return True
        key = (record.name, record.levelno, str(record.msg))
        told_at, repeated = self._told.get(key, (float("-inf"), 0))
        if record.created - told_at < self._seconds:
            self._told[key] = (told_at, repeated + 1)
            return False
        if repeated:
            record.repeated = repeated
        self._told[key] = (record.created, 0)
        return True


def configure_for(stream: TextIO, *, level: str) -> None:
    """Readable lines when the stream is a terminal, JSON lines when it is anything else."""
    if stream.isatty():
        configure_console(stream, level=level)
    else:
        configure_json(stream, level=level)


def configure_json(stream: TextIO, *, level: str) -> None:
    """One JSON object a line: ``event``, ``level``, ``logger``, ``timestamp`` (UTC) and what the event carries."""
    # A traceback becomes text before redaction, because an exception's message may hold what must not be written.
    _configure(
        stream, level, (structlog.processors.format_exc_info, _redact, structlog.processors.JSONRenderer(_dumps))
    )


def configure_console(stream: TextIO, *, level: str) -> None:
    """Aligned, coloured lines for a person at a terminal."""
    _configure(stream, level, (structlog.processors.format_exc_info, _redact, structlog.dev.ConsoleRenderer()))


@contextmanager
def belonging_to(*, correlation_id: str | None, organization_id: str | None = None) -> Iterator[None]:
    """Every line inside carries these ids, in this task and in those it starts."""
    bound = {"correlation_id": correlation_id, "organization_id": organization_id}
    with structlog.contextvars.bound_contextvars(**{name: value for name, value in bound.items() if value is not None}):
        yield


def _configure(stream: TextIO, level: str, ending: tuple[Processor, ...]) -> None:
    if level.lower() not in LEVELS:
        raise ValueError(f"log level {level!r} is none of {', '.join(LEVELS)}")
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: tuple[Processor, ...] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(SeldomAgain(*_REPETITIVE, seconds=_AGAIN_AFTER_SECONDS))
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(number)
    for name in _REROUTED:
        rerouted = logging.getLogger(name)
        rerouted.handlers.clear()
        rerouted.propagate = True
    for name, quieter in _QUIETER.items():
        logging.getLogger(name).setLevel(max(quieter, number))
    logging.captureWarnings(capture=True)


def _redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: redact_value(key, value) for key, value in event.items()}


def _dumps(event: object, **_ignored: object) -> str:
    # Instants, ids and decimals are left by redaction as they are, and are text in JSON.
    try:
        return orjson.dumps(event, default=str).decode()
    except orjson.JSONEncodeError:
        # An integer beyond 64 bits, or text with half a surrogate pair: slower, but a line is never lost.
        return json.dumps(event, default=str)
