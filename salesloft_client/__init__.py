"""A typed async client of Salesloft's API, version 2.

::

    async with Wire() as wire:
        client = SalesloftClient(wire=wire, tokens=FixedToken(key), budget=MinuteBudget())
        me = await client.me()
        async for batch in client.using(lane=Lane.POLL).changes(MEMBERSHIPS, CursorPosition(updated_at=since)):
            keep(batch.rows, batch.position)

Ports: :class:`TokenSource` (where tokens are kept and refreshed), :class:`TeamBudget` (what a team may spend a minute),
:class:`BudgetLedger` (what several processes share of it), :class:`Observer` and :class:`BudgetObserver` (metrics).
Errors are drawn in :mod:`salesloft_client.errors`.
"""

from salesloft_client.auth import AccessToken, FixedToken, TokenSource
from salesloft_client.budget import (
    BudgetLedger,
    BudgetSettings,
    Grants,
    Lane,
    LedgerUnavailable,
    Need,
    Reservation,
    Settlement,
    TeamBudget,
    Unlimited,
    cost_of_page,
    minute_turn,
)
from salesloft_client.client import SETTLE, SalesloftClient, every_page
from salesloft_client.clock import BusinessClock
from salesloft_client.cursor import Batch, ChangeCursor, CursorPosition, CursorSettings
from salesloft_client.decoding import Page, Paging
from salesloft_client.errors import (
    ClientRejected,
    ConnectionLost,
    CursorStuck,
    Forbidden,
    GrantRevoked,
    MalformedResponse,
    MissingScope,
    NotFound,
    NotSent,
    Origin,
    OutcomeUnknown,
    Refused,
    RetryClass,
    SalesloftError,
    ServerError,
    Throttled,
    TimedOut,
    TransportProblem,
    Unauthorized,
    UnknownRoute,
    Unprocessable,
)
from salesloft_client.exports import CadenceExport, ExportedCadence, ExportedStep, StepGroup
from salesloft_client.hooks import BudgetObserver, NothingObserved, Observer
from salesloft_client.jobs import AddedRows, BulkJob, BulkJobRow
from salesloft_client.minute_budget import MinuteBudget
from salesloft_client.models import (
    Account,
    Action,
    ActivityHistory,
    Cadence,
    CadenceCounts,
    CadenceMembership,
    CadenceStats,
    Call,
    ChangingRecord,
    Email,
    EmailCounts,
    MembershipCounts,
    NamedReference,
    Person,
    PersonCounts,
    Record,
    Reference,
    Step,
    Team,
    UpsertedAccount,
    UpsertedPerson,
    User,
)
from salesloft_client.oauth import (
    AccessGrant,
    Callback,
    OAuthApp,
    TokenEndpoint,
    TokenGrant,
    authorization_url,
    read_callback,
)
from salesloft_client.retry import RetrySettings
from salesloft_client.shared_budget import SharedBudget, SharingSettings
from salesloft_client.streams import ACCOUNTS, ACTIVITY_HISTORIES, CALLS, EMAILS, MEMBERSHIPS, PEOPLE, Stream
from salesloft_client.subscriptions import WebhookSubscription
from salesloft_client.team_minute import TeamMinute
from salesloft_client.transport import CallContext, TransportSettings
from salesloft_client.webhooks import EVENT_HEADER, SIGNATURE_HEADER, is_signed
from salesloft_client.wire import Wire, WireSettings
from salesloft_client.writes import AccountUpsert, NewAccount, NewMembership, NewSubscription, PersonUpsert

__all__ = [
    "ACCOUNTS",
    "ACTIVITY_HISTORIES",
    "CALLS",
    "EMAILS",
    "EVENT_HEADER",
    "MEMBERSHIPS",
    "PEOPLE",
    "SETTLE",
    "SIGNATURE_HEADER",
    "AccessGrant",
    "AccessToken",
    "Account",
    "AccountUpsert",
    "Action",
    "ActivityHistory",
    "AddedRows",
    "Batch",
    "BudgetLedger",
    "BudgetObserver",
    "BudgetSettings",
    "BulkJob",
    "BulkJobRow",
    "BusinessClock",
    "Cadence",
    "CadenceCounts",
    "CadenceExport",
    "CadenceMembership",
    "CadenceStats",
    "Call",
    "CallContext",
    "Callback",
    "ChangeCursor",
    "ChangingRecord",
    "ClientRejected",
    "ConnectionLost",
    "CursorPosition",
    "CursorSettings",
    "CursorStuck",
    "Email",
    "EmailCounts",
    "ExportedCadence",
    "ExportedStep",
    "FixedToken",
    "Forbidden",
    "GrantRevoked",
    "Grants",
    "Lane",
    "LedgerUnavailable",
    "MalformedResponse",
    "MembershipCounts",
    "MinuteBudget",
    "MissingScope",
    "NamedReference",
    "Need",
    "NewAccount",
    "NewMembership",
    "NewSubscription",
    "NotFound",
    "NotSent",
    "NothingObserved",
    "OAuthApp",
    "Observer",
    "Origin",
    "OutcomeUnknown",
    "Page",
    "Paging",
    "Person",
    "PersonCounts",
    "PersonUpsert",
    "Record",
    "Reference",
    "Refused",
    "Reservation",
    "RetryClass",
    "RetrySettings",
    "SalesloftClient",
    "SalesloftError",
    "ServerError",
    "Settlement",
    "SharedBudget",
    "SharingSettings",
    "Step",
    "StepGroup",
    "Stream",
    "Team",
    "TeamBudget",
    "TeamMinute",
    "Throttled",
    "TimedOut",
    "TokenEndpoint",
    "TokenGrant",
    "TokenSource",
    "TransportProblem",
    "TransportSettings",
    "Unauthorized",
    "UnknownRoute",
    "Unlimited",
    "Unprocessable",
    "UpsertedAccount",
    "UpsertedPerson",
    "User",
    "WebhookSubscription",
    "Wire",
    "WireSettings",
    "authorization_url",
    "cost_of_page",
    "every_page",
    "is_signed",
    "minute_turn",
    "read_callback",
]
