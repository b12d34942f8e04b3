"""An organization's own field mapping: checked, kept in its settings, every version of it."""

from datetime import UTC, datetime

import orjson
import pytest

from storage.pool import Database
from workflows.domains import bare_domain, spellings
from workflows.field_mapping import (
    DEFAULT_FIELDS,
    FieldMappingInvalid,
    parse_field_mapping,
    publish_field_mapping,
    read_field_mapping,
)

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{"fields": {"do_not_contact": {"value": "false"}}}', "fields.do_not_contact"),
        ('{"fields": {"contact_restrictions": {"value": ""}}}', "fields.contact_restrictions"),
        ('{"fields": {"email_address": "stakeholder.name"}}', "fields.email_address"),
        ('{"fields": {"title": "stakeholder.salary"}}', "fields.title"),
        ('{"fields": {"title": {}}}', "fields.title: neither a fact nor a value"),
        ('{"custom_fields": {" ": "customer.arr"}}', "custom_fields"),
        ('{"custom_fields": {"X": {"value": " "}}}', "custom_fields.X.value"),
        ('{"owner": "nobody"}', "owner"),
        ('{"field": {}}', "field"),
        ("[]", "the mapping"),
    ],
)
def test_what_is_no_mapping_is_refused_and_named(given: str, said: str) -> None:
    with pytest.raises(FieldMappingInvalid, match=said.replace(".", r"\.")):
        parse_field_mapping(given)


async def test_a_mapping_counts_for_its_organization_and_earlier_versions_are_kept(database: Database) -> None:
    first = parse_field_mapping('{"fields": {"title": "stakeholder.role"}}')
    second = parse_field_mapping('{"custom_fields": {"Tier": {"first_of": ["customer.tier"], "value": "none"}}}')
    async with database.transaction() as connection:
        assert await read_field_mapping(connection, "org-1") == DEFAULT_FIELDS
        versions = [
            await publish_field_mapping(connection, "org-1", mapping, by="lea", now=NOW) for mapping in (first, second)
        ]
        assert await read_field_mapping(connection, "org-1") == second
        assert await read_field_mapping(connection, "org-2") == DEFAULT_FIELDS
        rows = await connection.fetch("SELECT * FROM organization_settings ORDER BY settings_version")
    assert [row["settings_version"] for row in rows] == versions
    assert [row["changed_by"] for row in rows] == ["lea", "lea"]
    assert orjson.loads(rows[0]["settings"])["person_fields"]["fields"] == {"title": {"first_of": ["stakeholder.role"]}}


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("acme.example", "acme.example"),
        ("  WWW.Acme.example. ", "acme.example"),
        ("https://www.acme.example/about?x=1", "acme.example"),
        ("http://user@acme.example:8080", "acme.example"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("acme", None),
        ("not a domain", None),
        ("", None),
        (None, None),
    ],
)
def test_domains_are_compared_bare(text: str | None, bare: str | None) -> None:
    assert bare_domain(text) == bare


def test_every_spelling_is_of_the_same_domain() -> None:
    assert {bare_domain(one) for one in spellings("acme.example")} == {"acme.example"}
