import re

import pytest

from infra.tools.catalogue import DEFAULT, GROUPS, TOOLS, GoBuild, LayerWheel
from infra.tools.workshop import SOURCES

BUILT = [
    tool
    for tool in TOOLS.values()
    if isinstance(tool.source, GoBuild) and not tool.source.package.startswith("tools/")
]


@pytest.mark.parametrize("tool", BUILT, ids=lambda tool: tool.name)
def test_the_version_told_is_the_version_pinned(tool) -> None:
    required = re.search(r"^require (\S+) v(\S+)$", _go_mod(tool), re.MULTILINE)
    assert tool.source.package.startswith(required[1])
    # Prometheus 3.x.y is the module v0.3xx.y.
    pinned = re.sub(r"^0\.3(\d\d)\.", lambda m: f"3.{int(m[1])}.", required[2])
    assert tool.version == pinned


@pytest.mark.parametrize("tool", BUILT, ids=lambda tool: tool.name)
def test_every_built_program_is_named_by_its_go_mod(tool) -> None:
    assert re.search(rf"^(tool )?\t?{re.escape(tool.source.package)}$", _go_mod(tool), re.MULTILINE)


def test_up_needs_no_program_that_comes_only_on_request() -> None:
    assert not [name for name in DEFAULT if isinstance(TOOLS[name].source, LayerWheel)]
    assert {"etcd", "kube-apiserver", "kwok", "prometheus", "thanos", "valkey-server"} < set(
        DEFAULT
    )


def test_a_real_node_needs_nothing_that_up_builds_anyway() -> None:
    assert {"kubelet", "containerd", "runc", "coredns", "pause"} < set(GROUPS["node"])
    assert not set(GROUPS["node"]) & set(DEFAULT)


def test_no_group_is_called_like_a_tool() -> None:
    assert not set(GROUPS) & set(TOOLS)


def _go_mod(tool) -> str:
    return (SOURCES / tool.source.folder / "go.mod").read_text()
