"""Peers that are gone before the server has finished to let them in."""

import random
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import requests

from controllers.relay import websocket
from controllers.relay.identity import CONNECT
from tests.controllers.relay.raw import tls

HARD = struct.pack("ii", 1, 0)
TRIES = 400


def test_one_that_vanishes_while_its_token_is_checked_is_not_kept_as_a_link(
    hub: Any, eventually: Callable[..., None]
) -> None:
    cluster_id, key = hub.member("vanishing")
    chance = random.Random(5)
    for _ in range(TRIES):
        token = key.token(cluster_id, CONNECT, time.time())
        with tls(hub) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HARD)
            sock.sendall(websocket.request("hub", websocket.new_key(), token, "t"))
            until = time.monotonic() + chance.uniform(0, 0.002)
            while time.monotonic() < until:
                pass
    eventually("none is counted", lambda: not connections(hub, cluster_id), 10)
    assert "Traceback" not in hub.program.words()


def connections(hub: Any, cluster_id: str) -> float:
    text = requests.get(hub.internal_url + "/metrics", timeout=5).text
    name = f'neurox_relay_server_connections{{cluster="{cluster_id}"'
    rows = [line for line in text.splitlines() if line.startswith(name)]
    return sum(float(row.rpartition(" ")[2]) for row in rows)
