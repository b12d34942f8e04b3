"""The named queries of `sql/queries/`, loaded once."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import aiosql

__all__ = ["queries"]

# aiosql makes a method of each `-- name:`; their results are asyncpg records and typed where they are read.
queries: Any = aiosql.from_path(Path(str(files("sql"))) / "queries", "asyncpg", mandatory_parameters=False)
