import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from scenes import POLICY, job, node, pod, view

from controllers.workload.nodes import nodes, rooms


def test_gpus_are_taken_until_the_pod_has_ended_whoever_made_it() -> None:
    scene = view(
        node("gpu-1"), pod("a", gpus=2), pod("b", phase="Succeeded"), pod("c", namespace="x")
    )
    assert nodes(scene, POLICY)["gpu-1"].allocated == 3
    assert rooms(scene, POLICY)[0].free == 5


def test_nodes_that_never_had_gpus_are_left_out() -> None:
    assert nodes(view(node("cpu-1", gpus=0, ever=False)), POLICY) == {}


def test_a_cordoned_or_silent_node_is_known_but_takes_no_work() -> None:
    scene = view(node("gpu-1", cordoned=True), node("gpu-2", ready=False, reason="no kubelet"))
    assert [room.usable for room in rooms(scene, POLICY)] == [False, False]
    assert nodes(scene, POLICY)["gpu-2"].reason == "no kubelet"


def test_room_is_kept_for_a_released_gang_until_its_pods_have_nodes() -> None:
    notes = {"placement": '{"gpu-1": 2}'}
    gang = job("gang", parallelism=2, pods_left=2, gpus_per_pod=3, notes=notes)
    scene = view(node("gpu-1"), gang)
    assert rooms(scene, POLICY)[0].free == 2
    owner = ("Job", "gang", gang.uid)
    scene = view(node("gpu-1"), gang, pod("a", owner=owner, gpus=3))
    assert rooms(scene, POLICY)[0].free == 2
    both = (pod(name, owner=owner, gpus=3) for name in "ab")
    assert rooms(view(node("gpu-1"), gang, *both), POLICY)[0].free == 2


def test_a_gang_over_several_nodes_keeps_room_wherever_its_pods_may_land() -> None:
    notes = {"placement": '{"gpu-1": 2, "gpu-2": 1}'}
    gang = job("gang", parallelism=3, pods_left=3, gpus_per_pod=2, notes=notes)
    scene = view(node("gpu-1", gpus=4), node("gpu-2"), gang)
    assert {room.node: room.free for room in rooms(scene, POLICY)} == {"gpu-1": 0, "gpu-2": 2}


def test_a_queued_or_finished_job_keeps_no_room() -> None:
    notes = {"placement": '{"gpu-1": 1}'}
    queued = job("a", suspended=True, notes=notes)
    done = job("b", outcome="Succeeded", notes=notes)
    assert rooms(view(node("gpu-1"), queued, done), POLICY)[0].free == 8
