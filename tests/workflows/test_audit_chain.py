"""The audit chains: sealed by one at a time, whole after a crash, and any tampering is found."""

import asyncio
import hashlib
import json
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from storage import audit
from storage.errors import StorageError
from storage.pool import Database, DatabaseOptions
from tests.workflows.scene import T0
from workflows.audit import Action, Done, Way, coming_by, digest_of, note
from workflows.audit_chain import (
    ChainBroken,
    Checkpoint,
    CheckpointInvalid,
    Verified,
    following,
    plain,
    seal_entries,
    verify,
)

ORG = "org-1"


def _done(number: int, organization_id: str = ORG) -> Done:
    return Done(
        organization_id, Action.STOPPED, f"stop/{number}", by="usr-1", digested="a reason", detail={"n": number}
    )


async def _noted(database: Database, many: int, organization_id: str = ORG) -> None:
    async with database.transaction() as connection:
        await note(connection, *(_done(number, organization_id) for number in range(many)), now=T0)


async def _sealed(database: Database, *, limit: int = 1000) -> int:
    async with database.transaction() as connection:
        return await seal_entries(connection, limit=limit)


async def _verified(database: Database, organization_id: str = ORG, **options: Any) -> Verified:
    async with database.reading() as connection:
        return await verify(connection, organization_id, **options)


async def _broken(database: Database, **options: Any) -> int:
    with pytest.raises(ChainBroken) as found:
        await _verified(database, **options)
    return found.value.sequence


@pytest.fixture
async def chain(database: Database) -> Database:
    """Twelve sealed entries of org-1, and three of org-2."""
    await _noted(database, 12)
    await _noted(database, 3, "org-2")
    assert await _sealed(database) == 15
    return database


async def _tampered(migrated: str, *statements: str) -> None:
    """What nobody may do: the owner, who has put the triggers out of the way."""
    owner = await asyncpg.connect(migrated)
    try:
        await owner.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
        for statement in statements:
            assert await owner.execute(statement) not in {"UPDATE 0", "DELETE 0"}, statement
    finally:
        await owner.close()


async def test_what_is_noted_is_sealed_in_its_order_without_a_gap(chain: Database) -> None:
    async with chain.connection() as connection:
        (page,) = [page async for page in audit.sealed_after(connection, ORG, 0)]
    assert [one.sequence for one in page] == list(range(1, 13))
    assert [one.entry.subject for one in page] == [f"stop/{number}" for number in range(12)]
    entry = page[3].entry
    assert (entry.actor, entry.way, entry.action, entry.done_at) == ("usr-1", "service", "stop.set", T0)
    assert entry.detail == {"n": 3}
    # The reason itself is nowhere; who has it can show that it was this one.
    assert entry.digest == digest_of(entry.id, "a reason")
    assert (await _verified(chain)).entries == 12
    assert (await _verified(chain, "org-2")).entries == 3
    assert (await _verified(chain, "org-3")).entries == 0


async def test_by_which_way_it_came(database: Database) -> None:
    with coming_by(Way.COMMAND_LINE, "cor-1"):
        await _noted(database, 1)
    await _noted(database, 1)
    async with database.connection() as connection:
        second, first = await audit.latest(connection, ORG, limit=5)
    assert (first.entry.way, first.entry.correlation_id) == ("command_line", "cor-1")
    assert (second.entry.way, second.entry.correlation_id) == ("service", None)
    assert (first.sequence, second.sequence) == (None, None)


async def test_what_is_rolled_back_was_not_done(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        await _given_up(database)
    assert await _sealed(database) == 0


async def _given_up(database: Database) -> None:
    async with database.transaction() as connection:
        await note(connection, _done(1), now=T0)
        raise ZeroDivisionError


async def test_whoever_has_the_export_can_follow_the_chain_without_us(chain: Database) -> None:
    async with chain.connection() as connection:
        (page,) = [page async for page in audit.sealed_after(connection, ORG, 0)]
    hash_ = hashlib.sha256(b"cscx-salesloft audit org-1").digest()
    for one in page:
        text = json.dumps(plain(one.sequence, one.entry), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        hash_ = hashlib.sha256(hash_ + text.encode()).digest()
        assert one.hash == hash_


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "'usr-2'"),
        ("actor", "NULL"),
        ("action", "'stop.ended'"),
        ("subject", "'stop/99'"),
        ("way", "'api'"),
        ("done_at", "done_at + interval '1 microsecond'"),
        ("recorded_at", "recorded_at - interval '1 microsecond'"),
        ("correlation_id", "'cor-9'"),
        ("digest", "'sha256:00'"),
        ("detail", "'{\"n\": 7}'"),
        ("id", "gen_random_uuid()"),
        ("hash", "sha256('x')"),
    ],
)
async def test_a_changed_entry_is_named(chain: Database, migrated: str, column: str, value: str) -> None:
    await _tampered(
        migrated,
        f"UPDATE audit_entries SET {column} = {value} WHERE organization_id = 'org-1' AND sequence = 5",  # noqa: S608
    )
    assert await _broken(chain) == 5
    assert (await _verified(chain, "org-2")).entries == 3
    # What is before it fits.
    assert (await _verified(chain, last=4)).entries == 4


