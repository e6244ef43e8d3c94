"""What a hub, a user or a broken device plugin may do and should not: nothing comes of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from controllers.workload.kube import MERGE_PATCH, KubeApi
from tests.controllers.workload.test_main import create, pod_spec, state

pytestmark = pytest.mark.slow
JOBS = "/apis/batch/v1/namespaces/vision/jobs"
PODS = "/api/v1/namespaces/default/pods"
OURS = {f"neurox.io/{k}": v for k, v in (("project", "vision"), ("group", "vision"))}
LABELS = {**OURS, "neurox.io/pool": "h200"}
Eventually = Callable[..., None]


def jobs(admin: KubeApi) -> list[Any]:
    found: list[Any] = json.loads(admin.get(JOBS))["items"]
    return found


def test_an_odd_number_of_gpus_in_any_namespace_hides_nothing(
    manager: Any, admin: KubeApi, eventually: Eventually
) -> None:
    uids = []
    for number, gpus in enumerate(("1Ki", "1G", "1E", "9223372036854775807")):
        spec = pod_spec(0)
        spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = gpus
        meta = {"name": f"odd-{number}"}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
        uids.append(json.loads(admin.send("POST", PODS, body))["metadata"]["uid"])
    try:
        for uid in uids:
            eventually("seen", lambda uid=uid: manager.workload(uid).get("gpus_per_pod", 0) > 1000)
        assert manager.submit("after").status_code == 201
        eventually("others run", lambda: state(manager, "after") == "Running")
    finally:
        admin.send("DELETE", PODS, {"gracePeriodSeconds": 0})


def test_a_job_held_again_by_kubectl_may_start_on_another_node(
    manager: Any, admin: KubeApi, eventually: Eventually
) -> None:
    uid = create(admin, "again", LABELS)["metadata"]["uid"]
    eventually("it runs", lambda: state(manager, uid) == "Running")
    first = manager.workload(uid)["members"][0]["node"]
    cordon = f"/api/v1/nodes/{first}"
    admin.send("PATCH", cordon, {"spec": {"unschedulable": True}}, MERGE_PATCH)
    try:
        admin.send("PATCH", f"{JOBS}/again", {"spec": {"suspend": True}}, MERGE_PATCH)

        def elsewhere() -> bool:
            members = manager.workload(uid).get("members") or [{"node": first}]
            return state(manager, uid) == "Running" and members[0]["node"] != first

        eventually("it runs on another node", elsewhere, 40.0)
    finally:
        admin.send("PATCH", cordon, {"spec": {"unschedulable": None}}, MERGE_PATCH)


def test_pods_without_their_job_stay_charged_to_its_group(
    manager: Any, admin: KubeApi, eventually: Eventually
) -> None:
    policy = manager.policy()
    quotas = [{"pool": "h200", "group": group, "gpus": 8} for group in ("vision", "speech")]
    assert manager.call("PUT", "/v1/policy", {**policy, "quotas": quotas}).status_code == 200
    manager.submit("kept", pods=8)
    eventually("it runs", lambda: state(manager, "kept") == "Running")
    name = manager.workload("kept")["name"]
    admin.send("DELETE", f"{JOBS}/{name}", {"propagationPolicy": "Orphan"})
    eventually("its Job is gone", lambda: jobs(admin) == [])
    manager.submit("more", pods=8)
    eventually("it waits", lambda: manager.workload("more").get("reason"))
    assert manager.workload("more")["reason"]["code"] == "QUOTA_FULL"
    kept = manager.workload("kept")
    assert (kept["state"], kept["managed"], len(kept["members"])) == ("Stopping", True, 8)
    admin.send("DELETE", "/api/v1/namespaces/vision/pods", {"gracePeriodSeconds": 0})
    eventually("its turn has come", lambda: state(manager, "more") == "Running")
    assert manager.workload("kept") == {}


def test_a_job_of_no_pods_is_invalid_and_one_of_few_runs_all_of_them(
    manager: Any, admin: KubeApi, eventually: Eventually
) -> None:
    def made(name: str, **spec: Any) -> str:
        meta = {"name": name, "labels": LABELS}
        body = {"metadata": meta, "spec": {**spec, "template": {"spec": pod_spec(1)}}}
        raw = admin.send("POST", JOBS, {"apiVersion": "batch/v1", "kind": "Job", **body})
        return str(json.loads(raw)["metadata"]["uid"])

    none = made("none", parallelism=0)
    few = made("few", parallelism=4, completions=2, completionMode="Indexed")
    eventually("it is invalid", lambda: state(manager, none) == "Invalid")
    assert "asks for no pod" in manager.workload(none)["reason"]["message"]
    eventually("both run", lambda: state(manager, few) == "Running")
    assert manager.workload(few)["pods"] == 2


def hostile_intents() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Id, changes of the intent and of its spec."""
    odd_names = ["", "..", "A", "a" * 64, "a/b", "a\nb", "-a", "a\u202eb", "kube-system/x"]
    names: list[Any] = [("n", {}, {"name": name}) for name in odd_names]
    ids: list[Any] = [(i, {}, {}) for i in ("", "../jobs", "a b", "x" * 64, "-x", "x-", "a\u0000")]
    shapes: list[Any] = [
        ("s", {}, shape)
        for shape in (
            {"pods": 0},
            {"pods": -1},
            {"pods": 10**9},
            {"pods": 1.5},
            {"gpus_per_pod": 0},
            {"gpus_per_pod": -8},
            {"gpus_per_pod": 99},
            {"gpus_per_pod": 2**70},
            {"max_runtime_seconds": 0},
            {"max_runtime_seconds": -1},
            {"max_runtime_seconds": 2**64},
            {"image": ""},
            {"image": " x"},
            {"command": "rm -rf /"},
            {"command": [1]},
            {"level": "critical"},
            {"level": "root"},
            {"project": "other"},
            {"group": "other"},
            {"pool": "other"},
            {"annotations": {"neurox.io/placement": "{}"}},
            {"annotations": {"neurox.io/user": "root"}},
            {"annotations": {"neurox.io/intent": "x"}},
            {"annotations": {"kubectl.kubernetes.io/restartedAt": "x"}},
            {"annotations": {"neurox.io/": "x"}},
            {"annotations": {"neurox.io/a b": "x"}},
            {"annotations": {"neurox.io/x": "x" * 300_000}},
        )
    ]
    times: list[Any] = [("t", {"submitted_at": t}, {}) for t in (1e300, -1.0, None, "now")]
    return names + ids + shapes + times


