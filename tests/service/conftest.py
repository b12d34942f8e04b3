"""An operator at the command line, beside a team in the simulator and a fresh database."""

import asyncio
from typing import Any

import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from sandbox.salesloft.server import SimulatorClient
from service.cli import app

OLD = Fernet.generate_key().decode()


class Operator:
    """Types commands, with the settings that the environment has."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    async def types(self, *arguments: str, standard_input: str = "", **settings: str) -> tuple[int, str]:
        """What is told, as one line."""
        code, told = await self.types_plainly(*arguments, standard_input=standard_input, **settings)
        return code, " ".join(told.split())

    async def types_plainly(self, *arguments: str, standard_input: str = "", **settings: str) -> tuple[int, str]:
        """What is told, line by line."""
        environment = {f"CSCX_SALESLOFT_{name.upper()}": value for name, value in (self.environment | settings).items()}
        result = await asyncio.to_thread(
            CliRunner(env={**environment, "COLUMNS": "200"}).invoke, app, list(arguments), input=standard_input
        )
        return result.exit_code, result.output


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
