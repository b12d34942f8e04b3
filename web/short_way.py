"""A short way to the operations that read: a request's values are read by pydantic, and nothing else is made ready.

FastAPI goes through an operation's parameters anew with each request, for more kinds of them than a read has, prepares
for what may have to be closed behind an answer, and validates the answer, which is a model that was validated when it
was made: a third of what a small read takes. What an operation takes, how each value is read, and its document stay
FastAPI's. So does every request with something amiss, so that what is wrong is said in one place.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from inspect import iscoroutinefunction
from typing import Any, get_args, get_origin

from fastapi import APIRouter
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter
from starlette.datastructures import ImmutableMultiDict, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["shorten_reads"]

_NOTHING_ASKED = QueryParams()


def shorten_reads(routes: APIRouter) -> None:
    """Have a router's GETs answer the short way, but those that take something more than a read does."""
    for route in routes.routes:
        if isinstance(route, APIRoute) and route.methods == {"GET"} and _is_plain(route):
            try:
                operation = _call(route.dependant)
            except _TakesMoreError:
                continue
            route.app = _short(operation, TypeAdapter(route.response_model), route.app)


class _TakesMoreError(Exception):
    """A function takes something that only FastAPI can give it."""


class _AmissError(Exception):
    """A value is missing or wrong."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A value of a request: `read` answers it as the function takes it, and what is wrong with it."""

    name: str
    alias: str
    read: Callable[[Any], tuple[Any, Any]]
    is_list: bool
    is_required: bool
    default: Any


@dataclass(frozen=True, slots=True)
class _Call:
    """A function and where its arguments come from; `dependencies` by the names of what takes their values."""

    function: Callable[..., Awaitable[Any]]
    dependencies: tuple[tuple[str | None, "_Call"], ...]
    path: tuple[_Parameter, ...]
    query: tuple[_Parameter, ...]
    request: str | None


def _short(operation: _Call, answer: TypeAdapter[Any], whole: ASGIApp) -> ASGIApp:
    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            arguments = await _arguments(operation, Request(scope, receive, send))
        except _AmissError:
            await whole(scope, receive, send)
            return
        told = answer.dump_json(await operation.function(**arguments), by_alias=True)
        await Response(told, media_type="application/json")(scope, receive, send)

    return asked


async def _arguments(call: _Call, request: Request) -> dict[str, Any]:
    """Raises _AmissError, and what a dependency raises."""
    taken: dict[str, Any] = {}
    for name, dependency in call.dependencies:
        value = await dependency.function(**await _arguments(dependency, request))
        if name is not None:
            taken[name] = value
    if call.path:
        _take(call.path, request.path_params, taken)
    if call.query:
        # Of most, nothing is asked in particular.
        _take(call.query, request.query_params if request.scope["query_string"] else _NOTHING_ASKED, taken)
    if call.request is not None:
        taken[call.request] = request
    return taken


def _take(parameters: Iterable[_Parameter], given: Mapping[str, Any], taken: dict[str, Any]) -> None:
    for parameter in parameters:
        if parameter.alias in given:
            taken[parameter.name], amiss = parameter.read(_given(parameter, given))
            if amiss:
                raise _AmissError
        elif parameter.is_required:
            raise _AmissError
        else:
            taken[parameter.name] = parameter.default


def _given(parameter: _Parameter, given: Mapping[str, Any]) -> Any:
    if parameter.is_list and isinstance(given, ImmutableMultiDict):
        return given.getlist(parameter.alias)
    return given[parameter.alias]


def _is_plain(route: APIRoute) -> bool:
    """Whether it answers a model as it is, with status 200."""
    return (
        isinstance(route.response_model, type)
        and issubclass(route.response_model, BaseModel)
        and isinstance(route.response_class, DefaultPlaceholder)
        and route.status_code is None
        and not (route.response_model_exclude_unset or route.response_model_exclude_none)
    )


def _call(of: Dependant) -> _Call:
    """Raises _TakesMoreError."""
    takes_more = (
        *(of.header_params, of.cookie_params, of.body_params, of.response_param_name, of.background_tasks_param_name),
        *(of.websocket_param_name, of.http_connection_param_name, of.security_scopes_param_name, of.concurrency),
    )
    if of.call is None or not iscoroutinefunction(of.call) or any(takes_more):
        raise _TakesMoreError
    return _Call(
        function=of.call,
        dependencies=tuple((one.name, _call(one)) for one in of.dependencies),
        path=tuple(map(_parameter, of.path_params)),
        query=tuple(map(_parameter, of.query_params)),
        request=of.request_param_name,
    )


def _parameter(field: Any) -> _Parameter:
    """Raises _TakesMoreError of one that is a model of several, or whose default is made anew each time."""
    default, annotation = field.default, field.field_info.annotation
    is_required = field.field_info.is_required()
    if not (is_required or default is None or isinstance(default, str | int | Enum)):
        raise _TakesMoreError
    of = (annotation, *get_args(annotation))
    if field.validation_alias not in {None, field.alias} or any(_is_model(one) for one in of):
        raise _TakesMoreError
    return _Parameter(
        name=field.name,
        alias=field.alias,
        read=field.validate,
        is_list=any(get_origin(one) is list for one in of),
        is_required=is_required,
        default=default,
    )


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
