"""Single readings by their keys: engines, fans, windows, limits, clocks, links."""

from tests.agent.simulated.asked import HEAD, OPEN, Ask, of

LINES = """
fan_speed = 0.42
encoder_utilization = 0.1
decoder_utilization = 0.2
jpeg_utilization = 0.3
ofa_utilization = 0.4
encoder_sessions = 5
bar1_bytes = 1000000
bar1_used_bytes = 250000
temperature_limit = slowdown 88
temperature_margin_celsius = 31
video_clock_hertz = 1.2e9
performance_state = 2
persistence_mode = no
ecc_enabled = no
pcie_generation = 3
pcie_width = 8
"""


def test_each_key_is_one_reading(ask: Ask) -> None:
    script = """{
        "fan": [n.nvmlDeviceGetFanSpeed(gpu), n.nvmlDeviceGetFanSpeed_v2(gpu, 0),
            n.nvmlDeviceGetNumFans(gpu), code(n.nvmlDeviceGetFanSpeed_v2, gpu, 1)],
        "engines": [call(gpu)[0] for call in (n.nvmlDeviceGetEncoderUtilization,
            n.nvmlDeviceGetDecoderUtilization, n.nvmlDeviceGetJpgUtilization,
            n.nvmlDeviceGetOfaUtilization, n.nvmlDeviceGetEncoderStats)],
        "bar1": [n.nvmlDeviceGetBAR1MemoryInfo(gpu).bar1Used,
            n.nvmlDeviceGetBAR1MemoryInfo(gpu).bar1Free],
        "limits": [n.nvmlDeviceGetTemperatureThreshold(gpu, 1),
            code(n.nvmlDeviceGetTemperatureThreshold, gpu, 4),
            code(n.nvmlDeviceGetTemperatureThreshold, gpu, 8),
            n.nvmlDeviceGetMarginTemperature(gpu)],
        "clocks": [n.nvmlDeviceGetClockInfo(gpu, 3), code(n.nvmlDeviceGetClockInfo, gpu, 4)],
        "state": [n.nvmlDeviceGetPerformanceState(gpu), n.nvmlDeviceGetPersistenceMode(gpu),
            n.nvmlDeviceGetEccMode(gpu)],
        "pcie": [n.nvmlDeviceGetCurrPcieLinkGeneration(gpu), n.nvmlDeviceGetCurrPcieLinkWidth(gpu),
            n.nvmlDeviceGetMaxPcieLinkGeneration(gpu), n.nvmlDeviceGetMaxPcieLinkWidth(gpu)],
    }"""
    assert ask(HEAD + of("l40s", LINES), script).answer == {
        "fan": [42, 42, 1, 2],
        "engines": [10, 20, 30, 40, 5],
        "bar1": [250_000, 750_000],
        "limits": [88, 3, 2, 31],
        "clocks": [1200, 2],
        "state": [2, 0, [0, 0]],
        "pcie": [3, 8, 4, 16],
    }


def test_the_throughput_of_pcie_is_measured_for_20_ms(ask: Ask) -> None:
    begin = OPEN + (
        "start = time.monotonic()\n"
        "rates = [n.nvmlDeviceGetPcieThroughput(gpu, i) for i in (0, 1)]\n"
        "passed = time.monotonic() - start\n"
    )
    lines = ("pcie_tx_bytes_per_second = 2e9", "pcie_rx_bytes_per_second = 3e9")
    script = "[rates, passed, code(n.nvmlDeviceGetPcieThroughput, gpu, 2)]"
    rates, passed, wrong = ask(HEAD + of("l40s", *lines), script, begin).answer
    assert (rates, wrong) == ([2_000_000, 3_000_000], 2)
    assert passed >= 0.04


def test_a_gpu_without_fans_and_links_says_so(ask: Ask) -> None:
    script = """[n.nvmlDeviceGetNumFans(gpu), code(n.nvmlDeviceGetFanSpeed, gpu),
        code(n.nvmlDeviceGetFanSpeed_v2, gpu, 0), code(n.nvmlDeviceGetNvLinkState, gpu, 0),
        field(gpu, 91), field(gpu, 138, 0xFFFFFFFF), field(gpu, 38)]"""
    assert ask(HEAD + of("l40s"), script).answer == [0, 3, 3, 3, -3, -3, -3]
