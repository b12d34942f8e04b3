"""The project's own files, as the tests of the house read them."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "project", "python_files", "rooms", "texts"]

ROOT = Path(__file__).parents[2]


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def rooms() -> list[str]:
    """The packages that are installed."""
    named: list[str] = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    return named


def python_files(*folders: str) -> Iterator[Path]:
    """Every module below these folders of the tree."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def texts(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and value of each string that a module uses; docstrings say things and do nothing, so they are left out."""
    docstrings = {
        node.body[0].value
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield node.lineno, node.value
