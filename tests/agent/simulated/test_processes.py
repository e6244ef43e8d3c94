"""Who holds a GPU: kinds of processes, layouts of the lists, hiding, samples."""

import pytest

from tests.agent.simulated.asked import HEAD, OPEN, Ask, of

THREE = of(
    "h200",
    "process = 11 1000000000 0.337",
    "process = 12 2000000000 0.2 mps",
    "process = 13 3000000000 0 graphics",
)
LISTS = """[[[p.pid, p.usedGpuMemory] for p in call(gpu)] for call in (
    n.nvmlDeviceGetComputeRunningProcesses_v3, n.nvmlDeviceGetMPSComputeRunningProcesses_v3,
    n.nvmlDeviceGetGraphicsRunningProcesses_v3)]"""


def test_each_kind_has_its_list_and_clients_of_mps_compute_too(ask: Ask) -> None:
    assert ask(HEAD + THREE, LISTS).answer == [
        [[11, 1_000_000_000], [12, 2_000_000_000]],
        [[12, 2_000_000_000]],
        [[13, 3_000_000_000]],
    ]


def test_the_detailed_list_has_the_same_processes_by_mode(ask: Ask) -> None:
    script = """[[[p.pid, p.usedGpuMemory] for p in n.nvmlDeviceGetRunningProcessDetailList(
        gpu, n.nvmlProcessDetailList_v1, mode)] for mode in (0, 1, 2)] + [code(
        n.nvmlDeviceGetRunningProcessDetailList, gpu, n.nvmlProcessDetailList_v1 + 8, 0)]"""
    assert ask(HEAD + THREE, script).answer == [
        [[11, 1_000_000_000], [12, 2_000_000_000]],
        [[13, 3_000_000_000]],
        [[12, 2_000_000_000]],
        25,
    ]


@pytest.mark.parametrize(
    ("driver", "stride"),
    [("510.39.01", 24), ("535.43.02", 32), ("535.54.03", 32), ("535.86.05", 24), ("580.95.05", 24)],
)
def test_a_driver_writes_the_entries_of_its_time(ask: Ask, driver: str, stride: int) -> None:
    text = f"driver = {driver}\n" + THREE
    begin = OPEN + (
        "count, raw = n.c_uint(9), (n.c_ubyte * 216)()\n"
        "call = n._nvmlGetFunctionPointer('nvmlDeviceGetComputeRunningProcesses_v3')\n"
        "assert call(gpu, n.byref(count), raw) == 0\n"
    )
    script = "[count.value, [int.from_bytes(raw[at:at + 4], 'little') for at in (0, 24, 32)]]"
    count, pids = ask(text, script, begin).answer
    assert (count, pids[0], pids[{24: 1, 32: 2}[stride]]) == (2, 11, 12)
    assert pids[{24: 2, 32: 1}[stride]] != 12


@pytest.mark.parametrize("stride", [16, 32])
def test_who_reads_another_stride_gets_nonsense_from_the_second_entry_on(
    ask: Ask, stride: int
) -> None:
    found = ask(f"process_stride = {stride}\n" + HEAD + THREE, LISTS).answer[0]
    assert len(found) == 2
    assert found[0] == [11, 1_000_000_000]
    assert found[1][0] != 12


def test_a_list_that_does_not_fit_says_how_many_there_are(ask: Ask) -> None:
    begin = OPEN + (
        "count, room = n.c_uint(1), (n.c_nvmlProcessInfo_v3_t * 1)()\n"
        "call = n._nvmlGetFunctionPointer('nvmlDeviceGetComputeRunningProcesses_v3')\n"
        "result = call(gpu, n.byref(count), room)\n"
    )
    assert ask(HEAD + THREE, "[result, count.value, room[0].pid]", begin).answer == [7, 2, 0]


def test_processes_of_another_pid_namespace_are_hidden_but_their_memory_is_used(ask: Ask) -> None:
    begin = (
        "text = open(os.environ['NEUROX_NVML_SCENARIO']).read()\n"
        "put(text.replace('= 11', f'= {os.getpid()}').replace('= 12', '= 4194305'))\n"
    ) + OPEN
    script = """[[p.pid == os.getpid() for p in n.nvmlDeviceGetComputeRunningProcesses_v3(gpu)],
        sorted({s.pid == os.getpid() for s in n.nvmlDeviceGetProcessUtilization(gpu, 0)}),
        n.nvmlDeviceGetMemoryInfo(gpu, n.nvmlMemory_v2).used]"""
    text = "hide_processes = yes\n" + HEAD + THREE
    assert ask(text, script, begin).answer == [[True], [True], 6_000_000_000]


