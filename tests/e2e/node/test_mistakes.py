"""What people get wrong is said in words, nothing crashes in a loop, and leaving is safe."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import relay_server
import yaml
from installation import NAMESPACE, ROOT, Cluster, eventually, started
from relay_server import Hub

from infra.local.node import Network

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("own_nodes")]

CHART = str(ROOT / "charts" / "neurox-workload")
CONTROL = str(ROOT / "charts" / "neurox")
CLIENT = "deployment/neurox-relay-client"
TEAM = "team"
SAID_SECONDS = 90
LONG = "longer-than-anybody-would-ever-call-it-but-helm-lets-us-do-so"[:52] + "x"
PREFIX = LONG[:37]
"""What is left of such a release name in the names of its objects."""
GPU_POD = {
    "restartPolicy": "Never",
    "containers": [{"name": "a", "image": "a", "resources": {"limits": {"nvidia.com/gpu": "1"}}}],
}


@pytest.fixture(scope="module")
def clumsy(network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    yield from started("clumsy", network, images, tools)


@pytest.fixture(scope="module")
def hub(
    clumsy: Cluster, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hub]:
    with relay_server.running(clumsy.node, tmp_path_factory.mktemp("hub"), valkey_url) as hub:
        yield hub


def refused(cluster: Cluster, *words: str) -> str:
    """What a command says that must fail."""
    env = {**os.environ, **cluster.environment()}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0, done.stdout
    return done.stderr


def restarts(cluster: Cluster, namespace: str) -> int:
    """Of all our containers there."""
    pods = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
    return sum(
        status["restartCount"]
        for pod in pods
        for kind in ("containerStatuses", "initContainerStatuses")
        for status in pod["status"].get(kind, [])
    )


def test_without_a_storage_class_the_pods_say_so_and_go_on_once_there_is_one(
    clumsy: Cluster,
) -> None:
    known = clumsy.kubectl("get", "storageclass", "standard", "-o", "yaml")
    clumsy.kubectl("delete", "storageclass", "standard")
    words = ("-n", "hub", "--create-namespace", "--set", "image.pullPolicy=Never")
    notes = clumsy.run("helm", "install", LONG, CONTROL, *words)
    assert "neurox preflight control" in notes

    def reasons() -> set[str]:
        pods = json.loads(clumsy.kubectl("-n", "hub", "get", "pods", "-o", "json"))["items"]
        return {
            condition["message"]
            for pod in pods
            for condition in pod["status"].get("conditions", [])
            if condition.get("reason") == "Unschedulable"
        }

    eventually("two pods say why they wait", lambda: "PersistentVolumeClaims" in str(reasons()), 60)
    second = refused(clumsy, "helm", "install", "neurox", CONTROL, "-n", "hub2", *words[2:])
    assert "nodePort: Invalid value: 30443: provided port is already allocated" in second
    clumsy.run("helm", "uninstall", "neurox", "-n", "hub2")
    clumsy.kubectl("create", "-f", "-", stdin=known)
    for each in ("statefulset/{}-redis", "deployment/{}-api", "deployment/{}-edge"):
        words = ("rollout", "status", each.format(PREFIX), "--timeout=80s")
        clumsy.run("kubectl", "-n", "hub", *words)
    assert restarts(clumsy, "hub") == 0
    clumsy.run("helm", "uninstall", LONG, "-n", "hub")


@pytest.fixture(scope="module")
def unjoined(clumsy: Cluster) -> str:
    """The workload plane without its Secret; what Helm said."""
    return clumsy.run(
        "helm", "install", "neurox-workload", CHART, "-n", NAMESPACE, "--create-namespace"
    )


def says(cluster: Cluster, words: str) -> bool:
    """Whether the relay-client does."""
    return words in cluster.kubectl("-n", NAMESPACE, "logs", CLIENT)


def use(cluster: Cluster, hub: Hub, token: str) -> None:
    """Give it a token; a new pod sees it at once, an old one within a minute or so."""
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=hub.secret(token))
    words = ("-l", "app.kubernetes.io/component=relay-client", "--wait=true")
    cluster.kubectl("-n", NAMESPACE, "delete", "pods", *words)
    ready = partial(cluster.items, "pods", words[0], words[1])
    eventually("a new relay-client runs", lambda: "running" in str(ready()[0]["status"]), 60)


def test_without_its_secret_the_relay_client_waits_and_says_for_what(
    clumsy: Cluster, unjoined: str
) -> None:
    (command,) = (line.strip() for line in unjoined.splitlines() if "client check" in line)

    def said() -> bool:
        done = subprocess.run(
            command.split(),
            env={**os.environ, **clumsy.environment()},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return "there is none" in done.stdout and "Clusters page" in done.stdout

    eventually("its check says that there is no join Secret", said, SAID_SECONDS)
    words = "there is no join Secret; get one on the Clusters page"
    eventually("so does its log", lambda: says(clumsy, words), SAID_SECONDS)
    assert restarts(clumsy, NAMESPACE) == 0


def test_an_expired_token_is_called_expired(clumsy: Cluster, unjoined: str, hub: Hub) -> None:
    use(clumsy, hub, hub.token("late", -60.0))
    words = "This join token has expired; ask for a new one"
    eventually("it says expired", lambda: says(clumsy, words), SAID_SECONDS)
    assert restarts(clumsy, NAMESPACE) == 0


def test_a_token_that_another_cluster_used_is_called_used(
    clumsy: Cluster, unjoined: str, hub: Hub
) -> None:
    token = hub.token("twice", 600.0)
    hub.redeem(token)
    use(clumsy, hub, token)
    eventually(
        "it says used", lambda: says(clumsy, "This join token was used already"), SAID_SECONDS
    )
    assert restarts(clumsy, NAMESPACE) == 0


def test_a_good_token_then_mends_it(clumsy: Cluster, unjoined: str, hub: Hub) -> None:
    use(clumsy, hub, hub.token("good", 600.0))
    clumsy.kubectl("-n", NAMESPACE, "rollout", "status", CLIENT, "--timeout=25s")


def test_a_second_workload_plane_is_refused_by_the_name_of_the_first(
    clumsy: Cluster, unjoined: str
) -> None:
    words = ("-n", "elsewhere", "--create-namespace")
    said = refused(clumsy, "helm", "install", "second", CHART, *words)
    assert 'current value is "neurox-workload"' in said
    assert f'current value is "{NAMESPACE}"' in said
    checked = neurox(clumsy, "preflight", "workload", "--namespace", "elsewhere")
    assert checked.returncode == 1
    assert f"release neurox-workload in {NAMESPACE}" in checked.stdout


def neurox(cluster: Cluster, *words: str) -> "subprocess.CompletedProcess[str]":
    """The command as a person runs it, but with nobody to ask."""
    done = subprocess.run(
        [sys.executable, "-m", "portal.cli.main", *words],
        env={**os.environ, **cluster.environment()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def waiting(clumsy: Cluster, unjoined: str) -> str:
    """A namespace of Neurox with a pod that runs and a Job that waits; the pod's uid."""
    clumsy.kubectl("create", "namespace", TEAM)
    clumsy.kubectl("label", "namespace", TEAM, "neurox.io/managed=true")
    image = "registry.k8s.io/pause:3.10"
    pod = {"containers": [{"name": "a", "image": image, "imagePullPolicy": "Never"}]}
    runs = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "runs"}, "spec": pod}
    made = clumsy.kubectl("-n", TEAM, "create", "-o", "json", "-f", "-", stdin=yaml.safe_dump(runs))
    create(clumsy, "waits")
    assert suspended(clumsy, "waits")
    return str(json.loads(made)["metadata"]["uid"])


