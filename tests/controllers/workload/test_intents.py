import json
from typing import Any

import pytest

from controllers.workload.kube import KubeApi

pytestmark = pytest.mark.slow
JOBS = "/apis/batch/v1/namespaces/vision/jobs"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"gpus": 99}, "99 GPUs on one node never fit: the largest node of pool 'h200' has 8"),
        ({"pods": 99}, "99 pods of 1 GPU never fit at once"),
        ({"gpus": -1}, "gpus_per_pod must be 1 or more, not -1"),
        ({"pool": "h300"}, "unknown pool 'h300'; did you mean 'h200'?"),
        ({"project": "visions"}, "unknown project 'visions'; did you mean 'vision'?"),
        ({"group": "speech"}, "project 'vision' is for groups vision only"),
        ({"level": "critical"}, "above the limit 'high'"),
        ({"name": "No"}, "is not a valid name"),
        ({"annotations": {"neurox.io/placement": "{}"}}, "is not allowed"),
        ({"annotations": {"other": "x"}}, "is not allowed"),
        ({"max_runtime_seconds": 0}, "must be 1 to"),
        ({"image": "a b"}, "image must be"),
        ({"annotations": {"neurox.io/x": "x" * 300_000}}, "the cluster refused the Job"),
    ],
)
def test_what_cannot_run_is_refused_with_the_reason(
    shared: Any, admin: KubeApi, spec: dict[str, Any], words: str
) -> None:
    answer = shared.submit("bad", **spec)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert json.loads(admin.get(JOBS))["items"] == []


def test_a_namespace_that_is_not_managed_is_refused(shared: Any) -> None:
    project = {"name": "vision", "groups": ["vision"], "pools": ["h200"], "namespace": "default"}
    policy = {"revision": "other", "pools": [{"name": "h200"}], "projects": [project]}
    before = shared.policy()
    try:
        assert shared.call("PUT", "/v1/policy", policy).status_code == 200
        answer = shared.submit("bad")
        assert answer.status_code == 422
        assert "its owner can label it neurox.io/managed=true" in answer.json()["detail"]
    finally:
        shared.call("PUT", "/v1/policy", before)


def test_stopping_what_is_not_there_is_not_found(shared: Any) -> None:
    answer = shared.call("DELETE", "/v1/workloads/nobody")
    assert answer.status_code == 404
    assert "nobody" in answer.json()["detail"]
