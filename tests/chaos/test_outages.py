"""A neighbour is killed and started again, and frozen for a while, amid the work."""

import pytest

from bench.proof.outages import broker, database
from tests.chaos.conftest import Prove


@pytest.mark.timeout(400)
async def test_kafka_goes_away(prove: Prove) -> None:
    await prove(broker)


@pytest.mark.timeout(400)
async def test_postgres_goes_away(prove: Prove) -> None:
    await prove(database)
