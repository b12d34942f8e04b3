"""`POST /api/salesloft/mcp`: the chat's commands as tools, by the Model Context Protocol's streamable HTTP transport.

It keeps no session, so whichever replica is asked answers, and there is nothing to GET or to DELETE. The protocol
describes its tools itself, hence the OpenAPI document does not. What it takes is imported at the first request.
"""

import asyncio
from importlib import import_module
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from web.idempotency import repeatable
from web.security import Caller, CallerRole, Callers, having_role
from web.talking.begun import Talking

__all__ = ["tool_routes"]


def tool_routes(talking: Talking, callers: Callers) -> APIRouter:
    """`POST /api/salesloft/mcp`."""
    routes = APIRouter(prefix="/api/salesloft")
    anybody = having_role(callers, *CallerRole)

    @routes.post("/mcp", include_in_schema=False)
    @repeatable
    async def tools(request: Request, caller: Annotated[Caller, Depends(anybody)]) -> Response:
        body = await request.body()
        talk = await talking.begun()
        protocol = await asyncio.to_thread(import_module, "web.tools.protocol")
        return cast("Response", protocol.exchange(body, talk, caller, request.state.correlation_id))

    return routes
