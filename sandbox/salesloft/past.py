"""What a team has lived through before anyone looks: people as they really are, and weeks on its cadences.

The past is not written down but lived: people are put on cadences at instants that have passed, and everything that
follows happens as it would have. The same seed and name give the same past.
"""

from functools import partial
from random import Random

from sandbox.salesloft.instants import HOUR, working_moment
from sandbox.salesloft.records import Cadence, Person
from sandbox.salesloft.simulator import Simulator
from sandbox.salesloft.world import Team

__all__ = ["live_through"]

_SENIORITIES = ("director", "executive", "individual_contributor", "manager", "vice_president", "unknown")
_PLACES = (("Berlin", "BE", "DE", "Europe/Berlin"), ("Austin", "TX", "US", "US/Central"), ("Leeds", None, "GB", None))
_NAMES = (("José", "Núñez"), ("Łucja", "Żak"), ("王", "小明"), ("Anna-Lena", "von der Heide"), ("Cher", None))
_ON_CADENCES = 0.7


def live_through(simulator: Simulator, team: Team, now: int) -> None:
    """Give every person of the team their differences and most of them a past; returns with the past behind it."""
    chance = Random(f"{simulator.world.seed}/{team.name}/past")
    open_to_all = [row for row in team.cadences if row.team_cadence and not row.draft and row.archived_at is None]
    for ordinal, person in enumerate(list(team.people)):
        _differ(team, person, ordinal, chance)
        begins = working_moment(person.created_at + HOUR, chance.random(), team.zone)
        if chance.random() < _ON_CADENCES and open_to_all and begins < now:
            simulator.world.schedule(begins, partial(_begin, simulator, team, person, chance.choice(open_to_all)))
    simulator.world.settle(now)


def _begin(simulator: Simulator, team: Team, person: Person, cadence: Cadence, now: int) -> None:
    steps = team.steps_of(cadence.id)
    if steps and not person.do_not_contact:
        user_id = person.owner_id or team.admin().id
        simulator.memberships.add(team, person, cadence, user_id=user_id, start=steps[0], now=now)


def _differ(team: Team, person: Person, ordinal: int, chance: Random) -> None:
    """Values that are there for some and missing for others, as whoever wrote them knew them."""
    city, state, country, locale = chance.choice(_PLACES)
    person.details |= {
        "job_seniority": chance.choice((*_SENIORITIES, None)),
        "city": city,
        "state": state,
        "country": country,
        "locale": locale,
        "eu_resident": country == "DE",
    }
    if person.account_id is not None:
        account = team.accounts[person.account_id]
        person.details |= {"person_company_name": account.name, "person_company_industry": account.details["industry"]}
    if chance.random() < 0.3:
        person.custom_fields = {"Plan": chance.choice(("gold", "silver")), "Renewal Month": str(chance.randint(1, 12))}
    if chance.random() < 0.3:
        person.tags = [chance.choice(("newsletter", "reference", "beta"))]
    kind = ordinal % 20
    if kind == 3:
        person.details["first_name"], person.details["last_name"] = _NAMES[ordinal // 20 % len(_NAMES)]
    elif kind == 7:
        team.change_address(person, None)
    elif kind == 11 and person.email_address:
        team.change_address(person, person.email_address.title())
    elif kind == 15:
        person.contact_restrictions = [chance.choice(("email", "call", "message"))]
    elif kind == 19:
        person.do_not_contact = True
