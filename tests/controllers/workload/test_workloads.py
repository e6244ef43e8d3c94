import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scenes import OWNED, POLICY, job, pod, view

from controllers.domain.policy import Policy
from controllers.workload import seen
from controllers.workload.workloads import with_departed, workloads


def only(*things: object, policy: Policy = POLICY) -> object:
    (work,) = workloads(view(*things), policy).values()
    return work


def owned(work: seen.Job, name: str, phase: str = "Running", **more: object) -> seen.Pod:
    return pod(name, owner=("Job", work.name, work.uid), phase=phase, **more)


@pytest.mark.parametrize(
    ("fields", "phases", "state"),
    [
        ({"suspended": True}, [], "Queued"),
        ({}, [], "Starting"),
        ({}, ["Running", "Pending"], "Starting"),
        ({}, ["Running", "Running"], "Running"),
        ({}, ["Running", "Succeeded"], "Running"),
        ({"deleting": True}, ["Running", "Running"], "Stopping"),
        ({"deleting": True, "outcome": "Succeeded"}, [], "Succeeded"),
        ({"outcome": "Succeeded"}, ["Succeeded", "Succeeded"], "Succeeded"),
        ({"outcome": "Failed"}, ["Failed"], "Failed"),
    ],
)
def test_the_state_follows_the_job_and_its_pods(
    fields: dict[str, object], phases: list[str], state: str
) -> None:
    work = job("gang", parallelism=2, pods_left=2, **fields)
    pods = [owned(work, f"p{i}", phase) for i, phase in enumerate(phases)]
    assert only(work, *pods).state == state  # type: ignore[attr-defined]


def test_an_intent_is_known_by_its_id_and_a_job_of_ones_own_by_its_uid() -> None:
    ours = job("hub", marks={**OWNED, "intent": "i-1"}, notes={"user": "a@b", "submitted-at": "3"})
    known = workloads(view(ours, job("own")), POLICY)
    assert sorted(known) == ["i-1", "uid-own"]
    assert (known["i-1"].user, known["i-1"].submitted_at) == ("a@b", 3.0)


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ({}, "neurox.io/project, neurox.io/group, neurox.io/pool are missing"),
        ({**OWNED, "pool": "b200"}, "Unknown pool 'b200'"),
        ({**OWNED, "group": "speech"}, "is for groups vision only"),
        ({**OWNED, "level": "critical"}, "above the limit"),
        ({**OWNED, "level": "urgent"}, "Unknown level 'urgent'"),
    ],
)
def test_a_held_job_that_the_policy_does_not_allow_is_invalid_and_says_why(
    marks: dict[str, str], words: str
) -> None:
    work = only(job("own", marks=marks, suspended=True))
    assert work.state == "Invalid"  # type: ignore[attr-defined]
    assert work.reason.code == "INVALID"  # type: ignore[attr-defined]
    assert words in work.reason.message  # type: ignore[attr-defined]


def test_running_work_stays_what_it_is_when_the_policy_changes() -> None:
    work = job("own", marks={**OWNED, "pool": "b200"})
    assert only(work, owned(work, "p")).state == "Running"  # type: ignore[attr-defined]


def test_without_a_policy_nothing_is_called_invalid() -> None:
    assert only(job("own", suspended=True), policy=Policy("")).state == "Queued"  # type: ignore[attr-defined]


def test_a_project_runs_in_its_own_namespace_only() -> None:
    elsewhere = replace(POLICY.projects[0], namespace="speech")
    work = only(job("own", suspended=True), policy=replace(POLICY, projects=(elsewhere,)))
    assert "runs in namespace 'speech', not in 'vision'" in work.reason.message  # type: ignore[attr-defined]


def test_why_the_scheduler_finds_no_node_and_why_a_job_failed_are_told() -> None:
    work = job("own")
    stuck = only(work, owned(work, "p", "Pending", node=None, message="0/2 nodes fit"))
    assert stuck.reason.code == "NOT_PLACED"  # type: ignore[attr-defined]
    assert "0/2 nodes fit" in stuck.reason.message  # type: ignore[attr-defined]
    late = only(job("own", outcome="Failed", code="DeadlineExceeded", message="It was late."))
    assert (late.reason.code, late.reason.message) == ("MAX_RUNTIME", "It was late.")  # type: ignore[attr-defined]


def test_foreign_gpu_pods_are_grouped_by_what_made_them() -> None:
    owner = ("ReplicaSet", "web-5d9", "uid-web")
    pods = [pod(f"web-{i}", owner=owner, template="5d9", namespace="default") for i in range(3)]
    known = workloads(view(*pods, pod("alone", namespace="default")), POLICY)
    web, alone = known["uid-web"], known["uid-alone"]
    assert (web.kind, web.name, web.pods, web.gpus, web.managed) == (
        "Deployment",
        "web",
        3,
        3,
        False,
    )
    assert (alone.kind, alone.name, alone.managed) == ("Pod", "alone", False)


def test_foreign_pods_of_two_sizes_are_two_workloads_so_that_gpus_add_up() -> None:
    owner = ("RayCluster", "ray", "uid-ray")
    pods = [pod(f"p{gpus}", owner=owner, gpus=gpus, namespace="default") for gpus in (1, 8)]
    known = workloads(view(*pods), POLICY)
    assert {name: work.gpus for name, work in known.items()} == {"uid-ray": 1, "uid-ray-8": 8}


def test_foreign_work_that_holds_nothing_any_more_is_not_shown() -> None:
    assert workloads(view(pod("done", namespace="default", phase="Succeeded")), POLICY) == {}


def test_a_job_that_left_its_pods_behind_is_charged_until_the_last_is_gone() -> None:
    work = job("a")
    pods = owned(work, "p"), owned(work, "q")
    before = view(work, job("b"), *pods)
    for left in (pods, (pod("p"), pod("q"))):
        after = with_departed(view(*left), before)
        found = workloads(after, POLICY).values()
        assert {(one.id, one.state, len(one.members)) for one in found} == {
            ("uid-a", "Stopping", 2)
        }
        assert with_departed(view(*left), after).jobs == after.jobs
        assert with_departed(view(pod("p", phase="Succeeded")), after).jobs == []
    assert with_departed(before, before) == before


def test_of_two_jobs_of_one_intent_none_hides_behind_the_other() -> None:
    marks = {**OWNED, "intent": "i"}
    both = workloads(view(job("a", marks=marks), job("b", marks=marks)), POLICY)
    assert {name: (work.id, work.name) for name, work in both.items()} == {
        "i": ("i", "a"),
        "uid-b": ("uid-b", "b"),
    }


@pytest.mark.parametrize("noted", ["1e300", "-1", "nan", "inf", "soon"])
def test_a_note_that_is_no_time_is_not_believed(noted: str) -> None:
    (work,) = workloads(view(job("a", notes={"submitted-at": noted})), POLICY).values()
    assert work.submitted_at == 1.0
