"""RFC 6455 frames, as far as ``neurox-relay.v1`` uses them. No I/O."""

import os
from collections.abc import Iterator

from websockets.speedups import apply_mask

from controllers.relay.limits import COPY_BYTES, FRAME_BYTES, SEND_BYTES, TEXT_BYTES

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
NORMAL, GOING_AWAY, PROTOCOL_ERROR = 1000, 1001, 1002

_FINAL, _MASKED = 0x80, 0x80
_CONTROL_BYTES = 125
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


def closed_because(payload: bytes) -> str:
    """The reason in a close frame, fit to be shown."""
    words = "".join(c for c in payload[2:].decode("utf-8", "replace") if c.isprintable())
    return words or f"code {int.from_bytes(payload[:2], 'big') or 1005}"


class Decoder:
    """Bytes in, pieces of frames out.

    A binary frame comes in pieces as it arrives, so that nothing waits for its end; an empty
    binary piece is an empty frame. All other frames come whole.
    """

    def __init__(self, masked: bool) -> None:
        self._masked = masked
        self._rest = b""
        self._left = 0
        self._key = b""

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
            opcode, payload_at, size = start
            if opcode == BINARY and size:
                self._left = size
                at = payload_at
                continue
            if payload_at + size > len(data):
                self._rest = bytes(data[at:])
                return
            at = payload_at + size
            yield opcode, self._plain(bytes(data[payload_at:at]))

    def _head(self, data: Data, at: int) -> tuple[int, int, int] | None:
        """Opcode, where the payload begins, its size; None when the head is not all there."""
        if len(data) < at + 2:
            return None
        first, second = data[at], data[at + 1]
        opcode, size = first & 0x0F, second & 0x7F
        if first & 0xF0 != _FINAL or opcode not in _LONGEST:
            raise WireError(f"a frame begins with {first:#04x}")
        if bool(second & _MASKED) is not self._masked:
            raise WireError("a frame is masked by the wrong side")
        at += 2
        if size > _CONTROL_BYTES:
            wide = 2 if size == 126 else 8
            if len(data) < at + wide:
                return None
            size = int.from_bytes(data[at : at + wide], "big")
            at += wide
        if size > _LONGEST[opcode]:
            raise WireError(f"a frame of kind {opcode} has {size} bytes")
        if self._masked:
            if len(data) < at + 4:
                return None
            self._key = bytes(data[at : at + 4])
            at += 4
        return opcode, at, size

    def _unmasked(self, piece: Data) -> Data:
        self._left -= len(piece)
        if not self._masked:
            return piece
        key, turn = self._key, len(piece) % 4
        self._key = key[turn:] + key[:turn]
        return apply_mask(piece, key)

    def _plain(self, payload: bytes) -> bytes:
        return apply_mask(payload, self._key) if self._masked and payload else payload
