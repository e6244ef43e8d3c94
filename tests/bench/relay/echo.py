"""Much data there and back, in odd pieces, compared byte by byte."""

import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from load import Open

PATTERN = random.Random(6).randbytes((1 << 20) - 3)
TWICE = memoryview(PATTERN * 2)
LONGEST = 200_000


def mismatches(opened: Open, streams: int, amount: int) -> int:
    """How many of ``streams`` did not get back what they sent, ``amount`` bytes in all."""
    with ThreadPoolExecutor(streams) as pool:
        same = pool.map(lambda seed: _same(opened, seed, amount // streams), range(streams))
        return sum(not one for one in same)


def _same(opened: Open, seed: int, amount: int) -> bool:
    with opened() as sock, ThreadPoolExecutor(1) as pool:
        sock.sendall(b"E\n")
        sending = pool.submit(_send, sock, seed, amount)
        buffer = bytearray(LONGEST)
        at = 0
        for size in _sizes(seed + 1000, amount):
            left = memoryview(buffer)[:size]
            while left:
                got = sock.recv_into(left)
                if not got or left[:got] != _expected(at, got):
                    sock.close()
                    return False
                at += got
                left = left[got:]
        sending.result()
        return True


def _send(sock: socket.socket, seed: int, amount: int) -> None:
    at = 0
    for size in _sizes(seed, amount):
        sock.sendall(_expected(at, size))
        at += size


def _expected(at: int, size: int) -> memoryview:
    begin = at % len(PATTERN)
    return TWICE[begin : begin + size]


def _sizes(seed: int, amount: int) -> Iterator[int]:
    """Odd pieces, from a byte to 200 kB, of ``amount`` in all."""
    chance = random.Random(seed)
    while amount:
        size = min(amount, int(LONGEST ** chance.random()))
        yield size
        amount -= size
