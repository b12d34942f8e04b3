"""Two readings of the contract of a decision."""

from bench.proof.deciding import deciding
from tests.chaos.conftest import Prove


async def test_an_oracle_that_has_not_seen_the_code_decides_alike(prove: Prove) -> None:
    await prove(deciding)
