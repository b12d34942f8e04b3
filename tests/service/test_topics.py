"""Topics on a real broker."""

import io
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console
from typer.testing import CliRunner

from schemas.topics import ACTIVITY, ALL_TOPICS, ENGAGEMENT, Topic
from service.topics import Difference, TopicOutcome, TopicsUnavailable, create_topics
from service.topics_cli import topics_app


@pytest.fixture
def wanted() -> list[Topic]:
    """One topic that is kept for a time and one that is compacted, under names of the test's own."""
    return [replace(topic, name=f"{topic.name}.{uuid.uuid4().hex}", partitions=2) for topic in (ACTIVITY, ENGAGEMENT)]


async def test_topics_are_created_once(kafka: str, wanted: list[Topic]) -> None:
    first = await create_topics(kafka, replication_factor=1, topics=wanted)
    assert first == [TopicOutcome(topic=topic, is_new=True) for topic in wanted]
    again = await create_topics(kafka, replication_factor=1, topics=wanted)
    assert again == [TopicOutcome(topic=topic, is_new=False) for topic in wanted]


async def test_what_differs_is_told_and_left_alone(kafka: str, wanted: list[Topic]) -> None:
    await create_topics(kafka, replication_factor=1, topics=wanted)
    kept, compacted = wanted
    changed = [
        replace(kept, partitions=3, retention=timedelta(days=1)),
        replace(compacted, retention=timedelta(days=1)),
    ]
    for _ in range(2):
        outcomes = await create_topics(kafka, replication_factor=1, topics=changed)
        assert outcomes[0].differences == (
            Difference("partitions", "2", "3"),
            Difference("retention.ms", "7776000000", "86400000"),
        )
        assert Difference("cleanup.policy", "compact", "delete") in outcomes[1].differences


async def test_a_topic_that_is_missing_beside_others_is_created(kafka: str, wanted: list[Topic]) -> None:
    await create_topics(kafka, replication_factor=1, topics=wanted[:1])
    outcomes = await create_topics(kafka, replication_factor=1, topics=wanted)
    assert [outcome.is_new for outcome in outcomes] == [False, True]


async def test_the_whole_catalogue_is_taken_by_a_broker(kafka: str) -> None:
    await create_topics(kafka, replication_factor=1)
    outcomes = await create_topics(kafka, replication_factor=1)
    assert [outcome.topic for outcome in outcomes] == list(ALL_TOPICS)
    assert not any(outcome.is_new or outcome.differences for outcome in outcomes)


async def test_a_refusal_names_the_topic(kafka: str, wanted: list[Topic]) -> None:
    with pytest.raises(TopicsUnavailable, match=wanted[0].name):
        await create_topics(kafka, replication_factor=9, topics=wanted)


async def test_a_broker_that_is_away_is_told_in_time() -> None:
    with pytest.raises(TopicsUnavailable, match=r"127\.0\.0\.1:1"):
        await create_topics("127.0.0.1:1", replication_factor=1, seconds=5)


def run(outcomes: list[TopicOutcome] | TopicsUnavailable) -> tuple[int, str]:
    async def create() -> list[TopicOutcome]:
        if isinstance(outcomes, TopicsUnavailable):
            raise outcomes
        return outcomes

    output = io.StringIO()
    app = topics_app(create, Console(file=output, width=200))
    return CliRunner().invoke(app, ["create"]).exit_code, output.getvalue()


def test_the_command_says_what_it_created() -> None:
    assert run([TopicOutcome(topic=ACTIVITY, is_new=True)]) == (0, "1 created, 0 were there already\n")


def test_the_command_fails_where_topics_differ() -> None:
    difference = Difference("partitions", "2", "12")
    code, output = run([TopicOutcome(topic=ACTIVITY, is_new=False, differences=(difference,))])
    assert code == 1
    assert all(told in output for told in (ACTIVITY.name, "partitions", "2", "12"))


def test_the_command_fails_where_the_broker_does() -> None:
    assert run(TopicsUnavailable("kafka:9092 did not answer")) == (2, "kafka:9092 did not answer\n")
