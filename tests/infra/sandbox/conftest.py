import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from infra.local.ports import Ports
from infra.local.sandbox.kube import Kube
from infra.local.sandbox.objects import Objects
from infra.local.sandbox.processes import SERVERS, SandboxCluster
from infra.local.supervisor import Supervisor
from infra.tools.toolbox import Toolbox

START_SECONDS = 60.0


class Running:
    """A sandbox under the supervisor, whose loop has a thread of its own."""

    def __init__(self, state: Path, known: dict[str, int], nodes: int = 2) -> None:
        tools = Toolbox.from_env()
        if missing := tools.missing(SERVERS):
            pytest.fail(f"`neurox tools` must make {', '.join(missing)} first")
        folder = state / "clusters" / "sandbox-1"
        self.cluster = SandboxCluster("sandbox-1", folder, tools, Ports(known).get, nodes, 8)
        self.pids: dict[str, int | None] = {}
        self.told: list[str] = []
        self._state = state
        self._ready, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def start(self) -> "Running":
        self.cluster.prepare()
        self._thread.start()
        assert self._ready.wait(START_SECONDS), self.told
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(START_SECONDS)
        assert not self._thread.is_alive()

    def kube(self) -> Kube:
        at = self.cluster.layout
        return Kube(
            self.cluster.server, at.certificate("ca"), (at.certificate("admin"), at.key("admin"))
        )

    def objects(self) -> Objects:
        return self.cluster.objects()

    async def _run(self) -> None:
        hurry = asyncio.Event()
        supervisor = Supervisor(self.cluster.processes(), self._state, self.told.append, hurry)
        supervisor.start()
        try:
            await supervisor.ready(list(supervisor.keepers), START_SECONDS)
            self.pids = {name: keeper.pid for name, keeper in supervisor.keepers.items()}
            self._ready.set()
            await asyncio.to_thread(self._stop.wait)
        finally:
            await supervisor.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[Running]:
    """One cluster for a file of tests, with its namespaces and two nodes."""
    fleet = Running(tmp_path_factory.mktemp("state"), {}).start()
    try:
        objects = fleet.objects()
        objects.apply_namespaces()
        objects.apply_nodes()
        eventually("nodes ready", objects.nodes_ready)
        objects.close()
        yield fleet
    finally:
        fleet.stop()


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Start clusters that are stopped after the test at the latest."""
    started: list[Running] = []

    def one(state: Path, known: dict[str, int], nodes: int = 2) -> Running:
        started.append(Running(state, known, nodes).start())
        return started[-1]

    yield one
    for fleet in started:
        fleet.stop()


def eventually(what: str, condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., None]:
    return eventually


@pytest.fixture
def as_user(running: Running) -> Callable[[Path, str], int]:
    """The status that the API server answers the holder of a token kubeconfig with."""
    session = requests.Session()
    session.trust_env = False  # or a foreign CA bundle would override ours
    session.verify = str(running.cluster.layout.certificate("ca"))

    def get(file: Path, path: str) -> int:
        token = json.loads(file.read_text())["users"][0]["user"]["token"]
        headers = {"Authorization": f"Bearer {token}"}
        return session.get(running.cluster.server + path, headers=headers, timeout=10).status_code

    return get
