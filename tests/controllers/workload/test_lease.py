"""Of two managers one acts, whatever happens to it: real processes on a real API server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from controllers.workload.jobs import Jobs, NotLeading
from controllers.workload.kube import MERGE_PATCH, KubeApi, KubeError
from controllers.workload.lease import ACT_SECONDS, LEASE_SECONDS, Lease
from tests.controllers.workload.scenes import job

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clean", "no_leader")]
PATH = "/apis/coordination.k8s.io/v1/namespaces/neurox-system/leases/neurox-workload-manager"
TAKEN_OVER_SECONDS = 25.0
Eventually = Callable[..., None]


class HandClock:
    """A monotonic clock that tests move."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def no_leader(admin: KubeApi) -> Iterator[None]:
    """Nobody leads when the test begins, nor when it has ended."""
    vacate(admin)
    yield
    vacate(admin)


@pytest.fixture
def manager_api(manager_kubeconfig: Path) -> KubeApi:
    return KubeApi.connect(manager_kubeconfig, 3.0)


def vacate(admin: KubeApi) -> None:
    admin.send("PATCH", PATH, {"spec": {"holderIdentity": ""}}, MERGE_PATCH)


def pair(launch: Callable[..., Any], eventually: Eventually) -> tuple[Any, Any]:
    """The manager that leads, and the one that stands by, both with all they need."""
    managers = [launch(), launch()]
    eventually("one is ready", lambda: any(m.is_ready() for m in managers))
    leader, standby = sorted(managers, key=lambda m: not m.is_ready())
    assert leader.call("PUT", "/v1/policy", leader.policy()).status_code == 200
    eventually("the other stands by", lambda: "standing by" in standby.readiness()[1])
    return leader, standby


def test_exactly_one_of_two_managers_acts(launch: Any, eventually: Eventually) -> None:
    leader, standby = pair(launch, eventually)
    refused = standby.call("PUT", "/v1/policy", {"revision": "stale"})
    assert (refused.status_code, refused.json()["title"]) == (503, "Not ready")
    assert "standing by" in refused.json()["detail"]
    assert standby.submit("second").status_code == 503
    assert standby.call("GET", "/v1/state").status_code == 503
    assert standby.call("GET", "/healthz").status_code == 200
    assert leader.submit("first").status_code == 201
    eventually("it runs", lambda: leader.workload("first").get("state") == "Running")
    assert standby.metric("neurox_manager_releases_total") == 0
    assert (leader.metric("neurox_manager_leader"), standby.metric("neurox_manager_leader")) == (
        1,
        0,
    )
    assert leader.state()["policy_revision"] == "r1"


def test_a_single_pass_is_made_by_the_leader_alone(
    start: Any, manager_kubeconfig: Path, admin: KubeApi
) -> None:
    def once() -> tuple[int, str]:
        env = {**os.environ, "NEUROX_MANAGER_KUBECONFIG": str(manager_kubeconfig)}
        argv = [sys.executable, "-m", "controllers.workload", "--once"]
        done = subprocess.run(
            argv, env=env, capture_output=True, text=True, timeout=30, check=False
        )
        return done.returncode, done.stderr

    leader = start()
    status, words = once()
    assert status == 2
    assert "leads; stop it, or use --dry-run" in words
    leader.stop()
    assert once()[0] == 0
    assert not json.loads(admin.get(PATH))["spec"]["holderIdentity"]


def test_a_leader_that_stops_in_order_is_succeeded_at_once(
    launch: Any, eventually: Eventually
) -> None:
    leader, standby = pair(launch, eventually)
    leader.stop()
    assert leader.process.returncode == 0
    eventually("the other leads", standby.is_ready, 6.0)
    assert standby.state()["policy_revision"] == "r1"


def test_a_killed_leader_is_succeeded_and_its_work_goes_on(
    launch: Any, eventually: Eventually
) -> None:
    leader, standby = pair(launch, eventually)
    leader.submit("first", pods=2, gpus=8)
    leader.submit("second", gpus=8)
    eventually("it runs", lambda: leader.workload("first").get("state") == "Running")
    leader.process.send_signal(signal.SIGKILL)
    eventually("the other leads", standby.is_ready, TAKEN_OVER_SECONDS)
    known = standby.state()
    assert known["policy_revision"] == "r1"
    assert known["workloads"]["first"]["state"] == "Running"
    assert standby.submit("first", pods=2, gpus=8).status_code == 200
    assert standby.call("DELETE", "/v1/workloads/first").status_code == 202
    eventually("next", lambda: standby.workload("second").get("state") == "Running")


