"""A random population of organizations and cases in the forms of the enrollment contract.

Everything is drawn from seeds: the same arguments give the same population. The organizations of one seed are of
different kinds by their place in the list, so that some twenty of them hold every kind.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

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
WAITING = ("requested", "approved", "scheduled", "stale")
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


def _chance(rng: random.Random, share: float) -> bool:
    return rng.random() < share


def _weighted(rng: random.Random, weights: dict[Choice, float]) -> Choice:
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def _some(rng: random.Random, pool: Sequence[Choice], least: int, most: int) -> list[Choice]:
    return rng.sample(pool, min(len(pool), rng.randint(least, most)))


def _put(rng: random.Random, into: Json, name: str, value: Any) -> None:
    """Put a fact; one that is missing is either absent or null."""
    if value is not None or _chance(rng, 0.5):
        into[name] = value


def _maybe(rng: random.Random, share: float, value: Choice) -> Choice | None:
    return value if _chance(rng, share) else None


def _day(instant: datetime) -> date:
    return instant.astimezone(UTC).date()


def _random_instant(rng: random.Random) -> datetime:
    begin = datetime(2024, 1, 15, tzinfo=UTC)
    return begin + timedelta(seconds=rng.randint(0, 4 * 365 * 86400))


# --- Criteria ----------------------------------------------------------------------------------------------------


def _number_value(rng: random.Random, number: Any) -> Any:
    """A number as it is, or as a text, sometimes with more places than it needs."""
    if _chance(rng, 0.65):
        return number
    text = str(int(number)) if float(number).is_integer() else str(number)
    if _chance(rng, 0.2):
        return f"{text}0" if "." in text else f"{text}.0"
    return text


def _predicate(rng: random.Random, field: str) -> Json:
    if _chance(rng, 0.12):
        predicate: Json = {"field": field, "op": "exists"}
        value = rng.choices((None, True, False), weights=(4, 4, 2))[0]
        if value is not None:
            predicate["value"] = value
        return predicate
    if field in TEXTS:
        op = _weighted(rng, {"equals": 2.0, "in": 3.0, "matches": 4.0})
        pool = TEXTS[field]
        text_values: dict[str, Any] = {
            "equals": rng.choice(pool),
            "in": _some(rng, pool, 1, len(pool)),
            "matches": rng.choice(PATTERNS),
        }
        return {"field": field, "op": op, "value": text_values[op]}
    if field in NUMBERS:
        op = _weighted(rng, {"equals": 1.0, "in": 1.5, "lt": 2.0, "lte": 2.0, "gt": 2.0, "gte": 2.0})
        numbers = NUMBERS[field]
        if op == "in":
            return {
                "field": field,
                "op": op,
                "value": [_number_value(rng, number) for number in _some(rng, numbers, 1, len(numbers))],
            }
        return {"field": field, "op": op, "value": _number_value(rng, rng.choice(numbers))}
    if field in BOOLEANS:
        return {"field": field, "op": "equals", "value": _chance(rng, 0.6)}
    op = _weighted(rng, {"equals": 1.0, "before": 4.0, "after": 4.0})
    if op == "equals":
        return {"field": field, "op": op, "value": rng.choice(SPECIAL_DATES)}
    return {"field": field, "op": op, "value": rng.choice(DAYS_AROUND)}


def _field(rng: random.Random, trigger_type: str, about_stakeholder: bool) -> str:
    every = (*TEXTS, *NUMBERS, *BOOLEANS, *DATES)
    if _chance(rng, MIXED_SHARE):
        about_stakeholder = not about_stakeholder
    if about_stakeholder:
        return rng.choice([field for field in every if field.startswith(("stakeholder.", "engagement."))])
    own = TRIGGER_FIELDS[trigger_type]
    if own and _chance(rng, 0.4):
        return rng.choice(own)
    return rng.choice([field for field in every if field.startswith("customer.")])


def _criteria(rng: random.Random, trigger_type: str, about_stakeholder: bool, depth: int) -> Json:
    if depth == 0 or _chance(rng, 0.35):
        return _predicate(rng, _field(rng, trigger_type, about_stakeholder))
    kind = _weighted(rng, {"all": 3.0, "any": 5.0, "not": 2.0})
    if kind == "not":
        return {"not": _criteria(rng, trigger_type, about_stakeholder, depth - 1)}
    count = _weighted(rng, {0: 0.3, 1: 1.0, 2: 4.0, 3: 3.0})
    return {kind: [_criteria(rng, trigger_type, about_stakeholder, depth - 1) for _ in range(count)]}


def _criteria_of_mapping(rng: random.Random, trigger_type: str, about_stakeholder: bool) -> Json:
    kind = _weighted(rng, {"none": 50.0, "lenient": 25.0, "any": 25.0})
    if kind == "none":
        return {"all": []}
    criteria = _criteria(rng, trigger_type, about_stakeholder, 3)
    if kind == "lenient":
        # Nearly always true or unknown.
        return {"any": [criteria, {"not": _criteria(rng, trigger_type, about_stakeholder, 2)}]}
    return criteria


def _matches_address(criteria: Any) -> bool:
    """Whether a pattern is matched against a stakeholder's address anywhere in it."""
    if isinstance(criteria, dict):
        if criteria.get("op") == "matches":
            return bool(criteria["field"] == "stakeholder.email")
        return any(_matches_address(part) for part in criteria.values())
    if isinstance(criteria, list):
        return any(_matches_address(part) for part in criteria)
    return False


