"""The cluster's API server, read only: plain HTTP/1.1, since a client library costs 30 MiB."""

import http.client
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from agent.journal import plain

_TIMEOUT_SECONDS = 10.0
_TOKEN = re.compile("[!-~]+")
_BODY_MAX = 16 * 1024 * 1024
_ANSWER_SECONDS = 30.0
_WORDS_MAX = 300


class ApiFailed(Exception):
    """The API server did not answer, or refused; ``status`` is 0 without an answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Malformed(ApiFailed):
    """It answered something else than what the API has there."""


@dataclass(frozen=True)
class ApiServer:
    """Where it is, and by which files we are let in; they are read at each connection."""

    url: str
    token: Path | None = None
    """It is replaced every hour."""
    ca: Path | None = None
    """None: the system's."""

    def connect(self) -> http.client.HTTPConnection:
        """A connection for one list, or one watch; opened by the first request."""
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise ApiFailed(f"{self.ca} is no CA: {error.strerror or error}") from error
        return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS, context=context)

    def get(
        self,
        link: http.client.HTTPConnection,
        path: str,
        query: Mapping[str, str],
        accept: str,
    ) -> http.client.HTTPResponse:
        """The answer, to be read; ApiFailed unless it is 200."""
        headers = {"Accept": accept, "User-Agent": "neurox-agent"}
        if self.token:
            headers["Authorization"] = f"Bearer {_read(self.token)}"
        root = urlsplit(self.url).path.rstrip("/")
        link.request("GET", f"{root}{path}?{urlencode(query)}", headers=headers)
        answer = link.getresponse()
        if answer.status != 200:
            raise ApiFailed(_reason(answer), answer.status)
        return answer


@contextmanager
def in_time(link: http.client.HTTPConnection) -> Iterator[socket.socket]:
    """What is read must be there within 30 s: a limit for each read alone never ends a dribble.

    Gives the socket, for an answer that ends its connection takes it from ``link``.
    """
    if link.sock is None:
        link.connect()
    late, sock = threading.Event(), link.sock

    def cut() -> None:
        late.set()
        with suppress(OSError):
            # Not by the method of a TLS socket, which the reader would find without its TLS.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(_ANSWER_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield sock
    except (OSError, http.client.HTTPException, ApiFailed) as error:
        if late.is_set():
            raise _late() from error
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise _late()


def _late() -> ApiFailed:
    return ApiFailed(f"the answer is not done after {_ANSWER_SECONDS:g} s")


def _read(token: Path) -> str:
    """What http.client refuses it quotes, and so would the log."""
    try:
        text = token.read_text(errors="replace").strip()
    except OSError as error:
        raise ApiFailed(f"the token {token} cannot be read: {error.strerror}") from error
    if not _TOKEN.fullmatch(text):
        raise ApiFailed(f"{token} holds no token: one word of ASCII")
    return text


def body(answer: http.client.HTTPResponse) -> Any:
    """The JSON of an answer of bounded size."""
    text = bytearray()
    while part := answer.read1(65536):
        text += part
        if len(text) > _BODY_MAX:
            raise ApiFailed(f"the answer is larger than {_BODY_MAX} bytes", answer.status)
    if answer.length:
        raise ApiFailed(f"the answer was cut after {len(text)} bytes", answer.status)
    answer.close()  # by what is read in parts, its end is not noticed: the next one would not begin
    return parsed(text)


def parsed(text: bytes | bytearray) -> Any:
    """What the JSON stands for."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON, {error}") from error


def said(text: object) -> str:
    """A server's own words, as a part of a message."""
    return plain(str(text), _WORDS_MAX)


def _reason(answer: http.client.HTTPResponse) -> str:
    """The message of a Status, else what HTTP calls it."""
    try:
        told = parsed(answer.read(65536))
        return f"{answer.status}: {said(told['message'])}"
    except (Malformed, TypeError, KeyError):
        return f"{answer.status} {said(answer.reason)}"
