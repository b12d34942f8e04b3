"""Bugs of what is read again at Salesloft, and of what is compared."""

from tests.mutants.mutant import Mutant

__all__ = ["IN_READING_AGAIN"]

_OWING = "tests/producers/test_owing.py"
_RECONCILING = "tests/producers/test_reconciling.py"

IN_READING_AGAIN = (
    Mutant(
        name="a-debt-is-never-settled",
        bug="a record that was taken in at last is owed for ever",
        path="producers/streams/pages.py",
        old="        if taken_in:\n",
        new="        if taken_in and not debts and page.cycle < 0:\n",
        tests=(_OWING,),
    ),
    Mutant(
        name="a-debt-of-what-is-gone-is-never-settled",
        bug="a record that Salesloft no longer has is asked for again and again",
        path="producers/streams/owing.py",
        old="            await owed.settle(connection, reading.organization_id, stream, missing)\n",
        new="            await owed.settle(connection, reading.organization_id, stream, ())\n",
        tests=(_OWING,),
    ),
    Mutant(
        name="debts-cost-what-they-cost",
        bug="thousands of broken records spend the team's minute",
        path="producers/streams/owing.py",
        old="        return self.made < self.left and",
        new="        return self.made < self.left * 100 and",
        tests=(_OWING,),
    ),
    Mutant(
        name="a-debts-pause-does-not-grow",
        bug="a record that stays broken costs a call in every cycle",
        path="sql/queries/owed.sql",
        old="interval '15 minutes' * 2 ^ least(known.attempts, 10))",
        new="interval '0')",
        tests=(_OWING,),
    ),
    Mutant(
        name="a-cycle-forgets-what-is-owed",
        bug="a ledger that met nothing broken owes nothing, though its stream does",
        path="sql/queries/sync.sql",
        old="WHERE o.organization_id = :organization_id AND o.stream = :stream)",
        new="WHERE o.organization_id = :organization_id AND o.stream = :stream AND o.attempts = 1)",
        tests=(_OWING,),
    ),
    Mutant(
        name="a-record-that-salesloft-stumbles-over-takes-others-with-it",
        bug="one record keeps a whole call's records from being read",
        path="producers/streams/owing.py",
        old="                if len(asked) > 1:\n",
        new="                if len(asked) > 1000:\n",
        tests=(_OWING,),
    ),
    Mutant(
        name="what-a-list-leaves-out-is-gone",
        bug="a list that is behind ends memberships that are there",
        path="producers/streams/reconciling.py",
        old=" if await _is_gone(show, one)}",
        new=" if show is not None}",
        tests=(_RECONCILING,),
    ),
    Mutant(
        name="lost-sight-is-believed",
        bug="a credential that sees nothing any more ends every enrollment",
        path="producers/streams/reconciling.py",
        old="if len(missing) == len(ids) >= _NOT_BELIEVED_FROM:",
        new="if len(missing) == len(ids) >= 10 * _NOT_BELIEVED_FROM:",
        tests=(_RECONCILING,),
    ),
    Mutant(
        name="what-is-ahead-is-a-hole",
        bug="what no cursor has come to yet is told of as passed over",
        path="producers/streams/reconciling.py",
        old="if read_to is not None and row.updated_at < read_to]",
        new="if read_to is not None]",
        tests=(_RECONCILING,),
    ),
    Mutant(
        name="what-is-owed-is-a-hole",
        bug="what is owed and was mended meanwhile is told of as passed over",
        path="producers/streams/reconciling.py",
        old="        return [row for row in behind if record_name(row) not in owing]\n",
        new="        return [row for row in behind if owing is not None]\n",
        tests=(_RECONCILING,),
    ),
    Mutant(
        name="a-command-is-interrupted",
        bug="a membership that a command of ours is at work on is ended beside it",
        path="workflows/activity_vanished.py",
        old="        if (one.person_id, one.cadence_id) not in under_command\n",
        new="        if one.person_id not in under_command\n",
        tests=(_RECONCILING,),
    ),
    Mutant(
        name="a-comparison-begins-anew",
        bug="who takes over a dead reader's comparison begins at its first part",
        path="storage/reconciliations.py",
        old='        part=row["part"],\n        cycle=row["cycle"],\n',
        new='        part=None,\n        cycle=row["cycle"],\n',
        tests=(_RECONCILING,),
    ),
    Mutant(
        name="the-deleted-leave-without-a-word",
        bug="what a person did until a webhook tells of their deletion is told to nobody",
        path="producers/streams/hinted.py",
        old="            if gone and stream is SyncStream.PEOPLE:\n",
        new="            if gone and stream is SyncStream.CALLS:\n",
        tests=("tests/producers/test_deletions.py",),
    ),
    Mutant(
        name="the-deleted-are-let-go-before-they-are-heard",
        bug="memberships end a deleted person's link before that person's e-mails and steps are read",
        path="workflows/activity_memberships.py",
        old="from workflows.activity_people import miss_people\n",
        new="from workflows.activity_people import forget_people as miss_people\n",
        tests=("tests/producers/test_deletions.py",),
    ),
    Mutant(
        name="the-deleted-are-forgotten-at-once",
        bug="what a deleted person did last is told to nobody where the nightly comparison notices the deletion",
        path="producers/streams/reconciling.py",
        old="                await reader.miss(connection, reading, found.gone)\n",
        new="                await reader.forget(connection, reading, found.gone)\n",
        tests=("tests/producers/test_deletions.py",),
    ),
)
