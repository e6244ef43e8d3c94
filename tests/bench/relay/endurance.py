"""What must not grow, and who must not suffer: memory, descriptors, a reader that stalls."""

import statistics
from collections.abc import Iterator
from contextlib import ExitStack

import load
from chains import resident
from echo import mismatches
from ours import Relay, link
from rounds import percentile

from tests.bench.figures import Figure
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.program import await_that

KIB, MIB = 1 << 10, 1 << 20
LINKS_EACH = 50
"""Of a cluster; it may have 64."""
ECHO_BYTES, ECHO_STREAMS = 400 * 1000 * 1000, 8
TURNS = 8
"""In each as many small requests with the stalled stream as without it."""


def idle(hub: Hub, count: int, tls: bool) -> float:
    """KiB of the server for each of ``count`` idle connections."""
    pid = hub.program.process.pid
    with ExitStack() as stack:
        members = [hub.member(f"idle-{number}") for number in range(count // LINKS_EACH + 2)]

        def dial(member: int) -> None:
            for _ in range(LINKS_EACH):
                stack.enter_context(link(hub, members[member], tls))

        # What is made once, or grows in steps, is there before it counts.
        dial(0)
        dial(1)
        before = resident(pid)
        for member in range(2, len(members)):
            dial(member)
        return (resident(pid) - before) / KIB / ((len(members) - 2) * LINKS_EACH)


def soak(relay: Relay, streams: int) -> Iterator[Figure]:
    """Many streams and much echo, and what they leave behind."""
    load.streams(relay.chain, 1000)
    wrong = mismatches(relay.open, ECHO_STREAMS, ECHO_BYTES // 20)
    size, files = _sizes(relay), relay.descriptors()
    load.streams(relay.chain, streams)
    wrong += mismatches(relay.open, ECHO_STREAMS, ECHO_BYTES)
    what = f"{streams:,} streams and {ECHO_BYTES // 1_000_000} MB of echo"
    yield Figure(f"{what}: streams that differ", "", wrong, most=0)
    grown = (max(b - a for a, b in zip(size, _sizes(relay), strict=True))) / MIB
    yield Figure("growth of memory, the greater of both sides", "MiB", grown, most=10)
    try:
        await_that("no descriptor is left", lambda: relay.descriptors() <= files)
        left = 0
    except AssertionError:
        left = relay.descriptors() - files
    yield Figure("descriptors left", "", left, most=0)


def _sizes(relay: Relay) -> list[int]:
    return [resident(pid) for pid in relay.chain.pids]


def stalled(relay: Relay) -> Figure:
    """How much longer others' p99 is while one reader stalls."""
    alone, beside = [], []
    for _ in range(TURNS):
        alone.append(percentile(load.small(relay.open, 2000), 0.99))
        with load.stalled(relay.open):
            beside.append(percentile(load.small(relay.open, 2000), 0.99))
    ratio = statistics.median(beside) / statistics.median(alone)
    return Figure("p99 of others beside a stalled reader, over alone", "x", ratio, most=1.2)
