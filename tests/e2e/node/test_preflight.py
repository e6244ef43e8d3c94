"""`neurox preflight` asks a real cluster; each check is seen to fail and to pass."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import relay_server
import time_machine
import yaml
from installation import ROOT, Cluster, eventually, started
from relay_server import Hub

from controllers.preflight import job, kubectl
from controllers.preflight.checks import clock
from controllers.preflight.facts import gather
from infra.images.catalogue import own_platform
from infra.local.node import Network

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("own_nodes")]

NAMESPACE = "neurox-system"
Found = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def archives() -> list[Path]:
    """The images that check from inside."""
    folder = ROOT / "build" / "images" / own_platform().architecture
    return [folder / f"{name}.tar" for name in ("control", "relay")]


@pytest.fixture(scope="module")
def bare(network: Network, archives: list[Path], tools: str) -> Iterator[Cluster]:
    """A cluster in which nothing of ours is."""
    yield from started("bare", network, archives, tools)


def neurox(cluster: Cluster, *words: str, kubeconfig: Path | None = None) -> tuple[int, str]:
    """The command as a person runs it; its exit status and standard output."""
    env = {**os.environ, **cluster.environment()}
    if kubeconfig:
        env["KUBECONFIG"] = str(kubeconfig)
    argv = [sys.executable, "-m", "portal.cli.main", "preflight", *words]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def found(cluster: Cluster, *words: str, kubeconfig: Path | None = None) -> tuple[int, Found]:
    """Exit status, and what is said of each check."""
    status, out = neurox(cluster, *words, "-o", "json", kubeconfig=kubeconfig)
    told = json.loads(out)
    assert told["ready"] is (status == 0)
    return status, {each["check"]: each for each in told["items"]}


def states(each: Found) -> dict[str, str]:
    return {name: one["state"] for name, one in each.items()}


def test_a_cluster_that_is_fit_for_the_control_plane(bare: Cluster) -> None:
    status, out = neurox(bare, "control")
    assert status == 0
    assert out.endswith("Ready.\n")
    lines = [line.split(maxsplit=2) for line in out.splitlines()[:-1]]
    assert [line[:2] for line in lines] == [
        ["ok", "Kubernetes"],
        ["ok", "rights"],
        ["ok", "clock"],
        ["ok", "installed"],
        ["ok", "StorageClass"],
    ]
    assert lines[-1][2] == "standard is the default"


def test_without_a_storage_class_the_control_plane_would_hang(bare: Cluster) -> None:
    text = bare.kubectl("get", "storageclass", "standard", "-o", "yaml")
    bare.kubectl("delete", "storageclass", "standard")
    try:
        status, each = found(bare, "control")
        assert status == 1
        assert each["StorageClass"]["says"] == "there is none"
        assert "redis.enabled=false" in each["StorageClass"]["fix"]
    finally:
        bare.kubectl("create", "-f", "-", stdin=text)


def test_what_a_workload_cluster_lacks_is_said_until_it_is_there(bare: Cluster) -> None:
    status, each = found(bare, "workload")
    assert status == 0
    assert states(each) == {
        "Kubernetes": "ok",
        "rights": "ok",
        "clock": "ok",
        "installed": "ok",
        "admission policies": "ok",
        "GPU nodes": "warning",
        "driver": "warning",
        "RuntimeClass": "warning",
    }
    gpus = '{"status": {"capacity": {"nvidia.com/gpu": "4"}}}'
    bare.kubectl("patch", "node", "bare", "--subresource=status", "-p", gpus)
    _, each = eventually_found(bare, lambda each: "no node offers" not in each["GPU nodes"]["says"])
    assert "node bare without the label nvidia.com/gpu.present=true" in each["GPU nodes"]["says"]
    label = each["GPU nodes"]["fix"].split(",")[0]
    bare.run(*label.split())
    bare.kubectl("label", "node", "bare", "nvidia.com/cuda.driver-version.full=570.124.06")
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "nvidia"}
    bare.kubectl(
        "create", "-f", "-", stdin=yaml.safe_dump({**runtime, "metadata": {"name": "nvidia"}})
    )
    _, each = found(bare, "workload")
    assert set(states(each).values()) == {"ok"}
    assert each["GPU nodes"]["says"] == "1 node with 4 GPUs"
    assert each["driver"]["says"] == "NVIDIA driver 570.124.06"


def eventually_found(
    cluster: Cluster, condition: Callable[[Found], bool], seconds: float = 60
) -> tuple[int, Found]:
    """The kubelet takes a moment to offer what its node is said to have."""
    deadline = time.monotonic() + seconds
    while True:
        status, each = found(cluster, "workload")
        if condition(each):
            return status, each
        assert time.monotonic() < deadline, each


def test_a_clock_two_minutes_off_is_told_from_one_that_is_right(bare: Cluster) -> None:
    """Ours is moved, not the cluster's: what counts is between the two."""
    ask = kubectl.asking([f"{bare.tools}/kubectl", f"--kubeconfig={bare.node.kubeconfig}"])

    def told() -> tuple[str, str]:
        one = clock(gather(ask, None, NAMESPACE))
        return one.state, one.says

    assert told() == ("ok", "0 s between here and the API server")
    with time_machine.travel(time.time() - 120, tick=True):
        state, says = told()
        assert (state, says.endswith("ahead of the time here")) == ("failed", True)
    with time_machine.travel(time.time() + 120, tick=True):
        state, says = told()
        assert (state, says.endswith("behind the time here")) == ("failed", True)


