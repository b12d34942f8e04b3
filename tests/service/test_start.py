"""What a start of the service does not wait for."""

import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """What a start has imported before it knows its roles."""
    told = subprocess.run(
        [sys.executable, "-c", "import service.running, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


@pytest.mark.parametrize(
    "module",
    ["service.cli", "enrollment.drafts", "workflows.trying", "yaml", "nameparser", "fastapi", "mcp", "confluent_kafka"],
)
def test_a_start_does_not_import_what_commands_or_single_roles_need(module: str, imported: set[str]) -> None:
    """A start is two seconds at most, most of them imports; the api role imports its own when it is asked for."""
    assert "service.roles" in imported
    assert module not in imported


@pytest.mark.parametrize("module", ["mcp", "web.talking.talk"])
def test_the_routes_are_made_without_what_only_their_first_request_needs(module: str) -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from web.publish import document; document(); import sys; print({module!r} in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "False"


def test_run_is_told_of_like_any_command_and_imports_none_of_them() -> None:
    """Which program runs is decided by the first word alone."""
    script = """
import sys
from service.__main__ import main
sys.argv[1:] = ["run", "--help"]
try:
    main()
finally:
    print("service.cli" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Run the service until SIGTERM or Ctrl-C." in told.stdout
    assert told.stdout.strip().endswith("False")
