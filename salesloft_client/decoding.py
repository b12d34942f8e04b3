"""From a 2xx answer's bytes to records.

One record that cannot be read must not hold up the page it is on: a field that is not as documented is dropped from the
record and logged by name, and only a record without a readable id (or ``updated_at``, where it is read by) fails. A
list fails with it, for who looks something up must not take what is unreadable for what is not there. A stream of
changes goes on without it, and says how many it passed over.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Generic, TypeVar

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from salesloft_client.errors import MalformedResponse, Origin
from salesloft_client.wire import Answer

__all__ = ["Page", "Paging", "read_bare", "read_changes", "read_one", "read_page"]

logger = structlog.get_logger(__name__)

R = TypeVar("R", bound=BaseModel)

_WHOLE_ID: Final = re.compile(r"[0-9]{1,18}")
_TEXT_ID: Final = re.compile(r"[A-Za-z_]{0,50}-?[0-9]{1,18}")


class Paging(BaseModel):
    """``metadata.paging`` of a list. Totals are absent unless asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    per_page: int | None = None
    current_page: int | None = None
    next_page: int | None = None
    prev_page: int | None = None
    total_pages: int | None = None
    total_count: int | None = None


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    paging: Paging | None = None


class _Listed(BaseModel, Generic[R]):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    data: list[R]
    metadata: _Metadata | None = None


class _Single(BaseModel, Generic[R]):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    data: R


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[R]):
    """One page of a list. ``paging`` is None where Salesloft does not page (users and groups without ``page``).

    ``unreadable`` is how many records a page of changes had besides; ``unreadable_ids`` are those that can be named.
    """

    rows: tuple[R, ...]
    paging: Paging | None = field(default=None, repr=False)
    unreadable: int = field(default=0, repr=False)
    unreadable_ids: tuple[int | str, ...] = field(default=(), repr=False)

    @property
    def next_page(self) -> int | None:
        """The next page's number; None on the last one."""
        return None if self.paging is None else self.paging.next_page

    def has_more(self, per_page: int) -> bool:
        """Whether a page follows; where Salesloft does not say, a full page of ``per_page`` rows means that one may."""
        if self.paging is None or "next_page" not in self.paging.model_fields_set:
            return len(self.rows) >= per_page
        return self.paging.next_page is not None


@cache
def _listed(model: type[R]) -> type[_Listed[R]]:
    return _Listed[model]  # type: ignore[valid-type]  # a generic model takes its parameter at run time


@cache
def _single(model: type[R]) -> type[_Single[R]]:
    return _Single[model]  # type: ignore[valid-type]  # as above


def read_page(model: type[R], answer: Answer, *, origin: Origin) -> Page[R]:
    """The rows of a list. Raises ``MalformedResponse``."""
    try:
        listed = _listed(model).model_validate_json(answer.content)
    except ValidationError:
        return _page_by_row(model, answer, origin=origin)
    paging = listed.metadata.paging if listed.metadata is not None else None
    return Page(rows=tuple(listed.data), paging=paging)


def read_changes(model: type[R], answer: Answer, *, origin: Origin) -> Page[R]:
    """A page of changes, without the records that cannot be read. Raises ``MalformedResponse`` for the page itself."""
    try:
        return read_page(model, answer, origin=origin)
    except MalformedResponse:
        rows, paging = _listed_rows(answer, origin=origin)
    readable: list[R] = []
    named: list[int | str] = []
    for row in rows:
        try:
            readable.append(_row(model, row, answer, origin=origin))
        except MalformedResponse as error:
            logger.error("salesloft_record_unreadable", path=origin.path, problem=error.summary)  # noqa: TRY400  # the traceback would show nothing more
            named += _id_of(model, row)
    return Page(rows=tuple(readable), paging=paging, unreadable=len(rows) - len(readable), unreadable_ids=tuple(named))


def _id_of(model: type[BaseModel], row: object) -> list[int | str]:
    """The id of a record that cannot be read otherwise, where it has one such as the others have."""
    found = row.get("id") if isinstance(row, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | str):
        return []
    if model.model_fields["id"].annotation is str:
        return [str(found)] if _TEXT_ID.fullmatch(str(found)) else []
    return [int(found)] if _WHOLE_ID.fullmatch(str(found)) else []


def read_one(model: type[R], answer: Answer, *, origin: Origin) -> R:
    """The record of an answer that has one. Raises ``MalformedResponse``."""
    try:
        data: R = _single(model).model_validate_json(answer.content).data
    except ValidationError:
        return _row(model, _envelope(answer, origin=origin)["data"], answer, origin=origin)
    return data


def read_bare(model: type[R], answer: Answer, *, origin: Origin) -> R:
    """The same where the record may also come without its envelope. Raises ``MalformedResponse``."""
    body = _json(answer, origin=origin)
    row = body["data"] if isinstance(body, dict) and "data" in body else body
    return _row(model, row, answer, origin=origin)


def _page_by_row(model: type[R], answer: Answer, *, origin: Origin) -> Page[R]:
    rows, paging = _listed_rows(answer, origin=origin)
    return Page(rows=tuple(_row(model, row, answer, origin=origin) for row in rows), paging=paging)


def _listed_rows(answer: Answer, *, origin: Origin) -> tuple[list[Any], Paging | None]:
    envelope = _envelope(answer, origin=origin)
    rows = envelope["data"]
    if not isinstance(rows, list):
        raise MalformedResponse("a list was expected", origin=origin, status=answer.status)
    metadata = envelope.get("metadata")
    try:
        paging = _Metadata.model_validate(metadata or {}).paging
    except ValidationError as error:
        raise MalformedResponse("the paging cannot be read", origin=origin, status=answer.status) from error
    return rows, paging


def _envelope(answer: Answer, *, origin: Origin) -> dict[str, Any]:
    envelope = _json(answer, origin=origin)
    if not isinstance(envelope, dict) or "data" not in envelope:
        raise MalformedResponse("the answer has no data", origin=origin, status=answer.status)
    return envelope


def _json(answer: Answer, *, origin: Origin) -> Any:
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        # The error keeps the document, which is about people.
        raise MalformedResponse("the answer is not JSON", origin=origin, status=answer.status) from None


def _row(model: type[R], row: object, answer: Answer, *, origin: Origin) -> R:
    if not isinstance(row, dict):
        raise MalformedResponse("a record is not an object", origin=origin, status=answer.status)
    try:
        return model.model_validate(row)
    except ValidationError as error:
        unread = {str(problem["loc"][0]) for problem in error.errors(include_url=False, include_input=False)}
    kept = {key: value for key, value in row.items() if key not in unread}
    try:
        record = model.model_validate(kept)
    except ValidationError as error:
        raise MalformedResponse(
            f"a {model.__name__} without readable {', '.join(sorted(unread))}", origin=origin, status=answer.status
        ) from error
    logger.warning("salesloft_fields_unreadable", record=model.__name__, fields=sorted(unread), path=origin.path)
    return record