# --- Organizations -----------------------------------------------------------------------------------------------


def _cadences(rng: random.Random, users: Sequence[int]) -> list[Json]:
    cadences: list[Json] = []
    for number in range(101, 108):
        steps = [{"id": number * 10 + place, "day": 1 + 3 * place} for place in range(rng.randint(1, 4))]
        if _chance(rng, 0.3):
            # The first step is the first in order, and not the one with the least id.
            steps = [{"id": step["id"], "day": place + 1} for place, step in enumerate(reversed(steps))]
        cadences.append(
            {
                "id": number,
                "people_addable": True,
                "team_cadence": True,
                "owner_user_id": _maybe(rng, 0.7, rng.choice(users)),
                "steps": steps,
            }
        )
    cadences[3]["team_cadence"] = False
    cadences[3]["owner_user_id"] = _maybe(rng, 0.9, users[0])
    cadences[4]["team_cadence"] = _chance(rng, 0.5)
    cadences[5]["people_addable"] = False
    cadences[6]["steps"] = []
    rng.shuffle(cadences)
    return cadences


def _sender(rng: random.Random, users: Sequence[int], absent: Sequence[int]) -> Json:
    kind = _weighted(rng, {"customer_owner": 2.5, "fixed_user": 4.0, "round_robin": 4.5})
    if kind == "customer_owner":
        return {"kind": kind}
    if kind == "fixed_user":
        return {"kind": kind, "user_id": rng.choice(absent) if _chance(rng, 0.08) else rng.choice(users)}
    if _chance(rng, 0.06):
        return {"kind": kind, "user_ids": _some(rng, absent, 1, 2)}
    return {"kind": kind, "user_ids": _some(rng, (*users, *absent), 1, 5)}


def _caps(rng: random.Random) -> list[Json]:
    pers = _some(rng, ("stakeholder", "account", "sender", "mapping"), 0, 3)
    caps: list[Json] = [
        {
            "per": per,
            "at_most": _weighted(rng, {1: 3.0, 2: 3.0, 3: 2.0, 5: 1.0}),
            "within_hours": rng.choice((1, 24, 168, 720)),
        }
        for per in pers
    ]
    if caps and _chance(rng, 0.1):
        # Two caps of one kind: few in a short time, more in a long one.
        caps.append({"per": caps[0]["per"], "at_most": caps[0]["at_most"] + 1, "within_hours": 2000})
    return caps


