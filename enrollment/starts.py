"""The day on which a cadence is to begin, by the stakeholder's own calendar."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from enrollment.mappings import Policy
from enrollment.working_time import first_moment, next_allowed
from schemas.lifecycle import LifecycleTrigger

__all__ = ["start_day"]


def start_day(policy: Policy, trigger: LifecycleTrigger | None, where: ZoneInfo, now: datetime) -> date:
    """So many days from now, or before the term's end; never a day that is over.

    Where the policy has working days it is the first of them from then on. A trigger without a term begins today, for
    there is nothing to wait for.
    """
    today = now.astimezone(where).date()
    day = today + timedelta(days=policy.start_offset_days)
    term_end: date | None = getattr(trigger, "term_end", None)
    if policy.start_days_before_term_end is not None and term_end is not None:
        day = max(today, term_end - timedelta(days=policy.start_days_before_term_end))
    if policy.working_time is None:
        return day
    earliest = max(now, first_moment(day, where))
    return next_allowed(earliest, policy.working_time, where).astimezone(where).date()
