"""A draft tried while it is written: who would be asked for now, what keeps the others out, and why not somebody."""

from asyncio import gather
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.drafting import catalogue_of
from web.pages.fields import Sent
from web.pages.kit import Kit, named, sent_by
from web.pages.mapping_form import CRITERIA, asked_of_event, document_in, imagined_in, parts_in, rules_sent
from web.pages.mapping_words import Order, as_named, order_of
from web.pages.own_api import Refusal
from web.pages.rules import Catalogue, Unfinished, criteria_of, finished
from web.pages.why_not import verdict_of
from web.pages.wording import fact, shown

__all__ = ["trying_routes"]

_REFUSED = frozenset({404, 422, 429})


def trying_routes(kit: Kit) -> list[Route]:
    """What stands beside the form of `/mappings/{id}/edit`."""
    pages = _Trying(kit)
    path = "/mappings/{mapping_id:uuid}/edit"
    return [
        Route(f"{path}/preview", pages.preview, methods=["POST"]),
        Route(f"{path}/preview/{{trial_id:uuid}}", pages.progress),
        Route(f"{path}/why-not", pages.why_not, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _Written:
    """What a form says: the mapping, None while it cannot be tried, and what its rules say so far.

    `event` is what the event is imagined to say, by field: as it was written, else so that the rules hold. Of `unsaid`
    neither is known. `names` are the published mappings', by id.
    """

    mapping: dict[str, Any] | None
    cadence_name: str
    says: dict[str, Any]
    event: dict[str, Any]
    unsaid: list[str]
    lacking: int
    order: Order
    names: dict[str, str]

    @property
    def trigger(self) -> dict[str, Any] | None:
        """The event, as the API takes it."""
        return {field.removeprefix("trigger."): value for field, value in self.event.items()} or None

    @property
    def imagined(self) -> str:
        """The event in words; nothing where nothing is asked of it."""
        return ", ".join(f"{fact(field)} {shown(value)}" for field, value in self.event.items())


class _Trying:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def preview(self, request: Request) -> Response:
        """Begin to count for the form as it is; what was begun for the form as it was before is given up."""
        sent = await sent_by(request)
        catalogue = await catalogue_of(self._kit, request)
        written, _ = await gather(
            self._written(request, sent, catalogue), self._give_up(request, sent.get("trial", [""])[-1])
        )
        trial, problem, findings, warnings = None, None, [], []
        if written.mapping is not None:
            try:
                tried = await self._kit.api.send(
                    request, "PUT", "/trigger-mappings", {"mappings": [written.mapping]}, dry_run="true"
                )
                findings = [one | {"field": one["field"].split(".", 2)[-1]} for one in tried["findings"]]
                warnings = tried["warnings"]
                asked = {"mapping": written.mapping, "trigger": written.trigger}
                if not written.unsaid:
                    trial = await self._kit.api.send(request, "POST", "/mapping-trials/preview", asked)
            except Refusal as refusal:
                if refusal.status not in _REFUSED:
                    raise
                problem = refusal.problem
        return self._kit.rendered(
            "_trial.html",
            request,
            mapping_id=request.path_params["mapping_id"],
            written=written,
            imagined=written.imagined,
            trial=trial,
            problem=problem,
            findings=findings,
            warnings=warnings,
            names={},
        )

    async def progress(self, request: Request) -> Response:
        """How far it is, and what came of it; nothing of one that was given up for another, which shows itself."""
        path = f"/mapping-trials/{named(request.path_params['trial_id'])}"
        try:
            trial = await self._kit.api.get(request, path)
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            return Response(status_code=204)
        names = {}
        if trial["preview"] is not None:
            names = as_named((await self._kit.api.get(request, "/trigger-mappings"))["mappings"])
        return self._kit.rendered(
            "_trial.html",
            request,
            mapping_id=request.path_params["mapping_id"],
            written=None,
            imagined=request.query_params.get("imagined", ""),
            trial=trial,
            problem=None,
            findings=[],
            warnings=[],
            names=names,
        )

    async def why_not(self, request: Request) -> Response:
        """What the form as it is says of one stakeholder, part by part."""
        sent = await sent_by(request)
        written = await self._written(request, sent, await catalogue_of(self._kit, request))
        who = sent.get("stakeholder_id", [""])[-1].strip()
        told, problem = None, None
        if written.mapping is not None and who:
            asked = {"mapping": written.mapping, "trigger": written.trigger, "stakeholder_id": who}
            try:
                told = await self._kit.api.send(request, "POST", "/mapping-trials/stakeholder", asked)
            except Refusal as refusal:
                if refusal.status not in _REFUSED:
                    raise
                problem = refusal.problem
        return self._kit.rendered(
            "_why_not.html",
            request,
            who=who,
            name=sent.get("who", [""])[-1],
            was_asked=told is not None,
            verdict=verdict_of(told["decisions"], str(request.path_params["mapping_id"])) if told is not None else None,
            names=written.names,
            problem=problem,
        )

    async def _written(self, request: Request, sent: Sent, catalogue: Catalogue) -> _Written:
        listed = await self._kit.api.get(request, "/trigger-mappings")
        id_ = str(request.path_params["mapping_id"])
        rules, parts = rules_sent(sent, catalogue), parts_in(sent)
        says = parts | {
            name: criteria_of(finished(rules[root], catalogue), catalogue, root) for root, name in CRITERIA.items()
        }
        asked = asked_of_event({"all": [says[name] for name in CRITERIA.values()]})
        typed = imagined_in(sent, parts["trigger_type"], catalogue)
        # Of another trigger's fact nothing is ever known, whatever is imagined.
        own = {field: value for field, value in asked.items() if parts["trigger_type"] in catalogue[field]["triggers"]}
        document, lacking = None, 0
        try:
            document = document_in(sent, rules, catalogue) | {"id": id_}
        except Unfinished as unfinished:
            lacking = len(unfinished.lacking)
        return _Written(
            mapping=document,
            cadence_name=sent.get("cadence_name", [""])[-1],
            says=says,
            event={field: value for field, value in (own | typed).items() if value is not None},
            unsaid=[field for field, value in (own | typed).items() if value is None],
            lacking=lacking,
            order=order_of(listed["mappings"], parts, id_),
            names=as_named(listed["mappings"]),
        )

    async def _give_up(self, request: Request, trial_id: str) -> None:
        if not trial_id:
            return
        try:
            await self._kit.api.send(request, "DELETE", f"/mapping-trials/{named(trial_id)}")
        except Refusal as refusal:
            # It is over, or was forgotten.
            if refusal.status not in _REFUSED:
                raise
