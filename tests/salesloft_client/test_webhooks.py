"""Signatures, compared with one that was made by openssl."""

import pytest

from salesloft_client import is_signed

BODY = b'{"id":146990802,"current_state":"removed"}'
SIGNATURE = "3eadd61f88f5c735aceb70c7753ddae0c13a91e4"


def test_a_signed_body() -> None:
    assert is_signed(BODY, callback_token="token-1", signature=SIGNATURE)
    assert is_signed(BODY, callback_token="token-1", signature=f" {SIGNATURE.upper()}")


@pytest.mark.parametrize("signature", [None, "", "é", SIGNATURE[:-1], "0" * 40])
def test_any_other_signature(signature: str | None) -> None:
    assert not is_signed(BODY, callback_token="token-1", signature=signature)


def test_another_token_or_body() -> None:
    assert not is_signed(BODY, callback_token="token-2", signature=SIGNATURE)
    assert not is_signed(BODY + b" ", callback_token="token-1", signature=SIGNATURE)
