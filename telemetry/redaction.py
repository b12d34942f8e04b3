"""Takes secrets and addresses out of what is about to be written down.

One rule for logs, dead letters' messages and health details: whatever a value's key says, the text itself is searched
too, because libraries put URLs, headers and connection strings into their own sentences. The cost is bounded: text is
cut to :data:`TEXT_LIMIT` before it is searched, a container shows its first :data:`ITEM_LIMIT` entries, and what nests
deeper than :data:`DEPTH_LIMIT` is left out.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final
from uuid import UUID

__all__ = ["DEPTH_LIMIT", "ITEM_LIMIT", "TEXT_LIMIT", "redact_text", "redact_value"]

TEXT_LIMIT: Final = 8192
ITEM_LIMIT: Final = 100
DEPTH_LIMIT: Final = 6

_SECRET: Final = "[redacted]"  # noqa: S105 - what stands in a secret's place
_ADDRESS: Final = "[e-mail]"
_CUT: Final = " [...] "
_KEY_LIMIT: Final = 200

_SENSITIVE: Final = (
    r"tokens?|secrets?|passwords?|passwd|passphrase|api[_-]?keys?|private[_-]?keys?|encryption[_-]?keys?"
    r"|authorization|cookies?|credentials?"
)
# A key such as refresh_token or x-api-key, but not token_expires_at: only the last word says what the value is.
_SECRET_KEY: Final = re.compile(rf"(?:^|[_\-.])(?:{_SENSITIVE}|(?:html_|text_|email_)?body)$", re.IGNORECASE)
# Greedy up to the last "@" of the run: a password may itself hold "@", ":" or "/".
_DSN_PASSWORD: Final = re.compile(r"(://[^\s/:@]{0,200}):\S{1,500}@")
_SCHEME: Final = re.compile(r"\b(bearer|basic)(\s+|%20)[^\s\"',;]+", re.IGNORECASE)
_JSON_WEB_TOKEN: Final = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")
_ASSIGNMENT: Final = re.compile(
    rf"((?:{_SENSITIVE})[\"']?\s{{0,3}}[=:]\s{{0,3}})(?:\"[^\"]*\"?|'[^']*'?|[^\s\"'&,;}}\])]+)", re.IGNORECASE
)
_QUERY_CODE: Final = re.compile(r"([?&](?:code|state|signature)=)[^\s&\"']+", re.IGNORECASE)
# The local part is bounded, so that a long run without "@" costs its length times a constant.
_EMAIL: Final = re.compile(r"[^\s@<>\"'(),;:=?&/\\\[\]{}|]{1,64}(?:@|%40)(?:[^\W_]|[.-]){1,253}", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key[-_KEY_LIMIT:]) is not None


def redact_text(text: str) -> str:
    """The text without tokens, passwords and e-mail addresses; the middle of a very long one is left out."""
    if len(text) > TEXT_LIMIT:
        half = TEXT_LIMIT // 2
        # A cut through a secret would leave a stump that no pattern knows, so each side ends between two words.
        head = text[:half].rpartition(" ")[0]
        tail = text[-half:].partition(" ")[2]
        text = f"{head}{_CUT}{tail}"
    if "://" in text:
        text = _DSN_PASSWORD.sub(rf"\1:{_SECRET}@", text)
    if "?" in text:
        text = _QUERY_CODE.sub(rf"\1{_SECRET}", text)
    text = _SCHEME.sub(rf"\1 {_SECRET}", text)
    if "eyJ" in text:
        text = _JSON_WEB_TOKEN.sub(_SECRET, text)
    if "=" in text or ":" in text:
        text = _ASSIGNMENT.sub(rf"\1{_SECRET}", text)
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(_ADDRESS, text)
    return text


def redact_value(key: str, value: object) -> object:
    """The value as JSON can hold it, redacted by its key and by its text.

    Numbers, instants and ids stay what they are, bytes become their length, and an object that is none of these becomes
    its redacted text.
    """
    if _is_secret(key):
        return value if value is None or isinstance(value, bool) else _SECRET
    return _redact(value, DEPTH_LIMIT)


def _redact(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int | float | datetime | date | UUID | Decimal):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return _redact_mapping(value, depth - 1) if depth else "<nested too deep>"
    if isinstance(value, list | tuple | set | frozenset):
        return _redact_items(value, depth - 1) if depth else "<nested too deep>"
    return redact_text(str(value))


def _redact_mapping(value: Mapping[object, object], depth: int) -> dict[str, object]:
    shown: dict[str, object] = {}
    for key, item in value.items():
        if len(shown) == ITEM_LIMIT:
            shown["..."] = f"<{len(value)} entries>"
            break
        name = redact_text(str(key)[:_KEY_LIMIT])
        shown[name] = _SECRET if item is not None and _is_secret(str(key)) else _redact(item, depth)
    return shown


def _redact_items(
    value: list[object] | tuple[object, ...] | set[object] | frozenset[object], depth: int
) -> list[object]:
    shown: list[object] = []
    for item in value:
        if len(shown) == ITEM_LIMIT:
            shown.append(f"<{len(value)} entries>")
            break
        # A header as Kafka and ASGI carry it: a pair whose first half names the second.
        if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
            shown.append(
                [redact_text(item[0][:_KEY_LIMIT]), _SECRET if _is_secret(item[0]) else _redact(item[1], depth)]
            )
        else:
            shown.append(_redact(item, depth))
    return shown
