"""scripts/check sees what it is there for: each step of its own is turned red once, in a tree of its own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tracked tree with the script and an installation that is up to date."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "check", tmp_path / "scripts")
    installed = tmp_path / "scripts" / "install"
    installed.write_text("#!/usr/bin/env bash\n", encoding="utf-8")
    installed.chmod(0o755)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "runtime.txt").write_text(
        "orjson==3.11.0 \\\n    --hash=sha256:00\n", encoding="utf-8"
    )
    (tmp_path / "room.py").write_text("# A comment.\n\nVALUE = 1\n", encoding="utf-8")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def check(tree: Path, *steps: str) -> subprocess.CompletedProcess[str]:
    subprocess.run(["git", "add", "--all", "--", ":!.venv"], cwd=tree, check=True)
    return subprocess.run(
        [tree / "scripts" / "check", *steps],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "CI": "true"},
    )


def test_a_clean_tree_is_green(tree: Path) -> None:
    checked = check(tree, "sizes", "places", "format", "lint")
    assert (checked.returncode, checked.stdout.splitlines()) == (
        0,
        ["ok   sizes", "ok   places", "ok   format", "ok   lint"],
    )


@pytest.mark.parametrize(
    ("step", "name", "content"),
    [
        ("sizes", "room.py", "VALUE = 1\n" * 451),
        ("places", "room.py", f"DATA = '/{'home'}/ann/data'\n"),
        ("places", "notes.md", f"See /{'work'}/plan.md\n"),
        ("places", "requirements/runtime.txt", "--index-url https://packages.example/simple\n"),
        ("format", "room.py", "VALUE   =   1\n"),
        ("lint", "room.py", "import os\n"),
    ],
)
def test_what_is_wrong_is_named_with_its_step(tree: Path, step: str, name: str, content: str) -> None:
    (tree / name).write_text(content, encoding="utf-8")
    checked = check(tree, step)
    assert checked.returncode == 1
    assert checked.stdout.startswith(f"RED  {step}\n")
    assert name in checked.stdout
    assert checked.stderr == f"scripts/check: red in {step}\n"


def test_comments_and_blank_lines_are_no_code(tree: Path) -> None:
    (tree / "room.py").write_text("VALUE = 1\n" * 450 + "# why\n\n" * 100, encoding="utf-8")
    assert check(tree, "sizes").returncode == 0


def test_an_unknown_step_is_refused(tree: Path) -> None:
    checked = check(tree, "everything")
    assert checked.returncode == 2
    assert "knows no step 'everything'" in checked.stderr
