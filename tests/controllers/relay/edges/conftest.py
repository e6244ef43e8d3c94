"""A hub behind an edge, and a cluster that joined through it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from tests.controllers.relay.edges.edge import SCALE, Edge
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.site import Site

BRISK = {"NEUROX_RELAY_PING_SECONDS": f"{20 / SCALE:g}"}
"""As often for the scaled time-outs as by default for those that the proxies have."""


class Way:
    """Relay-server, edge and relay-client, one behind the other."""

    def __init__(
        self, folder: Path, pki: Path, redis: Redis, redis_url: str, edge: type[Edge]
    ) -> None:
        self.folder, self.pki, self._kind = folder, pki, edge
        self.hub = Hub(folder, pki, redis, redis_url, begin=False)
        self.edge: Edge | None = None
        self.site: Site | None = None

    def start(self, scale: int = SCALE, options: str = "", **more: str) -> Edge:
        """All three; TLS ends at the edge."""
        self.edge = edge = self._kind(self.folder, self.pki, self.hub.port, scale, options)
        edge.start()
        self.hub.url = f"https://127.0.0.1:{edge.port}"
        self.serve(**more)
        self.site = Site(self.hub, self.folder / "site", self.hub.record(self.folder.name))
        self.site.join()
        return edge

    def serve(self, **more: str) -> None:
        """The relay-server alone."""
        plain = {"NEUROX_RELAY_TLS_CERT_FILE": "", "NEUROX_RELAY_TLS_KEY_FILE": ""}
        self.hub.start(**{**plain, **BRISK, **more})

    def close(self) -> None:
        for each in (self.site, self.hub):
            if each is not None:
                each.close()
        if self.edge is not None and hasattr(self.edge, "process"):
            self.edge.stop()


@pytest.fixture
def new_way(
    tmp_path_factory: pytest.TempPathFactory, pki: Path, valkey_url: str
) -> Iterator[Callable[[type[Edge]], Way]]:
    """Makes ways that are not started yet."""
    with ExitStack() as stack:
        redis = stack.enter_context(Redis.from_url(valkey_url, socket_timeout=5))

        def make(edge: type[Edge]) -> Way:
            way = Way(tmp_path_factory.mktemp(edge.name), pki, redis, valkey_url, edge)
            stack.callback(way.close)
            return way

        yield make
