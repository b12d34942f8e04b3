"""Where Salesloft delivers what has changed: kept as a hint and answered; the reading is the poller's."""

from uuid import UUID

import structlog
from fastapi import APIRouter, Request, Response

from salesloft_client import EVENT_HEADER, SIGNATURE_HEADER, is_signed
from storage import webhooks
from storage.pool import Database
from storage.webhooks import Receiver
from web.described import PUBLIC
from web.problems import Problem
from workflows.credentials import CredentialUnreadable, Keyring
from workflows.webhooks import callback_token, take_in

__all__ = ["webhook_routes"]

_log = structlog.get_logger(__name__)


def webhook_routes(database: Database, keyring: Keyring) -> APIRouter:
    """`POST /api/webhooks/salesloft/{receiver_id}`.

    401 says neither whether there is such a receiver nor what was wrong with the signature.
    """
    routes = APIRouter(prefix="/api/webhooks/salesloft", tags=["webhooks"])

    @routes.post("/{receiver_id}", status_code=204, openapi_extra=PUBLIC)
    async def deliver(receiver_id: str, request: Request) -> Response:
        """Keep what a delivery hints at. What hints at nothing is answered alike: there is nothing to try again."""
        body = await request.body()
        async with database.connection() as connection:
            receiver = await webhooks.read_receiver(connection, _uuid(receiver_id))
        if receiver is None or not _is_salesloft(receiver, body, request.headers.get(SIGNATURE_HEADER)):
            raise _forged()
        event_type = request.headers.get(EVENT_HEADER)
        async with database.transaction() as connection:
            taken = await take_in(connection, receiver.organization_id, event_type, body)
        if not taken:
            _log.info("salesloft_delivery_passed_over", organization_id=receiver.organization_id, event_type=event_type)
        return Response(status_code=204)

    def _is_salesloft(receiver: Receiver, body: bytes, signature: str | None) -> bool:
        try:
            token = callback_token(receiver, keyring)
        except CredentialUnreadable as error:
            _log.exception("salesloft_callback_token_unreadable", organization_id=receiver.organization_id)
            raise Problem(503, "storage_unavailable", "The delivery cannot be checked at the moment.") from error
        return is_signed(body, callback_token=token, signature=signature)

    return routes


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _forged() from None


def _forged() -> Problem:
    return Problem(401, "delivery_refused", "This is no delivery of Salesloft's.")