def create(cluster: Cluster, name: str) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": GPU_POD}}}
    text = yaml.safe_dump({**job, "metadata": {"name": name}})
    cluster.kubectl("-n", TEAM, "create", "-f", "-", stdin=text)


def suspended(cluster: Cluster, name: str) -> bool:
    job: dict[str, Any] = json.loads(cluster.kubectl("-n", TEAM, "get", "job", name, "-o", "json"))
    return bool(job["spec"].get("suspend"))


def policies(cluster: Cluster) -> int:
    kinds = "validatingadmissionpolicies,mutatingadmissionpolicies"
    names = cluster.kubectl("get", kinds, "-o", "name").split()
    return sum("/neurox-" in name for name in names)


def test_leaving_is_rehearsed_and_needs_a_yes(clumsy: Cluster, waiting: str) -> None:
    said = neurox(clumsy, "cluster", "leave", "--dry-run")
    assert said.returncode == 0, said.stderr
    assert f"helm uninstall neurox-workload --namespace {NAMESPACE}" in said.stderr
    assert "1 suspended Job" in said.stderr
    assert neurox(clumsy, "cluster", "leave").returncode == 2
    assert policies(clumsy) == 3


def test_leaving_that_is_broken_off_goes_on_when_repeated(clumsy: Cluster, waiting: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.cli.main", "cluster", "leave", "--yes"],
        env={**os.environ, **clumsy.environment()},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "admission policies are gone" in line:
            process.send_signal(signal.SIGINT)
            break
    rest = process.stderr.read()
    assert process.wait(60) == 130
    assert "the same command goes on from here" in rest
    assert policies(clumsy) == 0
    done = neurox(clumsy, "cluster", "leave", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"1 Job with GPUs stays suspended: {TEAM}/waits" in done.stderr
    assert f"kubectl delete namespace {NAMESPACE}" in done.stderr
    assert clumsy.run("helm", "list", "-A", "-q").split() == []
    assert not clumsy.kubectl("-n", NAMESPACE, "get", "secrets", "-o", "name").split()


def test_after_leaving_nothing_is_held_and_what_ran_runs_on(clumsy: Cluster, waiting: str) -> None:
    pod = json.loads(clumsy.kubectl("-n", TEAM, "get", "pod", "runs", "-o", "json"))
    assert (pod["metadata"]["uid"], pod["status"]["phase"]) == (waiting, "Running")
    create(clumsy, "free")
    assert not suspended(clumsy, "free")
    release = '{"spec":{"suspend":false}}'
    clumsy.kubectl("-n", TEAM, "patch", "job", "waits", "-p", release)
    assert not suspended(clumsy, "waits")


def test_leaving_twice_is_as_good_as_once(clumsy: Cluster, waiting: str) -> None:
    done = neurox(clumsy, "cluster", "leave", "--yes")
    assert done.returncode == 0, done.stderr
    assert "nothing of the workload plane is installed" in done.stderr
