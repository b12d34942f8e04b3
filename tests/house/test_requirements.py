"""What pyproject.toml asks for is what requirements/*.txt pin."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT, project

FILES = ["runtime", "build", "laptop", "development"]
PIN = re.compile(r"^(?P<name>[a-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE | re.IGNORECASE)


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return {canonicalize_name(found["name"]): found["version"] for found in PIN.finditer(text)}


def asked(name: str) -> list[Requirement]:
    described = project()["project"]
    extra = described["optional-dependencies"][name] if name != "runtime" else []
    return [Requirement(text) for text in [*described["dependencies"], *extra]]


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_is_pinned_as_asked(name: str) -> None:
    pinned = pins(name)
    for requirement in asked(name):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in requirements/{name}.txt: run scripts/lock"
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}: run scripts/lock"


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_hashes(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert [block.splitlines()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", FILES)
def test_no_version_differs_between_the_files(name: str) -> None:
    runtime, other = pins("runtime"), pins(name)
    assert {package: other.get(package) for package in runtime} == runtime


def test_what_a_laptop_needs_is_not_in_production() -> None:
    described = project()["project"]["optional-dependencies"]
    extras = {canonicalize_name(Requirement(text).name) for name in FILES[1:] for text in described[name]}
    # The tests ask for jsonschema by themselves; mcp brings it along, to check what tools are asked with.
    assert extras & pins("runtime").keys() == {"jsonschema"}


@pytest.mark.parametrize("name", ["install", "lock", "check", "test", "prove", "bench", "browser", "demo"])
def test_a_script_can_be_started(name: str) -> None:
    script = ROOT / "scripts" / name
    assert script.stat().st_mode & 0o111
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
