"""Field types and the two base models: what we consume ignores unknown fields, what we produce is closed."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from schemas.vocabulary import OutcomeType, Reason

__all__ = [
    "BusinessKey",
    "ChangeReason",
    "Consumed",
    "Count",
    "DecisionReason",
    "Email",
    "Id",
    "Instant",
    "KeptInstant",
    "Money",
    "Produced",
    "SalesloftId",
    "Text",
    "format_instant",
]

_INT64_MAX: Final = 2**63 - 1
_DECIMAL_TEXT: Final = {"type": "string", "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$"}


def _spelt(instant: datetime) -> str:
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    told = instant.astimezone(UTC).isoformat()
    # Asked for a number of digits, `isoformat` takes three times as long as when it leaves out a fraction of zeros.
    return f"{told[:-6]}Z" if instant.microsecond else f"{told[:-6]}.000000Z"


@lru_cache(maxsize=256)
def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with microseconds and `Z`. ValueError for a time without a zone, which would be a guess.

    What is written in a batch shares its instant, so the last spellings are remembered.
    """
    return _spelt(instant)


def _to_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the instant is outside the calendar") from error


# A colon would make the record key ambiguous, and a control character ends up in logs and headers. The length keeps a
# unique index over three ids inside a Postgres index row (2704 bytes).
Id = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^:\x00-\x1f\x7f]+$")]
BusinessKey = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Text = Annotated[str, StringConstraints(max_length=2000)]
# Whether it is an address is a decision with a reason of its own, not a malformed event.
Email = Annotated[str, StringConstraints(max_length=600)]
SalesloftId = Annotated[int, Field(ge=1, le=_INT64_MAX)]
Count = Annotated[int, Field(ge=0, le=_INT64_MAX)]

Instant = Annotated[
    AwareDatetime,
    AfterValidator(_to_utc),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

KeptInstant = Annotated[
    datetime,
    PlainSerializer(_spelt, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant as Postgres answers it: of a zone in any case. A page has many, no two alike, so none is remembered."""

Money = Annotated[
    Decimal,
    Field(max_digits=30),
    PlainSerializer(lambda amount: format(amount, "f"), return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "number"}, _DECIMAL_TEXT]}, mode="validation"),
    WithJsonSchema(_DECIMAL_TEXT, mode="serialization"),
]
"""A decimal as text; a JSON number is accepted too."""

# The lists of reasons grow, so what is published is text: as an enumeration every new reason would break its readers.
DecisionReason = Annotated[
    Reason, WithJsonSchema({"type": "string", "description": "A reason code; more may be added, none changes meaning."})
]
ChangeReason = Annotated[
    Reason | OutcomeType,
    WithJsonSchema({"type": "string", "description": "A reason code or an outcome's type; more may be added."}),
]


class _Document(BaseModel):
    # A validator is built when it is first used: a process uses a few of them, and has to start.
    model_config = ConfigDict(
        defer_build=True, frozen=True, serialize_by_alias=True, validate_by_name=True, validate_by_alias=True
    )


class Consumed(_Document):
    """What others write: unknown fields are ignored, types are taken as they are written, without coercion."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Produced(_Document):
    """What we write: a field that the contract does not name is an error of ours."""

    model_config = ConfigDict(extra="forbid")
