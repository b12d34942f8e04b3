"""Telling a delivery of Salesloft's from anybody else's.

A delivery is one record as JSON, without an envelope, an id or a time, and is tried four times within a minute at most
(Salesloft docs: webhooks). So it is a hint that something has changed; the record itself is read by the API.
"""

import hmac

__all__ = ["EVENT_HEADER", "SIGNATURE_HEADER", "is_signed"]

EVENT_HEADER = "x-salesloft-event"
SIGNATURE_HEADER = "x-salesloft-signature"


def is_signed(raw_body: bytes, *, callback_token: str, signature: str | None) -> bool:
    """Whether ``signature`` (the header) is the hex HMAC-SHA1 of the body as it came, keyed with the callback token.

    Salesloft docs, webhook delivery headers. It does not keep an old delivery from being sent again.
    """
    if signature is None or not signature.isascii():
        return False
    expected = hmac.new(callback_token.encode(), raw_body, "sha1").hexdigest()
    return hmac.compare_digest(expected, signature.strip().lower())
