"""Just enough of the protobuf wire format to read and write messages."""

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class MalformedMessage(ValueError):
    """The bytes are no protobuf message."""


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Field number and payload of every length-delimited field, in order."""
    for number, value in _entries(message):
        if isinstance(value, bytes):
            yield number, value


def numbers(message: bytes) -> Iterator[tuple[int, int]]:
    """Field number and value of every varint field, in order; unsigned."""
    for number, value in _entries(message):
        if isinstance(value, int):
            yield number, value


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field."""
    return _encoded(number << 3 | _BYTES) + _encoded(len(payload)) + payload


def _entries(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Fields of fixed size are skipped: no message that we read has any."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == _BYTES:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise MalformedMessage(f"field {key >> 3} of {size} bytes is cut short")
            yield key >> 3, message[at : at + size]
            at += size
        elif wire == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        else:
            raise MalformedMessage(f"wire type {wire} of field {key >> 3} is unknown")


def _encoded(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        if at >= len(message):
            raise MalformedMessage("the message ends inside a number")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise MalformedMessage("a number has more than 64 bits")
