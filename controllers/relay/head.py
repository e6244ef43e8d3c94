"""Heads of HTTP requests and answers: found, limited and parsed strictly. No I/O."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

import httptools

from controllers.relay.limits import HEAD_BYTES

_END = b"\r\n\r\n"


class HeadError(Exception):
    """The head cannot be accepted; ``status`` is what to answer."""

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class RequestHead:
    """Method, target as sent, and headers by lower-case name; repeated ones are joined by ', '."""

    method: str
    target: str
    headers: dict[str, str]
    keep_alive: bool
    version: str = "1.1"

    @property
    def expects_continue(self) -> bool:
        """Whether the sender waits for a word before it sends the body."""
        asked = self.headers.get("expect", "").lower() == "100-continue"
        return asked and self.version != "1.0"  # an older sender knows no such word

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def length(self) -> int | None:
        """Bytes of the body; None when it does not say. A chunked body is refused."""
        if "transfer-encoding" in self.headers:
            raise HeadError(
                "send the body with Content-Length, not chunked", HTTPStatus.LENGTH_REQUIRED
            )
        value = self.headers.get("content-length")
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) < 16):
            raise HeadError("Content-Length is not a number")
        return int(value)


@dataclass(frozen=True)
class AnswerHead:
    """Status and headers by lower-case name."""

    status: int
    headers: dict[str, str]


@dataclass
class _Seen:
    """What the parser calls back with."""

    url: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    complete: bool = False
    keep_alive: bool = True

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        self.complete = True


class _Parser(Protocol):
    def feed_data(self, data: bytes) -> None: ...

    def should_keep_alive(self) -> bool: ...


def split(received: bytearray) -> bytes | None:
    """Take the head off the front of ``received``; None when it is not all there yet."""
    end = received.find(_END, 0, HEAD_BYTES)
    if end < 0:
        if len(received) >= HEAD_BYTES:
            raise HeadError(
                f"the head is longer than {HEAD_BYTES} bytes",
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            )
        return None
    head = bytes(received[: end + len(_END)])
    del received[: end + len(_END)]
    return head


def request(head: bytes) -> RequestHead:
    """The parsed head of a request; HeadError when it is not HTTP/1.1 to the letter."""
    seen = _Seen()
    parser = httptools.HttpRequestParser(seen)
    _feed(parser, seen, head)
    try:
        target = seen.url.decode("ascii")
    except UnicodeDecodeError:
        raise HeadError("the target is not ASCII") from None
    method, version = parser.get_method().decode(), parser.get_http_version()
    return RequestHead(method, target, seen.headers, seen.keep_alive, version)


def answer(head: bytes) -> AnswerHead:
    """The parsed head of an answer."""
    seen = _Seen()
    parser = httptools.HttpResponseParser(seen)
    _feed(parser, seen, head)
    return AnswerHead(parser.get_status_code(), seen.headers)


def _feed(parser: _Parser, seen: _Seen, head: bytes) -> None:
    """Parse; the parser must see the end exactly where we do, else a body could hide a request."""
    try:
        parser.feed_data(head[:-1])
        early = seen.complete
        seen.keep_alive = parser.should_keep_alive()  # it forgets "close" with the last byte
        parser.feed_data(head[-1:])
    except httptools.HttpParserUpgrade:
        early = False
    except httptools.HttpParserError:
        raise HeadError("this is not HTTP/1.1") from None
    if early or not seen.complete:
        raise HeadError("the head ends in an unclear way")
