"""The newest published version of each event type's schema. Written by `python -m schemas.publish`."""

from typing import Final

__all__ = ["PUBLISHED_VERSIONS"]

PUBLISHED_VERSIONS: Final[dict[str, int]] = {
    "ai.cscx.approvals.enrollment-approved.v1": 1,
    "ai.cscx.approvals.enrollment-rejected.v1": 1,
    "ai.cscx.directory.customer.v1": 1,
    "ai.cscx.directory.stakeholder.v1": 1,
    "ai.cscx.lifecycle.at-risk.v1": 1,
    "ai.cscx.lifecycle.churned.v1": 1,
    "ai.cscx.lifecycle.expansion-closed.v1": 1,
    "ai.cscx.lifecycle.expansion-signal.v1": 1,
    "ai.cscx.lifecycle.new-customer.v1": 1,
    "ai.cscx.lifecycle.onboarded.v1": 1,
    "ai.cscx.lifecycle.recovered.v1": 1,
    "ai.cscx.lifecycle.renewal-window.v1": 1,
    "ai.cscx.lifecycle.renewed.v1": 1,
    "ai.cscx.lifecycle.stakeholder-left.v1": 1,
    "ai.cscx.salesloft.approval-requested.v1": 1,
    "ai.cscx.salesloft.approval-withdrawn.v1": 1,
    "ai.cscx.salesloft.attention-needed.v1": 1,
    "ai.cscx.salesloft.call-logged.v1": 1,
    "ai.cscx.salesloft.connection-needs-reauthorization.v1": 1,
    "ai.cscx.salesloft.email-bounced.v1": 1,
    "ai.cscx.salesloft.email-clicked.v1": 1,
    "ai.cscx.salesloft.email-opened.v1": 1,
    "ai.cscx.salesloft.email-replied.v1": 1,
    "ai.cscx.salesloft.email-sent.v1": 1,
    "ai.cscx.salesloft.engagement.v1": 1,
    "ai.cscx.salesloft.enrollment-changed.v1": 1,
    "ai.cscx.salesloft.figures-published.v1": 1,
    "ai.cscx.salesloft.mapping-published.v1": 1,
    "ai.cscx.salesloft.step-completed.v1": 1,
    "ai.cscx.salesloft.sync-checkpoint.v1": 1,
    "ai.cscx.salesloft.unsubscribed.v1": 1,
}