def _policy(rng: random.Random, trigger_type: str) -> Json:
    policy: Json = {}
    if trigger_type == "renewal-window" and _chance(rng, 0.5):
        policy["start_days_before_term_end"] = rng.choice((0, 1, 7, 30, 60))
    elif _chance(rng, 0.6):
        policy["start_offset_days"] = rng.choice((0, 1, 2, 30, 365))
    if _chance(rng, 0.2):
        policy["shadow"] = _chance(rng, 0.7)
    if _chance(rng, 0.45):
        policy["exclusive_by"] = _weighted(rng, {None: 0.7, "stakeholder": 3.0, "email": 3.0})
    if _chance(rng, 0.3):
        policy["hold_out_percent"] = _weighted(rng, {0: 2.0, 1: 1.0, 20: 3.0, 50: 3.0, 99: 0.3, 100: 0.5})
    if _chance(rng, 0.5):
        at_most = {
            "kind": "at_most",
            "times": _weighted(rng, {1: 4.0, 2: 2.0, 3: 1.0}),
            "within_days": rng.choice((1, 7, 30, 90)),
        }
        policy["reentry"] = rng.choice((None, {"kind": "once"}, {"kind": "if_not_active"}, at_most, at_most))
    if _chance(rng, 0.4):
        policy["caps"] = _caps(rng)
    if _chance(rng, 0.15):
        # The same said in full.
        policy.setdefault("start_days_before_term_end", None)
        if policy["start_days_before_term_end"] is None:
            policy.setdefault("start_offset_days", 0)
        for name, usual in (("shadow", False), ("exclusive_by", None), ("hold_out_percent", 0), ("reentry", None)):
            policy.setdefault(name, usual)
        policy.setdefault("caps", [])
    return policy


def _mapping(rng: random.Random, trigger_type: str, users: Sequence[int], absent: Sequence[int]) -> Json:
    cadence_id = _weighted(rng, {101: 10.0, 102: 10.0, 103: 10.0, 104: 1.5, 105: 1.5, 106: 0.6, 107: 0.6, 999: 0.6})
    start_step_id = None
    if _chance(rng, 0.3):
        start_step_id = cadence_id * 10 + _weighted(rng, {0: 6.0, 1: 2.0, 2: 1.0, 9: 0.4})
    return {
        "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "version": rng.randint(1, 3),
        "trigger_type": trigger_type,
        "segment": _maybe(rng, 0.45, rng.choice(SEGMENTS)),
        "cadence_id": cadence_id,
        "start_step_id": start_step_id,
        "sender": _sender(rng, users, absent),
        "stakeholder_criteria": _criteria_of_mapping(rng, trigger_type, True),
        "customer_criteria": _criteria_of_mapping(rng, trigger_type, False),
        "policy": _policy(rng, trigger_type),
        "priority": rng.choice((-1, 0, 1, 1, 1, 2, 10)),
        "exclusivity_group": rng.choices(GROUPS, weights=(6, 3, 1, 2))[0],
        "enabled": _chance(rng, 0.9),
        "parked": _chance(rng, 0.04),
    }


def _mappings(rng: random.Random, users: Sequence[int], absent: Sequence[int], place: int) -> list[Json]:
    mappings: list[Json] = []
    for number, trigger_type in enumerate(TRIGGER_TYPES):
        kind = (5 * place + number) % 23
        if kind == 3:
            continue
        of_type = [_mapping(rng, trigger_type, users, absent) for _ in range(rng.randint(2, 5))]
        if kind == 8:
            for mapping in of_type:
                mapping["enabled"] = False
        elif kind == 13:
            for mapping in of_type:
                mapping["segment"] = mapping["segment"] or rng.choice(SEGMENTS)
                mapping["enabled"] = True
        mappings.extend(of_type)
    rng.shuffle(mappings)
    return mappings


def _stop(rng: random.Random, scope: str, subject: str, brief: bool) -> Json:
    stopped_at = _random_instant(rng)
    over_at = None
    if brief or _chance(rng, 0.7):
        over_at = stopped_at + timedelta(hours=rng.randint(1, 72) if brief else rng.randint(24, 24 * 300))
    return {
        "scope": scope,
        "subject": subject,
        "stopped_at": stopped_at.isoformat(),
        "over_at": None if over_at is None else over_at.isoformat(),
    }


