"""The C library through the unmodified pynvml, in a process of its own."""

import pytest

from tests.agent.simulated.asked import HEAD, OPEN, Ask

GPU = """
[gpu 0]
uuid = GPU-00000000-0000-0000-0000-000000000001
model = NVIDIA H200
architecture = hopper
pci_bus_id = 00000000:18:00.0
memory_bytes = 150000000000
reserved_bytes = 500000000
utilization = 0.625
power_watts = 412.5
power_limit_watts = 700
temperature_celsius = 61
sm_clock_hertz = 1.98e9
process = 4711 60000000000 0.5
process = 4712 1000000000 0
"""


def test_golden_values_of_one_gpu(ask: Ask) -> None:
    script = """{
        "driver": n.nvmlSystemGetDriverVersion(), "cuda": n.nvmlSystemGetCudaDriverVersion(),
        "count": n.nvmlDeviceGetCount(), "uuid": n.nvmlDeviceGetUUID(gpu),
        "name": n.nvmlDeviceGetName(gpu), "arch": n.nvmlDeviceGetArchitecture(gpu),
        "bus": n.nvmlDeviceGetPciInfo(gpu).busId, "bus_number": n.nvmlDeviceGetPciInfo(gpu).bus,
        "busy": n.nvmlDeviceGetUtilizationRates(gpu).gpu,
        "used": n.nvmlDeviceGetMemoryInfo(gpu, version=n.nvmlMemory_v2).used,
        "used_v1": n.nvmlDeviceGetMemoryInfo(gpu).used,
        "power": n.nvmlDeviceGetPowerUsage(gpu),
        "limit": n.nvmlDeviceGetEnforcedPowerLimit(gpu),
        "celsius": n.nvmlDeviceGetTemperatureV(gpu, 0),
        "clock": n.nvmlDeviceGetClockInfo(gpu, n.NVML_CLOCK_SM),
        "pids": [p.pid for p in n.nvmlDeviceGetComputeRunningProcesses_v3(gpu)],
        "sm": sorted({(s.pid, s.smUtil) for s in n.nvmlDeviceGetProcessUtilization(gpu, 0)}),
        "sm_info": sorted(
            {(s.pid, s.smUtil) for s in n.nvmlDeviceGetProcessesUtilizationInfo(gpu, 0)}
        ),
    }"""
    assert ask(HEAD + GPU, script).answer == {
        "driver": "580.95.05",
        "cuda": 13000,
        "count": 1,
        "uuid": "GPU-00000000-0000-0000-0000-000000000001",
        "name": "NVIDIA H200",
        "arch": 9,
        "bus": "00000000:18:00.0",
        "bus_number": 0x18,
        "busy": 63,
        "used": 61_000_000_000,
        "used_v1": 61_500_000_000,
        "power": 412_500,
        "limit": 700_000,
        "celsius": 61,
        "clock": 1980,
        "pids": [4711, 4712],
        "sm": [[4711, 50]],
        "sm_info": [[4711, 50]],
    }


def test_what_is_not_in_the_scenario_is_not_supported(ask: Ask) -> None:
    script = """[code(n.nvmlDeviceGetSerial, gpu), code(n.nvmlDeviceGetFanSpeed, gpu),
        code(n.nvmlDeviceGetClockInfo, gpu, n.NVML_CLOCK_MEM),
        [f.nvmlReturn for f in n.nvmlDeviceGetFieldValues(gpu, [82, 91, 186, 999])]]"""
    assert ask(HEAD + GPU, script).answer == [3, 3, 3, [3, 3, 0, 2]]


def test_wrong_struct_versions_are_refused(ask: Ask) -> None:
    begin = OPEN + (
        "t = n.c_nvmlTemperature_v1_t(); t.version = n.nvmlTemperature_v1 + (1 << 24)\n"
        "u = n.c_nvmlProcessesUtilizationInfo_v1_t(); u.version = 24\n"
        "def direct(name, struct):\n"
        "    return n._nvmlGetFunctionPointer(name)(gpu, n.byref(struct))\n"
    )
    script = """[code(n.nvmlDeviceGetMemoryInfo, gpu, n.nvmlMemory_v2 + 8),
        direct("nvmlDeviceGetTemperatureV", t),
        direct("nvmlDeviceGetProcessesUtilizationInfo", u)]"""
    assert ask(HEAD + GPU, script, begin).answer == [25, 25, 25]


