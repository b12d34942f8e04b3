"""Cadences as Salesloft exports them: what a cadence holds, without ids.

Salesloft's docs name the keys for imports alone; an export has the same, with ``settings`` within the content, and in
``automated_settings`` the keys of both ways to send (Salesloft docs: cadence imports, and production mappers).
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from salesloft_client.models import Answered, Object

__all__ = ["CadenceExport", "ExportedCadence", "ExportedStep", "StepGroup"]


def _array(value: object) -> object:
    return () if value is None else value


class ExportedStep(Answered):
    """``type`` is capitalised, unlike a step's. ``type_settings`` holds an e-mail's template or the instructions."""

    name: str | None = None
    type: str | None = None
    enabled: bool | None = None
    type_settings: Object = Field(default_factory=dict, repr=False)


class StepGroup(Answered):
    """The steps of a group: more than one are variants of each other."""

    day: int | None = None
    automated: bool | None = None
    automated_settings: Object = Field(default_factory=dict)
    due_immediately: bool | None = None
    reference_id: int | None = None
    steps: Annotated[tuple[ExportedStep, ...], BeforeValidator(_array)] = ()


class ExportedCadence(Answered):
    """A cadence's settings and its groups, in their order."""

    settings: Object = Field(default_factory=dict)
    sharing_settings: Object = Field(default_factory=dict)
    step_groups: Annotated[tuple[StepGroup, ...], BeforeValidator(_array)] = ()


class CadenceExport(Answered):
    """What ``/cadence_exports/{id}`` answers."""

    cadence_content: ExportedCadence
