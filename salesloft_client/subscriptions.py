"""Webhook subscriptions: one event type each, per team (Salesloft docs: webhooks)."""

import orjson
from pydantic import Field

from salesloft_client.decoding import Page
from salesloft_client.models import Record
from salesloft_client.requests import Requests
from salesloft_client.writes import NewSubscription

__all__ = ["SubscriptionRequests", "WebhookSubscription"]


class WebhookSubscription(Record):
    """``callback_token`` keys the signature of each delivery. ``tenant_id`` came as a number and as text."""

    event_type: str | None = None
    enabled: bool | None = None
    callback_url: str | None = None
    callback_token: str | None = Field(default=None, repr=False)
    user_guid: str | None = None
    tenant_id: str | None = None


class SubscriptionRequests(Requests):
    """The calls for webhook subscriptions."""

    async def webhook_subscriptions(self, *, enabled: bool | None = None) -> Page[WebhookSubscription]:
        """All of the team's; the list is not paged."""
        return await self._list(WebhookSubscription, "/webhook_subscriptions", {"enabled": enabled})

    async def webhook_subscription(self, subscription_id: int) -> WebhookSubscription:
        return await self._show(WebhookSubscription, f"/webhook_subscriptions/{subscription_id}")

    async def create_webhook_subscription(self, subscription: NewSubscription) -> WebhookSubscription:
        """Subscribe. Whether a second one for the same event and address is refused is not documented: list first."""
        return await self._create_bare(WebhookSubscription, "/webhook_subscriptions", subscription.body())

    async def enable_webhook_subscription(self, subscription_id: int) -> WebhookSubscription:
        return await self._switch(subscription_id, orjson.dumps({"enabled": True}))

    async def disable_webhook_subscription(self, subscription_id: int) -> WebhookSubscription:
        return await self._switch(subscription_id, orjson.dumps({"enabled": False}))

    async def delete_webhook_subscription(self, subscription_id: int) -> None:
        """Also one that is gone already."""
        await self._remove(f"/webhook_subscriptions/{subscription_id}")

    async def _switch(self, subscription_id: int, body: bytes) -> WebhookSubscription:
        return await self._update(WebhookSubscription, f"/webhook_subscriptions/{subscription_id}", body)