def test_energy_is_the_integral_of_power_over_every_change(ask: Ask) -> None:
    quiet = GPU.replace("412.5", "100")
    swinging = GPU.replace("412.5", "wave 200 50 8")
    begin = OPEN + (
        "def joules(clock, gpus):\n"
        f"    put('clock = ' + str(clock) + '\\n' + {HEAD!r} + gpus)\n"
        "    return n.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1000\n"
    )
    script = f"[joules(10, {quiet!r}), joules(20, {swinging!r}), joules(24, {quiet!r})]"
    start = "clock = 0\n" + HEAD + quiet
    # 10 s and 10 s at 100 W, then the rising half of a wave: 4 s at 200 W and 50 x 8 / pi J more.
    assert ask(start, script, begin).answer == pytest.approx(
        [1000, 2000, 2000 + 800 - 50 * 8 / 3.14159265], abs=0.01
    )


def test_a_lost_gpu_answers_so_and_the_others_go_on(ask: Ask) -> None:
    second = GPU.replace("gpu 0", "gpu 1").replace("0001", "0002")
    begin = OPEN + f"put({HEAD + GPU + 'lost = yes' + second!r})\n"
    script = """[code(n.nvmlDeviceGetUtilizationRates, gpu), n.nvmlDeviceGetCount(),
        code(n.nvmlDeviceGetHandleByIndex, 0),
        n.nvmlDeviceGetUtilizationRates(n.nvmlDeviceGetHandleByIndex(1)).gpu]"""
    assert ask(HEAD + GPU, script, begin).answer == [15, 2, 15, 63]


def test_one_call_can_be_made_to_fail(ask: Ask) -> None:
    text = HEAD + GPU + "fail = nvmlDeviceGetPowerUsage 999\n"
    script = "[code(n.nvmlDeviceGetPowerUsage, gpu), code(n.nvmlDeviceGetName, gpu)]"
    assert ask(text, script).answer == [999, 0]


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ("utilization = 1.5", "line 18, utilization: expected values from 0 to 1"),
        ("utilisation = 1", "line 18, utilisation: expected a known key"),
        ("process = 7 lots 1", "line 18, process: expected 'PID MEMORY_BYTES SM_SHARE"),
        ("power_watts = wave 10 20 5", "line 18, power_watts: expected a swing"),
        ("power_watts = wave 10 5 0", "line 18, power_watts: expected finite numbers"),
        ("architecture = riva", "line 18, architecture: expected volta"),
        ("[gpu 5]", "line 18, [gpu 5]: expected GPUs in order"),
        ("nonsense", "line 18, nonsense: expected 'KEY = VALUE'"),
        ("[gpu 1]\nmodel = NVIDIA L40S", "line 18, [gpu 1]: expected uuid, model and memory_bytes"),
        ("fail = nvmlDeviceGetPowerUsge 3", "line 18, fail: expected a call of NVML that is"),
        ("serial = " + "1" * 600, "line 18, a line: expected at most 510 characters"),
    ],
)
def test_a_broken_scenario_is_named_and_the_last_good_one_stays(
    ask: Ask, broken: str, named: str
) -> None:
    begin = OPEN + f"put({HEAD + GPU + broken!r})\n"
    script = "[n.nvmlDeviceGetUtilizationRates(gpu).gpu, n.nvmlDeviceGetUtilizationRates(gpu).gpu]"
    asked = ask(HEAD + GPU, script, begin)
    assert asked.answer == [63, 63]
    assert asked.stderr.count(named) == 1
    assert "last good scenario" in asked.stderr


def test_without_a_good_scenario_there_is_no_driver(ask: Ask) -> None:
    asked = ask("driver =", "code(n.nvmlInit)", begin="")
    assert asked.answer == 9
    assert "line 1, driver" in asked.stderr


def test_calls_before_init_are_refused(ask: Ask) -> None:
    begin = "n._LoadNvmlLibrary()\n"
    assert ask(HEAD + GPU, "code(n.nvmlDeviceGetCount)", begin).answer == 1