def test_a_leader_paused_past_its_lease_does_not_act_when_it_wakes(
    launch: Any, eventually: Eventually
) -> None:
    paused, successor = pair(launch, eventually)
    assert paused.submit("before").status_code == 201
    eventually("it runs", lambda: paused.workload("before").get("state") == "Running")
    released = paused.metric("neurox_manager_releases_total")
    paused.process.send_signal(signal.SIGSTOP)
    eventually("the other leads", successor.is_ready, TAKEN_OVER_SECONDS)
    newer = {**successor.policy(), "revision": "r2"}
    assert successor.call("PUT", "/v1/policy", newer).status_code == 200
    paused.process.send_signal(signal.SIGCONT)
    for call in range(20):
        stale = paused.call("PUT", "/v1/policy", paused.policy())
        assert stale.status_code == 503, f"call {call}"
    assert paused.submit("after").status_code == 503
    assert successor.submit("after").status_code == 201
    eventually("it runs", lambda: successor.workload("after").get("state") == "Running")
    eventually("it stands by", lambda: "standing by" in paused.readiness()[1])
    assert paused.metric("neurox_manager_releases_total") == released
    assert successor.state()["policy_revision"] == "r2"


def test_a_leader_stops_acting_before_another_may_begin(manager_api: KubeApi) -> None:
    # Clocks that have nothing in common: only what each one measures by itself counts.
    here, there = HandClock(50.0), HandClock(90_000.0)
    first = Lease(manager_api, "neurox-system", here)
    second = Lease(manager_api, "neurox-system", there)
    first.renew()
    second.renew()
    assert (first.held, second.held, second.holder) == (True, False, first.identity)
    here.now += ACT_SECONDS - 0.1
    there.now += ACT_SECONDS - 0.1
    assert first.held
    here.now += 0.2
    there.now += LEASE_SECONDS - ACT_SECONDS
    second.renew()
    assert (first.held, second.held) == (False, False)
    there.now += 0.2
    second.renew()
    assert (first.held, second.held) == (False, True)
    first.renew()
    assert (first.held, first.holder) == (False, second.identity)


def test_each_renewal_makes_the_others_wait_anew(manager_api: KubeApi) -> None:
    clock = HandClock(0.0)
    first, second = (Lease(manager_api, "neurox-system", clock) for _ in range(2))
    for _ in range(6):
        first.renew()
        second.renew()
        assert (first.held, second.held) == (True, False)
        clock.now += ACT_SECONDS / 2
    assert first.term > second.term == 0


def test_a_leader_that_was_succeeded_and_leads_again_begins_a_new_term(
    manager_api: KubeApi,
) -> None:
    clock = HandClock(0.0)
    first, second = (Lease(manager_api, "neurox-system", clock) for _ in range(2))
    first.renew()
    former = first.term
    first.release()
    second.renew()
    second.release()
    assert not first.held
    first.renew()
    assert first.held
    assert first.term > second.term > former > 0


class Overtaken(KubeApi):
    """An API server at which somebody else is quicker, between our reading and our writing."""

    meanwhile: Callable[[], None]

    def get(self, path: str, query: Any = None) -> bytes:
        raw = super().get(path, query)
        self.meanwhile()
        return raw


def test_of_two_that_try_at_once_one_wins(manager_api: KubeApi, manager_kubeconfig: Path) -> None:
    quick = Lease(manager_api, "neurox-system")
    api = Overtaken.connect(manager_kubeconfig, 3.0)
    assert isinstance(api, Overtaken)
    api.meanwhile = quick.renew
    slow = Lease(api, "neurox-system")
    with pytest.raises(KubeError) as caught:
        slow.renew()
    assert caught.value.status == 409
    assert (quick.held, slow.held) == (True, False)


class Forgetful(KubeApi):
    """An API server whose first answer to a write is lost."""

    lost = False

    def send(self, method: str, path: str, body: Any, content_type: str = "") -> bytes:
        raw = super().send(method, path, body, content_type)
        if not self.lost:
            self.lost = True
            raise KubeError(0, "the answer is lost")
        return raw


def test_a_lead_whose_confirmation_was_lost_is_a_lead_once_it_is_seen(
    manager_kubeconfig: Path,
) -> None:
    lease = Lease(Forgetful.connect(manager_kubeconfig, 3.0), "neurox-system")
    with pytest.raises(KubeError):
        lease.renew()
    assert not lease.held
    lease.renew()
    assert lease.held
    assert lease.term > 0


def test_who_does_not_lead_writes_nothing(manager_api: KubeApi) -> None:
    jobs = Jobs(manager_api, lambda _: None, lambda: False, dry_run=False)
    manifest = {"metadata": {"namespace": "vision", "name": "x"}}
    with pytest.raises(NotLeading):
        jobs.create(manifest)
    with pytest.raises(NotLeading):
        jobs.release(job("x"), {"gpu-1": 1})
    with pytest.raises(NotLeading):
        jobs.delete(job("x"))


def test_the_lease_is_the_only_one_and_cannot_be_made(manager_api: KubeApi) -> None:
    other = PATH.removesuffix("neurox-workload-manager")
    for method, path in (("POST", other[:-1]), ("PUT", other + "x"), ("DELETE", PATH)):
        with pytest.raises(KubeError) as caught:
            manager_api.send(method, path, {"metadata": {"name": "x"}})
        assert caught.value.status == 403, method
