"""A Kafka and a Postgres for a laptop and for the tests.

    async with local_stack(StackOptions.from_environment()) as stack:
        stack.kafka.bootstrap_servers, stack.postgres.owner_dsn

Each is the one that settings name, or Docker's if asked for, or a child process that needs nothing but Python.
"""

from sandbox.stack.errors import FetchError, NothingToStartError, NotOursError, ServerFailedError, StackError
from sandbox.stack.kafka import KafkaServer
from sandbox.stack.local import LocalStack, local_kafka, local_postgres, local_stack, until_one_ends
from sandbox.stack.options import StackOptions, StackSource
from sandbox.stack.postgres import PostgresServer
from sandbox.stack.servers import Server, database_dsn, free_port

__all__ = [
    "FetchError",
    "KafkaServer",
    "LocalStack",
    "NotOursError",
    "NothingToStartError",
    "PostgresServer",
    "Server",
    "ServerFailedError",
    "StackError",
    "StackOptions",
    "StackSource",
    "database_dsn",
    "free_port",
    "local_kafka",
    "local_postgres",
    "local_stack",
    "until_one_ends",
]
