"""The trace context over Kafka's headers, with an SDK's provider and without any."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags
from opentelemetry.util.types import Attributes

from telemetry.traces import LINK_LIMIT, Headers, MessagingTraces, traceparent


def parent(number: int) -> list[tuple[str, bytes]]:
    return [
        ("ce_id", b"\xff\xfe"),
        ("traceparent", f"00-{number:032x}-{number:016x}-01".encode()),
        ("tracestate", b"a=1"),
    ]


class Opened:
    def __init__(self, name: str, kind: SpanKind, attributes: Attributes, links: Sequence[Link]) -> None:
        self.name, self.kind, self.attributes, self.links = name, kind, dict(attributes or {}), list(links)


class RecordingTracer(trace.Tracer):
    """What an SDK's tracer is to us: it opens spans of its own trace and remembers how they were asked for."""

    def __init__(self) -> None:
        self.opened: list[Opened] = []

    def start_span(self, *_args: object, **_kwargs: object) -> trace.Span:
        raise AssertionError("only current spans are opened")

    @contextmanager
    def start_as_current_span(  # type: ignore[override] # the API wraps its own in a class that is not exported
        self,
        name: str,
        context: Context | None = None,  # noqa: ARG002 - the API's own signature
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        **_ignored: object,
    ) -> Iterator[trace.Span]:
        self.opened.append(Opened(name, kind, attributes, links or ()))
        span = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))
        with trace.use_span(span):
            yield span


@dataclass
class Record:
    headers: Headers
    topic: str = "t"


class Untouchable:
    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("without a tracer no header is read")


def test_a_batch_is_one_span_that_links_to_each_producer_once() -> None:
    tracer = RecordingTracer()
    batch = [parent(1), parent(2), parent(1), [], [("traceparent", b"bad")], [("traceparent", b"\xff")]]
    with MessagingTraces(tracer).processing("lifecycle", "g", map(Record, batch)):
        pass
    (span,) = tracer.opened
    assert (span.name, span.kind) == ("process t", SpanKind.CONSUMER)
    assert [link.context.trace_id for link in span.links] == [1, 2]
    assert span.attributes == {
        "messaging.system": "kafka",
        "messaging.destination.name": "t",
        "messaging.consumer.group.name": "g",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.batch.message_count": 6,
    }


def test_a_batch_of_several_topics_has_the_name_of_its_handler() -> None:
    tracer = RecordingTracer()
    with MessagingTraces(tracer).processing("lifecycle", "g", [Record(parent(1)), Record(parent(2), "other")]):
        pass
    (span,) = tracer.opened
    assert span.name == "process lifecycle"
    assert "messaging.destination.name" not in span.attributes


def test_links_are_bounded() -> None:
    tracer = RecordingTracer()
    with MessagingTraces(tracer).sending("t", [parent(number) for number in range(1, 3 * LINK_LIMIT)]):
        pass
    assert len(tracer.opened[0].links) == LINK_LIMIT
    assert tracer.opened[0].attributes["messaging.batch.message_count"] == 3 * LINK_LIMIT - 1


def test_what_is_made_in_a_span_carries_it_and_else_its_causes_context() -> None:
    cause = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    with MessagingTraces(RecordingTracer()).processing("t", "g", [Record(parent(1))]):
        assert traceparent(cause) == f"00-{0xABC:032x}-{0xDEF:016x}-01"
    assert traceparent(cause) == cause
    assert traceparent(None) is None


def test_without_a_tracer_no_header_is_read() -> None:
    traces = MessagingTraces(None)
    with traces.processing("t", "g", Untouchable()), traces.sending("t", Untouchable()):
        pass


@pytest.mark.skipif("OTEL_PYTHON_TRACER_PROVIDER" in os.environ, reason="this environment configures an SDK")
def test_without_an_sdk_there_is_no_tracer() -> None:
    with MessagingTraces.configured().processing("t", "g", Untouchable()):
        assert not trace.get_current_span().get_span_context().is_valid
