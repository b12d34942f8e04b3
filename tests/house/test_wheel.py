"""The wheel carries the rooms with their data, and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, rooms


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the builder of the image gets."""
    tree = tmp_path_factory.mktemp("tree")
    for room in rooms():
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    return tree


@pytest.fixture(scope="module")
def packed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel that was packed from it."""
    wheels = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, tree], check=True, timeout=60)
    (wheel,) = wheels.glob("cscx_salesloft-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_file_of_every_room_is_packed(tree: Path, packed: set[str]) -> None:
    wanted = {
        path.relative_to(tree).as_posix() for room in rooms() for path in (tree / room).rglob("*") if path.is_file()
    }
    assert wanted - packed == set()
    assert {Path(name).parts[0] for name in packed} == {*rooms(), "cscx_salesloft-0.1.0.dist-info"}


def test_the_licence_goes_with_it(packed: set[str]) -> None:
    assert "cscx_salesloft-0.1.0.dist-info/licenses/LICENSE" in packed
