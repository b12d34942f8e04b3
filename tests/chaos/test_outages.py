"""Kafka and Postgres are killed and started again, and frozen for a while, amid the work."""

import pytest

from bench.proof.outages import outages
from tests.chaos.conftest import Prove


@pytest.mark.timeout(600)
async def test_each_neighbour_goes_away(prove: Prove) -> None:
    await prove(outages)
