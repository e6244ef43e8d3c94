"""Plain HTTP to one cluster's workload-manager, through the relay; for threads, not for asyncio."""

import json
import math
import socket
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError
from urllib3.response import HTTPResponse

from controllers.domain.errors import Unreachable

OPEN_SECONDS = 12.0
"""For a stream to be opened: 5 s for a free connection, 5 s for the dial, and some."""
ANSWER_BYTES = 64 * 1024 * 1024
"""Longest answer that is read: the state of 100,000 pods is a third of it."""
_HEAD_BYTES = 8192


def cluster_session(relay_url: str, token: str, cluster_id: str) -> requests.Session:
    """A session whose ``http://manager/…`` is the workload-manager of that cluster.

    ``relay_url`` is the relay-server's internal entry, ``token`` the service token it wants.
    Streams are kept and used again. Unreachable is raised when the cluster, its manager or the
    relay does not answer. One thread at a time.
    """
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", _RelayAdapter(relay_url, token, cluster_id))
    return session


class _RelayAdapter(HTTPAdapter):
    """Opens its connections by CONNECT."""

    def __init__(self, relay_url: str, token: str, cluster_id: str) -> None:
        self._relay = (relay_url, token, cluster_id)
        super().__init__(pool_connections=1, pool_maxsize=2, max_retries=0)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        """The pool of one place, whatever the URL's host."""
        relay_url, token, cluster_id = self._relay

        class Tunnel(_Tunnel):
            relay = urlsplit(relay_url)
            authority = f"manager.{cluster_id}.relay:443"
            bearer = token

        class TunnelPool(HTTPConnectionPool):
            ConnectionCls = Tunnel

        manager = PoolManager(connections, maxsize=maxsize, block=block, **options)
        manager.pool_classes_by_scheme = {"http": TunnelPool}
        self.poolmanager = manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send through the tunnel; what fails on the way is Unreachable."""
        try:
            answer = super().send(request, stream, timeout, verify, cert, proxies)
            if answer.headers.get("content-encoding", "identity") != "identity":
                # Nobody asked for one, and a few bytes can grow into gigabytes.
                raise Unreachable("the workload-manager answered in an encoding not asked for")
            if not stream:
                _ = answer.content  # read now, so that a cut is told here
            return answer
        except requests.Timeout as failure:
            raise Unreachable("the workload-manager did not answer in time") from failure
        except requests.RequestException as failure:
            raise Unreachable(_words(failure)) from failure


class _TooLong(OSError):
    """The answer has no end, or one that is too far away."""


class _Unanswered(NewConnectionError):
    """The relay-server said neither yes nor no."""


class _Bounded(socket.socket):
    """A socket whose answer, as a whole, must come within a time and a size.

    The time-out of a plain socket begins anew with every byte: a cluster that means harm could
    hold its caller for ever.
    """

    _until = math.inf
    _left = ANSWER_BYTES

    def expect(self, seconds: float) -> None:
        """An answer begins now."""
        self._until = time.monotonic() + seconds
        self._left = ANSWER_BYTES

    def recv_into(self, *args: Any, **options: Any) -> int:
        """Receive, if there is time and room left for it."""
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self.settimeout(None if seconds == math.inf else seconds)
        received = super().recv_into(*args, **options)
        self._left -= received
        if self._left < 0:
            raise _TooLong(f"the answer is longer than {ANSWER_BYTES} bytes")
        return received


class _Tunnel(HTTPConnection):
    """A connection that begins with CONNECT on the relay-server."""

    relay: Any
    authority: str
    bearer: str

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """The answer, all of which has to come within the time-out."""
        if isinstance(self.sock, _Bounded):
            seconds = self.timeout if isinstance(self.timeout, int | float) else math.inf
            self.sock.expect(seconds)
        return super().getresponse()

    def connect(self) -> None:
        """Reach the relay, and through it the cluster's manager."""
        try:
            sock = self._opened()
        except _Unanswered:
            # That replica was leaving; nothing of the request is sent, so another may be asked.
            sock = self._opened()
        self.sock = _Bounded(fileno=sock.detach())
        self.sock.settimeout(self.timeout if isinstance(self.timeout, int | float) else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _opened(self) -> socket.socket:
        try:
            sock = socket.create_connection(
                (self.relay.hostname, self.relay.port or 80), timeout=OPEN_SECONDS
            )
        except OSError as failure:
            words = f"the relay-server cannot be reached: {failure.strerror or failure}"
            raise self._failed(failure, words) from failure
        try:
            self._open(sock)
        except OSError as failure:
            sock.close()
            raise self._failed(failure, f"the relay-server broke off: {failure}") from failure
        except NewConnectionError:
            sock.close()
            raise
        return sock

    def _failed(self, failure: OSError, words: str) -> NewConnectionError:
        kind = NewConnectionError if isinstance(failure, TimeoutError) else _Unanswered
        return kind(self, words)

    def _open(self, sock: socket.socket) -> None:
        request = (
            f"CONNECT {self.authority} HTTP/1.1\r\nhost: {self.authority}\r\n"
            f"proxy-authorization: Bearer {self.bearer}\r\n\r\n"
        )
        sock.sendall(request.encode("latin-1"))
        received = b""
        while b"\r\n\r\n" not in received:
            data = sock.recv(_HEAD_BYTES)
            if not data or len(received) > _HEAD_BYTES:
                raise _Unanswered(self, "the relay-server closed without an answer")
            received += data
        head, _, body = received.partition(b"\r\n\r\n")
        status = head.split(b" ", 2)[1:2]
        if status != [b"200"]:
            raise NewConnectionError(self, _refusal(head, body))


def _refusal(head: bytes, body: bytes) -> str:
    """The sentence of the relay's problem document, else its status line."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the relay-server answered {head.splitlines()[0].decode('latin-1')!r}"


def _words(failure: requests.RequestException) -> str:
    """The innermost message: requests wraps it twice."""
    inner: object = failure
    while isinstance(inner, Exception):
        if isinstance(inner, NewConnectionError):
            return str(inner).partition(": ")[2] or str(inner)
        if isinstance(inner, _TooLong):
            return str(inner)
        inner = getattr(inner, "reason", None) or (inner.args[-1] if inner.args else None)
    return f"the connection to the workload-manager broke: {type(failure).__name__}"
