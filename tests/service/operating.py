"""An operator, who types commands in the test's own process."""

import asyncio

from cryptography.fernet import Fernet
from typer.testing import CliRunner

from service.cli import app

__all__ = ["OLD", "Operator"]

OLD = Fernet.generate_key().decode()
"""The key of secrets in these tests."""


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
        result = await asyncio.to_thread(CliRunner(env=environment).invoke, app, list(arguments), input=standard_input)
        return result.exit_code, result.output
