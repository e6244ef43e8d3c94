"""A workload cluster: a real relay-client, and what stands behind it."""

import base64
import threading
import uuid
from pathlib import Path

import requests

from controllers.domain.errors import Unreachable
from controllers.relay import join
from tests.conftest import free_port
from tests.controllers.relay.backends import SECRETS, Backend, KubernetesHandler, ManagerHandler
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.program import Program, await_that


class Site:
    """A workload cluster: its API server, its manager and its relay-client."""

    def __init__(self, hub: Hub, folder: Path, cluster_id: str) -> None:
        folder.mkdir()
        self.hub, self.folder, self.cluster_id = hub, folder, cluster_id
        self.kubernetes = Backend(KubernetesHandler, hub.pki)
        self.kubernetes.state["uid"] = str(uuid.uuid4())
        for name in SECRETS.values():
            self.kubernetes.state[name] = {"metadata": {"resourceVersion": "1", "uid": name}}
        self.manager = Backend(ManagerHandler)
        self.join_file = folder / "join.kubeconfig"
        self.metrics = free_port()
        self.session = hub.session(cluster_id)
        access = join.kubeconfig("https://x", Path(hub.ca).read_text(), "cluster-token")
        access = access.replace("https://x/relay/v1/join", f"https://{self.kubernetes.address}")
        (folder / "kubeconfig").write_text(access)

    def start(self, **more: str) -> None:
        self.program = self.client("client.log", self.metrics, **more)

    def client(self, log: str, metrics: int, **more: str) -> Program:
        """A replica of the relay-client."""
        env = {
            "NEUROX_RELAY_JOIN_FILE": str(self.join_file),
            "NEUROX_RELAY_KUBECONFIG": str(self.folder / "kubeconfig"),
            "NEUROX_RELAY_MANAGER": f"http://{self.manager.address}",
            "NEUROX_RELAY_METRICS_LISTEN": f"127.0.0.1:{metrics}",
            "NEUROX_RELAY_DRAIN_SECONDS": "1",
            **more,
        }
        return Program("controllers.relay.client", env, self.folder / log)

    def join(self, **more: str) -> None:
        self.join_file.write_text(self.hub.kubeconfig(self.cluster_id))
        self.start(**more)
        await_that("the cluster is connected", self.is_connected)

    def is_connected(self) -> bool:
        assert self.program.process.poll() is None, self.program.words()
        with self.hub.session(self.cluster_id) as session:
            try:
                return session.get("http://manager/v1/state", timeout=5).ok
            except Unreachable:
                return False

    def kept(self, name: str = "secret") -> dict[str, str]:
        data = self.kubernetes.state[name].get("data", {})
        return {name: base64.b64decode(value).decode() for name, value in data.items()}

    def is_listening(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.metrics}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False

    def write(self, data: bytes, **headers: str) -> requests.Response:
        """As the cluster's Prometheus does."""
        await_that("there is a write token", lambda: self.kept("write_token").get("token"))
        shown = {"authorization": f"Bearer {self.kept('write_token')['token']}"}
        url = f"http://127.0.0.1:{self.metrics}/api/v1/write"
        answers: list[requests.Response] = []

        def knows_it() -> bool:
            answers.append(requests.post(url, data, headers=shown | headers, timeout=10))
            return "has no write token yet" not in answers[-1].text

        await_that("the client knows what it has kept", knows_it)
        return answers[-1]

    def close(self) -> None:
        self.session.close()
        if hasattr(self, "program"):
            self.program.stop()
        self.kubernetes.close()
        self.manager.state.setdefault("release", threading.Event()).set()
        self.manager.close()


def slow_request(hub: Hub, site: Site) -> tuple[threading.Thread, list[int | Unreachable]]:
    """A request by that hub that is under way until the manager's ``release`` is set."""
    outcome: list[int | Unreachable] = []

    def ask() -> None:
        with hub.session(site.cluster_id) as session:
            try:
                outcome.append(session.get("http://manager/slow", timeout=60).status_code)
            except Unreachable as failure:
                outcome.append(failure)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, outcome
