"""F21: some callers read nothing for a while, or read and write a byte a second."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.controllers.relay.faults.conftest import resident
from tests.controllers.relay.stream import opened

STALLED, DRIBBLING = 4, 4
ANSWER_BYTES = 40_000_000
STREAM_BYTES = 1024 * 1024
"""What a process may keep for one stream."""
CALLS, LONG_ENOUGH = 200, 2.5
ROUNDS = 3
NOISE_SECONDS = 0.02
"""Of the machine itself, which does other things too."""


def test_readers_that_stall_or_dribble_cost_little_memory_and_no_time_of_others(site: Any) -> None:
    programs = (site.hub.program, site.program)
    usual, beside = [calls(site)], list[list[float]]()
    for _ in range(ROUNDS):
        before = [resident(program) for program in programs]
        with slow(site) as stalled:
            beside.append(calls(site))
            for program, memory in zip(programs, before, strict=True):
                most = (STALLED + DRIBBLING) * STREAM_BYTES + 4_000_000
                assert resident(program) - memory < most
            for stream in stalled:
                assert len(body(stream)) == ANSWER_BYTES
        usual.append(calls(site))
    # The best of each, for all of them were measured in turns.
    assert min(map(p99, beside)) < 1.2 * min(map(p99, usual)) + NOISE_SECONDS
    assert min(map(mean, beside)) < mean_at_most(min(map(mean, usual)))


def mean_at_most(usual: float) -> float:
    """Nine tenths of the rate are left; and what one call in a hundred may be late by noise."""
    return usual / 0.9 + NOISE_SECONDS / 10


def calls(site: Any) -> list[float]:
    """Seconds of each of many small calls, over as long a time as shows a dribble."""
    seconds: list[float] = []
    until = time.monotonic() + LONG_ENOUGH
    with site.hub.session(site.cluster_id) as session:
        while len(seconds) < CALLS or time.monotonic() < until:
            began = time.monotonic()
            assert session.get("http://manager/x", timeout=30).ok
            seconds.append(time.monotonic() - began)
    return seconds


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[-1 - len(seconds) // 100]


def mean(seconds: list[float]) -> float:
    return sum(seconds) / len(seconds)


@contextmanager
def slow(site: Any) -> Iterator[list[Any]]:
    """Streams whose callers do not read, which are given, and streams that dribble."""
    over = threading.Event()
    with ExitStack() as stack:
        stalled = [stack.enter_context(opened(site)) for _ in range(STALLED)]
        for stream in stalled:
            stream.sendall(f"GET /bytes/{ANSWER_BYTES} HTTP/1.1\r\nhost: m\r\n\r\n".encode())
        dribbling = [stack.enter_context(opened(site)) for _ in range(DRIBBLING)]
        sent: list[int] = []
        thread = threading.Thread(target=dribble, args=(dribbling, over, sent))
        thread.start()
        try:
            yield stalled
        finally:
            over.set()
            thread.join(30)
        assert len(sent) >= 2, "more than the first byte"


def dribble(streams: list[Any], over: threading.Event, sent: list[int]) -> None:
    """A byte a second each way: of requests that never end, and of long answers."""
    speaking, listening = streams[::2], streams[1::2]
    for stream in streams:
        stream.sendall(f"GET /bytes/{ANSWER_BYTES} HTTP/1.1\r\nhost: m\r\n".encode())
    for stream in listening:
        stream.sendall(b"\r\n")
    while not over.wait(1.0):
        for stream in speaking:
            stream.sendall(b"x")
        for stream in listening:
            assert stream.recv(1)
        sent.append(1)


def body(stream: Any) -> bytes:
    """All of an answer whose head tells its length."""
    received = bytearray()
    while b"\r\n\r\n" not in received:
        received += stream.recv(1 << 20)
    head, _, received = received.partition(b"\r\n\r\n")
    assert f"content-length: {ANSWER_BYTES}".encode() in head.lower()
    while len(received) < ANSWER_BYTES:
        data = stream.recv(1 << 20)
        assert data, f"cut after {len(received)} bytes"
        received += data
    piece = bytes(range(256)) * 4096
    assert received[: len(piece)] == piece
    return bytes(received)
