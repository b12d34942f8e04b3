"""Random organizations in the forms of the enrollment contract."""

import random
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bench.proof.oracle.values import (
    BOOLEANS,
    CUSTOMER_IDS,
    DATES,
    DAYS_AROUND,
    GROUPS,
    MIXED_SHARE,
    NO_ZONES,
    NUMBERS,
    PATTERNS,
    SEGMENTS,
    SPECIAL_DATES,
    TEXTS,
    TRIGGER_FIELDS,
    TRIGGER_TYPES,
    ZONES,
    Json,
    chance,
    maybe,
    random_instant,
    some,
    weighted,
)

__all__ = ["matches_address", "organizations"]

# Everything is drawn from seeds: the same arguments give the same organizations. Those of one seed are of different
# kinds by their place in the list, so that some twenty of them hold every kind.


# --- Criteria ----------------------------------------------------------------------------------------------------


def _number_value(rng: random.Random, number: Any) -> Any:
    """A number as it is, or as a text, sometimes with more places than it needs."""
    if chance(rng, 0.65):
        return number
    text = str(int(number)) if float(number).is_integer() else str(number)
    if chance(rng, 0.2):
        return f"{text}0" if "." in text else f"{text}.0"
    return text


def _predicate(rng: random.Random, field: str) -> Json:
    if chance(rng, 0.12):
        predicate: Json = {"field": field, "op": "exists"}
        value = rng.choices((None, True, False), weights=(4, 4, 2))[0]
        if value is not None:
            predicate["value"] = value
        return predicate
    if field in TEXTS:
        op = weighted(rng, {"equals": 2.0, "in": 3.0, "matches": 4.0})
        pool = TEXTS[field]
        text_values: dict[str, Any] = {
            "equals": rng.choice(pool),
            "in": some(rng, pool, 1, len(pool)),
            "matches": rng.choice(PATTERNS),
        }
        return {"field": field, "op": op, "value": text_values[op]}
    if field in NUMBERS:
        op = weighted(rng, {"equals": 1.0, "in": 1.5, "lt": 2.0, "lte": 2.0, "gt": 2.0, "gte": 2.0})
        numbers = NUMBERS[field]
        if op == "in":
            return {
                "field": field,
                "op": op,
                "value": [_number_value(rng, number) for number in some(rng, numbers, 1, len(numbers))],
            }
        return {"field": field, "op": op, "value": _number_value(rng, rng.choice(numbers))}
    if field in BOOLEANS:
        return {"field": field, "op": "equals", "value": chance(rng, 0.6)}
    op = weighted(rng, {"equals": 1.0, "before": 4.0, "after": 4.0})
    if op == "equals":
        return {"field": field, "op": op, "value": rng.choice(SPECIAL_DATES)}
    return {"field": field, "op": op, "value": rng.choice(DAYS_AROUND)}


def _field(rng: random.Random, trigger_type: str, *, about_stakeholder: bool) -> str:
    every = (*TEXTS, *NUMBERS, *BOOLEANS, *DATES)
    if chance(rng, MIXED_SHARE):
        about_stakeholder = not about_stakeholder
    if about_stakeholder:
        return rng.choice([field for field in every if field.startswith(("stakeholder.", "engagement."))])
    own = TRIGGER_FIELDS[trigger_type]
    if own and chance(rng, 0.4):
        return rng.choice(own)
    return rng.choice([field for field in every if field.startswith("customer.")])


def _criteria(rng: random.Random, trigger_type: str, depth: int, *, about_stakeholder: bool) -> Json:
    if depth == 0 or chance(rng, 0.35):
        return _predicate(rng, _field(rng, trigger_type, about_stakeholder=about_stakeholder))
    kind = weighted(rng, {"all": 3.0, "any": 5.0, "not": 2.0})
    if kind == "not":
        return {"not": _criteria(rng, trigger_type, depth - 1, about_stakeholder=about_stakeholder)}
    count = weighted(rng, {0: 0.3, 1: 1.0, 2: 4.0, 3: 3.0})
    return {kind: [_criteria(rng, trigger_type, depth - 1, about_stakeholder=about_stakeholder) for _ in range(count)]}


