"""A team at Salesloft, and an operator of the service that may connect it."""

from typing import Any

import pytest

from sandbox.salesloft.server import SimulatorClient
from service import cli, expected
from tests.service.operating import OLD, Operator


@pytest.fixture(autouse=True, scope="session")
def wide_console() -> None:
    """Whatever terminal the tests run in, no table folds what is looked for."""
    cli.out.width = expected.errors.width = 200


@pytest.fixture
async def team(simulator: SimulatorClient) -> dict[str, Any]:
    return await simulator.team("Northwind")


@pytest.fixture
def operator(migrated: str, simulator: SimulatorClient, team: dict[str, Any]) -> Operator:
    return Operator(
        {
            "kafka_bootstrap_servers": "unused",
            "database_url": migrated,
            "encryption_keys": f"old:{OLD}",
            "address_key": "unused",
            "salesloft_url": f"{simulator.base_url}/v2",
            "salesloft_auth_url": simulator.base_url,
            "salesloft_client_id": team["client_id"],
            "salesloft_client_secret": team["client_secret"],
            "public_url": "https://cscx.example",
            "clock_url": f"{simulator.base_url}/sandbox/clock",
        }
    )
