import socket
from contextlib import ExitStack

from prometheus_client import CollectorRegistry

from agent.server import MetricsServer


def test_a_burst_of_scrapes_is_queued_and_not_dropped() -> None:
    with (
        MetricsServer(("127.0.0.1", 0), CollectorRegistry(), lambda: True) as server,
        ExitStack() as opened,
    ):
        # Nobody accepts yet: what the queue does not take would have to dial again a second later.
        for _ in range(30):
            opened.enter_context(socket.create_connection(server.server_address[:2], timeout=0.5))
