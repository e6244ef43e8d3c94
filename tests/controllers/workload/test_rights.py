"""The chart's rights and admission policies, against a real API server."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from controllers.workload.kube import MERGE_PATCH, KubeApi, KubeError
from infra.local.sandbox.processes import SandboxCluster

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clean")]
RIGHTS = Path(__file__).parents[3] / "charts" / "neurox-workload" / "files"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"
VISION = JOBS.format("vision")
HOLD = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolic{}/neurox-hold"
POLICY = "/api/v1/namespaces/neurox-system/configmaps/neurox-policy"


@pytest.fixture
def manager_api(manager_kubeconfig: Path) -> KubeApi:
    """The API server, as the manager's ServiceAccount."""
    return KubeApi.connect(manager_kubeconfig)


def job(name: str, labels: Any = None, annotations: Any = None, gpus: int = 1) -> dict[str, Any]:
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    container = {"name": "main", "image": "x", "resources": {"limits": limits}}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    meta = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
    return {"metadata": meta, "spec": {"template": template}}


def make(api: KubeApi, *args: Any, namespace: str = "vision", **more: Any) -> dict[str, Any]:
    body = {"apiVersion": "batch/v1", "kind": "Job", **job(*args, **more)}
    made: dict[str, Any] = json.loads(api.send("POST", JOBS.format(namespace), body))
    return made


def is_signed(api: KubeApi) -> bool:
    """Whether somebody writes the maker's name on a new Job, once it is held."""
    body = {"apiVersion": "batch/v1", "kind": "Job", **job("probe")}
    body["spec"]["suspend"] = True
    made = json.loads(api.send("POST", f"{VISION}?dryRun=All", body))
    return "neurox.io/user" in made["metadata"].get("annotations", {})


@pytest.fixture
def without_hold(
    admin: KubeApi, cluster: SandboxCluster, eventually: Callable[..., None]
) -> Iterator[None]:
    """As on Kubernetes before 1.36, where the chart leaves the policy out."""
    for kind in ("ybindings", "ies"):
        admin.send("DELETE", HOLD.format(kind), {})
    try:
        eventually("nobody signs Jobs", lambda: not is_signed(admin))
        yield
    finally:
        objects = cluster.objects()
        objects.apply_folder(RIGHTS)
        objects.close()
        eventually("Jobs are signed again", lambda: is_signed(admin))


def refusal(api: KubeApi, method: str, path: str, body: Any = None) -> str:
    kind = MERGE_PATCH if method == "PATCH" else ""
    with pytest.raises(KubeError) as caught:
        api.send(method, path, body, kind)
    assert caught.value.status in (403, 422)
    return str(caught.value)


def test_gpu_jobs_in_managed_namespaces_are_held_and_signed(admin: KubeApi) -> None:
    held = make(admin, "held", annotations={"neurox.io/user": "somebody-else"})
    assert held["spec"]["suspend"] is True
    assert held["metadata"]["annotations"]["neurox.io/user"] == "neurox-up"


def test_jobs_without_gpus_and_jobs_elsewhere_are_left_alone(admin: KubeApi) -> None:
    assert make(admin, "plain", gpus=0)["spec"]["suspend"] is False
    made = make(admin, "elsewhere", namespace="default")
    admin.send("DELETE", f"{JOBS.format('default')}/elsewhere", {})
    assert made["spec"]["suspend"] is False


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"spec": {"suspend": False}}, "only Neurox releases this Job"),
        ({"spec": {"parallelism": 2}}, "cannot grow"),
        ({"metadata": {"labels": {"neurox.io/pool": "b"}}}, "labels that begin with neurox.io/"),
        ({"metadata": {"labels": {"neurox.io/pool": None}}}, "labels that begin with neurox.io/"),
        ({"metadata": {"annotations": {"neurox.io/placement": "{}"}}}, "annotations that begin"),
        (
            {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}},
            "the pods of a Job with GPUs cannot change",
        ),
    ],
)
def test_a_held_job_is_changed_by_neurox_alone(admin: KubeApi, patch: Any, words: str) -> None:
    make(admin, "held", {"neurox.io/pool": "a"})
    assert words in refusal(admin, "PATCH", f"{VISION}/held", patch)
    admin.send("PATCH", f"{VISION}/held", {"metadata": {"labels": {"own": "x"}}}, MERGE_PATCH)