def _stops(rng: random.Random, mappings: Sequence[Json]) -> list[Json]:
    stops: list[Json] = []
    if _chance(rng, 0.6):
        stops.append(_stop(rng, "organization", "organization", brief=True))
    for customer_id in _some(rng, CUSTOMER_IDS, 0, 2):
        stops.append(_stop(rng, "customer", customer_id, brief=_chance(rng, 0.6)))
    for mapping in _some(rng, mappings, 0, 2):
        stops.append(_stop(rng, "mapping", mapping["id"], brief=False))
        if _chance(rng, 0.3):
            stops.append(_stop(rng, "mapping", mapping["id"], brief=True))
    for cadence_id in _some(rng, ("101", "102", "103", "104", "999"), 0, 1):
        stops.append(_stop(rng, "cadence", cadence_id, brief=False))
    rng.shuffle(stops)
    return stops


def _organization(rng: random.Random, place: int) -> Json:
    users = (7, 8, 9, 11)
    emails = {7: "ann@x.test", 8: "Bob@X.test", 9: " cy@x.test", 11: "dee+s@x.test"}
    senders = [{"user_id": user_id, "email": emails[user_id]} for user_id in _some(rng, users, 3, 4)]
    present = [sender["user_id"] for sender in senders]
    absent = (*(user_id for user_id in users if user_id not in present), 70, 71)
    mappings = _mappings(rng, present, absent, place)
    return {
        "time_zone": rng.choice(NO_ZONES) if place % 7 == 2 else rng.choice(ZONES),
        "connected": place % 17 != 5,
        "mappings": mappings,
        "cadences": _cadences(rng, present),
        "senders": senders,
        "stops": _stops(rng, mappings),
    }


def organizations(seed: int, count: int) -> list[Json]:
    """As many random organizations as are asked for; some twenty of them hold every kind there is."""
    return [_organization(random.Random(f"organization/{seed}/{place}"), place) for place in range(count)]


# --- Cases -------------------------------------------------------------------------------------------------------


def _now(rng: random.Random, organization: Json) -> datetime:
    kind = _weighted(rng, {"random": 55.0, "stop": 12.0, "special": 18.0, "midnight": 15.0})
    edges = [stop[end] for stop in organization["stops"] for end in ("stopped_at", "over_at") if stop[end]]
    if kind == "stop" and edges:
        return datetime.fromisoformat(rng.choice(edges)) + timedelta(seconds=rng.choice((-1, 0, 0, 1)))
    if kind == "special":
        return datetime.fromisoformat(rng.choice(SPECIAL_INSTANTS))
    instant = _random_instant(rng)
    if kind == "midnight":
        # The beginning of a day somewhere, or the second before it.
        begin = datetime.combine(instant.date(), time(), tzinfo=ZoneInfo(rng.choice(ZONES))).astimezone(UTC)
        return begin - timedelta(seconds=rng.choice((0, 0, 1)))
    return instant


def _date_near(rng: random.Random, now: datetime) -> str:
    if _chance(rng, 0.2):
        return rng.choice(SPECIAL_DATES)
    return (_day(now) + timedelta(days=rng.choice(DAYS_AROUND) + rng.choice((-1, 0, 0, 1)))).isoformat()


def _instant_before(rng: random.Random, now: datetime) -> str:
    """An instant not later than now, often at the very end of a UTC day."""
    day = _day(now) - timedelta(days=rng.choice((0, 1, 6, 7, 8, 30, 31, 60)))
    clock = rng.choice((time(0, 0), time(23, 59, 59), time(rng.randint(0, 23), rng.randint(0, 59))))
    return min(now, datetime.combine(day, clock, tzinfo=UTC)).isoformat()


