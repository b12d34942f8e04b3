"""What was decided, decided again from what was stored of it: once as the figures do, once as a back-test does."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from bench.proof.findings import Findings
from storage import stored_evaluations
from storage.pool import Connection, Database, DatabaseOptions
from storage.stored_evaluations import About
from workflows.figures import count_figures
from workflows.trying import back_test

__all__ = ["judge_remade"]

_EVER = timedelta(days=3660)
_TOLD_IN_FULL = 10


async def judge_remade(dsn: str, organization_ids: Sequence[str], now: datetime, findings: Findings) -> None:
    """Every evaluation of a database, of which at least some may have been erased meanwhile."""
    since, until = now - _EVER, now + _EVER
    different: list[str] = []
    unlike: list[str] = []
    made, gone, tried = 0, 0, 0
    reasons: Counter[str] = Counter()
    async with Database.connected(DatabaseOptions(dsn=dsn)) as database, database.reading() as connection:
        for organization_id in organization_ids:
            figures = await count_figures(connection, organization_id, since, until)
            made += figures.row.accuracy.whole
            gone += figures.not_possible
            different += [f"{organization_id} {evaluation_id}" for evaluation_id in figures.different]
            test = await back_test(connection, organization_id, since, until)
            tried += test.evaluations - test.not_possible
            if test.was != test.would_be:
                unlike.append(f"{organization_id}: {test.would_be - test.was} instead of {test.was - test.would_be}")
            for place, difference in enumerate(test.differences):
                is_told = place < _TOLD_IN_FULL
                made_of = await _made(connection, organization_id, difference.event_id) if is_told else "..."
                unlike.append(f"{organization_id}: {difference}, of {made_of}")
            reasons.update({str(reason): many for (_, reason), many in test.was.items()})
    findings.nothing("Every decision made again from what was stored comes out as it was.", different, made)
    findings.nothing("A back-test's counts are those of the live path.", unlike, tried)
    findings.figures |= {"decisions made again": made, "evaluations of which something was erased": gone}
    findings.figures["decisions by reason"] = ", ".join(f"{reason} {many}" for reason, many in reasons.most_common())


async def _made(connection: Connection, organization_id: str, event_id: str) -> str:
    """An event's evaluations, newest first, by which a difference is understood."""
    found = await stored_evaluations.read(connection, organization_id, About(event_id=event_id), limit=_TOLD_IN_FULL)
    return "; ".join(f"{one.cause} {one.id} as of {one.evaluated_at}: {one.outcomes}" for one in found)
