"""F21: some callers read nothing for a while."""

import time
from contextlib import ExitStack
from typing import Any

from tests.controllers.relay.faults.conftest import resident
from tests.controllers.relay.stream import opened

STALLED = 4
ANSWER_BYTES = 40_000_000
STREAM_BYTES = 1024 * 1024
"""What a process may keep for one stream."""
CALLS = 300


def test_readers_that_stall_cost_little_memory_and_no_time_of_others(site: Any) -> None:
    programs = (site.hub.program, site.program)
    usual = best(site)
    with ExitStack() as stack:
        before = [resident(program) for program in programs]
        stalled = [stack.enter_context(opened(site)) for _ in range(STALLED)]
        for stream in stalled:
            stream.sendall(f"GET /bytes/{ANSWER_BYTES} HTTP/1.1\r\nhost: m\r\n\r\n".encode())
        beside = best(site)
        for program, memory in zip(programs, before, strict=True):
            assert resident(program) - memory < STALLED * STREAM_BYTES + 4_000_000
        assert beside < 1.2 * usual + 0.02, "the rest is the machine's own noise"
        for stream in stalled:
            assert len(body(stream)) == ANSWER_BYTES


def best(site: Any) -> float:
    """Of three times, for the machine does other things too."""
    return min(p99(site) for _ in range(3))


def p99(site: Any) -> float:
    """Seconds that a small call over a stream of its own takes, but for one of a hundred."""
    seconds = []
    with site.hub.session(site.cluster_id) as session:
        for _ in range(CALLS):
            began = time.monotonic()
            assert session.get("http://manager/x", timeout=10).ok
            seconds.append(time.monotonic() - began)
    return sorted(seconds)[-1 - CALLS // 100]


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
