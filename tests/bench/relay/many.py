"""Several relay-servers, many clusters: a rolling restart, and a return of all at once."""

import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from redis import Redis

from infra.local import relay_pki
from tests.bench.figures import Figure
from tests.conftest import Valkey
from tests.controllers.relay.crowd import Crowd, listening_since, running
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.pair import Load, Pair
from tests.controllers.relay.program import await_that

CLIENTS, LINKS = 100, 8
DOWN_SECONDS = 6.0
CALLERS = ["/1", "/2", "/3", "/4", *["/pause/20"] * 4]
"""Four of them keep their stream for 20 s."""


def rolling(folder: Path, pki: Path, redis: Redis, redis_url: str) -> dict[str, float]:
    """Two replicas restarted one after the other under steady calls."""
    pair = Pair(folder, pki, redis, redis_url)
    pair.drain = 60.0
    try:
        for name in pair.hubs:
            pair.start(name)
        site = pair.site(folder / "site")
        try:
            await_that("the cluster is connected", site.is_connected, seconds=30)
            load = Load(pair.inside.port, site.cluster_id, CALLERS)
            try:
                pair.roll(load)
            finally:
                load.stop()
        finally:
            site.close()
    finally:
        pair.close()
    for words in load.failures:
        sys.stderr.write(words + "\n")
    return {"calls": load.opened, "failed": len(load.failures)}


def restart(folder: Path, pki: Path, redis: Redis, redis_url: str) -> dict[str, float]:
    """A relay-server is killed and comes back to 100 clusters with 8 links each."""
    hub = Hub(folder, pki, redis, redis_url)
    try:
        crowd = Crowd(redis, hub.url, Path(hub.ca).read_text(), CLIENTS)
        with running(crowd):
            await_that("pools are full", lambda: min(crowd.links()) >= LINKS, seconds=120)
            hub.program.process.kill()
            hub.program.process.wait(30)
            killed = time.monotonic()
            await_that("it was away", lambda: time.monotonic() > killed + DOWN_SECONDS)
            hub.start()
            listening = listening_since(hub.program.words())
            await_that(
                "pools are full again",
                lambda: max(crowd.linked_within(listening, LINKS)) < 60,
                seconds=60,
            )
    finally:
        hub.close()
    return {
        "first": max(crowd.linked_within(listening, 1)),
        "whole": max(crowd.linked_within(listening, LINKS)),
        "gap": crowd.fastest_pace(killed),
    }


def figures() -> Iterator[Figure]:
    """What is promised of both."""
    logging.getLogger("controllers.relay").setLevel(logging.ERROR)  # a line for each failed dial
    with tempfile.TemporaryDirectory(prefix="neurox-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        for each in ("pki", "rolling", "restart"):
            (folder / each).mkdir()
        relay_pki.ensure(folder / "pki", datetime.now(UTC))
        valkey = Valkey()
        stack.callback(valkey.close)
        redis = stack.enter_context(Redis.from_url(valkey.url, socket_timeout=5))
        rolled = rolling(folder / "rolling", folder / "pki", redis, valkey.url)
        yield Figure("rolling restart of two: calls that failed", "", rolled["failed"], most=0)
        yield Figure("rolling restart of two: calls", "", rolled["calls"], least=100)
        back = restart(folder / "restart", folder / "pki", redis, valkey.url)
    what = f"{CLIENTS} clients x {LINKS} after a restart:"
    yield Figure(f"{what} first connection of the last", "s", back["first"], most=10)
    yield Figure(f"{what} its whole pool", "s", back["whole"], most=15)
    yield Figure(f"{what} dials a second before the first", "", 1 / back["gap"], most=1)
