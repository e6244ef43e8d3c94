"""Pages served by the agent's own HTTP server, in this process."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from agent.pages import Page
from agent.server import MetricsServer


@contextmanager
def serving(pages: Mapping[str, Page]) -> Iterator[MetricsServer]:
    """It is not ready, ever; an address of its own until the block ends."""
    with MetricsServer(("127.0.0.1", 0), pages, lambda: False) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def address(server: MetricsServer) -> str:
    """HOST:PORT."""
    host, port = server.server_address[:2]
    return f"{host!s}:{port}"
