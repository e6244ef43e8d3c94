"""The GPU models: as Python reads them, and as the library has them."""

import re
from pathlib import Path

import pytest

from agent.simulated.profile import PROFILES, of_product, products
from tests.agent.simulated.asked import HEAD, OPEN, Ask, of

ROOT = Path(__file__).parents[3]
CARDS = [name for name, one in PROFILES.items() if one.is_card]
EVERYTHING = """
def answers(device):
    simple = ("Name", "Architecture", "Serial", "VbiosVersion", "PciInfo", "MinorNumber",
        "PersistenceMode", "PerformanceState", "PowerUsage", "EnforcedPowerLimit",
        "TotalEnergyConsumption", "BAR1MemoryInfo", "EccMode", "EncoderUtilization",
        "DecoderUtilization", "EncoderStats", "CurrPcieLinkGeneration", "MaxPcieLinkGeneration",
        "CurrPcieLinkWidth", "MaxPcieLinkWidth", "CurrentClocksEventReasons")
    return [name for name in simple if code(getattr(n, "nvmlDeviceGet" + name), device)]
"""


def test_a_model_is_found_by_the_label_of_its_nodes() -> None:
    assert {product: one.name for product, one in products().items()} == {
        "NVIDIA-A100-SXM4-80GB": "a100",
        "NVIDIA-B200": "b200",
        "NVIDIA-H100-80GB-HBM3": "h100",
        "NVIDIA-H200": "h200",
        "NVIDIA-L40S": "l40s",
        "Tesla-T4": "t4",
    }
    found = of_product("NVIDIA-A100-SXM4-80GB")
    assert found is not None
    assert (found.name, found.memory_bytes) == ("a100", 81920 * 1024**2)
    assert of_product("NVIDIA-Nothing") is None


def test_the_page_names_every_profile() -> None:
    page = (ROOT / "docs" / "reference" / "scenario.md").read_text()
    row = re.search(r"^\| `profile` \| (.*?) \|", page, re.MULTILINE)
    assert row is not None
    assert row[1] == ", ".join(f"`{name}`" for name in sorted(PROFILES))


@pytest.mark.parametrize("name", CARDS)
def test_a_model_answers_what_every_model_has(ask: Ask, name: str) -> None:
    script = "[n.nvmlDeviceGetName(gpu), n.nvmlDeviceGetMemoryInfo(gpu).total, answers(gpu)]"
    asked = ask(HEAD + of(name, "process = 7 1000000 0.1"), script, EVERYTHING + OPEN)
    keys = PROFILES[name].keys
    assert asked.answer == [keys["model"], int(keys["memory_bytes"]), []]
    assert asked.stderr == ""


@pytest.mark.parametrize("name", CARDS)
def test_a_busy_gpu_draws_more_and_stays_within_its_limit(ask: Ask, name: str) -> None:
    text = HEAD + of(name, "utilization = 0") + of(name, "utilization = 1", index=1)
    begin = OPEN + "busy = n.nvmlDeviceGetHandleByIndex(1)\n"
    script = """[n.nvmlDeviceGetEnforcedPowerLimit(gpu)] + [call(*arguments)
        for call in (n.nvmlDeviceGetPowerUsage, lambda d: n.nvmlDeviceGetTemperatureV(d, 0),
        lambda d: n.nvmlDeviceGetClockInfo(d, 1)) for arguments in ((gpu,), (busy,))] + [
        n.nvmlDeviceGetMaxClockInfo(gpu, 1)]"""
    limit, *pairs, fastest = ask(text, script, begin).answer
    (low, high), (cool, hot), (slow, fast) = zip(pairs[::2], pairs[1::2], strict=True)
    assert 0 < low < high <= limit
    assert 20 < cool < hot < 90
    assert 0 < slow < fast == fastest


def test_sixteen_gpus_of_one_model_are_sixteen_cards(ask: Ask) -> None:
    text = HEAD + "".join(of("h200", index=index) for index in range(16))
    begin = OPEN + "all_ = [n.nvmlDeviceGetHandleByIndex(i) for i in range(16)]\n"
    script = """[len({str(call(one)) for one in all_}) for call in
        (n.nvmlDeviceGetUUID, n.nvmlDeviceGetSerial, lambda d: n.nvmlDeviceGetPciInfo(d).busId)]
        + [n.nvmlDeviceGetIndex(n.nvmlDeviceGetHandleByPciBusId(
            n.nvmlDeviceGetPciInfo(all_[9]).busId))]"""
    assert ask(text, script, begin).answer == [16, 16, 16, 9]


def test_keys_beside_a_profile_win_and_processes_make_the_load(ask: Ask) -> None:
    text = HEAD + of("h200", "model = NVIDIA Mine", "process = 1 1000 0.25", "process = 2 1 0.5")
    script = """[n.nvmlDeviceGetName(gpu), n.nvmlDeviceGetUtilizationRates(gpu).gpu,
        n.nvmlDeviceGetPowerUsage(gpu)]"""
    assert ask(text, script).answer == ["NVIDIA Mine", 75, 532_750]


def test_a_profile_stands_first_and_exists(ask: Ask) -> None:
    late = ask(HEAD + "[gpu 0]\nuuid = GPU-1\nprofile = h200\n", "code(n.nvmlInit)", begin="")
    unknown = ask(HEAD + of("h300"), "code(n.nvmlInit)", begin="")
    assert (late.answer, unknown.answer) == (9, 9)
    assert "line 5, profile: expected profile as the first key" in late.stderr
    assert "line 4, profile: expected a profile: a100, a100-mig, b200" in unknown.stderr
