"""What an operation may answer instead of what was asked for, as its document says it."""

from typing import Any, Final

from web.reading.asking import ProblemDocument

__all__ = ["refusals"]

_MEANINGS: Final = {
    400: "The cursor, or what the parameters say together, cannot be taken.",
    401: "The token is missing, not the platform's, or no longer good.",
    403: "The caller's role may not do this.",
    404: "The caller's organization has no such thing; another organization's is answered alike.",
    409: "It conflicts with what there is, or is still carried out under this key.",
    412: "It was changed since the caller has looked at it.",
    413: "The body is too large.",
    422: "The request, or what it asks for, cannot be taken as it is; `errors` says which field.",
    428: "The request does not say by If-Match what was looked at.",
    429: "So many at once are under way already.",
    503: "The database, or whoever vouches for callers, does not answer.",
}
_ALWAYS: Final = (401, 403, 422, 503)
_SCHEMA: Final = ProblemDocument.model_json_schema()


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Problem responses with these statuses, and with those that every operation may have: for `responses`."""
    return {
        status: {"description": _MEANINGS[status], "content": {"application/problem+json": {"schema": _SCHEMA}}}
        for status in sorted({*_ALWAYS, *statuses})
    }
