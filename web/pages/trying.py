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
from web.pages.mapping_form import CRITERIA, document_in, imagined_in, parts_in, rules_sent
from web.pages.own_api import Refusal
from web.pages.rules import Unfinished, criteria_of, finished

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
    """What a form says: the mapping, None while it cannot be tried, and what its rules say so far."""

    mapping: dict[str, Any] | None
    cadence_name: str
    says: dict[str, Any]
    trigger: dict[str, Any] | None
    lacking: int


class _Trying:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def preview(self, request: Request) -> Response:
        """Begin to count for the form as it is; what was begun for the form as it was before is given up."""
        sent = await sent_by(request)
        written, _ = await gather(self._written(request, sent), self._give_up(request, sent.get("trial", [""])[-1]))
        trial, problem, findings = None, None, []
        if written.mapping is not None:
            try:
                tried = await self._kit.api.send(
                    request, "PUT", "/trigger-mappings", {"mappings": [written.mapping]}, dry_run="true"
                )
                findings = tried["findings"]
                asked = {"mapping": written.mapping, "trigger": written.trigger}
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
            trial=trial,
            problem=problem,
            findings=findings,
        )

    async def progress(self, request: Request) -> Response:
        """How far it is, and what came of it; nothing of one that was given up for another, which shows itself."""
        try:
            trial = await self._kit.api.get(request, f"/mapping-trials/{named(request.path_params['trial_id'])}")
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            return Response(status_code=204)
        return self._kit.rendered(
            "_trial.html",
            request,
            mapping_id=request.path_params["mapping_id"],
            written=None,
            trial=trial,
            problem=None,
            findings=[],
        )

    async def why_not(self, request: Request) -> Response:
        """What the form as it is says of one stakeholder, part by part."""
        sent = await sent_by(request)
        written = await self._written(request, sent)
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
            told=told,
            problem=problem,
            mapping_id=str(request.path_params["mapping_id"]),
        )

    async def _written(self, request: Request, sent: Sent) -> _Written:
        catalogue = await catalogue_of(self._kit, request)
        rules, parts = rules_sent(sent, catalogue), parts_in(sent)
        says = parts | {
            name: criteria_of(finished(rules[root], catalogue), catalogue, root) for root, name in CRITERIA.items()
        }
        name = sent.get("cadence_name", [""])[-1]
        trigger = imagined_in(sent, parts["trigger_type"], catalogue)
        try:
            document = document_in(sent, rules, catalogue) | {"id": str(request.path_params["mapping_id"])}
        except Unfinished as unfinished:
            return _Written(None, name, says, trigger, len(unfinished.lacking))
        return _Written(document, name, says, trigger, 0)

    async def _give_up(self, request: Request, trial_id: str) -> None:
        if not trial_id:
            return
        try:
            await self._kit.api.send(request, "DELETE", f"/mapping-trials/{named(trial_id)}")
        except Refusal as refusal:
            # It is over, or was forgotten.
            if refusal.status not in _REFUSED:
                raise
