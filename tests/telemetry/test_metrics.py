"""The catalogue of metrics: each explained, each with an action, none with a label that grows without end."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from telemetry import metrics

UNBOUNDED = {
    "organization",
    "organization_id",
    "customer",
    "customer_id",
    "stakeholder_id",
    "person_id",
    "email",
    "url",
    "path",
}


def test_every_metric_says_what_it_means_and_what_to_do() -> None:
    catalogue = list(metrics.all_metrics())
    assert len(catalogue) > 30
    for metric in catalogue:
        (family, *_) = metric.describe()
        meaning, _, action = family.documentation.partition("Action: ")
        assert len(meaning) > 20, family.name
        assert len(action) > 20, family.name


def test_names_follow_opentelemetry_or_carry_our_prefix() -> None:
    for metric in metrics.all_metrics():
        (family, *_) = metric.describe()
        assert family.name.startswith(("messaging_", "http_", "cscx_salesloft_")), family.name


def test_no_label_grows_with_customers() -> None:
    for metric in metrics.all_metrics():
        assert UNBOUNDED.isdisjoint(metric._labelnames), metric


def test_every_metric_is_exported_from_the_module() -> None:
    exported = {id(getattr(metrics, name)) for name in metrics.__all__}
    assert all(id(metric) in exported for metric in metrics.all_metrics())


def test_a_scrape_shows_what_was_counted() -> None:
    metrics.CONSUMED.labels("cscx.lifecycle.at-risk.v1", "processed").inc(7)
    metrics.announce_build(version="1.2.3", revision="abc")
    body, content_type = metrics.exposition()
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }
    labels = (("messaging_destination_name", "cscx.lifecycle.at-risk.v1"), ("outcome", "processed"))
    assert samples["messaging_client_consumed_messages_total", labels] >= 7
    assert samples["cscx_salesloft_build_info", (("revision", "abc"), ("version", "1.2.3"))] == 1
    assert any(name == "process_resident_memory_bytes" for name, _ in samples)
    assert content_type.startswith("text/plain")


def test_a_revoked_partition_and_a_disconnected_team_end_their_series() -> None:
    metrics.CONSUMER_LAG.labels("t", 3).set(5)
    metrics.CONSUMER_COMMITTED_AGE.labels("t", 3).set(5)
    metrics.SALESLOFT_BUDGET_REMAINING.labels(42).set(600)
    metrics.forget_partition("t", 3)
    metrics.forget_team(42)
    body = metrics.exposition()[0].decode()
    assert 'partition="3"' not in body
    assert 'team_id="42"' not in body


@pytest.mark.filterwarnings("error")
def test_forgetting_what_was_never_seen_is_no_error() -> None:
    metrics.forget_partition("never", 0)
    metrics.forget_team(0)
