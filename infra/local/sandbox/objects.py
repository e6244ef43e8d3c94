"""What is to stand in a sandbox cluster, applied again at every start."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from infra.local.errors import LocalError
from infra.local.sandbox import kubeconfig, manifests
from infra.local.sandbox.kube import Kube
from infra.local.sandbox.layout import Layout

TOKEN_SECONDS = 365 * 86_400
"""A token outlives any run of `up`; each start asks for a new one."""


class Objects:
    """Applies and asks; everything may be called again. LocalError says what was refused."""

    def __init__(self, kube: Kube, layout: Layout, nodes: int, gpus: int) -> None:
        self._kube = kube
        self._layout = layout
        self._nodes = nodes
        self._gpus = gpus

    def apply_namespaces(self) -> None:
        """neurox-system and the managed ones."""
        for manifest in manifests.namespaces():
            self._kube.apply(manifest)

    def apply_nodes(self) -> None:
        """The simulated nodes, no more and no fewer."""
        names = manifests.node_names(self._nodes)
        for index, name in enumerate(names):
            self._kube.apply(manifests.node(index, self._nodes, self._gpus))
            self._kube.apply(manifests.node_status(name, self._gpus), "status")
        for name in self._simulated():
            if name not in names:
                self._kube.delete(f"/api/v1/nodes/{name}")

    def apply_folder(self, folder: Path) -> None:
        """Every object in the folder's ``*.yaml``; an absent folder holds none."""
        for path in sorted(folder.glob("*.yaml")):
            self.apply_text(path.read_text(), str(path.name))

    def apply_text(self, text: str, origin: str = "the manifest") -> None:
        """Every object in a YAML text; ``origin`` names it in a refusal."""
        for manifest in _documents(text, origin):
            try:
                self._kube.apply(manifest)
            except LocalError as refused:
                name = f"{manifest['kind']} {manifest['metadata']['name']}"
                raise LocalError(f"{origin}: {name}: {refused}") from refused

    def nodes_ready(self) -> bool:
        """Whether every simulated node is Ready and has its GPUs."""
        found = self._kube.get("/api/v1/nodes?labelSelector=neurox.io/simulated%3Dtrue")["items"]
        return len(found) == self._nodes and all(map(_is_ready, found))

    def token_kubeconfig(self, service_account: str, namespace: str) -> Path:
        """A kubeconfig, mode 0600, by which a process acts as that service account."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        token = self._kube.post(path, request)["status"]["token"]
        at = self._layout
        server, authority = at.https("kube-apiserver"), at.certificate("ca")
        file = at.kubeconfig(f"{namespace}.{service_account}")
        kubeconfig.write(file, kubeconfig.by_token(server, authority, token, namespace))
        return file

    def close(self) -> None:
        """Let the connection go."""
        self._kube.close()

    def _simulated(self) -> list[str]:
        found = self._kube.get("/api/v1/nodes?labelSelector=neurox.io/simulated%3Dtrue")["items"]
        return [node["metadata"]["name"] for node in found]


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", ())
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "nvidia.com/gpu" in node["status"].get("allocatable", {})


def _documents(text: str, origin: str) -> Iterator[dict[str, Any]]:
    try:
        found = [document for document in yaml.safe_load_all(text) if document]
    except yaml.YAMLError as error:
        raise LocalError(f"{origin} is not YAML: {error}") from error
    for document in found:
        if not isinstance(document, dict) or not {"apiVersion", "kind", "metadata"} <= set(
            document
        ):
            raise LocalError(f"{origin} holds something that is not a Kubernetes object")
        yield document
