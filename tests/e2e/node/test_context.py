"""The same tests against a cluster that somebody else started: here, a node of another session."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from installation import ROOT, Cluster, started
from objects import held

from infra.local.node import Network

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("own_nodes")]

SECONDS = 480


@pytest.fixture(scope="module")
def elsewhere(network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    yield from started("elsewhere", network, images, tools)


def run(cluster: Cluster, *words: str) -> subprocess.CompletedProcess[str]:
    context = yaml.safe_load(cluster.node.kubeconfig.read_text())["current-context"]
    argv = (sys.executable, "-m", "pytest", "-m", "node", "-s", "--context", context, *words)
    return subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, "KUBECONFIG": str(cluster.node.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_tests_pass_or_say_what_a_cluster_lacks_and_leave_it_as_it_was(
    elsewhere: Cluster,
) -> None:
    before = held(elsewhere)
    done = run(elsewhere, "tests/e2e/node/test_install.py")
    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(r"\d+ passed, \d+ skipped in", done.stdout)
    assert "needs a second cluster, and --context names one" in done.stdout
    assert held(elsewhere) == before


def test_a_cluster_in_use_is_left_alone(elsewhere: Cluster) -> None:
    elsewhere.kubectl("create", "namespace", "neurox-system")
    before = held(elsewhere)
    done = run(elsewhere, "tests/e2e/node/test_gpus.py")
    assert done.returncode == 1
    assert "namespace neurox-system exists in" in done.stdout
    assert held(elsewhere) == before
