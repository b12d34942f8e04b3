"""Secrets and addresses, in every disguise in which libraries write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.redaction import DEPTH_LIMIT, ITEM_LIMIT, TEXT_LIMIT, redact_text, redact_value

SECRET = "Zx81-hunter.2~q"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"headers={{'authorization': 'Bearer {SECRET}'}}",
        f"authorization: Basic {SECRET}",
        f"postgres://app:{SECRET}@db.internal:5432/cscx?sslmode=require",
        f"postgresql://app:p@ss:{SECRET}@db/cscx",
        f"redis://:{SECRET}@cache",
        f'{{"access_token": "{SECRET}", "expires_in": 7200}}',
        f"grant_type=refresh_token&refresh_token={SECRET}&client_id=abc",
        f"client_secret='{SECRET}'",
        f"GET /api/integrations/salesloft/callback?code={SECRET}&state={SECRET}",
        f"CSCX_SALESLOFT_API_KEY={SECRET}",
        f"password = {SECRET}",
        f'password="two words {SECRET}"',
        f"set-cookie: session={SECRET}; HttpOnly",
        f"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c3ItMyJ9.{SECRET.replace('.', '').replace('~', '')}",
    ],
)
def test_a_secret_in_a_sentence_is_taken_out(text: str) -> None:
    shown = redact_text(text)
    assert SECRET not in shown
    assert "hunter" not in shown


@pytest.mark.parametrize(
    "address",
    [
        "ann@acme.example",
        "Ann.Lee+csm@mail.acme.example",
        "ann%40acme.example",
        "o'neil@acme.example",
        "jörg@müller.example",
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "to <{}>", '"{}"', "?email_addresses[]={}&page=1", "({})", "a,{},b", "mailto:{}"]
)
def test_an_address_is_taken_out_wherever_it_stands(address: str, around: str) -> None:
    shown = redact_text(around.format(address))
    assert "acme" not in shown
    assert "ller.example" not in shown
    assert "[e-mail]" in shown


@pytest.mark.parametrize(
    "text",
    [
        "batch_committed",
        "token_expires_at is 2026-11-23T09:00:00Z",
        "cadence 456, step 77",
        "https://api.salesloft.com/v2/people/436664215",
        "reason_code: do_not_contact",
        "cscx.salesloft.activity.v1 [3] at 120",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "key", ["password", "access_token", "refresh_token", "x-api-key", "Authorization", "client_secret", "body"]
)
def test_a_key_alone_makes_its_value_a_secret(key: str) -> None:
    assert redact_value(key, "plain") == "[redacted]"
    assert redact_value("request", {key: ["plain"]}) == {key: "[redacted]"}
    assert redact_value("headers", [(key, b"plain")]) == [[key, "[redacted]"]]
    assert redact_value(key, None) is None


def test_numbers_and_instants_stay_and_bytes_become_their_length() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert redact_value("x", {"n": 1, "at": now, "raw": b"ann@acme.example"}) == {
        "n": 1,
        "at": now,
        "raw": "<16 bytes>",
    }


def test_an_object_of_any_other_kind_is_searched_as_text() -> None:
    assert redact_value("error", ValueError("no mail for ann@acme.example")) == "no mail for [e-mail]"


def test_a_dictionarys_keys_are_searched_too() -> None:
    assert redact_value("by_person", {"ann@acme.example": 1}) == {"[e-mail]": 1}


def test_size_and_depth_are_bounded() -> None:
    text = redact_text("word " * TEXT_LIMIT)
    assert len(text) <= TEXT_LIMIT + 10
    assert redact_value("x", list(range(ITEM_LIMIT + 5))) == [*range(ITEM_LIMIT), f"<{ITEM_LIMIT + 5} entries>"]
    nested: object = "end"
    for _ in range(DEPTH_LIMIT + 1):
        nested = [nested]
    assert "nested too deep" in str(redact_value("x", nested))


def test_a_cut_never_leaves_half_a_secret() -> None:
    half = TEXT_LIMIT // 2
    for shift in range(30):
        in_the_head = "x" * (half - shift) + " hunter.hunter@acme.example " + "y " * half
        in_the_tail = "x " * half + " token=hunterhunter " + "y" * (half - shift)
        assert "hunt" not in redact_text(in_the_head)
        assert "hunt" not in redact_text(in_the_tail)
        assert "nter" not in redact_text(in_the_tail)


def test_of_a_connection_string_everything_but_the_password_stays() -> None:
    shown = redact_text("cannot reach postgresql://app:p@ss:w/rd@db.internal:5432/cscx")
    assert shown == "cannot reach postgresql://app:[redacted]@db.internal:5432/cscx"


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_surroundings_bring_an_address_back(before: str, after: str) -> None:
    assert "ann.lee@acme" not in redact_text(f"{before} ann.lee@acme.example {after}")


@given(st.text(alphabet="abc@:/=\"' ?&.%40{}[]", max_size=2000))
def test_any_text_comes_back_as_text(text: str) -> None:
    assert isinstance(redact_text(text), str)