def _trigger(rng: random.Random, trigger_type: str, now: datetime) -> Json:
    trigger: Json = {}
    if trigger_type == "renewal-window":
        days = rng.choice(NUMBERS["trigger.days_to_renewal"])
        trigger["days_to_renewal"] = days
        trigger["term_end"] = (_day(now) + timedelta(days=days)).isoformat()
        if _chance(rng, 0.2):
            trigger["term_end"] = _date_near(rng, now)
    elif trigger_type == "at-risk":
        _put(rng, trigger, "severity", _maybe(rng, 0.8, rng.choice(TEXTS["trigger.severity"])))
    elif trigger_type == "expansion-signal":
        _put(rng, trigger, "kind", _maybe(rng, 0.8, rng.choice(TEXTS["trigger.kind"])))
        _put(rng, trigger, "potential_arr", _maybe(rng, 0.8, rng.choice(NUMBERS["trigger.potential_arr"])))
    return trigger


def _with_blanks(rng: random.Random, address: str) -> str:
    address = rng.choice((address, address, address, address.upper(), address.title()))
    return rng.choice((address, address, address, f" {address}", f"{address}  ", f"\t{address} "))


def _customer(rng: random.Random, organization: Json, trigger_type: str, now: datetime) -> Json:
    customer: Json = {"id": rng.choice(CUSTOMER_IDS), "name": rng.choice(TEXTS["customer.name"])}
    _put(rng, customer, "domain", _maybe(rng, 0.85, rng.choice(TEXTS["customer.domain"])))
    asked = [
        mapping["segment"]
        for mapping in organization["mappings"]
        if mapping["trigger_type"] == trigger_type and mapping["segment"]
    ]
    segment = rng.choice(asked) if asked and _chance(rng, 0.7) else rng.choice(SEGMENTS)
    _put(rng, customer, "segment", _maybe(rng, 0.88, segment))
    _put(rng, customer, "tier", _maybe(rng, 0.85, rng.choice(TEXTS["customer.tier"])))
    _put(rng, customer, "arr", _maybe(rng, 0.85, rng.choice(NUMBERS["customer.arr"])))
    _put(rng, customer, "health_score", _maybe(rng, 0.85, rng.choice(NUMBERS["customer.health_score"])))
    _put(rng, customer, "renewal_date", _maybe(rng, 0.85, _date_near(rng, now)))
    owner = None
    if _chance(rng, 0.92):
        email = rng.choice(organization["senders"])["email"]
        if _chance(rng, 0.08):
            email = "nobody@x.test"
        owner = {"user_id": rng.choice(TEXTS["customer.owner.user_id"]), "email": _with_blanks(rng, email)}
    _put(rng, customer, "owner", owner)
    return customer


def _address(rng: random.Random, ascii_only: bool) -> str | None:
    if _chance(rng, DOUBTFUL_SHARE):
        return rng.choice(DOUBTFUL_ADDRESSES)
    if not ascii_only and _chance(rng, FOREIGN_SHARE):
        return rng.choice(FOREIGN_ADDRESSES)
    kind = _weighted(rng, {"plain": 82.0, "valid": 8.0, "invalid": 4.0, "none": 2.5})
    if kind == "none":
        return rng.choice((None, None, "", " ", "\t "))
    if kind == "invalid":
        address = rng.choice(INVALID_ADDRESSES)
        return f" {address} " if _chance(rng, 0.2) else address
    if kind == "valid":
        address = rng.choice(VALID_ADDRESSES)
        return f"  {address} " if _chance(rng, 0.3) else address
    address = rng.choice(TEXTS["stakeholder.email"])
    return address if _chance(rng, 0.6) else _with_blanks(rng, address)


def _stakeholder(rng: random.Random, stakeholder_id: str, ascii_only: bool) -> Json:
    stakeholder: Json = {"id": stakeholder_id}
    for name in ("name", "title", "role"):
        _put(rng, stakeholder, name, _maybe(rng, 0.85, rng.choice(TEXTS[f"stakeholder.{name}"])))
    _put(rng, stakeholder, "email", _address(rng, ascii_only))
    for name in ("is_primary", "is_champion", "is_decision_maker"):
        _put(rng, stakeholder, name, _maybe(rng, 0.85, _chance(rng, 0.6)))
    zone = rng.choice(NO_ZONES) if _chance(rng, 0.15) else rng.choice(ZONES)
    _put(rng, stakeholder, "time_zone", _maybe(rng, 0.7, zone))
    preference = _weighted(rng, {"blocked": 2.0, "allowed": 30.0, "unknown": 30.0})
    _put(rng, stakeholder, "email_preference", _maybe(rng, 0.8, preference))
    return stakeholder