async def test_an_entry_that_was_changed_with_its_hash_is_found_by_the_next(chain: Database, migrated: str) -> None:
    async with chain.connection() as connection:
        (page,) = [page async for page in audit.sealed_after(connection, ORG, 0)]
    forged = replace(page[4].entry, actor="usr-2")
    hash_ = following(page[3].hash or b"", 5, forged)
    await _tampered(
        migrated,
        f"UPDATE audit_entries SET actor = 'usr-2', hash = '\\x{hash_.hex()}'"  # noqa: S608
        " WHERE organization_id = 'org-1' AND sequence = 5",
    )
    assert await _broken(chain) == 6


async def test_a_removed_entry_is_named(chain: Database, migrated: str) -> None:
    await _tampered(migrated, "DELETE FROM audit_entries WHERE organization_id = 'org-1' AND sequence = 5")
    assert await _broken(chain) == 5
    assert await _broken(chain, first=6) == 5


async def test_a_removed_entry_is_named_though_the_others_close_the_gap(chain: Database, migrated: str) -> None:
    await _tampered(
        migrated,
        "DELETE FROM audit_entries WHERE organization_id = 'org-1' AND sequence = 5",
        "UPDATE audit_entries SET sequence = -sequence WHERE organization_id = 'org-1' AND sequence > 5",
        "UPDATE audit_entries SET sequence = -sequence - 1 WHERE organization_id = 'org-1' AND sequence < 0",
        "UPDATE audit_chains SET sequence = 11 WHERE organization_id = 'org-1'",
    )
    assert await _broken(chain) == 5


@pytest.mark.parametrize("left", [9, 0])
async def test_a_chain_that_lost_its_end_is_found(chain: Database, migrated: str, left: int) -> None:
    known = (await _verified(chain)).last
    await _tampered(migrated, f"DELETE FROM audit_entries WHERE organization_id = 'org-1' AND sequence > {left}")  # noqa: S608
    assert await _broken(chain) == left + 1
    # Whoever also puts the chain's end back is found out by what was told before.
    hash_ = f"(SELECT hash FROM audit_entries WHERE organization_id = 'org-1' AND sequence = {left})"  # noqa: S608
    if left:
        await _tampered(
            migrated,
            f"UPDATE audit_chains SET sequence = {left}, hash = {hash_} WHERE organization_id = 'org-1'",  # noqa: S608
        )
    else:
        await _tampered(migrated, "DELETE FROM audit_chains WHERE organization_id = 'org-1'")
    assert (await _verified(chain)).entries == left
    assert await _broken(chain, checkpoints={known.sequence: known.hash}) == left + 1


async def test_an_entry_that_was_put_in_is_named(chain: Database, migrated: str) -> None:
    insertion = (
        "INSERT INTO audit_entries (id, organization_id, done_at, action, subject, way, sequence, hash, sealed_at)"
        " VALUES (gen_random_uuid(), 'org-1', now(), 'stop.set', 'stop/x', 'api', {}, sha256('x'), now())"
    )
    await _tampered(migrated, insertion.format(13))
    assert await _broken(chain) == 13
    await _tampered(
        migrated,
        "UPDATE audit_entries SET sequence = -sequence WHERE organization_id = 'org-1' AND sequence > 5",
        "UPDATE audit_entries SET sequence = -sequence + 1 WHERE organization_id = 'org-1' AND sequence < 0",
        insertion.format(6),
    )
    assert await _broken(chain) == 6


async def test_entries_that_changed_places_are_named(chain: Database, migrated: str) -> None:
    await _tampered(
        migrated,
        "UPDATE audit_entries SET sequence = -7 WHERE organization_id = 'org-1' AND sequence = 4",
        "UPDATE audit_entries SET sequence = 4 WHERE organization_id = 'org-1' AND sequence = 7",
        "UPDATE audit_entries SET sequence = 7 WHERE organization_id = 'org-1' AND sequence = -7",
    )
    assert await _broken(chain) == 4


