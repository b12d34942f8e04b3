"""Tell Salesloft of everybody, in one bulk job: compare, make accounts, send, wait, collect.

Each part is done in short transactions that renew the lease and keep how far it has come, so that whoever takes the
command over goes on from there. What may happen twice is harmless: a job that was made and not noted is never started,
and a row that is added twice says the same twice.

Comparing asks Salesloft nothing. Where nothing is new, that is all there is.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from fulfillment.accounts import AccountDesk
from fulfillment.bulk_results import key_of, people_in, person_id_of, reasons_of
from fulfillment.carrying import Outcome, Workbench
from fulfillment.telling import LeftOut, NotTold, Tell, Unchanged, looked_at, upsert_of
from salesloft_client import (
    BulkJobRow,
    Lane,
    RetryClass,
    SalesloftClient,
    SalesloftError,
    Throttled,
    Unauthorized,
    Unprocessable,
)
from storage import commands, directory, people, people_syncs
from storage.commands import Claimed
from storage.people_syncs import PeopleSync, SyncState, ToTell
from storage.pool import Connection
from workflows.field_mapping import read_field_mapping
from workflows.session import Session

__all__ = ["SyncPeople"]

_log = structlog.get_logger(__name__)

# Looking at one takes half a millisecond, in which the loop serves nobody else.
_COMPARED_AT_ONCE = 200
# About 300 kB; Salesloft takes ten times as many.
_SENT_AT_ONCE = 500
_COLLECTED_AT_ONCE = 100

_Part = Callable[[Claimed, PeopleSync, SalesloftClient], Awaitable[Outcome | None]]


@dataclass(frozen=True, slots=True)
class _Looked:
    one: ToTell
    verdict: Tell | Unchanged | LeftOut


class SyncPeople:
    """Carries out `sync_people` commands."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._accounts = AccountDesk(bench.database, bench.clock)

    async def carry_out(self, command: Claimed) -> Outcome:
        """See `fulfillment.carrying.Handler`. One turn goes on until Salesloft has to be waited for."""
        sync = await self._read(command)
        if sync is not None and sync.state == "comparing":
            sync = await self._compare(command)
        if sync is None or sync.ended_at is not None:
            return Outcome.DONE
        session = await self._bench.session(command)
        client = self._bench.client(session, command).using(lane=Lane.BACKFILL)
        parts: dict[SyncState, _Part] = {
            "accounts": self._make_accounts,
            "sending": self._send,
            "executing": self._wait,
            "collecting": self._collect,
        }
        try:
            while True:
                ended = await parts[sync.state](command, sync, client)
                if ended is not None:
                    return ended
        except SalesloftError as error:
            return await self._failed(command, sync, session, error)

    async def _read(self, command: Claimed) -> PeopleSync | None:
        """The sync as it stands; a command that has nothing to do any more is finished."""
        async with self._bench.database.transaction() as connection:
            await commands.hold(connection, command)
            sync = await people_syncs.read(connection, UUID(command.payload["sync_id"]))
            if sync is None or sync.ended_at is not None:
                await commands.finish(connection, command, outcome="ended_before", now=self._bench.clock.now())
        return sync

    async def _compare(self, command: Claimed) -> PeopleSync | None:
        """Look at everybody; whoever is to be told becomes a member. Ends the sync where nobody is."""
        while True:
            now = self._bench.clock.now()
            async with self._bench.database.transaction() as connection:
                await commands.hold(connection, command)
                sync = await people_syncs.read(connection, UUID(command.payload["sync_id"]))
                if sync is None:
                    raise AssertionError("a running sync has gone")
                page = await people_syncs.to_tell(
                    connection, sync.organization_id, after=sync.compared_to, limit=_COMPARED_AT_ONCE
                )
                looked = await self._look(connection, sync.organization_id, page)
                members = {
                    one.one.stakeholder_id: one.verdict.profile.digest
                    for one in looked
                    if isinstance(one.verdict, Tell)
                }
                await people_syncs.add_members(connection, sync, members)
                _count(sync, looked)
                sync.to_send += len(members)
                if len(page) < _COMPARED_AT_ONCE:
                    sync.state = "accounts"
                    if sync.to_send == 0:
                        await self._end(connection, command, sync)
                        return sync
                await people_syncs.put(connection, sync)
            if sync.state != "comparing":
                _log.info("people_compared", sync_id=str(sync.id), to_send=sync.to_send, at=now.isoformat())
                return sync

    async def _look(self, connection: Connection, organization_id: str, page: Sequence[ToTell]) -> list[_Looked]:
        now = self._bench.clock.now()
        mapping = await read_field_mapping(connection, organization_id)
        facts = (await self._bench.memory.facts(connection, [organization_id], now))[organization_id]
        return [_Looked(one, looked_at(one, mapping, facts.senders_by_email, now)) for one in page]

    async def _make_accounts(self, command: Claimed, sync: PeopleSync, client: SalesloftClient) -> None:
        """Find or make the accounts that members need and that are not known, each once."""
        names: dict[str, str | None] = {}
        place = 0
        while True:
            async with self._bench.database.transaction() as connection:
                await commands.hold(connection, command)
                members, looked = await self._members(connection, sync, place)
                for one in looked:
                    if isinstance(one.verdict, Tell) and one.one.account_id is None and one.verdict.profile.domain:
                        names.setdefault(one.verdict.profile.domain, one.verdict.profile.company)
            if not members:
                break
            place = members[-1]
        for domain, name in sorted(names.items()):
            found = await self._accounts.of_domain(client, sync.organization_id, domain=domain, name=name)
            if found.read:
                async with self._bench.database.connection() as connection:
                    await commands.hold(connection, command)
        await self._step(command, sync, "sending")

    async def _send(self, command: Claimed, sync: PeopleSync, client: SalesloftClient) -> None:
        """Add the members to a job as rows, and start it."""
        if sync.job_id is None:
            job = await client.create_bulk_job(name=f"CSCX.AI people {sync.id}")
            sync.job_id = job.id
            await self._step(command, sync, "sending")
        while sync.sent < sync.to_send:
            async with self._bench.database.connection() as connection:
                members, looked = await self._members(connection, sync, sync.sent)
                told = [(one.one, one.verdict.profile) for one in looked if isinstance(one.verdict, Tell)]
                domains = list({profile.domain for _, profile in told if profile.domain is not None})
                accounts = await people.accounts_of_domains(connection, sync.organization_id, domains)
            if told:
                upserts = [upsert_of(one, profile, accounts) for one, profile in told]
                await client.fill_bulk_job(sync.job_id, upserts)
            async with self._bench.database.transaction() as connection:
                await commands.hold(connection, command)
                digests = {one.stakeholder_id: profile.digest for one, profile in told}
                await people_syncs.put_digests(connection, sync.id, digests)
                sync.sent = members[-1] if members else sync.to_send
                await people_syncs.put(connection, sync)
        try:
            await client.execute_bulk_job(sync.job_id)
        except Unprocessable:
            # Refused too where an earlier turn has started it and did not live to tell.
            if (await client.bulk_job(sync.job_id)).state == "open":
                raise
        sync.executing_at = self._bench.clock.now()
        await self._step(command, sync, "executing")

    async def _members(
        self, connection: Connection, sync: PeopleSync, place: int
    ) -> tuple[Sequence[int], list[_Looked]]:
        """The places of the next members, and those of them of whom something is still known, looked at anew."""
        members = await people_syncs.members_after(connection, sync.id, place, limit=_SENT_AT_ONCE)
        ids = [stakeholder_id for _, stakeholder_id in members]
        page = await people_syncs.to_tell(connection, sync.organization_id, among=ids, limit=len(ids)) if ids else []
        return [place for place, _ in members], await self._look(connection, sync.organization_id, page)

    async def _wait(self, command: Claimed, sync: PeopleSync, client: SalesloftClient) -> Outcome | None:
        """Look whether the job is done; the command is given back meanwhile."""
        job = await client.bulk_job(_started(sync))
        sync.processed = job.processed or 0
        if job.state == "done":
            await self._step(command, sync, "collecting")
            return None
        # A short job is seen to be done at once, a long one is not asked after all the time.
        since = self._bench.clock.now() - (sync.executing_at or self._bench.clock.now())
        pause_s = min(self._bench.options.bulk_poll_s, 0.2 + since.total_seconds() / 4)
        async with self._bench.database.transaction() as connection:
            await people_syncs.put(connection, sync)
            await commands.release(connection, command, error=None, pause_s=pause_s)
        return Outcome.PARKED

    async def _collect(self, command: Claimed, sync: PeopleSync, client: SalesloftClient) -> Outcome:
        """Read what came of each row, keep who is whom, and end."""
        while True:
            page = await client.bulk_job_results(
                _started(sync), after_id=sync.collected_to, per_page=_COLLECTED_AT_ONCE
            )
            rows = [row for row in page.rows if row.id > sync.collected_to]
            if not rows:
                break
            reasons = await reasons_of(client, rows)
            async with self._bench.database.transaction() as connection:
                await commands.hold(connection, command)
                await self._keep(connection, sync, rows, reasons)
                sync.collected_to = max(row.id for row in rows)
                await people_syncs.put(connection, sync)
        async with self._bench.database.transaction() as connection:
            await commands.hold(connection, command)
            silent = (await people_syncs.outcomes(connection, sync.id)).get(None, 0)
            if silent:
                sync.refused[NotTold.NO_RESULT] = silent
            await self._end(connection, command, sync)
        return Outcome.DONE

    async def _keep(
        self, connection: Connection, sync: PeopleSync, rows: Sequence[BulkJobRow], reasons: dict[int, str]
    ) -> None:
        now, organization_id = self._bench.clock.now(), sync.organization_id
        found = await people_syncs.members_of(connection, sync.id, [key_of(row) for row in rows])
        person_ids = {row.id: person_id_of(row) for row in rows if row.id not in reasons}
        links: dict[str, int] = {}
        sent: dict[str, tuple[int, str]] = {}
        refused: dict[str, tuple[str, str]] = {}
        for member in found:
            person_id = person_ids.get(member.result_id)
            if person_id is not None:
                links[member.stakeholder_id] = person_id
                sent[member.stakeholder_id] = (person_id, member.digest)
            else:
                refused[member.stakeholder_id] = (member.digest, reasons.get(member.result_id, NotTold.REFUSED))
        # Of whom was erased while the job ran, nothing is written down again.
        known = sorted(await directory.hold_known(connection, organization_id, links))
        if known:
            theirs = {links[one] for one in known}
            shown = [one for one in people_in(organization_id, rows) if one.person_id in theirs]
            await people.link_many(
                connection, organization_id, {one: links[one] for one in known}, by="upsert", now=now
            )
            await people.record_sent(connection, organization_id, {one: sent[one] for one in known})
            # As of the start: what the person has said since is newer than the answer that lay with the result.
            await people.keep_people(connection, shown, read_at=sync.executing_at or now)
        for row in rows:
            if reasons.get(row.id) == NotTold.PERSON_GONE and (gone := key_of(row).person_id) is not None:
                await people.unlink(connection, organization_id, gone)
        remembered = {who: what for who, what in refused.items() if what[1] != NotTold.PERSON_GONE}
        await people_syncs.put_refusals(connection, organization_id, remembered, list(links), now)
        told = dict.fromkeys(links, "told") | {who: reason for who, (_, reason) in refused.items()}
        await people_syncs.put_outcomes(connection, sync.id, told)
        sync.succeeded += len(links)
        for _, reason in refused.values():
            sync.refused[reason] = sync.refused.get(reason, 0) + 1

    async def _step(self, command: Claimed, sync: PeopleSync, state: SyncState) -> None:
        sync.state = state
        async with self._bench.database.transaction() as connection:
            await commands.hold(connection, command)
            await people_syncs.put(connection, sync)

    async def _end(
        self, connection: Connection, command: Claimed, sync: PeopleSync, error: SalesloftError | None = None
    ) -> None:
        now = self._bench.clock.now()
        sync.state = "done" if error is None else "failed"
        sync.error, sync.ended_at = str(error) if error is not None else None, now
        await people_syncs.put(connection, sync)
        await people_syncs.drop_members(connection, sync.id)
        await commands.finish(connection, command, outcome=sync.state, error=sync.error, now=now)

    async def _failed(self, command: Claimed, sync: PeopleSync, session: Session, error: SalesloftError) -> Outcome:
        """What can be tried again is tried from where the rows say that it stands."""
        if error.retry_class is RetryClass.PERMANENT:
            async with self._bench.database.transaction() as connection:
                await commands.hold(connection, command)
                await self._end(connection, command, sync, error)
            return Outcome.REFUSED
        if isinstance(error, Unauthorized):
            await self._bench.sessions.rejected(session, "unauthorized")
        retry_at = error.retry_at if isinstance(error, Throttled) else None
        pause_s = 0.0 if retry_at is not None else self._bench.options.bulk_poll_s
        async with self._bench.database.connection() as connection:
            await commands.release(connection, command, error=str(error), due_at=retry_at, pause_s=pause_s)
        return Outcome.PARKED if retry_at is not None else Outcome.RETRIED


def _count(sync: PeopleSync, looked: Sequence[_Looked]) -> None:
    for one in looked:
        sync.compared += 1
        sync.compared_to = one.one.stakeholder_id
        if isinstance(one.verdict, Unchanged):
            sync.unchanged += 1
        elif isinstance(one.verdict, LeftOut):
            sync.left_out[one.verdict.reason] = sync.left_out.get(one.verdict.reason, 0) + 1


def _started(sync: PeopleSync) -> int:
    if sync.job_id is None:
        raise AssertionError("a sync is executing without its job")
    return sync.job_id
