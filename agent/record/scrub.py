"""Takes out of a capture what tells whose machine it was, so that the rest still fits together."""

import re
import socket

_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BUS = re.compile(rb"([0-9a-fA-F]{4}|[0-9a-fA-F]{8}):[0-9a-fA-F]{2}:[0-9a-fA-F]{2}")
_SERIALS = frozenset(("nvmlDeviceGetSerial", "serial", "chassisSerialNumber", "ibGuid", "rackGuid"))
_RAW_UUIDS = frozenset(("clusterUuid",))
_FIRST_PID = 1000


class Scrubber:
    """The first of a kind becomes 1, the second 2, wherever it comes again.

    UUIDs, serial numbers and the host's name always; PCI bus ids and process ids with
    ``everything``, since they tell how a machine is built and used.
    """

    def __init__(self, everything: bool = False, host: str | None = None) -> None:
        self._everything = everything
        self._host = (socket.gethostname() if host is None else host).encode()
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._bus = 0

    def clean(self, data: bytes, field: str) -> bytes:
        """As many bytes as were given, with nothing left to find the machine by."""
        if field in _RAW_UUIDS:
            return self._number(field, data).to_bytes(len(data), "big") if any(data) else data
        if field in _SERIALS:
            return self._serial(data)
        if self._everything and field in ("pid", "domain", "bus", "device"):
            return self._integer(data, field)
        if len(data) < len("0000:00:00"):
            return data
        data = _UUID.sub(lambda found: self._uuid(found[0]), data)
        if self._everything:
            data = _BUS.sub(lambda found: self._bus_id(found[0]), data)
        if len(self._host) > 1:
            data = data.replace(self._host, b"x" * len(self._host))
        return data

    def _number(self, kind: str, value: bytes) -> int:
        known = self._numbers
        if (kind, value) not in known:
            known[kind, value] = sum(1 for other, _ in known if other == kind) + 1
        return known[kind, value]

    def _uuid(self, value: bytes) -> bytes:
        return b"00000000-0000-0000-0000-%012d" % self._number("uuid", value)

    def _serial(self, data: bytes) -> bytes:
        text = data.partition(b"\0")[0]
        if not text:
            return data
        number = b"%d" % self._number("serial", text)
        return number.rjust(len(text), b"0")[-len(text) :].ljust(len(data), b"\0")

    def _bus_id(self, value: bytes) -> bytes:
        domain, _, rest = value.lower().partition(b":")
        self._bus = self._number("bus", domain[-4:] + b":" + rest)
        return b"%s:%02x:00" % (b"0" * len(domain), self._bus & 0xFF)

    def _integer(self, data: bytes, field: str) -> bytes:
        """In a structure, the numbers of a bus follow its text."""
        if field == "pid":
            number = _FIRST_PID + self._number("pid", data) if any(data) else 0
        else:
            number = self._bus & 0xFF if field == "bus" else 0
        return number.to_bytes(len(data), "little")
