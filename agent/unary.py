"""One unary gRPC call at a time over a kept connection on a Unix socket: h2 and nothing else."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

import h2.connection
import h2.events
import h2.exceptions

RESPONSE_MAX = 4 * 1024 * 1024
"""What gRPC's own clients take unless they are told otherwise; 500 pods need a quarter of it."""
_SOCKET_PATH_MAX = 107


class CallFailed(Exception):
    """The server did not answer, or answered an error; the message says which."""


class UnaryChannel:
    """Connects when first called, and again when the socket file was replaced. One thread."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout = timeout_seconds
        self._socket: socket.socket | None = None
        self._inode: tuple[int, int] | None = None
        self._h2 = h2.connection.H2Connection()

    def call(self, method: str, request: bytes) -> bytes:
        """The response message; CallFailed when there is none within the timeout."""
        deadline = time.monotonic() + self._timeout
        try:
            return self._call(self._connected(), method, request, deadline)
        except (OSError, h2.exceptions.ProtocolError, CallFailed) as error:
            self.close()
            raise CallFailed(f"{self._path}: {error or type(error).__name__}") from error

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
        self._socket = None

    def _connected(self) -> socket.socket:
        status = self._path.stat()
        inode = (status.st_dev, status.st_ino)
        if self._socket is not None and inode == self._inode:
            return self._socket
        self.close()
        self._h2 = h2.connection.H2Connection()
        self._h2.initiate_connection()
        self._inode = inode
        self._socket = connect(self._path, self._timeout)
        return self._socket

    def _call(self, link: socket.socket, method: str, request: bytes, deadline: float) -> bytes:
        stream = self._h2.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", method),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ]
        self._h2.send_headers(stream, headers)
        framed = b"\0" + len(request).to_bytes(4, "big") + request
        self._h2.send_data(stream, framed, end_stream=True)
        link.settimeout(_left(deadline))
        link.sendall(self._h2.data_to_send())
        return _message(self._answer(link, stream, deadline))

    def _answer(self, link: socket.socket, stream: int, deadline: float) -> bytearray:
        """The body; ``deadline`` is for all of it, however much else the server sends."""
        body, status = bytearray(), b""
        while True:
            link.settimeout(_left(deadline))
            received = link.recv(65536)
            if not received:
                raise CallFailed("the server closed the connection")
            ended = False
            for event in self._h2.receive_data(received):
                if isinstance(event, h2.events.DataReceived):
                    body += event.data
                    self._h2.acknowledge_received_data(event.flow_controlled_length, stream)
                elif isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                    status = dict(event.headers).get(b"grpc-status", status)
                elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    raise CallFailed("the server reset the call")
                ended = ended or isinstance(event, h2.events.StreamEnded)
            link.sendall(self._h2.data_to_send())
            if len(body) > RESPONSE_MAX:
                raise CallFailed(f"the answer is larger than {RESPONSE_MAX} bytes, and is not read")
            if ended:
                if status != b"0":
                    raise CallFailed(f"gRPC status {status.decode() or 'missing'}")
                return body


def connect(path: Path, timeout_seconds: float) -> socket.socket:
    """A connected stream socket; a path too long for the kernel goes by way of its folder."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.settimeout(timeout_seconds)
    try:
        if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
            link.connect(str(path))
            return link
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            link.connect(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
    except OSError:
        link.close()
        raise
    return link


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _message(body: bytearray) -> bytes:
    if len(body) < 5 or body[0] != 0 or int.from_bytes(body[1:5], "big") != len(body) - 5:
        raise CallFailed("the answer is not one uncompressed message")
    del body[:5]
    return bytes(body)
