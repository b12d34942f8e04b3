"""What can be done to somebody on a cadence, and how it is really done."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from enrollment.capabilities import CAPABILITIES, CadenceAction, Support
from web.security import Caller, CallerRole, Callers, having_role

__all__ = ["CapabilityTold", "capability_routes"]


class CapabilityTold(BaseModel):
    """An action: `native` is Salesloft's own, `emulated` is done by what Salesloft has, `unsupported` is not done.

    `does` says what will really be done. `adds_back` tells that the person is added to the cadence again on the way,
    which wants to be confirmed.
    """

    action: CadenceAction
    support: Support
    does: str
    adds_back: bool


def capability_routes(callers: Callers) -> APIRouter:
    """`GET /api/salesloft/capabilities`."""
    routes = APIRouter(prefix="/api/salesloft", tags=["capabilities"])
    anybody = having_role(callers, *CallerRole)

    @routes.get("/capabilities")
    async def capabilities(_: Annotated[Caller, Depends(anybody)]) -> list[CapabilityTold]:
        """Every action, in the words that people are told on every surface."""
        return [
            CapabilityTold(action=one.action, support=one.support, does=one.does, adds_back=one.adds_back)
            for one in CAPABILITIES
        ]

    return routes
