"""An organization sends its own dead letters back: look what would go, and then have exactly that go.

A dead letter goes back through the outbox, in the transaction that notes it: once, and in the order in which its key's
records failed. What had its last replay goes to the parking topic instead, where an operator finds it. The operator's
own way (`consumers/redrive.py`) reads the topics of dead letters, and knows what went back from here.

RedriveRefused     it cannot be sent back
├── NothingWaits   nothing of what is asked for can be sent back
└── LettersMoved   what would go back is not what was looked at
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import accumulate
from typing import Any, Final
from uuid import UUID, uuid5

import orjson

from schemas.dead_letters import ID_REUSED, MAX_REPLAYS, Replay, replayed_headers
from schemas.errors import (
    BadAttributeError,
    BadContentTypeError,
    BadJsonError,
    BadKeyError,
    InvalidDataError,
    MissingAttributeError,
    MissingDataError,
    NotACloudEventError,
    OrganizationMismatchError,
    WrongTopicError,
)
from schemas.fields import format_instant
from schemas.topics import parking_topic
from storage import dead_letters, outbox
from storage.dead_letters import WaitingLetter
from storage.outbox import OutboxMessage
from storage.pool import Connection
from workflows.audit import Action, Done, note

__all__ = [
    "MOST_AT_ONCE",
    "LettersMoved",
    "LettersPlan",
    "LettersWanted",
    "NothingWaits",
    "RedriveRefused",
    "plan_letters",
    "send_back",
]

MOST_AT_ONCE: Final = 500
_MOST_BYTES: Final = 8 * 1024 * 1024
# What is wrong with a record stays so, for it goes back as it was. A type or a version may be known later.
_OF_THE_RECORD: Final = frozenset({ID_REUSED}) | frozenset(
    error.code
    for error in (
        NotACloudEventError,
        MissingAttributeError,
        BadAttributeError,
        BadContentTypeError,
        BadJsonError,
        MissingDataError,
        WrongTopicError,
        InvalidDataError,
        BadKeyError,
        OrganizationMismatchError,
    )
)
_NAMESPACE: Final = UUID("6d0b7d7e-2b53-5c05-8f5c-b4f1f3a1b0de")


class RedriveRefused(Exception):
    """It cannot be sent back; the message says why."""


class NothingWaits(RedriveRefused):
    """Nothing of what is asked for can be sent back."""


class LettersMoved(RedriveRefused):
    """What would go back is not what was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LettersWanted:
    """Which dead letters are meant: of a topic, with one of these codes, of these ids; without any of it, all."""

    topic: str | None = None
    codes: tuple[str, ...] | None = None
    ids: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class LettersPlan:
    """What would go back: the earliest that fail, `MOST_AT_ONCE` at most, and what is held in memory easily.

    `hash` stands for exactly these.
    """

    organization_id: str
    letters: Sequence[WaitingLetter]
    has_more: bool
    by_reason: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def parked(self) -> int:
        """How many had their last replay: they are put aside for good instead of going back."""
        return sum(is_worn_out(one) for one in self.letters)

    @property
    def unmended(self) -> int:
        """How many would go back and very likely fail again: what is wrong is in them, or they failed so before."""
        return sum(not is_worn_out(one) and (one.replays > 0 or one.code in _OF_THE_RECORD) for one in self.letters)

    @property
    def hash(self) -> str:
        named = [self.organization_id, *(str(one.id) for one in self.letters)]
        return "sha256:" + sha256(orjson.dumps(named)).hexdigest()


def is_worn_out(letter: WaitingLetter) -> bool:
    """Whether it had as many replays as there are."""
    return letter.replays >= MAX_REPLAYS


async def plan_letters(connection: Connection, organization_id: str, wanted: LettersWanted) -> LettersPlan:
    """What would go back now. Nobody else sends it back before the caller's transaction ends."""
    found = await dead_letters.waiting(
        connection,
        organization_id,
        topic=wanted.topic,
        codes=wanted.codes,
        ids=wanted.ids,
        limit=MOST_AT_ONCE + 1,
    )
    until = accumulate(one.size for one in found[:MOST_AT_ONCE])
    letters = [one for one, size in zip(found, until, strict=False) if size <= _MOST_BYTES]
    reasons = Counter((one.topic, one.code) for one in letters)
    return LettersPlan(organization_id, letters, len(found) > len(letters), reasons)


async def send_back(
    connection: Connection,
    organization_id: str,
    redrive_id: UUID,
    wanted: LettersWanted,
    *,
    plan_hash: str,
    by: str,
    now: datetime,
) -> None:
    """Have go back what a plan said, and nothing else; what was asked under this id before is done already.

    Raises RedriveRefused.
    """
    if await dead_letters.look_at_redrives(connection, organization_id, redrive_id=redrive_id, limit=1):
        return
    plan = await plan_letters(connection, organization_id, wanted)
    if plan.hash != plan_hash:
        raise LettersMoved("what would go back is not what the plan said: look at it again")
    if not plan.letters:
        raise NothingWaits("nothing of what is asked for can be sent back")
    contents = await dead_letters.read_contents(connection, organization_id, [one.id for one in plan.letters])
    after = await dead_letters.end_of_outbox(connection)
    await outbox.add(connection, [_message(redrive_id, by, one, contents[one.id]) for one in plan.letters])
    until = await dead_letters.end_of_outbox(connection)
    parked = [one.id for one in plan.letters if is_worn_out(one)]
    sent = [one.id for one in plan.letters if not is_worn_out(one)]
    await dead_letters.settle(connection, organization_id, redrive_id, sent=sent, parked=parked)
    await dead_letters.add_redrive(
        connection,
        organization_id,
        redrive_id,
        plan=plan_hash,
        letters=len(plan.letters),
        parked=len(parked),
        by=by,
        outbox_after=after,
        outbox_until=until,
        now=now,
    )
    done = Done(
        organization_id,
        Action.DEAD_LETTERS_SENT_BACK,
        f"redrive/{redrive_id}",
        by=by,
        detail={"records": len(plan.letters), "parked": len(parked)},
    )
    await note(connection, done, now=now)


def _message(redrive_id: UUID, by: str, letter: WaitingLetter, content: Any) -> OutboxMessage:
    headers = outbox.unpack_headers(content["headers"])
    topic = letter.topic
    if is_worn_out(letter):
        topic = parking_topic(letter.topic, content["consumer_group"])
    else:
        headers = replayed_headers(headers, Replay(letter.replays + 1, str(redrive_id), by))
        if content["payload"] is None and not any(name == "ce_time" for name, _ in headers):
            # A null value without a time of its own is as old as its record was, and this record will be new.
            headers.insert(0, ("ce_time", format_instant(content["origin_at"]).encode()))
    return OutboxMessage(
        id=uuid5(_NAMESPACE, f"{redrive_id}/{letter.id}"),
        aggregate_type="dead_letter_redrive",
        aggregate_id=str(redrive_id),
        type=letter.code,
        topic=topic,
        key=content["key"],
        headers=headers,
        payload=content["payload"],
    )
