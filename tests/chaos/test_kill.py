"""The service dies by kill -9 amid its work."""

import pytest

from bench.proof.kill import kill
from tests.chaos.conftest import Prove


@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_done_twice(prove: Prove) -> None:
    await prove(kill)
