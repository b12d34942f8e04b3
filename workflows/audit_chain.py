"""The audit log's chains: one for each organization, sealed after the commit and verified from any place on.

An entry's hash is the SHA-256 of the 32 bytes of the hash before it and of the entry's canonical JSON (RFC 8785: keys
in order, no white space, UTF-8), its sequence included; the first follows the hash of its organization's name. So no
entry can be changed, taken out, put in or moved without every hash after it. Whoever could write all of them anew is
found out by a checkpoint, which is the hash at some place, kept elsewhere.

ChainBroken        an entry does not fit; says which, and how
CheckpointInvalid  what was given is no checkpoint
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from storage import audit
from storage.audit import Chain, Entry, Sealed
from storage.pool import Connection

__all__ = [
    "ChainBroken",
    "Checkpoint",
    "CheckpointInvalid",
    "Verified",
    "beginning_of",
    "canonical",
    "following",
    "plain",
    "seal_entries",
    "verify",
]

_ANEW = "the checkpoint says otherwise: it, or something before it, was sealed anew"
_CHECKPOINT = re.compile(r"(\d{1,18}):sha256:([0-9a-f]{64})")


class ChainBroken(Exception):
    """A chain's entry does not fit. `sequence` is the first that does not; the message says what speaks against it."""

    def __init__(self, organization_id: str, sequence: int, why: str) -> None:
        super().__init__(f"the audit chain of {organization_id} is broken at entry {sequence}: {why}")
        self.organization_id = organization_id
        self.sequence = sequence


