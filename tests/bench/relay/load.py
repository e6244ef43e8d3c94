"""What is asked of a chain, by blocking sockets in this process."""

import select
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import NoReturn

from chains import Chain, check_greeted
from target import ASKED, BLOCK, SMALL

Open = Callable[[], socket.socket]
"""A connection to the target, through the chain."""
BUFFER = 1 << 18
ENDLESS = 1 << 40
CALLERS = 4


def down(opened: Open, streams: int, amount: int) -> float:
    """Bytes a second, ``amount`` in all."""
    return _bulk(opened, streams, amount, _download)


def up(opened: Open, streams: int, amount: int) -> float:
    """Bytes a second, ``amount`` in all."""
    return _bulk(opened, streams, amount, _upload)


def _bulk(
    opened: Open, streams: int, amount: int, one: Callable[[socket.socket, int], None]
) -> float:
    sockets = [opened() for _ in range(streams)]
    began = time.monotonic()
    with ThreadPoolExecutor(streams) as pool:
        list(pool.map(lambda sock: one(sock, amount // streams), sockets))
    seconds = time.monotonic() - began
    for sock in sockets:
        sock.close()
    return amount / seconds


def _download(sock: socket.socket, amount: int) -> None:
    buffer = bytearray(BUFFER)
    sock.sendall(b"D %d\n" % amount)
    while amount:
        size = sock.recv_into(buffer)
        if not size:
            raise ConnectionError(f"{amount} bytes are missing")
        amount -= size


def _upload(sock: socket.socket, amount: int) -> None:
    block = memoryview(bytes(BLOCK))
    sock.sendall(b"U %d\n" % amount)
    while amount:
        amount -= sock.send(block[: min(amount, BLOCK)])
    if sock.recv(1) != b"k":
        raise ConnectionError("the upload was not taken")


def small(opened: Open, count: int) -> list[float]:
    """Seconds of each of ``count`` small requests, one after another on one stream."""
    with opened() as sock:
        return [_ask(sock) for _ in range(count)]


def _ask(sock: socket.socket) -> float:
    began = time.monotonic()
    sock.sendall(ASKED)
    left = len(SMALL)
    while left:
        data = sock.recv(left)
        if not data:
            raise ConnectionError("a small request got no answer")
        left -= len(data)
    return time.monotonic() - began


def many(opened: Open, streams: int, seconds: float) -> float:
    """Small requests a second on ``streams`` streams at once."""
    chooser = selectors.EpollSelector()
    left: dict[socket.socket, int] = {}
    for sock in [opened() for _ in range(streams)]:
        chooser.register(sock, selectors.EVENT_READ)
        sock.sendall(ASKED)
        left[sock] = len(SMALL)
    done, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        for key, _ in chooser.select(1):
            sock = key.fileobj
            data = sock.recv(left[sock])
            if not data:
                raise ConnectionError("a stream was cut")
            left[sock] -= len(data)
            if not left[sock]:
                done += 1
                left[sock] = len(SMALL)
                sock.send(ASKED)
    chooser.close()
    for sock in left:
        sock.close()
    return done / seconds


class _Fresh:
    """A stream that is opened, asked one small thing and closed."""

    def __init__(self, chain: Chain) -> None:
        self.sock = socket.socket()
        self.sock.connect(("127.0.0.1", chain.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._greeted = not chain.greeting
        self._left = len(SMALL)
        self.sock.sendall(chain.greeting or ASKED)

    def done(self) -> bool:
        """Take what has come; whether that was all."""
        data = self.sock.recv(4096)
        if not self._greeted:
            check_greeted(data.decode("latin-1"))
            self._greeted = True
            self.sock.sendall(ASKED)
            return False
        if not data:
            raise ConnectionError("a small request got no answer")
        self._left -= len(data)
        return not self._left


def _fresh(chain: Chain, goes_on: Callable[[int], bool]) -> int:
    """How many streams were there, a few at once, for as long as it ``goes_on`` at that number.

    One thread: several that wake each other would take more of the cores than what is measured.
    """
    done = 0
    streams: dict[int, _Fresh] = {}
    with select.epoll() as ready:
        while True:
            while len(streams) < CALLERS and goes_on(done + len(streams)):
                stream = _Fresh(chain)
                streams[stream.sock.fileno()] = stream
                ready.register(stream.sock, select.EPOLLIN)
            if not streams:
                return done
            for number, _ in ready.poll(10) or _silent():
                if streams[number].done():
                    streams.pop(number).sock.close()
                    done += 1


def _silent() -> NoReturn:
    raise ConnectionError("a new stream got no answer within 10 s")


def fresh(chain: Chain, seconds: float) -> float:
    """New streams a second."""
    until = time.monotonic() + seconds
    return _fresh(chain, lambda _: time.monotonic() < until) / seconds


def streams(chain: Chain, count: int) -> None:
    """So many streams."""
    _fresh(chain, lambda begun: begun < count)


@contextmanager
def busy(opened: Open) -> Iterator[None]:
    """While one stream downloads as fast as it can."""
    stop = Event()

    def bulk() -> None:
        with opened() as sock:
            sock.sendall(b"D %d\n" % ENDLESS)
            buffer = bytearray(BUFFER)
            while not stop.is_set() and sock.recv_into(buffer):
                pass

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(bulk)
        try:
            yield
        finally:
            stop.set()
            running.result()


@contextmanager
def stalled(opened: Open) -> Iterator[None]:
    """While one stream has much to bring, and nobody reads it."""
    with opened() as sock:
        sock.sendall(b"D %d\n" % ENDLESS)
        yield
