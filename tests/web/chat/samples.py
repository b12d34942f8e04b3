"""An organization that is spoken of in the chat's tests, and the slots of utterances as tables write them."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from schemas.vocabulary import EnrollmentState
from web.chat.book import Book, Caller, Directory, Enrolled
from web.chat.entities import Cadence, Customer, Stakeholder, User
from web.chat.intents import Change, Either, Intent, NotUnderstood, Read

NOW = datetime(2026, 11, 26, 10, 15, tzinfo=ZoneInfo("Europe/Berlin"))
"""A Thursday."""
TABLES = Path(__file__).parent

CUSTOMERS = (
    Customer(id="cus-1", name="Acme Inc.", domain="acme.example", segment="enterprise"),
    Customer(id="cus-2", name="Globex", domain="globex.example", segment="mid-market"),
    Customer(id="cus-3", name="Müller GmbH", domain="mueller.example"),
    Customer(id="cus-4", name="Initech", domain="initech.example"),
    Customer(id="cus-5", name="Hooli"),
)
STAKEHOLDERS = (
    Stakeholder(
        id="sth-1",
        name="Ann Lee",
        customer_id="cus-1",
        email="ann@acme.example",
        title="VP Engineering",
        role="champion",
    ),
    Stakeholder(id="sth-2", name="Bob Ortiz", customer_id="cus-1", email="bob@acme.example", title="CFO"),
    Stakeholder(id="sth-3", name="Priya Natarajan", customer_id="cus-2", email="priya@globex.example", title="CFO"),
    Stakeholder(id="sth-4", name="Tom Tran", customer_id="cus-2"),
    Stakeholder(id="sth-5", name="Ludwig van der Berg", customer_id="cus-3"),
    Stakeholder(id="sth-6", name="Siobhán O'Connor", customer_id="cus-3"),
    Stakeholder(id="sth-7", name="王芳", customer_id="cus-2"),
    Stakeholder(id="sth-8", name="Maria Rossi", customer_id="cus-1"),
    Stakeholder(id="sth-9", name="María José García", customer_id="cus-3"),
    Stakeholder(id="sth-10", name="Omar bin Khalid", customer_id="cus-2"),
    Stakeholder(id="sth-11", name="Stuart Pause", customer_id="cus-4"),
    Stakeholder(id="sth-12", name="Lee Wong", customer_id="cus-4"),
)
CADENCES = (
    Cadence(id=1, name="Renewal 90", purposes=(("renewal", None),), steps=((11, "Hello"), (12, "Call"), (13, "Bye"))),
    Cadence(id=2, name="Renewal Enterprise", purposes=(("renewal", "enterprise"),), steps=((21, "Hi"), (22, "Call"))),
    Cadence(id=3, name="Red Accounts", purposes=(("save", None),), steps=((31, "Call"), (32, "E-mail"))),
    Cadence(id=4, name="Welcome", purposes=(("welcome", None),), steps=((41, "Hello"),)),
    Cadence(id=5, name="Enterprise Win-Back"),
)  # fmt: skip
USERS = (User(id=7, name="Kim Park", email="kim@cscx.example"), User(id=8, name="Lea Kim", email="lea@cscx.example"))
DIRECTORY = Directory(stakeholders=STAKEHOLDERS, customers=CUSTOMERS, cadences=CADENCES, users=USERS)
CALLER = Caller(organization_id="org-1", user_id="usr-1", email="lea@cscx.example")


def enrolled(number: int, person: int, cadence: int, state: EnrollmentState, step: int | None = 1) -> Enrolled:
    """An enrollment of a person on a cadence, both by their numbers."""
    known = DIRECTORY.cadence_by_id[cadence]
    return Enrolled(
        id=f"enr-{number}",
        stakeholder_id=f"sth-{person}",
        cadence_id=cadence,
        cadence=known.name,
        purpose=known.purposes[0][0] if known.purposes else None,
        state=state,
        step=step,
        steps=known.steps,
    )


def enrolled_of(*enrollments: Enrolled) -> dict[str, tuple[Enrolled, ...]]:
    """Those enrollments by person, none of everybody else."""
    return {one.id: tuple(other for other in enrollments if other.stakeholder_id == one.id) for one in STAKEHOLDERS}


EVERYBODY = enrolled_of(
    *(
        enrolled(number, number, 1 if number > 2 else 2, EnrollmentState.ENROLLED, step=2 if number == 5 else 1)
        for number in range(1, 13)
    ),
    enrolled(21, 1, 3, EnrollmentState.PAUSED),
)
"""All on a cadence for renewal, and Ann paused on the one that saves, too."""


def book(enrollments: dict[str, tuple[Enrolled, ...]] | None = None, caller: Caller = CALLER) -> Book:
    """The organization, with everybody's enrollments where none are given."""
    return Book(directory=DIRECTORY, caller=caller, enrolled=EVERYBODY if enrollments is None else enrollments)


def table(name: str) -> Iterator[tuple[dict[str, str], str]]:
    """The rows of a table of utterances: the slots that are asked for (`intent` is one), and the utterance."""
    for line in (TABLES / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            slots, utterance = line.split(" | ", maxsplit=1)
            intent, *others = (slot.strip() for slot in slots.split(";"))
            yield {"intent": intent, **dict(other.split("=", maxsplit=1) for other in others if other)}, utterance


def slots_of(intent: Intent) -> dict[str, str]:
    """An intent as a table writes it."""
    if isinstance(intent, NotUnderstood):
        return {"intent": intent.why.value}
    if isinstance(intent, Either):
        return {"intent": ", ".join(one.action if isinstance(one, Change) else one.topic for one in intent.choices)}
    mentions = intent.people if isinstance(intent, Change) else intent.about
    told = {
        "intent": intent.action.value if isinstance(intent, Change) else intent.topic.value,
        "who": ", ".join("everyone" if one.everyone else one.text for one in mentions),
        "at": ", ".join(one.at for one in mentions if one.at),
        "cadence": intent.cadence or "",
    }
    if isinstance(intent, Read):
        told["since"] = "" if intent.since is None else intent.since.isoformat()
    else:
        told |= {
            "until": "" if intent.until is None else " or ".join(map(str, intent.until.days)) or "?",
            "start": "" if intent.start is None else " or ".join(map(str, intent.start.days)) or "?",
            "step": "" if intent.step is None else str(intent.step.number or intent.step.text),
            "to": intent.sender or "",
            "note": intent.note or "",
        }
    return {slot: value for slot, value in told.items() if value}
