"""The service with all its roles, asked for everything that its document describes."""

import pytest

from bench.proof.api import api
from tests.chaos.conftest import Prove


@pytest.mark.timeout(400)
async def test_whatever_is_asked_for_is_answered_as_the_document_says(prove: Prove) -> None:
    await prove(api)
