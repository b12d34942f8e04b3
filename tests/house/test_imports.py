"""The rooms' import contracts: each is broken once, in a copy of the tree."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, project, python_files, rooms

LINT = Path(sys.executable).parent / "lint-imports"

# Contract, the module that breaks it, and the import that does.
PLANTED = [
    ("floors", "storage/pool.py", "import workflows.clock"),
    ("floors", "service/settings.py", "import sandbox.cli"),
    ("floors", "web/app.py", "import fulfillment.worker"),
    ("floors", "consumers/loop.py", "import producers.publisher"),
    ("floors", "enrollment/decide.py", "import activity.units"),
    ("floors", "schemas/topics.py", "import telemetry.metrics"),
    ("ground", "salesloft_client/client.py", "import storage.pool"),
    ("ground", "telemetry/metrics.py", "import tests.conftest"),
    ("pure", "enrollment/decide.py", "import salesloft_client.models"),
    ("pure", "activity/units.py", "import telemetry.logs"),
    ("no-io", "enrollment/states.py", "from time import monotonic"),
    ("simulator", "sandbox/salesloft/world.py", "from salesloft_client import models"),
    ("database", "workflows/request.py", "from asyncpg import Connection"),
    ("chat", "web/chat/grammar.py", "from storage import pool"),
    ("product", "consumers/loop.py", "import bench"),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def lint(tree: Path, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-logo", "--cache-dir", cache, *arguments],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for room in rooms():
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_room_is_under_contract() -> None:
    assert sorted(project()["tool"]["importlinter"]["root_packages"]) == sorted(rooms())


def test_the_tree_keeps_its_contracts(tree: Path, cache: Path) -> None:
    linted = lint(tree, cache)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(("contract", "module", "planted"), PLANTED, ids=lambda value: str(value).replace("/", "."))
def test_a_forbidden_import_breaks_its_contract(
    tree: Path, cache: Path, contract: str, module: str, planted: str
) -> None:
    with (tree / module).open("a", encoding="utf-8") as source:
        source.write(f"\n{planted}\n")
    linted = lint(tree, cache, "--contract", contract)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert "0 kept, 1 broken" in linted.stdout
    assert module.removesuffix(".py").replace("/", ".") in linted.stdout


def test_each_contract_is_broken_once() -> None:
    assert {contract for contract, _, _ in PLANTED} == {
        contract["id"] for contract in project()["tool"]["importlinter"]["contracts"]
    }


def imports_beside_the_simulator(source: str) -> list[str]:
    """What of the sandbox a module imports that is not the simulator's own."""
    named: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in named if f"{name}.".startswith("sandbox.") and not name.startswith("sandbox.salesloft.")]


def test_the_simulator_stands_apart_from_the_rest_of_the_sandbox() -> None:
    """A contract of import-linter would have to list the rest."""
    assert {
        str(path): found
        for path in python_files("sandbox/salesloft")
        if (found := imports_beside_the_simulator(path.read_text(encoding="utf-8")))
    } == {}


@pytest.mark.parametrize(
    "source",
    ["import sandbox", "from sandbox import stack", "import sandbox.stack.kafka", "from sandbox.cli import app"],
)
def test_an_import_beside_the_simulator_is_seen(source: str) -> None:
    assert imports_beside_the_simulator(f"from sandbox.salesloft import clock\n{source}") != []
