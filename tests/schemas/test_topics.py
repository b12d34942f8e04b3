"""The catalogue keeps the promises that others build on: order per key, retention, a place for every failure."""

from datetime import timedelta

import pytest

from schemas.errors import BadKeyError, OrganizationMismatchError
from schemas.registry import EVENT_TYPES
from schemas.topics import (
    ALL_TOPICS,
    DIRECTORY_STAKEHOLDER,
    ENGAGEMENT,
    NEW_CUSTOMER,
    TOPICS,
    Direction,
    KeyKind,
    RecordKey,
    check_organization,
    customer_key,
    dead_letter_topic,
    organization_key,
    parking_topic,
    parse_key,
    stakeholder_key,
)

BY_NAME = {topic.name: topic for topic in ALL_TOPICS}


def test_the_topics_are_those_of_the_contract() -> None:
    assert [topic.name for topic in TOPICS] == [
        "cscx.lifecycle.new-customer.v1",
        "cscx.lifecycle.renewal-window.v1",
        "cscx.lifecycle.at-risk.v1",
        "cscx.lifecycle.expansion-signal.v1",
        "cscx.lifecycle.outcome.v1",
        "cscx.directory.customer.v1",
        "cscx.directory.stakeholder.v1",
        "cscx.approvals.enrollment-decision.v1",
        "cscx.salesloft.approval-request.v1",
        "cscx.salesloft.enrollment.v1",
        "cscx.salesloft.activity.v1",
        "cscx.salesloft.engagement.v1",
        "cscx.salesloft.operations.v1",
    ]
    assert len(BY_NAME) == len(ALL_TOPICS)


def test_every_topic_carries_something() -> None:
    assert {event_type.topic.name for event_type in EVENT_TYPES.values()} == {topic.name for topic in TOPICS}


def test_every_consumed_topic_has_a_place_for_failures_of_the_same_shape() -> None:
    for topic in TOPICS:
        for name in (dead_letter_topic(topic.name), parking_topic(topic.name)):
            assert (name in BY_NAME) == (topic.direction is not Direction.OUT)
            if name in BY_NAME:
                assert BY_NAME[name].partitions == topic.partitions
                assert BY_NAME[name].max_message_bytes > topic.max_message_bytes
    assert dead_letter_topic("t.v1") == "t.v1.cscx-salesloft.dlq"
    assert dead_letter_topic("t.v1", "other") == "t.v1.other.dlq"
    assert parking_topic("t.v1") == "t.v1.cscx-salesloft.parking"


def test_no_event_topic_keeps_more_than_ninety_days() -> None:
    assert {topic.name for topic in ALL_TOPICS if topic.is_compacted} == {
        "cscx.directory.customer.v1",
        "cscx.directory.stakeholder.v1",
        "cscx.salesloft.engagement.v1",
    }
    kept = [topic.retention for topic in ALL_TOPICS if topic.retention is not None]
    assert min(kept) >= timedelta(days=14)
    assert max(kept) <= timedelta(days=90)


def test_settings() -> None:
    settings = NEW_CUSTOMER.config(replication_factor=3)
    assert settings["cleanup.policy"] == "delete"
    assert settings["retention.ms"] == "1209600000"
    assert settings["min.insync.replicas"] == "2"
    assert NEW_CUSTOMER.config(replication_factor=1)["min.insync.replicas"] == "1"
    compacted = ENGAGEMENT.config(replication_factor=3)
    assert compacted["cleanup.policy"] == "compact"
    assert "retention.ms" not in compacted
    assert int(compacted["delete.retention.ms"]) > int(compacted["max.compaction.lag.ms"])


def test_keys_come_back() -> None:
    assert customer_key("org-1", "cus-7") == b"org-1:cus-7"
    assert parse_key(customer_key("org-1", "cus-7"), KeyKind.CUSTOMER) == RecordKey("org-1", "cus-7")
    assert parse_key(stakeholder_key("o", "s"), DIRECTORY_STAKEHOLDER.key) == RecordKey("o", "s")
    assert parse_key(organization_key("org-1"), KeyKind.ORGANIZATION) == RecordKey("org-1", None)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (None, KeyKind.CUSTOMER),
        (b"", KeyKind.CUSTOMER),
        (b"org-1", KeyKind.CUSTOMER),
        (b"org-1:", KeyKind.CUSTOMER),
        (b":cus-7", KeyKind.CUSTOMER),
        (b"org-1:cus-7:x", KeyKind.CUSTOMER),
        (b"org-1:\xff", KeyKind.CUSTOMER),
        (b"org-1:a\x00", KeyKind.CUSTOMER),
        (b"org-1:" + b"a" * 201, KeyKind.CUSTOMER),
        (b"org-1:cus-7", KeyKind.ORGANIZATION),
        (b"", KeyKind.ORGANIZATION),
    ],
)
def test_keys_of_another_shape_are_refused(key: bytes | None, kind: KeyKind) -> None:
    with pytest.raises(BadKeyError):
        parse_key(key, kind)


@pytest.mark.parametrize(("organization", "customer"), [("", "c"), ("o", ""), ("o:p", "c"), ("o", "c:d")])
def test_keys_that_could_not_be_read_are_not_written(organization: str, customer: str) -> None:
    with pytest.raises(BadKeyError):
        customer_key(organization, customer)


def test_key_header_and_data_must_agree() -> None:
    key = RecordKey("org-1", "cus-7")
    check_organization(key, header="org-1", data="org-1")
    check_organization(key, header=None, data="org-1")
    for header, data in (("org-2", "org-1"), ("org-1", "org-2"), (None, "org-2"), ("", "org-1")):
        with pytest.raises(OrganizationMismatchError):
            check_organization(key, header=header, data=data)
