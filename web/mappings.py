"""What forms of mappings are built from."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from enrollment.catalogue import FieldKind, Operand, Operator, catalogue
from schemas.vocabulary import TriggerType
from storage.segments import list_segments
from web.reading.asking import Looked, Looking
from web.security import Caller, CallerRole, Callers, having_role

__all__ = ["mapping_routes"]


class CriteriaField(BaseModel):
    """A fact that criteria may ask about, and with what each operator asks it.

    `triggers` are the only ones that have it; empty where it has nothing to do with them. `choices` are the values
    that the platform gives it, if it fixes them; where it `has_others`, an organization may use others besides.
    """

    field: str
    kind: FieldKind
    operators: dict[Operator, Operand]
    description: str
    triggers: tuple[TriggerType, ...]
    choices: tuple[str, ...]
    has_others: bool


class Segments(Looked):
    """The segments that customers have now, written as a mapping has to write them; at most 200."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"segments": ["enterprise", "mid-market"]}]})

    segments: list[str]


def mapping_routes(looking: Looking, callers: Callers) -> APIRouter:
    """`GET /api/salesloft/trigger-mappings/fields` and `/segments`."""
    routes = APIRouter(prefix="/api/salesloft/trigger-mappings", tags=["mappings"])
    anybody = having_role(callers, *CallerRole)

    @routes.get("/fields")
    async def fields(_: Annotated[Caller, Depends(anybody)]) -> list[CriteriaField]:
        """Every fact that criteria may ask about, in the order in which a form shows them."""
        return [
            CriteriaField(
                field=entry.field,
                kind=entry.kind,
                operators=entry.operators,
                description=entry.description,
                triggers=entry.triggers,
                choices=entry.choices,
                has_others=entry.has_others,
            )
            for entry in catalogue()
        ]

    @routes.get("/segments")
    async def segments(caller: Annotated[Caller, Depends(anybody)]) -> Segments:
        """What a mapping's segment may be for some customer to have it."""
        async with looking.of(caller) as connection:
            return Segments(segments=await list_segments(connection, caller.organization_id))

    return routes
