"""The serving side of HTTP/1.1 on one connection: a head, a body, an answer, and again."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from email.utils import formatdate
from http import HTTPStatus

from controllers.relay import head
from controllers.relay.body import Body
from controllers.relay.connection import Connection
from controllers.relay.limits import HEAD_SECONDS, KEEP_ALIVE_SECONDS

log = logging.getLogger(__name__)
_PIPELINED_BYTES = 64 * 1024


class Problem(Exception):
    """An answer that is not success: the status, a sentence, and when to come again (seconds)."""

    def __init__(
        self,
        status: HTTPStatus,
        words: str,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(words)
        self.status = status
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["retry-after"] = str(retry_after)


class Request:
    """One request; exactly one of ``answer`` and ``hand_over`` ends it."""

    def __init__(self, exchange: "Exchange", parsed: head.RequestHead, body: Body) -> None:
        self.head = parsed
        self.body = body
        self.connection = exchange.connection
        self.answered = False
        self.answer_headers: dict[str, str] = {}
        """Of the answer, whatever it will be."""
        self.began_at = time.monotonic()
        self._exchange = exchange

    def bearer(self, header: str = "authorization") -> str:
        """The bearer token of a header; empty when there is none."""
        scheme, _, token = self.head.headers.get(header, "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def answer(
        self, status: int, payload: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer; the connection is kept for the next request when that is safe."""
        self.answered = True
        self._exchange.answered(self, status, payload, self.answer_headers | dict(headers or {}))

    def answer_json(self, status: int, value: object) -> None:
        """Answer with a JSON document."""
        self.answer(status, json.dumps(value).encode(), {"content-type": "application/json"})

    def refuse(self, problem: Problem) -> None:
        """Answer with a problem, in a sentence."""
        document = {"status": int(problem.status), "detail": str(problem)}
        payload = json.dumps(document).encode()
        headers = {"content-type": "application/problem+json"} | problem.headers
        self.answer(problem.status, payload, headers)

    def hand_over(self, preface: bytes) -> bytes:
        """Send ``preface`` and leave HTTP: the caller sets a receiver. Returns what came after."""
        self.answered = True
        return self._exchange.hand_over(preface)


Handler = Callable[[Request], Coroutine[None, None, None]]


class Exchange:
    """The receiver of a fresh connection. A handler runs as a task; a lost caller cancels it."""

    def __init__(self, handler: Handler, gone: Callable[["Exchange"], None]) -> None:
        self.connection = Connection(self)
        self._handler = handler
        self._gone: Callable[[Exchange], None] | None = gone
        self._buffer = bytearray()
        self._request: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self.last = False
        """Whether the next answer ends the connection."""
        self.fresh = True
        """Whether its first request has yet to come."""
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(HEAD_SECONDS, self._late)

    def received(self, data: bytes | memoryview) -> None:
        """Bytes of heads and bodies."""
        if self._request is not None and not self._request.body.complete:
            data = self._request.body.feed(data)
        self._buffer += data
        if self._request is None:
            self._next()
        elif len(self._buffer) > _PIPELINED_BYTES:
            self.connection.pause("pipelined")

    def ended(self) -> None:
        """The caller is gone, or will be once it has its answer."""
        request = self._request
        if request is None or not request.body.complete or request.head.method == "CONNECT":
            self.connection.close()

    def lost(self, _failure: Exception | None) -> None:
        """Nobody waits for the answer."""
        self._leave()
        if self._task is not None:
            self._task.cancel()

    def full(self) -> None:
        """Answers are small; the pace of the body is the handler's."""

    def drained(self) -> None:
        """See ``full``."""

    @property
    def idle(self) -> bool:
        """Whether no request is under way."""
        return self._request is None

    def answered(
        self, request: Request, status: int, payload: bytes, headers: Mapping[str, str]
    ) -> None:
        """Write the answer out and go on, or close when the body was not read to its end."""
        keep = request.head.keep_alive and request.body.complete and not self.last
        lines = [f"HTTP/1.1 {status} {_phrase(status)}", f"date: {formatdate(usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {len(payload)}"] if status not in (204, 304) else []
        lines += ["connection: " + ("keep-alive" if keep else "close"), "", ""]
        sent = b"" if request.head.method == "HEAD" else payload
        self.connection.write("\r\n".join(lines).encode("latin-1") + sent)
        self._request = self._task = None
        if not keep:
            self.connection.close()
            return
        self._timer = self._loop.call_later(KEEP_ALIVE_SECONDS, self._late)
        self.connection.resume("pipelined")
        if self._buffer:
            self._loop.call_soon(self._next)

    def hand_over(self, preface: bytes) -> bytes:
        """The connection leaves HTTP."""
        self._leave()
        self.connection.receiver = None
        self.connection.resume("pipelined")
        self.connection.write(preface)
        rest, self._buffer = bytes(self._buffer), bytearray()
        return rest

    def _next(self) -> None:
        if self._request is not None or self.connection.closed:
            return
        try:
            raw = head.split(self._buffer)
            if raw is None:
                return
            parsed = head.request(raw)
            length = 0 if parsed.method in ("GET", "CONNECT") else parsed.length()
            if parsed.method in ("GET", "CONNECT") and parsed.length():
                raise head.HeadError(f"{parsed.method} has no body here")
        except head.HeadError as failure:
            self._refuse_head(failure)
            return
        self._timer.cancel()
        body = Body(length or 0, self.connection, parsed.expects_continue)
        rest, self._buffer = bytes(self._buffer), bytearray()
        self._buffer += body.feed(rest)
        self._request, self.fresh = Request(self, parsed, body), False
        self._task = self._loop.create_task(self._handler(self._request))
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """A handler that failed has not answered; its connection tells nobody a lie."""
        if task.cancelled():
            return
        failure = task.exception()
        if failure is not None:
            log.error("a request failed", exc_info=failure)
            self.connection.cut()

    def _refuse_head(self, failure: head.HeadError) -> None:
        unread = Body(1, self.connection)
        parsed = head.RequestHead("", "", {}, keep_alive=False)
        Request(self, parsed, unread).refuse(Problem(failure.status, str(failure)))

    def _late(self) -> None:
        self.connection.close()

    def _leave(self) -> None:
        self._timer.cancel()
        gone, self._gone = self._gone, None
        if gone is not None:
            gone(self)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"
