"""An e-mail's cumulative counters to single units, and a logged call to its one.

Salesloft tells how often an e-mail was opened, clicked and answered, never when. Each count above the highest one seen
is one unit. The rules that make the result independent of how often and when a record is read:

* A record whose ``updated_at`` is not after the one last seen is ignored (a webhook and a poll overtake each other).
* The highest count counts. A counter that falls (Salesloft takes back an open) emits nothing, and what it regains up to
the
  highest count was told already.
* Sent and bounced happen once.

So for counters that only rise, any selection of readings that holds the last one, in any order and repeated at will,
yields the same units. Where a counter fell, readings that missed its highest count yield fewer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from activity.records import CallRecord, EmailRecord
from activity.units import Metric, Source, Unit
from schemas.vocabulary import Confidence

__all__ = [
    "BURST_OPENS",
    "BURST_SPACING",
    "MACHINE_OPENS_WITHIN",
    "EmailObservation",
    "EmailSeen",
    "observe_call",
    "observe_email",
    "shown_by_email",
]

MACHINE_OPENS_WITHIN: Final = timedelta(seconds=10)
"""An open this soon after sending is a gateway that scans or a mail program that loads images ahead."""
BURST_OPENS: Final = 3
BURST_SPACING: Final = timedelta(seconds=5)
"""So many opens, so close on average, are a machine's as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSeen:
    """What is remembered of an e-mail: the highest counts, as of the newest reading's ``updated_at``.

    ``sent_at`` is set once the e-mail is known as sent: Salesloft's instant, or the reading's where Salesloft gave
    none.
    """

    updated_at: datetime
    sent_at: datetime | None
    bounced: bool
    views: int
    clicks: int
    replies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailObservation:
    """What one reading of an e-mail yields.

    ``units`` are new, ``known`` is how many of the units that the record shows were told before, ``fallen`` by how many
    units its counters lie below the highest seen. ``len(units) + known`` is what the record shows.
    """

    units: tuple[Unit, ...]
    seen: EmailSeen
    known: int
    fallen: int


def observe_email(before: EmailSeen | None, record: EmailRecord, noticed_at: datetime) -> EmailObservation:
    """The units that this reading shows for the first time.

    ``before`` is what the last reading left, None at the first. For a stakeholder who is linked later, None yields the
    record's units so far; the remembered reading is then kept, not replaced.
    """
    shown = sum(shown_by_email(record).values())
    if before is not None and record.updated_at <= before.updated_at:
        return EmailObservation(units=(), seen=before, known=shown, fallen=0)
    highest = _nothing_seen(record) if before is None else before
    seen = EmailSeen(
        updated_at=record.updated_at,
        sent_at=highest.sent_at or _sent_at(record),
        bounced=highest.bounced or record.bounced,
        views=max(highest.views, record.views),
        clicks=max(highest.clicks, record.clicks),
        replies=max(highest.replies, record.replies),
    )
    units = tuple(_new_units(highest, seen, record, noticed_at))
    fallen = (seen.views - record.views) + (seen.clicks - record.clicks) + (seen.replies - record.replies)
    return EmailObservation(units=units, seen=seen, known=shown - len(units), fallen=fallen)


def shown_by_email(record: EmailRecord) -> dict[Metric, int]:
    """How many units of each metric the record shows."""
    return {
        Metric.EMAIL_SENT: int(_sent_at(record) is not None),
        Metric.EMAIL_OPENED: record.views,
        Metric.EMAIL_CLICKED: record.clicks,
        Metric.EMAIL_REPLIED: record.replies,
        Metric.EMAIL_BOUNCED: int(record.bounced),
    }


def observe_call(record: CallRecord, noticed_at: datetime) -> Unit:
    """A logged call is one unit, however often its record changes afterwards."""
    return Unit(
        metric=Metric.CALL_LOGGED,
        ordinal=1,
        source=Source.CALL,
        source_id=str(record.id),
        person_id=record.person_id,
        cadence_id=record.cadence_id,
        step_id=record.step_id,
        occurred_at=record.created_at,
        occurred_between=None,
        noticed_at=noticed_at,
    )


def _nothing_seen(record: EmailRecord) -> EmailSeen:
    return EmailSeen(updated_at=record.created_at, sent_at=None, bounced=False, views=0, clicks=0, replies=0)


def _sent_at(record: EmailRecord) -> datetime | None:
    if record.sent_at is not None:
        return record.sent_at
    # sent, sent_from_gmail and sent_from_external are its ways to say so (Salesloft's OpenAPI document).
    return record.updated_at if record.status is not None and record.status.startswith("sent") else None


def _new_units(highest: EmailSeen, seen: EmailSeen, record: EmailRecord, noticed_at: datetime) -> Iterator[Unit]:
    since = min(highest.updated_at, record.updated_at)
    if highest.sent_at is None and seen.sent_at is not None:
        between = (since, record.updated_at) if record.sent_at is None else None
        yield _unit(record, Metric.EMAIL_SENT, 1, noticed_at, at=record.sent_at, between=between)
    if record.sent_at is not None:
        # Nobody opens or answers what was not sent yet, though it was read before as a draft.
        since = min(max(since, record.sent_at), record.updated_at)
    between = (since, record.updated_at)
    for metric, low, high in (
        (Metric.EMAIL_OPENED, highest.views, seen.views),
        (Metric.EMAIL_CLICKED, highest.clicks, seen.clicks),
        (Metric.EMAIL_REPLIED, highest.replies, seen.replies),
        (Metric.EMAIL_BOUNCED, int(highest.bounced), int(seen.bounced)),
    ):
        opened = metric is Metric.EMAIL_OPENED
        confidence = _confidence_of_opens(record, between, high - low) if opened else Confidence.HIGH
        for ordinal in range(low + 1, high + 1):
            yield _unit(record, metric, ordinal, noticed_at, at=None, between=between, confidence=confidence)


def _confidence_of_opens(record: EmailRecord, between: tuple[datetime, datetime], opens: int) -> Confidence:
    first, last = between
    if record.sent_at is not None and last - record.sent_at <= MACHINE_OPENS_WITHIN:
        return Confidence.LOW
    if opens >= BURST_OPENS and last - first < opens * BURST_SPACING:
        return Confidence.LOW
    return Confidence.HIGH


def _unit(
    record: EmailRecord,
    metric: Metric,
    ordinal: int,
    noticed_at: datetime,
    *,
    at: datetime | None,
    between: tuple[datetime, datetime] | None,
    confidence: Confidence = Confidence.HIGH,
) -> Unit:
    return Unit(
        metric=metric,
        ordinal=ordinal,
        source=Source.EMAIL,
        source_id=str(record.id),
        person_id=record.person_id,
        cadence_id=record.cadence_id,
        step_id=record.step_id,
        occurred_at=at,
        occurred_between=between,
        noticed_at=noticed_at,
        confidence=confidence,
    )
