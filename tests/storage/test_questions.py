"""Several questions in one statement: each has its own rows, in its own order, made by its own values."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from sandbox.stack import PostgresServer
from storage.pool import Database, DatabaseOptions
from storage.queries import _Query
from storage.questions import Question, answer

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(slots=True)
class Numbered:
    """With its fields in another order than the columns have."""

    id: UUID
    number: int
    word: str | None


@dataclass(slots=True)
class Many:
    words: list[str]
    at: datetime | None
    document: str


class Counting:
    """A connection that counts what it is asked."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.asked = 0

    async def fetch(self, *asked: Any) -> Any:
        self.asked += 1
        return await self._connection.fetch(*asked)

    async def fetchrow(self, *asked: Any) -> Any:
        self.asked += 1
        return await self._connection.fetchrow(*asked)


@pytest.fixture(scope="module")
async def database(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[Database]:
    name = f"questions_{uuid4().hex}"
    dsn = await postgres_server.create_database(name, template=migrated_template)
    async with Database.connected(DatabaseOptions(dsn=dsn)) as database:
        yield database
    await postgres_server.drop_database(name)


def numbered(id_: UUID, words: list[str | None], at_most: int) -> Question[Numbered]:
    """The last of some words, the last one first."""
    query = _Query(
        "SELECT w.word, $1::uuid AS id, w.number::integer FROM unnest($2::text[]) WITH ORDINALITY AS w (word, number) "
        "ORDER BY w.number DESC LIMIT $3",
        ("id", "words", "at_most"),
        "fetch",
    )
    return Question(Numbered, query, id=id_, words=words, at_most=at_most)


def many(word: str, at: datetime | None) -> Question[Many]:
    query = _Query(
        "SELECT ARRAY[$1::text, $1::text] AS words, $2::timestamptz AS at, '{\"a\": 1}'::jsonb AS document",
        ("word", "at"),
        "fetch",
    )
    return Question(Many, query, word=word, at=at)


async def test_each_has_the_rows_that_it_has_alone(database: Database) -> None:
    one, other = uuid4(), uuid4()
    asked: list[Question[Any]] = [
        numbered(one, ["a", None, "c"], 2),
        many("x", NOW),
        # The same text, and other values.
        numbered(other, ["d"], 2),
        numbered(other, [], 2),
        many("y", None),
    ]
    async with database.reading() as connection:
        counting: Any = Counting(connection)
        await answer(counting, *asked)
        assert counting.asked == 1
        assert [await question.asked_of(connection) for question in asked] == [question.rows for question in asked]
    assert [question.rows for question in asked] == [
        [Numbered(one, 3, "c"), Numbered(one, 2, None)],
        [Many(["x", "x"], NOW, '{"a": 1}')],
        [Numbered(other, 1, "d")],
        [],
        [Many(["y", "y"], None, '{"a": 1}')],
    ]
    # orjson takes no subclass of it.
    assert {type(row.id) for row in asked[0].rows} == {UUID}


async def test_however_much_is_asked_together_it_is_prepared_once(database: Database) -> None:
    """A statement of more than 15 kB would be prepared anew each time, by asyncpg's own bound."""
    asked = [numbered(uuid4(), ["a" * place], place) for place in range(1, 120)]
    async with database.reading() as connection:
        for _ in range(2):
            await answer(connection, *asked)
        prepared = await connection.fetch("SELECT length(statement) AS long FROM pg_prepared_statements")
    assert max(one["long"] for one in prepared) > 15 * 1024
    assert all(question.rows for question in asked)