def test_no_hostile_intent_becomes_a_job_and_each_is_refused_in_words(
    manager: Any, admin: KubeApi
) -> None:
    good = {"name": "train", "project": "vision", "group": "vision", "pool": "h200"}
    for name, changes, spec in hostile_intents():
        body = {"id": name, "user": "eve", "submitted_at": 1.5, **changes}
        body["spec"] = {**good, "pods": 1, "gpus_per_pod": 1, **spec}
        answer = manager.call("POST", "/v1/workloads", body)
        assert answer.status_code in (400, 422), (name, changes, spec, answer.text[:300])
        assert answer.json()["detail"]
    assert jobs(admin) == []


def test_a_policy_cannot_lead_out_of_the_managed_namespaces(manager: Any) -> None:
    policy = manager.policy()
    for number, namespace in enumerate(["kube-system", "default", "neurox-system", "a/../b", ""]):
        project = {**policy["projects"][0], "namespace": namespace}
        changed = {**policy, "revision": f"r{number}", "projects": [project]}
        assert manager.call("PUT", "/v1/policy", changed).status_code == 200
        answer = manager.submit("outside")
        assert answer.status_code == 422, namespace
        assert "is not managed in this cluster" in answer.json()["detail"]


def test_a_policy_that_cannot_be_decided_by_is_refused_and_the_old_one_stays(
    manager: Any, eventually: Eventually
) -> None:
    quota = {"pool": "h200", "group": "vision"}
    for change, words in (
        ({"projects": [{"name": "vision", "level_limit": "root"}]}, "unknown level 'root'"),
        ({"projects": [{"name": "vision", "level_default": ""}]}, "unknown level ''"),
        ({"quotas": [{**quota, "gpus": -1}]}, "must be 0 to"),
        ({"quotas": [{**quota, "gpus": 2**40}]}, "must be 0 to"),
    ):
        answer = manager.call("PUT", "/v1/policy", {"revision": "bad", **change})
        assert answer.status_code == 422
        assert words in answer.json()["detail"]
    manager.submit("works")
    eventually("work goes on", lambda: state(manager, "works") == "Running")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/policy", b'{"revision": "x", "y": ' + b"[" * 500_000),
        ("POST", "/v1/workloads", b'{"y": ' + b'{"a":' * 200_000),
        ("GET", "/v1/state?" + "&".join(f"a{n}=1" for n in range(50)), None),
    ],
)
def test_what_is_deep_or_wide_is_refused_in_words(
    shared: Any, method: str, path: str, body: bytes | None
) -> None:
    answer = shared.call(method, path, body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]
