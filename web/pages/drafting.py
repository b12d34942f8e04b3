"""A mapping's draft as a form: what leads whom where, and rules that are made of the served facts alone."""

from asyncio import gather
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.fields import Sent
from web.pages.kit import Kit, named, sent_by
from web.pages.limits_form import DAYS, PER, REENTRY, focus_of, limits_edited
from web.pages.mapping_form import base_in, document_in, is_another_segment, kept_rules, parts_in, rules_sent
from web.pages.mapping_words import order_of
from web.pages.own_api import Refusal
from web.pages.rule_form import edited
from web.pages.rules import Catalogue, Group, Unfinished
from web.pages.versions import differing, places_of
from web.problems import Problem

__all__ = ["SEGMENT", "catalogue_of", "drafting_routes"]

SEGMENT: Final = "customer.segment"
_CADENCES = 200
_CHANGED_MEANWHILE = 412
_REFUSED = 422


def drafting_routes(kit: Kit) -> list[Route]:
    """`/mappings/{id}/edit`."""
    pages = _Drafting(kit)
    path = "/mappings/{mapping_id:uuid}/edit"
    return [
        Route(path, pages.edit),
        Route(path, pages.again, methods=["POST"]),
        Route(f"{path}/save", pages.save, methods=["POST"]),
    ]


async def catalogue_of(kit: Kit, request: Request) -> Catalogue:
    """The facts that rules may ask about, in the order in which they are shown; segments are those of the customers."""
    fields, told = await gather(
        kit.api.get(request, "/trigger-mappings/fields"), kit.api.get(request, "/trigger-mappings/segments")
    )
    found = {one["field"]: one for one in fields}
    return found | {SEGMENT: found[SEGMENT] | {"choices": told["segments"]}}


