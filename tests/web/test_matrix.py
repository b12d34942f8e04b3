"""Every operation of the API by who calls: nobody unknown gets in, and a viewer changes nothing."""

import re
from collections.abc import Iterator
from uuid import UUID

from tests.web.stage import Api
from tests.web.test_connection import refused
from web.publish import document

# Salesloft's deliveries carry a signature instead, and a browser that comes back from there is known by its state.
UNKNOWN_MAY = {
    ("GET", "/api/integrations/salesloft/callback"),
    ("POST", "/api/webhooks/salesloft/{receiver_id}"),
}
# What a viewer may send without changing anything that others see.
VIEWER_MAY = {
    ("POST", "/api/salesloft/session"),
    ("DELETE", "/api/salesloft/session"),
    # What a viewer asks is answered; of what would change something nothing is even shown.
    ("POST", "/api/salesloft/chat"),
}
SOME_ID = str(UUID(int=7))


def operations() -> Iterator[tuple[str, str]]:
    for path, methods in document()["paths"].items():
        for method in methods:
            yield method.upper(), path


def filled(path: str) -> str:
    """The path with ids of nothing."""
    return re.sub(r"\{[^}]+\}", SOME_ID, path)


async def test_nobody_unknown_gets_in(shared_api: Api) -> None:
    asked = 0
    for method, path in operations():
        if (method, path) not in UNKNOWN_MAY:
            refused(await shared_api.http.request(method, filled(path)), 401, "caller_unknown")
            asked += 1
    assert asked


async def test_a_viewer_changes_nothing(shared_api: Api) -> None:
    asked = 0
    for method, path in operations():
        if method != "GET" and (method, path) not in UNKNOWN_MAY | VIEWER_MAY:
            headers = shared_api.headers(role="viewer")
            refused(await shared_api.http.request(method, filled(path), headers=headers), 403, "role_required")
            asked += 1
    assert asked


def test_the_exceptions_are_operations_that_there_are() -> None:
    assert set(operations()) >= UNKNOWN_MAY | VIEWER_MAY
