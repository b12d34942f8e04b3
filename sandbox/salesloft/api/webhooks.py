"""``/v2/webhook_subscriptions``: one event each; only `enabled` can be changed."""

from typing import Any

import orjson

from sandbox.salesloft.answers import Answer, Effect, Refusal, data
from sandbox.salesloft.api.context import Context, optional_flag, optional_text
from sandbox.salesloft.records import Subscription
from sandbox.salesloft.webhooks import EVENT_TYPES

__all__ = ["create", "destroy", "index", "show", "update"]


def _shown(context: Context, row: Subscription) -> dict[str, Any]:
    return {
        "id": row.id,
        "tenant_id": context.team.id,
        "user_guid": row.user_guid,
        "callback_url": row.callback_url,
        "callback_token": row.callback_token,
        "event_type": row.event_type,
        "enabled": row.enabled,
    }


def _found(context: Context) -> Subscription:
    row = context.team.subscriptions.get(context.number)
    if row is None:
        raise Refusal.not_found()
    return row


def index(context: Context) -> Answer:
    rows = [_shown(context, row) for row in context.team.subscriptions.values()]
    return Answer(status=200, body=orjson.dumps({"data": rows}))


def show(context: Context) -> Answer:
    return data(_shown(context, _found(context)))


def create(context: Context) -> Answer:
    """Subscribe; the answer is in `data`, or bare by a switch, since both have been read in the wild."""
    sent = {name: optional_text(context.body, name) for name in ("callback_url", "callback_token", "event_type")}
    if missing := {name: ["is required"] for name, value in sent.items() if value is None}:
        raise Refusal.invalid_fields(missing)
    if sent["event_type"] not in EVENT_TYPES:
        raise Refusal.invalid("event_type", "is not included in the list")
    row = Subscription(
        id=next(context.simulator.world.ids.subscription),
        event_type=str(sent["event_type"]),
        callback_url=str(sent["callback_url"]),
        callback_token=str(sent["callback_token"]),
        user_guid=context.user.guid,
        scopes=context.grant.scopes,
    )
    context.team.subscriptions[row.id] = row
    effect = Effect(resource="webhook_subscriptions", ids=(row.id,))
    switches = context.team.switches
    if switches.webhook_envelope == "bare":
        return Answer(status=switches.created_status, body=orjson.dumps(_shown(context, row)), effect=effect)
    return data(_shown(context, row), status=switches.created_status, effect=effect)


def update(context: Context) -> Answer:
    row = _found(context)
    enabled = optional_flag(context.body, "enabled")
    if enabled is not None:
        row.enabled = enabled
    return data(_shown(context, row), effect=Effect(resource="webhook_subscriptions", ids=(row.id,)))


def destroy(context: Context) -> Answer:
    """Repeatable, as other deletions."""
    row = context.team.subscriptions.pop(context.number, None)
    effect = None if row is None else Effect(resource="webhook_subscriptions", ids=(row.id,))
    return Answer(status=204, body=b"", effect=effect)
