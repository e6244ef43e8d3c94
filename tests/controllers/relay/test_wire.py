"""Frames: whatever is sent arrives the same, however the bytes are cut; the rest is a breach."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, ParseFailed

from controllers.relay import message, wire
from controllers.relay.limits import FRAME_BYTES, SEND_BYTES, TEXT_BYTES
from controllers.relay.wire import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Decoder,
    WireError,
    data_frames,
    frame,
)

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
        (b"\x09\x80", "never cut"),  # a ping that is not final
        (b"\xc2\x80", "begins with"),  # a reserved bit, as compression has
        (b"\x83\x80", "begins with"),  # no such opcode
        (b"\x80\x80", "out of turn"),  # a continuation of nothing
        (b"\x02\x80\0\0\0\0\x82\x80", "out of turn"),  # a message within another
        (b"\x82\x00", "wrong side"),  # not masked
        (b"\x89\xfe\x00\x7e", "bytes"),  # a long ping
        (b"\x81\xfe" + (TEXT_BYTES + 1).to_bytes(2, "big"), "bytes"),
        (b"\x82\xff" + (FRAME_BYTES + 1).to_bytes(8, "big"), "bytes"),
        (b"\x82\xfe\x00\x7d", "more bytes than it needs"),
        (b"\x01\xfe\x0f\xff" + bytes(4 + 4095) + b"\x80\x82", "bytes"),  # long in fragments
    ],
)
def test_what_the_protocol_does_not_allow_is_a_breach(wired: bytes, what: str) -> None:
    with pytest.raises(WireError, match=what):
        list(Decoder(masked=True).feed(wired))


@st.composite
def wired_frames(draw: st.DrawFn) -> bytes:
    """A frame, often right; what it carries is text, so that only its head can be wrong."""
    opcode = draw(st.sampled_from((0, 0, TEXT, BINARY, BINARY, CLOSE, PING, PONG, 3, 0xB)))
    payload = draw(st.integers(0, 140).map(lambda size: b"a" * size))
    if opcode == CLOSE:
        payload = wire.close_payload(1000, payload.decode()[: draw(st.integers(0, 140))])
    reserved = draw(st.sampled_from((0,) * 20 + (0x40, 0x10)))
    final = draw(st.sampled_from((0x80, 0x80, 0x80 if opcode >= CLOSE else 0, 0)))
    bit = draw(st.sampled_from((0x80,) * 20 + (0,)))
    wide = draw(st.sampled_from((0,) * 20 + (2, 8)))
    size = len(payload)
    if size < 126 and not wide:
        length = bytes((bit | size,))
    elif wide == 8:
        length = bytes((bit | 127,)) + size.to_bytes(8, "big")
    else:
        length = bytes((bit | 126,)) + size.to_bytes(2, "big")
    key = draw(st.binary(min_size=4, max_size=4)) if bit else b""
    body = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload)) if bit else payload
    return bytes((final | reserved | opcode,)) + length + key + body


def by_wsproto(wired: bytes, cut: int) -> tuple[list[tuple[int, bytes]], bool]:
    """What another implementation makes of it, as pieces, and whether it found a breach."""
    pieces: list[tuple[int, bytes]] = []
    reader, text, empty = FrameProtocol(client=False, extensions=[]), "", True
    try:
        for start in range(0, len(wired), cut):
            reader.receive_bytes(wired[start : start + cut])
            for seen in reader.received_frames():
                if seen.opcode == TEXT:
                    text += seen.payload
                    if seen.message_finished and seen.frame_finished:
                        pieces.append((TEXT, text.encode()))
                        text = ""
                elif seen.opcode == BINARY:
                    empty = empty and not seen.payload
                    whole = seen.message_finished and seen.frame_finished
                    if seen.payload or (whole and empty):
                        pieces.append((BINARY, bytes(seen.payload)))
                    empty = empty or whole
                elif seen.opcode == CLOSE:
                    code, words = seen.payload
                    pieces.append((CLOSE, wire.close_payload(code, words or "")))
                else:
                    pieces.append((int(seen.opcode), bytes(seen.payload)))
    except ParseFailed:
        return pieces, True
    return pieces, False


@given(st.lists(wired_frames(), max_size=8), st.integers(1, 50))
@settings(max_examples=300, deadline=None)
def test_another_implementation_reads_the_same_and_refuses_the_same(
    frames: list[bytes], cut: int
) -> None:
    last = next((i for i, each in enumerate(frames) if each[0] & 0xF == CLOSE), len(frames))
    wired = b"".join(frames[: last + 1])  # nobody reads on after a close
    decoder, pieces, breach = Decoder(masked=True), [], False
    try:
        for start in range(0, len(wired), cut):
            pieces += list(decoder.feed(wired[start : start + cut]))
    except WireError:
        breach = True
    others, their_breach = by_wsproto(wired, cut)
    assert breach == their_breach
    if not breach:
        assert joined(pieces) == joined(others)


def test_a_message_in_fragments_is_one_and_only_an_empty_message_is_an_end() -> None:
    wired = b"\x02\x00\x00\x02hi\x89\x01p\x80\x00\x02\x00\x80\x00\x01\x01a\x80\x01b"
    assert list(Decoder(masked=False).feed(wired)) == [
        (BINARY, b"hi"),
        (PING, b"p"),
        (BINARY, b""),
        (TEXT, b"ab"),
    ]


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
