"""A hostile day of activity, read by a service that is killed amid its reading."""

import pytest

from bench.proof.activity import activity
from tests.chaos.conftest import Prove


@pytest.mark.timeout(600)
async def test_exactly_what_happened_is_told(prove: Prove) -> None:
    await prove(activity)
