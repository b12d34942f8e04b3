"""An organization's settings over HTTP: what it has chosen, changing it, and every version that there was.

Who changes something says by `If-Match` which version they have looked at.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict, Field

from enrollment.organization_settings import OrganizationSettings
from schemas.fields import Instant
from storage import organization_settings
from storage.organization_settings import StoredSettings
from storage.pool import Connection, Database
from web.mapping_sets import IfMatch, expected_state
from web.paging import Paging, paging
from web.problems import Problem
from web.reading.asking import Looked, Looking, Page, anybody
from web.security import Caller, CallerRole, having_role
from workflows.organization_settings import SettingsMoved, change_settings

__all__ = ["organization_settings_routes"]

_CHOSEN: Final[dict[str, Any]] = {
    "time_zone": "Europe/Berlin",
    "quiet_hours": {"begins": "18:00:00", "ends": "08:00:00"},
    "working_days": ["monday", "tuesday", "wednesday", "thursday"],
    "blackouts": [{"first": "2026-12-24", "last": "2027-01-01"}],
    "poll_interval_minutes": 15,
    "self_approval_allowed": False,
    "decided_on_our_page": True,
    "embedding_origins": ["https://app.cscx.example"],
}
_CHANGED: Final[dict[str, Any]] = {"version": 3, "changed_at": "2026-11-25T08:00:00.000000Z", "changed_by": "usr-1"}


class WantedSettings(OrganizationSettings):
    """All settings as they are to be. What is left out is what counts where nothing is chosen."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHOSEN]})


class SettingsTold(Looked):
    """Every setting, and its version, which is the ETag too: 1 where nothing was ever chosen."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHANGED | {"settings": _CHOSEN}]})

    version: int
    settings: OrganizationSettings
    changed_at: Instant | None = Field(description="Null where nothing was ever chosen.")
    changed_by: str | None


class SettingChanged(Looked):
    """A setting that a version has otherwise than the one before it; null is what was not chosen."""

    setting: str
    was: Any
    is_: Any = Field(alias="is")


class SettingsVersion(Looked):
    """A version: who made it when, and what it changed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [_CHANGED | {"changes": [{"setting": "poll_interval_minutes", "was": None, "is": 15}]}]
        }
    )

    version: int
    changed_at: Instant | None
    changed_by: str | None
    changes: list[SettingChanged]


def organization_settings_routes(database: Database, looking: Looking) -> APIRouter:
    """`GET` and `PUT /api/salesloft/organization-settings`, and `.../history`."""
    routes = APIRouter(prefix="/api/salesloft/organization-settings", tags=["organization"])
    who = anybody(looking)
    admin = having_role(looking.callers, CallerRole.ADMIN)

    @routes.get("")
    async def show(response: Response, caller: Annotated[Caller, Depends(who)]) -> SettingsTold:
        """Every setting, with what counts where nothing was chosen."""
        async with looking.of(caller) as connection:
            return await _told(connection, caller.organization_id, response)

    @routes.put("")
    async def change(
        wanted: WantedSettings,
        response: Response,
        caller: Annotated[Caller, Depends(admin)],
        if_match: IfMatch = None,
    ) -> SettingsTold:
        """Have these settings. They count for what is decided from now on; what was asked for stays as it is.

        The same settings again make no version.
        """
        organization_id, expected = caller.organization_id, _expected(if_match)
        async with database.transaction() as connection:
            try:
                await change_settings(
                    connection,
                    organization_id,
                    wanted.model_dump(mode="json"),
                    by=caller.user_id,
                    now=looking.clock.now(),
                    expected=expected,
                )
            except SettingsMoved as error:
                raise Problem(412, "changed_meanwhile", f"{error}.") from None
            return await _told(connection, organization_id, response)

    @routes.get("/history")
    async def history(
        caller: Annotated[Caller, Depends(who)], page: Annotated[Paging, Depends(paging)]
    ) -> Page[SettingsVersion]:
        """Every version that was made, the latest first."""
        question = (caller.organization_id,)
        (before,) = page.after(question, int)
        async with looking.of(caller) as connection:
            found = await organization_settings.history_before(
                connection, caller.organization_id, before, limit=page.limit + 1
            )
        items, following = page.cut(question, found, lambda one: (one.version,))
        former = [*found[1:], None]
        return Page[SettingsVersion](
            items=[_version(one, earlier) for one, earlier in zip(items, former, strict=False)],
            next_cursor=following,
            read_at=looking.clock.now(),
        )

    return routes


def _expected(if_match: str | None) -> int | None:
    """The version that the caller has looked at; None where any will do. Raises Problem: 412 or 428."""
    state = expected_state(if_match)
    if state is None:
        return None
    # Ten digits are more versions than there will ever be, and fewer than a whole number of the database's has.
    if not (state.isascii() and state.isdecimal() and len(state) <= 10):
        raise Problem(
            412, "changed_meanwhile", "What If-Match names is no version of the settings: look at them again."
        )
    return int(state)


async def _told(connection: Connection, organization_id: str, response: Response) -> SettingsTold:
    stored = await organization_settings.read(connection, organization_id)
    if stored is None:
        stored = StoredSettings(version=1, chosen={}, changed_at=None, changed_by=None)
    response.headers["etag"] = f'"{stored.version}"'
    return SettingsTold(
        version=stored.version,
        settings=OrganizationSettings.of(stored.chosen),
        changed_at=stored.changed_at,
        changed_by=stored.changed_by,
    )


def _version(one: StoredSettings, before: StoredSettings | None) -> SettingsVersion:
    was = before.chosen if before is not None else {}
    moved = sorted(name for name, value in one.chosen.items() if was.get(name) != value)
    return SettingsVersion(
        version=one.version,
        changed_at=one.changed_at,
        changed_by=one.changed_by,
        changes=[SettingChanged(setting=name, was=was.get(name), is_=one.chosen[name]) for name in moved],
    )
