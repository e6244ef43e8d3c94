import tomllib
from pathlib import Path

import pytest

from infra.images import upstream
from infra.local.node import containerd, kubelet, proxy
from infra.local.node.layout import SOCKET, Layout
from infra.local.node.node import TOOLS

AT = Layout("hub", Path("/state/hub"), "10.253.1.2", 24, "nxb0")


class Tools:
    """Every tool at a path of its own."""

    def path(self, name: str) -> Path:
        return Path("/tools") / name / name


def test_containerd_finds_runc_the_plugins_and_the_pause_image() -> None:
    plugins = tomllib.loads(containerd.configuration(AT, Tools()))["plugins"]
    runtime = plugins["io.containerd.cri.v1.runtime"]
    assert runtime["cni"]["bin_dirs"] == [f"/tools/{name}" for name in containerd.PLUGINS]
    runc = runtime["containerd"]["runtimes"]["runc"]["options"]
    assert runc["BinaryName"] == "/tools/runc/runc"
    pinned = plugins["io.containerd.cri.v1.images"]["pinned_images"]
    assert pinned["sandbox"] == upstream.reference("pause")


def test_the_kubelet_keeps_to_a_control_group_of_its_own() -> None:
    other = Layout("hub", Path("/elsewhere/hub"), "10.253.1.3", 24, "nxb0")
    groups = {kubelet.configuration(at)["cgroupRoot"] for at in (AT, other)}
    assert len(groups) == 2
    assert kubelet.configuration(AT)["containerRuntimeEndpoint"] == f"unix://{SOCKET}"


def test_pods_addresses_are_hidden_behind_the_nodes() -> None:
    bridge = containerd.network()["plugins"][0]
    assert bridge["ipMasq"]
    assert bridge["ipam"]["ranges"] == [[{"subnet": proxy.configuration(AT)["clusterCIDR"]}]]


@pytest.mark.parametrize("name", ["etcd", "kubelet", "runc", "pause", "coredns", "ctr"])
def test_a_node_asks_for_what_it_runs(name: str) -> None:
    assert name in TOOLS
    assert not set(TOOLS) & set(upstream.CHART)
