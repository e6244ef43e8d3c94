"""Two clusters at one hub, in a network of their own; the first is behind a line with faults."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from redis import Redis

from tests.conftest import Valkey
from tests.controllers.relay.faults.line import Line
from tests.controllers.relay.faults.network import Network
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.program import Program, await_that
from tests.controllers.relay.site import Site

PING_SECONDS = 2.0
DEAD_SECONDS = 2.25 * PING_SECONDS
"""45 s at the default of 20."""
BACK_SECONDS = 15.0
"""Of the longest back-off (8 s), a dial that was under way, and a handshake."""


@dataclass
class Scene:
    """``site`` dials by ``line``; ``other`` is not harmed by anything."""

    hub: Hub
    network: Network
    line: Line
    site: Site
    other: Site

    def await_links(self, links: bool, seconds: float) -> None:
        """Until both ends of ``site`` know that there are links, or that there is none."""
        words = "there are links" if links else "the loss is noticed"
        await_that(f"{words} in the cluster", lambda: self.is_ready() == links, seconds)
        await_that(f"{words} in the hub", lambda: bool(self.connections()) == links, seconds)

    def is_ready(self) -> bool:
        """What the relay-client says of itself."""
        url = f"http://127.0.0.1:{self.site.metrics}/readyz"
        return requests.get(url, timeout=5).ok

    def connections(self) -> float:
        """How many the relay-server counts."""
        text = requests.get(self.hub.internal_url + "/metrics", timeout=5).text
        name = f'neurox_relay_server_connections{{cluster="{self.site.cluster_id}"'
        rows = [line for line in text.splitlines() if line.startswith(name)]
        return sum(float(row.rpartition(" ")[2]) for row in rows)


def files(program: Program) -> int:
    """Open descriptors."""
    return len(list(Path(f"/proc/{program.process.pid}/fd").iterdir()))


def resident(program: Program) -> int:
    """Bytes of memory."""
    text = Path(f"/proc/{program.process.pid}/statm").read_text()
    return int(text.split()[1]) * 4096


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture(scope="module")
def scene(network: Network, tmp_path_factory: pytest.TempPathFactory, pki: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        valkey = Valkey()
        stack.callback(valkey.close)
        redis = stack.enter_context(Redis.from_url(valkey.url, socket_timeout=5))
        folder = tmp_path_factory.mktemp("scene")
        hub = Hub(folder, pki, redis, valkey.url, begin=False)
        stack.callback(hub.close)
        hub.start(NEUROX_RELAY_PING_SECONDS=f"{PING_SECONDS:g}")
        line = Line(hub.port)
        stack.callback(line.close)
        sites = [_site(hub, folder / name, stack) for name in ("site", "other")]
        text = hub.kubeconfig(sites[0].cluster_id)
        sites[0].join_file.write_text(text.replace(hub.url, f"https://127.0.0.1:{line.port}"))
        sites[0].start()
        sites[1].join()
        await_that("the cluster is connected", sites[0].is_connected)
        yield Scene(hub, network, line, *sites)


def _site(hub: Hub, folder: Path, stack: ExitStack) -> Site:
    site = Site(hub, folder, hub.record(folder.name))
    stack.callback(site.close)
    return site


@pytest.fixture
def well(scene: Scene) -> Iterator[Scene]:
    """The scene without a fault, and without one after the test; nothing must be left of it."""
    programs = (scene.hub.program, scene.site.program, scene.other.program)
    before = [(files(program), resident(program)) for program in programs]
    yield scene
    scene.network.heal()
    scene.line.left = scene.line.rate = None
    await_that("the cluster is back", scene.site.is_connected, BACK_SECONDS)
    scene.site.session.close()
    scene.other.session.close()
    for program, (descriptors, memory) in zip(programs, before, strict=True):
        # A pool of 4 to 8 links, and what a test before this one had idle.
        await_that("no descriptor is left", lambda p=program, d=descriptors: files(p) <= d + 8)
        assert resident(program) - memory < 10_000_000
        assert "Traceback" not in program.words()
