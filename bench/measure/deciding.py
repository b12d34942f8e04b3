"""Deciding alone, without a bus, and deciding again what a database has recorded."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from time import perf_counter, process_time
from uuid import UUID

import orjson
from rich.progress import Progress

from bench.measure.figures import NotMeasurable
from bench.measure.load import OWNER_EMAIL, Load
from enrollment.criteria import parse_criteria
from enrollment.decide import CadenceFacts, Candidate, OrganizationFacts, SenderFacts, Situation, StepFacts, decide
from enrollment.mappings import CustomersOwner, Mapping, MappingBook, Policy
from schemas.directory import CustomerSnapshot, OwnerRef, StakeholderSnapshot
from schemas.lifecycle import RenewalWindowTrigger
from schemas.vocabulary import PURPOSE_OF_TRIGGER, CandidateOutcome, TriggerType
from storage import stored_evaluations
from storage.pool import Database, DatabaseOptions
from workflows.trying import back_test

__all__ = ["CANDIDATES", "MAPPINGS", "MAPPINGS_ALIKE", "BackTestRate", "measure_back_test", "measure_deciding"]

MAPPINGS = 200
MAPPINGS_ALIKE = 3
CANDIDATES = 20
_USER = 12
_SECONDS = 3.0
_CHAMPION = parse_criteria(
    '{"all": [{"field": "stakeholder.is_champion", "op": "equals", "value": true},'
    ' {"field": "stakeholder.title", "op": "in", "value": ["CTO", "VP Engineering"]}]}'
)
_UNWELL = parse_criteria('{"field": "customer.health_score", "op": "lt", "value": 60}')


def measure_deciding() -> float:
    """Candidates decided in a second of one core's time, one of twenty being asked for."""
    now = datetime.now(UTC)
    organization, situation = _organization(), _situation()
    requested = [one for one in decide(situation, organization, now) if one.outcome is CandidateOutcome.REQUEST]
    if len(requested) != 1:
        raise NotMeasurable(f"{len(requested)} of {CANDIDATES} candidates are requested, and one is to be")
    decided, began = 0, process_time()
    while process_time() - began < _SECONDS:
        decided += len(decide(situation, organization, now))
    return decided / (process_time() - began)


@dataclass(frozen=True, slots=True)
class BackTestRate:
    """Recorded events decided again in a second, and what share that is of reading and parsing the same alone."""

    events_per_second: float
    of_reading: float


async def measure_back_test(dsn: str, load: Load, progress: Progress) -> BackTestRate:
    """Decide a load that the service has decided again, each organization's by itself, and read it alone before."""
    now = datetime.now(UTC)
    since, until = now - timedelta(days=1), now + timedelta(days=1)
    line = progress.add_task("back-test", total=load.events)
    async with Database.connected(DatabaseOptions(dsn=dsn)) as database, database.reading() as connection:
        # Read twice, so that both find it in memory.
        alone = 0.0
        for _ in range(2):
            began = perf_counter()
            for organization_id in load.organization_ids():
                reading = await stored_evaluations.between(connection, organization_id, since, until)
                while page := await reading.page():
                    for one in page:
                        orjson.loads(one.facts)
            alone = perf_counter() - began
        made, began = 0, perf_counter()
        for organization_id in load.organization_ids():
            test = await back_test(
                connection,
                organization_id,
                since,
                until,
                progress=lambda many: progress.advance(line, many),
            )
            made += test.evaluations
            if test.requests != test.evaluations:
                raise NotMeasurable(f"{test.evaluations} events of {organization_id} come to {test.requests} requests")
        seconds = perf_counter() - began
    progress.remove_task(line)
    if made != load.events:
        raise NotMeasurable(f"{made} of {load.events} events are recorded")
    return BackTestRate(made / seconds, alone / seconds)


def _organization() -> OrganizationFacts:
    triggers = list(TriggerType)
    segments = MAPPINGS // len(triggers) // MAPPINGS_ALIKE + 1
    places = [
        (trigger, segment, alike)
        for segment in range(segments)
        for trigger in triggers
        for alike in range(MAPPINGS_ALIKE)
    ]
    mappings = [
        Mapping(
            id=UUID(int=number),
            version=1,
            trigger_type=trigger,
            segment=f"segment-{segment}",
            purpose=PURPOSE_OF_TRIGGER[trigger],
            cadence_id=1,
            start_step_id=None,
            sender=CustomersOwner(),
            stakeholder_criteria=_CHAMPION,
            customer_criteria=_UNWELL,
            policy=Policy(),
            priority=alike,
            exclusivity_group="default",
            enabled=True,
        )
        for number, (trigger, segment, alike) in enumerate(places[:MAPPINGS], 1)
    ]
    sender = SenderFacts(_USER, OWNER_EMAIL, "Kim")
    cadence = CadenceFacts(
        id=1,
        name="Renewal",
        people_addable=True,
        team_cadence=True,
        owner_user_id=_USER,
        steps=(StepFacts(77, "First e-mail", 1, "email"),),
    )
    return OrganizationFacts(
        organization_id="org-1",
        decision_version=1,
        time_zone="Europe/Berlin",
        connected=True,
        self_approval_allowed=False,
        mappings=MappingBook(mappings),
        cadences={1: cadence},
        senders={_USER: sender},
        senders_by_email={OWNER_EMAIL: sender},
    )


def _situation() -> Situation:
    stakeholders = [
        StakeholderSnapshot(
            id=f"sth-{place}",
            name="Ann Lee",
            email=f"ann.{place}@acme.example",
            title="VP Engineering",
            is_champion=place == 0,
            time_zone="Europe/Berlin",
        )
        for place in range(CANDIDATES)
    ]
    return Situation(
        trigger_type=TriggerType.RENEWAL_WINDOW,
        trigger=RenewalWindowTrigger(contract_id="con-5", term_end=date(2027, 3, 31), days_to_renewal=90),
        business_key="con-5/2027-03-31",
        customer=CustomerSnapshot(
            id="cus-7", segment="segment-7", health_score=41, owner=OwnerRef(user_id="usr-3", email=OWNER_EMAIL)
        ),
        customer_known=True,
        candidates=[Candidate(one, None) for one in stakeholders],
        runs={},
        on_cadence=set(),
        ended=False,
        ended_for=set(),
        held=False,
    )
