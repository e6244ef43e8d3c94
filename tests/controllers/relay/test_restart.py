"""A relay-server that restarts: all clusters come back soon, and none of them hammers it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.controllers.relay.crowd import Crowd, listening_since, running
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.program import await_that

DOWN_SECONDS = 4.0
START = 8


@pytest.fixture
def own_hub(tmp_path: Path, pki: Path, valkey_url: str) -> Iterator[Hub]:
    """A relay-server that may be killed."""
    with Redis.from_url(valkey_url, socket_timeout=5) as redis:
        hub = Hub(tmp_path, pki, redis, valkey_url)
        yield hub
        hub.close()


@pytest.mark.parametrize("size", [20, pytest.param(50, marks=pytest.mark.slow)])
def test_clusters_come_back_soon_and_politely_after_a_crash(own_hub: Hub, size: int) -> None:
    crowd = Crowd(own_hub.redis, own_hub.url, Path(own_hub.ca).read_text(), size)
    with running(crowd):
        await_that("every pool is full", lambda: min(crowd.links()) >= START, seconds=60)
        own_hub.program.process.kill()
        own_hub.program.process.wait(30)
        killed = time.monotonic()
        await_that(
            "the server was away for a while", lambda: time.monotonic() - killed > DOWN_SECONDS
        )
        own_hub.start()
        listening = listening_since(own_hub.program.words())
        await_that(
            "every pool is full again",
            lambda: max(crowd.linked_within(listening, START)) < 60,
            seconds=60,
        )
    assert max(crowd.linked_within(listening, 1)) <= 10
    assert max(crowd.linked_within(listening, START)) <= 15
    # One try may end just as the server dies; from then on it is one a second at most.
    assert crowd.fastest_pace(killed) >= 0.9
