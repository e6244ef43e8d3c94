"""Faults of every kind at once, in a random order: what holds then holds always."""

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.attribution import Attribution
from agent.catalogue import METRICS, Series
from agent.devices import Devices
from agent.nvml.driver import Driver
from agent.pods import PodNames
from agent.sampler import Sampler
from agent.sight import Sight

PASSES = 150
MODELS = ("h200", "h100", "a100", "t4")
SLOW = "nvmlDeviceGetUtilizationRates", "nvmlDeviceGetFieldValues", "nvmlGpmSampleGet"
FAILING = "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetSamples", "nvmlDeviceGetUUID"


class Trouble:
    """Scenarios that get worse and better again."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._reloads = self._xids = 0

    def scenario(self) -> str:
        pick = self._random
        self._reloads += pick.random() < 0.15
        slow_start = "delay = nvmlInitWithFlags 0.3\n" if pick.random() < 0.1 else ""
        gpus = range(pick.choice((4, 4, 3)))
        blocks = "".join(self._gpu(index) for index in gpus)
        return f"driver = 580.95.05\nreload = {self._reloads}\n{slow_start}{blocks}"

    def _gpu(self, index: int) -> str:
        pick = self._random
        self._xids += 1
        faults = (
            *("lost = yes\n", "lost = reset\n", f"xid = {self._xids} {pick.choice((31, 79))}\n"),
            f"delay = {pick.choice(SLOW)} 0.3\n",
            f"fail = {pick.choice(FAILING)} {pick.choice((3, 4, 10, 999))}\n",
            *("mig = 1 0 3g.40gb\n" if index == 1 else "", "", "", ""),
        )
        share = pick.randint(1, 9) / 10
        return (
            f"[gpu {index}]\nprofile = {MODELS[index]}\n"
            f"uuid = GPU-00000000-0000-0000-0000-00000000000{index}\n"
            f"process = {os.getpid()} 1000000 {share}\n{pick.choice(faults)}"
        )


@pytest.mark.parametrize("seed", [1, 2])
def test_no_counter_goes_back_and_no_pass_fails_whatever_happens(
    scenario: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    for name, seconds in (("PATIENCE_SECONDS", 0.05), ("HUNG_SECONDS", 0.15)):
        monkeypatch.setattr(f"agent.devices.{name}", seconds)
    monkeypatch.setattr("agent.devices.RETRY_FIRST_SECONDS", 0.05)
    trouble, nobody = Trouble(seed), Path("/nonexistent")
    sampler = Sampler(devices := Devices(Driver()), Attribution(Sight(nobody), PodNames(nobody)))
    before: dict[tuple[str, Series], float] = {}
    seen = set()
    for number in range(PASSES):
        if number % 6 == 0:
            scenario(trouble.scenario())
        sampler.drain(number % 50 > 46)
        sampler.sample(time.monotonic())
        assert sampler.snapshot is not None
        for gpu in sampler.snapshot.gpus:
            seen.add(gpu.up)
            of_nobody = sampler.snapshot.usage.gpus.get(gpu.identity.uuid, {})
            for series, value in (*gpu.values.items(), *of_nobody.items()):
                if METRICS[series[0]].type == "counter":
                    key = gpu.identity.uuid, series
                    assert value >= before.get(key, 0), key
                    before[key] = value
        threading.Event().wait(0.02)
    devices.close()
    assert sampler.snapshot.agent["neurox_agent_passes_total", ()] == PASSES
    assert seen == {True, False}
    assert len(before) > 50
