"""Scenarios of GPU models at half load, where each error counts to a number of its own."""

import re
from collections.abc import Callable

from agent.simulated.profile import PROFILES

_HEAD = "driver = 580.95.05\ncuda = 13.0\n"
_BARE = (
    "[gpu 0]\nuuid = GPU-00000000-0000-0000-0000-000000000000\nmodel = Bare\nmemory_bytes = 1000\n"
)
_FIELDS = (3, 4, 5, 6, 83, 94, 138, 139, 186, 197, 198)
_CALLS = ("TotalEnergyConsumption", "CurrentClocksEventReasons", "MemoryInfo_v2", "TemperatureV")
_OLD = "".join(f"missing = {one}\n" for one in (*_FIELDS, *(f"nvmlDeviceGet{c}" for c in _CALLS)))
"""Where there is another way to the same reading, the first is not supported."""
_REASONS = {
    "h200": ("power_cap", "thermal"),
    "h100": ("thermal", "sync_boost"),
    "a100": ("hw_thermal",),
    "b200": ("hw_slowdown",),
    "l40s": ("power_brake",),
    "t4": ("app_clocks",),
}
"""No two reasons hold the same models back: also swapped ones show."""


def scenario(profile: str, gpus: int = 1) -> str:
    """GPUs of one model."""
    return _HEAD + "".join(
        f"[gpu {i}]\nprofile = {profile}\nuuid = GPU-00000000-0000-0000-0000-{i:012}\n"
        f"utilization = 0.5\n{_counted(profile)}"
        for i in range(gpus)
    )


SCENARIOS: dict[str, Callable[[], str]] = {
    **{name: lambda name=name: scenario(name) for name in PROFILES},  # type: ignore[misc]
    "bare": lambda: _HEAD + _BARE,
    "h200-old": lambda: _OLD + scenario("h200"),
}
"""By what is expected of them; ``bare`` supports almost nothing."""


def _counted(profile: str) -> str:
    """What is 0 in a profile counts down from 100, so that no two are the same."""
    text = PROFILES[profile].text
    if base := re.search(r"^profile = (.*)$", text, re.MULTILINE):
        text += PROFILES[base[1]].text
    keys = "pcie_error|pcie_replays|nvlink_error|ecc|ecc_sram|remapped|retired|row_remap_banks"
    zeros = re.findall(rf"^((?:{keys}) = .*?)\b0$", text, re.MULTILINE)
    lines = [f"{line}{100 - at}\n" for at, line in enumerate(zeros) if "pending" not in line]
    engines = re.findall(r"^(\w+_utilization) = 0$", text, re.MULTILINE)
    lines += [f"{engine} = 0.{at}\n" for at, engine in enumerate(engines, 1)]
    if "nvlink_rx" in text:
        lines.append("nvlink_rx_bytes_per_second = 30e9\n")
    lines += [f"clock_event = {reason}\n" for reason in _REASONS.get(profile, ())]
    return "".join(lines)
