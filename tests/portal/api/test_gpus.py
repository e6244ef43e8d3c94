"""One GPU: everybody who has it, what troubles it, and what is unknown about it."""

import time
from typing import Any

from neurox_web import Web, cluster, gpu, policy, running

from controllers.domain.gpu import Holder, MigDevice, Xid
from portal.api import fleet
from portal.api.series import MEASURES, columns, expression
from portal.api.shapes.gpu import state
from portal.api.shapes.gpu_words import clock_event, finding, health, recovery
from portal.api.subject import subject
from portal.api.thanos import Line, Span

SHARED = (
    Holder("vision", "train-0", "main", "timeslice", (), 0.5, 300, 120.0, 36_000.0),
    Holder("vision", "train-1", "main", "timeslice", (), 0.25, 100),
)


def shown(web: Web, **more: Any) -> Any:
    policy(web)
    made = cluster(web, workloads={"w1": running("w1"), "w2": running("w2", "train-1")})
    web.stores.samples.put(made.id, [gpu(0, **more)])
    return web.get("/gpus/GPU-east-0-0").json


def test_a_shared_gpu_shows_each_pods_part_and_its_workload(web: Web) -> None:
    found = shown(web, holders=SHARED)
    first, second = found["holders"]
    assert (first["workload_id"], first["user"], first["mode"]) == ("w1", "mia", "timeslice")
    assert (first["utilization"], first["memory_used_bytes"]) == (0.5, 300)
    assert (first["busy_seconds"], first["energy_joules"]) == (120, 36_000)
    assert (second["workload_id"], second["busy_seconds"]) == ("w2", None)
    assert (found["workload_id"], found["pod"]) == ("w1", "train-0")


def test_a_workload_has_its_own_part_of_a_shared_gpu(web: Web) -> None:
    shown(web, holders=SHARED, utilization=0.75, memory_used_bytes=400)
    for workload, part in (("w1", (0.5, 300)), ("w2", (0.25, 100))):
        found: Any = web.get(f"/workloads/{workload}").json
        assert (found["utilization"], found["memory_used_bytes"]) == part
        assert found["members"][0]["gpu_uuids"] == ["GPU-east-0-0"]


def test_a_pod_that_was_not_given_a_gpu_uses_it_and_does_not_hold_it(web: Web) -> None:
    found = shown(web, holders=(Holder("vision", "train-0", mode="none"),))
    assert (found["state"], found["holders"][0]["mode"]) == ("busy", "none")
    assert web.get("/workloads/w1").json["members"][0]["gpu_uuids"] == []  # type: ignore[index]


def test_trouble_is_told_in_words(web: Web) -> None:
    found = shown(
        web,
        clock_events=("idle", "power_cap"),
        xids=(Xid(31, 2, 1_764_115_200.0, "warning", "application", "page fault"),),
        health=2,
        findings=("row_remap",),
        recovery_action=1,
    )
    assert [event["throttles"] for event in found["clock_events"]] == [False, True]
    assert (found["health"], found["recovery_action"]) == ("failed", "reset")
    assert found["xids"][0] == {
        "code": 31,
        "count": 2,
        "last_at": "2025-11-26T00:00:00Z",
        "severity": "warning",
        "cause": "application",
        "text": "page fault",
    }


def test_the_worst_xid_of_a_day_is_told_and_asked_for(web: Web) -> None:
    made, now = cluster(web), time.time()
    program = Xid(31, 1, now - 9, cause="application")
    xids = {
        "hardware": (program, Xid(74, 1, now - 80_000, cause="link")),
        "software": (program, Xid(79, 1, now - 90_000, cause="hardware")),
        "none": (Xid(79, 1, None, cause="hardware"),),
    }
    samples = [gpu(index, xids=found) for index, found in enumerate(xids.values())]
    web.stores.samples.put(made.id, samples)
    listed: Any = web.get("/gpus").json
    assert [each["xid_24h"] for each in listed["items"]] == list(xids)
    chosen: Any = web.get("/gpus?xid_24h=hardware").json
    assert [each["index"] for each in chosen["items"]] == [0]
    assert web.get("/gpus?xid_24h=soft").status_code == 400


def test_what_is_not_known_has_no_words(web: Web) -> None:
    found = shown(web, tensor_active=None)
    for name in ("clock_events", "health", "recovery_action", "tensor_active", "power_limit_watts"):
        assert found[name] is None
    assert (clock_event("new_one").text, clock_event("new_one").throttles) == ("new one", True)
    assert (finding("new_one"), recovery(9), health(None)) == ("new one", "action 9", None)


def test_an_old_sample_shows_whose_it_is_and_what_befell_it_and_no_readings(web: Web) -> None:
    mig = MigDevice("MIG-1", 1, 0, "1g.10gb", 5, 10, 0.5)
    found = shown(web, age=60, holders=SHARED, xids=(Xid(31, 1),), migs=(mig,), health=0)
    assert (found["holders"][0]["utilization"], found["holders"][0]["busy_seconds"]) == (None, 120)
    assert (found["migs"][0]["sm_active"], found["migs"][0]["memory_total_bytes"]) == (None, 10)
    assert (found["xids"][0]["code"], found["health"]) == (31, None)


def test_a_gpu_in_mig_mode_is_busy_by_what_its_instances_do() -> None:
    busy, idle = MigDevice("M", 1, 0, "1g", sm_active=0.5), MigDevice("N", 2, 0, "1g", sm_active=0)
    found = [
        state(gpu(utilization=None, holders=SHARED, migs=migs), fresh=True)
        for migs in ((idle, busy), (idle,), ())
    ]
    assert found == ["busy", "idle", "allocated"]


def test_a_gpu_that_two_clusters_told_of_is_shown_as_the_last_one_did(web: Web) -> None:
    for name, age in (("west", 10.0), ("east", 1.0), ("north", 600.0)):
        web.stores.samples.put(cluster(web, name).id, [gpu(0, "gpu-1", age)])
    assert web.get("/gpus/GPU-gpu-1-0").json["cluster"] == "east"  # type: ignore[index]
    listed: Any = web.get("/gpus").json
    assert [one["cluster"] for one in listed["items"]] == ["east", "north", "west"]
    chosen = subject(fleet.read(web.stores), {"gpu": "GPU-gpu-1-0"})
    lines = [Line({"node": "gpu-1", "gpu": "0", "uuid": "GPU-gpu-1-0"}, [n]) for n in (0.1, 0.2)]
    assert len(columns(MEASURES["power"], chosen, lines, Span(0, 0, 10)).names) == 2


def test_throttling_is_drawn_by_its_reason(web: Web) -> None:
    shown(web)
    seen, throttled = fleet.read(web.stores), MEASURES["throttled"]
    chosen = subject(seen, {"gpu": "GPU-east-0-0"})
    text = expression(throttled, chosen, 15)
    assert text.startswith("avg by (reason) (rate(neurox_gpu_throttled_seconds_total{tenant_id=")
    assert 'uuid="GPU-east-0-0"}[60s]))' in text
    assert "[600s]" in expression(throttled, chosen, 600)
    lines = [Line({"reason": "thermal"}, [0.0]), Line({"reason": "power_cap"}, [0.5])]
    drawn = columns(throttled, chosen, lines, Span(0, 0, 10))
    assert (drawn.names, drawn.columns) == (["power_cap", "thermal"], [[0.5], [0.0]])
