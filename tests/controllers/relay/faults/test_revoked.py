"""F22: a cluster's access is taken back while it is connected and sends metrics."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from controllers.relay import join
from tests.controllers.relay.program import await_that
from tests.controllers.relay.stream import opened

CUT_SECONDS = 10.0


def written(site: Any) -> int:
    """The status of a remote write by that cluster's Prometheus."""
    return int(site.write(b"samples").status_code)


def test_its_links_streams_and_metrics_end_within_ten_seconds_and_nobody_elses(
    hub: Any, new_site: Callable[[], Any]
) -> None:
    revoked, other = new_site(), new_site()
    revoked.join()
    other.join()
    assert (written(revoked), written(other)) == (200, 200)
    with opened(revoked) as cut, opened(other) as stays:
        join.revoke(hub.redis, revoked.cluster_id)
        began = time.monotonic()
        cut.settimeout(CUT_SECONDS)
        with pytest.raises(ConnectionResetError):
            cut.recv(1)
        await_that("metrics are refused", lambda: written(revoked) >= 400, CUT_SECONDS)
        assert time.monotonic() - began < CUT_SECONDS
        arrived = len(hub.receive.seen)
        assert written(revoked) >= 400
        assert len(hub.receive.seen) == arrived
        stays.settimeout(0.5)
        with pytest.raises(TimeoutError):
            stays.recv(1)
        assert written(other) == 200
    assert other.session.get("http://manager/x", timeout=5).ok