async def test_an_entry_of_another_organization_does_not_fit(chain: Database, migrated: str) -> None:
    await _tampered(
        migrated,
        "DELETE FROM audit_entries WHERE organization_id = 'org-2' AND sequence = 2",
        "UPDATE audit_entries SET organization_id = 'org-2' WHERE organization_id = 'org-1' AND sequence = 2",
    )
    assert await _broken(chain) == 2
    with pytest.raises(ChainBroken, match="of org-2 is broken at entry 2"):
        await _verified(chain, "org-2")


async def test_a_chain_that_was_sealed_anew_is_found_by_a_checkpoint(chain: Database, migrated: str) -> None:
    known = Checkpoint.parsed(str((await _verified(chain, last=8)).last))
    assert known.sequence == 8
    assert (await _verified(chain, checkpoints={8: known.hash})).entries == 12
    await _tampered(
        migrated,
        "UPDATE audit_entries SET sequence = NULL, hash = NULL, sealed_at = NULL WHERE organization_id = 'org-1'",
        "UPDATE audit_entries SET actor = 'usr-2' WHERE organization_id = 'org-1' AND subject = 'stop/3'",
        "DELETE FROM audit_chains WHERE organization_id = 'org-1'",
    )
    assert await _sealed(chain) == 12
    assert (await _verified(chain)).entries == 12
    assert await _broken(chain, checkpoints={8: known.hash}) == 8
    assert await _broken(chain, checkpoints={8: known.hash}, first=9) == 8


@pytest.mark.parametrize("text", ["", "8", "8:sha256:00", "x:sha256:" + "0" * 64, "8:md5:" + "0" * 64])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(CheckpointInvalid, match="<sequence>:sha256:"):
        Checkpoint.parsed(text)


async def test_many_write_and_many_seal_at_once(database: Database) -> None:
    """Every entry has its own place, and no place is left out, whoever was faster."""
    writers, each = 8, 40

    async def write(organization_id: str) -> None:
        for number in range(each):
            async with database.transaction() as connection:
                await note(connection, _done(number, organization_id), now=T0)

    async def seal() -> int:
        sealed = 0
        while not all(writer.done() for writer in tasks):
            sealed += await _sealed(database, limit=7)
        return sealed

    tasks = [asyncio.create_task(write(f"org-{number % 2}")) for number in range(writers)]
    sealed = sum(await asyncio.gather(*(seal() for _ in range(3))))
    await asyncio.gather(*tasks)
    while more := await _sealed(database):
        sealed += more
    assert sealed == writers * each
    for organization_id in ("org-0", "org-1"):
        assert (await _verified(database, organization_id)).entries == writers * each / 2


async def test_while_one_seals_another_finds_nothing_to_do_and_waits_for_nobody(database: Database) -> None:
    await _noted(database, 1)
    assert await _sealed(database) == 1
    await _noted(database, 3)
    async with asyncio.timeout(20), database.transaction() as first:
        assert await seal_entries(first, limit=10) == 3
        async with database.transaction() as second:
            assert await seal_entries(second, limit=10) == 0
    assert (await _verified(database)).entries == 4


async def test_an_entry_that_commits_late_comes_after_those_that_were_sealed(database: Database) -> None:
    async with database.transaction() as slow:
        await note(slow, Done(ORG, Action.STOPPED, "stop/late"), now=T0)
        await _noted(database, 2)
        assert await _sealed(database) == 2
    assert await _sealed(database) == 1
    async with database.connection() as connection:
        (page,) = [page async for page in audit.sealed_after(connection, ORG, 0)]
    assert [one.entry.subject for one in page] == ["stop/0", "stop/1", "stop/late"]
    assert (await _verified(database)).entries == 3


async def test_who_dies_while_sealing_leaves_the_chain_as_it_was(database: Database, migrated: str) -> None:
    await _noted(database, 4)
    assert await _sealed(database, limit=2) == 2
    with pytest.raises(StorageError):
        await _cut_off_while_sealing(database, migrated)
    assert (await _verified(database)).entries == 2
    assert await _sealed(database) == 2
    assert (await _verified(database)).entries == 4


async def _cut_off_while_sealing(database: Database, migrated: str) -> None:
    owner = await asyncpg.connect(migrated)
    try:
        async with database.transaction() as connection:
            assert await seal_entries(connection, limit=10) == 2
            backend = await connection.fetchval("SELECT pg_backend_pid()")
            await owner.fetch("SELECT pg_terminate_backend($1)", backend)
            await connection.fetchval("SELECT 1")
    finally:
        await owner.close()