def _engagement(rng: random.Random, now: datetime) -> Json:
    engagement: Json = {}
    for name in ("last_contacted_at", "last_replied_at"):
        _put(rng, engagement, name, _maybe(rng, 0.75, _instant_before(rng, now)))
    for field, numbers in NUMBERS.items():
        subject, name = field.split(".")
        if subject == "engagement":
            engagement[name] = rng.choice(numbers)
    return engagement


def _person(rng: random.Random) -> Json:
    return {
        "do_not_contact": _chance(rng, 0.02),
        "email_restricted": _chance(rng, 0.03),
        "bouncing": _chance(rng, 0.03),
        "account_do_not_contact": rng.choices((True, False, None), weights=(2, 60, 38))[0],
    }


def _candidate(rng: random.Random, stakeholder_id: str, now: datetime, ascii_only: bool) -> Json:
    return {
        "stakeholder": _stakeholder(rng, stakeholder_id, ascii_only),
        "gone": rng.choices((None, "stakeholder_left", "erased"), weights=(95, 2.5, 2.5))[0],
        "person": _person(rng) if _chance(rng, 0.8) else None,
        "engagement": _engagement(rng, now) if _chance(rng, 0.75) else None,
    }


def _windows(mappings: Sequence[Json]) -> list[timedelta]:
    """The lengths of time that the policies of these mappings speak of."""
    windows: set[timedelta] = set()
    for mapping in mappings:
        reentry = mapping["policy"].get("reentry") or {}
        if "within_days" in reentry:
            windows.add(timedelta(days=reentry["within_days"]))
        for cap in mapping["policy"].get("caps") or []:
            windows.add(timedelta(hours=cap["within_hours"]))
    return sorted(windows) or [timedelta(days=1)]


def _instant_of_run(rng: random.Random, now: datetime, windows: Sequence[timedelta]) -> datetime:
    if _chance(rng, 0.6):
        nudge = timedelta(microseconds=rng.choice((-1_000_000, -1, 0, 0, 0, 1, 1_000_000)))
        return min(now, now - rng.choice(windows) + nudge)
    return now - timedelta(minutes=rng.choice((0, 1, 59, 600, 2000, 9000, 50000, 200000)))


def _run(rng: random.Random, organization: Json, case: Json, stakeholder_id: str, alive: bool) -> Json:
    now = datetime.fromisoformat(case["now"])
    mappings = [mapping for mapping in organization["mappings"] if mapping["trigger_type"] == case["trigger_type"]]
    trigger_type = case["trigger_type"]
    group = rng.choice(GROUPS)
    limited = [mapping for mapping in mappings if mapping["policy"].get("reentry") or mapping["policy"].get("caps")]
    if limited and _chance(rng, 0.5):
        # A run that the limits of one mapping look at.
        mappings = [rng.choice(limited)]
        group = mappings[0]["exclusivity_group"]
    else:
        if mappings and _chance(rng, 0.7):
            group = rng.choice(mappings)["exclusivity_group"]
        if _chance(rng, 0.4):
            trigger_type = rng.choice(TRIGGER_TYPES)
    windows = _windows(mappings)
    state = _weighted(rng, {name: float(weight) for name, weight in STATES_BY_WEIGHT.items()})
    if not alive and state in ACTIVE:
        state = rng.choice(("completed", "exited", "expired", "withdrawn"))
    begun_at = _instant_of_run(rng, now, windows)
    claimed_at = None
    if _chance(rng, 0.95 if state in WERE_CLAIMED else 0.05):
        claimed_at = max(begun_at, _instant_of_run(rng, now, windows))
    return {
        "stakeholder_id": stakeholder_id,
        "trigger_type": trigger_type,
        "exclusivity_group": group,
        "business_key": case["business_key"] if _chance(rng, 0.2) else rng.choice(KEYS),
        "state": state,
        "begun_at": begun_at.isoformat(),
        "claimed_at": None if claimed_at is None else claimed_at.isoformat(),
        "cadence_id": rng.choice((101, 102, 103, 104, 105, 998)),
    }


