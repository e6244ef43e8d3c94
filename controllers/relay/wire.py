"""RFC 6455 frames, as far as ``neurox-relay.v1`` uses them. No I/O."""

import os
from collections.abc import Iterator

from websockets.speedups import apply_mask

from controllers.relay.limits import COPY_BYTES, FRAME_BYTES, SEND_BYTES, TEXT_BYTES

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
NORMAL, GOING_AWAY, PROTOCOL_ERROR = 1000, 1001, 1002

_CONTINUED = 0x0
_FINAL, _RESERVED, _OPCODE, _MASKED = 0x80, 0x70, 0x0F, 0x80
_CONTROL_BYTES = 125
_LEAST = {126: 126, 127: 65536}
"""What a size that is written so must come to."""
_LONGEST = {
    TEXT: TEXT_BYTES,
    BINARY: FRAME_BYTES,
    CLOSE: _CONTROL_BYTES,
    PING: _CONTROL_BYTES,
    PONG: _CONTROL_BYTES,
}


Data = bytes | memoryview


class WireError(Exception):
    """The peer sent what the protocol does not allow; the connection is over (1002)."""


def head(opcode: int, size: int, key: bytes | None = None) -> bytes:
    """What comes before ``size`` bytes of payload; ``key``: what masks them, a client's only."""
    bit = 0 if key is None else _MASKED
    if size < 126:
        begin = bytes((_FINAL | opcode, bit | size))
    elif size < 65536:
        begin = bytes((_FINAL | opcode, bit | 126)) + size.to_bytes(2, "big")
    else:
        begin = bytes((_FINAL | opcode, bit | 127)) + size.to_bytes(8, "big")
    return begin if key is None else begin + key


def frame(opcode: int, payload: Data, masked: bool) -> bytes:
    """One whole frame; a client masks, a server does not."""
    if not masked:
        return b"".join((head(opcode, len(payload)), payload))
    key = os.urandom(4)
    return b"".join((head(opcode, len(payload), key), apply_mask(payload, key)))


def data_frames(data: Data, masked: bool) -> Iterator[tuple[bytes, Data]]:
    """``data`` as frames of a size that passes everywhere, head and payload; no bytes, no frame."""
    longest = COPY_BYTES if masked else SEND_BYTES
    for start in range(0, len(data), longest):
        payload = data[start : start + longest]
        if masked:
            key = os.urandom(4)
            yield head(BINARY, len(payload), key), apply_mask(payload, key)
        else:
            yield head(BINARY, len(payload)), payload


def close_payload(code: int, reason: str) -> bytes:
    """What a close frame carries; a long reason is cut."""
    return code.to_bytes(2, "big") + reason.encode()[:120]


def shown(words: str) -> str:
    """What a peer says, fit for one line of a log or of a terminal."""
    return "".join(c if c.isprintable() else " " for c in words)


def closed_because(payload: bytes) -> str:
    """The reason in a close frame."""
    words = shown(payload[2:].decode("utf-8", "replace"))
    return words or f"code {int.from_bytes(payload[:2], 'big') or 1005}"


class Decoder:
    """Bytes in, pieces of messages out.

    A binary message comes in pieces as it arrives, so that nothing waits for its end; an empty
    binary piece is an empty message. All others come whole. A message may be fragmented, as
    RFC 6455 has it: a proxy may cut frames anew.
    """

    def __init__(self, masked: bool) -> None:
        self._masked = masked
        self._rest = b""
        self._left = 0
        self._key = b""
        self._begun = 0
        """The kind of message that has begun and not ended; 0: none."""
        self._empty = True
        """Whether nothing of it has come yet."""
        self._text = b""

    def feed(self, data: Data) -> Iterator[tuple[int, Data]]:
        """The (opcode, payload) pieces that ``data`` completes; WireError ends the connection.

        A binary piece may be a part of ``data``; everything else is a copy.
        """
        if self._rest:
            data = b"".join((self._rest, data))
            self._rest = b""
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                at += len(piece)
                yield BINARY, self._unmasked(piece)
                continue
            start = self._head(data, at)
            if start is None:
                self._rest = bytes(data[at:])
                return
            first, payload_at, size = start
            kind = first & _OPCODE or self._begun
            if kind != BINARY and payload_at + size > len(data):
                self._rest = bytes(data[at:])
                return
            at = payload_at
            if kind == BINARY:
                if self._binary(first, size):
                    yield BINARY, b""
                continue
            at += size
            payload = self._plain(bytes(data[payload_at:at]))
            if kind != TEXT:
                yield kind, payload
            elif (text := self._joined(first, payload)) is not None:
                yield TEXT, text

    def _head(self, data: Data, at: int) -> tuple[int, int, int] | None:
        """First byte, where the payload begins, its size; None when the head is not all there."""
        if len(data) < at + 2:
            return None
        first, second = data[at], data[at + 1]
        self._check(first)
        size = second & 0x7F
        if bool(second & _MASKED) is not self._masked:
            raise WireError("a frame is masked by the wrong side")
        at += 2
        if size > _CONTROL_BYTES:
            wide = 2 if size == 126 else 8
            if len(data) < at + wide:
                return None
            written, size = size, int.from_bytes(data[at : at + wide], "big")
            at += wide
            if size < _LEAST[written]:
                raise WireError(f"a frame of {size} bytes says so in more bytes than it needs")
        kind = first & _OPCODE or self._begun
        if size + len(self._text) * (kind == TEXT) > _LONGEST[kind]:
            raise WireError(f"a frame of kind {kind} has {size} bytes")
        if self._masked:
            if len(data) < at + 4:
                return None
            self._key = bytes(data[at : at + 4])
            at += 4
        return first, at, size

    def _check(self, first: int) -> None:
        """Whether a frame may begin so, after what has come before it."""
        opcode = first & _OPCODE
        if first & _RESERVED or (opcode not in _LONGEST and opcode != _CONTINUED):
            raise WireError(f"a frame begins with {first:#04x}")
        if opcode >= CLOSE:
            if not first & _FINAL:
                raise WireError(f"a frame begins with {first:#04x}: that kind is never cut")
        elif bool(self._begun) is not (opcode == _CONTINUED):
            raise WireError(f"a frame begins with {first:#04x}, out of turn")

    def _binary(self, first: int, size: int) -> bool:
        """Begin its payload; whether it ends a message that is empty."""
        self._left = size
        empty = self._empty and not size
        final = bool(first & _FINAL)
        self._begun, self._empty = (0, True) if final else (BINARY, empty)
        return final and empty

    def _joined(self, first: int, payload: bytes) -> bytes | None:
        """The whole text; None while more of it is to come."""
        text = self._text + payload
        final = bool(first & _FINAL)
        self._begun, self._text = (0, b"") if final else (TEXT, text)
        return text if final else None

    def _unmasked(self, piece: Data) -> Data:
        self._left -= len(piece)
        if not self._masked:
            return piece
        key, turn = self._key, len(piece) % 4
        self._key = key[turn:] + key[:turn]
        return apply_mask(piece, key)

    def _plain(self, payload: bytes) -> bytes:
        return apply_mask(payload, self._key) if self._masked and payload else payload
