"""Everything that is looked at, as one router."""

from fastapi import APIRouter

from web.reading.activity import activity_routes
from web.reading.approvals import approval_routes
from web.reading.asking import Looking
from web.reading.audit_log import audit_routes
from web.reading.cadences import cadence_routes
from web.reading.counted_decisions import counted_decision_routes
from web.reading.decisions import decision_routes
from web.reading.enrollments import enrollment_routes
from web.reading.events import event_routes
from web.reading.failed_steerings import failed_steering_routes
from web.reading.feed import EventFeed
from web.reading.figures import figure_routes
from web.reading.finding import finding_routes
from web.reading.me import me_routes
from web.reading.memberships import membership_reading_routes
from web.reading.operations import operation_routes
from web.reading.outcomes import outcome_routes
from web.reading.people import people_routes
from web.reading.senders import sender_routes

__all__ = ["reading_routes"]


def reading_routes(
    looking: Looking, feed: EventFeed, *, decide_here: bool = True, connect_in_browser: bool = True
) -> APIRouter:
    """The router; `decide_here` is off where the approval service alone decides.

    `connect_in_browser` is off where the service is no OAuth application of Salesloft's.
    """
    routes = APIRouter()
    for part in (
        # What is asked most is found first.
        people_routes(looking),
        activity_routes(looking),
        membership_reading_routes(looking),
        enrollment_routes(looking),
        approval_routes(looking, decide_here=decide_here),
        decision_routes(looking),
        cadence_routes(looking),
        sender_routes(looking),
        finding_routes(looking),
        me_routes(looking, decide_here=decide_here),
        outcome_routes(looking),
        counted_decision_routes(looking),
        failed_steering_routes(looking),
        operation_routes(looking, connect_in_browser=connect_in_browser),
        audit_routes(looking),
        figure_routes(looking),
        event_routes(looking, feed),
    ):
        routes.routes += part.routes
    return routes
