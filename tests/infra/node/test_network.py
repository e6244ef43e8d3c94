import ipaddress
from pathlib import Path

import pytest

from infra.local.errors import LocalError
from infra.local.node.layout import Layout
from infra.local.node.network import NETWORKS, Network, free_network


def test_a_network_overlaps_nothing_that_the_machine_has() -> None:
    wanted = free_network([], "bridge")
    assert free_network([wanted], "bridge") != wanted
    wide = ipaddress.IPv4Network("10.0.0.0/8")
    with pytest.raises(LocalError, match="end other tests"):
        free_network([wide], "bridge")


def test_two_folders_start_from_different_networks() -> None:
    assert len({free_network([], str(number)) for number in range(20)}) > 10
    assert all(network.prefixlen == 24 for network in NETWORKS)


def test_names_fit_the_kernel_and_belong_to_one_folder(tmp_path: Path) -> None:
    bridge = Network(tmp_path / "a").bridge
    assert len(bridge) <= 15
    assert bridge != Network(tmp_path / "b").bridge
    hub, site = (Layout(name, tmp_path / name, "10.253.1.2", 24, bridge) for name in ("a", "b"))
    assert hub.link != site.link
    assert len(hub.link) <= 15
    assert hub.cgroup != site.cgroup


def test_without_root_one_sentence_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(LocalError, match="needs root"), Network(tmp_path):
        pass


def test_a_missing_program_is_named_by_its_package(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalError, match="apt install iproute2 util-linux nftables"):
        Network(tmp_path).__enter__()


def test_what_a_node_is_started_with_is_what_it_reads(tmp_path: Path) -> None:
    at = Layout("hub", tmp_path / "hub", "10.253.1.2", 24, "nxb0")
    at.write()
    assert Layout.read(at.folder) == at