def _criteria_of_mapping(rng: random.Random, trigger_type: str, *, about_stakeholder: bool) -> Json:
    kind = weighted(rng, {"none": 50.0, "lenient": 25.0, "any": 25.0})
    if kind == "none":
        return {"all": []}
    criteria = _criteria(rng, trigger_type, 3, about_stakeholder=about_stakeholder)
    if kind == "lenient":
        # Nearly always true or unknown.
        return {"any": [criteria, {"not": _criteria(rng, trigger_type, 2, about_stakeholder=about_stakeholder)}]}
    return criteria


def matches_address(criteria: Any) -> bool:
    """Whether a pattern is matched against a stakeholder's address anywhere in it."""
    if isinstance(criteria, dict):
        if criteria.get("op") == "matches":
            return bool(criteria["field"] == "stakeholder.email")
        return any(matches_address(part) for part in criteria.values())
    if isinstance(criteria, list):
        return any(matches_address(part) for part in criteria)
    return False


# --- Organizations -----------------------------------------------------------------------------------------------


def _cadences(rng: random.Random, users: Sequence[int]) -> list[Json]:
    cadences: list[Json] = []
    for number in range(101, 108):
        steps = [{"id": number * 10 + place, "day": 1 + 3 * place} for place in range(rng.randint(1, 4))]
        if chance(rng, 0.3):
            # The first step is the first in order, and not the one with the least id.
            steps = [{"id": step["id"], "day": place + 1} for place, step in enumerate(reversed(steps))]
        cadences.append(
            {
                "id": number,
                "people_addable": True,
                "team_cadence": True,
                "owner_user_id": maybe(rng, 0.7, rng.choice(users)),
                "steps": steps,
            }
        )
    cadences[3]["team_cadence"] = False
    cadences[3]["owner_user_id"] = maybe(rng, 0.9, users[0])
    cadences[4]["team_cadence"] = chance(rng, 0.5)
    cadences[5]["people_addable"] = False
    cadences[6]["steps"] = []
    rng.shuffle(cadences)
    return cadences


def _sender(rng: random.Random, users: Sequence[int], absent: Sequence[int]) -> Json:
    kind = weighted(rng, {"customer_owner": 2.5, "fixed_user": 4.0, "round_robin": 4.5})
    if kind == "customer_owner":
        return {"kind": kind}
    if kind == "fixed_user":
        return {"kind": kind, "user_id": rng.choice(absent) if chance(rng, 0.08) else rng.choice(users)}
    if chance(rng, 0.06):
        return {"kind": kind, "user_ids": some(rng, absent, 1, 2)}
    return {"kind": kind, "user_ids": some(rng, (*users, *absent), 1, 5)}


def _caps(rng: random.Random) -> list[Json]:
    pers = some(rng, ("stakeholder", "account", "sender", "mapping"), 0, 3)
    caps: list[Json] = [
        {
            "per": per,
            "at_most": weighted(rng, {1: 3.0, 2: 3.0, 3: 2.0, 5: 1.0}),
            "within_hours": rng.choice((1, 24, 168, 720)),
        }
        for per in pers
    ]
    if caps and chance(rng, 0.1):
        # Two caps of one kind: few in a short time, more in a long one.
        caps.append({"per": caps[0]["per"], "at_most": caps[0]["at_most"] + 1, "within_hours": 2000})
    return caps


