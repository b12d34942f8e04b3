"""The gate: of two words the stricter counts, and not knowing is not consent."""

from datetime import timedelta
from typing import Any

import pytest

from enrollment.consent import Consent, at_execution, email_refusal, normalised_email
from schemas.directory import ContactPreferences
from schemas.vocabulary import ContactPreference, Reason
from tests.enrollment.samples import BLOCKED, NOW, person, stakeholder

SINCE = NOW - timedelta(minutes=30)


def gate(record: Any = None, **changes: Any) -> Consent | Reason:
    return at_execution(stakeholder(**changes), record, fresh_since=SINCE)


def test_a_fresh_record_without_a_restriction_grants() -> None:
    assert gate(person()) is Consent.GRANTED
    assert gate(person(has_account=False, account_do_not_contact=None)) is Consent.GRANTED
    allowed = ContactPreferences(email=ContactPreference.ALLOWED, phone=ContactPreference.BLOCKED)
    assert gate(person(), contact_preferences=allowed) is Consent.GRANTED
    assert gate(person(), contact_preferences=ContactPreferences()) is Consent.GRANTED


def test_what_nobody_said_is_not_known() -> None:
    assert gate(None) is Consent.UNKNOWN
    assert gate(person(account_do_not_contact=None)) is Consent.UNKNOWN


def test_what_was_said_too_long_ago_is_not_known() -> None:
    assert gate(person(read_at=SINCE)) is Consent.GRANTED
    assert gate(person(read_at=SINCE - timedelta(microseconds=1))) is Consent.UNKNOWN


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"do_not_contact": True}, Reason.DO_NOT_CONTACT),
        ({"account_do_not_contact": True}, Reason.DO_NOT_CONTACT),
        ({"email_restricted": True}, Reason.CONTACT_RESTRICTED),
        ({"bouncing": True}, Reason.BOUNCED),
    ],
)
def test_a_no_of_salesloft_is_a_no_however_old(changes: dict[str, Any], refusal: Reason) -> None:
    assert gate(person(**changes)) is refusal
    assert gate(person(**changes, read_at=NOW - timedelta(days=400))) is refusal


def test_a_no_of_the_directory_is_a_no_whatever_salesloft_says() -> None:
    assert gate(person(), contact_preferences=BLOCKED) is Reason.OPTED_OUT
    assert gate(None, contact_preferences=BLOCKED) is Reason.OPTED_OUT


@pytest.mark.parametrize("email", [None, "", " \t"])
def test_without_an_address_there_is_nobody_to_write_to(email: str | None) -> None:
    assert gate(person(), email=email) is Reason.NO_EMAIL


@pytest.mark.parametrize(
    "email",
    [
        *("ann", "ann@", "@acme.example", "ann@acme", "ann@@acme.example", "ann lee@acme.example", "ann@acme..example"),
        *(
            "ann@-acme.example",
            "ann@acme.-example",
            "ann@acme.example-",
            "ann@acme.\N{LATIN SMALL LETTER LONG S}ample",
            "ann@acme.example,bob@acme.example",
            "<ann@acme.example>",
            "ann@acme.example\nbcc: x@y.zz",
        ),
        "a" * 65 + "@acme.example",
        "ann@" + "a" * 64 + ".example",
        "ann@" + "a." * 125 + "example",
    ],
)
def test_what_no_mail_server_would_take(email: str) -> None:
    assert email_refusal(stakeholder(email=email)) is Reason.INVALID_EMAIL


@pytest.mark.parametrize(
    "email", ["ann@acme.example", "Ann.O'Lee+news@mail.acme.co.uk", " ANN@ACME.EXAMPLE ", "a@b.cc"]
)
def test_what_mail_servers_take(email: str) -> None:
    assert email_refusal(stakeholder(email=email)) is None


def test_addresses_are_compared_without_case_and_edges() -> None:
    assert normalised_email(" Ann@Acme.Example ") == "ann@acme.example"
    assert normalised_email("  ") is None
    assert normalised_email(None) is None
