"""`POST /api/salesloft/chat`: something is said, and answered; what changes something is shown before it is done."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from web.idempotency import operation_id, repeatable
from web.security import Caller, CallerRole, Callers, having_role
from web.talking.begun import Talking
from web.talking.spoken import Answered, Said

__all__ = ["talking_routes"]


def talking_routes(talking: Talking, callers: Callers) -> APIRouter:
    """`POST /api/salesloft/chat`."""
    routes = APIRouter(prefix="/api/salesloft", tags=["chat"])
    anybody = having_role(callers, *CallerRole)

    @routes.post("/chat")
    @repeatable
    async def chat(
        said: Said,
        request: Request,
        caller: Annotated[Caller, Depends(anybody)],
        operation: Annotated[UUID, Depends(operation_id)],
    ) -> Answered:
        """Say something: a question is answered, a command is shown, and done once it is confirmed."""
        return await (await talking.begun()).answer(said, caller, operation, request.state.correlation_id)

    return routes
