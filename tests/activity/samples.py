"""Records and instants for the tests of this room."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from activity.records import EmailRecord, MembershipRecord
from activity.units import Metric, Source, Unit
from schemas.vocabulary import Confidence

CREATED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SENT = CREATED + timedelta(minutes=5)
NOTICED = datetime(2026, 12, 24, 12, 0, tzinfo=UTC)


def after(**parts: float) -> datetime:
    """An instant so long after the e-mail of the tests was sent."""
    return SENT + timedelta(**parts)


def email(
    updated_at: datetime,
    *,
    sent_at: datetime | None = SENT,
    status: str | None = "sent",
    bounced: bool = False,
    views: int = 0,
    clicks: int = 0,
    replies: int = 0,
) -> EmailRecord:
    return EmailRecord(
        id=722488662,
        person_id=1,
        cadence_id=456,
        step_id=77,
        status=status,
        created_at=CREATED,
        sent_at=sent_at,
        updated_at=updated_at,
        bounced=bounced,
        views=views,
        clicks=clicks,
        replies=replies,
    )


def membership(
    state: str, updated_at: datetime, *, added_at: datetime | None = CREATED, currently_on_cadence: bool = True
) -> MembershipRecord:
    return MembershipRecord(
        id=789,
        person_id=1,
        cadence_id=456,
        user_id=12,
        step_id=77,
        current_state=state,
        currently_on_cadence=currently_on_cadence,
        added_at=added_at,
        created_at=CREATED,
        updated_at=updated_at,
    )


def unit(
    metric: Metric,
    at: datetime,
    *,
    ordinal: int = 1,
    cadence_id: int | None = 456,
    source_id: str = "1",
    confidence: Confidence = Confidence.HIGH,
) -> Unit:
    return Unit(
        metric=metric,
        ordinal=ordinal,
        source=Source.EMAIL,
        source_id=source_id,
        person_id=1,
        cadence_id=cadence_id,
        step_id=None,
        occurred_at=at,
        occurred_between=None,
        noticed_at=NOTICED,
        confidence=confidence,
    )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """An e-mail's counters at one moment of a made-up history."""

    minutes: int
    views: int
    clicks: int
    replies: int
    bounced: bool

    @property
    def record(self) -> EmailRecord:
        return email(
            after(minutes=self.minutes),
            views=self.views,
            clicks=self.clicks,
            replies=self.replies,
            bounced=self.bounced,
        )
