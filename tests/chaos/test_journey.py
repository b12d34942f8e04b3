"""A day on which everything works."""

import pytest

from bench.proof.journey import journey
from tests.chaos.conftest import Prove


@pytest.mark.timeout(400)
async def test_every_event_is_decided_once_and_every_broken_record_put_aside(prove: Prove) -> None:
    await prove(journey)