def _runs(rng: random.Random, organization: Json, case: Json, busy: bool) -> list[Json]:
    """Runs of the candidates and of somebody else; only runs that never count may stand twice at one place."""
    runs: list[Json] = []
    places: set[tuple[str, str, str, str]] = set()
    everybody = [candidate["stakeholder"]["id"] for candidate in case["candidates"]]
    for stakeholder_id in (*everybody, NOT_A_CANDIDATE):
        count = _weighted(rng, {0: 3.0, 1: 3.0, 2: 2.0, 3: 1.0, 5: 0.5} if busy else {0: 8.0, 1: 2.0, 2: 0.5})
        for _ in range(count):
            run = _run(rng, organization, case, stakeholder_id, alive=busy or _chance(rng, 0.5))
            place = (stakeholder_id, run["trigger_type"], run["exclusivity_group"], run["business_key"])
            if run["state"] not in NEVER_COUNT:
                if place in places:
                    continue
                places.add(place)
            runs.append(run)
    rng.shuffle(runs)
    return runs


def _on_cadence(rng: random.Random, case: Json) -> list[list[Any]]:
    pairs = {(run["stakeholder_id"], run["cadence_id"]) for run in case["runs"] if run["state"] in ACTIVE}
    for candidate in case["candidates"]:
        if _chance(rng, 0.05):
            pairs.add((candidate["stakeholder"]["id"], rng.choice((101, 102, 103, 999))))
    listed: list[list[Any]] = [list(pair) for pair in sorted(pairs)]
    rng.shuffle(listed)
    return listed


def _active_by_email(rng: random.Random, case: Json) -> dict[str, list[list[str]]]:
    active: dict[str, list[list[str]]] = {}
    for candidate in case["candidates"]:
        if _chance(rng, 0.25):
            active[candidate["stakeholder"]["id"]] = [
                _some(rng, GROUPS, *_weighted(rng, {(1, 1): 6.0, (0, 3): 2.0})) for _ in range(rng.randint(0, 2))
            ]
    return active


def _case(rng: random.Random, organization: Json, ascii_only: bool) -> Json:
    now = _now(rng, organization)
    trigger_type = rng.choice(TRIGGER_TYPES)
    count = _weighted(rng, {0: 6.0, 1: 10.0, 2: 25.0, 3: 28.0, 4: 20.0, 5: 6.0, 6: 5.0})
    ids = rng.sample(STAKEHOLDER_IDS, count)
    case: Json = {
        "now": now.isoformat(),
        "trigger_type": trigger_type,
        "business_key": rng.choice(KEYS),
        "trigger": _trigger(rng, trigger_type, now),
        "customer": _customer(rng, organization, trigger_type, now),
        "customer_known": _chance(rng, 0.98),
        "ended": _chance(rng, 0.02),
        "ended_for": [each for each in ids if _chance(rng, 0.02)],
        "held": _chance(rng, 0.15),
        "candidates": [_candidate(rng, each, now, ascii_only) for each in ids],
        "suppressed": [each for each in (*ids, NOT_A_CANDIDATE) if _chance(rng, 0.03)],
    }
    case["runs"] = _runs(rng, organization, case, busy=_chance(rng, 0.5))
    case["on_cadence"] = _on_cadence(rng, case)
    case["active_by_email"] = _active_by_email(rng, case)
    return case


def cases(organization: Json, seed: int, count: int) -> Iterator[Json]:
    """As many random cases of an organization as are asked for."""
    ascii_only = any(
        _matches_address(mapping[criteria])
        for mapping in organization["mappings"]
        for criteria in ("stakeholder_criteria", "customer_criteria")
    )
    first = organization["mappings"][0]["id"] if organization["mappings"] else ""
    rng = random.Random(f"case/{seed}/{first}")
    for _ in range(count):
        yield _case(rng, organization, ascii_only)
