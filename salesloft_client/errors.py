"""What can go wrong with a call to Salesloft, as a small tree.

::

    SalesloftError
    ├── TransportProblem          no answer was read
    │   ├── NotSent               the request never left: it certainly had no effect
    │   ├── TimedOut              it left, and no answer came in time
    │   └── ConnectionLost        it left, and the connection broke before the answer was whole
    ├── OutcomeUnknown            a write that may or may not have taken effect: read back, never repeat blindly
    ├── Throttled                 the team's budget of this minute is spent; says when to come back
    ├── ServerError               5xx to a read, after every repeat that the call's time allowed
    ├── MalformedResponse         an answer that cannot be understood
    ├── CursorStuck               one timestamp holds more rows than may be paged, or their order will not hold still
    ├── Unauthorized              401, also with a refreshed token
    ├── GrantRevoked              the refresh token or code is no longer accepted (``invalid_grant``)
    └── Refused                   a definite 4xx: the same request will be refused again
        ├── ClientRejected        the OAuth application itself is not accepted (``invalid_client``)
        ├── Forbidden             403: the token's user may not do this
        │   └── MissingScope      403: the application or key was registered without the scope
        ├── NotFound              404: no such record, or not visible to this user
        ├── UnknownRoute          404 in HTML: no such path, or not with that verb; says nothing of any record
        └── Unprocessable         422 (or 409) with messages per field

A caller that only wants to know what to do next asks :attr:`SalesloftError.retry_class`.

No error carries a token, a query value or an e-mail address: what Salesloft wrote is kept with addresses masked.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar

__all__ = [
    "ClientRejected",
    "ConnectionLost",
    "CursorStuck",
    "Forbidden",
    "GrantRevoked",
    "MalformedResponse",
    "MissingScope",
    "NotFound",
    "NotSent",
    "Origin",
    "OutcomeUnknown",
    "Refused",
    "RetryClass",
    "SalesloftError",
    "ServerError",
    "Throttled",
    "TimedOut",
    "TransportProblem",
    "Unauthorized",
    "UnknownRoute",
    "Unprocessable",
    "masked",
]

_ADDRESS = re.compile(r"[^\s\"'<>(),:;@]+@[^\s\"'<>(),:;@]+")
_CREDENTIAL = re.compile(r"(?i)\b(bearer\s+)\S+|\b(?:v2_)?ak_\w{8,}")


def masked(text: str) -> str:
    """``text`` without e-mail addresses and without anything that looks like a credential."""
    return _CREDENTIAL.sub("[credential]", _ADDRESS.sub("[address]", text))


class RetryClass(Enum):
    """What a caller should do with a failed call.

    ``PERMANENT``: give up, or change the request. ``THROTTLED``: come back at ``retry_at``. ``TRANSIENT``: try later,
    nothing happened. ``UNKNOWN``: read back what happened before anything else. ``REAUTHORIZE``: a person has to
    connect the team again.
    """

    PERMANENT = "permanent"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    REAUTHORIZE = "reauthorize"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which request an error belongs to: its method, its path without a query, and the caller's correlation id."""

    method: str
    path: str
    correlation_id: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class SalesloftError(Exception):
    """Anything that this client raises. ``status`` is Salesloft's HTTP status where it answered."""

    retry_class: ClassVar[RetryClass] = RetryClass.PERMANENT

    def __init__(
        self,
        summary: str,
        *,
        origin: Origin,
        status: int | None = None,
        field_errors: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self.summary = masked(summary)
        self.origin = origin
        self.status = status
        self.field_errors: dict[str, list[str]] = {
            masked(field): [masked(message) for message in messages] for field, messages in (field_errors or {}).items()
        }
        super().__init__(self.summary)

    @property
    def method(self) -> str:
        return self.origin.method

    @property
    def path(self) -> str:
        return self.origin.path

    @property
    def correlation_id(self) -> str | None:
        return self.origin.correlation_id

    def __str__(self) -> str:
        answered = "" if self.status is None else f" answered {self.status}"
        return f"{self.origin}{answered}: {self.summary}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class TransportProblem(SalesloftError):
    """No answer was read. Reads have been repeated already, as far as their time allowed."""

    retry_class = RetryClass.TRANSIENT


class NotSent(TransportProblem):
    """No connection was made, or none was free in time: Salesloft has not seen the request."""


class TimedOut(TransportProblem):
    """The request left and no complete answer came in time. Raised for reads only."""


class ConnectionLost(TransportProblem):
    """The connection broke, or spoke something other than HTTP, after the request left. Raised for reads only."""


class OutcomeUnknown(SalesloftError):
    """A write was sent and its answer is missing, unreadable or a 5xx: it may or may not have taken effect."""

    retry_class = RetryClass.UNKNOWN


class Throttled(SalesloftError):
    """The team's minute is spent, here or by another integration, and waiting would not fit into the call's time.

    ``retry_at`` is business time; ``retry_after_s`` is how many business seconds away it was. Nothing was done: a write
    that raises this had no effect.
    """

    retry_class = RetryClass.THROTTLED

    def __init__(
        self, summary: str, *, origin: Origin, retry_at: datetime, retry_after_s: float, status: int | None = None
    ) -> None:
        super().__init__(summary, origin=origin, status=status)
        self.retry_at = retry_at
        self.retry_after_s = retry_after_s


class ServerError(SalesloftError):
    """Salesloft failed (5xx) on a read. A malformed timestamp shows as 500, too."""

    retry_class = RetryClass.TRANSIENT


class MalformedResponse(SalesloftError):
    """Salesloft answered with success, and the answer cannot be understood. Raised for reads only."""


class CursorStuck(SalesloftError):
    """Reading by ``updated_at`` cannot go on: see :mod:`salesloft_client.cursor`. ``instant`` is where it stands."""

    def __init__(self, summary: str, *, origin: Origin, instant: datetime) -> None:
        super().__init__(summary, origin=origin)
        self.instant = instant


class Unauthorized(SalesloftError):
    """401 with a token that was just refreshed, or with a key that cannot be."""

    retry_class = RetryClass.REAUTHORIZE


class GrantRevoked(SalesloftError):
    """``invalid_grant``: the code or refresh token was used, revoked or is too old.

    After a refresh it is also what the slower of two racing refreshes gets, so whoever holds the tokens looks first
    whether a newer pair has been stored meanwhile.
    """

    retry_class = RetryClass.REAUTHORIZE


class Refused(SalesloftError):
    """A definite refusal (4xx). The request had no effect and will be refused again as it is."""


class ClientRejected(Refused):
    """``invalid_client`` or ``unauthorized_client``: client id, secret or redirect address are not as registered."""


class Forbidden(Refused):
    """403: the user behind the token lacks the role or permission."""


class MissingScope(Forbidden):
    """403 that speaks of scopes: they are fixed when the app or key is registered, so connecting again won't help."""


class NotFound(Refused):
    """404. Also for a record that this user may not see, for an action that is done and for a deleted person."""


class UnknownRoute(Refused):
    """404 with an HTML page: Salesloft knows no such path, or not with that verb. It says nothing of any record."""


class Unprocessable(Refused):
    """422, and 409 which some tenants answer to a duplicate: :attr:`errors` has the messages per field.

    The properties go by field and by a word or two, since Salesloft's wording is documented nowhere and has changed.
    """

    @property
    def errors(self) -> dict[str, list[str]]:
        return self.field_errors

    def _says(self, fields: tuple[str, ...], *words: str) -> bool:
        texts = (text.lower() for field in fields for text in self.field_errors.get(field, ()))
        return any(word in text for text in texts for word in words)

    @property
    def already_on_cadence(self) -> bool:
        """The person is on this cadence already."""
        conflict = self.status == 409 and self.path.rstrip("/").endswith("/cadence_memberships")
        return conflict or self._says(("cadence_id", "person_id"), "in progress", "already")

    @property
    def has_contact_restrictions(self) -> bool:
        """The person (or the person's account) is do-not-contact."""
        return self._says(("person_id", "person"), "restrict", "do not contact", "do_not_contact")

    @property
    def cadence_not_available(self) -> bool:
        """The cadence takes nobody for this sender: neither a team cadence nor the sender's, a draft, or archived."""
        return not self.already_on_cadence and bool(self.field_errors.keys() & {"cadence_id", "user_id"})

    @property
    def step_not_in_cadence(self) -> bool:
        return "step_id" in self.field_errors

    @property
    def email_address_taken(self) -> bool:
        """Another person of the team has this address."""
        return self._says(("email_address",), "taken", "already")
