"""HTTP/1.1 calls to one place: bodies may be streamed, answers are small, connections are kept."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools

from controllers.relay.connection import Connection
from controllers.relay.proxied import open_through
from controllers.relay.proxy import DIRECT, Proxies, Proxy
from controllers.relay.trouble import CallFailed, Trouble, silent, unreachable

__all__ = ["Answer", "Call", "CallFailed", "HttpClient", "Origin", "connect"]
ANSWER_BYTES = 1024 * 1024
"""Of a whole answer, its head too."""
CONNECT_SECONDS = 5.0
_IDLE_KEPT = 4


@dataclass(frozen=True)
class Origin:
    """Where to call; ``tls`` is None for plain HTTP, which no proxy leads to."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    proxy: Proxy | None = None

    @classmethod
    def of(cls, url: str, ca_pem: str | None = None, proxies: Proxies = DIRECT) -> "Origin":
        """The origin of a URL; with https, ``ca_pem`` is trusted instead of the system's CAs."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        tls = ssl.create_default_context(cadata=ca_pem) if secure else None
        host = parts.hostname or ""
        return cls(host, port, tls, proxies.to(host, port) if secure else None)

    @property
    def authority(self) -> str:
        """host:port, as the Host header wants it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Call:
    """A request. ``length`` is needed when the body is streamed."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None

    def head(self, authority: str) -> bytes:
        """As it goes over the wire."""
        length = len(self.body) if isinstance(self.body, bytes) else self.length
        lines = [f"{self.method} {self.path} HTTP/1.1", f"host: {authority}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if length or self.method != "GET":
            lines.append(f"content-length: {length or 0}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass(frozen=True)
class Answer:
    """Status, headers by lower-case name, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def detail(self) -> str:
        """What a problem document says; empty when this is none."""
        try:
            return str(json.loads(self.body)["detail"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""


async def connect(origin: Origin, seconds: float = CONNECT_SECONDS) -> Connection:
    """A connection, with TLS when the origin has it; CallFailed when there is none in time."""
    loop = asyncio.get_running_loop()
    name = origin.host if origin.tls is not None else None
    try:
        if origin.proxy is None:
            making = loop.create_connection(
                Connection, origin.host, origin.port, ssl=origin.tls, server_hostname=name
            )
        else:
            led = await open_through(origin.proxy, origin.authority, seconds)
            making = loop.create_connection(
                Connection, sock=led, ssl=origin.tls, server_hostname=name
            )
        async with asyncio.timeout(seconds):
            _, connection = await making
    except TimeoutError:
        raise silent(origin.authority, seconds) from None
    except OSError as failure:
        raise unreachable(origin.authority, failure) from failure
    except ValueError:  # nothing that could be looked up, as with two dots in a row
        words = f"{origin.authority} cannot be reached: it is no name of a host"
        raise CallFailed(words, Trouble.NAME) from None
    return connection


class HttpClient:
    """Keeps a few idle connections to one origin."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._idle: list[Connection] = []

    async def send(self, call: Call, seconds: float) -> Answer:
        """The answer, whatever its status; CallFailed when there is none in time."""
        try:
            async with asyncio.timeout(seconds):
                kept = self._take()
                if kept is not None:
                    try:
                        return await self._on(kept, call)
                    except _Stale:
                        # It was closed while idle, and nothing of the call was taken.
                        pass
                return await self._on(await connect(self._origin), call)
        except TimeoutError:
            raise CallFailed(
                f"{self._origin.authority} did not answer within {seconds:g} s"
            ) from None
        except _Stale:
            raise CallFailed(f"{self._origin.authority} closed without an answer") from None

    def close(self) -> None:
        """Let go of the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        return None

    async def _on(self, connection: Connection, call: Call) -> Answer:
        incoming = _Incoming(connection, self._origin.authority, isinstance(call.body, bytes))
        whole = False
        try:
            connection.write(call.head(self._origin.authority))
            whole = await _send_body(connection, incoming, call.body)
            return await incoming.done
        finally:
            connection.receiver = None
            self._give_back(connection, whole and incoming.keep)

    def _give_back(self, connection: Connection, good: bool) -> None:
        if not good or connection.closed or len(self._idle) >= _IDLE_KEPT:
            connection.cut()
            return
        connection.receiver = _Parked(connection)
        self._idle.append(connection)


async def _send_body(
    connection: Connection, incoming: "_Incoming", body: bytes | AsyncIterator[bytes]
) -> bool:
    """Send it at the pace of the other side; False when the answer came before all was sent."""
    if isinstance(body, bytes):
        connection.write(body)
        return True
    async for chunk in body:
        if incoming.done.done():
            return False
        connection.write(chunk)
        await incoming.writable()
    return True


class _Stale(Exception):
    """The connection was gone before anything was taken from it."""


class _Parked:
    """The receiver of an idle connection: whatever happens on it ends it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def received(self, _data: memoryview) -> None:
        self._connection.cut()

    def ended(self) -> None:
        self._connection.close()

    def lost(self, _failure: Exception | None) -> None:
        pass

    def full(self) -> None:
        pass

    def drained(self) -> None:
        pass


class _Incoming:
    """Collects one answer."""

    def __init__(self, connection: Connection, authority: str, replayable: bool) -> None:
        loop = asyncio.get_running_loop()
        self.done: asyncio.Future[Answer] = loop.create_future()
        # A failure may come while nobody waits for it; see also ``writable``.
        self.done.add_done_callback(lambda future: future.cancelled() or future.exception())
        self.replayable = replayable
        self.keep = False
        self._authority = authority
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._received = 0
        self._untouched = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._connection = connection
        connection.receiver = self
        if connection.closed:  # before anybody could be told
            self.lost(None)

    def received(self, data: memoryview) -> None:
        self._untouched = False
        self._received += len(data)
        if self._received > ANSWER_BYTES:
            self._fail(CallFailed(f"{self._authority} answers with too much"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(CallFailed(f"{self._authority} does not answer in HTTP/1.1"))

    def ended(self) -> None:
        self.lost(None)
        self._connection.close()

    def lost(self, _failure: Exception | None) -> None:
        if self._untouched and self.replayable:
            self._fail(_Stale())
        else:
            self._fail(CallFailed(f"{self._authority} closed before its answer was complete"))

    def full(self) -> None:
        self._flowing.clear()

    def drained(self) -> None:
        self._flowing.set()

    async def writable(self) -> None:
        """Wait until more may be sent, or the answer is there already."""
        await self._flowing.wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and not self.done.done():
            self.keep = self._parser.should_keep_alive()
            self.done.set_result(Answer(status, self._headers, bytes(self._body)))
        self._flowing.set()

    def _fail(self, failure: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(failure)
        self._flowing.set()
