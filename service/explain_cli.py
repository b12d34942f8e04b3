"""`explain`: why somebody was or was not asked for, and what would turn it."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from enrollment.explain import ExplainedDecision, MappingTrace, told
from service.settings import Settings
from storage.pool import Database
from storage.stored_evaluations import About
from workflows.explaining import Explained, explain_evaluations

__all__ = ["add_explain", "explained_lines"]

Opened = Callable[[Settings], AbstractAsyncContextManager[Database]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]


def add_explain(app: typer.Typer, run: Run, opened: Opened, out: Console) -> None:
    """Add the command. `run` runs one with the settings, `opened` connects the database for its length."""

    @app.command()
    def explain(
        organization: Annotated[str, typer.Argument(help="The organization's id.")],
        *,
        event: Annotated[str | None, typer.Option(help="The id of a lifecycle event.")] = None,
        customer: Annotated[str | None, typer.Option(help="A customer's id.")] = None,
        stakeholder: Annotated[str | None, typer.Option(help="A stakeholder's id.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many evaluations, the newest.")] = 20,
        as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    ) -> None:
        """Show decisions with what each mapping said, why, and the smallest change that would turn them.

        Each is decided again from what was stored; one that comes out differently is marked, and the exit code is 1.
        """
        if event is None and customer is None and stakeholder is None:
            raise typer.BadParameter("say which: --event, --customer or --stakeholder")
        about = About(event_id=event, customer_id=customer, stakeholder_id=stakeholder)

        async def work(settings: Settings) -> list[Explained]:
            async with opened(settings) as database, database.reading() as connection:
                return await explain_evaluations(connection, organization, about, limit=limit)

        found: list[Explained] = run(work)
        if as_json:
            typer.echo(orjson.dumps([_told(one, stakeholder) for one in found], option=orjson.OPT_INDENT_2).decode())
        else:
            for line in _lines(found, stakeholder):
                out.print(line, markup=False, soft_wrap=True)
        if any(one.is_same is False for one in found):
            raise typer.Exit(1)


def _told(one: Explained, stakeholder: str | None) -> dict[str, Any]:
    stored = one.stored
    return {
        "evaluation_id": stored.id,
        "evaluated_at": stored.evaluated_at,
        "cause": stored.cause,
        "event_id": stored.event_id,
        "event_type": stored.event_type,
        "business_key": stored.business_key,
        "customer_id": stored.customer_id,
        "decision_version": stored.decision_version,
        "decided_again": {None: "not_possible", True: "same", False: "different"}[one.is_same],
        "outcomes": [told_ for told_ in orjson.loads(stored.outcomes) if _asked_for(told_, stakeholder)],
        "decisions": [told(decision) for decision in _decisions(one, stakeholder)],
    }


def _asked_for(outcome: dict[str, Any], stakeholder: str | None) -> bool:
    return stakeholder is None or outcome["stakeholder_id"] in {None, stakeholder}


def _decisions(one: Explained, stakeholder: str | None) -> Sequence[ExplainedDecision]:
    decisions = one.explanation.decisions if one.explanation is not None else ()
    return [one for one in decisions if stakeholder is None or one.decision.stakeholder_id in {None, stakeholder}]


def _lines(found: Sequence[Explained], stakeholder: str | None) -> Iterator[str]:
    if not found:
        yield "nothing was decided about that"
    for one in found:
        stored = one.stored
        at = stored.evaluated_at.isoformat(sep=" ", timespec="seconds")
        yield (
            f"{at}  {stored.trigger_type.value} of customer {stored.customer_id}, run {stored.business_key}: "
            f"event {stored.event_id}, decided by {stored.cause}"
        )
        if one.explanation is None:
            yield "  what it rested on was erased or never kept; what was decided:"
            for outcome in orjson.loads(stored.outcomes):
                if _asked_for(outcome, stakeholder):
                    yield f"    {outcome['stakeholder_id'] or 'nobody'}: {outcome['outcome']}, {outcome['reason']}"
            continue
        if not one.is_same:
            yield "  DIFFERENT when it is decided again; shown is how it comes out now"
        for decision in _decisions(one, stakeholder):
            yield from explained_lines(decision)


def explained_lines(explained: ExplainedDecision) -> Iterator[str]:
    """A decision as people read it."""
    decision, turn = explained.decision, explained.turn
    by = f" by mapping {decision.mapping.id} version {decision.mapping.version}" if decision.mapping else ""
    yield f"  {decision.stakeholder_id or 'nobody'}: {decision.outcome.value}, {decision.reason.value}{by}"
    for asked in explained.asked:
        yield f"    mapping {asked.mapping.id} version {asked.mapping.version}: {asked.said.replace('_', ' ')}"
        yield from _of_mapping(asked)
    if turn is None:
        yield "    no single fact would turn it"
    else:
        told_ = turn.told()
        yield (
            f"    would turn it: {turn.fact} being {_shown(told_['is'])} instead of {_shown(told_['was'])}: "
            f"{turn.outcome.value}, {turn.reason.value}"
        )


def _of_mapping(asked: MappingTrace) -> Iterator[str]:
    for tree in (asked.customer, asked.stakeholder):
        for depth, node in _nodes(tree):
            holds = {True: "yes", False: "no", None: "unknown"}[node["holds"]]
            if "predicate" in node:
                yield f"      {'  ' * depth}{node['predicate']}: {holds}, it is {_shown(node['value'])}"
            elif parts := next((name for name in ("all", "any", "not") if node.get(name)), None):
                yield f"      {'  ' * depth}{parts} of: {holds}"


def _nodes(tree: dict[str, Any], depth: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    yield depth, tree
    inner = tree.get("all") or tree.get("any") or ([tree["not"]] if "not" in tree else [])
    for part in inner:
        yield from _nodes(part, depth + 1)


def _shown(value: Any) -> str:
    return orjson.dumps(value).decode()
