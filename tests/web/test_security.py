"""Who is known by their token, and what they may do."""

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from tests.web.stage import AUDIENCE, ISSUER, Api
from tests.web.test_connection import refused

PATH = "/api/integrations/salesloft/connect"


async def test_others_may_not_connect(api: Api) -> None:
    for role in ("csm", "manager", "viewer"):
        refused(await api.connect(role=role), 403, "role_required")


# A function is given the time at which the token is made.
UNFIT: list[dict[str, Any]] = [
    {"iss": "https://login.else.example"},
    {"aud": "another-service"},
    {"exp": lambda now: now - 60},
    {"nbf": lambda now: now + 600},
    {"exp": None},
    {"iss": None},
    {"aud": None},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"organization_id": None},
    {"organization_id": ""},
    {"organization_id": "org:1"},
    {"organization_id": 7},
    {"role": "owner"},
    {"role": None},
    {"role": ["admin"]},
]


async def test_claims_that_do_not_hold_make_nobody_known(api: Api) -> None:
    for unfit in UNFIT:
        claims = {name: value(int(time.time())) if callable(value) else value for name, value in unfit.items()}
        headers = {"authorization": f"Bearer {api.issuer.token(**{'organization_id': 'org-1', **claims})}"}
        answer = await api.http.post(PATH, headers=headers)
        assert (claims, answer.status_code) == (claims, 401)
        refused(answer, 401, "caller_unknown")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_only_the_issuers_signature_counts(api: Api) -> None:
    kid = api.issuer.keys[0].kid
    assert kid is not None
    stranger = ECKey.generate_key("P-256", {"kid": kid})
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60, "sub": "usr-1", "organization_id": "org-1",
        "role": "admin",
    }  # fmt: skip
    shared = OctKey.import_key("what everybody may read must not do as a shared secret")
    tokens = [
        api.issuer.token("org-1", key=stranger),
        jwt.encode({"alg": "HS256", "kid": kid}, claims, shared),
        api.issuer.token("org-1")[:-6] + "AAAAAA",
        "not.a.token",
    ]
    for token in tokens:
        refused(await api.http.post(PATH, headers={"authorization": f"Bearer {token}"}), 401, "caller_unknown")
    refused(await api.http.post(PATH), 401, "caller_unknown")
    refused(await api.http.post(PATH, headers={"authorization": "Basic dXNyOnB3"}), 401, "caller_unknown")


async def test_a_new_key_of_the_issuer_is_asked_for_and_made_up_ones_are_not(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await api.connect()).status_code == 200
    assert (await api.connect()).status_code == 200
    assert api.issuer.asked == 1
    unknown = ECKey.generate_key("P-256", {"kid": "made-up"})
    for _ in range(3):
        refused(await api.connect(key=unknown), 401, "caller_unknown")
    assert api.issuer.asked == 1
    monkeypatch.setattr("web.security._ASKED_AGAIN_AFTER_S", 0.0)
    api.issuer.new_key()
    assert (await api.connect()).status_code == 200
    assert api.issuer.asked == 2
    api.issuer.silent = True
    refused(await api.connect(key=unknown), 401, "caller_unknown")
    assert (await api.connect()).status_code == 200


async def test_without_the_issuers_keys_nobody_is_known_for_the_moment(api: Api) -> None:
    api.issuer.silent = True
    refused(await api.connect(), 503, "callers_unknown")
    api.issuer.silent = False
    assert (await api.connect()).status_code == 200


async def test_a_signature_is_looked_at_once_while_the_issuers_keys_stay(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    decode = jwt.decode

    def counted(token: str, *args: Any, **options: Any) -> Any:
        looked.append(token)
        return decode(token, *args, **options)

    monkeypatch.setattr("web.security.jwt.decode", counted)
    headers = api.headers(role="viewer")
    other = api.headers(role="viewer", sub="usr-2")
    for told in (headers, headers, other, headers):
        assert (await api.http.get("/api/salesloft/capabilities", headers=told)).status_code == 200
    assert len(looked) == 2
    # What is no longer published vouches for nobody, whoever was known by it a moment ago.
    api.issuer.keys.clear()
    api.issuer.new_key()
    monkeypatch.setattr("web.security._KEYS_GOOD_FOR_S", 0.0)
    refused(await api.http.get("/api/salesloft/capabilities", headers=headers), 401, "caller_unknown")


async def test_a_token_that_was_good_ends_when_it_says(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    headers = api.headers(role="viewer", exp=now + 100)
    for at, status in ((now, 200), (now + 130, 200), (now + 131, 401), (now + 131, 401)):
        monkeypatch.setattr("web.security.time", lambda at=at: float(at))
        answer = await api.http.get("/api/salesloft/capabilities", headers=headers)
        assert (at - now, answer.status_code) == (at - now, status)


async def test_of_many_tokens_the_first_are_looked_at_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.security._MOST_TOKENS", 2)
    told = [api.headers(role="viewer", sub=f"usr-{number}") for number in range(4)]
    for headers in [*told, *told]:
        answer = await api.http.get("/api/salesloft/capabilities", headers=headers)
        assert answer.status_code == 200