@pytest.mark.parametrize(
    "marks",
    [
        {"labels": {"neurox.io/intent": "x"}},
        {"labels": {"neurox.io/user": "x"}},
        {"annotations": {"neurox.io/submitted-at": "0"}},
        {"annotations": {"neurox.io/placement": "{}"}},
    ],
)
def test_nobody_else_writes_the_marks_of_the_hub(admin: KubeApi, marks: Any) -> None:
    body = {"apiVersion": "batch/v1", "kind": "Job", **job("forged", **marks)}
    assert "written by Neurox alone" in refusal(admin, "POST", VISION, body)


@pytest.mark.usefixtures("without_hold")
@pytest.mark.parametrize("notes", [{}, {"neurox.io/user": "neurox-up"}])
def test_without_hold_a_suspended_job_is_taken_and_can_be_released(
    admin: KubeApi, manager_api: KubeApi, notes: dict[str, str]
) -> None:
    body = {"apiVersion": "batch/v1", "kind": "Job", **job("own", annotations=notes)}
    assert "is held (spec.suspend)" in refusal(admin, "POST", VISION, body)
    body["spec"]["suspend"] = True
    made = json.loads(admin.send("POST", VISION, body))
    assert made["metadata"].get("annotations", {}) == notes
    release = {"spec": {"suspend": False}}
    assert "only Neurox releases" in refusal(admin, "PATCH", f"{VISION}/own", release)
    manager_api.send("PATCH", f"{VISION}/own", release, MERGE_PATCH)


@pytest.mark.usefixtures("without_hold")
def test_without_hold_nobody_makes_a_job_in_the_name_of_another(admin: KubeApi) -> None:
    forged = job("forged", annotations={"neurox.io/user": "ada"})
    body = {"apiVersion": "batch/v1", "kind": "Job", **forged}
    body["spec"]["suspend"] = True
    assert "leave it out" in refusal(admin, "POST", VISION, body)


def test_the_manager_writes_jobs_in_managed_namespaces_only(
    admin: KubeApi, manager_api: KubeApi
) -> None:
    make(manager_api, "inside", {"neurox.io/intent": "x"})
    path = JOBS.format("default")
    body = {"apiVersion": "batch/v1", "kind": "Job", **job("outside")}
    assert "Neurox writes only in namespaces" in refusal(manager_api, "POST", path, body)
    admin.send("POST", path, body)
    try:
        assert "Neurox writes only" in refusal(manager_api, "DELETE", f"{path}/outside", {})
    finally:
        admin.send("DELETE", f"{path}/outside", {})


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/secrets",
        "/api/v1/namespaces/neurox-system/secrets/neurox-relay-key",
        "/api/v1/namespaces/neurox-system/configmaps",
        "/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt",
        "/apis/apps/v1/deployments",
    ],
)
def test_the_manager_reads_nothing_else(manager_api: KubeApi, path: str) -> None:
    with pytest.raises(KubeError) as caught:
        manager_api.get(path)
    assert caught.value.status == 403


def test_the_manager_reads_the_keys_that_it_trusts_and_cannot_write_them(
    manager_api: KubeApi,
) -> None:
    path = "/api/v1/namespaces/neurox-system/secrets/neurox-hub-keys"
    assert b"neurox-hub-keys" in manager_api.get(path)
    with pytest.raises(KubeError) as caught:
        manager_api.send("PATCH", path, {"stringData": {"keys": "[]"}}, MERGE_PATCH)
    assert caught.value.status == 403


def test_applying_the_rights_again_keeps_what_was_filled_in(
    admin: KubeApi, manager_api: KubeApi, cluster: SandboxCluster
) -> None:
    manager_api.send("PATCH", POLICY, {"data": {"note": "kept"}}, MERGE_PATCH)
    objects = cluster.objects()
    objects.apply_folder(RIGHTS)
    objects.close()
    assert json.loads(admin.get(POLICY))["data"]["note"] == "kept"
    manager_api.send("PATCH", POLICY, {"data": {"note": None}}, MERGE_PATCH)
