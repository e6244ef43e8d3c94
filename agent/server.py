"""HTTP: ``/metrics``, ``/healthz`` and ``/readyz``; none of them waits for the driver."""

import gzip
import logging
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

log = logging.getLogger(__name__)

_REQUEST_SECONDS = 10.0
_CONNECTIONS_MAX = 32
_TEXT = "text/plain; charset=utf-8"


class MetricsServer(ThreadingTCPServer):
    """Serves until ``shutdown``; ``ready`` answers ``/readyz``."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = _CONNECTIONS_MAX
    """With the default of 5, a burst of scrapes waits a second for TCP to try again."""

    def __init__(
        self, address: tuple[str, int], registry: CollectorRegistry, ready: Callable[[], bool]
    ) -> None:
        self.registry = registry
        self.ready = ready
        self._room = threading.BoundedSemaphore(_CONNECTIONS_MAX)
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Turn away what exceeds the bound on open connections."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, _: Any) -> None:
        """A client that went away is no news; anything else is logged with its trace."""
        quiet = isinstance(sys.exc_info()[1], ConnectionError | TimeoutError)
        log.log(logging.DEBUG if quiet else logging.ERROR, "%s failed", request, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = _REQUEST_SECONDS
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The three paths; everything else is 404."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self.server.registry))
        elif path == "/healthz":
            self._answer(200, _TEXT, b"ok\n")
        elif path == "/readyz":
            ready = self.server.ready()
            body = b"ok\n" if ready else b"the first snapshot is not done\n"
            self._answer(200 if ready else 503, _TEXT, body)
        else:
            self._answer(404, _TEXT, b"try /metrics, /healthz or /readyz\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        if len(body) > 1024 and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are not news."""
