import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from controllers.workload.kube import KubeApi

pytestmark = pytest.mark.slow
JOBS = "/apis/batch/v1/namespaces/vision/jobs"
Eventually = Callable[..., None]


def state(manager: Any, name: str) -> str:
    return str(manager.workload(name).get("state"))


def test_an_intent_becomes_a_suspended_job_that_is_placed_and_runs(
    manager: Any, admin: KubeApi, eventually: Eventually
) -> None:
    assert manager.submit("gang", pods=2, gpus=8).status_code == 201
    eventually("it runs", lambda: state(manager, "gang") == "Running")
    gang = manager.workload("gang")
    assert {pod["node"] for pod in gang["members"]} == {"gpu-1", "gpu-2"}
    assert (gang["user"], gang["group"], gang["pool"]) == ("ada@example.org", "vision", "h200")
    assert gang["submitted_at"] == 1.5
    nodes = manager.state()["nodes"]
    assert {node["allocated"] for node in nodes.values()} == {8}
    manager.submit("next")
    eventually("a reason", lambda: manager.workload("next").get("reason"))
    assert manager.workload("next")["state"] == "Queued"
    assert manager.workload("next")["reason"]["code"] == "QUOTA_FULL"
    assert "uses 16 of its 16" in manager.workload("next")["reason"]["message"]
    waiting = [j for j in json.loads(admin.get(JOBS))["items"] if j["spec"]["suspend"]]
    assert len(waiting) == 1
    assert manager.call("DELETE", "/v1/workloads/gang").status_code == 202
    eventually("its GPUs go to the next", lambda: state(manager, "next") == "Running")
    eventually("the gang is gone", lambda: manager.workload("gang") == {})


def test_the_same_intent_many_times_at_once_is_one_job(manager: Any, admin: KubeApi) -> None:
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: manager.submit("twin").status_code, range(16)))
    assert sorted(codes) == [200] * 15 + [201]
    assert len(json.loads(admin.get(JOBS))["items"]) == 1


def test_a_restarted_manager_knows_its_policy_and_goes_on(
    manager: Any, start: Callable[..., Any], eventually: Eventually
) -> None:
    manager.submit("first", pods=2, gpus=8)
    manager.submit("second", gpus=2)
    eventually("the first runs", lambda: state(manager, "first") == "Running")
    before = manager.state()
    begun = time.monotonic()
    manager.stop()
    assert time.monotonic() - begun < 3
    after = start()
    delta = after.state(f"epoch={before['epoch']}&since={before['revision']}")
    assert delta["full"]
    assert delta["policy_revision"] == "r1"
    assert after.submit("first", pods=2, gpus=8).status_code == 200
    assert state(after, "first") == "Running"
    after.call("DELETE", "/v1/workloads/first")
    eventually("the second runs", lambda: state(after, "second") == "Running")


def test_a_long_poll_answers_as_soon_as_there_is_news(manager: Any, eventually: Eventually) -> None:
    known = manager.state()
    since = f"epoch={known['epoch']}&since={known['revision']}"
    with ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        waiting = pool.submit(manager.state, f"{since}&wait=30")
        manager.submit("news")
        delta = waiting.result(30)
    assert time.monotonic() - begun < 10
    assert not delta["full"]
    assert list(delta["workloads"]) == ["news"]
    known = manager.state()
    assert manager.state(f"epoch=other&since={known['revision']}")["full"]


def test_a_job_from_kubectl_is_held_queued_and_started(
    manager: Any, admin: KubeApi, eventually: Eventually
) -> None:
    labels = {f"neurox.io/{n}": v for n, v in (("project", "vision"), ("group", "vision"))}
    uid = create(admin, "by-hand", {**labels, "neurox.io/pool": "h200"})["metadata"]["uid"]
    eventually("it runs", lambda: state(manager, uid) == "Running")
    assert manager.workload(uid)["user"] == "neurox-up"
    bare = create(admin, "unlabelled", labels)
    assert bare["spec"]["suspend"] is True
    eventually("it is invalid", lambda: state(manager, bare["metadata"]["uid"]) == "Invalid")
    reason = manager.workload(bare["metadata"]["uid"])["reason"]
    assert reason["code"] == "INVALID"
    assert "The label neurox.io/pool is missing" in reason["message"]


def test_gpu_pods_elsewhere_are_seen_counted_and_left_alone(
    manager: Any, admin: KubeApi, eventually: Eventually
) -> None:
    spec = pod_spec(3)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "foreign"}, "spec": spec}
    uid = json.loads(admin.send("POST", "/api/v1/namespaces/default/pods", pod))["metadata"]["uid"]
    eventually("it is seen", lambda: state(manager, uid) == "Running")
    seen = manager.workload(uid)
    assert (seen["managed"], seen["kind"], seen["name"]) == (False, "Pod", "foreign")
    node = manager.state()["nodes"][seen["members"][0]["node"]]
    assert node["allocated"] == 3
    admin.send("DELETE", "/api/v1/namespaces/default/pods/foreign", {"gracePeriodSeconds": 0})
    eventually("it is gone", lambda: manager.workload(uid) == {})


def test_a_dry_run_changes_nothing(start: Callable[..., Any], admin: KubeApi, clean: None) -> None:
    dry = start("--dry-run")
    assert dry.call("PUT", "/v1/policy", {"revision": "dry"}).status_code == 200
    stored = admin.get("/api/v1/namespaces/neurox-system/configmaps/neurox-policy")
    assert b'\\"revision\\":\\"dry\\"' not in stored
    assert json.loads(admin.get(JOBS))["items"] == []


def pod_spec(gpus: int) -> dict[str, Any]:
    limits = {"nvidia.com/gpu": str(gpus)}
    return {
        "restartPolicy": "Never",
        "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
        "containers": [{"name": "main", "image": "x", "resources": {"limits": limits}}],
    }


def create(admin: KubeApi, name: str, labels: dict[str, str]) -> dict[str, Any]:
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {"template": {"spec": pod_spec(1)}},
    }
    made: dict[str, Any] = json.loads(admin.send("POST", JOBS, body))
    return made
