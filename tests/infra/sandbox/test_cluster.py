from pathlib import Path

import psutil
import pytest

from infra.local import real_node
from infra.local.errors import LocalError
from infra.local.real_node import RealNode

pytestmark = pytest.mark.slow

TOLERATION = [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}]
SA = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: neurox-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [nodes], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: neurox-system}]
"""


def pod_spec(gpus: int) -> dict:
    room = {"limits": {"nvidia.com/gpu": str(gpus)}}
    return {
        "restartPolicy": "Never",
        "tolerations": TOLERATION,
        "containers": [{"name": "main", "image": "busybox", "resources": room}],
    }


def job(name: str, seconds: str, **spec: object) -> dict:
    meta = {"annotations": {"neurox.io/simulated-run-seconds": seconds}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "vision"},
        "spec": {"template": {"metadata": meta, "spec": pod_spec(1)}, **spec},
    }


def pod(name: str, gpus: int) -> dict:
    meta = {"name": name, "namespace": "speech"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod_spec(gpus)}


def test_nodes_are_ready_with_their_gpus_and_models(running) -> None:
    nodes = running.kube().get("/api/v1/nodes")["items"]
    assert {node["metadata"]["name"] for node in nodes} == {"gpu-1", "gpu-2"}
    assert {node["status"]["allocatable"]["nvidia.com/gpu"] for node in nodes} == {"8"}
    models = {node["metadata"]["labels"]["nvidia.com/gpu.product"] for node in nodes}
    assert models == {"NVIDIA-H200", "NVIDIA-H100-80GB-HBM3"}


def test_a_job_ends_after_its_simulated_seconds_and_is_swept(running, eventually) -> None:
    kube = running.kube()
    kube.apply(job("short", "2", ttlSecondsAfterFinished=3))
    path = "/apis/batch/v1/namespaces/vision/jobs/short"
    eventually("the job succeeds", lambda: kube.get(path)["status"].get("succeeded") == 1)
    status = kube.get(path)["status"]
    assert status["completionTime"] > status["startTime"]
    jobs = "/apis/batch/v1/namespaces/vision/jobs"
    eventually("its time to live ends", lambda: not kube.get(jobs)["items"])


def test_a_pod_without_the_annotation_runs_until_it_is_deleted(running, eventually) -> None:
    kube = running.kube()
    kube.apply(pod("endless", 1))
    path = "/api/v1/namespaces/speech/pods"

    def phases() -> list[str]:
        return [entry["status"]["phase"] for entry in kube.get(path)["items"]]

    eventually("it runs", lambda: phases() == ["Running"])
    assert kube.get(f"{path}/endless")["spec"]["nodeName"].startswith("gpu-")
    kube.delete(f"{path}/endless")
    eventually("it is gone", lambda: phases() == [])


def test_a_pod_that_no_node_can_hold_waits(running, eventually) -> None:
    kube = running.kube()
    kube.apply(pod("greedy", 99))
    path = "/api/v1/namespaces/speech/pods/greedy"

    def reasons() -> list[str]:
        return [c.get("reason", "") for c in kube.get(path)["status"].get("conditions", ())]

    eventually("it is unschedulable", lambda: "Unschedulable" in reasons())
    kube.delete(path)


def test_the_real_node_comes_and_goes_with_the_driver(running, eventually) -> None:
    kube = running.kube()
    real_node.settle(kube, RealNode("real-box", 2, "NVIDIA H100 80GB HBM3"))
    path = "/api/v1/nodes/real-box"

    def ready() -> bool:
        conditions = kube.get(path)["status"].get("conditions", ())
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    eventually("kwok keeps it alive", ready)
    node = kube.get(path)
    assert node["status"]["allocatable"] == {"nvidia.com/gpu": "2"}
    assert node["spec"]["unschedulable"] is True
    real_node.settle(kube, RealNode("real-other", 1, "NVIDIA H200"))
    names = [one["metadata"]["name"] for one in kube.get("/api/v1/nodes")["items"]]
    assert names == ["gpu-1", "gpu-2", "real-other"]
    real_node.settle(kube, None)
    names = [one["metadata"]["name"] for one in kube.get("/api/v1/nodes")["items"]]
    assert names == ["gpu-1", "gpu-2"]


def test_a_token_kubeconfig_has_the_rights_of_its_account_and_no_more(running, as_user) -> None:
    objects = running.objects()
    objects.apply_text(SA)
    file = objects.token_kubeconfig("reader", "neurox-system")
    assert file.stat().st_mode & 0o777 == 0o600
    assert as_user(file, "/api/v1/nodes") == 200
    assert as_user(file, "/api/v1/secrets") == 403
    file.write_text(file.read_text().replace('"token": "', '"token": "x'))
    assert as_user(file, "/api/v1/nodes") == 401


def test_applying_again_changes_nothing(running, tmp_path: Path) -> None:
    objects, kube = running.objects(), running.kube()
    (tmp_path / "rights.yaml").write_text(SA)
    objects.apply_folder(tmp_path)
    before = kube.get("/api/v1/namespaces/neurox-system/serviceaccounts/reader")
    objects.apply_namespaces()
    objects.apply_folder(tmp_path)
    objects.apply_folder(tmp_path / "absent")
    after = kube.get("/api/v1/namespaces/neurox-system/serviceaccounts/reader")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_what_the_server_refuses_is_named_with_its_file(running, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(SA.replace("name: reader, n", "name: Not_A_Name, n"))
    with pytest.raises(LocalError, match=r"bad.yaml: ServiceAccount Not_A_Name: .*answered 422"):
        running.objects().apply_folder(tmp_path)
    with pytest.raises(LocalError, match="knows no kind Unicorn"):
        running.objects().apply_text("{apiVersion: v1, kind: Unicorn, metadata: {name: x}}")


def test_state_survives_a_restart_and_nothing_is_left_running(
    start, eventually, tmp_path: Path
) -> None:
    known: dict[str, int] = {}
    first = start(tmp_path, known, nodes=3)
    objects = first.objects()
    objects.apply_namespaces()
    objects.apply_nodes()
    eventually("three nodes", objects.nodes_ready)
    first.kube().apply(job("long", "3600"))
    pods = "/api/v1/namespaces/vision/pods"

    def phases(kube) -> list[str]:
        return [entry["status"]["phase"] for entry in kube.get(pods)["items"]]

    eventually("it runs", lambda: phases(first.kube()) == ["Running"])
    first.stop()
    assert not [name for name, pid in first.pids.items() if psutil.pid_exists(pid)]
    assert not first.told

    second = start(tmp_path, known, nodes=2)
    objects = second.objects()
    assert phases(second.kube()) == ["Running"]
    objects.apply_nodes()
    eventually("the third node is gone", objects.nodes_ready)
    assert second.cluster.server == first.cluster.server


def test_the_five_servers_stay_within_their_memory(running) -> None:
    resident = sum(psutil.Process(pid).memory_info().rss for pid in running.pids.values())
    assert resident < 700 * 2**20
