"""What dies is mourned by nobody: running work stays as it is, and what waits starts afterwards."""

import itertools
import json
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import requests

from controllers.workload.kube import KubeApi, KubeError
from tests.controllers.workload.test_main import state

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clean")]
JOBS = "/apis/batch/v1/namespaces/vision/jobs"
PODS = "/api/v1/namespaces/vision/pods"
BACK_SECONDS = 60.0
Eventually = Callable[..., None]


def uids(admin: KubeApi, path: str) -> set[str]:
    """Of all objects; empty while the API server does not answer."""
    try:
        items = json.loads(admin.get(path))["items"]
    except KubeError:
        return set()
    return {item["metadata"]["uid"] for item in items}


@pytest.mark.parametrize("server", ["kube-apiserver", "etcd"])
def test_a_killed_api_server_or_store_changes_nothing_that_runs(
    manager: Any, admin: KubeApi, servers: Any, eventually: Eventually, server: str
) -> None:
    assert manager.submit("before", pods=2, gpus=4).status_code == 201
    eventually("it runs", lambda: state(manager, "before") == "Running")
    pods = uids(admin, PODS)
    assert len(pods) == 2
    servers.signal(server, signal.SIGKILL)
    eventually("it answers again", lambda: uids(admin, PODS), BACK_SECONDS)
    eventually("the manager is ready", manager.is_ready, BACK_SECONDS)

    def taken() -> bool:
        return bool(manager.submit("after").status_code in (200, 201))

    eventually("work is taken", taken, BACK_SECONDS)
    eventually("it runs", lambda: state(manager, "after") == "Running", BACK_SECONDS)
    assert state(manager, "before") == "Running"
    assert pods < uids(admin, PODS)


def test_an_api_server_that_hangs_ends_the_lead_and_its_return_renews_it(
    manager: Any, admin: KubeApi, servers: Any, eventually: Eventually
) -> None:
    manager.submit("before")
    eventually("it runs", lambda: state(manager, "before") == "Running")
    pods = uids(admin, PODS)
    servers.signal("kube-apiserver", signal.SIGSTOP)
    try:
        eventually("it acts no more", lambda: manager.readiness()[0] == 503, 20.0)
        assert manager.submit("meanwhile").status_code == 503
        assert manager.call("GET", "/healthz").status_code == 200
    finally:
        servers.signal("kube-apiserver", signal.SIGCONT)
    eventually("the manager is ready", manager.is_ready, BACK_SECONDS)
    assert state(manager, "before") == "Running"
    assert uids(admin, PODS) == pods


def is_taken(managers: list[Any], intent: str) -> bool:
    """Whether some manager takes it, asked as the hub asks: whoever answers."""
    for manager in managers:
        try:
            answer = manager.submit(intent, gpus=8)
        except requests.RequestException:
            continue
        if answer.status_code in (200, 201):
            return True
        assert answer.status_code in (502, 503), answer.text
    return False


def test_each_intent_becomes_one_job_though_leaders_are_killed_in_the_midst(
    launch: Callable[..., Any], admin: KubeApi, eventually: Eventually
) -> None:
    managers = [launch(), launch()]
    eventually("one is ready", lambda: any(m.is_ready() for m in managers))
    leader = next(m for m in managers if m.is_ready())
    assert leader.call("PUT", "/v1/policy", leader.policy()).status_code == 200
    half = threading.Event()
    sent = itertools.count()

    def submit(number: int) -> None:
        if next(sent) == 20:
            half.set()
        taken = partial(is_taken, managers, f"i-{number}")
        eventually(f"intent {number} is taken", taken, BACK_SECONDS)

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(submit, number) for number in range(60)]
        assert half.wait(BACK_SECONDS)
        leader.process.send_signal(signal.SIGKILL)
        for future in done:
            future.result(2 * BACK_SECONDS)

    def released() -> int:
        return sum(not item["spec"]["suspend"] for item in json.loads(admin.get(JOBS))["items"])

    eventually("two nodes of eight GPUs run two of them", lambda: released() == 2)
    items = json.loads(admin.get(JOBS))["items"]
    intents = [item["metadata"]["labels"]["neurox.io/intent"] for item in items]
    assert sorted(intents) == sorted({f"i-{number}" for number in range(60)})
