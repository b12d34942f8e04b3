"""Which method and path is which handler, and the scope that it wants.

Scopes: Salesloft docs, oauth-authentication. What is not in this table does not exist and answers with an HTML page,
above all every way to change, pause or skip a membership, and writing cadences, steps or actions.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.salesloft.answers import Answer, Refusal
from sandbox.salesloft.api import (
    accounts,
    activities,
    bulk_jobs,
    cadences,
    memberships,
    organization,
    people,
    upserts,
    webhooks,
)
from sandbox.salesloft.api.context import Context

__all__ = ["Endpoint", "resolve"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    handler: Callable[[Context], Answer]
    scope: str | None


_ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "me"): Endpoint(organization.show_me, "team:read"),
    ("GET", "team"): Endpoint(organization.show_team, "team:read"),
    ("GET", "users"): Endpoint(organization.index_users, "team:read"),
    ("GET", "users/{id}"): Endpoint(organization.show_user, "team:read"),
    ("PUT", "users/{id}"): Endpoint(organization.update_user, "team:write"),
    ("GET", "cadences"): Endpoint(cadences.index_cadences, "cadences:read"),
    ("GET", "cadences/{id}"): Endpoint(cadences.show_cadence, "cadences:read"),
    ("GET", "steps"): Endpoint(cadences.index_steps, "cadences:read"),
    ("GET", "steps/{id}"): Endpoint(cadences.show_step, "cadences:read"),
    ("GET", "cadence_exports/{id}"): Endpoint(cadences.export_cadence, "cadences:read"),
    ("GET", "cadence_stats/{id}"): Endpoint(cadences.show_statistics, "cadences:read"),
    ("GET", "people"): Endpoint(people.index, "people:read"),
    ("POST", "people"): Endpoint(people.create, "people:write"),
    ("GET", "people/{id}"): Endpoint(people.show, "people:read"),
    ("PUT", "people/{id}"): Endpoint(people.update, "people:write"),
    ("DELETE", "people/{id}"): Endpoint(people.destroy, "people:delete"),
    ("POST", "person_upserts"): Endpoint(upserts.upsert_person, "people:write"),
    ("GET", "accounts"): Endpoint(accounts.index, "accounts:read"),
    ("POST", "accounts"): Endpoint(accounts.create, "accounts:write"),
    ("GET", "accounts/{id}"): Endpoint(accounts.show, "accounts:read"),
    ("PUT", "accounts/{id}"): Endpoint(accounts.update, "accounts:write"),
    ("DELETE", "accounts/{id}"): Endpoint(accounts.destroy, "accounts:delete"),
    ("POST", "account_upserts"): Endpoint(upserts.upsert_account, "accounts:write"),
    ("GET", "cadence_memberships"): Endpoint(memberships.index, "cadences:read"),
    ("POST", "cadence_memberships"): Endpoint(memberships.create, "cadences:write"),
    ("GET", "cadence_memberships/{id}"): Endpoint(memberships.show, "cadences:read"),
    ("DELETE", "cadence_memberships/{id}"): Endpoint(memberships.destroy, "cadences:delete"),
    ("GET", "actions"): Endpoint(activities.index_actions, "cadences:read"),
    ("GET", "actions/{id}"): Endpoint(activities.show_action, "cadences:read"),
    ("POST", "ongoing_actions"): Endpoint(activities.create_ongoing_action, None),
    ("POST", "activities"): Endpoint(activities.create_activity, "activities:write"),
    ("GET", "activities/emails"): Endpoint(activities.index_emails, "emails:read"),
    ("GET", "activities/emails/{id}"): Endpoint(activities.show_email, "emails:read"),
    ("GET", "activities/calls"): Endpoint(activities.index_calls, "calls:read"),
    ("POST", "activities/calls"): Endpoint(activities.create_call, "calls:write"),
    ("GET", "activities/calls/{id}"): Endpoint(activities.show_call, "calls:read"),
    ("GET", "bulk_jobs"): Endpoint(bulk_jobs.index, None),
    ("POST", "bulk_jobs"): Endpoint(bulk_jobs.create, None),
    ("GET", "bulk_jobs/{id}"): Endpoint(bulk_jobs.show, None),
    ("PUT", "bulk_jobs/{id}"): Endpoint(bulk_jobs.update, None),
    ("DELETE", "bulk_jobs/{id}"): Endpoint(bulk_jobs.cancel, None),
    ("GET", "bulk_jobs/{id}/job_data"): Endpoint(bulk_jobs.index_rows, None),
    ("POST", "bulk_jobs/{id}/job_data"): Endpoint(bulk_jobs.add_rows, None),
    ("GET", "bulk_jobs/{id}/results"): Endpoint(bulk_jobs.index_results, None),
    ("GET", "webhook_subscriptions"): Endpoint(webhooks.index, None),
    ("POST", "webhook_subscriptions"): Endpoint(webhooks.create, None),
    ("GET", "webhook_subscriptions/{id}"): Endpoint(webhooks.show, None),
    ("PUT", "webhook_subscriptions/{id}"): Endpoint(webhooks.update, None),
    ("DELETE", "webhook_subscriptions/{id}"): Endpoint(webhooks.destroy, None),
    ("GET", "activity_histories"): Endpoint(activities.index_histories, "activities:read"),
}
_BARE_ONLY = frozenset({"activity_histories", "bulk_jobs", "webhook_subscriptions"})


def resolve(method: str, path: str) -> tuple[Endpoint, str]:
    """The endpoint for a path below ``/v2/`` and the id in it; raises Refusal with the HTML page.

    Core paths work with ``.json`` too; the newer ones only without.
    """
    name = path.strip("/")
    if name.endswith(".json"):
        name = name[: -len(".json")]
        if name.split("/")[0] in _BARE_ONLY:
            raise Refusal.no_such_route()
    endpoint = _ENDPOINTS.get((method, name))
    if endpoint is not None:
        return endpoint, ""
    parts = name.split("/")
    for place in (len(parts) - 1, len(parts) - 2):
        if place >= 1:
            shape = "/".join([*parts[:place], "{id}", *parts[place + 1 :]])
            endpoint = _ENDPOINTS.get((method, shape))
            if endpoint is not None:
                return endpoint, parts[place]
    raise Refusal.no_such_route()
