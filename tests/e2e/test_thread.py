"""The whole thread, hop by hop, through the public API of a fleet that ``neurox up`` started."""

import os
import signal

import psutil
import pytest
from fleet import Fleet, eventually

from portal.client import ApiError, Client, NotSignedIn
from portal.schemas import GpuOut, GroupIn, PoolIn, ProjectIn, WorkloadIn, WorkloadOut

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(fleet: Fleet) -> Client:
    api = fleet.client()
    eventually("16 GPUs in the API", lambda: api.gpus.list(limit=1).total == 16, 90)
    return api


@pytest.fixture(scope="module")
def team(client: Client) -> Client:
    client.pools.put("all", PoolIn())
    client.groups.put("robots", GroupIn())
    client.projects.put(
        "arms", ProjectIn(groups=["robots"], pools=["all"], namespace="neurox-work")
    )
    client.quotas.put("all", "robots", 12)
    return client


def submit(client: Client, name: str, **fields: object) -> WorkloadOut:
    asked = {"project": "arms", "group": "robots", "pool": "all", "name": name, **fields}
    return client.workloads.create(WorkloadIn.model_validate(asked))


def in_state(client: Client, workload: WorkloadOut, *states: str) -> WorkloadOut:
    def probe() -> WorkloadOut | None:
        seen = client.workloads.get(workload.id)
        return seen if seen.state in states else None

    return eventually(f"{workload.name} {'/'.join(states)}", probe)


def test_nobody_is_let_in_without_a_credential(fleet: Fleet) -> None:
    with pytest.raises(NotSignedIn):
        Client(fleet.url).gpus.list()
    with pytest.raises(NotSignedIn):
        Client(fleet.url, headers={"X-Forwarded-User": "admin", "Remote-User": "admin"}).me()


def test_the_cluster_is_connected_and_its_report_is_fresh(client: Client) -> None:
    def connected() -> bool:
        cluster = client.clusters.get("sandbox-1")
        return cluster.state == "connected" and cluster.nodes_ready == 2

    eventually("a connected cluster with two ready nodes", connected)
    cluster = client.clusters.get("sandbox-1")
    assert cluster.simulated
    assert cluster.gpus == 16
    assert cluster.report_age_seconds is not None
    assert cluster.report_age_seconds < 45


def test_every_gpu_has_a_sample_and_is_labelled_simulated(client: Client) -> None:
    eventually("samples", lambda: all(g.state != "stale" for g in client.gpus.all()))
    gpus = list(client.gpus.all())
    assert {gpu.node for gpu in gpus} == {"gpu-1", "gpu-2"}
    assert all(gpu.simulated and gpu.memory_total_bytes for gpu in gpus)
    assert len({gpu.uuid for gpu in gpus}) == 16


def test_a_workload_runs_and_its_gpus_show_use(team: Client) -> None:
    asked = submit(
        team, "train", pods=2, gpus_per_pod=4, annotations={"neurox.io/simulated-load": "0.8"}
    )
    in_state(team, asked, "Running")

    def used() -> WorkloadOut | None:
        seen = team.workloads.get(asked.id)
        measured = seen.utilization is not None and seen.utilization > 0.3
        return seen if measured and sum(len(p.gpu_uuids) for p in seen.members) == 8 else None

    seen = eventually("utilisation of the workload", used)
    held = [gpu for gpu in team.gpus.all() if gpu.workload_id == asked.id]
    assert len(held) == 8
    assert {gpu.uuid for gpu in held} == {u for p in seen.members for u in p.gpu_uuids}
    assert seen.project == "arms"
    assert seen.cluster == "sandbox-1"
    eventually("its line in the chart", lambda: any(_drawn(team, asked)))
    team.workloads.stop(asked.id)
    in_state(team, asked, "Stopped")
    eventually(
        "its GPUs free again",
        lambda: not any(gpu.workload_id == asked.id for gpu in team.gpus.all()),
    )


def _drawn(client: Client, workload: WorkloadOut) -> list[float]:
    chart = client.series("utilization", workload=workload.id, **{"from": "-15m", "to": "now"})
    return [value for column in chart.columns for value in column if value]


def test_a_workload_ends_by_itself(team: Client) -> None:
    asked = submit(team, "short", annotations={"neurox.io/simulated-run-seconds": "2"})
    ended = in_state(team, asked, "Succeeded")
    assert ended.started_at is not None
    assert ended.finished_at is not None


def test_beyond_quota_it_waits_and_says_why(team: Client) -> None:
    """12 guaranteed, 16 there: 4 may be borrowed, so 8 + 8 fits and one more does not."""
    first = submit(team, "first", gpus_per_pod=8)
    second = submit(team, "second", gpus_per_pod=8)
    in_state(team, first, "Running")
    in_state(team, second, "Running")
    third = submit(team, "third", gpus_per_pod=4)

    def waits() -> WorkloadOut | None:
        seen = team.workloads.get(third.id)
        return seen if seen.state == "Queued" and seen.reason else None

    waiting = eventually("a reason", waits)
    assert waiting.reason is not None
    assert waiting.reason.code in {"QUOTA_FULL", "BORROW_FULL", "FRAGMENTED"}
    team.workloads.stop(first.id)
    in_state(team, third, "Running")
    for workload in (second, third):
        team.workloads.stop(workload.id)
        in_state(team, workload, "Stopped")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"gpus_per_pod": 99}, "99"),
        ({"gpus_per_pod": -1}, "-1"),
        ({"pool": "al"}, "'all'"),
        ({"pods": 3, "gpus_per_pod": 8}, "at most 2 pods"),
    ],
)
def test_what_can_never_run_is_refused_in_words(
    team: Client, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(ApiError) as refusal:
        submit(team, "wrong", **fields)
    assert refusal.value.status == 422
    told = refusal.value.problem
    assert words in told.detail + " ".join(e.message for e in told.errors)
    assert not [w for w in team.workloads.all() if w.name == "wrong"]


def test_a_dead_agent_makes_only_its_gpus_stale(fleet: Fleet, client: Client) -> None:
    agent = psutil.Process(fleet.pid("sandbox-1/agent-gpu-1"))
    agent.suspend()
    try:
        stale = eventually("stale GPUs of gpu-1", lambda: _stale(client), 90)
        assert {gpu.node for gpu in stale} == {"gpu-1"}
        assert len(stale) == 8
        assert all(gpu.utilization is None and gpu.memory_used_bytes is None for gpu in stale)
    finally:
        agent.resume()
    eventually("fresh GPUs again", lambda: not _stale(client), 60)


def _stale(client: Client) -> list[GpuOut]:
    return [gpu for gpu in client.gpus.all() if gpu.state == "stale"]


def test_a_stopped_relay_client_ages_its_cluster_and_nothing_is_lost(
    fleet: Fleet, team: Client
) -> None:
    relay = psutil.Process(fleet.pid("sandbox-1/relay-client"))
    relay.suspend()
    try:
        eventually("a lost cluster", lambda: team.clusters.get("sandbox-1").state == "lost", 90)
        asked = submit(team, "patient")
    finally:
        relay.resume()
    in_state(team, asked, "Running")
    team.workloads.stop(asked.id)
    in_state(team, asked, "Stopped")


def test_a_killed_process_comes_back(fleet: Fleet, client: Client) -> None:
    before = fleet.pid("sandbox-1/workload-manager")
    os.kill(before, signal.SIGKILL)
    eventually(
        "another workload-manager",
        lambda: fleet.pid("sandbox-1/workload-manager") not in (before, None),
    )
    eventually("its report", lambda: client.clusters.get("sandbox-1").state == "connected", 60)
