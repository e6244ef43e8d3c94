"""The manager's HTTP server: a thread a connection, with limits on all of it."""

import io
import logging
import socket
import sys
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore
from typing import Any

from controllers.relay.seal import LIFE, Asked
from controllers.relay.seldom import Seldom
from controllers.workload.lock import Lock
from controllers.workload.routes import Answer, Routes, problem

log = logging.getLogger(__name__)
MAX_BODY = 1024 * 1024
MAX_CONNECTIONS = 64
SOCKET_SECONDS = 30.0


@dataclass(frozen=True)
class Health:
    """What everybody may ask."""

    missing: Callable[[], str]
    """Empty when it is ready."""
    alive: Callable[[], bool]
    metrics: Callable[[], bytes]


class Server(ThreadingHTTPServer):
    """Serves health and metrics to all, and the routes to whom the lock lets in."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], routes: Routes, lock: Lock, health: Health
    ) -> None:
        super().__init__(address, _Handler)
        self.routes = routes
        self.lock = lock
        self.health = health
        self._places = BoundedSemaphore(MAX_CONNECTIONS)
        self._seldom = Seldom(log)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or close it when too many are open."""
        if not self._places.acquire(blocking=False):
            self._seldom.warning("full", f"refused a connection: {MAX_CONNECTIONS} are open")
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log what ended a request; the connection is closed, the others go on.

        What the line or the caller did to it is in its words; anything else is a fault of ours.
        """
        failure = sys.exception()
        words = f"a request from {client_address[0]} ended early: {failure}"
        trace = None if isinstance(failure, OSError) else failure
        self._seldom.warning(type(failure).__name__, words, trace)


class _Incoming(io.RawIOBase):
    """What a caller sends: a request that has begun is there in time, or is given up."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.until: float | None = None
        """When the request that has begun must be there."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        now = time.monotonic()
        left = SOCKET_SECONDS if self.until is None else self.until - now
        if left <= 0:
            raise TimeoutError("the request took too long")
        self._connection.settimeout(left)
        size = self._connection.recv_into(buffer)
        self._connection.settimeout(SOCKET_SECONDS)
        self.until = self.until or now + SOCKET_SECONDS
        return size


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "neurox"
    sys_version = ""
    timeout = SOCKET_SECONDS
    server: Server

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._incoming = _Incoming(self.connection)
        self.rfile = io.BufferedReader(self._incoming)

    def handle_one_request(self) -> None:
        self._incoming.until = None
        super().handle_one_request()

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        refusal, body = self._body()
        if refusal:
            self.close_connection = True
            self._send(refusal)
            return
        try:
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query, max_num_fields=20))
        except ValueError as error:
            self._send(problem(400, "Bad request", f"the address cannot be read: {error}"))
            return
        if self.command == "GET" and url.path in ("/healthz", "/readyz", "/metrics"):
            self._send(self._own(url.path))
            return
        asked = Asked(self.command, self.path, body)
        refusal = self.server.lock.refusal(asked, self.headers.get("Authorization", ""))
        if refusal:
            self._send(refusal)
            return
        self._send(self.server.routes.answer(self.command, url.path, query, body))

    def _own(self, path: str) -> Answer:
        text = "text/plain; charset=utf-8"
        if path == "/metrics":
            return Answer(200, self.server.health.metrics(), f"{text}; version=0.0.4")
        if path == "/healthz":
            alive = self.server.health.alive()
            return Answer(200 if alive else 503, b"ok" if alive else b"the loop stands still", text)
        missing = self.server.health.missing()
        return Answer(503 if missing else 200, (missing or "ok").encode(), text)

    def _body(self) -> tuple[Answer | None, bytes]:
        if "Transfer-Encoding" in self.headers:
            return problem(411, "Length required", "send a Content-Length"), b""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or len(length) > 15:
            return problem(400, "Bad request", "Content-Length is not a number"), b""
        if int(length) > MAX_BODY:
            return problem(413, "Too large", f"a body may have {MAX_BODY} bytes"), b""
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionError("the body ended early")
        return None, body

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        if answer.status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
            self.send_header(LIFE, self.server.lock.life)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)
