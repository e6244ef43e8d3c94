"""Batched fields and the counters behind them."""

import pytest

from tests.agent.simulated.asked import HEAD, OPEN, Ask, of

TEXT = "clock = 100\n" + HEAD + of("h100", "utilization = 0.5")
LATER = OPEN + f"put({TEXT.replace('= 100', '= 104')!r})\n"


def test_counters_are_integrals_in_the_units_of_their_fields(ask: Ask) -> None:
    begin = LATER + (
        "every = 0xFFFFFFFF\n"
        "ids = [(83, 0), (197, 0), (198, 0), (138, every), (139, 3), (202, every), (204, 17)]\n"
    )
    kib = 4 * 90e9 / 1024
    assert ask(TEXT, "[field(gpu, *one) for one in ids]", begin).answer == pytest.approx(
        [4 * 377_500, 4 * 4_500_100_000, 4 * 7_000_100_000, kib, kib / 18, 360e9, 20e9], rel=1e-6
    )


def test_a_link_that_the_gpu_lacks_is_refused_entry_by_entry(ask: Ask) -> None:
    script = """[[f.nvmlReturn for f in n.nvmlDeviceGetFieldValues(gpu, [(138, 18), (204, 4096),
        (161, 18), (161, 17), (91, 0), (138, 17)])],
        [code(n.nvmlDeviceGetNvLinkState, gpu, link) for link in (17, 18)], field(gpu, 91)]"""
    assert ask(TEXT, script).answer == [[2, 2, 2, 0, 0, 0], [0, 2], 18]


def test_a_link_is_down_where_the_scenario_says_so(ask: Ask) -> None:
    script = "[n.nvmlDeviceGetNvLinkState(gpu, link) for link in range(4)]"
    assert ask(TEXT + "nvlink_down = 2\n", script).answer == [1, 1, 0, 1]


def test_power_has_scopes_and_no_more_of_them(ask: Ask) -> None:
    script = "[field(gpu, 186, scope) for scope in (0, 1, 2)] + [field(gpu, i) for i in (0, 308)]"
    assert ask(TEXT, script).answer == [377_500, -3, -2, -2, -2]


def test_power_limits_have_fields_of_their_own(ask: Ask) -> None:
    limits = (
        "power_limit_watts = 500\npower_limit_min_watts = 100\npower_limit_max_watts = 710\n"
        "power_limit_default_watts = 650\n"
    )
    script = "[field(gpu, i) for i in (187, 188, 189, 190)]"
    assert ask(TEXT + limits, script).answer == [100_000, 710_000, 650_000, 500_000]


def test_throttled_time_grows_while_its_reason_stands(ask: Ask) -> None:
    first = TEXT + "clock_event = power_cap\n"
    second = TEXT.replace("= 100", "= 103") + "clock_event = hw_thermal\nclock_event = thermal\n"
    begin = OPEN + f"put({second!r})\nput({TEXT.replace('= 100', '= 110')!r})\n"
    script = "[field(gpu, i) for i in (74, 269, 270, 271, 76, 79)]"
    seconds = [3, 7, 7, 0, 0, 0]
    assert ask(first, script, begin).answer == [one * 10**9 for one in seconds]


def test_reasons_are_bits_and_a_gpu_at_rest_gives_its_own(ask: Ask) -> None:
    text = HEAD + of("l40s", "utilization = 0", "clock_event = power_brake")
    script = """[n.nvmlDeviceGetCurrentClocksEventReasons(gpu),
        n.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)]"""
    assert ask(text, script).answer == [0x81, 0x81]


def test_errors_and_repairs_are_what_the_scenario_counts(ask: Ask) -> None:
    lines = [
        "ecc = corrected volatile 3",
        "ecc = uncorrected volatile 1",
        "ecc = corrected aggregate 30",
        "ecc = uncorrected aggregate 10",
        "ecc_sram = uncorrected aggregate 4",
        "remapped = correctable 4",
        "remapped = uncorrectable 2",
        "remapped = pending 1",
        "row_remap_banks = low 7",
        "nvlink_error = flit 5",
        "nvlink_error = recovery 6",
        "pcie_error = bad_tlp 8",
        "pcie_replays = 9",
        "recovery_action = 4",
        "fabric_health = 2",
    ]
    script = """[[field(gpu, i) for i in
         (3, 4, 5, 6, 142, 143, 144, 145, 38, 45, 59, 176, 94, 230)],
        [n.nvmlDeviceGetTotalEccErrors(gpu, 1, 1),
         *[n.nvmlDeviceGetMemoryErrorCounter(gpu, 1, 1, at) for at in (2, 7)],
         n.nvmlDeviceGetRowRemapperHistogram(gpu).low, n.nvmlDeviceGetPcieReplayCounter(gpu)],
        n.nvmlDeviceGetRemappedRows(gpu), [fabric.state, fabric.healthMask], code(
        n.nvmlDeviceGetGpuFabricInfoV, gpu, n.byref(wrong))]"""
    begin = OPEN + (
        "fabric, wrong = n.c_nvmlGpuFabricInfo_v2_t(), n.c_nvmlGpuFabricInfo_v2_t()\n"
        "n.nvmlDeviceGetGpuFabricInfoV(gpu, n.byref(fabric)); wrong.version += 1\n"
    )
    assert ask(HEAD + of("h200", *lines), script, begin).answer == [
        [3, 1, 30, 10, 4, 2, 1, 0, 5, 0, 6, 8, 9, 4],
        [10, 6, 4, 7, 9],
        [4, 2, 1, 0],
        [3, 1],
        25,
    ]


def test_errors_of_links_are_shared_out_and_add_up(ask: Ask) -> None:
    lines = ["nvlink_error = replay 20", "nvlink_error = recovery 3", "nvlink_error = data 18"]
    script = """[[field(gpu, i, link) for link in (0, 1, 2, 17, 18, 0xFFFFFFFF)]
        for i in (161, 162, 163, 206)]"""
    assert ask(HEAD + of("h100", *lines), script).answer == [
        [2, 2, 1, 1, -2, -2],
        [1, 1, 1, 0, -2, -2],
        [1, 1, 1, 1, -2, -2],
        [-3, -3, -3, -3, -2, -3],
    ]


def test_blackwell_counts_other_errors_of_links_one_by_one_and_together(ask: Ask) -> None:
    lines = ["nvlink_error = malformed_packet 20", "nvlink_error = symbol 7"]
    script = """[[field(gpu, i, link) for link in (0, 17, 18, 0xFFFFFFFF)]
        for i in (206, 221, 213, 220, 38, 161)]"""
    assert ask(HEAD + of("b200", *lines), script).answer == [
        [2, 1, -2, 20],
        [1, 0, -2, 7],
        [0, 0, -2, 0],
        [-3, -3, -3, -3],
        [-3, -3, -3, -3],
        [-3, -3, -2, -2],
    ]


def test_pages_are_retired_before_ampere(ask: Ask) -> None:
    lines = ["retired = single_bit 2", "retired = double_bit 1", "retired = pending 1"]
    script = """[[field(gpu, i) for i in (29, 30, 31, 142)],
        len(n.nvmlDeviceGetRetiredPages(gpu, 0)),
        n.nvmlDeviceGetRetiredPagesPendingStatus(gpu)]"""
    assert ask(HEAD + of("t4", *lines), script).answer == [[2, 1, 1, -3], 2, 1]
