"""What ``nvidia-smi -q -x`` says, as the agent's series: a second opinion about a real GPU."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

Key = tuple[str, str]
"""A metric's name and its own label's value, or nothing."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_WORDS = {
    "Enabled": 1.0,
    "Disabled": 0.0,
    "Active": 1.0,
    "Not Active": 0.0,
    "Yes": 1.0,
    "No": 0.0,
    "None": 0.0,
}


@dataclass(frozen=True)
class Reading:
    """Where it stands in the document, the worth of one unit there, and how far it may be off."""

    metric: str
    label: str
    path: str
    unit: float = 1.0
    margin: float = 0.0
    """Of rounding, and of what changes between two looks."""


_MIB, _MHZ = 2.0**20, 1e6
_MEMORY = [
    Reading(f"memory_{what}_bytes", "", f"fb_memory_usage/{what}", _MIB, 64 * _MIB)
    for what in ("total", "reserved", "used", "free")
]
_BAR1 = [
    Reading(f"bar1_memory_{what}_bytes", "", f"bar1_memory_usage/{what}", _MIB, 16 * _MIB)
    for what in ("total", "used")
]
_USE = [
    Reading(f"{name}utilization_ratio", "", f"utilization/{path}_util", 0.01, 0.3)
    for name, path in (
        ("", "gpu"),
        ("memory_controller_", "memory"),
        ("encoder_", "encoder"),
        ("decoder_", "decoder"),
        ("jpeg_", "jpeg"),
        ("ofa_", "ofa"),
    )
]
_POWER = [
    Reading("power_watts", "", "gpu_power_readings/instant_power_draw", 1, 60),
    Reading("power_average_watts", "", "gpu_power_readings/average_power_draw", 1, 40),
    *(
        Reading("power_limit_watts", kind, f"gpu_power_readings/{word}_power_limit", 1, 0.01)
        for kind, word in (
            ("enforced", "current"),
            ("default", "default"),
            ("min", "min"),
            ("max", "max"),
        )
    ),
]
_HEAT = [
    Reading("temperature_celsius", "gpu", "temperature/gpu_temp", 1, 4),
    Reading("temperature_celsius", "memory", "temperature/memory_temp", 1, 4),
    Reading("temperature_margin_celsius", "", "temperature/gpu_temp_tlimit", 1, 4),
]
_CLOCKS = [
    Reading(metric, domain, f"{group}/{word}_clock", _MHZ, margin)
    for metric, group, margin in (
        ("clock_hertz", "clocks", 300 * _MHZ),
        ("clock_max_hertz", "max_clocks", 0),
    )
    for domain, word in (("graphics",) * 2, ("sm",) * 2, ("memory", "mem"), ("video",) * 2)
]
_LINK = [
    Reading(f"pcie_link_{what}", kind, f"pci/pci_gpu_link_info/{group}/{kind}_link_{word}")
    for what, group, word in (("generation", "pcie_gen", "gen"), ("width", "link_widths", "width"))
    for kind in ("current", "max")
]
_EVENTS = [
    Reading("clock_event_active", reason, f"clocks_event_reasons/clocks_event_reason_{word}")
    for reason, word in (
        ("hw_slowdown", "hw_slowdown"),
        ("hw_thermal", "hw_thermal_slowdown"),
        ("power_brake", "hw_power_brake_slowdown"),
        ("sync_boost", "sync_boost"),
    )
]
_HEALTH = [
    Reading("ecc_enabled", "", "ecc_mode/current_ecc"),
    Reading("pcie_replays_total", "", "pci/replay_counter", 1, 5),
    Reading("remapped_rows", "correctable", "remapped_rows/remapped_row_corr"),
    Reading("remapped_rows", "uncorrectable", "remapped_rows/remapped_row_unc"),
    Reading("row_remap_pending", "", "remapped_rows/remapped_row_pending"),
    Reading("row_remap_failed", "", "remapped_rows/remapped_row_failure"),
    Reading("retired_pages", "double_bit", "retired_pages/double_bit_retirement/retired_count"),
    Reading("recovery_action", "", "gpu_recovery_action"),
    Reading("persistence_mode", "", "persistence_mode"),
    Reading("mig_mode", "no", "mig_mode/current_mig"),
    Reading("performance_state", "", "performance_state"),
]
READINGS = [
    *_MEMORY,
    *_BAR1,
    *_USE,
    *_POWER,
    *_HEAT,
    *_CLOCKS,
    *_LINK,
    *_EVENTS,
    *_HEALTH,
]
_STATES = {"performance_state"}
"""Anything from here to there is a state of its moment."""


def gpus(document: str) -> dict[str, ElementTree.Element]:
    """By uuid. A GPU that fell off the bus puts a line before the document."""
    whole = document[document.index("<?xml") :]
    root = ElementTree.fromstring(whole)  # noqa: S314 - of this machine's own nvidia-smi
    return {gpu.findtext("uuid", ""): gpu for gpu in root.iter("gpu")}


def value(gpu: ElementTree.Element, reading: Reading) -> float | None:
    """In the agent's unit; None for N/A and for what this nvidia-smi does not know."""
    text = gpu.findtext(reading.path, "").strip()
    if text in _WORDS:
        return _WORDS[text]
    found = _NUMBER.search(text)
    return float(found[0]) * reading.unit if found else None


def differences(gpu: ElementTree.Element, ours: Mapping[Key, float]) -> Iterator[str]:
    """What is told by one alone, or told differently, of those that both can tell."""
    for reading in READINGS:
        theirs, mine = value(gpu, reading), ours.get((reading.metric, reading.label))
        name = f"{reading.metric} {reading.label}".strip()
        if theirs is None:
            continue
        if mine is None:
            yield f"{name}: nvidia-smi says {theirs:g}, the agent nothing"
        elif reading.metric not in _STATES and abs(mine - theirs) > reading.margin:
            yield f"{name}: nvidia-smi says {theirs:g}, the agent {mine:g}"