def test_an_mps_server_has_the_samples_of_its_clients(ask: Ask) -> None:
    text = "clock = 1000\n" + HEAD + THREE + "process = 14 30000000 0.01 mps_server\n"
    script = """[[(s.pid, s.smUtil) for s in n.nvmlDeviceGetProcessUtilization(gpu, 0)
        if s.pid != 11], [p.pid for p in n.nvmlDeviceGetComputeRunningProcesses_v3(gpu)]]"""
    samples, pids = ask(text, script).answer
    assert {pid for pid, _ in samples} == {14}
    assert sum(sm for _, sm in samples) / len(samples) == pytest.approx(21, abs=0.02)
    assert pids == [11, 12, 14]


def test_the_mean_of_samples_is_the_true_share(ask: Ask) -> None:
    text = "clock = 1000\n" + HEAD + THREE
    script = """[[s.pid, s.smUtil, s.timeStamp] for s in
        n.nvmlDeviceGetProcessesUtilizationInfo(gpu, 985 * 10**6)]"""
    samples = ask(text, script).answer
    shares = {pid: [sm for one, sm, _ in samples if one == pid] for pid, _, _ in samples}
    assert {pid: len(of_it) for pid, of_it in shares.items()} == {11: 90, 12: 90}
    assert sum(shares[11]) / 90 == pytest.approx(33.7, abs=0.02)
    assert set(shares[12]) == {20}
    assert all(985 * 10**6 < at <= 1000 * 10**6 for _, _, at in samples)


def test_a_process_has_no_samples_from_before_it_came(ask: Ask) -> None:
    text = "clock = 1000\n" + HEAD + THREE
    later = text.replace("= 1000\n", "= 1002\n") + "process = 14 5 0.5\n"
    begin = OPEN + f"put({later!r})\nput({later.replace('1002', '1004')!r})\n"
    script = """sorted({pid: sum(s.pid == pid for s in samples) for pid in (11, 12, 14)}.values())
        if (samples := n.nvmlDeviceGetProcessUtilization(gpu, 990 * 10**6)) else None"""
    assert ask(text, script, begin).answer == [12, 84, 84]


def test_an_idle_gpu_has_no_samples_of_processes(ask: Ask) -> None:
    script = """[code(n.nvmlDeviceGetProcessUtilization, gpu, 0),
        code(n.nvmlDeviceGetProcessesUtilizationInfo, gpu, 0)]"""
    assert ask(HEAD + of("h200", "process = 5 1000 0"), script).answer == [6, 6]


def test_the_mean_of_utilization_samples_is_the_waves(ask: Ask) -> None:
    text = "clock = 1000\n" + HEAD + of("h200", "utilization = wave 0.333 0.1 5")
    later = text.replace("= 1000\n", "= 1010.3\n").replace("wave 0.333 0.1 5", "0.777")
    begin = OPEN + (
        f"put({later!r})\nput({later.replace('1010.3', '1015')!r})\n"
        "def samples(since):\n"
        "    kind, since = n.NVML_GPU_UTILIZATION_SAMPLES, since * 10**6\n"
        "    return [s.sampleValue.uiVal for s in n.nvmlDeviceGetSamples(gpu, kind, since)[1]]\n"
    )
    script = "[samples(1000), samples(1011), code(samples, 1015), code(samples, 999)]"
    both, after, none, _ = ask(text, script, begin).answer
    assert len(both) == 90
    # Two waves and 0.3 s of a third, then 4.7 s of another load.
    first = 0.333 * 10.3 + 0.1 * 5 / 6.2832 * (1 - 0.9298)
    assert sum(both) / 90 == pytest.approx((first + 0.777 * 4.7) / 15 * 100, abs=0.05)
    assert (len(after), sum(after) / 24) == (24, pytest.approx(77.7, abs=0.05))
    assert none == 6


def test_a_call_can_succeed_with_nothing_which_pynvml_raises(ask: Ask) -> None:
    text = HEAD + THREE + "fail = nvmlDeviceGetProcessUtilization 0\n"
    begin = OPEN + (
        "try:\n    n.nvmlDeviceGetProcessUtilization(gpu, 0)\n"
        "except n.NVMLError as error:\n    raised = error.value\n"
    )
    assert ask(text, "raised", begin).answer == 0
