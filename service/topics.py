"""Brings the topics of the contract to the broker: creates what is missing, alters nothing, and tells what differs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from schemas.topics import ALL_TOPICS, Topic

__all__ = ["Difference", "TopicOutcome", "TopicsUnavailable", "create_topics"]

# What the contract is about. Other settings are the broker's owner's own affair once the topic is there.
_COMPARED = ("cleanup.policy", "retention.ms", "max.message.bytes", "min.insync.replicas")
_ASKED_AGAIN_AFTER = 0.05


class TopicsUnavailable(Exception):
    """The broker does not answer in time, or refused a topic; the message names what and why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting of an existing topic, as it is and as the contract has it."""

    setting: str
    actual: str
    wanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOutcome:
    """What was found or done; a topic that was created does not differ."""

    topic: Topic
    is_new: bool
    differences: tuple[Difference, ...] = ()


async def create_topics(
    bootstrap_servers: str,
    *,
    replication_factor: int,
    topics: Sequence[Topic] = ALL_TOPICS,
    seconds: float = 30.0,
    security: Mapping[str, Any] | None = None,
) -> list[TopicOutcome]:
    """Create the topics that are missing, and compare the others, in the order given. Safe to repeat and to race.

    Returns when the broker knows all of them. `security` is handed to the client as it is. Raises TopicsUnavailable.
    """
    try:
        async with asyncio.timeout(seconds), _administration(bootstrap_servers, security or {}) as admin:
            created = await _create(admin, topics, replication_factor)
            partitions = await _partitions(admin, topics)
            existing = [topic for topic in topics if topic.name not in created]
            found = await _differences(admin, existing, partitions, replication_factor) if existing else {}
    except (KafkaError, OSError) as error:
        raise TopicsUnavailable(f"{bootstrap_servers}: {error}") from error
    except TimeoutError as error:
        raise TopicsUnavailable(f"{bootstrap_servers} did not answer within {seconds:g} s") from error
    return [
        TopicOutcome(topic=topic, is_new=topic.name in created, differences=found.get(topic.name, ()))
        for topic in topics
    ]


@contextlib.asynccontextmanager
async def _administration(bootstrap_servers: str, security: Mapping[str, Any]) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, **security)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic], replication_factor: int) -> set[str]:
    """Ask for all of them, which names those that are there already, and return the others."""
    response = await admin.create_topics(
        [
            NewTopic(
                topic.name,
                topic.partitions,
                replication_factor,
                topic_configs=topic.config(replication_factor=replication_factor),
            )
            for topic in topics
        ]
    )
    created = set()
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if code == 0:
            created.add(name)
        elif error is not TopicAlreadyExistsError:
            raise TopicsUnavailable(f"{name} was refused: {message[0] if message and message[0] else error.__name__}")
    return created


async def _partitions(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, int]:
    """How many each topic has. One that was just created is not known to every broker at once, and is waited for."""
    while True:
        described = await admin.describe_topics([topic.name for topic in topics])
        if all(topic["error_code"] == 0 for topic in described):
            return {topic["topic"]: len(topic["partitions"]) for topic in described}
        await asyncio.sleep(_ASKED_AGAIN_AFTER)


async def _differences(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic], partitions: Mapping[str, int], replication_factor: int
) -> dict[str, tuple[Difference, ...]]:
    settings = await _settings(admin, [topic.name for topic in topics])
    found = {}
    for topic in topics:
        config = topic.config(replication_factor=replication_factor)
        wanted = {"partitions": str(topic.partitions), **{name: config[name] for name in _COMPARED if name in config}}
        actual = {"partitions": str(partitions[topic.name]), **settings[topic.name]}
        found[topic.name] = tuple(
            Difference(name, actual.get(name, "unknown"), value)
            for name, value in wanted.items()
            if actual.get(name) != value
        )
    return found


async def _settings(admin: AIOKafkaAdminClient, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """The settings in force, a topic's own or inherited."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict.fromkeys(_COMPARED, "")) for topic in topics]
    settings: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(asked):
        for code, message, _, topic, entries in response.resources:
            if code != 0:
                raise TopicsUnavailable(f"the settings of {topic} are not told: {message or for_code(code).__name__}")
            settings[topic] = {name: value for name, value, *_ in entries}
    return settings
