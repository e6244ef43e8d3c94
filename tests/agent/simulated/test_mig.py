"""MIG devices: who they are, what they have, whose processes they list."""

import pytest

from tests.agent.simulated.asked import HEAD, OPEN, Ask, of

GIB = 1024**3
DEVICES = OPEN + "migs = [n.nvmlDeviceGetMigDeviceHandleByIndex(gpu, i) for i in range({})]\n"


def test_the_profile_that_is_cut_has_devices_of_its_own(ask: Ask) -> None:
    script = """[n.nvmlDeviceGetMigMode(gpu), n.nvmlDeviceGetMaxMigDeviceCount(gpu),
        code(n.nvmlDeviceGetMigDeviceHandleByIndex, gpu, 3),
        code(n.nvmlDeviceGetMigDeviceHandleByIndex, gpu, 7),
        [[n.nvmlDeviceGetName(mig), n.nvmlDeviceGetGpuInstanceId(mig),
          n.nvmlDeviceGetComputeInstanceId(mig), n.nvmlDeviceGetMemoryInfo(mig).total,
          n.nvmlDeviceGetAttributes_v2(mig).multiprocessorCount,
          n.nvmlDeviceGetAttributes_v2(mig).gpuInstanceSliceCount] for mig in migs]]"""
    assert ask(HEAD + of("a100-mig"), script, DEVICES.format(3)).answer == [
        [1, 1],
        7,
        6,
        2,
        [
            ["NVIDIA A100-SXM4-80GB MIG 4g.40gb", 1, 0, 40 * GIB, 56, 4],
            ["NVIDIA A100-SXM4-80GB MIG 2g.20gb", 5, 0, 20 * GIB, 28, 2],
            ["NVIDIA A100-SXM4-80GB MIG 1g.10gb", 13, 0, 10 * GIB, 14, 1],
        ],
    ]


def test_uuids_are_given_or_follow_from_the_gpu_and_find_the_device(ask: Ask) -> None:
    text = HEAD + of("h100", "mig = 1 0 3g.40gb MIG-a", "mig = 2 0 4g.40gb") + of("h100", index=1)
    text += "mig = 2 0 4g.40gb\n"
    script = """[n.nvmlDeviceGetUUID(mig) for mig in (*migs, other)] + [
        n.nvmlDeviceGetGpuInstanceId(n.nvmlDeviceGetHandleByUUID(n.nvmlDeviceGetUUID(migs[1]))),
        n.nvmlDeviceGetIndex(migs[1]),
        n.nvmlDeviceGetUUID(n.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(other))]"""
    begin = DEVICES.format(2) + (
        "other = n.nvmlDeviceGetMigDeviceHandleByIndex(n.nvmlDeviceGetHandleByIndex(1), 0)\n"
    )
    first, second, third, *found = ask(text, script, begin).answer
    assert first == "MIG-a"
    assert second.startswith("MIG-")
    assert len(second) == len("MIG-") + 36
    assert second != third
    assert found == [2, 1, "GPU-00000000-0000-0000-0000-000000000001"]


def test_processes_and_memory_belong_to_instances_and_to_the_gpu_as_a_whole(ask: Ask) -> None:
    text = HEAD + of(
        "a100",
        "mig = 1 0 1c.3g.40gb",
        "mig = 1 1 2c.3g.40gb",
        "mig = 2 0 3g.40gb",
        "process = 21 1000000000 0.1 gi 1 ci 1",
        "process = 22 2000000000 0.1 gi 1",
        "process = 23 4000000000 0.3 gi 2",
        "process = 24 8000000000 0",
    )
    script = """[[[p.pid, p.gpuInstanceId, p.computeInstanceId] for p in
          n.nvmlDeviceGetComputeRunningProcesses_v3(one)] for one in (gpu, *migs)] + [
        [n.nvmlDeviceGetMemoryInfo(mig, n.nvmlMemory_v2).used for mig in migs],
        n.nvmlDeviceGetMemoryInfo(gpu, n.nvmlMemory_v2).used]"""
    anywhere = 0xFFFFFFFF
    assert ask(text, script, DEVICES.format(3)).answer == [
        [[21, 1, 1], [22, 1, 0], [23, 2, 0], [24, anywhere, anywhere]],
        [[22, 1, 0]],
        [[21, 1, 1]],
        [[23, 2, 0]],
        [3_000_000_000, 3_000_000_000, 4_000_000_000],
        15_000_000_000,
    ]


def test_what_drivers_do_not_tell_of_a_gpu_that_is_cut(ask: Ask) -> None:
    text = HEAD + of("h100", "mig = 1 0 7g.80gb", "process = 5 1000 0.5 gi 1")
    script = """[code(n.nvmlDeviceGetUtilizationRates, gpu),
        code(n.nvmlDeviceGetSamples, gpu, 1, 0),
        code(n.nvmlDeviceGetProcessUtilization, gpu, 0), code(n.nvmlDeviceGetPowerUsage, migs[0]),
        code(n.nvmlDeviceGetPowerUsage, gpu), code(n.nvmlDeviceGetGpuInstanceId, gpu)]"""
    assert ask(text, script, DEVICES.format(1)).answer == [3, 3, 3, 3, 0, 3]


def test_a_gpu_whose_mig_is_off_has_no_devices(ask: Ask) -> None:
    text = HEAD + of("h200", "mig_mode_pending = yes") + of("l40s", index=1)
    begin = OPEN + "other = n.nvmlDeviceGetHandleByIndex(1)\n"
    script = """[n.nvmlDeviceGetMigMode(gpu), code(n.nvmlDeviceGetMigDeviceHandleByIndex, gpu, 0),
        code(n.nvmlDeviceGetMigMode, other), n.nvmlDeviceGetMaxMigDeviceCount(other)]"""
    assert ask(text, script, begin).answer == [[0, 1], 3, 3, 0]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["mig = 1 0 large"], "mig: expected 'GI CI PROFILE"),
        (["mig = 1 0 3g.40gb", "mig = 1 0 3g.40gb"], "mig: expected a pair of instances"),
        (["mig = 1 0 1g.10gb"] * 1 + [f"mig = {2 + i} 0 1g.10gb" for i in range(7)], "at most 7"),
        (["process = 5 1000 0.1 gi 99"], "process: expected 'PID MEMORY_BYTES"),
    ],
)
def test_a_layout_that_cannot_be_is_named(ask: Ask, lines: list[str], named: str) -> None:
    asked = ask(HEAD + of("h100", *lines), "code(n.nvmlInit)", begin="")
    assert asked.answer == 9
    assert named in asked.stderr
