"""The API server of a real cluster takes what the charts render, and has nothing to remark."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.local.node import RealNode
from tests.charts.value_sets import SETS

pytestmark = pytest.mark.node

CHARTS = Path(__file__).parents[3] / "charts"
NAMESPACES = {
    "neurox-system": "restricted",
    "neurox-system-agent": "privileged",
    "gpu-agents": "privileged",
}
"""Where the charts put things, and what Pod Security allows there."""
FOREIGN = {"HTTPRoute", "PodMonitor", "PrometheusRule", "ServiceMonitor"}
"""Kinds that a cluster does not have by itself."""


@pytest.fixture(scope="module")
def guarded(hub: RealNode, kubectl) -> RealNode:
    """A cluster whose namespaces enforce Pod Security, and warn of what it would refuse later."""
    for name, level in NAMESPACES.items():
        labels = {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "warn")}
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        made["metadata"]["labels"] = labels
        kubectl(hub, "apply", "--server-side", "-f", "-", stdin=yaml.safe_dump(made))
    return hub


@pytest.mark.parametrize("name", SETS)
def test_every_set_of_values_is_taken_without_a_warning(
    guarded: RealNode, tools: str, name: str
) -> None:
    chart, values = SETS[name]

    def run(stdin: str, *words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "NO_PROXY": "*"}
        env["KUBECONFIG"] = str(guarded.kubeconfig)
        return subprocess.run(
            words, input=stdin, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    given = ("template", "neurox", str(CHARTS / chart), "-n", "neurox-system", "--values", "-")
    rendered = run(yaml.safe_dump(values), "helm", *given)
    assert rendered.returncode == 0, rendered.stderr
    objects = [each for each in yaml.safe_load_all(rendered.stdout) if each]
    known = [each for each in objects if each["kind"] not in FOREIGN]
    rehearsal = ("--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
    done = run(yaml.safe_dump_all(known), "kubectl", "apply", *rehearsal)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(known)
