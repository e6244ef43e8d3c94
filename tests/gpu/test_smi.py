"""The reading of nvidia-smi itself, which needs no GPU."""

import smi

from agent.catalogue import METRICS

DOCUMENT = """Unable to determine the device handle for GPU1
<?xml version="1.0" ?>
<nvidia_smi_log>
  <gpu id="00000000:18:00.0">
    <uuid>GPU-1</uuid>
    <persistence_mode>Enabled</persistence_mode>
    <performance_state>P0</performance_state>
    <fb_memory_usage><total>143771 MiB</total><used>11 MiB</used></fb_memory_usage>
    <utilization><gpu_util>42 %</gpu_util><jpeg_util>N/A</jpeg_util></utilization>
    <pci><pci_gpu_link_info><link_widths>
      <current_link_width>16x</current_link_width>
    </link_widths></pci_gpu_link_info></pci>
    <gpu_power_readings><instant_power_draw>77.25 W</instant_power_draw></gpu_power_readings>
    <clocks><sm_clock>345 MHz</sm_clock></clocks>
  </gpu>
</nvidia_smi_log>
"""
SAME = {
    ("persistence_mode", ""): 1.0,
    ("performance_state", ""): 8.0,
    ("memory_total_bytes", ""): 143771 * 2.0**20,
    ("memory_used_bytes", ""): 11.5 * 2**20,
    ("utilization_ratio", ""): 0.42,
    ("pcie_link_width", "current"): 16.0,
    ("power_watts", ""): 78.0,
    ("clock_hertz", "sm"): 345e6,
}


def test_equal_readings_are_no_difference() -> None:
    assert list(smi.differences(smi.gpus(DOCUMENT)["GPU-1"], SAME)) == []


def test_what_differs_or_is_missing_is_named() -> None:
    ours = {**SAME, ("pcie_link_width", "current"): 8.0}
    del ours["power_watts", ""]
    assert list(smi.differences(smi.gpus(DOCUMENT)["GPU-1"], ours)) == [
        "power_watts: nvidia-smi says 77.25, the agent nothing",
        "pcie_link_width current: nvidia-smi says 16, the agent 8",
    ]


def test_every_reading_is_a_series_of_ours() -> None:
    for reading in smi.READINGS:
        metric = METRICS[f"neurox_gpu_{reading.metric}"]
        assert bool(reading.label) == bool(metric.labels), reading
