"""What a relay-server tells of itself, as Prometheus reads it."""

import time
from collections.abc import Callable
from typing import Any

import requests

from controllers.relay.identity import CONNECT, PrivateKey
from tests.controllers.relay.scrape import samples


def value(hub: Any, name: str, **labels: str) -> float:
    found = [v for known, had, v in samples(hub) if known == name and labels.items() <= had.items()]
    return sum(found)


def test_a_call_is_measured_in_its_parts(hub: Any, site: Any) -> None:
    before = {part: value(hub, "open_seconds_count", part=part) for part in ("wait", "dial")}
    assert site.session.get("http://manager/v1/state", timeout=10).ok
    for part, count in before.items():
        assert value(hub, "open_seconds_count", part=part) == count + 1
        assert 0 < value(hub, "open_seconds_sum", part=part) < 10
    for direction in ("in", "out"):
        assert value(hub, "bytes_total", cluster=site.cluster_id, direction=direction) > 0


def test_the_age_of_metrics_is_that_of_the_last_ones_taken(hub: Any, site: Any) -> None:
    assert site.write(b"x").ok
    hub.receive.state["status"] = 503
    try:
        assert site.write(b"x").status_code == 503
        assert 0 <= value(hub, "write_age_seconds", cluster=site.cluster_id) < 30
        writes = {"cluster": site.cluster_id}
        assert value(hub, "writes_total", **writes, status="200") == 1
        assert value(hub, "writes_total", **writes, status="503") == 1
    finally:
        hub.receive.state["status"] = 200


def test_refused_tokens_are_counted_by_their_reason(hub: Any, site: Any) -> None:
    def refused() -> dict[tuple[str, str], float]:
        rows = [(had, v) for name, had, v in samples(hub) if name == "refused_total"]
        return {(had["status"], had["reason"]): v for had, v in rows}

    before = refused()
    late = PrivateKey.generate().token(site.cluster_id, CONNECT, time.time() - 3600)
    for shown in ("Bearer " + late, "", "Bearer a.b.c"):
        headers = {"authorization": shown}
        url = hub.url + "/relay/v1/write"
        assert (
            requests.post(url, b"x", headers=headers, timeout=5, verify=hub.ca).status_code == 401
        )
    grown = {key: count - before.get(key, 0) for key, count in refused().items()}
    assert sum(grown.values()) == 3
    assert grown["401", "absent"] == 1
    assert all(status == "401" for (status, _), more in grown.items() if more)


def test_the_event_loop_is_looked_at_and_limits_are_told(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    eventually("a look", lambda: value(hub, "event_loop_lag_seconds_count") > 0)
    limits = {had["limit"]: v for name, had, v in samples(hub) if name == "limit"}
    assert limits == {
        "connections": 64,
        "streams": 48,
        "writes": 8,
        "write_bytes": 32 * 1024 * 1024,
        "bytes_per_second": 0,
        "dial_seconds": 5,
        "unsent_bytes": 256 * 1024,
        "sockets": 2000,
    }
