"""What an operator does once before the service starts: topics, schema, connections and mappings.

The command line does the same, one process for each step; here they share one, for there are many to start.
"""

from collections.abc import Mapping

from service.roles import database_options, opened_sessions, running_clock
from service.settings import Settings
from service.topics import create_topics
from storage import organizations
from storage.migrate import migrate
from storage.pool import Database
from workflows.credentials import ApiKey
from workflows.mappings import default_mappings, publish

__all__ = ["prepare"]

_BY = "proof"


async def prepare(settings: Settings, api_keys: Mapping[str, str]) -> None:
    """Make everything ready; `api_keys` are Salesloft's, by organization. Raises whatever goes wrong."""
    await create_topics(settings.kafka_bootstrap_servers, replication_factor=settings.kafka_replication_factor)
    await migrate(settings.database_url.get_secret_value())
    async with (
        running_clock(settings) as (clock, _),
        opened_sessions(settings, clock) as sessions,
        Database.connected(database_options(settings)) as database,
    ):
        for organization, key in api_keys.items():
            await sessions.connect(organization, ApiKey(key), by=_BY)
            async with database.transaction() as connection:
                facts = (await organizations.read_facts(connection, [organization]))[organization]
                found = default_mappings(organization, list(facts.cadences.values()))
                named = [(mapping, cadence.name) for mapping, cadence in found]
                await publish(connection, organization, named, by=_BY, now=clock.now())
