"""SQL lives in sql/, and only storage runs it."""

import ast
import re

import pytest

from tests.house.tree import ROOT, python_files, rooms, texts

STATEMENT = re.compile(
    r"""^\s*(?:
        select\s.+\sfrom\s | select\s+\w+\( | insert\s+into\s | update\s+[\w.]+\s+(?:\w+\s+)?set\s | delete\s+from\s
      | with\s+(?:recursive\s+)?\w+\s*(?:\([^)]*\))?\s*as\s+(?:materialized\s+)?\(
      | (?:create|alter|drop|truncate)\s+(?:table|index|unique\s+index|type|role|database|view|function)\s
      | listen\s+\w+$ | notify\s+\w+\b | lock\s+table\s | set\s+(?:local|role)\s
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
# The database server of a laptop is made, and looked into, from outside.
ELSEWHERE = ("storage", "sandbox")


def statements(source: str) -> list[tuple[int, str]]:
    return [(line, text) for line, text in texts(ast.parse(source)) if STATEMENT.match(text)]


def test_there_is_no_sql_outside_storage() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text.strip()[:80]}"
        for path in python_files(*(room for room in rooms() if room not in ELSEWHERE))
        for line, text in statements(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        'rows = await connection.fetch("SELECT id FROM enrollments")',
        'await connection.execute(f"update commands set state = {state!r}")',
        'X = """\n    INSERT INTO inbox VALUES ($1)\n"""',
        'X = "with due as (select 1) delete from commands"',
        'X = "DELETE FROM outbox"',
        'X = "LISTEN outbox"',
    ],
)
def test_a_statement_is_recognised(source: str) -> None:
    assert len(statements(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        'def forget() -> None:\n    """Delete from the outbox what was sent."""',
        'X = "select the sender of each step"',
        'X = "update the mapping first"',
        'X = "with approval"',
    ],
)
def test_a_sentence_is_no_statement(source: str) -> None:
    assert statements(source) == []