@pytest.fixture(scope="module")
def tenant(bare: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of somebody who is admin of one namespace and sees nothing else."""
    bare.kubectl("create", "namespace", "tenant")
    bare.kubectl("-n", "tenant", "create", "serviceaccount", "jane")
    admin = ("--clusterrole=admin", "--serviceaccount=tenant:jane")
    bare.kubectl("-n", "tenant", "create", "rolebinding", "jane", *admin)
    token = bare.kubectl("-n", "tenant", "create", "token", "jane").strip()
    known = yaml.safe_load(bare.node.kubeconfig.read_text())
    known["users"][0]["user"] = {"token": token}
    kubeconfig = tmp_path_factory.mktemp("tenant") / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(known))
    return kubeconfig


def test_the_admin_of_a_namespace_may_install_the_control_plane_there(
    bare: Cluster, tenant: Path
) -> None:
    status, each = found(bare, "control", "--namespace", "tenant", kubeconfig=tenant)
    assert status == 0
    assert each["rights"]["state"] == "ok"
    assert each["StorageClass"]["says"] == "not known: you may not list storageclasses"
    status, each = found(bare, "control", kubeconfig=tenant)
    assert status == 1
    assert each["rights"]["says"].startswith("you may not create deployments, services, secrets")


def test_the_workload_plane_needs_more_rights_than_that(bare: Cluster, tenant: Path) -> None:
    status, each = found(bare, "workload", "--namespace", "tenant", kubeconfig=tenant)
    assert status == 1
    assert "clusterroles" in each["rights"]["says"]
    assert "deployments" not in each["rights"]["says"]
    assert each["GPU nodes"]["says"] == "not known: you may not list nodes"


def test_a_second_workload_plane_is_refused_by_the_name_of_the_first(bare: Cluster) -> None:
    labels = {
        "app.kubernetes.io/part-of": "neurox",
        "app.kubernetes.io/component": "workload-manager",
        "app.kubernetes.io/instance": "first",
    }
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    first: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "first", "namespace": "default", "labels": labels},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod},
    }
    bare.kubectl("create", "-f", "-", stdin=yaml.safe_dump(first))
    try:
        status, each = found(bare, "workload")
        assert status == 1
        assert "release first in default" in each["installed"]["says"]
        assert "helm upgrade first -n default" in each["installed"]["fix"]
        assert found(bare, "workload", "--namespace", "default")[0] == 0
    finally:
        bare.kubectl("delete", "-f", "-", stdin=yaml.safe_dump(first))


def test_a_cluster_that_cannot_be_asked_is_told_apart_by_the_exit_status(bare: Cluster) -> None:
    status, each = found(bare, "control", "--context", "elsewhere")
    assert status == 3
    assert "elsewhere" in each["cluster"]["says"]
    assert "kubectl version" in each["cluster"]["fix"]


@pytest.fixture(scope="module")
def hub(bare: Cluster, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with relay_server.running(bare.node, tmp_path_factory.mktemp("hub"), valkey_url) as hub:
        yield hub


def from_inside(cluster: Cluster, plane: str, *words: str) -> str:
    """Apply the Job, read its log and delete it, by the very words that are printed."""
    argv = [sys.executable, "-m", "portal.cli.main", "preflight", plane, "--manifest", *words]
    printed = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert printed.stderr == job.COMMAND
    return cluster.run("bash", "-c", printed.stderr, stdin=printed.stdout)


@contextmanager
def nothing_left(cluster: Cluster) -> Iterator[None]:
    """Whatever happens inside, nothing of it stays."""

    def ours() -> str:
        kinds = "namespaces,clusterroles,clusterrolebindings"
        names = cluster.kubectl("get", kinds, "-o", "name")
        return "\n".join(name for name in names.splitlines() if "neurox-preflight" in name)

    assert ours() == ""
    yield
    eventually("the Job and all that it needs are gone", lambda: ours() == "", 30)


def test_a_job_sees_the_way_to_the_control_plane_as_pods_see_it(bare: Cluster, hub: Hub) -> None:
    with nothing_left(bare):
        said = from_inside(bare, "workload", "--hub", hub.url, "--ca", str(hub.ca))
    assert f"the relay-server answers at {hub.url.removeprefix('https://')}" in said
    assert "rights" not in said
    assert "Ready.\n" in said


def test_a_job_for_the_control_plane_goes_to_the_end_whatever_it_finds(bare: Cluster) -> None:
    with nothing_left(bare):
        said = from_inside(bare, "control", "--hub", "https://hub.nowhere.invalid")
    assert "standard is the default" in said
    assert "hub.nowhere.invalid is not found" in said
    assert "Not ready: 1 FAILED.\n" in said
