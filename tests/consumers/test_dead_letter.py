"""What a dead letter carries, to the byte, and that its original comes out again."""

import struct
from dataclasses import dataclass

import pytest

from consumers.dead_letter import dead_letter, named_organization
from consumers.incoming import Fault
from schemas.dead_letters import Replay, error_code, origin_of, replay_count, replayed_headers, split_headers
from storage.outbox import pack_headers, unpack_headers

Headers = tuple[tuple[str, bytes], ...]
ORIGINAL: Headers = (("ce_id", b"e-1"), ("trace", b"\xff\x00"), ("ce_id", b"e-2"), ("x-dlq-stage", b"not ours"))
DLQ = "cscx.lifecycle.at-risk.v1.cscx-salesloft.dlq"


@dataclass
class Place:
    headers: Headers = ORIGINAL
    topic: str = "cscx.lifecycle.at-risk.v1"
    partition: int = 3
    offset: int = 41
    timestamp: int = 1_795_000_000_123
    key: bytes | None = b"org-1:cus-7"
    value: bytes | None = b"\x00\xffbytes"


def letter_of(place: Place, *, code: str = "bad_json", message: str = "no JSON", attempts: int = 1) -> Headers:
    fault = Fault(place, "decode", code, message, "schemas.errors.BadJsonError", attempts)
    return tuple(unpack_headers(pack_headers(dead_letter(fault, group="cscx-salesloft").headers)))


def test_a_dead_letter_is_the_record_with_a_block_behind_its_headers() -> None:
    place = Place()
    letter = dead_letter(
        Fault(place, "decode", "bad_json", "no JSON", "schemas.errors.BadJsonError"), group="cscx-salesloft"
    )
    assert (letter.topic, letter.key, letter.payload) == (DLQ, b"org-1:cus-7", b"\x00\xffbytes")
    assert letter.headers == [
        *ORIGINAL,
        ("x-dlq-original-topic", b"cscx.lifecycle.at-risk.v1"),
        ("x-dlq-original-partition", b"3"),
        ("x-dlq-original-offset", b"41"),
        ("x-dlq-original-timestamp", b"1795000000123"),
        ("x-dlq-consumer-group", b"cscx-salesloft"),
        ("kafka_dlt-original-topic", b"cscx.lifecycle.at-risk.v1"),
        ("kafka_dlt-original-partition", b"\x00\x00\x00\x03"),
        ("kafka_dlt-original-offset", b"\x00\x00\x00\x00\x00\x00\x00\x29"),
        ("kafka_dlt-original-timestamp", struct.pack(">q", 1_795_000_000_123)),
        ("kafka_dlt-original-consumer-group", b"cscx-salesloft"),
        ("x-dlq-stage", b"decode"),
        ("x-dlq-error-code", b"bad_json"),
        ("x-dlq-error-message", b"no JSON"),
        ("kafka_dlt-exception-fqcn", b"schemas.errors.BadJsonError"),
        ("kafka_dlt-exception-message", b"no JSON"),
        ("x-dlq-attempts", b"1"),
    ]


def test_the_same_record_makes_the_same_dead_letter() -> None:
    fault = Fault(Place(), "decode", "bad_json", "no JSON", "k")
    assert dead_letter(fault, group="g").id == dead_letter(fault, group="g").id
    assert dead_letter(fault, group="g").id != dead_letter(fault, group="h").id


def test_the_message_is_redacted_and_cut_to_whole_characters() -> None:
    headers = dict(letter_of(Place(), message="mail ann@acme.example " + "ä" * 2000))
    assert b"acme" not in headers["x-dlq-error-message"]
    assert len(headers["x-dlq-error-message"]) <= 1024
    headers["x-dlq-error-message"].decode()


def test_the_original_comes_out_again() -> None:
    original, block = split_headers(letter_of(Place()))
    assert tuple(original) == ORIGINAL
    assert block["x-dlq-error-code"] == b"bad_json"
    assert split_headers(ORIGINAL) == (list(ORIGINAL), {})


def test_a_replay_that_fails_again_keeps_the_first_origin_and_counts() -> None:
    replayed = replayed_headers(letter_of(Place(), attempts=2), Replay(1, "plan-1", "lea"))
    assert tuple(replayed[: len(ORIGINAL)]) == ORIGINAL
    assert "x-dlq-error-code" not in dict(replayed)
    again = letter_of(Place(headers=tuple(replayed), partition=3, offset=99), code="not_wanted")
    assert tuple(split_headers(again)[0]) == ORIGINAL
    origin = origin_of(again)
    assert origin is not None
    assert (origin.partition, origin.offset) == (3, 41)
    assert (error_code(again), replay_count(again)) == ("not_wanted", 1)
    headers = dict(again)
    assert headers["x-dlq-attempts"] == b"3"
    assert (headers["x-replay-id"], headers["x-replay-requested-by"]) == (b"plan-1", b"lea")


def test_anothers_dead_letter_headers_are_part_of_the_original() -> None:
    foreign = tuple(letter_of(Place(topic="other", offset=5)))
    again = letter_of(Place(headers=foreign))
    assert tuple(split_headers(again)[0]) == foreign
    origin = origin_of(again)
    assert origin is not None
    assert origin.offset == 41


def test_what_is_no_dead_letter_cannot_be_replayed() -> None:
    with pytest.raises(ValueError, match="not a dead letter"):
        replayed_headers(ORIGINAL, Replay(1, "plan-1", "lea"))


@pytest.mark.parametrize(
    ("key", "named"), [(b"org-1:cus-7", "org-1"), (b"org-1", "org-1"), (None, None), (b"", None), (b"\xff:x", None)]
)
def test_the_key_names_the_organization_if_anything_does(key: bytes | None, named: str | None) -> None:
    assert named_organization(Place(key=key)) == named


NUMBERS = (
    "x-dlq-original-partition",
    "x-dlq-original-offset",
    "x-dlq-original-timestamp",
    "x-replay-count",
    "x-dlq-attempts",
)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("forged", [b"9" * 10, b"9" * 30, b"9" * 5000, b"-1" * 40, b"-" + b"9" * 30, b"\xff", b""])
def test_no_number_that_a_sender_forges_keeps_a_dead_letter_from_being_made(name: str, forged: bytes) -> None:
    replayed = replayed_headers(letter_of(Place()), Replay(1, "plan-1", "lea"))
    headers = tuple((one, forged if one == name else value) for one, value in replayed)
    again = letter_of(Place(headers=headers, offset=99), code="not_wanted")
    origin = origin_of(again)
    assert origin is not None
    assert origin.partition == 3
    assert error_code(again) == "not_wanted"
    assert replay_count(again) in {0, 1}
