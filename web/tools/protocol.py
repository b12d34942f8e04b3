"""One exchange of the Model Context Protocol: a request of a known caller's, and its answer. Nothing is kept between.

Each exchange has a server of its own, made for its caller: no tool can answer with another's rights.
"""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid5

import structlog
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from storage.errors import StorageError
from web.chat.plans import ChangePlan, ReadPlan
from web.problems import Problem, problem_of
from web.requests import LARGEST_BODY
from web.security import Caller
from web.talking.spoken import Answered, Done, Prevented, Said
from web.talking.talk import Talk
from web.tools.commands import COMMANDS, Asking, Choosing, Command, Confirming

__all__ = ["ToolAnswer", "exchange"]

_log = structlog.get_logger(__name__)

_INSTRUCTIONS: Final = """\
Puts customers' people into Salesloft cadences, with approval, and tells what came of it.
Say names as the user says them: what is ambiguous comes back as a question, whose choices are for the user (`choose`).
What would change something is only shown, with a token: show it to the user, and `confirm` it once they say yes.
What rests on Salesloft says how fresh it is."""
_NAMESPACE: Final = UUID("b0a1f0d6-6a3c-5b8e-9d0d-3c2f7a3f5e11")


class ToolAnswer(BaseModel):
    """What a tool answers: `text` is for whoever asked.

    A `change` is shown, and done by `confirm` with its `token` within its time; a `question` is answered by `choose`
    with its `token` and one of its `choices`, or by asking again and saying more; `done` says for whom it was done, and
    for whom not. `prevented` are those for whom it cannot be done as things stand, with why and what would change it.
    `as_of` is until when Salesloft was read for what is told, null where it was not, or where it is our own record.
    """

    kind: Literal["read", "change", "question", "done", "refused"]
    text: str
    token: str | None = None
    plan: ChangePlan | None = None
    as_of: datetime | None = None
    choices: list[str] = []
    done: list[Done] = []
    prevented: list[Prevented] = []
    reason_code: str | None = None


def _tool(name: str, command: Command) -> Tool:
    return Tool(
        name=name,
        title=command.title,
        description=command.told,
        input_schema=command.asked.model_json_schema(),
        output_schema=ToolAnswer.model_json_schema(),
        annotations=ToolAnnotations(
            read_only_hint=not command.does,
            destructive_hint=command.does,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


_TOOLS: Final = [_tool(name, command) for name, command in COMMANDS.items()]


def exchange(body: bytes, talk: Talk, caller: Caller, correlation_id: str) -> Response:
    """The answer to a request with this body."""
    tools = _Tools(talk, caller, correlation_id)
    server = Server(
        "cscx-salesloft",
        title="Salesloft cadences",
        instructions=_INSTRUCTIONS,
        on_list_tools=tools.list_all,
        on_call_tool=tools.call,
    )
    return _Exchange(server, body)


class _Exchange(Response):
    """Has the server answer; the body has been read, and its bound been kept."""

    def __init__(self, server: Server[Any], read: bytes) -> None:
        super().__init__()
        self._server = server
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        manager = StreamableHTTPSessionManager(
            self._server, json_response=True, stateless=True, max_request_body_size=LARGEST_BODY
        )
        messages: list[Message] = [{"type": "http.request", "body": self._read, "more_body": False}]

        async def receiving() -> Message:
            return messages.pop() if messages else await receive()

        async with manager.run():
            await manager.handle_request(scope, receiving, send)


class _Tools:
    """The tools as one caller may use them."""

    def __init__(self, talk: Talk, caller: Caller, correlation_id: str) -> None:
        self._talk = talk
        self._caller = caller
        self._correlation_id = correlation_id

    async def list_all(self, _: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=_TOOLS)

    async def call(self, _: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        command = COMMANDS.get(params.name)
        if command is None:
            raise MCPError(code=INVALID_PARAMS, message="There is no such tool.")
        try:
            asked = command.asked.model_validate(params.arguments or {})
            return _result(_told(await self._answered(asked)))
        except ValidationError as error:
            fields = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
            return _refusal("invalid_request", "\n".join(["The arguments are not as they are described.", *fields]))
        except Problem as problem:
            return _refusal(problem.reason_code, problem.detail)
        except StorageError as error:
            told = problem_of(error)
            _log.warning("tool_not_carried_out", reason_code=told.reason_code, error=repr(error))
            return _refusal(told.reason_code, told.detail)
        except Exception as error:  # noqa: BLE001 - its message is for the log, not for whoever calls
            _log.error("tool_failed", tool=params.name, exc_info=error)
            return _refusal("internal_error", "Something went wrong here; the log has its cause.")

    async def _answered(self, asked: BaseModel) -> Answered:
        match asked:
            case Asking():
                return await self._talk.ask(
                    asked.intent(), self._caller, self._correlation_id, time_zone=asked.time_zone
                )
            case Choosing():
                said = Said(text=str(asked.choice), conversation=asked.token)
            case Confirming():
                said = Said(text="yes", conversation=asked.token)
            case _:
                raise AssertionError(f"no tool is asked with {type(asked).__name__}")
        # Named by the token, so that a confirmation that is sent again is the same one.
        operation = uuid5(
            _NAMESPACE, "\n".join((self._caller.organization_id, self._caller.user_id, said.conversation or ""))
        )
        return await self._talk.answer(said, self._caller, operation, self._correlation_id)


def _told(answered: Answered) -> ToolAnswer:
    """The chat's answer as a tool's. What is only told is a refusal: there was nothing to be read or done."""
    is_open = answered.kind in {"change", "question"}
    nothing_done = answered.kind == "done" and all(one.refusal is not None for one in answered.done)
    reasons = [why.reason_code for one in answered.prevented for why in one.refusals if why.reason_code is not None]
    return ToolAnswer(
        kind="refused" if answered.kind == "told" or nothing_done else answered.kind,
        text=answered.text,
        token=answered.conversation if is_open else None,
        plan=answered.plan if isinstance(answered.plan, ChangePlan) else None,
        as_of=answered.plan.as_of if isinstance(answered.plan, ReadPlan) else None,
        choices=answered.choices,
        done=answered.done,
        prevented=answered.prevented,
        reason_code=reasons[0] if reasons and answered.kind == "told" else None,
    )


def _refusal(reason_code: str, text: str) -> CallToolResult:
    return _result(ToolAnswer(kind="refused", text=text, reason_code=reason_code))


def _result(answer: ToolAnswer) -> CallToolResult:
    """In words, for programs that read nothing else, and as what it is."""
    lines = [answer.text] if answer.token is None else [answer.text, f"token: {answer.token}"]
    return CallToolResult(
        content=[TextContent(text=line) for line in lines],
        structured_content=answer.model_dump(mode="json"),
        is_error=answer.kind == "refused",
    )
