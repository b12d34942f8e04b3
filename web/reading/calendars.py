"""By whose calendar the days of a stakeholder are told."""

import orjson

from enrollment.decide import zone_of

__all__ = ["calendar_of"]


def calendar_of(data: str | bytes | None, organization_zone: str | None) -> str:
    """A time zone by its IANA name, as start dates are decided: theirs, else the organization's, else the world's.

    `data` is what the directory says of them, JSON; None of somebody erased or never heard of. An organization that
    nothing is known of has no zone.
    """
    told = orjson.loads(data).get("time_zone") if data is not None else None
    return zone_of(told, organization_zone or "UTC").key
