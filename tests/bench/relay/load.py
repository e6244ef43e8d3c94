"""What is asked of a chain, by blocking sockets in this process."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from target import BLOCK, SMALL

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
    sock.sendall(b"R\n")
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
        sock.sendall(b"R\n")
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
                sock.send(b"R\n")
    chooser.close()
    for sock in left:
        sock.close()
    return done / seconds


def fresh(opened: Open, seconds: float) -> float:
    """Streams a second that are opened, asked one small thing and closed, by a few callers."""
    until = time.monotonic() + seconds

    def caller(_: int) -> int:
        done = 0
        while time.monotonic() < until:
            with opened() as sock:
                _ask(sock)
            done += 1
        return done

    with ThreadPoolExecutor(CALLERS) as pool:
        return sum(pool.map(caller, range(CALLERS))) / seconds


def streams(opened: Open, count: int) -> None:
    """So many streams, one after another for each caller."""

    def caller(_: int) -> None:
        for _ in range(count // CALLERS):
            with opened() as sock:
                _ask(sock)

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(caller, range(CALLERS)))


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
