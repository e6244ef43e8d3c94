"""Frames: whatever is sent arrives the same, however the bytes are cut; the rest is a breach."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.relay import message, wire
from controllers.relay.limits import FRAME_BYTES, SEND_BYTES, TEXT_BYTES
from controllers.relay.wire import BINARY, PING, TEXT, Decoder, WireError, data_frames, frame

SIZES = (0, 1, 125, 126, 127, 65_535, 65_536, 300_000)


def joined(pieces: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Pieces of one run of data put together; an end stays apart."""
    whole: list[tuple[int, bytes]] = []
    for opcode, payload in pieces:
        if opcode == BINARY and payload and whole and whole[-1][0] == BINARY and whole[-1][1]:
            whole[-1] = (BINARY, whole[-1][1] + payload)
        else:
            whole.append((opcode, payload))
    return whole


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_a_data_frame_arrives_whole(size: int, masked: bool) -> None:
    payload = bytes(i % 251 for i in range(size))
    assert joined(list(Decoder(masked).feed(frame(BINARY, payload, masked)))) == [(BINARY, payload)]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just(BINARY), st.binary(max_size=400)),
            st.tuples(st.just(TEXT), st.binary(max_size=400)),
            st.tuples(st.just(PING), st.binary(max_size=125)),
        ),
        max_size=6,
    ),
    st.integers(1, 40),
    st.booleans(),
)
def test_where_the_bytes_are_cut_makes_no_difference(
    frames: list[tuple[int, bytes]], cut: int, masked: bool
) -> None:
    wired = b"".join(frame(opcode, payload, masked) for opcode, payload in frames)
    decoder, pieces = Decoder(masked), []
    for start in range(0, len(wired), cut):
        pieces += list(decoder.feed(wired[start : start + cut]))
    assert joined(pieces) == joined(frames)


def test_much_data_goes_out_in_frames_that_pass_everywhere() -> None:
    data = b"y" * (2 * SEND_BYTES + 5)
    frames = [head + bytes(payload) for head, payload in data_frames(data, masked=False)]
    assert len(frames) == 3
    assert max(map(len, frames)) <= SEND_BYTES + 10
    assert joined(list(Decoder(masked=False).feed(b"".join(frames)))) == [(BINARY, data)]


def test_no_bytes_are_no_frame_since_an_empty_one_is_an_end() -> None:
    assert list(data_frames(b"", masked=True)) == []


@pytest.mark.parametrize(
    ("wired", "what"),
    [
        (b"\x02\x80", "begins with"),  # not final
        (b"\xc2\x80", "begins with"),  # a reserved bit, as compression has
        (b"\x83\x80", "begins with"),  # no such opcode
        (b"\x80\x80", "begins with"),  # a continuation
        (b"\x82\x00", "wrong side"),  # not masked
        (b"\x89\xfe\x00\x7e", "bytes"),  # a long ping
        (b"\x81\xfe" + (TEXT_BYTES + 1).to_bytes(2, "big"), "bytes"),
        (b"\x82\xff" + (FRAME_BYTES + 1).to_bytes(8, "big"), "bytes"),
    ],
)
def test_what_the_protocol_does_not_allow_is_a_breach(wired: bytes, what: str) -> None:
    with pytest.raises(WireError, match=what):
        list(Decoder(masked=True).feed(wired))


def test_messages_come_back_as_they_were() -> None:
    for sent in (message.Open(7, "manager", 5000), message.Reset(7, "broken"), message.Want(3)):
        assert message.decode(message.encode(sent)) == sent


def test_a_message_of_a_later_version_is_passed_over_and_a_broken_one_is_a_breach() -> None:
    assert message.decode(b'{"type":"teleport","to":1}') is None
    assert message.decode(b'{"type":"opened","id":1,"later":true}') == message.Opened(1)
    for broken in (b"", b"[]", b'{"type":"open"}', b'{"id":1}', b"\xff"):
        with pytest.raises(WireError):
            message.decode(broken)


def test_a_close_reason_is_cut_to_what_a_frame_holds() -> None:
    assert len(wire.close_payload(1001, "ä" * 500)) <= 125
