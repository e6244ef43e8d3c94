"""Pages of 0.1 ask this API while a control plane is upgraded; fields of 0.2 they would refuse."""

from typing import Any

import pytest
from neurox_web import ORIGIN, Web, cluster
from werkzeug.test import Client

CLUSTER = {
    *("id", "name", "description", "state", "created_at", "reported_at", "report_age_seconds"),
    *("kubernetes_version", "manager_version", "nodes", "nodes_ready", "gpus", "gpus_allocated"),
    *("running", "queued", "utilization", "sampled_at", "sample_age_seconds", "simulated"),
}
"""What 0.1 knows of a cluster, and nothing else."""
JOIN = {"cluster", "secret", "command", "expires_at"}
PAGE = {"User-Agent": "python-requests/2.32.5", "Cookie": "other=1"}
"""Pages of 0.1 pass the visitor's cookie on, and do not name themselves."""


def ask(web: Web, path: str, headers: dict[str, str], method: str = "GET", **more: Any) -> Any:
    sent = {"Authorization": f"Bearer {web.admin_token}", **headers}
    client = Client(web.app, use_cookies=False)
    answer = client.open("/api/v1" + path, method=method, headers=sent, base_url=ORIGIN, **more)
    assert answer.status_code < 300
    return answer.json


def test_pages_of_0_1_get_what_they_know(web: Web) -> None:
    cluster(web)
    assert set(ask(web, "/clusters/east", PAGE)) == CLUSTER
    (listed,) = ask(web, "/clusters", PAGE)["items"]
    assert set(listed) == CLUSTER
    made = ask(web, "/clusters", PAGE, "POST", json={"name": "west"})
    assert (set(made), set(made["cluster"])) == (JOIN, CLUSTER)


def test_pages_of_0_1_see_a_revoked_cluster_as_the_lost_one_that_they_know(web: Web) -> None:
    cluster(web)
    web.call("POST", "/clusters/east/revoke")
    assert ask(web, "/clusters/east", PAGE)["state"] == "lost"
    assert ask(web, "/overview", PAGE)["clusters"][0]["state"] == "lost"
    assert ask(web, "/clusters/east", {})["state"] == "revoked"


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "neurox/0.2.0", "Cookie": "other=1"},
        {"User-Agent": "python-requests/2.32.5"},
        {"User-Agent": "curl/8.5.0"},
        {},
    ],
)
def test_all_others_get_everything(web: Web, headers: dict[str, str]) -> None:
    cluster(web)
    assert {"labels", "credential", "relay_version"} <= set(ask(web, "/clusters/east", headers))
