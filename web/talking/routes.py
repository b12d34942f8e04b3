"""`POST /api/salesloft/chat`: something is said, and answered; what changes something is shown before it is done.

What understanding takes is imported when somebody first says something: a start does not wait for it.
"""

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from storage.pool import Database
from web.idempotency import operation_id, repeatable
from web.security import Caller, CallerRole, Callers, having_role
from web.talking.spoken import Answered, Said
from workflows.clock import Clock
from workflows.credentials import Keyring
from workflows.memory import OrganizationMemory

if TYPE_CHECKING:
    from web.talking.talk import Talk

__all__ = ["talking_routes"]


def talking_routes(
    database: Database, memory: OrganizationMemory, clock: Clock, keyring: Keyring, callers: Callers
) -> APIRouter:
    """`POST /api/salesloft/chat`."""
    routes = APIRouter(prefix="/api/salesloft", tags=["chat"])
    anybody = having_role(callers, *CallerRole)
    begun: list[Talk] = []

    async def talk() -> "Talk":
        if not begun:
            module = await asyncio.to_thread(import_module, "web.talking.talk")
            if not begun:
                begun.append(cast("Talk", module.Talk(database, memory, clock, keyring)))
        return begun[0]

    @routes.post("/chat")
    @repeatable
    async def chat(
        said: Said,
        request: Request,
        caller: Annotated[Caller, Depends(anybody)],
        operation: Annotated[UUID, Depends(operation_id)],
    ) -> Answered:
        """Say something: a question is answered, a command is shown, and done once it is confirmed."""
        return await (await talk()).answer(said, caller, operation, request.state.correlation_id)

    return routes
