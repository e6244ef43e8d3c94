"""The relay behind nginx, HAProxy and Caddy, each as documented and with its own time-outs."""

import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from controllers.domain.errors import Unreachable
from tests.controllers.relay.edges.edge import EDGES, Caddy, Edge, HAProxy, Nginx
from tests.controllers.relay.program import await_that
from tests.controllers.relay.stream import opened

every_edge = pytest.mark.parametrize("kind", EDGES, ids=lambda each: each.name)
NewWay = Callable[[type[Edge]], Any]


def stays_silent(stream: socket.socket, seconds: float) -> None:
    """Nothing comes and nothing is cut."""
    stream.settimeout(seconds)
    with pytest.raises(TimeoutError):
        stream.recv(1)
    stream.settimeout(15)


def answers(stream: socket.socket) -> bool:
    """Whether a request over that very stream is answered in full."""
    stream.sendall(b"GET /alive HTTP/1.1\r\nhost: m\r\n\r\n")
    received = b""
    while not received.endswith(b"\r\n\r\n/alive"):
        data = stream.recv(4096)
        if not data:
            return False
        received += data
    return received.startswith(b"HTTP/1.1 200 ")


class Callers:
    """Calls by one stream each, one after another, until stopped; failures are kept."""

    def __init__(self, site: Any) -> None:
        self.answered, self.failures = 0, list[str]()
        self._site, self._stop = site, threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(3)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        self.go_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def go_on(self, calls: int = 30) -> None:
        """Until so many more are answered."""
        await_that("calls are answered", lambda until=self.answered + calls: self.answered >= until)

    def _call(self) -> None:
        while not self._stop.is_set():
            with self._site.hub.session(self._site.cluster_id) as session:
                try:
                    assert session.get("http://manager/x", timeout=15).text == "/x"
                    self.answered += 1
                except Unreachable as failure:
                    self.failures.append(f"{time.strftime('%X')} {failure}")


@every_edge
def test_a_stream_that_is_silent_for_longer_than_the_edge_allows_survives(
    kind: type[Edge], new_way: NewWay
) -> None:
    way = new_way(kind)
    edge = way.start()
    with opened(way.site) as stream:
        assert answers(stream)
        stays_silent(stream, 1.5 * edge.limit)
        assert answers(stream)


@pytest.mark.parametrize("kind", [Nginx, HAProxy], ids=lambda each: each.name)
def test_without_signs_of_life_that_edge_would_cut_it(kind: type[Edge], new_way: NewWay) -> None:
    way = new_way(kind)
    edge = way.start(NEUROX_RELAY_PING_SECONDS="60")
    with opened(way.site) as stream:
        stream.settimeout(2 * edge.limit)
        with pytest.raises(ConnectionResetError):
            stream.recv(1)
    await_that("the cluster is back", way.site.is_connected)


@pytest.mark.slow
def test_with_the_default_figures_streams_outlive_the_default_time_outs(new_way: NewWay) -> None:
    ways = [new_way(kind) for kind in EDGES]
    streams = []
    for way in ways:
        way.start(scale=1, NEUROX_RELAY_PING_SECONDS="")
        streams.append(opened(way.site))
    began, longest = time.monotonic(), 1.2 * max(way.edge.limit for way in ways)
    for stream in streams:
        stays_silent(stream, max(0.01, longest - (time.monotonic() - began)))
    assert [answers(stream) for stream in streams] == [True] * len(EDGES)
    for stream in streams:
        stream.close()


@every_edge
def test_bytes_and_metrics_pass_unchanged(kind: type[Edge], new_way: NewWay) -> None:
    way = new_way(kind)
    way.start()
    payload, samples = os.urandom(12_345_678), os.urandom(5_000_001)
    echoed = way.site.session.post("http://manager/echo", data=payload, timeout=60)
    assert echoed.content == payload
    assert way.site.write(samples, **{"THANOS-TENANT": "another"}).status_code == 200
    headers, arrived = way.hub.receive.seen[-1]
    tenants = [value for name, value in headers.items() if name.lower() == "thanos-tenant"]
    assert (tenants, arrived) == ([way.site.cluster_id], samples)


@every_edge
def test_a_reload_fails_no_call_and_cuts_no_stream(kind: type[Edge], new_way: NewWay) -> None:
    way = new_way(kind)
    edge = way.start()
    with opened(way.site) as stream, Callers(way.site) as callers:
        for _ in range(3):
            edge.reload()
            callers.go_on()
        assert answers(stream)
        stays_silent(stream, 1.2 * edge.limit)
        assert answers(stream)
    assert callers.failures == []


@every_edge
def test_a_reload_that_cuts_is_an_error_and_the_cluster_returns_by_itself(
    kind: type[Edge], new_way: NewWay
) -> None:
    way = new_way(kind)
    edge = way.start(options=kind.abrupt)
    stream = opened(way.site)
    with stream, Callers(way.site) as callers:
        edge.reload()
        with pytest.raises(ConnectionResetError):
            stream.recv(1)
        began = time.monotonic()
        await_that("the cluster is back", way.site.is_connected)
        assert time.monotonic() - began < 10
        failed = len(callers.failures)
        callers.go_on()
        assert callers.failures[failed:] == []


@every_edge
def test_an_edge_or_a_server_that_was_away_is_found_again(
    kind: type[Edge], new_way: NewWay
) -> None:
    way = new_way(kind)
    edge = way.start()
    edge.stop()
    await_that("the cluster is gone", lambda: not way.site.is_connected())
    edge.start()
    await_that("the cluster is back", way.site.is_connected, seconds=10)
    way.hub.program.process.kill()
    way.hub.program.process.wait(10)
    way.serve()
    await_that("the cluster is back", way.site.is_connected, seconds=10)


def test_the_page_has_a_configuration_for_each(tmp_path: Any, pki: Any) -> None:
    for kind in (Nginx, HAProxy, Caddy):
        edge = kind(tmp_path, pki, 1)
        text = "".join(edge.configuration().values())
        assert str(edge.port) in text, f"{edge.name} would listen elsewhere"
