"""A cluster that has a limit of bytes a second waits, and loses nothing."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from controllers.relay.limits import TURN_BYTES
from controllers.relay.server.rate import Rate


def test_what_goes_on_at_the_limit_never_waits() -> None:
    rate = Rate(1000.0)
    assert [rate.wait(100, now / 10) for now in range(1000)] == [0.0] * 1000


def test_a_source_that_is_ahead_waits_until_it_is_no_more() -> None:
    rate = Rate(TURN_BYTES)
    assert rate.wait(TURN_BYTES, 10.0) == 0.0
    assert rate.wait(TURN_BYTES, 10.0) == pytest.approx(1.0)
    assert rate.wait(TURN_BYTES, 11.0) == pytest.approx(1.0)
    assert rate.wait(0, 12.5) == 0.0


def test_time_in_which_nothing_came_is_not_saved_up() -> None:
    rate = Rate(TURN_BYTES)
    rate.wait(1, 0.0)
    assert rate.wait(3 * TURN_BYTES, 1000.0) == pytest.approx(2.0)


@pytest.mark.slow
def test_a_stream_is_held_to_the_limit_both_ways(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    limit = 1024 * 1024
    hub.program.stop()
    hub.start(NEUROX_RELAY_LIMIT_BYTES_PER_SECOND=str(limit))
    try:
        eventually("it is connected again", site.is_connected)
        body = bytes(range(256)) * 2 * 4096
        began = time.monotonic()
        answer = site.session.post("http://manager/anything", data=body, timeout=60)
        seconds = time.monotonic() - began
        assert answer.content == body
        # There and back, less what two turns of the event loop let pass.
        assert seconds > (2 * len(body) - 2 * TURN_BYTES) / limit * 0.9
    finally:
        hub.program.stop()
        hub.start()
