"""Asks every function of the simulated driver, on good scenarios and on mutilated ones.

``python fuzz.py COUNT`` prints how many scenarios were good and how many were refused; a library
built with sanitizers ends the process at the first wrong step.
"""

import ctypes
import inspect
import os
import random
import sys
from pathlib import Path

import pynvml as n

PROFILES = "a100", "a100-mig", "b200", "h100", "h200", "l40s", "t4", "vgpu"
LINES = """process = 11 1000000 0.3
process = 12 2000000 0.2 mps
process = 13 3000000 0.1 graphics
process = 14 1000 0 mps_server
xid = 1 31
xid = 2 79 gi 1
fail = nvmlDeviceGetName 4
fail = nvmlDeviceGetSamples 0
lost = reset
clock_event = power_cap
nvlink_down = 3
nvlinks = 4
utilization = wave 0.5 0.3 7 1
power_watts = square 100 50 9
temperature_celsius = load 30 70 5
sm_clock_hertz = busy 1e8 2e9
nvlink_error = symbol 7
memory_used_bytes = 5000000
reserved_bytes = 1000
fan_speed = 0.4
retired = single_bit 3""".splitlines()
CUT = "mig = 1 0 3g.40gb", "mig = 2 0 1c.2g.20gb", "process = 15 1000 0.1 gi 1 ci 0"
HEADS = (
    "driver = 535.54.03\ncuda = 12.2\n",
    "driver = 580.95.05\nclock = 100\n",
    "driver = 1\nreload = 2\nhide_processes = yes\nprocess_stride = 16\n",
)
EXTREMES = (
    *("", "-1", "0", "1", "1e308", "-1e308", "nan", "inf", "1e-308", "4294967295", "4294967296"),
    *("18446744073709551615", "99999999999999999999999", "0x10", "a" * 600, "\xff\xfe", "%s%n"),
    *("wave", "load", "gi", "=", "#", "[", "[gpu 0]", "[gpu 99999999999]", "\x00", "\t", "GPU-1"),
)


SPECIAL = (
    "nvmlDeviceGetFieldValues",
    "nvmlDeviceGetGpuFabricInfoV",
    "nvmlDeviceGetPcieThroughput",
    "nvmlDeviceGetSramEccErrorStatus",
)
"""Asked by themselves, or not at all because it sleeps."""


def scenario(pick: random.Random) -> str:
    """A scenario with one to three GPUs."""
    text = pick.choice(HEADS)
    for index in range(pick.randint(1, 3)):
        profile, own = pick.choice(PROFILES), pick.sample(LINES, pick.randint(0, 6))
        if pick.random() < 0.2:
            profile, own = "h100", [*CUT, *own]
        lines = [f"[gpu {index}]", f"profile = {profile}", f"uuid = GPU-{index}"]
        text += "\n".join([*lines, *own, ""])
    return text


def mutilated(text: str, pick: random.Random) -> str:
    """With some words replaced, lines doubled, lost or cut."""
    lines = text.split("\n")
    for _ in range(pick.randint(0, 3)):
        at = pick.randrange(len(lines))
        words = lines[at].split(" ")
        words[pick.randrange(len(words))] = pick.choice(EXTREMES)
        change = pick.randrange(8)
        if change == 0:
            lines.insert(at, lines[at])
        elif change == 1 and len(lines) > 1:
            del lines[at]
        elif change == 2:
            lines[at] = lines[at][: pick.randint(0, len(lines[at]))]
        else:
            lines[at] = " ".join(words)
    return "\n".join(lines)


def asked(function: object, *arguments: object) -> object:
    """What it answers; None of what it refuses, or what takes something else."""
    try:
        return function(*arguments)  # type: ignore[operator]
    except (n.NVMLError, UnicodeDecodeError, TypeError, ctypes.ArgumentError):
        return None


def getters() -> list[tuple[object, int]]:
    """Functions of a device that take nothing or a number more."""
    found = []
    for name, function in vars(n).items():
        if name.startswith("nvmlDeviceGet") and name not in SPECIAL and callable(function):
            parameters = list(inspect.signature(inspect.unwrap(function)).parameters.values())
            needed = [one for one in parameters if one.default is one.empty]
            if needed and needed[0].name in ("handle", "device") and len(needed) <= 2:
                found.append((function, len(needed)))
    return found


