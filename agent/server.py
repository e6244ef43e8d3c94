"""HTTP: the pages, ``/healthz`` and ``/readyz``; none of them waits for the driver."""

import logging
import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from importlib import metadata
from socketserver import ThreadingTCPServer
from typing import Any

from agent.exposition import CONTENT_TYPE
from agent.pages import Page
from agent.request import path_of, takes_gzip

log = logging.getLogger(__name__)

_REQUEST_SECONDS = 10.0
_CONNECTIONS_MAX = 32
_TEXT = "text/plain; charset=utf-8"


class MetricsServer(ThreadingTCPServer):
    """Serves ``pages`` by path until ``shutdown``; ``ready`` answers ``/readyz``."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = _CONNECTIONS_MAX
    """With the default of 5, a burst of scrapes waits a second for TCP to try again."""

    def __init__(
        self, address: tuple[str, int], pages: Mapping[str, Page], ready: Callable[[], bool]
    ) -> None:
        self.pages = pages
        self.ready = ready
        self._open: OrderedDict[socket.socket, None] = OrderedDict()
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Beyond the bound, the connection that waits longest makes room: a scrape never does."""
        with self._lock:
            if len(self._open) >= _CONNECTIONS_MAX:
                _hang_up(self._open.popitem(last=False)[0])
            self._open[request] = None
        super().process_request(request, client_address)

    def answered(self, request: Any) -> None:
        """A connection that was just answered is the last to make room."""
        with self._lock:
            if request in self._open:
                self._open.move_to_end(request)

    def shutdown_request(self, request: Any) -> None:
        """The end of a connection."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, _: Any) -> None:
        """A client that went away is no news; anything else is logged with its trace."""
        quiet = isinstance(sys.exc_info()[1], ConnectionError | TimeoutError)
        log.log(logging.DEBUG if quiet else logging.ERROR, "%s failed", request, exc_info=True)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)  # its thread wakes up and closes it
    except OSError:
        log.debug("%s was gone already", connection)


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = _REQUEST_SECONDS
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """Head and body leave together: apart, the body would wait for the client's kernel."""
    disable_nagle_algorithm = True

    def parse_request(self) -> bool:
        """Refuse what RFC 9112 demands to be refused: it must be plain whom a request is for."""
        if not super().parse_request():
            return False
        hosts = len(self.headers.get_all("Host", ()))
        if self.headers.defects:
            self.send_error(400, "A header is no header")
        elif hosts > 1 or (not hosts and self.request_version == "HTTP/1.1"):
            self.send_error(400, f"{hosts} Host headers: there must be one")
        else:
            return True
        return False

    def do_GET(self) -> None:
        """A page, or how the agent is; everything else is 404."""
        path = path_of(self.path)
        if page := self.server.pages.get(path):
            gzip = takes_gzip(",".join(self.headers.get_all("Accept-Encoding", ())))
            self._answer(200, CONTENT_TYPE, page.body(gzip), gzip)
        elif path == "/healthz":
            self._answer(200, _TEXT, b"ok\n")
        elif path == "/readyz":
            ready = self.server.ready()
            body = b"ok\n" if ready else b"the first snapshot is not done\n"
            self._answer(200 if ready else 503, _TEXT, body)
        else:
            self._answer(404, _TEXT, self._nothing(path).encode())

    do_HEAD = do_GET

    def _nothing(self, path: str) -> str:
        if path == "/dcgm/metrics":
            return "NEUROX_AGENT_DCGM is none (chart value agent.dcgm): no names to serve\n"
        there = ", ".join([*self.server.pages, "/healthz"])
        return f"nothing at {path}: try {there} or /readyz\n"

    def _answer(self, status: int, content_type: str, body: bytes, gzip: bool = False) -> None:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # what it sent is not read, so no request follows it
        self.send_response(status)
        if gzip:
            self.send_header("Content-Encoding", "gzip")
        if content_type == CONTENT_TYPE:
            self.send_header("Vary", "Accept-Encoding")
        self._end(content_type, body)

    def _end(self, content_type: str, body: bytes) -> None:
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        # Said in both cases, for a client of HTTP/1.0 takes silence for the end.
        self.send_header("Connection", "close" if self.close_connection else "keep-alive")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.server.answered(self.connection)

    def send_error(self, code: int, message: str | None = None, _: str | None = None) -> None:
        """Say in plain text what is wrong with a request, and hang up."""
        self.close_connection = True
        # Of a request that cannot be read it is still HTTP/0.9, which has no status line.
        self.request_version = self.protocol_version
        if code == 501:  # BaseHTTPRequestHandler's word for a method without its function
            code, message = 405, f"{self.command} is not possible here: use GET or HEAD"
        self.send_response(code)
        if code == 405:
            self.send_header("Allow", "GET, HEAD")
        self._end(_TEXT, f"{message or self.responses[code][1]}\n".encode())

    def version_string(self) -> str:
        """Who serves this."""
        return _NAME

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are not news."""


_NAME = f"neurox-agent/{metadata.version('neurox')}"
