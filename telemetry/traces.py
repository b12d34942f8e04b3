"""The W3C trace context over Kafka, and the spans of a batch.

Only OpenTelemetry's API is required. Where no SDK is installed and configured a batch opens no span and reads no
header; an event then carries its cause's ``traceparent`` on unchanged, so that a trace of the neighbours does not end
here. With an SDK a batch is one ``process`` span that links to the spans that produced its records (a batch has many
causes and no single parent), and what leaves carries the context of the span it left in.

Attribute names are those of OpenTelemetry's semantic conventions for messaging.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, TypeAlias

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter, Setter
from opentelemetry.trace import Link, ProxyTracerProvider, Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = ["LINK_LIMIT", "Headers", "MessagingTraces", "extract", "inject"]

Headers: TypeAlias = Iterable[tuple[str, bytes]]
"""A record's headers, as aiokafka gives and takes them."""

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


class _HeaderSetter(Setter[list[tuple[str, bytes]]]):
    def set(self, carrier: list[tuple[str, bytes]], key: str, value: str) -> None:
        carrier.append((key, value.encode()))


_PROPAGATOR: Final = TraceContextTextMapPropagator()
_GETTER: Final = _HeaderGetter()
_SETTER: Final = _HeaderSetter()


def inject(headers: list[tuple[str, bytes]]) -> None:
    """Writes the current span's context into a record's headers, in the place of one that is there."""
    context: list[tuple[str, bytes]] = []
    _PROPAGATOR.inject(context, setter=_SETTER)
    if context:
        headers[:] = [header for header in headers if header[0] not in _FIELDS] + context


def extract(headers: Headers) -> Context:
    """The context that a record carries.

    An empty one when it carries none or one that cannot be read, never an error.
    """
    return _PROPAGATOR.extract(_carried(headers), context=Context(), getter=_GETTER)


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

    def processing(self, topic: str, group: str, records: Iterable[Headers]) -> AbstractContextManager[None]:
        """Around one consumed batch.

        ``records`` are the headers of each record; without a tracer they are not looked at.
        """
        if self._tracer is None:
            return _NO_SPAN
        attributes = {"messaging.destination.name": topic, "messaging.consumer.group.name": group}
        return self._span(f"process {topic}", "process", SpanKind.CONSUMER, attributes, records)

    def sending(self, topic: str, records: Iterable[Headers]) -> AbstractContextManager[None]:
        """Around the publication of records that already carry the context they were made in."""
        if self._tracer is None:
            return _NO_SPAN
        return self._span(f"send {topic}", "send", SpanKind.CLIENT, {"messaging.destination.name": topic}, records)

    def stamp(self, headers: list[tuple[str, bytes]], *, cause: Headers) -> None:
        """Gives an outgoing record its context.

        The current span's, and without a tracer the one of the record that caused it.
        """
        if self._tracer is not None:
            inject(headers)
        else:
            headers.extend(header for header in cause if header[0] in _FIELDS)

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
    return {name: value.decode("ascii", "replace") for name, value in headers if name in _FIELDS}


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
