"""A random population of organizations and cases in the forms of the enrollment contract."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bench.proof.oracle.organizations import matches_address, organizations
from bench.proof.oracle.values import (
    ACTIVE,
    CUSTOMER_IDS,
    DAYS_AROUND,
    DOUBTFUL_ADDRESSES,
    DOUBTFUL_SHARE,
    FOREIGN_ADDRESSES,
    FOREIGN_SHARE,
    GROUPS,
    INVALID_ADDRESSES,
    KEYS,
    NEVER_COUNT,
    NO_ZONES,
    NOT_A_CANDIDATE,
    NUMBERS,
    SEGMENTS,
    SPECIAL_DATES,
    SPECIAL_INSTANTS,
    STAKEHOLDER_IDS,
    STATES_BY_WEIGHT,
    TEXTS,
    TRIGGER_TYPES,
    VALID_ADDRESSES,
    WERE_CLAIMED,
    ZONES,
    Json,
    chance,
    maybe,
    put,
    random_instant,
    some,
    utc_day,
    weighted,
)

__all__ = ["cases", "organizations"]

# Everything is drawn from seeds: the same arguments give the same population.


def _now(rng: random.Random, organization: Json) -> datetime:
    kind = weighted(rng, {"random": 55.0, "stop": 12.0, "special": 18.0, "midnight": 15.0})
    edges = [stop[end] for stop in organization["stops"] for end in ("stopped_at", "over_at") if stop[end]]
    if kind == "stop" and edges:
        return datetime.fromisoformat(rng.choice(edges)) + timedelta(seconds=rng.choice((-1, 0, 0, 1)))
    if kind == "special":
        return datetime.fromisoformat(rng.choice(SPECIAL_INSTANTS))
    instant = random_instant(rng)
    if kind == "midnight":
        # The beginning of a day somewhere, or the second before it.
        begin = datetime.combine(instant.date(), time(), tzinfo=ZoneInfo(rng.choice(ZONES))).astimezone(UTC)
        return begin - timedelta(seconds=rng.choice((0, 0, 1)))
    return instant


def _date_near(rng: random.Random, now: datetime) -> str:
    if chance(rng, 0.2):
        return rng.choice(SPECIAL_DATES)
    return (utc_day(now) + timedelta(days=rng.choice(DAYS_AROUND) + rng.choice((-1, 0, 0, 1)))).isoformat()


def _instant_before(rng: random.Random, now: datetime) -> str:
    """An instant not later than now, often at the very end of a UTC day."""
    day = utc_day(now) - timedelta(days=rng.choice((0, 1, 6, 7, 8, 30, 31, 60)))
    clock = rng.choice((time(0, 0), time(23, 59, 59), time(rng.randint(0, 23), rng.randint(0, 59))))
    return min(now, datetime.combine(day, clock, tzinfo=UTC)).isoformat()


def _trigger(rng: random.Random, trigger_type: str, now: datetime) -> Json:
    trigger: Json = {}
    if trigger_type == "renewal-window":
        days = rng.choice(NUMBERS["trigger.days_to_renewal"])
        trigger["days_to_renewal"] = days
        trigger["term_end"] = (utc_day(now) + timedelta(days=days)).isoformat()
        if chance(rng, 0.2):
            trigger["term_end"] = _date_near(rng, now)
    elif trigger_type == "at-risk":
        put(rng, trigger, "severity", maybe(rng, 0.8, rng.choice(TEXTS["trigger.severity"])))
    elif trigger_type == "expansion-signal":
        put(rng, trigger, "kind", maybe(rng, 0.8, rng.choice(TEXTS["trigger.kind"])))
        put(rng, trigger, "potential_arr", maybe(rng, 0.8, rng.choice(NUMBERS["trigger.potential_arr"])))
    return trigger


def _with_blanks(rng: random.Random, address: str) -> str:
    address = rng.choice((address, address, address, address.upper(), address.title()))
    return rng.choice((address, address, address, f" {address}", f"{address}  ", f"\t{address} "))


def _customer(rng: random.Random, organization: Json, trigger_type: str, now: datetime) -> Json:
    customer: Json = {"id": rng.choice(CUSTOMER_IDS), "name": rng.choice(TEXTS["customer.name"])}
    put(rng, customer, "domain", maybe(rng, 0.85, rng.choice(TEXTS["customer.domain"])))
    asked = [
        mapping["segment"]
        for mapping in organization["mappings"]
        if mapping["trigger_type"] == trigger_type and mapping["segment"]
    ]
    segment = rng.choice(asked) if asked and chance(rng, 0.7) else rng.choice(SEGMENTS)
    put(rng, customer, "segment", maybe(rng, 0.88, segment))
    put(rng, customer, "tier", maybe(rng, 0.85, rng.choice(TEXTS["customer.tier"])))
    put(rng, customer, "arr", maybe(rng, 0.85, rng.choice(NUMBERS["customer.arr"])))
    put(rng, customer, "health_score", maybe(rng, 0.85, rng.choice(NUMBERS["customer.health_score"])))
    put(rng, customer, "renewal_date", maybe(rng, 0.85, _date_near(rng, now)))
    owner = None
    if chance(rng, 0.92):
        email = rng.choice(organization["senders"])["email"]
        if chance(rng, 0.08):
            email = "nobody@x.test"
        owner = {"user_id": rng.choice(TEXTS["customer.owner.user_id"]), "email": _with_blanks(rng, email)}
    put(rng, customer, "owner", owner)
    return customer


def _address(rng: random.Random, *, ascii_only: bool) -> str | None:
    if chance(rng, DOUBTFUL_SHARE):
        return rng.choice(DOUBTFUL_ADDRESSES)
    if not ascii_only and chance(rng, FOREIGN_SHARE):
        return rng.choice(FOREIGN_ADDRESSES)
    kind = weighted(rng, {"plain": 82.0, "valid": 8.0, "invalid": 4.0, "none": 2.5})
    if kind == "none":
        return rng.choice((None, None, "", " ", "\t "))
    if kind == "invalid":
        address = rng.choice(INVALID_ADDRESSES)
        return f" {address} " if chance(rng, 0.2) else address
    if kind == "valid":
        address = rng.choice(VALID_ADDRESSES)
        return f"  {address} " if chance(rng, 0.3) else address
    address = rng.choice(TEXTS["stakeholder.email"])
    return address if chance(rng, 0.6) else _with_blanks(rng, address)


def _stakeholder(rng: random.Random, stakeholder_id: str, *, ascii_only: bool) -> Json:
    stakeholder: Json = {"id": stakeholder_id}
    for name in ("name", "title", "role"):
        put(rng, stakeholder, name, maybe(rng, 0.85, rng.choice(TEXTS[f"stakeholder.{name}"])))
    put(rng, stakeholder, "email", _address(rng, ascii_only=ascii_only))
    for name in ("is_primary", "is_champion", "is_decision_maker"):
        put(rng, stakeholder, name, maybe(rng, 0.85, chance(rng, 0.6)))
    zone = rng.choice(NO_ZONES) if chance(rng, 0.15) else rng.choice(ZONES)
    put(rng, stakeholder, "time_zone", maybe(rng, 0.7, zone))
    preference = weighted(rng, {"blocked": 2.0, "allowed": 30.0, "unknown": 30.0})
    put(rng, stakeholder, "email_preference", maybe(rng, 0.8, preference))
    return stakeholder


def _engagement(rng: random.Random, now: datetime) -> Json:
    engagement: Json = {}
    for name in ("last_contacted_at", "last_replied_at"):
        put(rng, engagement, name, maybe(rng, 0.75, _instant_before(rng, now)))
    for field, numbers in NUMBERS.items():
        subject, name = field.split(".")
        if subject == "engagement":
            engagement[name] = rng.choice(numbers)
    return engagement


def _person(rng: random.Random) -> Json:
    return {
        "do_not_contact": chance(rng, 0.02),
        "email_restricted": chance(rng, 0.03),
        "bouncing": chance(rng, 0.03),
        "account_do_not_contact": rng.choices((True, False, None), weights=(2, 60, 38))[0],
    }


def _candidate(rng: random.Random, stakeholder_id: str, now: datetime, *, ascii_only: bool) -> Json:
    return {
        "stakeholder": _stakeholder(rng, stakeholder_id, ascii_only=ascii_only),
        "gone": rng.choices((None, "stakeholder_left", "erased"), weights=(95, 2.5, 2.5))[0],
        "person": _person(rng) if chance(rng, 0.8) else None,
        "engagement": _engagement(rng, now) if chance(rng, 0.75) else None,
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
    if chance(rng, 0.6):
        nudge = timedelta(microseconds=rng.choice((-1_000_000, -1, 0, 0, 0, 1, 1_000_000)))
        return min(now, now - rng.choice(windows) + nudge)
    return now - timedelta(minutes=rng.choice((0, 1, 59, 600, 2000, 9000, 50000, 200000)))


def _run(rng: random.Random, organization: Json, case: Json, stakeholder_id: str, *, alive: bool) -> Json:
    now = datetime.fromisoformat(case["now"])
    mappings = [mapping for mapping in organization["mappings"] if mapping["trigger_type"] == case["trigger_type"]]
    trigger_type = case["trigger_type"]
    group = rng.choice(GROUPS)
    limited = [mapping for mapping in mappings if mapping["policy"].get("reentry") or mapping["policy"].get("caps")]
    if limited and chance(rng, 0.5):
        # A run that the limits of one mapping look at.
        mappings = [rng.choice(limited)]
        group = mappings[0]["exclusivity_group"]
    else:
        if mappings and chance(rng, 0.7):
            group = rng.choice(mappings)["exclusivity_group"]
        if chance(rng, 0.4):
            trigger_type = rng.choice(TRIGGER_TYPES)
    windows = _windows(mappings)
    state = weighted(rng, {name: float(weight) for name, weight in STATES_BY_WEIGHT.items()})
    if not alive and state in ACTIVE:
        state = rng.choice(("completed", "exited", "expired", "withdrawn"))
    begun_at = _instant_of_run(rng, now, windows)
    claimed_at = None
    if chance(rng, 0.95 if state in WERE_CLAIMED else 0.05):
        claimed_at = max(begun_at, _instant_of_run(rng, now, windows))
    return {
        "stakeholder_id": stakeholder_id,
        "trigger_type": trigger_type,
        "exclusivity_group": group,
        "business_key": case["business_key"] if chance(rng, 0.2) else rng.choice(KEYS),
        "state": state,
        "begun_at": begun_at.isoformat(),
        "claimed_at": None if claimed_at is None else claimed_at.isoformat(),
        "cadence_id": rng.choice((101, 102, 103, 104, 105, 998)),
    }


def _runs(rng: random.Random, organization: Json, case: Json, *, busy: bool) -> list[Json]:
    """Runs of the candidates and of somebody else; only runs that never count may stand twice at one place."""
    runs: list[Json] = []
    places: set[tuple[str, str, str, str]] = set()
    everybody = [candidate["stakeholder"]["id"] for candidate in case["candidates"]]
    for stakeholder_id in (*everybody, NOT_A_CANDIDATE):
        count = weighted(rng, {0: 3.0, 1: 3.0, 2: 2.0, 3: 1.0, 5: 0.5} if busy else {0: 8.0, 1: 2.0, 2: 0.5})
        for _ in range(count):
            run = _run(rng, organization, case, stakeholder_id, alive=busy or chance(rng, 0.5))
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
        if chance(rng, 0.05):
            pairs.add((candidate["stakeholder"]["id"], rng.choice((101, 102, 103, 999))))
    listed: list[list[Any]] = [list(pair) for pair in sorted(pairs)]
    rng.shuffle(listed)
    return listed


def _active_by_email(rng: random.Random, case: Json) -> dict[str, list[list[str]]]:
    active: dict[str, list[list[str]]] = {}
    for candidate in case["candidates"]:
        if chance(rng, 0.25):
            active[candidate["stakeholder"]["id"]] = [
                some(rng, GROUPS, *weighted(rng, {(1, 1): 6.0, (0, 3): 2.0})) for _ in range(rng.randint(0, 2))
            ]
    return active


def _case(rng: random.Random, organization: Json, *, ascii_only: bool) -> Json:
    now = _now(rng, organization)
    trigger_type = rng.choice(TRIGGER_TYPES)
    count = weighted(rng, {0: 6.0, 1: 10.0, 2: 25.0, 3: 28.0, 4: 20.0, 5: 6.0, 6: 5.0})
    ids = rng.sample(STAKEHOLDER_IDS, count)
    case: Json = {
        "now": now.isoformat(),
        "trigger_type": trigger_type,
        "business_key": rng.choice(KEYS),
        "trigger": _trigger(rng, trigger_type, now),
        "customer": _customer(rng, organization, trigger_type, now),
        "customer_known": chance(rng, 0.98),
        "ended": chance(rng, 0.02),
        "ended_for": [each for each in ids if chance(rng, 0.02)],
        "held": chance(rng, 0.15),
        "candidates": [_candidate(rng, each, now, ascii_only=ascii_only) for each in ids],
        "suppressed": [each for each in (*ids, NOT_A_CANDIDATE) if chance(rng, 0.03)],
    }
    case["runs"] = _runs(rng, organization, case, busy=chance(rng, 0.5))
    case["on_cadence"] = _on_cadence(rng, case)
    case["active_by_email"] = _active_by_email(rng, case)
    return case


def cases(organization: Json, seed: int, count: int) -> Iterator[Json]:
    """As many random cases of an organization as are asked for."""
    ascii_only = any(
        matches_address(mapping[criteria])
        for mapping in organization["mappings"]
        for criteria in ("stakeholder_criteria", "customer_criteria")
    )
    first = organization["mappings"][0]["id"] if organization["mappings"] else ""
    rng = random.Random(f"case/{seed}/{first}")
    for _ in range(count):
        yield _case(rng, organization, ascii_only=ascii_only)
