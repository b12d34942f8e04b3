"""What every event of ours carries."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from schemas.registry import ENROLLMENT_CHANGED
from workflows.events import Origin, outgoing

CAUSE = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"


@pytest.mark.parametrize("cause", [CAUSE, None])
def test_the_trace_is_the_spans_and_where_none_is_open_the_causes(cause: str | None) -> None:
    def told() -> object:
        message = outgoing(
            ENROLLMENT_CHANGED,
            id=uuid4(),
            organization_id="org-1",
            key=b"org-1:cus-7",
            subject="s",
            data=b"{}",
            time=datetime.now(UTC),
            origin=Origin("journey-1", "event-1", cause),
        )
        return dict(message.headers).get("traceparent")

    assert told() == cause
    span = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))
    with trace.use_span(span):
        assert told() == f"00-{0xABC:032x}-{0xDEF:016x}-01"
