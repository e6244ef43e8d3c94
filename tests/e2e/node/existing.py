"""A cluster that runs already, in the place of a real node: `pytest -m node --context NAME`."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from infra.tools.toolbox import Toolbox

NAMESPACE = "neurox-system"


class ExistingCluster:
    """What these tests ask of a RealNode, by a context of the user's own kubeconfig.

    Images are pulled by the cluster, or its owner has imported them.
    """

    def __init__(self, context: str, folder: Path) -> None:
        self.context = context
        self.kubeconfig = folder / "kubeconfig"
        self._tools = Toolbox.from_env()
        self._taken = False
        view = ("config", "view", "--minify", "--flatten", f"--context={context}")
        self.kubeconfig.write_text(self._run("kubectl", *view))
        node = self._first_node()
        self.name: str = node["metadata"]["name"]
        addresses = {one["type"]: one["address"] for one in node["status"]["addresses"]}
        self.address: str = addresses.get("ExternalIP") or addresses["InternalIP"]
        self._namespaces = self._all_namespaces()
        assert NAMESPACE not in self._namespaces, (
            f"namespace {NAMESPACE} exists in {context}: these tests install Neurox there and "
            "remove it again. Give them a cluster without Neurox, or delete that namespace."
        )

    def import_images(self, archives: Iterable[Path]) -> None:
        """Its owner's business."""

    def __enter__(self) -> "ExistingCluster":
        if self._taken:
            pytest.skip("needs a second cluster, and --context names one")
        self._taken = True
        return self

    def __exit__(self, *_: object) -> None:
        """As it was found: without the releases and namespaces that the tests made."""
        made = sorted(self._all_namespaces() - self._namespaces)
        for namespace in made:
            for release in self._helm("list", "-n", namespace, "-q").split():
                self._helm("uninstall", release, "-n", namespace, "--wait")
        if made:
            self._kubectl("delete", "namespace", *made, "--ignore-not-found", "--timeout=180s")
        self._taken = False

    def _first_node(self) -> dict:
        found = json.loads(self._kubectl("get", "nodes", "-o", "json"))["items"]
        free = [node for node in found if not node["spec"].get("unschedulable")]
        assert free, f"{self.context} has no node that takes pods"
        return dict(free[0])

    def _all_namespaces(self) -> set[str]:
        names = self._kubectl("get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}")
        return set(names.split())

    def _kubectl(self, *words: str) -> str:
        return self._run("kubectl", *words, KUBECONFIG=str(self.kubeconfig))

    def _helm(self, *words: str) -> str:
        return self._run("helm", *words, KUBECONFIG=str(self.kubeconfig))

    def _run(self, tool: str, *words: str, **env: str) -> str:
        done = subprocess.run(
            (str(self._tools.path(tool)), *words),
            env={**os.environ, "NO_PROXY": "*", "no_proxy": "*", **env},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"{tool} {' '.join(words)}: {done.stderr}"
        return done.stdout
