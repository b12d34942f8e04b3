"""What an organization chooses for all of its mappings and its people.

SettingsInvalid   what was given is no setting, or not fit for it; says which and why
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Final, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from enrollment.working_time import Blackout, QuietHours, Weekday, WorkingTime

__all__ = ["DECIDED_BY", "OrganizationSettings", "Origin", "SettingsInvalid"]

DECIDED_BY = frozenset({"time_zone", "quiet_hours", "working_days", "blackouts", "self_approval_allowed"})
"""Settings that decisions rest on: where one of them changes, what was deferred is decided again."""

_NAME: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_PORT: Final = "(:[1-9][0-9]{0,4})?"
Origin = Annotated[str, Field(max_length=255, pattern=rf"^(https://{_NAME}(\.{_NAME})*|http://localhost){_PORT}$")]
"""Of a page, as a browser spells it: scheme, host in small letters, and the port where it is not the scheme's own."""
_MOST_PORTS: Final = 65_535
_SPELT_WITHOUT: Final = ("https", "443"), ("http", "80")


@cache
def _zones() -> set[str]:
    return available_timezones()


class SettingsInvalid(ValueError):
    """What was given is no setting, or not fit for it. The message says which and why."""


class OrganizationSettings(BaseModel):
    """Every setting, each with what counts where the organization has chosen nothing.

    `time_zone` counts for stakeholders without one of their own. `quiet_hours`, `working_days` and `blackouts` count
    for mappings whose policy says nothing of working time. `poll_interval_minutes` is from one reading of Salesloft to
    the next, business time; None is the service's own. `decided_on_our_page` says whether our page takes decisions, or
    the approval service alone. `embedding_origins` are the pages of others that may show our elements and ask our API.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: str = "UTC"
    quiet_hours: QuietHours | None = None
    working_days: tuple[Weekday, ...] | None = Field(None, min_length=1, max_length=7)
    blackouts: tuple[Blackout, ...] = Field((), max_length=200)
    poll_interval_minutes: int | None = Field(None, ge=5, le=24 * 60)
    self_approval_allowed: bool = False
    decided_on_our_page: bool = True
    embedding_origins: tuple[Origin, ...] = Field((), max_length=20)

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        # Names alone: a path, or a name in another case, would be found on one machine and not on the next.
        if name not in _zones():
            raise ValueError(f"{name!r} is no name of the IANA time zone database, as Europe/Berlin is")
        return name

    @field_validator("embedding_origins")
    @classmethod
    def _are_as_browsers_spell_them(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            scheme, _, rest = origin.partition("://")
            _, _, port = rest.partition(":")
            if (scheme, port) in _SPELT_WITHOUT or int(port or 0) > _MOST_PORTS:
                raise ValueError(f"{origin!r} is no origin as browsers spell it, such as https://app.cscx.example")
        return tuple(dict.fromkeys(origins))

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> Self:
        """From what is stored, which holds other things besides.

        What is not fit any more, such as a zone that has gone, counts as not chosen: nobody's decisions wait for it.
        """
        kept = {name: value for name, value in chosen.items() if name in cls.model_fields}
        try:
            return cls.model_validate(kept)
        except ValidationError as error:
            unfit = {problem["loc"][0] for problem in error.errors(include_url=False)}
            return cls.model_validate({name: value for name, value in kept.items() if name not in unfit})

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """With some of them changed; null is what counts where nothing is chosen. Raises SettingsInvalid."""
        for name in changes:
            if name not in type(self).model_fields:
                raise SettingsInvalid(f"there is no setting {name}; there are {', '.join(type(self).model_fields)}")
        kept = self.model_dump(mode="json") | dict(changes)
        try:
            return type(self).model_validate({name: value for name, value in kept.items() if value is not None})
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise SettingsInvalid(f"{where}: {problem['msg'].removeprefix('Value error, ')}") from None

    @property
    def working_time(self) -> WorkingTime | None:
        """For mappings that say nothing of it; None where the organization says nothing either."""
        if self.quiet_hours is None and self.working_days is None and not self.blackouts:
            return None
        if self.working_days is None:
            return WorkingTime(quiet_hours=self.quiet_hours, blackouts=self.blackouts)
        return WorkingTime(quiet_hours=self.quiet_hours, days=self.working_days, blackouts=self.blackouts)

    @property
    def poll_interval(self) -> timedelta | None:
        """How often Salesloft is read; None is the service's own."""
        return timedelta(minutes=self.poll_interval_minutes) if self.poll_interval_minutes is not None else None
