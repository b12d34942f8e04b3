"""The figures: how right decisions were, how faithfully they were carried out, and how completely was observed."""

from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from enrollment.accuracy import Counted, agreement, deviations
from schemas.operations import Figure, FiguresPublished
from schemas.registry import FIGURES_PUBLISHED
from schemas.topics import organization_key
from storage import figures, outbox
from storage.figures import FiguresRow
from storage.pool import Connection
from telemetry import metrics
from workflows.events import Origin, outgoing
from workflows.explaining import Recollection

__all__ = ["Figures", "count_figures", "publish_figures"]


@dataclass(slots=True, kw_only=True)
class Figures:
    """What was counted, and what was found wrong: evaluations that come out otherwise, and each deviating enrollment.

    `not_possible` evaluations are in no figure: what they rest on was erased or never kept.
    """

    row: FiguresRow
    different: list[UUID] = field(default_factory=list)
    deviating: dict[UUID, list[str]] = field(default_factory=dict)
    not_possible: int = 0


async def count_figures(
    connection: Connection,
    organization_id: str,
    since: datetime,
    until: datetime,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Figures:
    """Count the figures from `since` until before `until`; `progress` hears how many evaluations were made again."""
    accuracy, different, not_possible = Counted(), [], 0
    recollection = Recollection(connection, organization_id)
    async with aclosing(recollection.between(since, until)) as pages:
        async for page in pages:
            for one in page:
                recalled = await recollection.recalled(one)
                if recalled is None:
                    not_possible += 1
                    continue
                agreed = agreement(one.outcomes, recalled.evaluate().decisions)
                accuracy += agreed
                if agreed.part < agreed.whole:
                    different.append(one.id)
            progress(len(page))
    made = await figures.executions(connection, organization_id, since, until)
    deviating = {enrollment_id: found for enrollment_id, one in made if (found := deviations(one))}
    return Figures(
        row=FiguresRow(
            organization_id=organization_id,
            since=since,
            until=until,
            accuracy=accuracy,
            completeness=await figures.units(connection, organization_id, since, until),
            consistency=Counted(len(made) - len(deviating), len(made)),
        ),
        different=different,
        deviating=deviating,
        not_possible=not_possible,
    )


async def publish_figures(
    connection: Connection, organization_id: str, since: datetime, until: datetime, now: datetime
) -> Figures:
    """Count the figures, and keep and publish them where nobody has."""
    counted = await count_figures(connection, organization_id, since, until)
    row = counted.row
    if not await figures.add(connection, row, now):
        return counted
    message_id = uuid4()
    told = FiguresPublished(
        organization_id=organization_id,
        from_=since,
        to=until,
        accuracy=_figure(row.accuracy),
        completeness=_figure(row.completeness),
        consistency=_figure(row.consistency),
        counted=now,
    )
    message = outgoing(
        FIGURES_PUBLISHED,
        id=message_id,
        organization_id=organization_id,
        key=organization_key(organization_id),
        subject=since.date().isoformat(),
        data=FIGURES_PUBLISHED.serialize(told),
        time=now,
        origin=Origin(str(message_id)),
    )
    await outbox.add(connection, [message])
    _measure(counted)
    return counted


def _figure(counted: Counted) -> Figure:
    return Figure(ratio=counted.ratio, part=counted.part, whole=counted.whole)


def _measure(counted: Figures) -> None:
    accuracy, consistency = counted.row.accuracy, counted.row.consistency
    metrics.DECISIONS_REMADE.labels("same").inc(accuracy.part)
    metrics.DECISIONS_REMADE.labels("different").inc(accuracy.whole - accuracy.part)
    metrics.EXECUTIONS_CHECKED.labels("as_approved").inc(consistency.part)
    for what, many in Counter(what for found in counted.deviating.values() for what in found).items():
        metrics.EXECUTIONS_CHECKED.labels(what).inc(many)
