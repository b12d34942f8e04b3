"""What forms of mappings are built from."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from enrollment.catalogue import FieldKind, Operand, Operator, catalogue
from schemas.vocabulary import TriggerType
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


def mapping_routes(callers: Callers) -> APIRouter:
    """`GET /api/salesloft/trigger-mappings/fields`."""
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

    return routes
