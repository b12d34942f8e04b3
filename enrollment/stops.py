"""Stops: what somebody has switched off for a time, and whom that concerns."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from enrollment.mappings import Mapping

__all__ = ["Stop", "StopScope", "latest_end", "next_end", "stops_all_of", "stops_mapping"]


class StopScope(StrEnum):
    """What can be stopped."""

    ORGANIZATION = "organization"
    MAPPING = "mapping"
    CADENCE = "cadence"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Stop:
    """While it lasts nothing of its subject is requested or enrolled. `over_at` is None until somebody starts again."""

    scope: StopScope
    subject: str
    stopped_at: datetime
    over_at: datetime | None

    def lasts(self, now: datetime) -> bool:
        """Whether it is in effect."""
        return self.stopped_at <= now and (self.over_at is None or now < self.over_at)

    def is_of_customer(self, customer_id: str) -> bool:
        """Whether it stops everything of a customer of its organization."""
        if self.scope is StopScope.CUSTOMER:
            return self.subject == customer_id
        return self.scope is StopScope.ORGANIZATION

    def is_of_mapping(self, mapping: Mapping) -> bool:
        """Whether it stops a mapping, or the cadence that it leads to."""
        if self.scope is StopScope.MAPPING:
            return self.subject == str(mapping.id)
        return self.scope is StopScope.CADENCE and self.subject == str(mapping.cadence_id)


def stops_all_of(stops: Iterable[Stop], customer_id: str, now: datetime) -> bool:
    """Whether everything of a customer is stopped."""
    return any(stop.is_of_customer(customer_id) and stop.lasts(now) for stop in stops)


def stops_mapping(stops: Iterable[Stop], mapping: Mapping, now: datetime) -> bool:
    """Whether a mapping or its cadence is stopped."""
    return any(stop.is_of_mapping(mapping) and stop.lasts(now) for stop in stops)


def latest_end(stops: Iterable[Stop], customer_id: str, mappings: Iterable[Mapping], now: datetime) -> datetime | None:
    """When the last stop ends, or ended, that concerns the customer or a mapping; now where that is not known yet."""
    asked = list(mappings)
    ends = [stop.over_at or now for stop in stops if _concerns(stop, customer_id, asked)]
    return max(ends, default=None)


def next_end(stops: Iterable[Stop], now: datetime) -> datetime | None:
    """When the first of the stops that are in effect ends by itself; None where none does."""
    return min((stop.over_at for stop in stops if stop.lasts(now) and stop.over_at is not None), default=None)


def _concerns(stop: Stop, customer_id: str, mappings: Iterable[Mapping]) -> bool:
    return stop.is_of_customer(customer_id) or any(stop.is_of_mapping(mapping) for mapping in mappings)