class CheckpointInvalid(ValueError):
    """What was given is no checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a chain's entry hashed to at some time; written as `<sequence>:sha256:<hash>`."""

    sequence: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.sequence}:sha256:{self.hash.hex()}"

    @classmethod
    def parsed(cls, text: str) -> "Checkpoint":
        """Raises CheckpointInvalid."""
        found = _CHECKPOINT.fullmatch(text.strip())
        if found is None:
            raise CheckpointInvalid(f"{text!r} is no checkpoint: it is written as <sequence>:sha256:<64 hex digits>")
        return cls(int(found[1]), bytes.fromhex(found[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Entries that fit, and the last of them as a checkpoint."""

    organization_id: str
    entries: int
    last: Checkpoint


def beginning_of(organization_id: str) -> bytes:
    """What an organization's first entry follows."""
    return hashlib.sha256(f"cscx-salesloft audit {organization_id}".encode()).digest()


def following(before: bytes, sequence: int, entry: Entry) -> bytes:
    """The hash of an entry in its place."""
    return hashlib.sha256(before + canonical(sequence, entry)).digest()


def canonical(sequence: int | None, entry: Entry) -> bytes:
    """An entry's canonical JSON. Its keys are ASCII and its numbers whole, so that plain sorting is RFC 8785's."""
    return orjson.dumps(plain(sequence, entry), option=orjson.OPT_SORT_KEYS)


def plain(sequence: int | None, entry: Entry) -> dict[str, Any]:
    """An entry as it is hashed and exported."""
    return {
        "sequence": sequence,
        "id": str(entry.id),
        "organization_id": entry.organization_id,
        "done_at": _instant(entry.done_at),
        "recorded_at": _instant(entry.recorded_at),
        "action": entry.action,
        "subject": entry.subject,
        "actor": entry.actor,
        "way": entry.way,
        "correlation_id": entry.correlation_id,
        "digest": entry.digest,
        "detail": entry.detail,
    }


async def seal_entries(connection: Connection, *, limit: int) -> int:
    """Seal what is committed, of up to `limit` organizations so many entries each; answers how many entries.

    Whoever holds a chain's row seals it alone, and a transaction that is lost leaves the chain as it was. An entry that
    commits late comes after those that were sealed before: a place in the chain is no claim about time.
    """
    waiting = await audit.organizations_to_seal(connection, limit=limit)
    if not waiting:
        return 0
    await audit.open_chains(connection, {one: beginning_of(one) for one in waiting})
    sealed = 0
    for chain in await audit.lock_chains(connection, waiting):
        # Read under the lock: what another runner has sealed in between does not wait any more.
        sealed += await _seal(connection, chain, await audit.unsealed(connection, chain.organization_id, limit=limit))
    return sealed


async def _seal(connection: Connection, chain: Chain, entries: Sequence[Entry]) -> int:
    if not entries:
        return 0
    sequence, hash_ = chain.sequence, chain.hash
    seals = []
    for entry in entries:
        sequence += 1
        hash_ = following(hash_, sequence, entry)
        seals.append((entry.id, sequence, hash_))
    await audit.seal(connection, seals)
    await audit.advance_chain(connection, chain.organization_id, sequence=sequence, hash_=hash_)
    return len(seals)


async def verify(
    connection: Connection,
    organization_id: str,
    *,
    first: int = 1,
    last: int | None = None,
    checkpoints: Mapping[int, bytes] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Walk a chain from its `first` entry to its `last`, all of it where none is named.

    The connection has to see one state throughout. `checkpoints` are hashes by sequence that were kept elsewhere;
    `progress` hears of each page's entries. Raises ChainBroken for the first entry that does not fit.
    """
    found = await audit.chains(connection, organization_id)
    end = found[0] if found else Chain(organization_id=organization_id, sequence=0, hash=beginning_of(organization_id))
    until = end.sequence if last is None else last
    known = checkpoints or {}
    if max([until, *known]) > end.sequence:
        raise ChainBroken(organization_id, end.sequence + 1, f"it is missing: the chain ends at {end.sequence}")
    before = await _before(connection, organization_id, first)
    if known.get(first - 1, before) != before:
        raise ChainBroken(organization_id, first - 1, _ANEW)
    walk = _Walk(organization_id, first - 1, before, known)
    async for page in audit.sealed_after(connection, organization_id, first - 1):
        within = [one for one in page if last is None or (one.sequence or 0) <= last]
        for one in within:
            walk.take(one)
        progress(len(within))
        if len(within) < len(page):
            break
    walk.ended(until, end)
    return Verified(
        organization_id=organization_id,
        entries=walk.sequence - first + 1,
        last=Checkpoint(walk.sequence, walk.hash),
    )


async def _before(connection: Connection, organization_id: str, first: int) -> bytes:
    if first == 1:
        return beginning_of(organization_id)
    before = await audit.hash_at(connection, organization_id, first - 1)
    if before is None:
        raise ChainBroken(organization_id, first - 1, "it is missing")
    return before


class _Walk:
    """Where a walk along a chain stands. Its methods raise ChainBroken."""

    def __init__(self, organization_id: str, sequence: int, hash_: bytes, checkpoints: Mapping[int, bytes]) -> None:
        self.organization_id = organization_id
        self.sequence = sequence
        self.hash = hash_
        self._checkpoints = checkpoints

    def take(self, one: Sealed) -> None:
        """The next entry."""
        expected = self.sequence + 1
        if one.sequence != expected:
            raise self._broken(expected, f"it is missing; the next that is there is {one.sequence}")
        hash_ = following(self.hash, expected, one.entry)
        if hash_ != one.hash:
            raise self._broken(
                expected,
                f"it, or what is before it, is not what was sealed (noted as {one.entry.id}, {one.entry.action})",
            )
        if self._checkpoints.get(expected, hash_) != hash_:
            raise self._broken(expected, _ANEW)
        self.sequence, self.hash = expected, hash_

    def ended(self, until: int, chain: Chain) -> None:
        """No further entry was found."""
        if self.sequence < until:
            raise self._broken(self.sequence + 1, f"it is missing, and all after it to the chain's end at {until}")
        if self.sequence > chain.sequence:
            raise self._broken(chain.sequence + 1, f"it is one too many: the chain ends at {chain.sequence}")
        if self.sequence == chain.sequence and self.hash != chain.hash:
            raise self._broken(
                self.sequence, "the chain's end says otherwise: it, or something before it, was sealed anew"
            )

    def _broken(self, sequence: int, why: str) -> ChainBroken:
        return ChainBroken(self.organization_id, sequence, why)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
