"""`connections` and `mappings validate`, as an operator types them."""

from typing import Any

from cryptography.fernet import Fernet

from sandbox.salesloft.server import SimulatorClient
from tests.service.operating import OLD, Operator

NEW = Fernet.generate_key().decode()


async def test_from_connecting_to_disconnecting(operator: Operator, team: dict[str, Any]) -> None:
    code, told = await operator.types("connections", "status", "org-1")
    assert code == 1
    assert "org-1 was never connected" in told
    code, told = await operator.types("connections", "connect", "org-1", standard_input="\n")
    assert code == 2
    assert "standard input" in told
    code, told = await operator.types("connections", "connect", "org-1", standard_input=f"{team['api_key']}\n")
    assert code == 0
    found = f"{len(team['cadences'])} cadences, {len(team['users'])} users"
    assert f"org-1 is connected to Northwind ({team['team_id']}): {found}" in told
    code, told = await operator.types(
        "connections", "connect", "org-1", "--client-id", team["client_id"], standard_input=team["client_secret"]
    )
    assert code == 0
    code, told = await operator.types("connections", "status", "org-1")
    assert code == 0
    assert "connected since" in told
    assert "client_credentials" in told
    code, told = await operator.types("connections", "rotate-keys", encryption_keys=f"new:{NEW},old:{OLD}")
    assert code == 0
    assert "all secrets are under the first key" in told
    code, told = await operator.types("connections", "rotate-keys", encryption_keys=f"newer:{OLD}")
    assert code == 1
    assert "org-1: the key new is not among the keys" in told
    code, told = await operator.types("connections", "disconnect", "org-1", encryption_keys=f"new:{NEW}")
    assert code == 0
    assert f"org-1 is no longer connected to team {team['team_id']}" in told
    code, told = await operator.types("connections", "disconnect", "org-1")
    assert code == 1
    assert "NotConnected" in told


async def test_the_address_to_allow_a_connection_at(operator: Operator, simulator: SimulatorClient) -> None:
    code, told = await operator.types("connections", "authorize", "org-1")
    assert code == 0
    assert told.startswith(f"{simulator.base_url}/oauth/authorize?")
    callback = "redirect_uri=https%3A%2F%2Fcscx.example%2Fapi%2Fintegrations%2Fsalesloft%2Fcallback"
    assert callback in told


async def test_mappings_of_another_team_are_shown_and_validated(
    operator: Operator, team: dict[str, Any], simulator: SimulatorClient
) -> None:
    other = await simulator.team("Southwind")
    await operator.types("connections", "connect", "org-1", standard_input=team["api_key"])
    assert (await operator.types("mappings", "defaults", "org-1", "--publish"))[0] == 0
    code, told = await operator.types("connections", "connect", "org-1", standard_input=other["api_key"])
    assert "4 mappings are of another team and decide nothing" in told
    code, told = await operator.types("mappings", "validate", "org-1")
    assert code == 1
    assert told.count("publish it anew") == 4
    assert (await operator.types("mappings", "defaults", "org-1", "--publish"))[0] == 0
    code, told = await operator.types("mappings", "validate", "org-1")
    assert code == 0
    assert "publish it anew" not in told
