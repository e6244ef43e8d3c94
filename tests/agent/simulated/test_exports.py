"""Which functions of NVML the library has."""

import ctypes
from pathlib import Path

import pynvml
import pytest

DEVICE = """Name UUID Serial MinorNumber PciInfo_v3 VbiosVersion Architecture UtilizationRates
MemoryInfo MemoryInfo_v2 BAR1MemoryInfo Temperature TemperatureV TemperatureThreshold
MarginTemperature PowerUsage EnforcedPowerLimit PowerManagementLimit TotalEnergyConsumption
ClockInfo MaxClockInfo PerformanceState FanSpeed FanSpeed_v2 EncoderUtilization DecoderUtilization
JpgUtilization OfaUtilization EncoderStats CurrPcieLinkGeneration CurrPcieLinkWidth
MaxPcieLinkGeneration MaxPcieLinkWidth PcieReplayCounter PcieThroughput CurrentClocksEventReasons
CurrentClocksThrottleReasons FieldValues Samples EccMode TotalEccErrors RemappedRows
RowRemapperHistogram NvLinkState GpuFabricInfoV ComputeRunningProcesses_v2
ComputeRunningProcesses_v3 GraphicsRunningProcesses_v3 MPSComputeRunningProcesses_v3
ProcessUtilization ProcessesUtilizationInfo RunningProcessDetailList MigMode MaxMigDeviceCount
MigDeviceHandleByIndex DeviceHandleFromMigDeviceHandle GpuInstanceId ComputeInstanceId Attributes_v2
PersistenceMode SupportedEventTypes Count_v2 HandleByIndex_v2 HandleByUUID"""
OTHERS = """InitWithFlags Init_v2 Shutdown ErrorString SystemGetDriverVersion SystemGetNVMLVersion
SystemGetCudaDriverVersion SystemGetCudaDriverVersion_v2 DeviceRegisterEvents EventSetCreate
EventSetWait_v2 EventSetFree GpmQueryDeviceSupport GpmSampleAlloc GpmSampleFree GpmSampleGet
GpmMigSampleGet GpmMetricsGet"""


def test_every_function_that_an_agent_needs_is_there(library: Path) -> None:
    opened = ctypes.CDLL(str(library / pynvml_name()))
    wanted = ["nvml" + name for name in OTHERS.split()] + [
        "nvmlDeviceGet" + name for name in DEVICE.split()
    ]
    assert [name for name in wanted if not hasattr(opened, name)] == []


def test_only_functions_of_nvml_are_to_be_seen(library: Path) -> None:
    opened = ctypes.CDLL(str(library / pynvml_name()))
    for private in ("scenario_read", "driver_now", "enter", "wave_at", "PROFILES"):
        with pytest.raises(AttributeError):
            getattr(opened, private)


def pynvml_name() -> str:
    """The name by which pynvml loads the library."""
    assert 'CDLL("libnvidia-ml.so.1")' in Path(pynvml.__file__).read_text()
    return "libnvidia-ml.so.1"
