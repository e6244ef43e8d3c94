from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.attribution import POD_MEMORY, UNATTRIBUTED_MEMORY, Attribution, shares
from agent.catalogue import MEMORY_USED
from agent.pods import PodNames
from agent.snapshot import Gpu, Identity, PodUse, Process, Usage

UID = "5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"


def gpu(uuid: str, used: int) -> Gpu:
    return Gpu(Identity(0, uuid=uuid), up=True, values={MEMORY_USED: used})


def put_process(proc: Path, pid: int, cgroup: str, started: int = 5) -> None:
    (proc / str(pid)).mkdir(parents=True, exist_ok=True)
    (proc / str(pid) / "cgroup").write_text(f"0::{cgroup}\n")
    zeros = " ".join("0" * 17)
    (proc / str(pid) / "stat").write_text(f"{pid} (a ) b) S 1 {zeros} {started} 0\n")


def _held(usage: Usage) -> float:
    return sum(pod.values[POD_MEMORY] for pod in usage.pods)


@given(
    st.dictionaries(st.integers(1, 9), st.integers(1, 10**9)),
    st.dictionaries(st.integers(1, 9), st.sampled_from([("ns", "a"), ("ns", "b")])),
    st.integers(0, 10**9),
)
def test_pods_and_the_rest_add_up_to_what_the_device_says(
    held: dict[int, int], pods: dict[int, tuple[str, str]], other: int
) -> None:
    processes = tuple(Process(pid, memory) for pid, memory in held.items())
    used = sum(held.values()) + other
    usage = shares([(gpu("GPU-1", used), processes)], pods)
    assert _held(usage) + usage.gpus["GPU-1"][UNATTRIBUTED_MEMORY] == used


def test_a_process_is_its_pods_by_cgroup_and_folder_name(tmp_path: Path) -> None:
    put_process(tmp_path / "proc", 7, f"/kubepods/pod{UID}/{'ab' * 32}")
    put_process(tmp_path / "proc", 8, "/system.slice/sshd.service")
    (tmp_path / "pods" / f"vision_train-0_{UID}").mkdir(parents=True)
    attribution = Attribution(tmp_path / "proc", PodNames(tmp_path / "pods"))
    usage = attribution.usage([(gpu("GPU-1", 100), (Process(7, 60), Process(8, 30)))])
    assert usage == Usage(
        (PodUse("GPU-1", "vision", "train-0", {POD_MEMORY: 60}),),
        {"GPU-1": {UNATTRIBUTED_MEMORY: 40}},
        0,
    )


def test_a_reused_pid_does_not_inherit_the_pod(tmp_path: Path) -> None:
    put_process(tmp_path / "proc", 7, f"/kubepods/pod{UID}/{'ab' * 32}", started=5)
    (tmp_path / "pods" / f"vision_train-0_{UID}").mkdir(parents=True)
    attribution = Attribution(tmp_path / "proc", PodNames(tmp_path / "pods"))
    lists = [(gpu("GPU-1", 60), (Process(7, 60),))]
    assert attribution.usage(lists).pods
    put_process(tmp_path / "proc", 7, "/system.slice/sshd.service", started=9)
    assert attribution.usage(lists).pods == ()


def test_a_pid_that_is_gone_and_a_pod_without_a_name_are_unresolved(tmp_path: Path) -> None:
    put_process(tmp_path / "proc", 7, f"/kubepods/pod{UID}/{'ab' * 32}")
    attribution = Attribution(tmp_path / "proc", PodNames(tmp_path / "no-such-folder"))
    usage = attribution.usage([(gpu("GPU-1", 60), (Process(7, 60), Process(999, 1)))])
    assert usage == Usage((), {"GPU-1": {UNATTRIBUTED_MEMORY: 60}}, 2)


def test_a_new_pod_folder_is_noticed(tmp_path: Path) -> None:
    names = PodNames(tmp_path)
    names.refresh()
    assert names.of(UID) is None
    (tmp_path / f"vision_train-0_{UID}").mkdir()
    names.refresh()
    assert names.of(UID) == ("vision", "train-0")
