import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.protobuf import MalformedMessage, field, fields, numbers


def test_numbers_and_fixed_fields_are_skipped() -> None:
    message = b"\x08\x96\x01" + b"\x12\x02ab" + b"\x1d1234" + b"\x2112345678" + b"\x12\x00"
    assert list(fields(message)) == [(2, b"ab"), (2, b"")]


@pytest.mark.parametrize("message", [b"\x12\x05ab", b"\x12", b"\x0b", b"\x08" + b"\xff" * 11])
def test_a_broken_message_is_refused(message: bytes) -> None:
    with pytest.raises(MalformedMessage):
        list(fields(message))


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise(message: bytes) -> None:
    with contextlib.suppress(MalformedMessage):
        assert sum(len(payload) for _, payload in fields(message)) <= len(message)


@given(st.integers(1, 2**28), st.binary(max_size=300))
def test_what_is_written_is_read(number: int, payload: bytes) -> None:
    assert list(fields(field(number, payload))) == [(number, payload)]


def test_numbers_are_read_among_other_fields() -> None:
    assert list(numbers(field(1, b"ab") + b"\x18\x96\x01")) == [(3, 150)]