CHANGES = (
    "UPDATE audit_entries SET actor = 'usr-2'",
    "UPDATE audit_entries SET organization_id = 'org-1', position = DEFAULT",
    "DELETE FROM audit_entries",
    "TRUNCATE audit_entries",
    "ALTER TABLE audit_entries DISABLE TRIGGER USER",
    (
        "INSERT INTO audit_entries (id, organization_id, done_at, action, subject, way, sequence, hash, sealed_at)"
        " VALUES (gen_random_uuid(), 'org-1', now(), 'a', 's', 'api', 99, '', now())"
    ),
    "DELETE FROM audit_chains",
    "TRUNCATE audit_chains",
)


@pytest.mark.parametrize("role", ["cscx_salesloft_worker", "cscx_salesloft_api"])
async def test_no_role_changes_what_was_noted_or_takes_it_away(chain: Database, migrated: str, role: Any) -> None:
    await _noted(chain, 1)
    async with Database.connected(DatabaseOptions(dsn=migrated, role=role)) as database:
        for statement in CHANGES:
            with pytest.raises(StorageError, match="InsufficientPrivilege"):
                async with database.organization_transaction(ORG) as connection:
                    await connection.execute(statement)
    assert (await _verified(chain)).entries == 12


async def test_a_seal_is_set_once_and_by_the_worker(chain: Database, migrated: str) -> None:
    again = "UPDATE audit_entries SET sequence = 99 WHERE organization_id = 'org-1' AND sequence = 5"
    with pytest.raises(StorageError, match="RestrictViolation"):
        async with chain.transaction() as connection:
            await connection.execute(again)
    async with Database.connected(DatabaseOptions(dsn=migrated, role="cscx_salesloft_api")) as api:
        with pytest.raises(StorageError, match="InsufficientPrivilege"):
            async with api.organization_transaction(ORG) as connection:
                await connection.execute(again)


async def test_the_owner_does_not_change_it_by_mistake(chain: Database, migrated: str) -> None:
    owner = await asyncpg.connect(migrated)
    for statement in (
        "UPDATE audit_entries SET actor = 'usr-2'",
        "UPDATE audit_entries SET sequence = NULL, hash = NULL, sealed_at = NULL",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner.execute(statement)
    await owner.close()
    assert (await _verified(chain)).entries == 12


async def test_both_roles_note_of_their_organization_alone(database: Database, migrated: str) -> None:
    async with Database.connected(DatabaseOptions(dsn=migrated, role="cscx_salesloft_api")) as api:
        async with api.organization_transaction(ORG) as connection:
            await note(connection, _done(1), now=T0)
        with pytest.raises(StorageError, match="InsufficientPrivilege"):
            async with api.organization_transaction(ORG) as connection:
                await note(connection, _done(1, "org-2"), now=T0)
        assert await _sealed(database) == 1
        async with api.organization_transaction(ORG) as connection:
            assert (await verify(connection, ORG)).entries == 1
        async with api.organization_transaction("org-2") as connection:
            assert (await verify(connection, ORG)).entries == 0


async def test_a_long_chain_is_walked_page_by_page(database: Database) -> None:
    many = 12_000
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO audit_entries (id, organization_id, done_at, action, subject, actor, way)"
            " SELECT gen_random_uuid(), 'org-1', $1, 'stop.set', 'stop/' || n, 'usr-1', 'api'"
            " FROM generate_series(1, $2::int) AS n",
            T0,
            many,
        )
    sealed = 0
    while more := await _sealed(database, limit=5_000):
        sealed += more
    assert sealed == many
    pages: list[int] = []
    assert (await _verified(database, progress=pages.append)).entries == many
    assert (sum(pages), len(pages)) == (many, 3)
    assert (await _verified(database, first=6_000, last=6_001)).entries == 2


async def test_an_unknown_range_is_told(chain: Database) -> None:
    assert await _broken(chain, last=13) == 13
    assert await _broken(chain, first=20) == 19
    assert await _broken(chain, first=14) == 13


def test_a_digest_stands_for_one_text_in_one_entry() -> None:
    one, other = UUID(int=1), uuid4()
    assert digest_of(one, "Ann") == digest_of(one, "Ann")
    assert len({digest_of(one, "Ann"), digest_of(one, "Bob"), digest_of(other, "Ann")}) == 3
