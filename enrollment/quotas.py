"""How long requests would wait for quotas of their senders and mappings, which are counted where work is claimed."""

from bisect import bisect_right, insort
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from enrollment.decide import Decision, zone_of
from enrollment.policies import Counted
from enrollment.working_time import first_moment

__all__ = ["QuotaForecast"]

_Subject = tuple[Counted, object]


@dataclass(slots=True)
class QuotaForecast:
    """Requests that are approved at once and in the order in which they are asked for, from nothing counted before.

    `waiting` says how many wait for which quota, the one that ends last where several do, and `last_at` when the last
    of all requests would be carried out.
    """

    waiting: Counter[Counted] = field(default_factory=Counter)
    last_at: datetime | None = None
    _claims: dict[_Subject, list[datetime]] = field(default_factory=dict)

    def add(self, request: Decision, asked_at: datetime, organization_zone: str) -> datetime:
        """When a request that is asked for then would be carried out; not before the day on which it is to start.

        That day begins in the stakeholder's time zone, or else in the organization's. Working time is left out.
        """
        if request.action is None or request.mapping is None or request.stakeholder is None:
            raise AssertionError("a request says of whom, what it does, and by which mapping")
        subjects = {Counted.SENDER: request.action.sender.user_id, Counted.MAPPING: request.mapping.id}
        zone = zone_of(request.stakeholder.time_zone, organization_zone)
        at, waits_for = max(asked_at, first_moment(request.action.start_date, zone)), None
        while (later := self._first_free(request, subjects, at)) is not None:
            at, waits_for = later
        if waits_for is not None:
            self.waiting[waits_for] += 1
        for subject in subjects.items():
            insort(self._claims.setdefault(subject, []), at)
        self.last_at = max(self.last_at or at, at)
        return at

    def _first_free(
        self, request: Decision, subjects: dict[Counted, object], at: datetime
    ) -> tuple[datetime, Counted] | None:
        """When the next quota that is used up then has room again; None where all have."""
        caps = request.mapping.policy.caps if request.mapping is not None else ()
        for cap in caps:
            if cap.per not in subjects:
                continue
            claims = self._claims.get((cap.per, subjects[cap.per]), [])
            until = bisect_right(claims, at)
            if until - bisect_right(claims, at - cap.within) >= cap.at_most:
                return claims[until - cap.at_most] + cap.within, cap.per
        return None
