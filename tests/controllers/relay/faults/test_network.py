"""F19: a line that is cut, loses packets one way or by chance, crawls, or leads to the dead."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from controllers.domain.errors import Unreachable
from tests.controllers.relay.faults.conftest import BACK_SECONDS, DEAD_SECONDS, Scene
from tests.controllers.relay.faults.network import Way
from tests.controllers.relay.program import await_that
from tests.controllers.relay.site import Site, slow_request
from tests.controllers.relay.stream import opened

MARGIN_SECONDS = 1.5
"""For a machine that does other things too."""
ANSWER_BYTES = 1_000_000
LONGEST_CALL_SECONDS = 2.0


@contextmanager
def unharmed(site: Site) -> Iterator[None]:
    """All the while that cluster is asked again and again, and answers each time, in time."""
    failures, calls, stop = list[str](), list[float](), threading.Event()

    def ask() -> None:
        with site.hub.session(site.cluster_id) as session:
            while not stop.is_set():
                began = time.monotonic()
                try:
                    session.get("http://manager/x", timeout=10)
                except Unreachable as failure:
                    failures.append(str(failure))
                calls.append(time.monotonic() - began)
                stop.wait(0.01)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not failures
    assert calls
    assert max(calls) < LONGEST_CALL_SECONDS


def to_its_end(stream: socket.socket) -> None:
    """Read until the other side ends it in order."""
    while stream.recv(1 << 20):
        pass


@contextmanager
def noticed_in_time(scene: Scene) -> Iterator[None]:
    """A call is under way; what happens inside ends it, by an error, and both ends know."""
    scene.site.manager.seen.clear()
    scene.site.manager.state.pop("release", None)
    asking, outcome = slow_request(scene.hub, scene.site)
    await_that("the request is under way", lambda: scene.site.manager.seen)
    yield
    began = time.monotonic()
    asking.join(DEAD_SECONDS + MARGIN_SECONDS)
    assert [type(each) for each in outcome] == [Unreachable]
    scene.await_links(False, DEAD_SECONDS + MARGIN_SECONDS - (time.monotonic() - began))


@pytest.mark.parametrize("hard", [False, True], ids=["end", "reset"])
@pytest.mark.parametrize("after", [1, 1000, 65_536, 262_159, 600_000, ANSWER_BYTES - 1])
def test_an_answer_that_is_cut_is_an_error_and_never_a_short_success(
    well: Scene, after: int, hard: bool
) -> None:
    well.site.session.close()
    with opened(well.site) as stream:
        # Only the connection's end would tell where this answer ends.
        stream.sendall(f"GET /unframed/{ANSWER_BYTES} HTTP/1.1\r\nhost: m\r\n\r\n".encode())
        well.line.hard, well.line.left = hard, after
        with pytest.raises(ConnectionResetError):
            to_its_end(stream)
    await_that("the cluster is back", well.site.is_connected, BACK_SECONDS)
    with well.hub.session(well.site.cluster_id) as session:
        assert session.get("http://manager/x", timeout=5).ok
        well.line.left = after
        with pytest.raises(Unreachable):
            session.get(f"http://manager/bytes/{ANSWER_BYTES}", timeout=10)


@pytest.mark.parametrize("way", ["to the server", "to the client"])
def test_packets_that_get_lost_one_way_are_noticed_at_both_ends(well: Scene, way: Way) -> None:
    with unharmed(well.other), noticed_in_time(well):
        well.network.drop(well.line.port, way)
    with pytest.raises(Unreachable, match="the cluster is not connected"):
        well.site.session.get("http://manager/x", timeout=10)
    well.network.heal()
    well.await_links(True, BACK_SECONDS)


def test_of_packets_that_get_lost_by_chance_no_byte_is_wrong(well: Scene) -> None:
    payload, right, wrong = os.urandom(200_000), 0, 0
    with unharmed(well.other):
        well.network.drop(well.line.port, "to the server", "to the client", percent=30)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with well.hub.session(well.site.cluster_id) as session:
                try:
                    answer = session.post("http://manager/echo", data=payload, timeout=10)
                except Unreachable:
                    wrong += 1
                else:
                    assert answer.content == payload
                    right += 1
    assert right + wrong > 1
    well.network.heal()
    well.await_links(True, BACK_SECONDS)
    for _ in range(20):
        assert well.site.session.post("http://manager/echo", data=payload, timeout=10).ok


def test_a_line_of_one_byte_a_second_is_as_good_as_none(well: Scene) -> None:
    with unharmed(well.other), noticed_in_time(well):
        well.line.rate = 1.0
    well.line.rate = None
    well.await_links(True, BACK_SECONDS)


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_peer_that_is_there_and_does_nothing_is_given_up(well: Scene, side: str) -> None:
    """Its kernel still takes what is sent, so TCP notices nothing."""
    frozen = (well.site if side == "client" else well.hub).program.process
    try:
        frozen.send_signal(signal.SIGSTOP)
        if side == "client":
            await_that(
                "the hub notices",
                lambda: not well.connections(),
                DEAD_SECONDS + MARGIN_SECONDS,
            )
            with pytest.raises(Unreachable):
                well.site.session.get("http://manager/x", timeout=10)
            assert well.other.session.get("http://manager/x", timeout=10).ok
        else:
            await_that(
                "the cluster notices",
                lambda: not well.is_ready(),
                DEAD_SECONDS + MARGIN_SECONDS,
            )
    finally:
        frozen.send_signal(signal.SIGCONT)
    well.await_links(True, BACK_SECONDS)


def test_tcp_probes_a_caller_from_whom_nothing_comes(well: Scene) -> None:
    """On a silent stream nobody else would notice that the caller's machine is gone."""
    with opened(well.site) as stream:
        far = f"= :{stream.getsockname()[1]}"
        shown = subprocess.run(
            ["ss", "-tnoH", "dport", far], capture_output=True, text=True, timeout=5, check=True
        ).stdout
    assert re.search(r"timer:\(keepalive,(1?\d|20)sec,0\)", shown), shown
