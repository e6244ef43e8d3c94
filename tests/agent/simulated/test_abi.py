"""What has bitten readers of NVML before: versions in the first word, and units that differ."""

import pytest

from tests.agent.simulated.asked import HEAD, OPEN, Ask, of
from tests.agent.simulated.test_gpm import BEGIN

TWO = ("tx", "rx")
VERSIONED = {
    "nvmlDeviceGetMemoryInfo_v2": ("c_nvmlMemory_v2_t", 0x02000028),
    "nvmlDeviceGetTemperatureV": ("c_nvmlTemperature_v1_t", 0x0100000C),
    "nvmlDeviceGetMarginTemperature": ("c_nvmlMarginTemperature_v1_t", 0x01000008),
    "nvmlDeviceGetProcessesUtilizationInfo": ("c_nvmlProcessesUtilizationInfo_v1_t", 0x01000018),
    "nvmlDeviceGetRunningProcessDetailList": ("c_nvmlProcessDetailList_v1_t", 0x01000018),
    "nvmlDeviceGetGpuFabricInfoV": ("c_nvmlGpuFabricInfo_v3_t", 0x03000028),
    "nvmlGpmQueryDeviceSupport": ("c_nvmlGpmSupport_t", 1),
}


@pytest.mark.parametrize("call", VERSIONED)
def test_the_first_word_carries_size_and_version_and_any_other_is_refused(
    ask: Ask, call: str
) -> None:
    kind, word = VERSIONED[call]
    begin = OPEN + (
        f"call = n._nvmlGetFunctionPointer({call!r})\n"
        "def answer(word):\n"
        f"    struct = n.{kind}(); struct.version = word\n"
        "    return call(gpu, n.byref(struct))\n"
    )
    wrong = [0, word + 1, word - 4, word + (1 << 24), word & 0xFFFFFF if word > 9 else 2]
    script = f"[answer({word})] + [answer(word) for word in {wrong}]"
    right, *others = ask(HEAD + of("h200", "process = 11 1000 0.5"), script, begin).answer
    assert right in (0, 7), "7: it asks for room, and has understood"
    assert others == [25] * len(wrong)


def test_one_traffic_is_told_in_bytes_kib_mib_and_kilobytes(ask: Ask) -> None:
    lines = [f"{link}_{way}_bytes_per_second = 3e9" for link in ("pcie", "nvlink") for way in TWO]
    gpus = of("h200", *lines)
    steps = BEGIN + (
        f"gpus = {HEAD + gpus!r}\nat(100)\n{OPEN}"
        "first = sampled(lambda sample: n.nvmlGpmSampleGet(gpu, sample))\nat(110)\n"
        "second = sampled(lambda sample: n.nvmlGpmSampleGet(gpu, sample))\n"
    )
    script = """[[field(gpu, 138, 0xFFFFFFFF) * 1024, field(gpu, 202, 0xFFFFFFFF),
        field(gpu, 197)], [value * 2**20 for value in metrics(first, second, 20, 21, 60, 61)],
        n.nvmlDeviceGetPcieThroughput(gpu, 0) * 1000]"""
    counted, rates, throughput = ask("clock = 100\n" + HEAD + gpus, script, steps).answer
    assert counted == pytest.approx([30e9] * 3, rel=1e-6)
    assert rates == pytest.approx([3e9] * 4, rel=1e-5)
    assert throughput == 3e9
