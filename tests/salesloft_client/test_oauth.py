"""OAuth messages, and what each answer of the token endpoint means."""

import traceback
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from salesloft_client import (
    BusinessClock,
    Callback,
    ClientRejected,
    GrantRevoked,
    NotSent,
    OAuthApp,
    OutcomeUnknown,
    RetryClass,
    SalesloftError,
    Throttled,
    TokenEndpoint,
    Wire,
    authorization_url,
    read_callback,
)
from tests.salesloft_client.scripted import Reply, Reset, ScriptedServer, in_turn, json_reply

NOW = datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC)
GRANT = {
    "access_token": "a0f3secret",
    "token_type": "bearer",
    "expires_in": 7200,
    "refresh_token": "9c2esecret",
    "scope": "people:read people:write cadences:read",
    "created_at": 1767225600,
}


def app(auth_host: str = "https://accounts.salesloft.com") -> OAuthApp:
    return OAuthApp(
        client_id="client-1",
        client_secret="client-secret",
        redirect_uri="https://cscx.example/salesloft/callback",
        auth_host=auth_host,
    )


def endpoint(server: ScriptedServer, shared: Wire) -> TokenEndpoint:
    return TokenEndpoint(app(server.url), wire=shared, clock=BusinessClock(now=lambda: NOW))


def test_the_authorization_url() -> None:
    url = urlsplit(authorization_url(app(), state="signed&state"))
    assert url.netloc + url.path == "accounts.salesloft.com/oauth/authorize"
    assert parse_qs(url.query) == {
        "response_type": ["code"],
        "client_id": ["client-1"],
        "redirect_uri": ["https://cscx.example/salesloft/callback"],
        "state": ["signed&state"],
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "code=c1&state=s1&context=x&scope=people%3Aread%20cadences%3Aread",
            Callback(state="s1", code="c1", context="x", scope=frozenset({"people:read", "cadences:read"})),
        ),
        ("error=access_denied&state=s1", Callback(state="s1", error="access_denied")),
        ("state=s1", Callback(state="s1", error="invalid_request")),
    ],
)
def test_the_callback(query: str, expected: Callback) -> None:
    assert read_callback(f"https://cscx.example/salesloft/callback?{query}") == expected


async def test_a_code_is_exchanged(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(json_reply(GRANT))
    grant = await endpoint(server, shared).exchange_code("code-1")
    assert grant.access_token == "a0f3secret"
    assert grant.refresh_token == "9c2esecret"
    assert grant.expires_at == datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
    assert grant.scope == {"people:read", "people:write", "cadences:read"}
    assert grant.access().expires_at == grant.expires_at
    assert server.asked[0].path == "/oauth/token"
    assert dict(parse_qsl(server.asked[0].body.decode())) == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": "https://cscx.example/salesloft/callback",
        "client_id": "client-1",
        "client_secret": "client-secret",
    }


async def test_a_refresh(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(json_reply({**GRANT, "created_at": None, "scope": None}))
    grant = await endpoint(server, shared).refresh("refresh-1")
    assert grant.expires_at == NOW + timedelta(hours=2)
    assert grant.scope == frozenset()
    assert dict(parse_qsl(server.asked[0].body.decode())) == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
        "client_id": "client-1",
        "client_secret": "client-secret",
    }


async def test_client_credentials_get_an_access_token_alone(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(json_reply({key: value for key, value in GRANT.items() if key != "refresh_token"}))
    grant = await endpoint(server, shared).client_credentials()
    assert (grant.access_token, grant.expires_at) == ("a0f3secret", datetime(2026, 1, 1, 2, 0, tzinfo=UTC))
    assert grant.scope == {"people:read", "people:write", "cadences:read"}
    assert dict(parse_qsl(server.asked[0].body.decode())) == {
        "grant_type": "client_credentials",
        "client_id": "client-1",
        "client_secret": "client-secret",
    }


async def test_a_token_is_revoked(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(json_reply({}))
    await endpoint(server, shared).revoke("refresh-1")
    assert server.asked[0].path == "/oauth/revoke"
    assert dict(parse_qsl(server.asked[0].body.decode())) == {
        "token": "refresh-1",
        "client_id": "client-1",
        "client_secret": "client-secret",
    }


@pytest.mark.parametrize(
    ("reply", "kind", "retry_class"),
    [
        (json_reply({"error": "invalid_grant", "error_description": "…"}, 400), GrantRevoked, RetryClass.REAUTHORIZE),
        (json_reply({"error": "invalid_grant"}, 401), GrantRevoked, RetryClass.REAUTHORIZE),
        (json_reply({"error": "invalid_client"}, 401), ClientRejected, RetryClass.PERMANENT),
        (Reply(401), ClientRejected, RetryClass.PERMANENT),
        (json_reply({"error": "API rate limit exceeded"}, 429), Throttled, RetryClass.THROTTLED),
        (Reply(500), OutcomeUnknown, RetryClass.UNKNOWN),
        (Reset(), OutcomeUnknown, RetryClass.UNKNOWN),
        (Reply(200, b'{"access_token":"a0f3secret"}'), OutcomeUnknown, RetryClass.UNKNOWN),
        (Reply(200, b"a0f3secret"), OutcomeUnknown, RetryClass.UNKNOWN),
    ],
)
async def test_a_refused_or_lost_refresh_is_never_repeated(
    server: ScriptedServer, shared: Wire, reply: Reply | Reset, kind: type[SalesloftError], retry_class: RetryClass
) -> None:
    server.script = in_turn(reply)
    token = "refresh-secret"
    with pytest.raises(kind) as caught:
        await endpoint(server, shared).refresh(token, correlation_id="journey-1")
    assert caught.value.retry_class is retry_class
    assert caught.value.correlation_id == "journey-1"
    assert len(server.asked) == 1
    shown = "".join(traceback.format_exception(caught.value))
    for secret in (token, "client-secret", GRANT["refresh_token"], GRANT["access_token"]):
        assert str(secret) not in shown.replace('token = "refresh-secret"', "")


async def test_without_a_connection_the_grant_is_untouched(shared: Wire) -> None:
    with pytest.raises(NotSent):
        await TokenEndpoint(app("http://127.0.0.1:1"), wire=shared).refresh("refresh-1")


async def test_no_secret_shows_in_a_repr(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(json_reply(GRANT))
    grant = await endpoint(server, shared).exchange_code("code-1")
    assert "secret" not in f"{grant!r} {grant.access()!r} {app()!r}".replace("client_secret", "")
