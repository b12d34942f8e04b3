"""The W3C trace context over Kafka, and the spans of a batch.

Only OpenTelemetry's API is required. Where no SDK is installed and configured a batch opens no span and reads no
header; an event then carries its cause's ``traceparent`` on unchanged, so that a trace of the neighbours does not end
here. With an SDK a batch is one ``process`` span that links to the spans that produced its records (a batch has many
causes and no single parent), and what is made in it carries that span's context.

Attribute names are those of OpenTelemetry's semantic conventions for messaging.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Protocol, TypeAlias

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Link, ProxyTracerProvider, Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = ["LINK_LIMIT", "Headers", "MessagingTraces", "traceparent"]

Headers: TypeAlias = Iterable[tuple[str, bytes]]
"""A record's headers, as aiokafka gives and takes them."""


class Record(Protocol):
    """What a span is told of a consumed record."""

    @property
    def topic(self) -> str: ...
    @property
    def headers(self) -> Headers: ...


LINK_LIMIT: Final = 128
"""How many links a span keeps, the default of OpenTelemetry's SDKs."""

_NAME: Final = "cscx_salesloft"
_FIELDS: Final = ("traceparent", "tracestate")
_NO_SPAN: Final = nullcontext()


class _HeaderGetter(Getter[dict[str, str]]):
    def get(self, carrier: dict[str, str], key: str) -> list[str] | None:
        value = carrier.get(key)
        return None if value is None else [value]

    def keys(self, carrier: dict[str, str]) -> list[str]:
        return list(carrier)


_PROPAGATOR: Final = TraceContextTextMapPropagator()
_GETTER: Final = _HeaderGetter()


def traceparent(cause: str | None) -> str | None:
    """What an event that is made now carries: the current span's context, and where none is open its cause's."""
    span = trace.get_current_span().get_span_context()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}" if span.is_valid else cause


class MessagingTraces:
    """The spans that consumers and producers open: real ones with a tracer, none at all without."""

    __slots__ = ("_tracer",)

    def __init__(self, tracer: Tracer | None) -> None:
        self._tracer = tracer

    @classmethod
    def configured(cls) -> "MessagingTraces":
        """Traces if this process has an SDK by now (one that is set up later is not seen), and none if it has not."""
        provider = trace.get_tracer_provider()
        return cls(None if isinstance(provider, ProxyTracerProvider) else provider.get_tracer(_NAME))

    def processing(self, name: str, group: str, records: Iterable[Record]) -> AbstractContextManager[None]:
        """Around one consumed batch, called by its topic or, of several, by ``name``.

        Without a tracer the records are not looked at.
        """
        if self._tracer is None:
            return _NO_SPAN
        taken = list(records)
        topics = {record.topic for record in taken}
        attributes = {"messaging.consumer.group.name": group}
        if len(topics) == 1:
            (name,) = topics
            attributes["messaging.destination.name"] = name
        headers = (record.headers for record in taken)
        return self._span(f"process {name}", "process", SpanKind.CONSUMER, attributes, headers)

    def sending(self, topic: str, records: Iterable[Headers]) -> AbstractContextManager[None]:
        """Around the publication of records that already carry the context they were made in."""
        if self._tracer is None:
            return _NO_SPAN
        return self._span(f"send {topic}", "send", SpanKind.CLIENT, {"messaging.destination.name": topic}, records)

    @contextmanager
    def _span(
        self,
        name: str,
        operation: str,
        kind: SpanKind,
        attributes: Mapping[str, str],
        records: Iterable[Headers],
    ) -> Iterator[None]:
        if self._tracer is None:
            yield
            return
        links, count = _links(records)
        described: dict[str, str | int] = {
            "messaging.system": "kafka",
            **attributes,
            "messaging.operation.name": operation,
            "messaging.operation.type": operation,
            "messaging.batch.message_count": count,
        }
        with self._tracer.start_as_current_span(name, kind=kind, attributes=described, links=links):
            yield


def _carried(headers: Headers) -> dict[str, str]:
    # A header's value may be null in Kafka, though its client's types do not say so.
    return {name: value.decode("ascii", "replace") for name, value in headers if name in _FIELDS and value is not None}


def _links(records: Iterable[Headers]) -> tuple[list[Link], int]:
    """One link for each span that produced any of the records, up to the limit, and how many records there are."""
    links: dict[str, Link] = {}
    count = 0
    for headers in records:
        count += 1
        carried = _carried(headers)
        parent = carried.get("traceparent")
        if parent is None or parent in links or len(links) == LINK_LIMIT:
            continue
        span: Span = trace.get_current_span(_PROPAGATOR.extract(carried, context=Context(), getter=_GETTER))
        if span.get_span_context().is_valid:
            links[parent] = Link(span.get_span_context())
    return list(links.values()), count
