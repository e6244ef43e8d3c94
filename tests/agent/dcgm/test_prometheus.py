"""What boards, cost tools and autoscalers ask a real Prometheus that scrapes our page."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from agent.catalogue import MEMORY_USED, POWER, UTILIZATION, Series
from agent.dcgm.page import DcgmPage
from agent.dcgm.rates import Rates
from agent.pages import Page
from agent.snapshot import Gpu, Identity, Snapshot, Usage
from tests.agent.dcgm.holders import MIB, given, used
from tests.agent.serving import address, serving
from tests.prometheus import prometheus

pytestmark = pytest.mark.slow

Ask = Callable[..., dict[str, float]]
GRAPHICS: Series = ("neurox_gpu_graphics_active_ratio", ())
TENSOR: Series = ("neurox_gpu_tensor_active_ratio", ())
ENERGY: Series = ("neurox_gpu_energy_joules_total", ())
CLOCK: Series = ("neurox_gpu_clock_hertz", ("sm",))
TEMPERATURE: Series = ("neurox_gpu_temperature_celsius", ("gpu",))


def gpu(index: int, busy: float, mib: int) -> Gpu:
    values = {UTILIZATION: busy, MEMORY_USED: mib * MIB, POWER: 300.0 + index, GRAPHICS: busy / 2}
    values |= {ENERGY: 1000.0, TENSOR: busy / 4, CLOCK: 1.98e9, TEMPERATURE: 50.0 + index}
    return Gpu(Identity(index, uuid=f"GPU-{index}", model="NVIDIA H200"), up=True, values=values)


SNAPSHOT = Snapshot(
    taken_at=0,
    driver="580.95.05",
    gpus=(gpu(0, 0.8, 4096), gpu(1, 0.6, 2048), gpu(2, 0.0, 0)),
    allocations=(given("GPU-0", "train-0"), given("GPU-1", "a"), given("GPU-1", "b")),
    usage=Usage((used("GPU-1", "a", 0.2, 512), used("GPU-1", "b", 0.3, 1024))),
)
"""One GPU of one pod, one of two pods, one free."""


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    dcgm = DcgmPage("gpu-1", ("legacy", "current"), Rates())
    shown: Callable[[], Snapshot] = lambda: replace(SNAPSHOT, taken_at=time.monotonic())  # noqa: E731
    pages = {"/dcgm/metrics": Page(shown, dcgm.text)}
    with serving(pages) as server:
        yield address(server)


@pytest.fixture(scope="module")
def ask(page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks a Prometheus that has scraped the page; the numbers, by GPU or another label."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), _configuration(page)) as running:

        def numbers(query: str, by: str = "gpu") -> dict[str, float]:
            return {key: float(value) for key, value in running.ask(query, by).items()}

        running.until(lambda: numbers("sum(up)") == {"": 2.0})
        yield numbers


def _configuration(page: str) -> dict[str, Any]:
    """``honoured`` as we recommend; ``renamed`` as a Prometheus whose own labels win."""
    target = {"targets": [page]}
    mine = {"targets": [page], "labels": {"pod": "neurox-agent-x", "namespace": "neurox-system"}}
    common = {"metrics_path": "/dcgm/metrics", "scrape_interval": "1s", "scrape_timeout": "1s"}
    return {
        "scrape_configs": [
            {"job_name": "honoured", "honor_labels": True, "static_configs": [target], **common},
            {"job_name": "renamed", "static_configs": [mine], **common},
        ]
    }


HONOURED = '{job="honoured"}'


def test_the_board_of_the_exporter_shows_its_panels(ask: Ask) -> None:
    assert set(ask("DCGM_FI_DEV_GPU_TEMP")) == {"0", "1", "2"}
    chosen = '{job="honoured",instance=~".+",gpu=~"(0|1|2)"}'
    assert ask(f"DCGM_FI_DEV_GPU_TEMP{chosen}") == {"0": 50, "1": 51, "2": 52}
    assert ask(f"avg(DCGM_FI_DEV_GPU_TEMP{chosen})") == {"": 51}
    assert ask(f"sum(DCGM_FI_DEV_POWER_USAGE{chosen})") == {"": 903}
    clocks = ask(f"DCGM_FI_DEV_SM_CLOCK{chosen} * 1000000")
    assert clocks == {"0": 1.98e9, "1": 1.98e9, "2": 1.98e9}
    tensor = ask(f"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{chosen}")
    assert tensor == {"0": 0.2, "1": 0.15, "2": 0}


def test_a_gpu_has_one_line_on_the_board_whoever_shares_it(ask: Ask) -> None:
    for name, shows in (
        ("DCGM_FI_DEV_GPU_UTIL", {"0": 80, "1": 60, "2": 0}),
        ("DCGM_FI_DEV_FB_USED", {"0": 4096, "1": 2048, "2": 0}),
    ):
        assert ask(f"count by (gpu) ({name}{HONOURED})") == {"0": 1, "1": 1, "2": 1}
        assert ask(f"{name}{HONOURED}") == shows


def test_a_cost_tool_finds_what_a_pod_had_alone(ask: Ask) -> None:
    query = (
        'avg(avg_over_time(DCGM_FI_PROF_GR_ENGINE_ACTIVE{job="honoured",container!=""}[1m])) '
        "by (container, pod, namespace)"
    )
    assert ask(query, by="pod") == {"train-0": 0.4}
    query = 'sum by (pod) (DCGM_FI_DEV_FB_USED{job="honoured",pod!=""}) * 1024 * 1024'
    assert ask(query, by="pod") == {"train-0": 4096 * MIB}


def test_an_autoscaler_finds_the_load_of_a_pod_that_has_its_gpu_alone(ask: Ask) -> None:
    query = 'avg(DCGM_FI_DEV_GPU_UTIL{job="honoured",namespace="vision"}) by (pod)'
    assert ask(query, by="pod") == {"train-0": 80}


def test_a_counter_keeps_the_name_that_the_exporter_gave_it(ask: Ask) -> None:
    million = {"0": 1e6, "1": 1e6, "2": 1e6}
    assert ask(f"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{HONOURED}") == million


def test_a_prometheus_whose_own_labels_win_has_the_pod_as_exported(ask: Ask) -> None:
    query = 'DCGM_FI_DEV_POWER_USAGE{job="renamed",exported_namespace="vision"}'
    assert ask(query, by="exported_pod") == {"train-0": 300}


def test_the_names_of_4_9_are_in_base_units(ask: Ask) -> None:
    used = f"sum(DCGM_FI_DEV_FB_USED_BYTES{HONOURED})"
    assert ask(used) == {"": (4096 + 2048) * MIB}
    host = ask(f"DCGM_FI_DEV_GPU_UTIL_RATIO{HONOURED}", by="hostname")
    assert set(host) == {"gpu-1"}