class _Drafting:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def edit(self, request: Request) -> Response:
        """The form, of the latest version."""
        # What speaks against it is there from the first: told with the first preview, it would move what is below.
        session, (found, state), examined = await gather(
            self._kit.frame(request),
            self._kit.api.get_with_state(request, _path(request)),
            self._kit.api.get(request, f"{_path(request)}/findings"),
        )
        if session["role"] != "admin":
            raise Problem(403, "role_required", "Mappings are drafted by admins.")
        latest = found["versions"][-1]
        mapping = latest["mapping"]
        shown, listed = await gather(
            self._shown(request, mapping, kept_rules(mapping)), self._kit.api.get(request, "/trigger-mappings")
        )
        return self._kit.rendered(
            "edit.html",
            request,
            session=session,
            latest=latest,
            base=mapping,
            state=state,
            order=order_of(listed["mappings"], mapping, latest["id"]),
            findings=examined["findings"],
            warnings=examined["warnings"],
            **shown,
        )

    async def again(self, request: Request) -> Response:
        """The form as it is after a choice on which others depend; nothing is written."""
        sent, catalogue = await sent_by(request), await catalogue_of(self._kit, request)
        does = sent.get("do", [""])[-1]
        rules = {root: edited(one, root, does) for root, one in rules_sent(sent, catalogue).items()}
        mapping = parts_in(sent)
        mapping |= {"policy": limits_edited(mapping["policy"], does)}
        focus = focus_of(does, mapping["policy"]) or _focus(does, rules)
        shown = await self._shown(request, mapping, rules, focus=focus, is_another=is_another_segment(sent))
        return self._kit.rendered("_draft.html", request, **shown)

    async def save(self, request: Request) -> Response:
        """Write the draft, unless somebody has changed the mapping since the form was opened."""
        sent, catalogue = await sent_by(request), await catalogue_of(self._kit, request)
        rules = rules_sent(sent, catalogue)
        try:
            document = document_in(sent, rules, catalogue)
        except Unfinished as unfinished:
            problem = {
                "title": "Something is not finished",
                "detail": "It is marked: finish it, or remove it.",
                "correlation_id": None,
            }
            return await self._not_saved(request, sent, rules, unfinished.lacking, problem)
        state = sent.get("over", sent.get("state", [""]))[-1]
        try:
            drafted, left = await self._kit.api.send_with_state(
                request, "PUT", f"{_path(request)}/draft", document, if_match=state
            )
        except Refusal as refusal:
            if refusal.status == _CHANGED_MEANWHILE:
                return await self._conflict(request, base_in(sent))
            if refusal.status == _REFUSED:
                return await self._not_saved(request, sent, rules, places_of(refusal.problem), refusal.problem)
            raise
        latest = drafted["versions"][-1]
        return self._kit.rendered(
            "_saved.html",
            request,
            latest=latest,
            base=latest["mapping"],
            state=left,
            findings=drafted["findings"],
            warnings=drafted["warnings"],
        )

    async def _not_saved(
        self,
        request: Request,
        sent: Sent,
        rules: Mapping[str, Group],
        lacking: Mapping[str, str],
        problem: dict[str, Any],
    ) -> Response:
        is_another = is_another_segment(sent)
        shown = await self._shown(request, parts_in(sent), rules, lacking=lacking, is_another=is_another)
        return self._kit.rendered("_not_saved.html", request, problem=problem, **shown)

    async def _conflict(self, request: Request, base: dict[str, Any]) -> Response:
        found, state = await self._kit.api.get_with_state(request, _path(request))
        latest = found["versions"][-1]
        return self._kit.rendered(
            "_conflict.html",
            request,
            latest=latest,
            state=state,
            changes=differing(base, latest["mapping"]),
            names={latest["mapping"]["cadence_id"]: latest["cadence_name"]},
        )

    async def _shown(
        self,
        request: Request,
        mapping: dict[str, Any],
        rules: Mapping[str, Group],
        *,
        lacking: Mapping[str, str] | None = None,
        focus: str = "",
        is_another: bool = False,
    ) -> dict[str, Any]:
        """What the form is filled with."""
        catalogue, cadences, senders, steps = await gather(
            catalogue_of(self._kit, request),
            self._kit.api.get(request, "/cadences", limit=_CADENCES),
            self._kit.api.get(request, "/senders"),
            self._steps(request, mapping.get("cadence_id")),
        )
        return {
            "mapping_id": request.path_params["mapping_id"],
            "mapping": mapping,
            "rules": rules,
            "catalogue": catalogue,
            "is_another": is_another,
            "segments": catalogue[SEGMENT]["choices"],
            # One that takes nobody now cannot be published, and one that was chosen is shown whatever became of it.
            "cadences": [
                one for one in cadences["items"] if one["people_addable"] or one["id"] == mapping.get("cadence_id")
            ],
            "senders": senders["senders"],
            "steps": steps,
            "days": DAYS,
            "per": PER,
            "reentry": REENTRY,
            "lacking": lacking or {},
            "focus": focus,
        }

    async def _steps(self, request: Request, cadence_id: Any) -> list[dict[str, Any]]:
        """Those of the chosen cadence that are switched on; none of a cadence that is not there any more."""
        if not isinstance(cadence_id, int):
            return []
        try:
            cadence = await self._kit.api.get(request, f"/cadences/{cadence_id}")
        except Refusal:
            return []
        return [{"day": day["day"], **step} for day in cadence["days"] for step in day["steps"] if step["enabled"]]


def _path(request: Request) -> str:
    return f"/trigger-mappings/{named(request.path_params['mapping_id'])}"


def _focus(does: str, rules: Mapping[str, Group]) -> str:
    """Where whoever pressed a button goes on: in what was added, or at the group that something was taken out of."""
    action, _, path = does.partition(" ")
    root, *places = path.split(".")
    group: Any = rules.get(root)
    for place in places if action != "remove" else places[:-1]:
        group = group.parts[int(place)] if isinstance(group, Group) and int(place) < len(group.parts) else None
    if not isinstance(group, Group):
        return f"{root}:add"
    match action:
        case "add-row":
            return f"{path}.{len(group.parts) - 1}:field"
        case "add-group":
            return f"{path}.{len(group.parts) - 1}.0:field"
        case "remove":
            return f"{path.rpartition('.')[0]}:add"
    return ""
