"""A stack on two clusters, by the real CLI.

The clusters are two real nodes, or those that NEUROX_E2E_CONTEXT names, and
NEUROX_E2E_JOIN_CONTEXT if another is to join, as the kubeconfig calls them; no Neurox may run there
yet. NEUROX_E2E_HOST is where pods reach the control plane's node port; else the address of the
first node. NEUROX_E2E_VALUES and NEUROX_E2E_WORKLOAD_VALUES are files with values of the two charts
that these clusters need, such as where the images are.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import clusters
import stacks
from programs import environment


def _not_run(reason: str) -> None:
    print(f"NOT RUN: {reason}")
    pytest.skip(f"NOT RUN: {reason}")


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the CLI, its plugins and kubectl are found."""
    if sys.prefix == sys.base_prefix:
        _not_run("pytest runs outside a virtual environment, which the project needs")
    found = environment(tmp_path_factory.mktemp("programs"))
    for program in ("pulumi", "kubectl"):
        if shutil.which(program, path=found["PATH"]) is None:
            _not_run(
                f"{program} is not on PATH, and `neurox tools pulumi-engine kubectl` made none"
            )
    return found


@pytest.fixture(scope="module")
def pair(
    env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[clusters.Cluster, clusters.Cluster]]:
    """The cluster of the control plane, and the one that joins."""
    if os.environ.get("NEUROX_E2E_CONTEXT"):
        with clusters.given(env) as found:
            yield found
        return
    if reason := clusters.lacking():
        _not_run(reason)
    with clusters.real(tmp_path_factory.mktemp("clusters"), env) as found:
        yield found


@pytest.fixture(scope="module")
def stack(
    env: dict[str, str],
    pair: tuple[clusters.Cluster, clusters.Cluster],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[stacks.Stack]:
    """A stack that is configured and not yet up; whatever happens, it is destroyed."""
    folder = tmp_path_factory.mktemp("pulumi")
    stacks.lay_out(folder)
    env |= {"PULUMI_BACKEND_URL": f"file://{folder}/state"}
    before = {each.context: each.objects() for each in pair}
    made = stacks.Stack(folder, env, *pair, before)
    made.must("stack", "init", "e2e")
    if shutil.which("pulumi"):  # somebody's own, who has or can fetch the plugin
        plugins = made.run("plugin", "install", seconds=600)
        if plugins.returncode:
            _not_run(f"the provider's plugin cannot be had: {plugins.stderr.strip()[-500:]}")
    stacks.configure(made)
    try:
        yield made
    finally:
        made.run("destroy", "--yes", "--skip-preview", seconds=stacks.UP_SECONDS)


@pytest.fixture
def eventually() -> Any:
    """Waits for something to become true."""

    def wait(what: str, probe: Any, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not probe():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
            time.sleep(0.5)

    return wait
