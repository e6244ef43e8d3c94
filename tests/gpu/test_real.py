"""The agent on this machine's own GPUs, against nvidia-smi. Run by ``make test-gpu`` alone."""

import subprocess
import time
from collections.abc import Iterator

import pytest
import requests
import smi
from prometheus_client.parser import text_string_to_metric_families

from tests.agent.running import address, started

pytestmark = pytest.mark.gpu
SECONDS = 60.0


@pytest.fixture
def url() -> Iterator[str]:
    with started({}) as process:
        yield f"{address(process)[0]}/metrics"
        process.terminate()
        process.communicate(timeout=20)


def served(url: str) -> dict[str, dict[smi.Key, float]]:
    """By uuid: the series of GPUs that have at most one label of their own."""
    found: dict[str, dict[smi.Key, float]] = {}
    for family in text_string_to_metric_families(requests.get(url, timeout=10).text):
        for sample in family.samples:
            if not sample.name.startswith("neurox_gpu_") or sample.name.endswith("_info"):
                continue
            own = [v for k, v in sample.labels.items() if k not in ("node", "uuid", "gpu")]
            key = (sample.name.removeprefix("neurox_gpu_"), "".join(own))
            found.setdefault(sample.labels["uuid"], {})[key] = sample.value
    return found


def told_differently(url: str) -> list[str]:
    document = subprocess.run(
        ["nvidia-smi", "-q", "-x"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    ours, theirs = served(url), smi.gpus(document)
    assert ours.keys() == theirs.keys()
    return [
        f"{uuid} {difference}"
        for uuid, gpu in theirs.items()
        for difference in smi.differences(gpu, ours[uuid])
    ]


def test_the_agent_and_nvidia_smi_agree(url: str) -> None:
    deadline = time.monotonic() + SECONDS
    differences = ["not asked yet"]
    while differences and time.monotonic() < deadline:  # a busy GPU changes between two looks
        time.sleep(1)
        differences = told_differently(url)
    assert differences == []
