"""E-mails, calls and entries of the activity feed: one page of each, taken in within the caller's transaction."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from activity.counters import observe_call, observe_email, shown_by_email
from activity.histories import observe_history
from activity.ledger import Ledger, total
from activity.records import CallRecord, EmailRecord, HistoryRecord
from activity.units import Unit
from salesloft_client import ActivityHistory, Call, Email
from salesloft_client.models import Reference
from storage import activity
from storage.pool import Connection
from workflows.activity import Observed, Reading, owed, tell

__all__ = ["apply_calls", "apply_emails", "apply_histories"]

Row = TypeVar("Row", Email, Call, ActivityHistory)
Record = TypeVar("Record", EmailRecord, CallRecord, HistoryRecord)


async def apply_emails(connection: Connection, reading: Reading, rows: Sequence[Email]) -> Ledger:
    """Take in e-mails: what their counters show above the highest counts seen is told."""
    records, ledgers = _records("emails", rows, _email)
    links = await activity.lock_linked_stakeholders(
        connection, reading.organization_id, {record.person_id for record in records}
    )
    ours = [record.id for record in records if record.person_id in links]
    seen = await activity.lock_emails(connection, reading.organization_id, ours) if ours else {}
    observed: list[Observed] = []
    remembered = []
    for record in records:
        shown = sum(shown_by_email(record).values())
        new: Sequence[Unit] = ()
        fallen = 0
        if record.person_id in links:
            before = seen.get(record.id)
            observation = observe_email(before, record, reading.noticed_at)
            new, fallen = observation.units, observation.fallen
            if observation.seen != before:
                remembered.append((record, observation.seen))
        every = observe_email(None, record, reading.noticed_at).units if reading.newly_linked else new
        began_at = record.sent_at or record.created_at
        observed.append(
            Observed(
                person_id=record.person_id,
                cadence_id=record.cadence_id,
                began_at=began_at,
                new=new,
                every=every,
                shown=shown,
                fallen=fallen,
            )
        )
    if remembered:
        await activity.put_emails(connection, reading.organization_id, remembered)
    told = await tell(connection, reading, observed, links)
    return told.ledger + total(ledgers)


async def apply_calls(connection: Connection, reading: Reading, rows: Sequence[Call]) -> Ledger:
    """Take in logged calls: each is told once."""
    records, ledgers = _records("calls", rows, _call)
    observed = [_once(r, r.created_at, (observe_call(r, reading.noticed_at),)) for r in records]
    return await _apply_once(connection, reading, observed) + total(ledgers)


async def apply_histories(connection: Connection, reading: Reading, rows: Sequence[ActivityHistory]) -> Ledger:
    """Take in entries of the activity feed: completed steps and opt-outs are told, the rest is told elsewhere."""
    records, ledgers = _records("histories", rows, _history)
    observed = [_once(r, r.occurred_at, observe_history(r, reading.noticed_at)) for r in records]
    return await _apply_once(connection, reading, observed) + total(ledgers)


async def _apply_once(connection: Connection, reading: Reading, observed: Sequence[Observed]) -> Ledger:
    links = await activity.lock_linked_stakeholders(
        connection, reading.organization_id, {record.person_id for record in observed}
    )
    return (await tell(connection, reading, observed, links)).ledger


def _once(record: CallRecord | HistoryRecord, began_at: datetime, units: Sequence[Unit]) -> Observed:
    """A record that shows the same whenever it is read."""
    return Observed(
        person_id=record.person_id,
        cadence_id=record.cadence_id,
        began_at=began_at,
        new=units,
        every=units,
        shown=len(units),
    )


def _records(
    stream: str, rows: Iterable[Row], record_of: Callable[[Row], Record | None]
) -> tuple[list[Record], list[Ledger]]:
    """The rows that can be taken in, and the ledgers of those that cannot, or that are about nobody."""
    records: list[Record] = []
    ledgers: list[Ledger] = []
    for row in rows:
        try:
            record = record_of(row)
        except ValueError as error:
            ledgers.append(owed(stream, row, error))
            continue
        if record is None:
            ledgers.append(Ledger.of_stranger(shown=0))
        else:
            records.append(record)
    return records, ledgers


def _email(row: Email) -> EmailRecord | None:
    if row.recipient is None:
        return None
    counts = row.counts
    return EmailRecord(
        id=row.id,
        person_id=row.recipient.id,
        cadence_id=_id(row.cadence),
        step_id=_id(row.step),
        status=row.status,
        created_at=row.created_at or row.updated_at,
        sent_at=row.sent_at,
        updated_at=row.updated_at,
        bounced=row.bounced is True,
        views=(counts.views if counts else None) or 0,
        clicks=(counts.clicks if counts else None) or 0,
        replies=(counts.replies if counts else None) or 0,
    )


def _call(row: Call) -> CallRecord | None:
    if row.called_person is None:
        return None
    return CallRecord(
        id=row.id,
        person_id=row.called_person.id,
        cadence_id=_id(row.cadence),
        step_id=_id(row.step),
        created_at=row.created_at or row.updated_at,
        updated_at=row.updated_at,
    )


def _history(row: ActivityHistory) -> HistoryRecord | None:
    if row.resource_type != "person" or row.resource_id is None or row.type is None:
        return None
    said = row.static_data
    do_not_contact = said.get("do_not_contact")
    return HistoryRecord(
        id=row.id,
        type=row.type,
        person_id=int(row.resource_id),
        occurred_at=row.occurred_at or row.created_at or row.updated_at,
        updated_at=row.updated_at,
        cadence_id=_whole(said.get("cadence_id")),
        step_id=_whole(said.get("step_id")),
        do_not_contact=do_not_contact if isinstance(do_not_contact, bool) else None,
    )


def _id(reference: Reference | None) -> int | None:
    return None if reference is None else reference.id


def _whole(value: object) -> int | None:
    """An id from data without a schema, as a number or as digits; ValueError for anything else."""
    return None if value is None else int(str(value))