GETTERS = getters()
FIELDS = [(field, scope) for field in range(310) for scope in (0, 1, 17, 0xFFFFFFFF)]


def ask_device(gpu: object) -> None:
    """Every question about one device."""
    for function, needed in GETTERS:
        for number in (0,) if needed == 1 else (0, 1, 2, 7, 99):
            asked(function, gpu, *[number][: needed - 1])
    asked(n.nvmlDeviceGetFieldValues, gpu, FIELDS)
    asked(n.nvmlDeviceGetSamples, gpu, n.NVML_GPU_UTILIZATION_SAMPLES, 0)
    for which in range(3):
        asked(n.nvmlDeviceGetRunningProcessDetailList, gpu, n.nvmlProcessDetailList_v1, which)
        asked(n.nvmlDeviceGetMemoryErrorCounter, gpu, which % 2, which % 2, 2)
        asked(n.nvmlDeviceGetTotalEccErrors, gpu, which, which)
    asked(n.nvmlDeviceGetMemoryInfo, gpu, n.nvmlMemory_v2)
    errors = n.c_nvmlEccSramErrorStatus_v1_t()
    asked(n.nvmlDeviceGetSramEccErrorStatus, gpu, n.byref(errors))
    for kind in (n.c_nvmlGpuFabricInfo_v2_t, n.c_nvmlGpuFabricInfo_v3_t):
        asked(n.nvmlDeviceGetGpuFabricInfoV, gpu, n.byref(kind()))


def ask_gpm(gpu: object) -> None:
    """Two samples and every metric between them, of the GPU and of its instances."""
    pair = [asked(n.nvmlGpmSampleAlloc) for _ in range(2)]
    if None in pair:
        return
    for gi in (None, 1, 2, 99):
        for sample in pair:
            if gi is None:
                asked(n.nvmlGpmSampleGet, gpu, sample)
            else:
                asked(n.nvmlGpmMigSampleGet, gpu, gi, sample)
        get = n.c_nvmlGpmMetricsGet_t(version=1, numMetrics=120, sample1=pair[0], sample2=pair[1])
        for at in range(120):
            get.metrics[at].metricId = at
        asked(n.nvmlGpmMetricsGet, get)
    for sample in pair:
        asked(n.nvmlGpmSampleFree, sample)


def ask_events(gpus: list[object]) -> None:
    """Whatever has happened."""
    events = asked(n.nvmlEventSetCreate)
    if events is None:
        return
    for gpu in gpus:
        asked(n.nvmlDeviceRegisterEvents, gpu, n.nvmlEventTypeXidCriticalError, events)
    while asked(n.nvmlEventSetWait_v2, events, 0):
        pass
    asked(n.nvmlEventSetFree, events)


def ask_all() -> bool:
    """Every question; False where there is no driver."""
    try:
        n.nvmlInit()
    except n.NVMLError:
        return False
    count = asked(n.nvmlDeviceGetCount)
    assert isinstance(count, int | None)
    found = [asked(n.nvmlDeviceGetHandleByIndex, index) for index in range(count or 0)]
    gpus = [gpu for gpu in found if gpu is not None]
    parts = [
        asked(n.nvmlDeviceGetMigDeviceHandleByIndex, gpu, at) for gpu in gpus for at in range(7)
    ]
    for device in (*gpus, *(part for part in parts if part is not None)):
        ask_device(device)
    for gpu in gpus:
        ask_gpm(gpu)
    ask_events(gpus)
    asked(n.nvmlDeviceGetHandleByUUID, "GPU-1")
    asked(n.nvmlDeviceGetHandleByPciBusId, "00000000:18:00.0")
    asked(n.nvmlShutdown)
    return True


def main(count: int) -> None:
    """All profiles as they are, then ``count`` scenarios out of a fixed seed."""
    path = Path(os.environ["NEUROX_NVML_SCENARIO"])
    tally = {True: 0, False: 0}
    for name in PROFILES:
        lines = f"[gpu 0]\nprofile = {name}\nuuid = GPU-0\nprocess = 5 1000000 0.1\n"
        path.write_text(HEADS[0] + lines)
        assert ask_all(), name
    pick = random.Random(5)
    for _ in range(count):
        path.write_bytes(mutilated(scenario(pick), pick).encode("latin-1"))
        tally[ask_all()] += 1
    sys.stdout.write(f"{tally[True]} {tally[False]}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