def _policy(rng: random.Random, trigger_type: str) -> Json:
    policy: Json = {}
    if trigger_type == "renewal-window" and chance(rng, 0.5):
        policy["start_days_before_term_end"] = rng.choice((0, 1, 7, 30, 60))
    elif chance(rng, 0.6):
        policy["start_offset_days"] = rng.choice((0, 1, 2, 30, 365))
    if chance(rng, 0.2):
        policy["shadow"] = chance(rng, 0.7)
    if chance(rng, 0.45):
        policy["exclusive_by"] = weighted(rng, {None: 0.7, "stakeholder": 3.0, "email": 3.0})
    if chance(rng, 0.3):
        policy["hold_out_percent"] = weighted(rng, {0: 2.0, 1: 1.0, 20: 3.0, 50: 3.0, 99: 0.3, 100: 0.5})
    if chance(rng, 0.5):
        at_most = {
            "kind": "at_most",
            "times": weighted(rng, {1: 4.0, 2: 2.0, 3: 1.0}),
            "within_days": rng.choice((1, 7, 30, 90)),
        }
        policy["reentry"] = rng.choice((None, {"kind": "once"}, {"kind": "if_not_active"}, at_most, at_most))
    if chance(rng, 0.4):
        policy["caps"] = _caps(rng)
    if chance(rng, 0.15):
        # The same said in full.
        policy.setdefault("start_days_before_term_end", None)
        if policy["start_days_before_term_end"] is None:
            policy.setdefault("start_offset_days", 0)
        for name, usual in (("shadow", False), ("exclusive_by", None), ("hold_out_percent", 0), ("reentry", None)):
            policy.setdefault(name, usual)
        policy.setdefault("caps", [])
    return policy


def _mapping(rng: random.Random, trigger_type: str, users: Sequence[int], absent: Sequence[int]) -> Json:
    cadence_id = weighted(rng, {101: 10.0, 102: 10.0, 103: 10.0, 104: 1.5, 105: 1.5, 106: 0.6, 107: 0.6, 999: 0.6})
    start_step_id = None
    if chance(rng, 0.3):
        start_step_id = cadence_id * 10 + weighted(rng, {0: 6.0, 1: 2.0, 2: 1.0, 9: 0.4})
    return {
        "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "version": rng.randint(1, 3),
        "trigger_type": trigger_type,
        "segment": maybe(rng, 0.45, rng.choice(SEGMENTS)),
        "cadence_id": cadence_id,
        "start_step_id": start_step_id,
        "sender": _sender(rng, users, absent),
        "stakeholder_criteria": _criteria_of_mapping(rng, trigger_type, about_stakeholder=True),
        "customer_criteria": _criteria_of_mapping(rng, trigger_type, about_stakeholder=False),
        "policy": _policy(rng, trigger_type),
        "priority": rng.choice((-1, 0, 1, 1, 1, 2, 10)),
        "exclusivity_group": rng.choices(GROUPS, weights=(6, 3, 1, 2))[0],
        "enabled": chance(rng, 0.9),
        "parked": chance(rng, 0.04),
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


def _stop(rng: random.Random, scope: str, subject: str, *, brief: bool) -> Json:
    stopped_at = random_instant(rng)
    over_at = None
    if brief or chance(rng, 0.7):
        over_at = stopped_at + timedelta(hours=rng.randint(1, 72) if brief else rng.randint(24, 24 * 300))
    return {
        "scope": scope,
        "subject": subject,
        "stopped_at": stopped_at.isoformat(),
        "over_at": None if over_at is None else over_at.isoformat(),
    }


def _stops(rng: random.Random, mappings: Sequence[Json]) -> list[Json]:
    stops: list[Json] = []
    if chance(rng, 0.6):
        stops.append(_stop(rng, "organization", "organization", brief=True))
    stops.extend(
        _stop(rng, "customer", customer_id, brief=chance(rng, 0.6)) for customer_id in some(rng, CUSTOMER_IDS, 0, 2)
    )
    for mapping in some(rng, mappings, 0, 2):
        stops.append(_stop(rng, "mapping", mapping["id"], brief=False))
        if chance(rng, 0.3):
            stops.append(_stop(rng, "mapping", mapping["id"], brief=True))
    stops.extend(
        _stop(rng, "cadence", cadence_id, brief=False)
        for cadence_id in some(rng, ("101", "102", "103", "104", "999"), 0, 1)
    )
    rng.shuffle(stops)
    return stops


def _organization(rng: random.Random, place: int) -> Json:
    users = (7, 8, 9, 11)
    emails = {7: "ann@x.test", 8: "Bob@X.test", 9: " cy@x.test", 11: "dee+s@x.test"}
    present = some(rng, users, 3, 4)
    senders = [{"user_id": user_id, "email": emails[user_id]} for user_id in present]
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
