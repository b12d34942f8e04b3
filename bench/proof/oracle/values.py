"""What a random population is drawn from, and how one draws."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

__all__ = [
    "ACTIVE",
    "BOOLEANS",
    "CUSTOMER_IDS",
    "DATES",
    "DAYS_AROUND",
    "DOUBTFUL_ADDRESSES",
    "DOUBTFUL_SHARE",
    "FOREIGN_ADDRESSES",
    "FOREIGN_SHARE",
    "GROUPS",
    "INVALID_ADDRESSES",
    "KEYS",
    "MIXED_SHARE",
    "NEVER_COUNT",
    "NOT_A_CANDIDATE",
    "NO_ZONES",
    "NUMBERS",
    "PATTERNS",
    "SEGMENTS",
    "SPECIAL_DATES",
    "SPECIAL_INSTANTS",
    "STAKEHOLDER_IDS",
    "STATES_BY_WEIGHT",
    "TEXTS",
    "TRIGGER_FIELDS",
    "TRIGGER_TYPES",
    "VALID_ADDRESSES",
    "WERE_CLAIMED",
    "ZONES",
    "Json",
    "chance",
    "maybe",
    "put",
    "random_instant",
    "some",
    "utc_day",
    "weighted",
]

Json = dict[str, Any]
Choice = TypeVar("Choice")

TRIGGER_TYPES = ("new-customer", "renewal-window", "at-risk", "expansion-signal")
SEGMENTS = ("Enterprise", "SMB", "smb", "Mid Market")
GROUPS = ("main", "nurture", "Main", "vip")
# Some customers and stakeholders have the ids of cadences, so that scopes that are mixed up show.
CUSTOMER_IDS = ("c-1", "c-2", "c-3", "101", "c-4", "C-4", "c-5", "00Q/7", "c 8")
STAKEHOLDER_IDS = ("p-1", "p-2", "p-3", "P-3", "102", "p-4", "p/5", "p-6", "p-7")
NOT_A_CANDIDATE = "p-elsewhere"
KEYS = ("k-1", "k-2", "K-1", "2025-03-31", "k:4")

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Etc/GMT+12",
    "UTC",
)
NO_ZONES = ("Mars/Olympus", "Berlin", "Europe", "CEST", "GMT+2", "+02:00", "../Berlin", "Local", "/etc/localtime")

# Ends of days, changes of clocks, leap days and ends of years.
SPECIAL_INSTANTS = (
    "2024-02-28T23:30:00+00:00",
    "2024-02-29T00:00:00+00:00",
    "2024-02-29T23:59:59+00:00",
    "2028-02-29T12:00:00+00:00",
    "2025-02-28T23:59:59.999999+00:00",
    "2025-03-30T00:59:59+00:00",
    "2025-03-30T01:00:00+00:00",
    "2025-03-29T23:00:00+00:00",
    "2025-03-30T22:00:00+00:00",
    "2025-10-26T00:30:00+00:00",
    "2025-10-26T01:00:00+00:00",
    "2025-10-26T22:59:59+00:00",
    "2025-10-26T23:00:00+00:00",
    "2025-03-09T06:59:59+00:00",
    "2025-03-09T07:00:00+00:00",
    "2025-11-02T04:00:00+00:00",
    "2025-11-03T04:59:59+00:00",
    "2025-12-31T23:59:59+00:00",
    "2026-01-01T00:00:00+00:00",
)
SPECIAL_DATES = ("2024-02-29", "2028-02-29", "2025-02-28", "2025-03-01", "2025-12-31", "2026-01-01")
DAYS_AROUND = (-30, -7, -1, 0, 1, 30, 60)

TEXTS: dict[str, tuple[str, ...]] = {
    "customer.id": CUSTOMER_IDS,
    "customer.name": ("Acme Corp", "acme corp", "Globex (EU)", "Initech 42", "0"),
    "customer.domain": ("acme.test", "ACME.test", "globex.test", "initech.example"),
    "customer.segment": SEGMENTS,
    "customer.tier": ("gold", "Gold", "silver", "1"),
    "customer.owner.user_id": ("7", "8", "u-9", "07"),
    "customer.owner.email": ("ann@x.test", "Ann@X.test", "bob@x.test", "nobody@x.test"),
    "stakeholder.id": STAKEHOLDER_IDS,
    "stakeholder.name": ("Ann Lee", "ann lee", "Bo", "J. R. O'Neil", "false"),
    "stakeholder.email": ("ann.lee@acme.test", "bo@globex.test", "cy+news@acme.test", "Dee@ACME.test"),
    "stakeholder.title": ("VP Sales", "vp of sales", "Head of IT", "Engineer", "CFO"),
    "stakeholder.role": ("buyer", "Buyer", "user", "admin"),
    "stakeholder.time_zone": ZONES[:4],
    "trigger.severity": ("high", "High", "low", ""),
    "trigger.kind": ("seats", "Seats", "usage spike", ""),
}
# These mean the same to every common engine of regular expressions, over texts of ASCII in one line.
PATTERNS = (
    "a",
    "^a",
    "E",
    "test$",
    "^$",
    ".+",
    "[0-9]",
    r"\d+",
    r"\bvp\b",
    "head|sales",
    "(gold|silver)",
    "^[^@]+@acme",
    r"acme\.",
    "[aeiou]{2}",
    r"^\S+$",
    "o'?n",
    "h(i|u)gh",
    "^c-?[0-4]$",
    "zzz",
)
NUMBERS: dict[str, tuple[Any, ...]] = {
    "customer.arr": (0, 0.1, 33.3, 1000, 49999.99, 50000, 50000.01, 120000, 1e6),
    "customer.health_score": (0, 0.5, 33.3, 59.9, 60, 60.1, 99.99, 100),
    "trigger.days_to_renewal": (0, 1, 7, 29, 30, 31, 60, 90),
    "trigger.potential_arr": (0, 0.3, 33.3, 999.99, 1000, 25000.5, 60),
    "engagement.sent": (0, 1, 5, 60),
    "engagement.opened": (0, 1, 4),
    "engagement.clicked": (0, 1, 2),
    "engagement.replied": (0, 1, 2),
    "engagement.bounced": (0, 1),
    "engagement.calls": (0, 1, 3),
    "engagement.score": (0, 33, 34, 60, 100),
    "engagement.active_cadences": (0, 1, 2),
}
BOOLEANS = ("stakeholder.is_primary", "stakeholder.is_champion", "stakeholder.is_decision_maker")
DATES = (
    "customer.renewal_date",
    "trigger.term_end",
    "engagement.last_contacted_at",
    "engagement.last_replied_at",
)
TRIGGER_FIELDS: dict[str, tuple[str, ...]] = {
    "new-customer": (),
    "renewal-window": ("trigger.days_to_renewal", "trigger.term_end"),
    "at-risk": ("trigger.severity",),
    "expansion-signal": ("trigger.kind", "trigger.potential_arr"),
}
# How often a predicate about a customer stands among the criteria of a stakeholder, and the other way round.
MIXED_SHARE = 0.1

STATES_BY_WEIGHT = {
    "requested": 4,
    "approved": 3,
    "scheduled": 3,
    "stale": 3,
    "enrolling": 3,
    "unknown": 3,
    "enrolled": 6,
    "paused": 3,
    "completed": 6,
    "removed": 3,
    "exited": 3,
    "rejected": 3,
    "blocked": 3,
    "failed": 3,
    "expired": 6,
    "withdrawn": 6,
}
ACTIVE = ("enrolling", "unknown", "enrolled", "paused")
WERE_CLAIMED = (*ACTIVE, "completed", "removed", "exited", "failed")
NEVER_COUNT = ("expired", "withdrawn")

# 64 characters before the at sign; 189 after it, which makes 254 in all.
_LONG_LOCAL = "l" * 64
_LONG_DOMAIN = ".".join(("d" * 63, "e" * 63, "f" * 61))
VALID_ADDRESSES = (
    f"{_LONG_LOCAL}@x.test",
    f"{_LONG_LOCAL}@{_LONG_DOMAIN}",
    "a@b.co",
    f"a@b.{'t' * 63}",
    "!#$%&*+/=?^_{|}~-@x.test",
    "first.last+tag@sub-1.x2.example",
    "A@X--Y.TEST",
    "1@2.example",
)
INVALID_ADDRESSES = (
    "plain",
    "@x.test",
    "a@",
    "@",
    "a@b",
    "a@b.c",
    f"a@b.{'t' * 64}",
    f"{'l' * 65}@x.test",
    f"{_LONG_LOCAL}@{_LONG_DOMAIN}f",
    "a@@x.test",
    "a@x@y.test",
    "a b@x.test",
    "a @x.test",
    "a@ x.test",
    "a@x .test",
    "a@x.te st",
    '"a"@x.test',
    "a(b@x.test",
    "a)b@x.test",
    "a,b@x.test",
    "a:b@x.test",
    "a;b@x.test",
    "a<b@x.test",
    "a>b@x.test",
    "a[b@x.test",
    "a]b@x.test",
    "a\\b@x.test",
    "a@x_y.test",
    "a@x..test",
    "a@.x.test",
    "a@x.test.",
    "a@[10.0.0.1]",
    "a@x.test,b@x.test",
    "Ann <ann@x.test>",
)
# The contract's letter decides these, but one may well read it differently.
DOUBTFUL_ADDRESSES = (
    "o'neil@x.test",
    ".a@x.test",
    "a.@x.test",
    "a..b@x.test",
    "a@-x.test",
    "a@x-.test",
    "a@x.-test",
    f"a@{'d' * 64}.test",
    "a@x.12",
    "a\tb@x.test",
)
DOUBTFUL_SHARE = 0.007
# Only where no pattern is matched against addresses, because patterns are for texts of ASCII.
FOREIGN_ADDRESSES = ("j\u00f6rg@x.test", "a@m\u00fcnchen.test")
FOREIGN_SHARE = 0.005


# --- Small helpers -----------------------------------------------------------------------------------------------


def chance(rng: random.Random, share: float) -> bool:
    return rng.random() < share


def weighted(rng: random.Random, weights: dict[Choice, float]) -> Choice:
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def some(rng: random.Random, pool: Sequence[Choice], least: int, most: int) -> list[Choice]:
    return rng.sample(pool, min(len(pool), rng.randint(least, most)))


def put(rng: random.Random, into: Json, name: str, value: Any) -> None:
    """Put a fact; one that is missing is either absent or null."""
    if value is not None or chance(rng, 0.5):
        into[name] = value


def maybe(rng: random.Random, share: float, value: Choice) -> Choice | None:
    return value if chance(rng, share) else None


def utc_day(instant: datetime) -> date:
    return instant.astimezone(UTC).date()


def random_instant(rng: random.Random) -> datetime:
    begin = datetime(2024, 1, 15, tzinfo=UTC)
    return begin + timedelta(seconds=rng.randint(0, 4 * 365 * 86400))
