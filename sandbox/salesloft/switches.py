"""What may differ between teams, or is not known about the real API, as settings that can be turned at run time."""

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["AddressRule", "Switches", "Temperament"]


@dataclass(slots=True, kw_only=True)
class Switches:
    """How one team's Salesloft answers.

    `schema` 2023 leaves out the fields that came later; `created_status` is what a POST answers with; `start_step_due`
    says whether a start step of a later day is due at once or only on its day; `earlier_access` says what a refresh
    does to the access token before; `refresh_grace` lets the old refresh token live until the new access token is used;
    `access_token_seconds` is how long the next access tokens live. `endpoint_costs` make requests dearer, named as in
    the team's usage (``GET people``, ``GET people/{id}``).
    `commit_lag_seconds` is how long, at most, a change waits unseen after its `updated_at` was taken, as when a
    transaction commits late; `late_resources` (``person``, ``cadence_membership``, ``email`` ...) are those that it
    happens to, all where none is named. `bulk_rows_per_second` is how fast bulk jobs run, one after the other.
    The webhook chances (0 to 1) lose, double or hold back (up to 30 s) a delivery.
    """

    schema: Literal[2023, 2026] = 2026
    created_status: Literal[200, 201] = 200
    processing_seconds: float = 2.0
    processing_stuck: bool = False
    start_step_due: Literal["at once", "on its day"] = "at once"
    counts_on_re_add: Literal["keep", "reset"] = "keep"
    tags: Literal["replace", "merge"] = "replace"
    custom_fields: Literal["merge", "replace"] = "merge"
    intentional_duplicates: bool = False
    dispositions_required: bool = False
    sentiments_required: bool = False
    earlier_access: Literal["lives", "dies"] = "lives"
    refresh_grace: bool = False
    access_token_seconds: int = 7200
    retry_after: bool = False
    limit_header: bool = False
    cost_per_minute: int = 600
    other_integration_per_minute: int = 0
    endpoint_costs: dict[str, int] = field(default_factory=dict)
    commit_lag_seconds: float = 0.0
    late_resources: tuple[str, ...] = ()
    bulk_rows_per_second: float = 200.0
    webhook_drop: float = 0.0
    webhook_duplicate: float = 0.0
    webhook_delay: float = 0.0
    webhook_envelope: Literal["data", "bare"] = "data"
    tie_order: Literal["by id", "shuffled"] = "by id"


@dataclass(slots=True, kw_only=True)
class AddressRule:
    """Replaces chances for people whose address, before the @, contains a text."""

    contains: str
    bounce: float | None = None
    view: float | None = None
    click: float | None = None
    reply: float | None = None
    opt_out: float | None = None
    restrict: float | None = None


def _telling_names() -> list[AddressRule]:
    """A demo reads better when an address says what its person will do."""
    return [
        AddressRule(contains="bounce", bounce=1.0),
        AddressRule(contains="reply", bounce=0.0, view=1.0, reply=1.0, opt_out=0.0, restrict=0.0),
        AddressRule(contains="optout", bounce=0.0, view=1.0, reply=0.0, opt_out=1.0, restrict=0.0),
        AddressRule(contains="silent", bounce=0.0, view=0.0, click=0.0, reply=0.0, opt_out=0.0, restrict=0.0),
    ]


@dataclass(slots=True, kw_only=True)
class Temperament:
    """How a team's people and reps behave, as chances (0 to 1) per sent e-mail.

    `view` is the chance of a first view and, after each, of another one; a click, a reply and an opt-out need a view.
    `restrict` is an opt-out from e-mail only. Reps do a manual step between `rep_hours_least` and `rep_hours_most`
    hours of working time after it is due; a team whose `reps_work` is false leaves them undone.
    """

    bounce: float = 0.02
    view: float = 0.55
    click: float = 0.12
    reply: float = 0.06
    opt_out: float = 0.01
    restrict: float = 0.0
    reps_work: bool = True
    rep_hours_least: float = 0.25
    rep_hours_most: float = 6.0
    by_address: list[AddressRule] = field(default_factory=_telling_names)
