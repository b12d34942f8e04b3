"""What a new team starts with: users, accounts, people, and cadences with their steps."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from zoneinfo import ZoneInfo

from sandbox.salesloft.instants import DAY
from sandbox.salesloft.records import Account, Cadence, Email, Membership, Person, Step, StepType, User
from sandbox.salesloft.world import Team, World

__all__ = ["StepPlan", "TeamPlan", "add_cadence", "add_people", "found_team", "populate"]

_FIRST = (
    "Ada",
    "Bruno",
    "Chiara",
    "Dev",
    "Elif",
    "Femi",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Luis",
    "Mona",
    "Nils",
)
_LAST = ("Abebe", "Bauer", "Castro", "Dahl", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Khan", "Lopez")
_TITLES = ("VP Customer Success", "Head of Operations", "IT Manager", "Chief of Staff", "Product Owner", "Team Lead")
_COMPANIES = ("Northwind", "Bluefin", "Cedar", "Halcyon", "Juniper", "Larkspur", "Meridian", "Orchard", "Pinnacle")
_REP_ZONES = ("America/New_York", "America/Chicago", "Europe/London")

_E: tuple[StepType, bool] = ("email", True)
_M: tuple[StepType, bool] = ("email", False)
_P: tuple[StepType, bool] = ("phone", False)
_O: tuple[StepType, bool] = ("other", False)
# Business day, name, kind and whether it is automated, of each step.
_CADENCES: dict[str, tuple[tuple[int, str, tuple[StepType, bool]], ...]] = {
    "Welcome": (
        (1, "Welcome aboard", _E),
        (2, "Introduction call", _P),
        (4, "Getting started guide", _E),
        (6, "Check the first value", _O),
        (9, "How is it going", _E),
    ),
    "Renewal 90": (
        (1, "Renewal is coming", _E),
        (3, "Renewal call", _P),
        (5, "Value delivered so far", _E),
        (8, "Prepare the proposal", _O),
        (10, "Proposal follow-up", _M),
        (12, "Second renewal call", _P),
        (15, "Closing the renewal", _E),
    ),
    "Save": (
        (1, "Call at once", _P),
        (1, "We noticed", _M),
        (2, "Plan to get back on track", _E),
        (4, "Executive call", _P),
        (6, "Recovery review", _E),
    ),
    "Upsell": (
        (1, "An idea for your team", _E),
        (3, "What others do with it", _E),
        (5, "Discovery call", _P),
        (8, "Proposal", _M),
    ),
    "Quarterly review": ((1, "Invitation", _E), (3, "Agenda", _E), (5, "Review call", _P), (6, "Summary", _M)),
    "Personal follow-up": (
        (1, "Thanks for your time", _E),
        (3, "Call back", _P),
        (5, "Last note", _E),
        (8, "Tidy up", _O),
    ),
    "Old onboarding": ((1, "Hello", _E), (3, "Call", _P), (5, "Docs", _E), (7, "Wrap up", _E)),
    "Advocacy (draft)": ((1, "Would you speak", _E), (3, "Call", _P), (5, "Thank you", _E), (7, "Gift", _O)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """A step to be; `day` is a business day from 1. Only e-mails can be automated."""

    day: int
    name: str
    type: StepType
    automated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPlan:
    """How large a new team is to be. The first user is the admin; `user_emails` are addresses of further users.

    With `history_weeks` its people were met over that many weeks and have a past on its cadences, and they differ as
    real ones do: some have no address, some must not be contacted, some were written with capitals or a nickname.
    """

    name: str
    time_zone: str = "America/New_York"
    users: int = 4
    people: int = 0
    accounts: int = 0
    history_weeks: int = 0
    user_emails: tuple[str, ...] = ()


def found_team(world: World, plan: TeamPlan, now: int) -> Team:
    """A team as it would look after half a year, the same for the same seed and name."""
    chance = Random(f"{world.seed}/{plan.name}")
    founded = now - 180 * DAY
    team = Team(team_id=next(world.ids.team), name=plan.name, zone=ZoneInfo(plan.time_zone), created_at=founded)
    world.teams[team.id] = team
    slug = "".join(letter for letter in plan.name.lower() if letter.isalnum()) or "team"
    own = max(plan.users, 1)
    for number in range(own + len(plan.user_emails)):
        first, last = _FIRST[(number * 5) % len(_FIRST)], _LAST[(number * 7) % len(_LAST)]
        user = User(
            id=next(world.ids.user),
            created_at=founded + number,
            updated_at=founded + number,
            guid=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            first_name=first,
            last_name=last,
            email=(
                f"{first}.{last}.{number}@{slug}.example".lower() if number < own else plan.user_emails[number - own]
            ),
            job_role="Admin" if number == 0 else "CSM",
            time_zone=plan.time_zone if number == 0 else _REP_ZONES[number % len(_REP_ZONES)],
            team_admin=number == 0,
        )
        team.users.add(user.id, user)
    for order, (name, steps) in enumerate(_CADENCES.items()):
        made = founded + (order + 1) * DAY + chance.randrange(DAY)
        planned = [StepPlan(day=day, name=title, type=kind, automated=auto) for day, title, (kind, auto) in steps]
        _set_apart(team, add_cadence(world, team, name, planned, made))
    for number in range(plan.accounts):
        _add_account(world, team, number, now - chance.randrange(DAY, 90 * DAY))
    add_people(world, team, plan.people, now, met_within=max(30, 7 * plan.history_weeks))
    return team


def add_people(world: World, team: Team, number: int, now: int, *, met_within: int = 30) -> list[Person]:
    """More people for the team, spread over its accounts and its users, made at some time in the last days."""
    users, accounts = list(team.users), list(team.accounts)
    chance = Random(f"{world.seed}/{team.name}/people/{len(team.people)}")
    added: list[Person] = []
    for ordinal in range(len(team.people), len(team.people) + number):
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        account = accounts[ordinal % len(accounts)] if accounts else None
        domain = account.domain if account is not None else "contacts.example"
        changed = now - chance.randrange(DAY // 24, met_within * DAY)
        person = Person(
            id=next(world.ids.person),
            created_at=changed,
            updated_at=changed,
            email_address=f"{first}.{last}.{ordinal}@{domain}".lower(),
            owner_id=users[ordinal % len(users)].id,
            account_id=None if account is None else account.id,
            details={
                "first_name": first,
                "last_name": last,
                "title": chance.choice(_TITLES),
                "phone": f"+1555{ordinal:07d}",
            },
        )
        team.add_person(person)
        added.append(person)
    return added


def _set_apart(team: Team, cadence: Cadence) -> None:
    """What a team's cadences differ in: one is a user's own, one in the archive, one a draft."""
    if cadence.name.startswith("Personal"):
        cadence.owner_id = list(team.users)[-1].id
        cadence.team_cadence = cadence.shared = False
    if cadence.name.startswith("Old"):
        cadence.archived_at = cadence.created_at + 30 * DAY
    if cadence.name in {"Save", "Quarterly review"}:
        cadence.cadence_function = "other"
    cadence.draft = "draft" in cadence.name


def add_cadence(world: World, team: Team, name: str, steps: Sequence[StepPlan], made: int) -> Cadence:
    """An active cadence of the whole team, with its steps."""
    cadence = Cadence(
        id=next(world.ids.cadence),
        created_at=made,
        updated_at=made,
        name=name,
        owner_id=team.admin().id,
        external_identifier=name.lower().replace(" ", "-"),
        tags=["customer success"],
    )
    team.cadences.add(cadence.id, cadence)
    within_day: dict[int, int] = {}
    for plan in steps:
        within_day[plan.day] = within_day.get(plan.day, 0) + 1
        step = Step(
            id=next(world.ids.step),
            created_at=made,
            updated_at=made,
            cadence_id=cadence.id,
            type=plan.type,
            name=plan.name,
            day=plan.day,
            step_number=within_day[plan.day],
            automated=plan.automated,
            details_id=next(world.ids.details),
        )
        team.add_step(step)
    return cadence


def _add_account(world: World, team: Team, number: int, made: int) -> None:
    name = f"{_COMPANIES[number % len(_COMPANIES)]} {number // len(_COMPANIES) + 1}"
    users = list(team.users)
    account = Account(
        id=next(world.ids.account),
        created_at=made,
        updated_at=made,
        name=name,
        domain=f"{name.lower().replace(' ', '-')}.example",
        owner_id=users[number % len(users)].id,
        creator_id=users[0].id,
        details={"industry": "Software", "size": "200"},
    )
    team.accounts.add(account.id, account)


def populate(
    world: World, team: Team, cadence: Cadence, *, people: int, emails_each: int, same_instant: int, now: int
) -> dict[str, int]:
    """Volume without life: people with a finished membership and sent e-mails, one microsecond apart and before now."""
    first_step = team.steps_of(cadence.id)[0]
    emails = 0
    for ordinal, person in enumerate(add_people(world, team, people, now)):
        changed = now - 2 * people + (ordinal // same_instant) * same_instant
        membership = Membership(
            id=next(world.ids.membership),
            created_at=changed,
            updated_at=changed,
            person_id=person.id,
            cadence_id=cadence.id,
            user_id=person.owner_id or team.admin().id,
            added_at=changed,
            state="completed",
            on_cadence=False,
            step_id=first_step.id,
            acted=True,
            sent_emails=emails_each,
        )
        team.add_membership(membership)
        for _ in range(emails_each):
            emails += 1
            team.add_email(
                Email(
                    id=next(world.ids.email),
                    created_at=changed,
                    updated_at=changed,
                    recipient_id=person.id,
                    recipient_email_address=person.email_address,
                    user_id=membership.user_id,
                    status="sent",
                    membership_id=membership.id,
                    cadence_id=cadence.id,
                    step_id=first_step.id,
                    sent_at=changed,
                )
            )
    cadence.cadence_people += people
    team.cadences.touch(cadence.id, now)
    return {"people": people, "cadence_memberships": people, "emails": emails}
