"""What must be so after a run, and what the publisher, the service's books, the bus and Salesloft tell of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sandbox.demo.agreement import Claim, Finding, compare, seen
from sandbox.demo.books import Books
from sandbox.demo.bystander import Bystander
from sandbox.generator import Stream
from sandbox.salesloft.server import SimulatorClient
from schemas.topics import ENROLLMENT_DECISION

__all__ = ["added_memberships", "reckon", "salesloft_units"]

_BOOKS: Final = "Postgres"
_BUS: Final = "Kafka"
_SALESLOFT: Final = "Salesloft"
_SENT: Final = "sent"

# What the simulator calls a change, and the unit that it is: source, metric, where its id stands.
_UNITS: Final = {
    "email.sent": ("email", "email-sent", "email_id"),
    "email.views": ("email", "email-opened", "email_id"),
    "email.clicks": ("email", "email-clicked", "email_id"),
    "email.replies": ("email", "email-replied", "email_id"),
    "email.bounced": ("email", "email-bounced", "email_id"),
    "call.logged": ("call", "call-logged", "call_id"),
    "step.completed": ("history", "step-completed", "history_id"),
    "person.do_not_contact": ("history", "unsubscribed", "history_id"),
}
_METRICS: Final = frozenset(metric for _, metric, _ in _UNITS.values())


def salesloft_units(life: Iterable[dict[str, Any]], *, without: set[int]) -> list[str]:
    """The units that the simulator's life made, but for those of some people."""
    found = []
    for change in life:
        unit = _UNITS.get(change["kind"])
        if unit is not None and change["person_id"] not in without:
            source, metric, place = unit
            found.append(f"{source}:{change[place]}:{metric}:{change.get('value', 1)}")
    return found


def added_memberships(writes: Iterable[dict[str, Any]]) -> list[str]:
    """The ids of the memberships that the simulator was asked for and made; one that was used again appears again."""
    return [
        str(key)
        for write in writes
        if write["resource"] == "cadence_memberships" and write["method"] == "POST"
        for key in write["ids"]
    ]


async def reckon(
    *,
    stream: Stream,
    decided: Sequence[str],
    books: Books,
    bystander: Bystander,
    simulator: SimulatorClient,
    team_ids: Sequence[int],
) -> list[Finding]:
    """Hold every claim against its witnesses. httpx's and asyncpg's errors pass through."""
    erased = await books.erased_people()
    writes = [write for team_id in team_ids for write in await simulator.writes(team_id)]
    life = [change for team_id in team_ids for change in await simulator.life(team_id)]
    history = await books.history()
    claims = [
        *_intake(stream, await books.taken_events(), bystander),
        *_questions(history, await books.request_digests(), bystander),
        Claim(
            "every decision of an approver arrived",
            {
                "approval desk": seen(decided),
                _BUS: seen(bystander.decisions),
                _BOOKS: seen(await books.decisions()),
            },
        ),
        *_enrollments(history, await books.own_memberships(), writes, bystander),
        *_activity(await books.units(), life, bystander, erased),
        Claim(
            "what was to be told was told",
            {
                _BOOKS: seen(f"{topic}/{event_id}" for event_id, topic in await books.sent_messages()),
                _BUS: seen(f"{topic}/{event_id}" for event_id, topic in bystander.published.items()),
            },
        ),
    ]
    return [compare(claim) for claim in claims]


def _intake(stream: Stream, taken: Sequence[tuple[str, str, str]], bystander: Bystander) -> Iterable[Claim]:
    erasures: Counter[str] = Counter()
    for record in stream.records:
        if record.id in stream.erased:
            erasures[record.topic] += 1
    null_values = Counter(topic for topic, source, _ in taken if source == "tombstone")
    events = [
        event_id for topic, source, event_id in taken if source != "tombstone" and topic != ENROLLMENT_DECISION.name
    ]
    yield Claim(
        "every good event was taken in, each once",
        {_SENT: seen(stream.good - stream.erased), _BOOKS: seen(events)},
    )
    yield Claim("every erasure was taken in", {_SENT: erasures, _BOOKS: null_values})
    yield Claim(
        "every broken record is a dead letter with its reason",
        {
            _SENT: seen(f"{mark} {code}" for mark, code in stream.malformed.items()),
            _BUS: seen(f"{mark} {code}" for mark, code in bystander.dead_letters.items()),
        },
    )


def _questions(
    history: Sequence[tuple[str, int, str]], digests: dict[str, str], bystander: Bystander
) -> Iterable[Claim]:
    yield Claim(
        "every enrollment was asked for, once for each time it was requested",
        {
            _BOOKS: seen(enrollment for enrollment, _, to in history if to == "requested"),
            _BUS: seen(enrollment for enrollment, _ in bystander.requests.values()),
        },
    )
    asked = set(bystander.requests.values())
    yield Claim(
        "what was asked is what is kept",
        {
            _BOOKS: seen(f"{enrollment} {digest}" for enrollment, digest in digests.items()),
            _BUS: seen(f"{one} {digest}" for one, digest in asked if digests.get(one, digest) == digest),
        },
    )


def _enrollments(
    history: Sequence[tuple[str, int, str]],
    memberships: Sequence[int],
    writes: Sequence[dict[str, Any]],
    bystander: Bystander,
) -> Iterable[Claim]:
    yield Claim(
        "every change of an enrollment was told",
        {
            _BOOKS: seen(f"{enrollment}#{number} {to}" for enrollment, number, to in history),
            _BUS: seen(f"{enrollment}#{number} {to}" for (enrollment, number), to in bystander.changes.items()),
        },
    )
    yield Claim(
        "who was enrolled was told so",
        {
            _BOOKS: seen({enrollment for enrollment, _, to in history if to == "enrolled"}),
            _BUS: seen({enrollment for (enrollment, _), to in bystander.changes.items() if to == "enrolled"}),
        },
    )
    yield Claim(
        "every enrollment is a membership in Salesloft, and no other was made",
        {
            _BOOKS: seen(map(str, memberships)),
            _BUS: seen(map(str, bystander.memberships.values())),
            _SALESLOFT: seen(added_memberships(writes)),
        },
    )


def _activity(
    units: Sequence[Any], life: Sequence[dict[str, Any]], bystander: Bystander, erased: set[int]
) -> Iterable[Claim]:
    told = {
        f"{unit['source']}:{unit['source_id']}:{unit['metric']}:{unit['ordinal']}"
        for unit in units
        if unit["metric"] in _METRICS and unit["person_id"] not in erased
    }
    yield Claim(
        "every unit of activity was seen, and none made up",
        {_SALESLOFT: seen(salesloft_units(life, without=erased)), _BOOKS: seen(told)},
    )
    yield Claim(
        "every unit of activity was told to its stakeholder",
        {
            _BOOKS: seen(f"{u['event_id']} {u['metric']}" for u in units if u["metric"] in _METRICS),
            _BUS: seen(f"{event_id} {kind}" for event_id, kind in bystander.activity.items()),
        },
    )
