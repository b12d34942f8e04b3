"""A version of a mapping tried on what has happened, alone or beside another one."""

from asyncio import gather
from datetime import date, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.pages.kit import Kit, form_of, named
from web.pages.versions import differing

__all__ = ["back_testing_routes"]

_DAYS = (30, 90, 180)
_OVER = frozenset({"done", "failed", "cancelled"})


def back_testing_routes(kit: Kit) -> list[Route]:
    """`/mappings/{id}/back-test`."""
    pages = _BackTesting(kit)
    path = "/mappings/{mapping_id:uuid}/back-test"
    return [
        Route(path, pages.choose),
        Route(path, pages.begin, methods=["POST"]),
        Route(f"{path}/{{trial_id:uuid}}", pages.progress),
    ]


class _BackTesting:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def choose(self, request: Request) -> Response:
        """Which version, beside which."""
        asked = {"found": self._kit.api.get(request, _path(request))}
        return await self._kit.page("back_test.html", request, asked, days=_DAYS)

    async def begin(self, request: Request) -> Response:
        form = await form_of(request)
        found = await self._kit.api.get(request, _path(request))
        by_version = {str(one["version"]): one for one in found["versions"]}
        chosen = [by_version[name] for name in (form.get("version"), form.get("beside")) if name in by_version]
        days = int(form["days"]) if form.get("days", "").isdigit() else _DAYS[1]
        trials = [await self._begun(request, one["mapping"], days) for one in chosen]
        return await self._told(request, trials, [one["version"] for one in chosen], found)

    async def progress(self, request: Request) -> Response:
        """How far one or two of them are; once both are over, what came of them."""
        query = request.query_params
        ids = [str(request.path_params["trial_id"]), *query.getlist("beside")]
        trials = [self._kit.api.get(request, f"/mapping-trials/{named(one)}") for one in ids]
        found, *told = await gather(self._kit.api.get(request, _path(request)), *trials)
        return await self._told(request, told, [int(one) for one in query.getlist("version")], found)

    async def _begun(self, request: Request, mapping: dict[str, Any], days: int) -> dict[str, Any]:
        document = mapping | {"id": str(request.path_params["mapping_id"])}
        begun: dict[str, Any] = await self._kit.api.send(
            request, "POST", "/mapping-trials/back-test", {"mapping": document, "days": days}
        )
        return begun

    async def _told(
        self, request: Request, trials: list[dict[str, Any]], versions: list[int], found: dict[str, Any]
    ) -> Response:
        is_over = all(one["state"] in _OVER for one in trials)
        tests = [one["back_test"] for one in trials if one["back_test"] is not None]
        own = [one["own"] for one in tests]
        by_version = {one["version"]: one for one in found["versions"]}
        chosen = [by_version[one] for one in versions if one in by_version]
        budget = await self._kit.api.get(request, "/rate-budget") if is_over and tests else None
        return self._kit.rendered(
            "_back_test.html",
            request,
            mapping_id=request.path_params["mapping_id"],
            trials=trials,
            versions=versions,
            is_over=is_over,
            tests=tests,
            line=_line(tests, versions) if tests else None,
            counts=_counts(tests),
            owners=_beside(own, "requests_by_owner", ("owner_user_id",), "requests"),
            owner_names={one["owner_user_id"]: one["owner_name"] for test in own for one in test["requests_by_owner"]},
            all_were=sum(day["were"] for day in tests[0]["requests_by_day"]) if tests else 0,
            otherwise=_otherwise(*tests) if len(tests) == 2 else None,
            changes=differing(chosen[1]["mapping"], chosen[0]["mapping"]) if len(chosen) == 2 else [],
            names={one["mapping"]["cadence_id"]: one["cadence_name"] for one in chosen},
            budget=budget,
        )


def _path(request: Request) -> str:
    return f"/trigger-mappings/{named(request.path_params['mapping_id'])}"


def _line(tests: list[dict[str, Any]], versions: list[int]) -> dict[str, list[int]]:
    """Of each day, its first second, how many would have been asked for, were, and would have been kept back."""
    first, last = date.fromisoformat(tests[0]["since"][:10]), date.fromisoformat(tests[0]["until"][:10])
    days = [first + timedelta(days=back) for back in range((last - first).days + 1)]
    by_day = [{one["day"]: one for one in test["own"]["requests_by_day"]} for test in tests]

    def series(of: dict[str, Any], name: str) -> list[int]:
        return [of.get(day.isoformat(), {}).get(name, 0) for day in days]

    line = {
        "days": [(day - date(1970, 1, 1)).days * 86_400 for day in days],
        "requests": series(by_day[0], "requests"),
        "were": series(by_day[0], "were"),
        "kept_back": series(by_day[0], "kept_back"),
    }
    return line | ({"beside": series(by_day[1], "requests")} if len(versions) > 1 and len(by_day) > 1 else {})


def _counts(tests: list[dict[str, Any]]) -> list[tuple[tuple[str, str, bool], int, list[int]]]:
    """Of each way to come out how many decisions did, and how many would by each version; the largest first.

    Two versions of other segments have other events: what was is that of the first, on its own.
    """
    found: dict[tuple[str, str, bool], tuple[list[int], list[int]]] = {}
    for place, test in enumerate(tests):
        for one in test["own"]["counts"]:
            key = one["outcome"], one["reason"], one["by_another"]
            was, would_be = found.setdefault(key, ([0] * len(tests), [0] * len(tests)))
            was[place], would_be[place] = one["was"], one["would_be"]
    rows = [(key, was[0], would_be) for key, (was, would_be) in found.items()]
    return sorted(rows, key=lambda one: (-max(one[1], *one[2]), *map(str, one[0])))


def _beside(
    tests: list[dict[str, Any]], name: str, keys: tuple[str, ...], value: str
) -> list[tuple[tuple[Any, ...], list[int]]]:
    """A table of every test's figures by what they are of; the largest first."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for place, test in enumerate(tests):
        for one in test[name]:
            found.setdefault(tuple(one[key] for key in keys), [0] * len(tests))[place] = one[value]
    return sorted(found.items(), key=lambda one: (-max(one[1]), *map(str, one[0])))


def _otherwise(one: dict[str, Any], other: dict[str, Any]) -> list[dict[str, Any]]:
    """Whom two versions decide differently, of the differences to what was that each lists."""
    sides = [
        {(each["event_id"], each["stakeholder_id"]): each for each in test["differences"]} for test in (one, other)
    ]
    found = []
    for key in dict.fromkeys([*sides[0], *sides[1]]):
        listed = [side.get(key) for side in sides]
        was = next(each["was"] for each in listed if each is not None)
        # What is not listed came out as it was.
        here, there = (each["would_be"] if each is not None else was for each in listed)
        if here != there:
            known = next(each for each in listed if each is not None)
            who = {name: known[name] for name in ("customer_id", "customer_name", "stakeholder_id", "stakeholder_name")}
            found.append(who | {"here": here, "there": there})
    return found
