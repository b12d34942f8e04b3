"""Ways in which a record can be broken, each with the reason code that the service must put it aside with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson

__all__ = ["DEFECTS", "MARK", "Broken", "Defect"]

MARK: Final = "x-sandbox-mark"
"""The header that names a broken record, since its envelope may not; dead letters keep it with the original's."""

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Broken:
    """What is left of a record."""

    key: bytes | None
    headers: Headers
    value: bytes


@dataclass(frozen=True, slots=True)
class Defect:
    """One way: from a good event's key, binary headers and data to a broken record.

    `keeps_id` where the break is that the event's id is used again.
    """

    code: str
    apply: Callable[[bytes, Headers, bytes], Broken]
    keeps_id: bool = False


def _without(headers: Headers, name: str) -> Headers:
    return [pair for pair in headers if pair[0] != name]


def _with(headers: Headers, name: str, value: bytes) -> Headers:
    return [*_without(headers, name), (name, value)]


def _data(value: bytes, **fields: object) -> bytes:
    return orjson.dumps(orjson.loads(value) | fields)


DEFECTS: Final = (
    Defect("invalid_data", lambda key, headers, value: Broken(key, headers, value[: len(value) // 2])),
    Defect("missing_attribute", lambda key, headers, value: Broken(key, _without(headers, "ce_id"), value)),
    Defect(
        "unknown_type", lambda key, headers, value: Broken(key, _with(headers, "ce_type", b"ai.cscx.gossip.v1"), value)
    ),
    Defect("bad_key", lambda _, headers, value: Broken(None, headers, value)),
    Defect("not_a_cloudevent", lambda key, _, value: Broken(key, [("sent-by", b"a script")], value)),
    Defect("invalid_data", lambda key, headers, value: Broken(key, headers, _data(value, organization_id=17))),
    Defect(
        "organization_mismatch",
        lambda key, headers, value: Broken(b"someone-else:" + key.partition(b":")[2], headers, value),
    ),
    Defect(
        "unsupported_version", lambda key, headers, value: Broken(key, _with(headers, "ce_specversion", b"0.3"), value)
    ),
    Defect(
        "bad_content_type", lambda key, headers, value: Broken(key, _with(headers, "content-type", b"text/csv"), value)
    ),
    Defect("key_mismatch", lambda key, headers, value: Broken(key + b"-other", headers, value)),
    Defect(
        "bad_json",
        lambda key, _, value: Broken(key, [("content-type", b"application/cloudevents+json")], b'{"data": ' + value),
    ),
    Defect(
        "id_reused", lambda key, headers, value: Broken(key, headers, _data(value, note="sent again")), keeps_id=True
    ),
    Defect(
        "wrong_topic",
        lambda key, headers, value: Broken(key, _with(headers, "ce_type", b"ai.cscx.salesloft.engagement.v1"), value),
    ),
)
