"""The HTTP API of the `api` role."""

from dataclasses import dataclass, field

from fastapi import FastAPI
from starlette.middleware import Middleware

from storage.pool import Database
from web.adding import adding_routes
from web.approvals import approval_routes
from web.browser import Browsers
from web.capabilities import capability_routes
from web.connection import connection_routes
from web.cross_origin import CrossOrigin
from web.dead_letters import dead_letter_routes
from web.departed import Departed
from web.departing import departing_routes
from web.described import describe
from web.exporting import exporting_routes
from web.idempotency import Idempotency, add_operations
from web.jobs import Jobs
from web.mapping_drafts import mapping_draft_routes
from web.mapping_files import mapping_file_routes
from web.mapping_runs import mapping_run_routes
from web.mapping_sets import mapping_set_routes
from web.mapping_states import mapping_state_routes
from web.mapping_trials import mapping_trial_routes
from web.mappings import mapping_routes
from web.memberships import membership_routes
from web.organization_settings import organization_settings_routes
from web.pages.embedding import ELEMENTS, EMBEDDED, elements, embedded
from web.pages.signing_in import SigningIn
from web.pages.site import PREFIX, pages
from web.problems import answer_with_problems
from web.publication_plans import publication_plan_routes
from web.rate_limits import Buckets, RateLimits
from web.reading.asking import Looking
from web.reading.feed import EventFeed
from web.reading.routes import reading_routes
from web.requests import EveryRequest
from web.security import Callers, for_the_known
from web.session import session_routes
from web.short_way import shorten_reads
from web.stops import stop_routes
from web.suppressions import suppression_routes
from web.talking.begun import Talking
from web.talking.routes import talking_routes
from web.tools.routes import tool_routes
from web.webhooks import webhook_routes
from workflows.authorization import Authorizations
from workflows.clock import Clock
from workflows.memory import OrganizationMemory
from workflows.session import Sessions

__all__ = ["ApiPorts", "api_app"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPorts:
    """What the routes work with; `database` acts as the worker, since a delivery's organization is to be found.

    `decide_here` is off where the approval service alone decides. Without `buckets` no caller is limited.
    """

    database: Database
    sessions: Sessions
    authorizations: Authorizations
    callers: Callers
    browsers: Browsers
    signing_in: SigningIn
    memory: OrganizationMemory
    clock: Clock
    looking: Looking
    feed: EventFeed
    decide_here: bool = True
    public_url: str | None = None
    jobs: Jobs = field(default_factory=Jobs)
    buckets: Buckets | None = None


def api_app(ports: ApiPorts) -> FastAPI:
    """The application. Its pages of documentation would fetch scripts from elsewhere, so it has none."""
    app = FastAPI(
        title="cscx-salesloft",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(EveryRequest),
            Middleware(
                CrossOrigin,
                database=ports.database,
                callers=ports.callers,
                public_url=ports.public_url,
                open_to_all=f"{ELEMENTS}/",
            ),
            Middleware(RateLimits, callers=ports.callers, buckets=ports.buckets),
            Middleware(Departed, database=ports.database, callers=ports.callers),
            Middleware(
                Idempotency,
                database=ports.database,
                callers=ports.callers,
                keyring=ports.sessions.keyring,
                pages=(f"{PREFIX}/", f"{EMBEDDED}/"),
            ),
        ],
    )
    answer_with_problems(app)
    talking = Talking(ports.database, ports.memory, ports.clock, ports.sessions.keyring)
    for routes in (
        # What is looked at most is found first.
        reading_routes(
            ports.looking,
            ports.feed,
            decide_here=ports.decide_here,
            connect_in_browser=ports.authorizations.is_possible,
        ),
        connection_routes(ports.sessions, ports.authorizations, ports.callers, ports.browsers),
        session_routes(ports.callers, ports.browsers),
        mapping_routes(ports.looking, ports.callers),
        mapping_file_routes(ports.database, ports.looking, ports.callers, ports.clock),
        mapping_draft_routes(ports.database, ports.callers, ports.clock),
        mapping_set_routes(ports.database, ports.callers, ports.clock),
        mapping_state_routes(ports.database, ports.callers, ports.clock),
        publication_plan_routes(ports.database, ports.callers, ports.clock),
        approval_routes(ports.database, ports.callers, ports.memory, ports.clock, decide_here=ports.decide_here),
        capability_routes(ports.callers),
        membership_routes(ports.database, ports.memory, ports.clock, ports.callers),
        adding_routes(ports.database, ports.memory, ports.clock, ports.callers),
        mapping_run_routes(ports.database, ports.looking, ports.callers, ports.clock),
        mapping_trial_routes(ports.looking, ports.jobs),
        stop_routes(ports.database, ports.looking, ports.callers, ports.clock),
        suppression_routes(ports.database, ports.looking, ports.callers, ports.clock),
        organization_settings_routes(ports.database, ports.looking),
        exporting_routes(ports.database, ports.looking),
        departing_routes(ports.database, ports.looking),
        dead_letter_routes(ports.database, ports.looking),
        talking_routes(talking, ports.callers),
        tool_routes(talking, ports.callers),
        webhook_routes(ports.database, ports.sessions.keyring),
    ):
        shorten_reads(routes)
        for_the_known(routes, ports.callers)
        add_operations(app, routes)
    describe(app)
    app.mount(ELEMENTS, elements())
    app.mount(EMBEDDED, embedded(app))
    app.mount(PREFIX, pages(app, ports.signing_in, ports.browsers, ports.public_url))
    return app
