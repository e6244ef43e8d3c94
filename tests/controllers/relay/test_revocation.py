"""Access taken back: links, streams and metrics end at every replica in time, whatever is lost."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from controllers.domain.errors import Unreachable
from controllers.relay import join
from controllers.relay.identity import PrivateKey
from controllers.store import keys
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.raw import ask, closed_within, connect, head_of, link, tls, write
from tests.controllers.relay.site import Site

CUT_SECONDS = 10.0


def told(hub: Hub, cluster_id: str) -> None:
    """As the API does it."""
    join.revoke(hub.redis, cluster_id)


def unheard(hub: Hub, cluster_id: str) -> None:
    """The message is lost."""
    hub.redis.delete(keys.relay_identity(cluster_id))


def deafened(hub: Hub, cluster_id: str) -> None:
    """The connections that would bring the message die just before it."""
    hub.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    join.revoke(hub.redis, cluster_id)


def under_way(hub: Hub, cluster_id: str, key: PrivateKey) -> Any:
    """A write of which the store has the beginning."""
    sock = tls(hub)
    sock.sendall(write(hub, cluster_id, key, 1_000_000) + b"x" * 100_000)
    return sock


@pytest.mark.parametrize("revoke", [told, unheard, deafened])
def test_links_and_metrics_end_at_every_replica_within_ten_seconds(
    hubs: list[Hub], revoke: Callable[[Hub, str], None]
) -> None:
    (cluster_id, key), (other_id, other) = hubs[0].member(), hubs[0].member()
    with ExitStack() as stack:
        mine, theirs = [], []
        for hub in hubs:
            mine += [stack.enter_context(link(hub, cluster_id, key)) for _ in range(4)]
            mine.append(stack.enter_context(under_way(hub, cluster_id, key)))
            theirs.append(stack.enter_context(link(hub, other_id, other)))
        revoke(hubs[0], cluster_id)
        end = time.monotonic() + CUT_SECONDS
        for sock in mine:
            assert closed_within(sock, end - time.monotonic())
        for hub in hubs:
            assert connect(hub, cluster_id, key) == 403
            assert ask(hub, write(hub, cluster_id, key) + b"x") == 403
            assert not hub.receive.seen
            assert connect(hub, other_id, other) == 101
            assert ask(hub, write(hub, other_id, other) + b"x") == 200
        print(f"{revoke.__name__}: {CUT_SECONDS - (end - time.monotonic()):.2f} s")
        assert time.monotonic() < end
        assert not any(closed_within(sock, 0.1) for sock in theirs)


def test_a_write_without_any_link_is_cut_too(hubs: list[Hub]) -> None:
    cluster_id, key = hubs[0].member()
    with under_way(hubs[1], cluster_id, key) as sock:
        unheard(hubs[0], cluster_id)
        assert closed_within(sock, CUT_SECONDS)
    assert not hubs[1].receive.seen


def test_a_whole_write_of_that_size_is_taken(hubs: list[Hub]) -> None:
    cluster_id, key = hubs[0].member()
    with under_way(hubs[0], cluster_id, key) as sock:
        sock.sendall(b"x" * 900_000)
        assert " 200 " in head_of(sock)
    assert len(hubs[0].receive.seen) == 1


def test_a_revoked_client_says_so_and_comes_back_by_a_new_token_without_a_restart(
    hub: Hub, site: Site, eventually: Callable[..., None]
) -> None:
    url = f"http://127.0.0.1:{site.metrics}"
    join.revoke(hub.redis, site.cluster_id)
    eventually("it says so", lambda: "access was taken back" in site.program.words())
    line = next(row for row in site.program.words().splitlines() if "taken back" in row)
    assert "neurox cluster join" in line
    assert 300 <= float(line.rsplit("next try in ", 1)[1].split()[0]) <= 302
    eventually(
        "so does its state", lambda: "taken back" in requests.get(url + "/readyz", timeout=5).text
    )
    assert site.write(b"x").status_code == 503
    pid, former = site.program.process.pid, site.kept()["key"]
    site.join_file.write_text(hub.kubeconfig(site.cluster_id))
    eventually("it is back", site.is_connected)
    assert site.program.process.poll() is None
    assert site.program.process.pid == pid
    assert site.kept()["key"] != former
    assert not site.kept()["next-key"]
    assert site.write(b"x").status_code == 200


def test_a_stream_of_a_revoked_cluster_ends_in_an_error(
    hub: Hub, site: Site, eventually: Callable[..., None]
) -> None:
    with hub.session(site.cluster_id) as session:
        answer = session.get("http://manager/endless", stream=True, timeout=30)
        pieces = answer.iter_content(65536)
        next(pieces)
        join.revoke(hub.redis, site.cluster_id)
        began = time.monotonic()
        with pytest.raises((Unreachable, requests.RequestException)):
            deque(pieces, maxlen=0)
        assert time.monotonic() - began < CUT_SECONDS


def test_what_cannot_be_read_of_one_cluster_harms_no_other(hub: Hub) -> None:
    cluster_id, key = hub.member("rubbish")
    other_id, other = hub.member("other")
    rubbish = {"rotation": "{", "rotate": "soon", "key:0": b"\xff", "until:0": "never"}
    with link(hub, cluster_id, key), link(hub, other_id, other) as sock:
        hub.redis.hset(keys.relay_identity(cluster_id), mapping=rubbish)
        hub.redis.publish(keys.RELAY_EVENTS, cluster_id)
        join.revoke(hub.redis, other_id)
        assert closed_within(sock, CUT_SECONDS)
        assert connect(hub, cluster_id, key) == 101
    assert "Traceback" not in hub.program.words()
    assert not hub.redis.hexists(keys.relay_identity(cluster_id), "until:0")
